"""Sealed files: a readable header and an encrypted body, for key files and the key store.

Two lines of ASCII. The first is the header, canonical JSON; the second is the body, Base64 of
AES-256-GCM-SIV over the content with the whole first line as associated data: no entry of the
header can be changed without the body refusing to open. The encryption key is Argon2id of a
passphrase (`kdf` in the header), or 32 random bytes that are kept elsewhere.

The errors here are neutral; keyfile.py and sealed_vault.py say what they mean for their file.
"""

from __future__ import annotations

import base64
import json
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from ermask.errors import BadKey

KEY_BYTES = 32
CIPHER = "aes-256-gcm-siv"
MAX_FILE_BYTES = 4 * 2**20

_NONCE_BYTES = 12
_TAG_BYTES = 16
_SALT_BYTES = 16


class SealError(Exception):
    """Root of the reasons why a sealed file does not open. Never shown to a person as it is."""


class NotSealed(SealError):
    """No sealed file of the wanted format, or its header asks for something absurd."""


class NewerVersion(SealError):
    """A sealed file of the wanted format, in a version this program does not know."""


class WrongSecret(SealError):
    """The passphrase or key is wrong, or the file was changed. Which of them cannot be told."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one attempt at a passphrase costs: Argon2id's parameters."""

    memory_kib: int = 65_536
    rounds: int = 3
    lanes: int = 4

    def check(self) -> None:
        """Refuse parameters that would let a file stall or exhaust the reader.

        Raises:
            NotSealed: more than 1 GiB, 10 rounds or 16 lanes, or less than Argon2 allows.
        """
        numbers = (self.memory_kib, self.rounds, self.lanes)
        if not all(type(number) is int for number in numbers) or not (
            1 <= self.lanes <= 16
            and 1 <= self.rounds <= 10
            and 8 * self.lanes <= self.memory_kib <= 2**20
        ):
            raise NotSealed("Argon2id parameters out of range")


@dataclass(frozen=True, kw_only=True)
class Kdf:
    """How a passphrase becomes the encryption key; public, stored in the header."""

    salt: bytes
    cost: Cost

    @classmethod
    def fresh(cls, cost: Cost) -> Kdf:
        """The given cost with a new random salt."""
        return cls(salt=secrets.token_bytes(_SALT_BYTES), cost=cost)

    def to_header(self) -> dict[str, object]:
        return {"name": "argon2id", **vars(self.cost), "salt": self.salt.hex()}

    @classmethod
    def from_header(cls, entry: object) -> Kdf:
        """Read the header's `kdf` entry.

        Raises:
            NotSealed: not Argon2id, unknown or missing entries, parameters out of range.
        """
        if not isinstance(entry, dict) or entry.get("name") != "argon2id":
            raise NotSealed("no Argon2id parameters")
        numbers = {name: value for name, value in entry.items() if name not in ("name", "salt")}
        try:
            salt = bytes.fromhex(entry["salt"])
            cost = Cost(**numbers)
        except (KeyError, TypeError, ValueError):
            raise NotSealed("unreadable Argon2id parameters") from None
        cost.check()
        if len(salt) != _SALT_BYTES:
            raise NotSealed("salt of another length")
        return cls(salt=salt, cost=cost)

    def key(self, passphrase: str) -> bytes:
        """The encryption key, 32 bytes; takes most of a second at the default cost.

        Raises:
            BadKey: the passphrase is empty or not valid Unicode.
        """
        return Argon2id(
            salt=self.salt,
            length=KEY_BYTES,
            iterations=self.cost.rounds,
            lanes=self.cost.lanes,
            memory_cost=self.cost.memory_kib,
        ).derive(_passphrase_bytes(passphrase))


@dataclass(frozen=True)
class SealedFile:
    """A sealed file as read; nothing in it is trustworthy until `open` succeeds."""

    header: Mapping[str, object]
    _line: bytes
    _nonce: bytes
    _body: bytes

    @classmethod
    def read(cls, data: bytes, *, file_format: str, version: int) -> SealedFile:
        """Take a file apart without opening it.

        Raises:
            NotSealed: too large, not this format, not canonical, or cut short.
            NewerVersion: `file_format` in a version above `version`.
        """
        lines = data.strip().splitlines() if len(data) <= MAX_FILE_BYTES else []
        try:
            line, text = (each.strip() for each in lines)
            header = json.loads(line)
            if header["format"] != file_format or type(header["version"]) is not int:
                raise NotSealed("another format")
            if header["version"] > version:
                raise NewerVersion(f"version {header['version']}")
            nonce = bytes.fromhex(header["nonce"])
            body = base64.b64decode(text, validate=True)
            if (
                line != _canonical(header)
                or header["version"] != version
                or header["cipher"] != CIPHER
                or len(nonce) != _NONCE_BYTES
                or len(body) < _TAG_BYTES
            ):
                raise NotSealed("not a file that seal() wrote")
        except (KeyError, TypeError, ValueError, RecursionError):
            raise NotSealed("not two lines of header and body") from None
        return cls(header, line, nonce, body)

    def open(self, key: bytes) -> bytes:
        """Decrypt and check the body.

        Raises:
            WrongSecret: the key is wrong, or header or body were changed.
        """
        try:
            return AESGCMSIV(key).decrypt(self._nonce, self._body, self._line)
        except InvalidTag:
            raise WrongSecret from None


def seal(header: Mapping[str, object], key: bytes, content: bytes) -> bytes:
    """Write a sealed file.

    Args:
        header: at least `format` and `version`; nothing secret. `cipher` and `nonce` are added.
        key: 32 bytes.
        content: what to hide; its length stays visible.
    """
    nonce = secrets.token_bytes(_NONCE_BYTES)
    line = _canonical({**header, "cipher": CIPHER, "nonce": nonce.hex()})
    body = AESGCMSIV(key).encrypt(nonce, content, line)
    return line + b"\n" + base64.b64encode(body) + b"\n"


def _canonical(header: Mapping[str, object]) -> bytes:
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def _passphrase_bytes(passphrase: str) -> bytes:
    # NFC: the same letter typed on another system may arrive as other code points.
    try:
        found = unicodedata.normalize("NFC", passphrase).encode()
    except UnicodeEncodeError:
        raise BadKey("The passphrase has characters that are not valid Unicode.") from None
    if not found:
        raise BadKey("The passphrase is empty.", hint="Use a few words that nobody can guess.")
    return found
