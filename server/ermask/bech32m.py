"""Bech32m (BIP-350): bytes as text that survives retyping, with a checksum over every character.

A text is a human-readable part in plain sight, the separator `1`, the payload at five bits per
character and six characters of checksum. Up to four wrong characters are always noticed in texts
of at most 90 characters. The alphabet leaves out `1`, `b`, `i` and `o`, which are easily misread.
"""

from __future__ import annotations

from collections.abc import Iterable

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
CHECKSUM_LENGTH = 6
MAX_LENGTH = 90

_CONSTANT = 0x2BC830A3
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


class Bech32mError(ValueError):
    """The text is no Bech32m; the message says why and never quotes the text."""


def encode(prefix: str, payload: bytes) -> str:
    """Write bytes as text, in lower case.

    Args:
        prefix: the human-readable part, 1 or more lower-case characters of ASCII 33 to 126.
        payload: any number of bytes that keeps the text within MAX_LENGTH characters.

    Raises:
        ValueError: the prefix is not as above, or the text would be too long.
    """
    if not _is_prefix(prefix) or prefix != prefix.lower():
        raise ValueError("The human-readable part must be lower-case printable ASCII.")
    symbols = _to_symbols(payload)
    state = _polymod([*_expand(prefix), *symbols, *[0] * CHECKSUM_LENGTH]) ^ _CONSTANT
    checksum = [(state >> 5 * (CHECKSUM_LENGTH - 1 - i)) & 31 for i in range(CHECKSUM_LENGTH)]
    text = f"{prefix}1" + "".join(ALPHABET[symbol] for symbol in [*symbols, *checksum])
    if len(text) > MAX_LENGTH:
        raise ValueError(f"Bech32m texts have at most {MAX_LENGTH} characters.")
    return text


def decode(text: str) -> tuple[str, bytes]:
    """Read a text back.

    Returns:
        The human-readable part in lower case and the payload.

    Raises:
        Bech32mError: the checksum does not fit, a character is outside the alphabet, capital and
            small letters are mixed, the separator is missing, the text is too short or too long,
            or the payload is not a whole number of bytes.
    """
    prefix, symbols = decode_symbols(text)
    return prefix, _to_bytes(symbols)


def decode_symbols(text: str) -> tuple[str, list[int]]:
    """Like `decode`, but the payload as five-bit values, which need not make up whole bytes."""
    if len(text) > MAX_LENGTH:
        raise Bech32mError(f"longer than {MAX_LENGTH} characters")
    if text not in (text.lower(), text.upper()):
        raise Bech32mError("capital and small letters are mixed")
    prefix, separator, rest = text.lower().rpartition("1")
    if not separator or not _is_prefix(prefix):
        raise Bech32mError("no human-readable part before the separator")
    if len(rest) < CHECKSUM_LENGTH:
        raise Bech32mError("too short to hold a checksum")
    symbols = [ALPHABET.find(character) for character in rest]
    if -1 in symbols:
        raise Bech32mError("a character outside the alphabet")
    if _polymod([*_expand(prefix), *symbols]) != _CONSTANT:
        raise Bech32mError("the checksum does not fit the text")
    return prefix, symbols[:-CHECKSUM_LENGTH]


def _is_prefix(prefix: str) -> bool:
    return bool(prefix) and all(33 <= ord(character) <= 126 for character in prefix)


def _expand(prefix: str) -> list[int]:
    codes = [ord(character) for character in prefix]
    return [code >> 5 for code in codes] + [0] + [code & 31 for code in codes]


def _polymod(symbols: Iterable[int]) -> int:
    state = 1
    for symbol in symbols:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ symbol
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                state ^= generator
    return state


def _to_symbols(payload: bytes) -> list[int]:
    padding = -8 * len(payload) % 5
    number = int.from_bytes(payload, "big") << padding
    count = (8 * len(payload) + padding) // 5
    return [number >> 5 * (count - 1 - i) & 31 for i in range(count)]


def _to_bytes(symbols: list[int]) -> bytes:
    length, padding = divmod(5 * len(symbols), 8)
    number = 0
    for symbol in symbols:
        number = number << 5 | symbol
    if padding > 4 or number & ((1 << padding) - 1):
        raise Bech32mError("the payload is not a whole number of bytes")
    return (number >> padding).to_bytes(length, "big")
