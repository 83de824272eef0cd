"""The mark: is the right key named among many, and does a key fit that should not?"""

from __future__ import annotations

from typing import Any

from ermask.codec import Photo
from ermask.errors import ErmaskError
from ermask_training.bench import keys
from ermask_training.bench.attacker import Seen
from ermask_training.bench.intervals import measured, middle
from ermask_training.bench.protocol import Limits, Row, Rows
from ermask_training.bench.subject import Subject
from ermask_training.bench.variants import CLEAN, HALF, HALF_POSTED, POSTED, VARIANTS
from ermask_training.metrics import Rate

UNPROTECTED = "unprotected photo"
SHOWN = (CLEAN, POSTED, HALF, HALF_POSTED)


class Marks:
    """Copies of `mid` and the original, read with a ring of keys and as many foreign ones."""

    name = "mark"

    def pictures(self, subject: Subject) -> dict[str, Photo]:
        return {}

    def outcome(self, subject: Subject, seen: Seen) -> Row:
        shown = {each: VARIANTS[each](subject.protected()) for each in SHOWN}
        return {
            **{name: _read(subject, photo) for name, photo in shown.items()},
            UNPROTECTED: _read(subject, subject.a),
        }

    @staticmethod
    def summarise(rows: Rows, limits: Limits) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        for name in (*SHOWN, UNPROTECTED):
            found = [row[name] for row in rows.values()]
            accepted = Rate(sum(row["false"] for row in found), sum(row["tried"] for row in found))
            if name == UNPROTECTED:
                figures[name] = {"key accepted": accepted.as_json()}
                continue
            scores = [row["score"] for row in found if row["score"] is not None]
            figures[name] = {
                "right key named": Rate(sum(row["named"] for row in found), len(found)).as_json(),
                "other key accepted": accepted.as_json(),
                "score": measured(scores, middle, "median") if scores else None,
            }
        return {"key found": figures}


def _read(subject: Subject, photo: Photo) -> Row:
    """Which keys fit; for the original every key counts as a false one."""
    names = [*keys.ring_names(), *keys.ring_names("stranger")]
    ring = [keys.keyed(subject.seed, *each) for each in names]
    try:
        matches = subject.engine.inspect(photo, ring).matches
    except ErmaskError:
        return {"named": False, "false": 0, "tried": 0, "score": None}
    mine = None if photo is subject.a else subject.own[0].id
    others = [match for match in matches if match.circle_id != mine]
    scores = [match.score for match in matches if match.circle_id == mine]
    return {
        "named": bool(matches[0].fits and matches[0].circle_id == mine),
        "false": sum(bool(match.fits) for match in others),
        "tried": len(others),
        "score": round(scores[0], 3) if scores else None,
    }
