"""Both programs as a user runs them, in a home folder of their own; key stores and a keychain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keyring
import numpy as np
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked
from tests.server.engine_parts import as_photo

from ermask import lifecycle
from ermask.codec import Photo
from ermask.detect import CenterFace
from ermask.engine import Engine
from ermask.errors import ErmaskError
from ermask.keystore import KeyStore
from ermask.private_files import prepare_folders
from ermask.sealed import Cost, Kdf
from ermask.sessions import Models
from ermask.settings import Settings, load_settings

STAND_IN = Path(__file__).parent / "stand_in.py"
SECONDS = 300
"""A backstop for a program that hangs; generous, because test machines are busy."""


def _default_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class Machine:
    """A user's machine: environment, working folder, and the two programs."""

    env: dict[str, str]
    folder: Path
    circle_id: str = ""

    @property
    def settings(self) -> Settings:
        return load_settings({name: value for name, value in self.env.items() if "ERMASK" in name})

    def command(self, program: str, *args: object, stand_in: bool = False) -> list[str]:
        """The command line of `program`; with stand_in, on the engine of stand_in.py."""
        module = {"ermask": "cli", "ermask-daemon": "daemon_cli"}[program]
        code = f"import sys; sys.argv[0] = {program!r}; from ermask.{module} import main; main()"
        begin = [str(STAND_IN), module, program] if stand_in else ["-c", code]
        return [sys.executable, *begin, *map(str, args)]

    def run(
        self, program: str, *args: object, data: bytes = b"", stand_in: bool = False
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self.command(program, *args, stand_in=stand_in),
            input=data,
            capture_output=True,
            env=self.env,
            cwd=self.folder,
            timeout=SECONDS,
            check=False,
        )

    def ermask(self, *args: object, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return self.run("ermask", *args, data=data, stand_in=True)

    def daemon(self, *args: object) -> subprocess.CompletedProcess[bytes]:
        return self.run("ermask-daemon", *args)

    def start(self, program: str, *args: object, stand_in: bool = False) -> subprocess.Popen[bytes]:
        """Start a program and do not wait for it."""
        return subprocess.Popen(
            self.command(program, *args, stand_in=stand_in),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
            cwd=self.folder,
            # Tests that run in a shell's background inherit a SIGINT that is ignored.
            preexec_fn=_default_sigint if os.name == "posix" else None,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine without keychain, models or daemon; a daemon that was started is ended."""
    folder = tmp_path / "work"
    folder.mkdir()
    inherited = {name: value for name, value in os.environ.items() if "ERMASK" not in name}
    machine = Machine(
        env={
            **inherited,
            "ERMASK_HOME": str(tmp_path / "home"),
            "ERMASK_PORT": "0",
            "ERMASK_DEVICE": "cpu",
            "ERMASK_THREADS": "1",
            # never the model packs of whoever runs the tests
            "ERMASK_INSIGHTFACE_DIR": str(tmp_path / "packs"),
            # never the keychain of whoever runs the tests
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        },
        folder=folder,
    )
    yield machine
    with suppress(ErmaskError):
        lifecycle.stop(machine.settings, force=True)


@pytest.fixture
def family(machine: Machine) -> Machine:
    """A machine with one circle, Family."""
    prepare_folders(machine.settings)
    store = KeyStore(machine.settings.data_dir, machine.settings.state_dir, vault="file")
    machine.circle_id = store.new("Family").id
    return machine


@pytest.fixture
def with_models(machine: Machine, tiny_models: Path) -> Machine:
    """A machine on which the daemon can start."""
    machine.env["ERMASK_MODELS_DIR"] = str(tiny_models)
    return machine


# --- the key store -------------------------------------------------------------------------------


class MemoryKeychain(KeyringBackend):
    """A keychain with a lock, in memory."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check(password)
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        del self.entries[service, username]

    def _check(self, *details: str) -> None:
        if self.locked:
            raise KeyringLocked("locked", *details)


@pytest.fixture
def keychain() -> Iterator[MemoryKeychain]:
    """The keychain of this process, empty and unlocked."""
    before, chain = keyring.get_keyring(), MemoryKeychain()
    keyring.set_keyring(chain)
    yield chain
    keyring.set_keyring(before)


@pytest.fixture
def open_store(tmp_path: Path) -> Callable[..., KeyStore]:
    """Opens the one key store of the test anew, as another process would."""

    def open_it(**options: Any) -> KeyStore:
        options = {"cost": Cost(memory_kib=8, rounds=1, lanes=1), **options}
        return KeyStore(tmp_path / "data", tmp_path / "state", **options)

    return open_it


@pytest.fixture(params=["file", "keychain"])
def any_store(
    request: pytest.FixtureRequest, keychain: MemoryKeychain, open_store: Callable[..., KeyStore]
) -> Callable[..., KeyStore]:
    """Like `open_store`, once with each kind of vault."""
    return lambda **options: open_store(vault=request.param, **options)


@pytest.fixture
def sealed_store(open_store: Callable[..., KeyStore]) -> KeyStore:
    """A store with a sealed file and the circles Family and Work."""
    made = open_store(vault="file")
    made.new("Family")
    made.new("Work")
    return made


@pytest.fixture
def store_folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys"


# --- faces ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def detector() -> Iterator[CenterFace]:
    """The real detector, on one thread."""
    models = Models(device="cpu", threads=1)
    yield CenterFace(models.load_detector)
    models.close()


@pytest.fixture
def argon2_runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every passphrase that Argon2id was run on, in order."""
    runs: list[str] = []
    derive = Kdf.key

    def counted(self: Kdf, passphrase: str) -> bytes:
        runs.append(passphrase)
        return derive(self, passphrase)

    monkeypatch.setattr(Kdf, "key", counted)
    return runs


@pytest.fixture
def engine(tiny_models: Path, detector: CenterFace) -> Engine:
    """The real detector, and networks that load in milliseconds."""
    return Engine(Models(tiny_models, device="cpu", threads=1), detector)


@pytest.fixture
def photo(astronaut: np.ndarray[Any, Any]) -> Photo:
    """A portrait."""
    return as_photo(astronaut)
