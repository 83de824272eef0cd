"""Pairing: a code typed once, a proof from both sides, a token nobody on the way can read.

No HTTP here. docs/protocol.md has the bytes; tests/vectors/pairing.json has examples.

The slow derivation matters: a program squatting the daemon's port would see one proof, and could
otherwise try all 2^40 codes against it. Three attempts per window stop the guessing that is online.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ermask.errors import NotFound, PairingFailed

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32: no I, L, O, U."""
CODE_LENGTH = 8
NONCE_BYTES = 32
ITERATIONS = 600_000
"""PBKDF2-HMAC-SHA256, because WebCrypto has no slower function. About 0.2 s for the honest."""
WINDOW_S = 120.0
ATTEMPTS = 3
MAX_BEGUN = 8
"""Exchanges begun and not finished; the oldest gives way."""
CONTEXT = b"ermask pair v1"


@dataclass(frozen=True)
class Keys:
    """What both sides derive from the code and the nonces; 32 bytes each."""

    client: bytes
    daemon: bytes
    token: bytes


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """Everything both sides must agree on. A difference in any part makes the proofs differ."""

    client_nonce: bytes
    daemon_nonce: bytes
    port: int
    origin: str | None
    label: str

    def transcript(self) -> bytes:
        """The bytes that are proven: see docs/protocol.md, section Pairing."""
        origin, label = (self.origin or "").encode(), self.label.encode()
        return b"".join(
            (
                CONTEXT + b"\0",
                self.client_nonce + self.daemon_nonce,
                self.port.to_bytes(2, "big"),
                len(origin).to_bytes(2, "big") + origin,
                len(label).to_bytes(2, "big") + label,
            )
        )

    def derive(self, code: str) -> Keys:
        """Slow on purpose: run it off the event loop."""
        salt = self.client_nonce + self.daemon_nonce
        root = hashlib.pbkdf2_hmac("sha256", canonical(code).encode(), salt, ITERATIONS, 32)
        return Keys(*(_expand(root, part) for part in (b"client", b"daemon", b"token")))


def canonical(code: str) -> str:
    """A code as typed -> its 8 symbols: upper case, no hyphens or spaces, O as 0, I and L as 1."""
    plain = code.upper().replace("-", "").replace(" ", "")
    return plain.translate(str.maketrans("OIL", "011"))


def prove(key: bytes, transcript: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes."""
    return hmac.digest(key, transcript, "sha256")


def seal(key: bytes, token: bytes, client_id: str, transcript: bytes, iv: bytes) -> bytes:
    """The token under AES-256-GCM, bound to the exchange and to the client's id; 48 bytes."""
    return AESGCM(key).encrypt(iv, token, transcript + client_id.encode())


class Pairing:
    """The window in which a client may be paired. Belongs to the event loop."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._code: str | None = None
        self._closes = 0.0
        self._attempts = 0
        self._begun: dict[bytes, bytes] = {}

    def open(self) -> str:
        """Open the window, or open it anew with another code. Returns the code: `7K3P-Q9XD`."""
        self._code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
        self._closes = self._clock() + WINDOW_S
        self._attempts = ATTEMPTS
        self._begun.clear()
        return f"{self._code[:4]}-{self._code[4:]}"

    def close(self) -> None:
        self._use_up()
        self._closes = 0.0

    def finish(self) -> None:
        """The client that `check` let in is kept, or could not be: it need not be waited for."""
        if self._code is None:  # else the window was opened again in the meantime
            self.close()

    @property
    def seconds_left(self) -> float:
        """How long a client may still appear; 0 when the window is closed."""
        return max(0.0, self._closes - self._clock())

    @property
    def is_open(self) -> bool:
        """Whether there is a code that can be used."""
        return self._code is not None and self.seconds_left > 0

    def begin(self, client_nonce: bytes) -> bytes:
        """Answer a client's nonce with the daemon's; both are the salt of the derivation."""
        while len(self._begun) >= MAX_BEGUN:
            self._begun.pop(next(iter(self._begun)))
        daemon_nonce = secrets.token_bytes(NONCE_BYTES)
        self._begun[daemon_nonce] = client_nonce
        return daemon_nonce

    def client_nonce(self, daemon_nonce: bytes) -> bytes:
        """The nonce this exchange began with; each can be finished once.

        Raises:
            NotFound: no such exchange, or it was finished already.
        """
        client_nonce = self._begun.pop(daemon_nonce, None)
        if client_nonce is None:
            raise NotFound("This pairing was not begun, or is over.", hint="Begin it again.")
        return client_nonce

    async def check(self, exchange: Exchange, proof: bytes) -> Keys:
        """Check the client's proof; the right one uses the code up. `finish` follows then.

        An attempt is counted before the slow derivation, so that many at once are no way around.

        Raises:
            PairingFailed: the proof is wrong. The third time closes the window.
        """
        code = self._code
        if code is None or self._attempts < 1:
            raise PairingFailed("The pairing window is closed.")
        self._attempts -= 1
        keys = await asyncio.to_thread(exchange.derive, code)
        right = hmac.compare_digest(prove(keys.client, exchange.transcript()), proof)
        # The window may have been closed, or opened with another code, in the meantime.
        if right and self._code == code and self.is_open:
            self._use_up()
            self._closes = self._clock() + WINDOW_S  # however late it came: until `finish`
            return keys
        if self._code == code and self._attempts < 1:
            self.close()
        raise PairingFailed("The code does not fit.")

    def _use_up(self) -> None:
        self._code = None
        self._begun.clear()


def _expand(root: bytes, part: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=CONTEXT + b" " + part).derive(root)
