"""The circles of this machine and their keys.

Two places: an index without secrets (circles.json), and a vault with the keys - the operating
system's keychain where there is a real one, one sealed file otherwise. The first change decides
which, and the index remembers it. A change that touches both is announced in the index first, so
that one that is cut off at any point loses no key and leaves none behind.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol

from ermask.circles import Circle, Index, VaultKind, check_label, fold, now
from ermask.errors import BadKey, CircleExists, KeyStoreCorrupt, KeyStoreLocked, UnknownCircle
from ermask.keychain import Keychain, find_keychain
from ermask.keyfile import KeyFile, open_key, seal_key
from ermask.keys import Key, looks_like_key
from ermask.sealed import Cost
from ermask.sealed_vault import AskPassphrase, SealedVault
from ermask.settings import PASSPHRASE_VARIABLE
from ermask.store_folder import StoreFolder

FOLDER = "keys"
INDEX_NAME = "circles.json"

_Circles = list[Circle]  # inside the class, `list` is the method
_CircleKeys = list[tuple[Circle, Key]]

Protection = Literal["keychain", "passphrase", "machine-key"]

logger = logging.getLogger(__name__)


class Vault(Protocol):
    """A place for keys; both kinds raise KeyStoreLocked when it cannot be opened."""

    def check(self) -> None: ...
    def put(self, key_id: str, text: str) -> None: ...
    def get(self, key_id: str) -> str | None: ...
    def remove(self, key_id: str) -> None: ...


class KeyStore:
    """All circles below one pair of folders. Safe to use from several threads and processes.

    Every method may also raise KeyStoreCorrupt (a damaged file), StorageFailed (the disk) and
    UnsafePermissions (a file that other users can read).
    """

    def __init__(
        self,
        data_dir: Path,
        state_dir: Path,
        *,
        vault: VaultKind | None = None,
        passphrase: str | None = None,
        ask_passphrase: AskPassphrase | None = None,
        cost: Cost | None = None,
    ) -> None:
        """Nothing is read or created yet.

        Args:
            data_dir: gets a folder `keys` with the index and, if needed, the sealed file.
            state_dir: gets the machine key, if needed.
            vault: where a new store keeps its keys; None chooses. No effect on an existing one.
            passphrase: for the sealed file, see SealedVault.
            ask_passphrase: likewise, asked at most once.
            cost: Argon2id's parameters for all that is sealed from now on.
        """
        self._folder = StoreFolder(data_dir / FOLDER)
        self._wanted = vault
        self._cost = cost or Cost()
        self._sealed = SealedVault(
            self._folder,
            StoreFolder(state_dir),
            passphrase=passphrase,
            ask_passphrase=ask_passphrase,
            cost=self._cost,
        )
        self._keychain: Keychain | None = None

    @property
    def protection(self) -> Protection:
        """What keeps the keys of this store, or would keep the first one."""
        if self._index().vault == "keychain":
            return "keychain"
        return "passphrase" if self._sealed.has_passphrase else "machine-key"

    def check(self) -> None:
        """Raise what stands between a photo and its key, as far as that is known without asking
        the user or the keychain: a keychain that has not refused yet passes, like no store at all.

        Reads two small files. Only the first call after the passphrase was set or changed runs
        Argon2id, which takes most of a second.

        Raises:
            KeyStoreLocked: a passphrase is missing or wrong, or the keychain refused last time.
        """
        data = self._folder.read(INDEX_NAME)
        if data is None and not self._sealed.exists():
            return
        index = self._index() if data is None else Index.from_json(data)
        if index.vault == "file" and index.circles and not self._sealed.exists():
            raise KeyStoreCorrupt("The file of sealed keys is missing.")
        self._vault(index).check()

    def list(self) -> _Circles:
        """All circles, oldest first. Needs no passphrase."""
        return [*self._index().circles]

    def find(self, label_or_id: str) -> Circle:
        """The circle of that label or id, capitals or not.

        Raises:
            UnknownCircle: there is none; the message names similar labels.
        """
        circles = self._index().circles
        for circle in circles:
            if circle.id == label_or_id.strip().lower() or fold(circle.label) == fold(label_or_id):
                return circle
        if looks_like_key(label_or_id):
            raise UnknownCircle("That is a key, not the name of a circle.")
        labels = {fold(circle.label): circle.label for circle in circles}
        near = difflib.get_close_matches(fold(label_or_id), labels, 3, 0.5)
        guess = f" Did you mean {', '.join(repr(labels[name]) for name in near)}?" if near else ""
        raise UnknownCircle(f"There is no circle {label_or_id[:64]!r}.{guess}")

    def key(self, circle: Circle) -> Key:
        """The circle's key.

        Raises:
            UnknownCircle: the circle was deleted meanwhile.
            KeyStoreLocked: the keychain or the sealed file cannot be opened.
        """
        index = self._index()
        return self._key(self._vault(index), _current(index, circle))

    def keys(self) -> _CircleKeys:
        """Every circle with its key, oldest first.

        Raises:
            KeyStoreLocked: the keychain or the sealed file cannot be opened.
        """
        index = self._index()
        vault = self._vault(index)
        found = []
        for circle in index.circles:
            with suppress(UnknownCircle):
                found.append((circle, self._key(vault, circle)))
        return found

    def new(self, label: str) -> Circle:
        """Make a circle with a new key.

        Raises:
            BadLabel, CircleExists, KeyStoreLocked
        """
        return self.add(label, Key.generate())

    def add(self, label: str, key: Key) -> Circle:
        """Make a circle with a key from elsewhere.

        Raises:
            BadLabel: the text cannot be a label.
            CircleExists: a circle with this label or this key is there.
            KeyStoreLocked: the keychain or the sealed file cannot be opened.
        """
        return self._add(Circle(key.id, check_label(label), now(), key.fingerprint), key)

    def rename(self, circle: Circle, label: str) -> Circle:
        """Give a circle another label. Needs no passphrase.

        Raises:
            BadLabel, CircleExists, UnknownCircle
        """
        with self._change() as index:
            renamed = replace(_current(index, circle), label=check_label(label))
            _refuse_label(index.without_circle(circle.id), renamed.label)
            self._write(index.with_circle(renamed))
        return renamed

    def delete(self, circle: Circle) -> None:
        """Delete a circle and its key, for good: what it protects stays protected.

        A vault that cannot be opened stops this before anything is changed. If it opens and then
        fails to erase the key, the circle is off the list and the next change tries again.

        Raises:
            UnknownCircle, KeyStoreLocked
        """
        with self._change() as index:
            _current(index, circle)
            self._vault(index).get(circle.id)
            index = index.without_circle(circle.id).with_pending(circle.id)
            self._write(index)
            self._vault(index).remove(circle.id)
            self._write(index.without_pending(circle.id))

    def export_file(self, circle: Circle, passphrase: str) -> bytes:
        """The circle's key as a key file; whoever opens it can restore every photo of the
        circle, past and future.

        Raises:
            BadKey: an empty passphrase.
            UnknownCircle, KeyStoreLocked
        """
        key = self.key(circle)
        return seal_key(KeyFile(circle.label, circle.created, key), passphrase, self._cost)

    def import_file(self, data: bytes, passphrase: str, label: str | None = None) -> Circle:
        """Make a circle of a key file, under its own label or another.

        Raises:
            BadKey: not a key file, a wrong passphrase, or a changed file.
            BadLabel, CircleExists, KeyStoreLocked
        """
        file = open_key(data, passphrase)
        label = file.label if label is None else check_label(label)
        return self._add(Circle(file.key.id, label, file.created, file.key.fingerprint), file.key)

    def set_passphrase(self, old: str | None, new: str) -> None:
        """Seal the file of keys with a passphrase instead of the old one or the machine key.

        Raises:
            BadKey: a wrong old or empty new passphrase, or the keys are in the keychain.
        """
        with self._change() as index:
            if index.vault == "keychain":
                raise BadKey("The keys are in the keychain; its own password protects them.")
            self._write(index)
            self._sealed.set_passphrase(old, new)

    def _add(self, circle: Circle, key: Key) -> Circle:
        with self._change() as index:
            for found in index.circles:
                if found.id == circle.id:
                    raise CircleExists(f"This key is already here, as circle {found.label!r}.")
            _refuse_label(index, circle.label)
            if index.vault == "file" and index.circles and not self._sealed.exists():
                # A new file would make the old one useless when it is put back.
                raise KeyStoreCorrupt("The file of sealed keys is missing.")
            self._write(index.with_pending(circle.id))
            self._vault(index).put(circle.id, key.text())
            self._write(index.with_circle(circle).without_pending(circle.id))
        return circle

    @contextmanager
    def _change(self) -> Iterator[Index]:
        """Hold the store for one change, after finishing what a killed process began."""
        with self._folder.locked():
            index = self._index()
            for circle_id in index.pending:
                try:
                    self._vault(index).remove(circle_id)
                except (KeyStoreLocked, KeyStoreCorrupt):
                    logger.warning("the key of a deleted circle is not erased yet: %s", circle_id)
                else:
                    index = index.without_pending(circle_id)
            yield index

    def _index(self) -> Index:
        # In this order: a writer makes the index first, and readers hold no lock.
        sealed = self._sealed.exists()
        data = self._folder.read(INDEX_NAME)
        index = None if data is None else Index.from_json(data)
        if index is not None and (index.circles or sealed):
            return index
        if sealed:
            raise KeyStoreCorrupt(f"{self._folder.path / INDEX_NAME} is missing.")
        # Without any circle the choice is still open: the first attempt may just have failed.
        vault: VaultKind = self._wanted or ("keychain" if find_keychain() else "file")
        return Index(vault) if index is None else replace(index, vault=vault)

    def _write(self, index: Index) -> None:
        self._folder.write(INDEX_NAME, index.to_json())

    def _vault(self, index: Index) -> Vault:
        if index.vault == "keychain":
            if self._keychain is None or self._keychain.store != index.store:
                self._keychain = Keychain(index.store)
            return self._keychain
        return self._sealed

    def _key(self, vault: Vault, circle: Circle) -> Key:
        text = vault.get(circle.id)
        try:
            key = None if text is None else Key.parse(text)
        except BadKey:
            key = None
        if key is None or key.id != circle.id:
            _current(self._index(), circle)  # it may have been deleted since the index was read
            raise KeyStoreCorrupt(f"The key of circle {circle.label!r} is missing or damaged.")
        return key


def open_keystore(
    data_dir: Path,
    state_dir: Path,
    env: Mapping[str, str],
    ask_passphrase: Callable[[], str] | None = None,
) -> KeyStore:
    """The user's key store, with the passphrase from ERMASK_PASSPHRASE when that is set."""
    return KeyStore(
        data_dir,
        state_dir,
        passphrase=env.get(PASSPHRASE_VARIABLE) or None,
        ask_passphrase=ask_passphrase,
    )


def _current(index: Index, circle: Circle) -> Circle:
    for found in index.circles:
        if found.id == circle.id:
            return found
    raise UnknownCircle(f"There is no circle {circle.label!r} any more.")


def _refuse_label(index: Index, label: str) -> None:
    for found in index.circles:
        if fold(found.label) == fold(label):
            raise CircleExists(f"There is already a circle {found.label!r}.")
