"""Keys that the seed decides, so that two models are measured under the same ones."""

from __future__ import annotations

import hashlib
import zlib

from ermask.circles import Circle
from ermask.keys import Key

SEED = 20_241_222
RING = 20
"""Keys on the machine that has to find the right one."""

Keyed = tuple[Circle, Key]


def secret(seed: int, *names: str) -> bytes:
    """32 bytes for a purpose; for measuring only, since whoever has the seed has them."""
    return hashlib.sha256("/".join(["ermask bench", str(seed), *names]).encode()).digest()


def with_circle(key: Key, label: str = "bench") -> Keyed:
    """The key in a circle that is in no key store."""
    return Circle(id=key.id, label=label, created="", fingerprint=""), key


def keyed(seed: int, *names: str) -> Keyed:
    """The key for a purpose."""
    return with_circle(Key(secret(seed, *names)), "/".join(names))


def ring_names(purpose: str = "ring") -> list[tuple[str, str]]:
    """What the keys of a ring are drawn for."""
    return [(purpose, str(number)) for number in range(RING)]


def owner(person: str) -> tuple[str, str]:
    """Which key of the ring protects a person; it depends on nothing but the name."""
    return ring_names()[zlib.crc32(person.encode()) % RING]


def one_bit_off(seed: int, *names: str) -> Keyed:
    """The key for a purpose with its first bit changed."""
    right = secret(seed, *names)
    return with_circle(Key(bytes([right[0] ^ 128]) + right[1:]), "one bit off")
