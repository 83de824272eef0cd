"""What the engine makes of the mark: which draw, and where a face was protected."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.server.engine_parts import FAMILY, as_photo, psnr

from ermask import align, mark, mark_reading, mark_removal, render
from ermask.align import TEMPLATE, Similarity
from ermask.codec import Photo, decode, encode
from ermask.contract import DRAWS, Role
from ermask.engine import CHOICE, SPARE, Engine
from ermask.faces import Face
from ermask.keys import Key
from ermask.ort_session import Feeds
from ermask.results import Match

Array = np.ndarray[Any, Any]


def test_photos_spread_over_the_draws_and_each_keeps_to_its_own(
    engine: Engine, astronaut: Array
) -> None:
    """Copies of one photo under two draws could be averaged."""
    draws = []
    for shade in range(6):
        photo = as_photo(np.where(astronaut > shade, astronaut - shade, 0).astype(np.uint8))
        copies = [engine.protect(photo, *FAMILY).photo for _ in range(2)]
        assert np.array_equal(copies[0].rgb, copies[1].rgb)
        [match] = engine.inspect(copies[0], [FAMILY]).matches
        draws.append(match.draw)
    assert len(set(draws)) > 1


def test_which_draws_a_photo_may_have_does_not_hang_on_what_processors_disagree_on(
    engine: Engine, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two members of a circle may protect the same photo, each on a machine of their own."""
    asked: list[set[bytes]] = []
    ask, find = Engine._ask, engine._detector.find

    def noted(self: Engine, role: Role, crops: Array, draw: Key, **levels: float) -> Feeds:
        if role == "chooser":
            asked[-1].add(draw.field().tobytes())
        return ask(self, role, crops, draw, **levels)

    def slightly_off(rgb: Array) -> list[Face]:
        return [replace(face, landmarks=face.landmarks + 0.01) for face in find(rgb)]

    monkeypatch.setattr(Engine, "_ask", noted)
    for look in (find, slightly_off):
        monkeypatch.setattr(engine._detector, "find", look)
        asked.append(set())
        engine.protect(photo, *FAMILY)
    assert len(asked[0]) == CHOICE
    assert asked[0] == asked[1]


def test_the_draw_that_hides_best_comes_first(
    engine: Engine, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the chooser says, which here looks at the mean of a plane of the key. Where the mark of
    the first reads well enough, what the others would give is not looked at.
    """
    monkeypatch.setattr("ermask.engine.SPARE", 0.0)
    _, key = FAMILY
    planes = [draw.field()[5].mean() for draw in key.draws]
    [match] = engine.protect(photo, *FAMILY).matches
    better = sum(plane < planes[match.draw] for plane in planes)
    assert better <= DRAWS - CHOICE
    monkeypatch.setattr("ermask.engine.CHOICE", DRAWS)
    [match] = engine.protect(photo, *FAMILY).matches
    assert match.draw == int(np.argmin(planes))


def test_where_the_mark_reads_badly_the_best_of_some_draws_is_taken(
    engine: Engine, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(version: Photo, tries: int, spare: float) -> Match:
        monkeypatch.setattr("ermask.engine.TRIES", tries)
        monkeypatch.setattr("ermask.engine.SPARE", spare)
        [match] = engine.protect(version, *FAMILY).matches
        return match

    first_was_best = []
    for shade in (1, 2, 3):
        version = photo.with_rgb(photo.rgb // shade)
        best = [made(version, tries, math.inf) for tries in (1, 4, CHOICE)]
        scores = [match.score for match in best]
        assert scores == sorted(scores)
        assert made(version, CHOICE, scores[-1] / best[-1].threshold - 1e-3) == best[-1]
        first_was_best.append(len({match.draw for match in best}) == 1)
    assert not all(first_was_best)


def test_the_mark_is_read_in_the_file_that_is_handed_out(engine: Engine, photo: Photo) -> None:
    """What a small file leaves of it may be too little, and nobody is told otherwise."""
    kept = engine.protect(photo, *FAMILY)
    assert kept.matches[0].fits
    assert kept.file is None
    small = engine.protect(replace(photo, format="JPEG", lossless=False, input_bytes=10), *FAMILY)
    assert small.file is not None
    assert small.encoded() is small.file
    assert np.array_equal(decode(small.file).rgb, decode(encode(small.photo)).rgb)
    [match] = engine.inspect(decode(small.file), [FAMILY]).matches
    assert match.score == pytest.approx(small.matches[0].score, abs=0.5)
    assert match.fits is small.matches[0].fits
    assert match.score < kept.matches[0].score / 2


def test_faces_are_restored_at_the_place_where_they_were_protected(
    engine: Engine, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their mark shows it: a bent face is found elsewhere."""
    protected = engine.protect(photo, *FAMILY)
    [change] = protected.changes
    [found] = engine.find(protected.photo.rgb)
    placed: list[Similarity] = []
    apply = render.apply

    def watched(rgb: Array, changes: list[render.Change]) -> Array:
        placed.extend(each.similarity for each in changes)
        return apply(rgb, changes)

    monkeypatch.setattr("ermask.render.apply", watched)
    restored = engine.restore(protected.photo, [FAMILY])
    assert restored.matches[0].score > SPARE * restored.matches[0].threshold
    place = placed[-1]  # the marks come off before

    def off(other: Similarity) -> float:
        there = change.similarity.inverse().apply(TEMPLATE)
        return float(np.abs(other.apply(there) - TEMPLATE).mean())

    assert off(place) < 0.5 * off(found.similarity)
    assert off(place) < 0.4


def test_where_the_mark_is_faint_faces_are_looked_for_again(
    engine: Engine, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    protected = engine.protect(photo, *FAMILY).photo
    again = engine._detector.find_again
    looks: list[int] = []

    def watched(rgb: Array, faces: list[Face]) -> list[Face]:
        looks.append(len(faces))
        return again(rgb, faces)

    monkeypatch.setattr(engine._detector, "find_again", watched)
    engine.restore(protected, [FAMILY])
    assert looks == []
    monkeypatch.setattr("ermask.engine.SPARE", math.inf)
    restored = engine.restore(protected, [FAMILY]).photo
    assert looks == [1]
    assert psnr(restored.rgb, photo.rgb) > psnr(protected.rgb, photo.rgb) + 5


def test_so_are_they_where_one_of_several_marks_is_not_heard(
    engine: Engine, astronaut: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A face in profile is found far from where it was protected, the others near."""
    head = astronaut[20:260, 110:350]
    group = np.ascontiguousarray(np.hstack([head, head[:, ::-1]]))
    protected = engine.protect(as_photo(group), *FAMILY).photo
    find = engine._detector.find

    def misled(rgb: Array) -> list[Face]:
        near, far = find(rgb)
        return [near, replace(far, landmarks=far.landmarks + 9)]

    monkeypatch.setattr(engine._detector, "find", misled)
    restored = engine.restore(protected, [FAMILY]).photo
    for half in np.s_[:, :240], np.s_[:, 240:]:
        assert psnr(restored.rgb[half], group[half]) > psnr(protected.rgb[half], group[half]) + 5


@pytest.mark.parametrize("times", [1, 4])
def test_the_larger_a_face_the_fainter_its_mark_and_restoring_hears_how_faint(
    engine: Engine, astronaut: Array, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    size = (times * astronaut.shape[1], times * astronaut.shape[0])
    large = np.asarray(Image.fromarray(astronaut).resize(size, Image.Resampling.BICUBIC))
    [face] = engine.find(large)
    made = engine.protect(as_photo(large), *FAMILY)
    draw = FAMILY[1].draws[made.matches[0].draw]
    put_on = mark.amplitude(face.width)
    assert (put_on == mark.LOUDEST) == (times == 1)
    [crop] = align.crops(made.photo.rgb, [face.similarity])
    heard = mark_reading.loudness(crop, draw, "mid").mean()
    assert heard == pytest.approx(put_on, rel=0.25)
    taken: list[float] = []
    residual = mark.residual

    def noted(key: Key, strength: str, amplitude: Array) -> Array:
        taken.append(-amplitude.mean())
        return residual(key, strength, amplitude)

    monkeypatch.setattr(mark, "residual", noted)
    engine.restore(made.photo, [FAMILY])
    _, thorough = mark_removal.PASSES[0]
    assert taken[0] == pytest.approx(thorough * put_on, rel=0.25)


def test_the_file_of_a_restored_photo_is_not_held_to_the_size_of_the_copy(
    engine: Engine, photo: Photo
) -> None:
    posted = io.BytesIO()
    Image.fromarray(engine.protect(photo, *FAMILY).photo.rgb).save(posted, "JPEG", quality=60)
    copy = decode(posted.getvalue())
    restored = engine.restore(copy, [FAMILY])
    bound = encode(replace(restored.photo, input_bytes=copy.input_bytes))
    assert len(restored.encoded()) > 1.3 * len(bound)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize(
    ("kind", "quality"), [("PNG", None), ("JPEG", 92), ("JPEG", 75), ("WEBP", 75)]
)
def test_a_restored_photo_has_no_mark_any_more(
    engine: Engine, photo: Photo, kind: str, quality: int | None, grey: bool
) -> None:
    """It could not be protected again otherwise. Compression takes the mark from some cells and
    leaves it to others, and the restored photo's own file may bring some of it back.
    """
    if grey:
        photo = photo.with_rgb(np.asarray(Image.fromarray(photo.rgb).convert("L").convert("RGB")))
    copy = engine.protect(photo, *FAMILY).photo
    posted = io.BytesIO()
    Image.fromarray(copy.rgb).save(posted, kind, quality=quality)
    restored = engine.restore(decode(posted.getvalue()), [FAMILY]).photo
    for each in (
        restored,
        decode(encode(restored)),
        decode(encode(replace(restored, format="JPEG"))),
    ):
        [match] = engine.inspect(each, [FAMILY]).matches
        assert not match.fits
