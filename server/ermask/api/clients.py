"""Paired clients: who may use the daemon, and proof of it that is useless to a thief of the file.

A token is 32 random bytes that only the client keeps. The file holds two things derived from it:
`hello_key` = HKDF-SHA256(token, "ermask hello v1"), with which the daemon proves itself, and
`bearer_hash` = SHA-256(token), to recognise it. Neither lets anybody act as the client.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import threading
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ermask.errors import BadSettings, NotFound, StorageFailed
from ermask.private_files import check_private, write_private

log = logging.getLogger(__name__)

HELLO_INFO = b"ermask hello v1"


@dataclass(frozen=True, kw_only=True)
class Client:
    """One paired program. `origin` is None for one that sends no Origin header (a CLI)."""

    id: str
    label: str
    origin: str | None
    created: str
    """UTC, ISO 8601, seconds."""
    last_used: str
    """UTC, to the day: enough to find forgotten clients, too little to tell habits."""
    hello_key: str
    bearer_hash: str
    """Both 32 bytes in hex."""

    def __repr__(self) -> str:
        return f"Client({self.id})"

    @property
    def used_today(self) -> bool:
        return self.last_used == _today()

    def public(self) -> dict[str, str | None]:
        """What may be shown: everything but the two derived keys."""
        return {
            "id": self.id,
            "label": self.label,
            "origin": self.origin,
            "created": self.created,
            "last_used": self.last_used,
        }


class Clients:
    """All paired clients, in memory and in one file. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Read `path`; a missing file means no clients.

        Raises:
            UnsafePermissions: others can read the file.
            BadSettings: it is not what `Clients` writes.
        """
        self._path = path
        self._lock = threading.Lock()
        self._decoy = secrets.token_bytes(32)
        self._clients = _read(path)

    def all(self) -> list[Client]:
        """Oldest first."""
        return sorted(self._clients.values(), key=lambda client: client.created)

    def add(self, label: str, origin: str | None) -> tuple[Client, bytes]:
        """A new client and its token, which is kept nowhere. Writes the file.

        Raises:
            StorageFailed: the file cannot be written; then there is no new client.
        """
        token = secrets.token_bytes(32)
        client = Client(
            id=secrets.token_hex(8),
            label=label,
            origin=origin,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            last_used=_today(),
            hello_key=derive_hello_key(token).hex(),
            bearer_hash=hashlib.sha256(token).hexdigest(),
        )
        with self._lock:
            self._store({**self._clients, client.id: client})
        return client, token

    def revoke(self, client_id: str) -> Client:
        """Forget a client; its token is worthless from now on. Writes the file.

        Raises:
            NotFound: no such client.
            StorageFailed: the file cannot be written; then the token still works.
        """
        with self._lock:
            left = dict(self._clients)
            if (client := left.pop(client_id, None)) is None:
                raise NotFound(
                    "There is no paired client of that id.",
                    hint="`ermask-daemon clients list` shows them.",
                )
            self._store(left)
        return client

    def match(self, token: bytes) -> Client | None:
        """Whose token this is. Takes the same time whoever it is, and when it is nobody."""
        digest = hashlib.sha256(token).hexdigest()
        found = None
        for client in self._clients.values():
            if hmac.compare_digest(client.bearer_hash, digest):
                found = client
        return found

    def hello_key(self, client_id: str, origin: str | None) -> bytes:
        """The key to prove oneself with to a client (32 bytes).

        For an unknown id, or the wrong origin, a random key of this process: the answer looks
        the same, so it does not tell whether the id exists.
        """
        client = self._clients.get(client_id)
        if client is None or client.origin != origin:
            return self._decoy
        return bytes.fromhex(client.hello_key)

    def touch(self, client: Client) -> None:
        """Note that `client` was used today. Writes the file once a day; never fails."""
        with self._lock:
            if self._clients.get(client.id) != client or client.used_today:
                return
            try:
                self._store({**self._clients, client.id: replace(client, last_used=_today())})
            except StorageFailed as error:
                log.warning("%s", error.message)

    def _store(self, clients: dict[str, Client]) -> None:
        entries = [asdict(client) for client in clients.values()]
        try:
            write_private(self._path, json.dumps({"version": 1, "clients": entries}).encode())
        except OSError as error:
            raise StorageFailed(f"{self._path} cannot be written: {error.strerror}.") from error
        self._clients = clients


def derive_hello_key(token: bytes) -> bytes:
    """The key with which the daemon proves itself to the holder of `token`; both 32 bytes."""
    return HKDF(SHA256(), 32, salt=None, info=HELLO_INFO).derive(token)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _read(path: Path) -> dict[str, Client]:
    try:
        check_private(path, path.stat())
        content = json.loads(path.read_bytes())
        if content["version"] != 1:
            raise ValueError("unknown version")
        clients = [Client(**entry) for entry in content["clients"]]
    except FileNotFoundError:
        return {}
    except (KeyError, TypeError, ValueError) as error:
        raise BadSettings(
            f"{path} is damaged.", hint="Delete it and pair your browsers again."
        ) from error
    return {client.id: client for client in clients}
