"""Circles: the names people give to their keys, and the index that lists them.

Nothing in here is secret: labels, key ids, dates and fingerprints.
"""

from __future__ import annotations

import json
import re
import secrets
import unicodedata
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from ermask.errors import BadLabel, KeyStoreCorrupt, KeyStoreLocked
from ermask.keys import looks_like_key

MAX_LABEL = 64
"""Code points in a label."""
FORMAT = "ermask-circles"
VERSION = 1

VaultKind = Literal["keychain", "file"]

_ID = re.compile(r"[0-9a-f]{16}")
_FINGERPRINT = re.compile(r"[0-9]{5}( [0-9]{5}){11}")
_JOINERS = "\u200c\u200d"  # within emoji and several scripts


@dataclass(frozen=True)
class Circle:
    """One circle: everything about its key but the key."""

    id: str
    """16 hexadecimal digits, Key.id."""
    label: str
    created: str
    """UTC, `2025-01-31T12:00:00Z`."""
    fingerprint: str
    """12 groups of 5 digits, Key.fingerprint."""


@dataclass(frozen=True)
class Index:
    """All circles of one store, in the order of their creation, and where their keys are."""

    vault: VaultKind
    store: str = field(default_factory=lambda: secrets.token_hex(8))
    """Random name of this store: several may share one OS keychain."""
    circles: tuple[Circle, ...] = ()
    pending: tuple[str, ...] = ()
    """Ids whose keys may still be in the vault though no circle has them: a change to them was
    begun. Whoever changes the store next removes those keys."""

    def with_circle(self, circle: Circle) -> Index:
        """Add a circle, or replace the one with its id."""
        known = {found.id: found for found in self.circles} | {circle.id: circle}
        return replace(self, circles=tuple(known.values()))

    def without_circle(self, circle_id: str) -> Index:
        return replace(self, circles=tuple(c for c in self.circles if c.id != circle_id))

    def with_pending(self, circle_id: str) -> Index:
        return replace(self, pending=(*self.pending, circle_id))

    def without_pending(self, circle_id: str) -> Index:
        return replace(self, pending=tuple(each for each in self.pending if each != circle_id))

    def to_json(self) -> bytes:
        document = {"format": FORMAT, "version": VERSION, **asdict(self)}
        return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Index:
        """Read an index strictly.

        Raises:
            KeyStoreCorrupt: not what to_json writes.
            KeyStoreLocked: written by a newer ermask.
        """
        try:
            document = json.loads(data)
            if document.pop("format") != FORMAT or type(document["version"]) is not int:
                raise ValueError("another format")
            if document["version"] > VERSION:
                raise KeyStoreLocked(
                    "The list of circles was written by a newer ermask.",
                    hint="Update ermask on this machine.",
                )
            del document["version"]
            circles = tuple(Circle(**entry) for entry in document.pop("circles"))
            index = cls(circles=circles, pending=tuple(document.pop("pending")), **document)
            index._check()
        except (AttributeError, KeyError, TypeError, ValueError, BadLabel, RecursionError):
            raise KeyStoreCorrupt("The list of circles is damaged.") from None
        return index

    def _check(self) -> None:
        ids = [circle.id for circle in self.circles]
        labels = {fold(check_label(circle.label)) for circle in self.circles}
        if (
            self.vault not in ("keychain", "file")
            or not all(_ID.fullmatch(name) for name in (self.store, *ids, *self.pending))
            or not all(_FINGERPRINT.fullmatch(circle.fingerprint) for circle in self.circles)
            or not all(check_created(circle.created) for circle in self.circles)
            or len(set(ids)) < len(ids)
            or len(labels) < len(ids)
        ):
            raise ValueError("entries that do not fit together")


def check_label(label: str) -> str:
    """Return the label in the form that is kept: NFC, without white space around it.

    Raises:
        BadLabel: empty, invisible or over 64 characters; with line breaks, control characters or
            slashes; or mistakable for an id or a key.
    """
    kept = unicodedata.normalize("NFC", label).strip()
    if looks_like_key(kept):
        raise BadLabel("That is a key, not a name for a circle.")
    if not any(unicodedata.category(character)[0] in "LNPS" for character in kept):
        raise BadLabel("A circle needs a name with at least one visible character.")
    if len(kept) > MAX_LABEL:
        raise BadLabel(f"A circle's name has at most {MAX_LABEL} characters, not {len(kept)}.")
    for character in kept:
        category = unicodedata.category(character)
        if (category[0] == "C" and character not in _JOINERS) or category in ("Zl", "Zp"):
            raise BadLabel(
                "A circle's name cannot contain control characters or line breaks "
                f"(U+{ord(character):04X})."
            )
    if "/" in kept or "\\" in kept:
        raise BadLabel("A circle's name cannot contain slashes.")
    if _ID.fullmatch(kept.lower()):
        raise BadLabel("A circle's name cannot be 16 hexadecimal digits: that is what ids are.")
    return kept


def fold(label: str) -> str:
    """The form in which labels are compared: `Family` and `family` are one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label.strip()).casefold())


def now() -> str:
    """The time as Circle.created has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_created(created: str) -> str:
    """Return `created`.

    Raises:
        ValueError: not of the form `2025-01-31T12:00:00Z`.
    """
    if not created.isascii() or len(created) != 20:
        raise ValueError("not a time")
    datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return created
