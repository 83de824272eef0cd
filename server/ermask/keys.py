"""The secret of a circle and everything that is derived from it.

A key is 32 random bytes. Nothing uses them directly: each purpose has a stream of its own,
HKDF-SHA256 with another `info`, and the streams are independent - whoever learns one (a network
that sees the field, a reader of the public id) learns nothing about the others.

    info           used for
    id             the public name of the key
    fingerprint    the digits that two people compare aloud
    field          the planes that the networks are given
    mark           the verification mark; derived by the module that reads and writes the mark
    draw/0, ...    keys of their own: a photo is protected under one of them

tests/vectors/keys.json holds examples of every form.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
import unicodedata
from typing import NoReturn, final

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ermask import bech32m, contract
from ermask.errors import BadKey

SECRET_BYTES = 32
TEXT_PREFIX = "ermask-key-"
TEXT_VERSION = 1
TEXT_LENGTH = 59
"""Characters after `ermask-key-1`: 53 for version byte and secret, 6 of checksum."""

_DOMAIN = b"ermask/v1/"
_FINGERPRINT_SALT = b"ermask/v1/fingerprint"
_FINGERPRINT_ROUNDS = 2048
_FINGERPRINT_GROUPS = 12
_COMPACT_PREFIX = TEXT_PREFIX.replace("-", "") + "1"


@final
class Key:
    """One circle's key: immutable, equal by its secret, never shown by repr, str or pickle."""

    __slots__ = ("_fingerprint", "_id", "_secret")

    _fingerprint: str
    _id: str
    _secret: bytes

    def __init__(self, secret: bytes) -> None:
        """Wrap 32 secret bytes.

        Raises:
            ValueError: not exactly 32 bytes.
        """
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"A key has {SECRET_BYTES} bytes, not {len(secret)}.")
        object.__setattr__(self, "_secret", bytes(secret))
        object.__setattr__(self, "_id", self.derive(b"id", 8).hex())
        object.__setattr__(self, "_fingerprint", "")

    @classmethod
    def generate(cls) -> Key:
        """A new key from the operating system's random source."""
        return cls(secrets.token_bytes(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read the text form.

        White space, line breaks and hyphens are skipped wherever a mail program or a human put
        them; all letters may be capitals.

        Raises:
            BadKey: not a key text, mistyped, cut short, or of a newer version. The message says
                which and never quotes the text.
        """
        try:
            _, payload = bech32m.decode(_canonical(text))
        except bech32m.Bech32mError:
            raise BadKey(
                "The key text has a typing mistake: its checksum does not fit.",
                hint="Copy it again, or compare it with the original character by character.",
            ) from None
        if payload[0] != TEXT_VERSION:
            raise BadKey(
                f"The key text has version {payload[0]}; this ermask reads version {TEXT_VERSION}.",
                hint="It was made by a newer ermask: update this one.",
            )
        return cls(payload[1:])

    def text(self) -> str:
        """The key as Bech32m text, 71 characters: `ermask-key-1...`. This is the secret."""
        return bech32m.encode(TEXT_PREFIX, bytes([TEXT_VERSION]) + self._secret)

    @property
    def id(self) -> str:
        """16 hexadecimal digits that name the key and reveal nothing of it."""
        return self._id

    @property
    def fingerprint(self) -> str:
        """12 groups of 5 digits to compare aloud; public like the id, but with 199 bits.

        PBKDF2-HMAC-SHA512 (2048 rounds) over the `fingerprint` stream; each group is five
        big-endian bytes of the result modulo 100 000. The rounds make it dearer to search for
        a second key with a similar fingerprint.
        """
        if not self._fingerprint:
            object.__setattr__(self, "_fingerprint", _fingerprint(self.derive(b"fingerprint", 32)))
        return self._fingerprint

    def field(self) -> np.ndarray:
        """The key field that the networks are given.

        Returns:
            float32, shape contract.FIELD (planes, rows, columns), each entry -1 or +1. Entry k
            in row-major order is bit k of the `field` stream, bits taken from the most
            significant one of the first byte; 0 is -1 and 1 is +1. One bit off in the secret
            gives an unrelated field.
        """
        count = math.prod(contract.FIELD)
        stream = np.frombuffer(self.derive(b"field", math.ceil(count / 8)), dtype=np.uint8)
        bits = np.unpackbits(stream, count=count, bitorder="big").reshape(contract.FIELD)
        return bits.astype(np.float32) * 2 - 1

    @property
    def draws(self) -> tuple[Key, ...]:
        """The keys that photos of this circle are protected under, contract.DRAWS of them.

        Each is 32 bytes of a stream of its own, so none says anything about another.
        """
        infos = (f"draw/{number}".encode() for number in range(contract.DRAWS))
        return tuple(Key(self.derive(info, SECRET_BYTES)) for info in infos)

    def derive(self, info: bytes, length: int) -> bytes:
        """A stream of bytes for one purpose: HKDF-SHA256 without salt.

        Args:
            info: the purpose; another purpose gives an independent stream.
            length: 1 to 8160 bytes.

        Raises:
            ValueError: the length is out of range.
        """
        if not 1 <= length <= 255 * 32:
            raise ValueError("HKDF-SHA256 gives 1 to 8160 bytes.")
        hkdf = HKDF(algorithm=SHA256(), length=length, salt=None, info=_DOMAIN + info)
        return hkdf.derive(self._secret)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        return hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(self._id)

    def __repr__(self) -> str:
        return f"<Key {self._id}>"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("A key cannot be changed.")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("A key cannot be changed.")

    def __reduce__(self) -> NoReturn:
        raise TypeError("A key cannot be pickled or copied: use text() where it has to travel.")


def looks_like_key(text: str) -> bool:
    """Whether somebody gave a key, whole or not, where something else was wanted.

    Such a text is refused and not quoted in messages.
    """
    return _compact(text).startswith(_COMPACT_PREFIX)


def _fingerprint(stream: bytes) -> str:
    digest = hashlib.pbkdf2_hmac("sha512", stream, _FINGERPRINT_SALT, _FINGERPRINT_ROUNDS)
    starts = range(0, 5 * _FINGERPRINT_GROUPS, 5)
    groups = (int.from_bytes(digest[start : start + 5], "big") % 100_000 for start in starts)
    return " ".join(f"{group:05d}" for group in groups)


def _canonical(text: str) -> str:
    """Undo what pasting does to a key text; the result has the right start and length."""
    if text not in (text.lower(), text.upper()):
        raise BadKey(
            "The key text mixes capital and small letters, so part of it was changed.",
            hint="Copy it again from where it was made.",
        )
    compact = _compact(text)
    if re.fullmatch(r"[0-9]{60}", compact):
        raise BadKey(
            "This is a fingerprint, not a key.",
            hint="Fingerprints are for comparing; they cannot open photos.",
        )
    if not compact.startswith(_COMPACT_PREFIX):
        raise BadKey(
            f"This is not an ermask key: a key starts with {TEXT_PREFIX}1.",
            hint="A key file is opened with `ermask keys import`.",
        )
    rest = compact.removeprefix(_COMPACT_PREFIX)
    if len(rest) != TEXT_LENGTH:
        problem = "too short: part of it is missing" if len(rest) < TEXT_LENGTH else "too long"
        raise BadKey(
            f"The key text is {problem} ({len(rest)} characters after {TEXT_PREFIX}1, "
            f"there must be {TEXT_LENGTH}).",
            hint="Copy the whole text again, and nothing else.",
        )
    for position, character in enumerate(rest, start=1):
        if character not in bech32m.ALPHABET:
            raise BadKey(
                f"The key text has a typing mistake: character {position} after {TEXT_PREFIX}1 "
                "does not occur in keys.",
                hint="Keys use digits and letters, but never 1, b, i and o after the start.",
            )
    return f"{TEXT_PREFIX}1{rest}"


def _compact(text: str) -> str:
    # Cc: line breaks and tabs; Cf: soft hyphens, byte order marks; Pd: dashes; Z*: spaces.
    skipped = ("Cc", "Cf", "Pd", "Zs", "Zl", "Zp")
    return "".join(c for c in text.lower() if unicodedata.category(c) not in skipped)
