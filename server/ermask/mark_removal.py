"""Taking a mark off a photo, so that what is restored cannot be read as protected."""

from __future__ import annotations

from ermask import align, mark, mark_reading, registration, render
from ermask.align import Pixels, Similarity

PASSES, QUIET, THOROUGH = 3, 0.3 / 255, 1.5
"""How often a mark is taken off, how loud what is left of it may be, and times what is heard of it:
compression takes it from some cells and leaves others, where it is not to be read again."""


def unmarked(
    rgb: Pixels, places: list[Similarity], key: mark.DerivesBytes, strength: str
) -> Pixels:
    """The photo (H, W, 3) uint8 without the key's mark on the faces at `places`.

    What is left after it was taken off shows how far its place was off: part of a pixel is enough
    to leave a mark that can be read, where the photo has little colour of its own.
    """
    for done in range(PASSES):
        if done:
            places = registration.placed(places, align.crops(rgb, places), key, strength)
        loud = [mark_reading.loudness(crop, key, strength) for crop in align.crops(rgb, places)]
        if max(loud) < QUIET:
            break
        takes_off = [mark.residual(key, strength, -THOROUGH * each) for each in loud]
        pairs = zip(places, takes_off, strict=True)
        rgb = render.apply(rgb, [render.Change(place, each) for place, each in pairs])
    return rgb
