"""Keys in the operating system's keychain, by the `keyring` package.

Every entry has the service `ermask` and the user name `<store>:<key id>`: stores of several
ERMASK_HOME folders do not meet in the one keychain of the user.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import keyring
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend

from ermask.errors import KeyStoreLocked

SERVICE = "ermask"

_T = TypeVar("_T")


def find_keychain() -> KeyringBackend | None:
    """The user's keychain, or None on a machine without one.

    None as well for those that keep nothing (`fail`, `null`) and for the package
    `keyrings.alt`, whose stores are plain text or no better than our sealed file.
    PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring switches the keychain off.
    """
    try:
        chosen = keyring.get_keyring()
        # The chainer would fall through to keyrings.alt when the real keychain refuses.
        candidates = chosen.backends if isinstance(chosen, ChainerBackend) else [chosen]
        return next((each for each in candidates if _is_real(each)), None)
    except Exception:  # a broken configuration raises whatever its backend raises
        return None


class Keychain:
    """The vault of a store whose keys are in the keychain."""

    def __init__(self, store: str) -> None:
        self.store = store
        self._known: dict[str, str] = {}
        self._refusal: tuple[str, str | None] | None = None

    def check(self) -> None:
        """Raise the keychain's refusal, if it refused the last key that was wanted. It is not
        asked again: a locked one would show its password prompt.

        Raises:
            KeyStoreLocked
        """
        if self._refusal is not None:
            message, hint = self._refusal
            raise KeyStoreLocked(message, hint=hint)

    def put(self, key_id: str, text: str) -> None:
        """Keep a key's text form.

        Raises:
            KeyStoreLocked: no keychain in this session, or it refused or lost the entry.
        """
        self._ask("keep", lambda chain: chain.set_password(SERVICE, self._name(key_id), text))
        self._known.pop(key_id, None)
        if self.get(key_id) != text:
            raise KeyStoreLocked("The keychain accepted the key but did not keep it.")

    def get(self, key_id: str) -> str | None:
        """The text form, or None when the keychain has no such entry.

        Raises:
            KeyStoreLocked: no keychain in this session, or it is locked.
        """
        found = self._known.get(key_id)
        if found is None:
            try:
                found = self._ask("show", lambda c: c.get_password(SERVICE, self._name(key_id)))
            except KeyStoreLocked as refusal:
                self._refusal = refusal.message, refusal.hint
                raise
            if found is not None:
                self._known[key_id] = found
        self._refusal = None
        return found

    def remove(self, key_id: str) -> None:
        """Remove an entry if it is there.

        Raises:
            KeyStoreLocked: no keychain in this session, or it refused.
        """
        self._known.pop(key_id, None)

        def delete(chain: KeyringBackend) -> None:
            if chain.get_password(SERVICE, self._name(key_id)) is not None:
                chain.delete_password(SERVICE, self._name(key_id))

        self._ask("remove", delete)

    def _name(self, key_id: str) -> str:
        return f"{self.store}:{key_id}"

    def _ask(self, verb: str, action: Callable[[KeyringBackend], _T]) -> _T:
        chain = find_keychain()
        if chain is None:
            raise KeyStoreLocked(
                "The keys are in the keychain, and this session has none.",
                hint="Log in to the desktop, or run ermask where it was set up.",
            )
        try:
            return action(chain)
        except Exception as error:  # backends raise their platform's errors as well as keyring's
            # From None: nobody promises that a backend's error does not quote the entry.
            raise KeyStoreLocked(
                f"The keychain refused to {verb} the key ({type(error).__name__}).",
                hint="Unlock the keychain and try again. Before the first circle is made, "
                "PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring chooses a sealed file "
                "instead.",
            ) from None


def _is_real(backend: KeyringBackend) -> bool:
    module = type(backend).__module__
    nothing = module.startswith(("keyring.backends.fail", "keyring.backends.null", "keyrings.alt"))
    return not nothing and float(backend.priority) > 0
