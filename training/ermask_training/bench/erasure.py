"""Erasure: is a protected photo recognised again once it is restored, and with which keys?

The erasure success rate (ESR) here: of the photos that matched before protection, the share that
matches after restoring. Without a key nothing is done, so the protected copy itself stands there;
what a wrong key adds to that is what it gives away. The second figure takes only the photos that
protection had hidden from this recogniser.
"""

from __future__ import annotations

from typing import Any

from ermask.codec import Photo
from ermask_training.bench.attacker import Seen
from ermask_training.bench.dodging import ORIGINAL, protected
from ermask_training.bench.matching import COSINE, match_rates, matched, share_of, thresholds
from ermask_training.bench.protocol import Limits, Row, Rows, merge
from ermask_training.bench.subject import WHICH, Subject
from ermask_training.bench.variants import VARIANTS, label, posted_as

NO_KEY = "not restored"


def restored(key: str) -> str:
    return f"restored, {key}"


class Erasure:
    """Copies of `mid`, as posted and as sites leave them, restored with each kind of key."""

    name = "erasure"

    def pictures(self, subject: Subject) -> dict[str, Photo]:
        shown = {ORIGINAL: subject.a}
        shown |= posted_as(protected("mid"), subject.protected(), tuple(VARIANTS))
        for key in WHICH:
            for variant in VARIANTS:
                shown[label(restored(key), variant)] = subject.restore(key, variant).photo
        return shown

    def outcome(self, subject: Subject, seen: Seen) -> Row:
        names = [protected("mid"), *(restored(key) for key in WHICH)]
        wanted = [label(name, variant) for name in names for variant in VARIANTS]
        return {COSINE: seen.cosines([ORIGINAL, *wanted])}

    @staticmethod
    def summarise(rows: Rows, limits: Limits) -> dict[str, Any]:
        figures = match_rates(rows, limits)
        for judge, far, limit in thresholds(limits):
            before = matched(rows, judge, ORIGINAL, limit)
            back: dict[str, Any] = {}
            hidden_back: dict[str, Any] = {}
            for variant in VARIANTS:
                posted = matched(rows, judge, label(protected("mid"), variant), limit)
                back[label(NO_KEY, variant)] = share_of(posted, before)
                for key in WHICH:
                    name = label(restored(key), variant)
                    hits = matched(rows, judge, name, limit)
                    back[name] = share_of(hits, before)
                    hidden_back[name] = share_of(hits, before & ~posted)
            more = {"matches brought back": back, "hidden matches brought back": hidden_back}
            merge(figures["recognisers"][judge][far], more)
        return figures
