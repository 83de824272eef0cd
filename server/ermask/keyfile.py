"""Key files: one circle's key, sealed with a passphrase, to hand to a friend or to put away.

A sealed file (sealed.py) whose header shows the circle's label, when it was created and the
key's id, and whose body is the key's text form.
"""

from __future__ import annotations

from dataclasses import dataclass

from ermask.circles import check_created, check_label
from ermask.errors import BadKey, BadLabel
from ermask.keys import Key
from ermask.sealed import Cost, Kdf, NewerVersion, NotSealed, SealedFile, WrongSecret, seal

SUFFIX = ".ermaskkey"
FORMAT = "ermask-key-file"
VERSION = 1

_HEADER = {"format", "version", "label", "created", "id", "kdf", "cipher", "nonce"}


@dataclass(frozen=True)
class KeyFile:
    """What a key file holds."""

    label: str
    created: str
    """When the circle was created, UTC, `2025-01-31T12:00:00Z`."""
    key: Key


def seal_key(content: KeyFile, passphrase: str, cost: Cost | None = None) -> bytes:
    """Seal a key. Takes most of a second and 64 MiB at the default cost, on purpose.

    Args:
        passphrase: not empty; as good as the key to whoever has the file.
        cost: Argon2id's parameters.

    Raises:
        BadKey: an empty passphrase.
    """
    kdf = Kdf.fresh(cost or Cost())
    header = {
        "format": FORMAT,
        "version": VERSION,
        "label": content.label,
        "created": content.created,
        "id": content.key.id,
        "kdf": kdf.to_header(),
    }
    return seal(header, kdf.key(passphrase), content.key.text().encode())


def open_key(data: bytes, passphrase: str) -> KeyFile:
    """Open a key file.

    Raises:
        BadKey: not a key file, made by a newer ermask, more memory asked for than there is, or -
            one answer for both, since they cannot be told apart - a wrong passphrase or a file
            that was changed.
    """
    try:
        file = SealedFile.read(data, file_format=FORMAT, version=VERSION)
        if set(file.header) != _HEADER:
            raise NotSealed("unknown or missing entries")
        kdf = Kdf.from_header(file.header["kdf"])
        content = file.open(kdf.key(passphrase))
    except NewerVersion as error:
        raise BadKey(
            f"The key file was made by a newer ermask ({error}; this one reads version {VERSION}).",
            hint="Update ermask on this machine.",
        ) from None
    except NotSealed:
        raise BadKey(
            "This is not a key file, or it is damaged.",
            hint=f"`ermask keys export` writes key files; their names end in {SUFFIX}.",
        ) from None
    except MemoryError:
        raise BadKey(
            "The key file asks for more memory than there is.",
            hint="Close other programs, or ask the sender for a new file.",
        ) from None
    except WrongSecret:
        raise BadKey(
            "The key file does not open: the passphrase is wrong, or the file was changed.",
            hint="Try the passphrase again; ask the sender for a new file if it still fails.",
        ) from None
    try:
        found = KeyFile(
            label=check_label(str(file.header["label"])),
            created=check_created(str(file.header["created"])),
            key=Key.parse(content.decode()),
        )
    except (BadKey, BadLabel, ValueError):
        found = None
    if found is None or found.key.id != file.header["id"]:
        raise BadKey(
            "The key file opens, but what it says does not fit together.",
            hint="Ask the sender for a new file, made with the current ermask.",
        )
    return found
