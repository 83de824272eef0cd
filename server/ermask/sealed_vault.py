"""Keys in one sealed file, for machines without a keychain.

The file is sealed with a passphrase, or - until one is set - with the *machine key*: 32 random
bytes in a file of their own in the state folder. The machine key protects copies and backups of
the sealed file alone. It does not protect against somebody who can read both files, which is
whoever can read all of this user's files; a passphrase does.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Callable

from ermask.errors import BadKey, ErmaskError, KeyStoreCorrupt, KeyStoreLocked
from ermask.sealed import (
    KEY_BYTES,
    Cost,
    Kdf,
    NewerVersion,
    NotSealed,
    SealedFile,
    WrongSecret,
    seal,
)
from ermask.store_folder import StoreFolder

FORMAT = "ermask-key-store"
VERSION = 1
NAME = "keys.sealed"
MACHINE_KEY_NAME = "machine.key"

AskPassphrase = Callable[[], str]

_HEADER = {"format", "version", "kdf", "cipher", "nonce"}
_MACHINE_KDF = {"name": "machine-key"}

logger = logging.getLogger(__name__)


class SealedVault:
    """The vault of a store whose keys are in a sealed file.

    Writers hold the folder's lock; readers need none, since the file is replaced whole.
    """

    def __init__(
        self,
        folder: StoreFolder,
        machine_folder: StoreFolder,
        *,
        passphrase: str | None,
        ask_passphrase: AskPassphrase | None,
        cost: Cost,
    ) -> None:
        """Nothing is read yet.

        Args:
            folder: holds the sealed file.
            machine_folder: holds the machine key.
            passphrase: opens a file that has one, and seals a new file.
            ask_passphrase: asked once, and only when a file has a passphrase.
            cost: Argon2id's parameters for files that are sealed with a passphrase from now on.
        """
        self._folder = folder
        self._machine_folder = machine_folder
        self._passphrase = passphrase
        self._ask_passphrase = ask_passphrase
        self._cost = cost
        self._unlocking = threading.Lock()
        self._unlocked: tuple[Kdf, bytes] | None = None
        self._derived: tuple[Kdf, bytes] | None = None
        self._warned = False

    @property
    def has_passphrase(self) -> bool:
        """Whether the file is sealed with a passphrase, or would be when it is made now."""
        file = self._read()
        if file is None:
            return self._passphrase is not None
        return file.header["kdf"] != _MACHINE_KDF

    def exists(self) -> bool:
        """Whether there is a file, readable or not."""
        return self._folder.has(NAME)

    def check(self) -> None:
        """Raise what `get` would. Nobody is asked for the passphrase: where somebody would be,
        the file passes. Argon2id runs at most once for each passphrase that is set.

        Raises:
            KeyStoreLocked, KeyStoreCorrupt, StorageFailed, UnsafePermissions
        """
        file = self._read()
        would_ask = self._passphrase is None and self._ask_passphrase is not None
        if file is not None and not would_ask:
            self._entries(file, self._unlock(file))

    def put(self, key_id: str, text: str) -> None:
        """Keep a key's text form; makes the file if there is none.

        Raises:
            KeyStoreLocked, KeyStoreCorrupt, StorageFailed, UnsafePermissions
        """
        file = self._read()
        if file is None:
            kdf, key = self._first_seal()
            self._write(kdf, key, {key_id: text})
            return
        key = self._unlock(file)
        self._write(file.header["kdf"], key, {**self._entries(file, key), key_id: text})

    def get(self, key_id: str) -> str | None:
        """The text form, or None when the file has no such entry.

        Raises:
            KeyStoreLocked, KeyStoreCorrupt, StorageFailed, UnsafePermissions
        """
        file = self._read()
        return None if file is None else self._entries(file, self._unlock(file)).get(key_id)

    def remove(self, key_id: str) -> None:
        """Remove an entry if it is there.

        Raises:
            KeyStoreLocked, KeyStoreCorrupt, StorageFailed, UnsafePermissions
        """
        file = self._read()
        if file is None:
            return
        key = self._unlock(file)
        entries = self._entries(file, key)
        if entries.pop(key_id, None) is not None:
            self._write(file.header["kdf"], key, entries)

    def set_passphrase(self, old: str | None, new: str) -> None:
        """Seal the file with another passphrase, and drop the machine key.

        Args:
            old: the passphrase until now; None when there was none.

        Raises:
            BadKey: `old` is wrong or missing, `new` is empty; nothing was changed.
            KeyStoreLocked, KeyStoreCorrupt, StorageFailed, UnsafePermissions
        """
        file = self._read()
        entries: dict[str, str] = {}
        if file is not None:
            kdf = _kdf(file)
            if kdf is not None and old is None:
                raise BadKey("The key store has a passphrase; the old one is needed to change it.")
            if kdf is None and old is not None:
                raise BadKey("The key store has no passphrase yet.")
            key = self._machine_key() if kdf is None else kdf.key(old or "")
            try:
                entries = _decode(file.open(key))
            except WrongSecret:
                raise BadKey("The old passphrase is wrong.") from None
        kdf = Kdf.fresh(self._cost)
        key = kdf.key(new)
        self._write(kdf.to_header(), key, entries)
        self._unlocked = kdf, key
        self._machine_folder.remove(MACHINE_KEY_NAME)

    def _read(self) -> SealedFile | None:
        data = self._folder.read(NAME)
        if data is None:
            return None
        try:
            file = SealedFile.read(data, file_format=FORMAT, version=VERSION)
        except NewerVersion:
            raise KeyStoreLocked(
                "The sealed keys were written by a newer ermask.",
                hint="Update ermask on this machine.",
            ) from None
        except NotSealed:
            raise _damaged() from None
        if set(file.header) != _HEADER:
            raise _damaged()
        return file

    def _write(self, kdf: object, key: bytes, entries: dict[str, str]) -> None:
        header = {"format": FORMAT, "version": VERSION, "kdf": kdf}
        self._folder.write(NAME, seal(header, key, json.dumps(entries).encode()))

    def _entries(self, file: SealedFile, key: bytes) -> dict[str, str]:
        try:
            return _decode(file.open(key))
        except WrongSecret:
            raise KeyStoreLocked(
                "The sealed keys do not open: the passphrase or machine key is another one, or "
                "the file was changed.",
                hint="Check ERMASK_PASSPHRASE, or put the ermask folders back from one backup.",
            ) from None

    def _unlock(self, file: SealedFile) -> bytes:
        """The file's encryption key. Argon2id runs once, until the passphrase is changed."""
        with self._unlocking:
            kdf = _kdf(file)
            if kdf is None:
                if self._passphrase is not None and not self._warned:
                    self._warned = True
                    logger.warning(
                        "ERMASK_PASSPHRASE is set, but the key store has no passphrase yet"
                    )
                return self._machine_key()
            if self._unlocked is None or self._unlocked[0] != kdf:
                key = self._derive(kdf)
                try:
                    file.open(key)
                except WrongSecret:
                    raise KeyStoreLocked(
                        "The passphrase does not open the key store, or its file was changed.",
                        hint="Check the passphrase (ERMASK_PASSPHRASE) and try again.",
                    ) from None
                self._unlocked = kdf, key
            return self._unlocked[1]

    def _derive(self, kdf: Kdf) -> bytes:
        if self._passphrase is None:
            return kdf.key(self._need_passphrase())
        # A wrong one is remembered too: it does not get right by trying it for each photo.
        if self._derived is None or self._derived[0] != kdf:
            self._derived = kdf, kdf.key(self._passphrase)
        return self._derived[1]

    def _need_passphrase(self) -> str:
        if self._ask_passphrase is None:
            raise KeyStoreLocked(
                "The keys are sealed with a passphrase.",
                hint="Set ERMASK_PASSPHRASE, or run the command in a terminal.",
            )
        return self._ask_passphrase()

    def _first_seal(self) -> tuple[object, bytes]:
        if self._passphrase is None:
            return _MACHINE_KDF, self._machine_key(make=True)
        kdf = Kdf.fresh(self._cost)
        key = kdf.key(self._passphrase)
        self._unlocked = kdf, key
        return kdf.to_header(), key

    def _machine_key(self, *, make: bool = False) -> bytes:
        found = self._machine_folder.read(MACHINE_KEY_NAME)
        if found is None and make:
            found = secrets.token_hex(KEY_BYTES).encode()
            self._machine_folder.write(MACHINE_KEY_NAME, found)
        path = self._machine_folder.path / MACHINE_KEY_NAME
        if found is None:
            raise KeyStoreLocked(
                f"The sealed keys need {path}, and that file is gone.",
                hint="Put it back from a backup, or move the folder "
                f"{self._folder.path} away and import the key files again.",
            )
        try:
            key = bytes.fromhex(found.decode())
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise KeyStoreCorrupt(f"{path} is damaged.")
        return key


def _kdf(file: SealedFile) -> Kdf | None:
    """The file's Argon2id parameters; None when the machine key seals it."""
    entry = file.header["kdf"]
    if entry == _MACHINE_KDF:
        return None
    try:
        return Kdf.from_header(entry)
    except NotSealed:
        raise _damaged() from None


def _decode(content: bytes) -> dict[str, str]:
    try:
        entries = json.loads(content)
        if not all(isinstance(text, str) for text in entries.values()):
            raise ValueError("not texts")
    except (AttributeError, ValueError):
        raise _damaged() from None
    return dict(entries)


def _damaged() -> ErmaskError:
    return KeyStoreCorrupt("The file of sealed keys is damaged.")
