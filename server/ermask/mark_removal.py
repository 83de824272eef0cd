"""Taking a mark off a photo, so that what is restored cannot be read as protected."""

from __future__ import annotations

from ermask import align, mark, mark_reading, registration, render
from ermask.align import Pixels, Similarity

PASSES, QUIET, THOROUGH = 3, 2.0, 1.8
"""How often a mark is taken off; the score at which it need not be: that of keys which were not
used is about 3, the best of all their draws and presets; and times what is heard of it: the file
that is made of the photo brings part of it back, where rounding goes as it went before."""


def unmarked(
    rgb: Pixels, places: list[Similarity], key: mark.DerivesBytes, strength: str
) -> Pixels:
    """The photo (H, W, 3) uint8 without the key's mark on the faces at `places`.

    What is left after it was taken off shows how far its place was off: part of a pixel is enough
    to leave a mark that can be read, where the photo has little colour of its own.
    """
    for done in range(PASSES):
        crops = align.crops(rgb, places)
        if mark.scores(mark_reading.read(crops), key, strength).max() < QUIET:
            break
        if done:
            places = registration.placed(places, crops, key, strength)
            crops = align.crops(rgb, places)
        loud = [mark_reading.loudness(crop, key, strength) for crop in crops]
        takes_off = [mark.residual(key, strength, -THOROUGH * each) for each in loud]
        pairs = zip(places, takes_off, strict=True)
        rgb = render.apply(rgb, [render.Change(place, each) for place, each in pairs])
    return rgb
