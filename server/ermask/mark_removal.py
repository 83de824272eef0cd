"""Taking a mark off a photo, so that what is restored cannot be read as protected."""

from __future__ import annotations

from ermask import align, mark, mark_reading, registration, render
from ermask.align import Pixels, Similarity

QUIET = 2.0
"""The score at which a mark need not be taken off. That of keys which were not used is about 3, the
best of all their draws and presets."""
PASSES = ((4.0, 1.5), (1.0, 2.2), (1.0, 2.2))
"""What is done until it is quiet: the weight of the whole crop in how loud it is, see
`mark_reading.loudness`, and times that which comes off. First much alike everywhere, which changes
a photo least, then where it is left. More than there is, as the photo's own file brings some back.
"""


def unmarked(
    rgb: Pixels, places: list[Similarity], key: mark.DerivesBytes, strength: str
) -> Pixels:
    """The photo (H, W, 3) uint8 without the key's mark on the faces at `places`.

    What is left after it was taken off shows how far its place was off: part of a pixel is enough
    to leave a mark that can be read, where the photo has little colour of its own.
    """
    for done, (whole, thorough) in enumerate(PASSES):
        crops = align.crops(rgb, places)
        if mark.scores(mark_reading.read(crops), key, strength).max() < QUIET:
            break
        if done:
            places = registration.placed(places, crops, key, strength)
            crops = align.crops(rgb, places)
        loud = [mark_reading.loudness(crop, key, strength, whole) for crop in crops]
        takes_off = [mark.residual(key, strength, -thorough * each) for each in loud]
        pairs = zip(places, takes_off, strict=True)
        rgb = render.apply(rgb, [render.Change(place, each) for place, each in pairs])
    return rgb
