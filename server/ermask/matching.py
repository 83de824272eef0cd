"""Which key a photo was protected with, as its mark says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ermask import mark
from ermask.align import Floats
from ermask.errors import WrongKey
from ermask.results import Match

if TYPE_CHECKING:
    from ermask.circles import Circle
    from ermask.keys import Key

LIKELY = 0.01
"""Chance of a mark by accident below which a key is called likely that is not proven."""


def compare(readings: Floats, keys: Sequence[tuple[Circle, Key]]) -> list[Match]:
    """How well the keys fit a photo, of whose faces `mark_reading.read` says this; best first."""
    needed = mark.threshold(readings)
    matches = []
    for circle, key in keys:
        score, strength, draw = mark.score(readings, key.draws)
        fits = score >= needed
        matches.append(Match(circle.id, circle.label, score, needed, fits, strength, draw))
    return sorted(matches, key=lambda match: -match.score)


def refusal(matches: list[Match]) -> WrongKey:
    """Why nothing is restored, and what to try where a key is likely without being proven."""
    if not matches:
        return WrongKey("There is no key on this machine.")
    best = matches[0]
    if len(matches) == 1:
        found = f"The key of {best.label} does not fit this photo"
    else:
        found = f"None of {len(matches)} keys fits this photo; the best is that of {best.label}"
    hint = likely = None
    if len(matches) * mark.chance(best.score, best.threshold) < LIKELY:
        likely = best.circle_id
        hint = (
            f"The mark is faint, but most likely that of {best.label}. "
            "Restore the photo by force with this key."
        )
    message = f"{found} (score {best.score:.1f}, needed {best.threshold:.1f})."
    return WrongKey(message, hint=hint, likely=likely)
