"""Where exactly a face was protected: its mark says so.

Crops hang on landmarks, and a protected face has been bent: its landmarks are found two crop
pixels from where the original's were. The mark is not bent. Whoever knows the key sees at which
place it fits best, as other watermarks are registered by a known pattern in them.
"""

from __future__ import annotations

import numpy as np

from ermask import mark, mark_reading
from ermask.align import Doubles, Floats, Similarity, moved

SPREAD = 1.6
"""Standard deviation of what landmarks are off, in crop pixels, along each of four ways: across,
down, in size and in turn. Measured on 58 people of the lab's calibration set, JPEG or not."""
ARM = 60.0
"""Crop pixels from the middle at which a turn or a change of size counts as a shift."""
STEPS = (2.0, 1.0, 0.5)
"""Crop pixels between the places compared, round by round."""


def place(crop: Floats, key: mark.DerivesBytes, strength: str) -> Similarity:
    """From a protected crop (3, CROP, CROP) to the crop as protecting cut it.

    The most probable place: half the square of a normal score is the log likelihood of its best
    fitting strength, and where the crop was cut is taken as normal too, SPREAD wide. A mark that is
    too faint to be read leaves the crop close to where it was.
    """
    face, signs = mark_reading.planes(crop), mark.signs(key, strength).ravel()

    def likelihood(off: Doubles) -> float:
        score = max(0.0, float(mark_reading.reading(face, _moved(off)) @ signs))
        return (score**2 - float(off @ off) / SPREAD**2) / 2

    at = np.zeros(4)
    best = likelihood(at)
    for step in STEPS:
        ways = step * np.eye(4)
        peaks = [_peak(likelihood(at - way), best, likelihood(at + way)) for way in ways]
        target = at + step * np.array(peaks)
        for there in (target, (at + target) / 2):
            if (found := likelihood(there)) > best:
                at, best = there, found
                break
    return _moved(at)


def _moved(off: Doubles) -> Similarity:
    dx, dy, growth, turn = off.tolist()
    return moved(dx, dy, 1 + growth / ARM, turn / ARM)


def _peak(before: float, here: float, after: float) -> float:
    """Where a parabola through values at -1, 0 and 1 is highest, at most 1.5 away."""
    curve = before - 2 * here + after
    if curve >= 0:
        return float(np.sign(after - before))
    return float(np.clip((before - after) / (2 * curve), -1.5, 1.5))
