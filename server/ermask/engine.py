"""Protect a photo, and undo it: the story, in order. No HTTP, no disk, no clock but for timings.

`protect` and `restore` mirror each other: find the faces, cut the crops, ask the network what to
change, apply it to the photo. Protecting takes the draw of the key that hides the faces best, adds
its mark, and takes another if the mark cannot be read in its file. Restoring reads it first, and so
the draw and the exact place, and takes it off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ermask import align, codec, insight, mark, mark_reading, matching, registration, render
from ermask.contract import DRAWS, STRENGTHS, Role
from ermask.detect import CenterFace
from ermask.errors import AlreadyProtected, FacesTooSmall, NoFaceFound
from ermask.faces import MIN_FACE, Detector, Face
from ermask.mark_removal import unmarked
from ermask.ort_session import Feeds
from ermask.results import FaceReport, Match, Result, Stopwatch
from ermask.sessions import Models

if TYPE_CHECKING:
    from ermask.circles import Circle
    from ermask.codec import Photo
    from ermask.keys import Key
    from ermask.settings import Settings

Draw = TypeVar("Draw")

CHOICE = 8
"""Draws that a photo may be protected under, of all that its key has."""
ROWS = 16
"""Of so many rows of a photo, one is enough to tell it from others."""
TRIES = 4
"""Draws of the choice that are tried, at most, where the mark is hard to read."""
SPARE = 1.5
"""Times the score that is needed: a mark that reads so well is read on recompressed copies too."""


class Engine:
    """The networks and the detector at work. Not thread-safe: one photo at a time."""

    def __init__(self, models: Models, detector: Detector) -> None:
        self.models = models
        self._detector = detector

    @property
    def providers(self) -> dict[str, str]:
        """The execution provider of every network that is loaded."""
        return {str(name): provider for name, provider in self.models.active().items()}

    def warm_up(self) -> None:
        """Load and try all networks, so that the first photo does not wait for it."""
        self.models.warm_up()

    def find(self, rgb: align.Pixels) -> list[Face]:
        """All faces of a photo (H, W, 3) uint8, large or small, left to right."""
        return self._detector.find(rgb)

    def protect(self, photo: Photo, circle: Circle, key: Key, strength: str = "mid") -> Result:
        """Change every face that is large enough.

        Of a few draws of the key the one is taken that hides the faces best. The mark is read back
        from the file that is made of it; where it reads badly the others are tried, and the one
        that reads best is taken.

        Raises:
            NoFaceFound, FacesTooSmall: nothing could be changed.
            AlreadyProtected: the photo carries this key's mark.
            ValueError: no such strength.
        """
        if strength not in STRENGTHS:
            raise ValueError(f"strength must be one of {', '.join(STRENGTHS)}, not {strength!r}")
        watch = Stopwatch()
        faces, reports, places, crops = self._look(photo, watch)
        ring = [(circle, key)]
        [match] = matching.compare(mark_reading.read(crops), ring)
        if match.fits:
            raise AlreadyProtected(f"This photo is already protected for the circle {match.label}.")
        watch.lap("mark")

        def under(draw: Key) -> Result:
            answer = self._ask("protector", crops, draw, strength=STRENGTHS[strength])
            loud = [mark.amplitude(face.width) for face in faces]
            marks = np.stack([mark.residual(draw, strength, each) for each in loud])
            changes = _changes(places, answer["residual"] + marks, answer["flow"])
            watch.lap("network")
            made = photo.with_rgb(render.apply(photo.rgb, changes))
            watch.lap("render")
            file, posted = None, made.rgb
            if not made.lossless:
                file = codec.encode(made)
                posted = codec.decode(file).rgb
                watch.lap("encode")
            crops_there = _crops(posted, self._again(posted, faces, watch), watch)
            [match] = matching.compare(mark_reading.read(crops_there), ring)
            watch.lap("mark")
            return Result(made, reports, [match], changes, watch.ms, file)

        first, *others = self._order(photo, crops, key, strength)
        best = under(first)
        for draw in others:
            if best.matches[0].score > SPARE * best.matches[0].threshold:
                break
            best = max(best, under(draw), key=lambda made: made.matches[0].score)
        return best

    def restore(
        self, photo: Photo, keys: Sequence[tuple[Circle, Key]], *, force: bool = False
    ) -> Result:
        """Undo `protect` with the key among `keys` that fits.

        Args:
            force: apply the one key that is given although its mark is not found, at the preset and
                draw that come nearest.

        Raises:
            NoFaceFound, FacesTooSmall: nothing could be restored.
            WrongKey: no key fits, and `force` is off.
            ValueError: `force` with any other number of keys than one.
        """
        if force and len(keys) != 1:
            raise ValueError("force needs exactly one key")
        watch = Stopwatch()
        faces, reports, places, crops = self._look(photo, watch)
        readings = mark_reading.read(crops)
        matches = matching.compare(readings, keys)
        watch.lap("mark")
        if not matches or not (matches[0].fits or force):
            raise matching.refusal(matches)
        best = matches[0]
        key = next(key for circle, key in keys if circle.id == best.circle_id)
        draw = key.draws[best.draw]
        rgb = self._undone(photo, places, crops, draw, best, watch)
        faintest = mark_reading.by_face(readings, draw, best.strength).min()
        if faintest < SPARE * best.threshold:
            # it does not say where the face was; what came back shows that better
            places = self._again(rgb, faces, watch)
            crops = _crops(photo.rgb, places, watch)
            rgb = self._undone(photo, places, crops, draw, best, watch)
        # for whoever restores it and no site; and at the copy's own quality its file would be
        # rounded to what the copy was, the mark with it
        restored = replace(photo.with_rgb(rgb), input_bytes=None)
        return Result(restored, reports, matches, ms=watch.ms)

    def inspect(self, photo: Photo, keys: Sequence[tuple[Circle, Key]]) -> Result:
        """Which of the keys fits the photo; matches come best first, the photo is unchanged.

        Raises:
            NoFaceFound, FacesTooSmall: there is nothing to read a mark from.
        """
        watch = Stopwatch()
        _, reports, _, crops = self._look(photo, watch)
        matches = matching.compare(mark_reading.read(crops), keys)
        watch.lap("mark")
        unchanged = [replace(report, changed=False) for report in reports]
        return Result(photo, unchanged, matches, ms=watch.ms)

    def _undone(
        self,
        photo: Photo,
        places: list[align.Similarity],
        crops: align.Floats,
        draw: Key,
        match: Match,
        watch: Stopwatch,
    ) -> align.Pixels:
        """The photo without its mark, and with what the eraser undoes undone.

        Args:
            places, crops: where the faces are, about: bent ones are not found quite where they
                were; and the crops that were cut there.
            match: what the mark says of the draw's key.
        """
        strength = match.strength
        places = registration.placed(places, crops, draw, strength)
        # the mark was not bent: it comes off before the face is bent back
        bare = unmarked(photo.rgb, places, draw, strength)
        watch.lap("mark")
        answer = self._ask(
            "eraser",
            _crops(bare, places, watch),
            draw,
            strength=STRENGTHS[strength],
            fits=1 - mark.chance(match.score, match.threshold),
        )
        changes = _changes(places, answer["residual"], answer["flow"])
        watch.lap("network")
        rgb = render.apply(bare, changes)
        watch.lap("render")
        return rgb

    def _again(
        self, rgb: align.Pixels, faces: list[Face], watch: Stopwatch
    ) -> list[align.Similarity]:
        """Where the faces are in another version of their photo."""
        found = self._detector.find_again(rgb, faces)
        watch.lap("detect")
        return [face.similarity for face in found]

    def _look(
        self, photo: Photo, watch: Stopwatch
    ) -> tuple[list[Face], list[FaceReport], list[align.Similarity], align.Floats]:
        """The faces that are large enough, reports of all, places and crops of the large ones."""
        found = self.find(photo.rgb)
        watch.lap("detect")
        if not found:
            raise NoFaceFound("No face was found in this photo.")
        large = [face for face in found if face.width >= MIN_FACE]
        if not large:
            widest = max(face.width for face in found)
            raise FacesTooSmall(
                f"The largest face is {int(widest)} pixels wide; {MIN_FACE} are needed."
            )
        reports = [
            FaceReport(face.box, face.score, face.width, fits, None if fits else "too_small")
            for face in found
            for fits in [face.width >= MIN_FACE]
        ]
        places = [face.similarity for face in large]
        return large, reports, places, _crops(photo.rgb, places, watch)

    def _order(self, photo: Photo, crops: align.Floats, key: Key, strength: str) -> list[Key]:
        """The draws that are tried for a photo, the one that hides its faces best first.

        A hash says which ones there are to choose from. Were it all of them, photos of one person
        would mostly come under one draw, and show by their marks that they belong together. The
        same photo gets the same ones each time, and on every machine, for which the hash is of
        pixels and not of crops, whose last digits processors disagree on: copies of it that differ
        could be averaged.
        """
        start = hashlib.sha256(photo.rgb[::ROWS].tobytes()).digest()[0] % DRAWS
        every = key.draws
        draws = [*every[start:], *every[:start]][:CHOICE]

        def look(draw: Key, level: float) -> align.Floats:
            answer: align.Floats = self._ask("chooser", crops, draw, strength=level)["embedding"]
            return answer

        seen = known_again(look, draws, STRENGTHS[strength])
        best_first = np.argsort(seen.mean(1), kind="stable")
        return [draws[place] for place in best_first[:TRIES]]

    def _ask(self, role: Role, crops: align.Floats, draw: Key, **levels: float) -> Feeds:
        """One run of a network over all faces; `levels` are its inputs of one number a face."""
        count = len(crops)
        feeds = {"crop": crops, "key": np.repeat(draw.field()[None], count, 0)}
        feeds |= {name: np.full(count, level, np.float32) for name, level in levels.items()}
        return self.models.load(role).run(feeds)


def known_again(
    look: Callable[[Draw, float], align.Floats], draws: Sequence[Draw], level: float
) -> align.Floats:
    """How much of each face is known again under each draw: cosines (draws, N).

    Args:
        look: what the chooser makes of the faces under a draw, at a strength. At 0 nothing is bent.
        level: the strength.
    """
    known = look(draws[0], 0.0)
    return np.stack([(known * look(draw, level)).sum(1) for draw in draws])


def open_engine(settings: Settings) -> Engine:
    """The engine that the settings describe. Networks are loaded at `warm_up` or first use.

    Raises:
        DetectorMissing: the settings ask for InsightFace, and it cannot be had.
    """
    pack = insight.choose(settings.detector, settings.insightface_dir)
    models = Models(
        settings.models_dir,
        device=settings.device,
        threads=settings.threads,
        idle_unload_s=settings.idle_unload_s,
        insightface=pack,
    )
    centerface = CenterFace(models.load_detector)
    if pack is None:
        return Engine(models, centerface)
    return Engine(models, insight.InsightFace(models.load_insightface, centerface.look))


def _crops(rgb: align.Pixels, places: list[align.Similarity], watch: Stopwatch) -> align.Floats:
    crops = align.crops(rgb, places)
    watch.lap("align")
    return crops


def _changes(
    places: list[align.Similarity], residuals: align.Floats, flows: align.Floats
) -> list[render.Change]:
    return [render.Change(*each) for each in zip(places, residuals, flows, strict=True)]
