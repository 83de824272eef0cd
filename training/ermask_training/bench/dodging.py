"""Dodging: is a protected photo still matched with another photo of the person?

Not to be confused with impersonation (`impersonation`): a photo can fail to look like somebody
else and still not match its owner, and the other way round.
"""

from __future__ import annotations

from typing import Any

from ermask.codec import Photo
from ermask_training.bench.attacker import Seen
from ermask_training.bench.matching import COSINE, match_rates
from ermask_training.bench.protocol import Limits, Row, Rows
from ermask_training.bench.subject import PRESETS, Subject
from ermask_training.bench.variants import VARIANTS, label, posted_as

ORIGINAL = "original"


def protected(preset: str) -> str:
    return f"protected {preset}"


class Dodging:
    """The original and every preset, clean and after everything that sites do."""

    name = "dodging"

    def pictures(self, subject: Subject) -> dict[str, Photo]:
        made = {ORIGINAL: subject.a}
        made |= {protected(preset): subject.protected(preset) for preset in PRESETS}
        shown: dict[str, Photo] = {}
        for name, photo in made.items():
            shown |= posted_as(name, photo, tuple(VARIANTS))
        return shown

    def outcome(self, subject: Subject, seen: Seen) -> Row:
        names = [ORIGINAL, *(protected(preset) for preset in PRESETS)]
        wanted = [label(name, variant) for name in names for variant in VARIANTS]
        return {COSINE: seen.cosines(wanted)}

    @staticmethod
    def summarise(rows: Rows, limits: Limits) -> dict[str, Any]:
        return match_rates(rows, limits)
