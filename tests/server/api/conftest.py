"""A daemon on a real socket, with an engine that does next to nothing."""

from __future__ import annotations

import asyncio
import io
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from PIL import Image

from ermask import codec
from ermask.api.app import create_app
from ermask.api.body import encode_base64url
from ermask.api.clients import Client, Clients
from ermask.api.runner import create_runner
from ermask.api.state import DAEMON, Daemon
from ermask.errors import NoFaceFound, WrongKey
from ermask.keystore import KeyStore
from ermask.settings import Settings

ORIGIN = "chrome-extension://abcdefghijklmnopabcdefghijklmnop"

CONTROL = encode_base64url(bytes(range(32)))


class FakeEngine:
    """Protects by adding 40 to all pixels, restores by taking 40 away.

    A black photo has no face. `gate` holds the work up until it is set; `calls` counts it.
    """

    def __init__(self) -> None:
        self.providers = {"protector": "CPUExecutionProvider", "eraser": "CPUExecutionProvider"}
        self.gate = threading.Event()
        self.gate.set()
        self.calls: list[str] = []
        self.failure: Exception | None = None
        self.burn: Callable[[], None] = lambda: None

    def protect(self, photo: Any, circle: Any, key: Any, strength: str = "mid") -> Any:
        self._work(f"protect {strength}")
        if not photo.rgb.any():
            raise NoFaceFound("There is no face in the photo.")
        return self._result(photo.with_rgb(photo.rgb + 40), [circle], "protector")

    def restore(self, photo: Any, keys: Any, *, force: bool = False) -> Any:
        self._work(f"restore {'force' if force else ''}".strip())
        fitting = [circle for circle, _ in keys if circle.label == "Family" or force]
        if not fitting:
            raise WrongKey("No key fits this photo.")
        return self._result(photo.with_rgb(photo.rgb - 40), fitting, "eraser")

    def inspect(self, photo: Any, keys: Any) -> Any:
        self._work("inspect")
        return self._result(photo, [circle for circle, _ in keys], "eraser")

    def _work(self, name: str) -> None:
        assert threading.current_thread().name.startswith("ermask-inference")
        self.calls.append(name)
        assert self.gate.wait(20)
        self.burn()
        if self.failure is not None:
            raise self.failure

    def _result(self, photo: Any, circles: list[Any], stage: str) -> Any:
        # what ermask.results.Result, FaceReport and Match hold; asdict() needs real dataclasses
        face = SimpleNamespace(
            box=(1.0, 2.0, 30.0, 40.0), score=0.98765, width=29.0, changed=True, reason=None
        )
        matches = [_Match(circle.id, circle.label, 0.5, True) for circle in circles]
        return SimpleNamespace(
            photo=photo,
            faces=[face],
            matches=matches,
            ms={stage: 1.5},
            encoded=lambda: codec.encode(photo),
        )


@dataclass(frozen=True)
class _Match:
    circle_id: str
    label: str
    score: float
    fits: bool


class PlainDecoder:
    """Decodes in this process."""

    def decode(self, data: bytes) -> codec.Photo:
        return codec.decode(data)


@dataclass
class Served:
    """One running daemon and a client paired with it."""

    app: web.Application
    port: int
    engine: FakeEngine
    session: aiohttp.ClientSession
    client: Client
    token: bytes
    keystore: KeyStore

    @property
    def daemon(self) -> Daemon:
        return self.app[DAEMON]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """What the paired extension sends with every request."""
        bearer = f"Bearer {encode_base64url(self.token)}"
        return {"X-ErMask": "1", "Origin": ORIGIN, "Authorization": bearer}

    @property
    def control_headers(self) -> dict[str, str]:
        return {"X-ErMask": "1", "Authorization": f"Bearer {CONTROL}"}

    def post(
        self, path: str, data: Any = None, *, headers: dict[str, str] | None = None, **extra: str
    ) -> Any:
        """POST as the paired client, or with `headers` instead; `extra`: `X_ErMask_Circle=...`."""
        sent = dict(self.headers if headers is None else headers)
        sent |= {name.replace("_", "-"): value for name, value in extra.items()}
        if isinstance(data, (dict, list)):
            return self.session.post(self.base + path, json=data, headers=sent)
        return self.session.post(self.base + path, data=data, headers=sent)

    async def raw(self, request: bytes) -> bytes:
        """Send bytes as they are, read until the daemon closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            await writer.drain()
            async with asyncio.timeout(10):
                return await reader.read()
        finally:
            writer.close()


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        config_dir=tmp_path / "config", data_dir=tmp_path / "data", state_dir=tmp_path / "state"
    )


@pytest.fixture
def serve(settings: Settings, tmp_path: Path) -> Serve:
    """`async with serve(queue=16) as served`: a daemon with one circle, Family.

    Other arguments: idle_seconds, control_token, decoder, and every entry of Settings.
    """

    @asynccontextmanager
    async def start(
        *,
        idle_seconds: float = 15.0,
        control_token: str | None = CONTROL,
        decoder: Any = None,
        **changes: Any,
    ) -> AsyncIterator[Served]:
        for folder in (settings.data_dir, settings.state_dir):
            folder.mkdir(mode=0o700, exist_ok=True)
        keystore = KeyStore(settings.data_dir, settings.state_dir, vault="file")
        keystore.new("Family")
        clients = Clients(settings.state_dir / "clients.json")
        client, token = clients.add("Test browser", ORIGIN)
        engine = FakeEngine()
        app = create_app(
            replace(settings, **changes),
            engine,  # type: ignore[arg-type]
            keystore,
            clients,
            decoder or PlainDecoder(),  # type: ignore[arg-type]  # a fake: needs no process
            control_token=control_token,
        )
        runner = create_runner(app, idle_seconds=idle_seconds)
        await runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        try:
            await web.SockSite(runner, listener).start()
            async with aiohttp.ClientSession(auto_decompress=False) as session:
                yield Served(app, port, engine, session, client, token, keystore)
        finally:
            engine.gate.set()
            await runner.cleanup()

    return start


@pytest.fixture
async def served(serve: Serve) -> AsyncIterator[Served]:
    async with serve() as running:
        yield running


@pytest.fixture(scope="session")
def make_photo() -> Callable[..., bytes]:
    """`make_photo(level=100, side=32)`: a grey-blue PNG of that brightness; 0 is black."""

    def make(level: int = 100, side: int = 32) -> bytes:
        pixels = np.full((side, side, 3), level, np.uint8)
        pixels[..., 2] //= 2
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        return file.getvalue()

    return make
