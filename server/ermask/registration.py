"""Where exactly a face was protected: its mark says so.

Crops hang on landmarks, and a protected face has been bent: its landmarks are found two crop
pixels from where the original's were. The mark is not bent. Whoever knows the key sees at which
place it fits best, as other watermarks are registered by a known pattern in them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ermask import mark, mark_reading
from ermask.align import Doubles, Floats, Similarity, moved

Reader = Callable[[Similarity], Floats]
"""What the face says at a place, see `mark_reading.reader`."""

SPREAD = 1.6
"""Standard deviation of what landmarks are off, in crop pixels, along each of four ways: across,
down, in size and in turn. Measured on 58 people of the lab's calibration set, JPEG or not."""
ARM = 60.0
"""Crop pixels from the middle at which a turn or a change of size counts as a shift."""
STEPS = (2.0, 1.0, 0.5)
"""Crop pixels between the places compared, step by step."""
ROUNDS = 2
"""Times all steps are taken: what the photo does is told apart better at the better place."""


def place(crop: Floats, key: mark.DerivesBytes, strength: str) -> Similarity:
    """From a protected crop (3, CROP, CROP) to the crop as protecting cut it.

    The most probable place: half the square of a normal score is the log likelihood of its best
    fitting strength, and where the crop was cut is taken as normal too, SPREAD wide. A mark that is
    too faint to be read leaves the crop close to where it was.
    """
    face, signs = mark_reading.averaged(crop), mark.signs(key, strength).ravel()
    at = np.zeros(4)
    for _ in range(ROUNDS):
        at = _climbed(partial(_likelihood, mark_reading.reader(face, _moved(at)), signs), at)
    return _moved(at)


def placed(
    places: list[Similarity], crops: Floats, key: mark.DerivesBytes, strength: str
) -> list[Similarity]:
    """Where exactly the faces of one photo were protected: from the photo to the crops.

    Args:
        places, crops: where they are, about, and the crops (N, 3, CROP, CROP) that were cut there.
    """
    pairs = zip(places, crops, strict=True)
    return [about.then(place(crop, key, strength)) for about, crop in pairs]


def _likelihood(read: Reader, signs: Floats, off: Doubles) -> float:
    score = max(0.0, float(read(_moved(off)) @ signs))
    return (score**2 - float(off @ off) / SPREAD**2) / 2


def _climbed(likelihood: Callable[[Doubles], float], at: Doubles) -> Doubles:
    """A more likely place than `at`, where parabolas through what is beside it lead."""
    best = likelihood(at)
    for step in STEPS:
        ways = step * np.eye(4)
        peaks = [_peak(likelihood(at - way), best, likelihood(at + way)) for way in ways]
        target = at + step * np.array(peaks)
        for there in (target, (at + target) / 2):
            if (found := likelihood(there)) > best:
                at, best = there, found
                break
    return at


def _moved(off: Doubles) -> Similarity:
    dx, dy, growth, turn = off.tolist()
    return moved(dx, dy, 1 + growth / ARM, turn / ARM)


def _peak(before: float, here: float, after: float) -> float:
    """Where a parabola through values at -1, 0 and 1 is highest, at most 1.5 away."""
    curve = before - 2 * here + after
    if curve >= 0:
        return float(np.sign(after - before))
    return float(np.clip((before - after) / (2 * curve), -1.5, 1.5))
