"""A user's machine seen from outside: the two programs, and a client made from docs/protocol.md.

The client takes nothing from the package, so that it notices when code and document disagree.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import io
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from PIL import Image

from ermask.sessions import PACKAGE_MODELS

SECONDS = 180
"""For one command or answer; generous, since the machine may be busy."""

Array = np.ndarray[Any, Any]


# --- the programs ----------------------------------------------------------------------------


@dataclass
class Home:
    """Two programs and their folder."""

    env: dict[str, str]
    folder: Path

    def command(self, program: str, *args: object) -> list[str]:
        module = {"ermask": "cli", "ermask-daemon": "daemon_cli"}[program]
        code = f"import sys; sys.argv[0] = {program!r}; from ermask.{module} import main; main()"
        return [sys.executable, "-c", code, *map(str, args)]

    def run(
        self, program: str, *args: object, data: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self.command(program, *args),
            input=data,
            capture_output=True,
            env=self.env,
            cwd=self.folder,
            timeout=SECONDS,
            check=False,
        )

    def ok(self, program: str, *args: object, data: bytes = b"") -> bytes:
        """stdout of a command that must succeed."""
        done = self.run(program, *args, data=data)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def start(self) -> int:
        """Start the daemon; its port."""
        shown = self.ok("ermask-daemon", "start").decode()
        found = re.search(r"answers on port (\d+)", shown)
        assert found, shown
        return int(found[1])

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.run("ermask-daemon", "status", "--json").stdout)
        return answer

    def pair(self, port: int, label: str, origin: str | None = None) -> Client:
        """A new client, paired by the code that `ermask-daemon pair` shows."""
        client = Client(port, origin)
        with subprocess.Popen(
            self.command("ermask-daemon", "pair"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
            cwd=self.folder,
        ) as pairing:
            assert pairing.stdout
            code = pairing.stdout.readline().decode().removeprefix("Code: ").strip()
            client.pair(code, label)
            shown, errors = pairing.communicate(timeout=SECONDS)
        assert pairing.returncode == 0, errors
        assert client.id in shown.decode()
        return client


@pytest.fixture(scope="session")
def new_home(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_networks: dict[str, bytes],
    write_models: Callable[[Path, dict[str, bytes]], None],
) -> Iterator[Callable[[], Home]]:
    """Makes a machine without keys; with the trained networks if there are any, else tiny ones."""
    homes: list[Home] = []

    def make() -> Home:
        root = tmp_path_factory.mktemp("machine")
        folder = root / "work"
        folder.mkdir()
        env = {name: value for name, value in os.environ.items() if "ERMASK" not in name}
        env |= {
            "ERMASK_HOME": str(root / "home"),
            "ERMASK_PORT": "0",
            "ERMASK_DEVICE": "cpu",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }
        if not has_trained_models():
            env["ERMASK_MODELS_DIR"] = str(root / "models")
            write_models(root / "models", tiny_networks)
        homes.append(Home(env, folder))
        return homes[-1]

    yield make
    for home in homes:
        home.run("ermask-daemon", "stop", "--force")


def has_trained_models() -> bool:
    return (PACKAGE_MODELS / "models.json").exists()


@pytest.fixture(scope="session")
def trained() -> bool:
    """Whether the published networks are there, and not only tiny ones."""
    return has_trained_models()


# --- the client ------------------------------------------------------------------------------


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def result(self) -> Any:
        """The report that comes with a photo."""
        return json.loads(self.headers["x-ermask-result"])

    @property
    def photo(self) -> Array:
        """The body as pixels, uint8 (H, W, 3)."""
        assert self.status == 200, self.body
        return np.asarray(Image.open(io.BytesIO(self.body)).convert("RGB"))


class NotTheDaemon(Exception):
    """Whoever answers on this port cannot prove to be the daemon that was paired."""


@dataclass
class Client:
    """A program that keeps to docs/protocol.md."""

    port: int
    origin: str | None = None
    id: str = ""
    token: bytes = field(default=b"", repr=False)
    not_the_daemon: ClassVar = NotTheDaemon

    def pair(self, code: str, label: str) -> None:
        """Section Pairing. Raises NotTheDaemon when the proof does not fit."""
        nonce = secrets.token_bytes(32)
        begun = self.post("/v1/pair/begin", {"nonce": to_text(nonce)})
        assert begun.status == 200, begun.body
        daemon_nonce = to_bytes(begun.json["nonce"])
        assert len(daemon_nonce) == 32

        typed = code.upper().replace("-", "").replace(" ", "")
        typed = typed.replace("O", "0").replace("I", "1").replace("L", "1")
        root = hashlib.pbkdf2_hmac("sha256", typed.encode(), nonce + daemon_nonce, 600_000, 32)
        client_key, daemon_key, token_key = (
            expand(root, b"ermask pair v1 " + part) for part in (b"client", b"daemon", b"token")
        )
        origin, name = (self.origin or "").encode(), label.encode()
        transcript = (
            b"ermask pair v1\x00" + nonce + daemon_nonce + u16(self.port)
            + u16(len(origin)) + origin + u16(len(name)) + name
        )  # fmt: skip
        proof = hmac.digest(client_key, transcript, "sha256")
        done = self.post(
            "/v1/pair/finish",
            {"nonce": to_text(daemon_nonce), "label": label, "proof": to_text(proof)},
        )
        if done.status != 200:
            raise PermissionError(done.json["code"])
        expected = hmac.digest(daemon_key, transcript, "sha256")
        if not hmac.compare_digest(to_bytes(done.json["proof"]), expected):
            raise NotTheDaemon("pairing")
        self.id = done.json["client"]
        self.token = AESGCM(token_key).decrypt(
            to_bytes(done.json["iv"]), to_bytes(done.json["token"]), transcript + self.id.encode()
        )
        assert len(self.token) == 32

    def hello(self) -> None:
        """Section Hello. Raises NotTheDaemon when the proof does not fit."""
        nonce = secrets.token_bytes(32)
        sent = {"client": self.id, "nonce": to_text(nonce)}
        answer = self.post("/v1/hello", sent, token=False)
        assert answer.status == 200, answer.body
        said = b"ermask hello v1\x00" + nonce + to_bytes(answer.json["nonce"]) + u16(self.port)
        expected = hmac.digest(expand(self.token, b"ermask hello v1"), said, "sha256")
        if not hmac.compare_digest(to_bytes(answer.json["proof"]), expected):
            raise NotTheDaemon("hello")

    def post(
        self,
        path: str,
        body: bytes | dict[str, str] | Iterator[bytes] = b"",
        headers: dict[str, str] | None = None,
        *,
        token: bool = True,
    ) -> Answer:
        """One request; `token`: send ours, if there is one."""
        sent = {"X-ErMask": "1", **(headers or {})}
        if self.origin is not None:
            sent["Origin"] = self.origin
        if token and self.token:
            sent["Authorization"] = f"Bearer {to_text(self.token)}"
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request("POST", path, data, sent)
            response = connection.getresponse()
            lower = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, lower, response.read())
        finally:
            connection.close()

    def protect(self, photo: bytes, circle: str, **headers: str) -> Answer:
        return self.post("/v1/protect", photo, {"X-ErMask-Circle": circle, **headers})


def expand(secret: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=info).derive(secret)


def u16(number: int) -> bytes:
    return number.to_bytes(2, "big")


def to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def to_bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# --- photos ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def save() -> Callable[..., bytes]:
    """Pixels -> a file of Pillow's type `kind`: `save(rgb, "JPEG", quality=75)`."""

    def save_file(rgb: Array, kind: str, **options: Any) -> bytes:
        file = io.BytesIO()
        Image.fromarray(rgb).save(file, kind, **options)
        return file.getvalue()

    return save_file


@pytest.fixture(scope="session")
def portrait(astronaut: Array) -> Array:
    """Head and shoulders, uint8 (300, 300, 3): as little as will do."""
    return np.ascontiguousarray(astronaut[10:310, 80:380])


@pytest.fixture(scope="session")
def portrait_jpeg(portrait: Array, save: Callable[..., bytes]) -> bytes:
    return save(portrait, "JPEG", quality=92)
