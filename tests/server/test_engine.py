"""The story from pixels to pixels: real detector, real sessions, tiny networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.server.engine_parts import CLUB, FAMILY, WORK, as_photo, psnr

from ermask import codec
from ermask.circles import Circle
from ermask.codec import Photo
from ermask.contract import STRENGTHS
from ermask.detect import CenterFace
from ermask.engine import Engine, open_engine
from ermask.errors import AlreadyProtected, FacesTooSmall, NoFaceFound, WrongKey
from ermask.faces import MIN_FACE, Face
from ermask.keys import Key
from ermask.sessions import Models
from ermask.settings import load_settings

Array = np.ndarray[Any, Any]


def as_grey(rgb: Array) -> Array:
    return np.asarray(Image.fromarray(rgb).convert("L").convert("RGB"))


class Finds:
    """A detector that finds what it is told to."""

    def __init__(self, *faces: Face) -> None:
        self.faces = list(faces)

    def find(self, rgb: Array) -> list[Face]:
        return self.faces

    def find_again(self, rgb: Array, faces: list[Face]) -> list[Face]:
        return faces


# --- protect and restore ---------------------------------------------------------------------


@pytest.mark.parametrize("strength", list(STRENGTHS))
def test_restore_undoes_protect_with_the_key_that_fits(
    engine: Engine, photo: Photo, strength: str
) -> None:
    protected = engine.protect(photo, *FAMILY, strength)
    restored = engine.restore(protected.photo, [WORK, FAMILY, CLUB])
    assert restored.matches[0].circle_id == FAMILY[0].id
    assert restored.matches[0].strength == strength
    assert [match.fits for match in restored.matches] == [True, False, False]
    assert psnr(restored.photo.rgb, photo.rgb) > psnr(protected.photo.rgb, photo.rgb) + 5


def test_what_protect_reports(engine: Engine, photo: Photo, astronaut_landmarks: Array) -> None:
    result = engine.protect(photo, *FAMILY)
    [face] = result.faces
    assert face.changed
    assert face.reason is None
    assert face.width == face.box[2] - face.box[0] > 60
    assert face.box[0] < astronaut_landmarks[2, 0] < face.box[2]
    assert 0.5 < face.score <= 1
    [match] = result.matches
    assert match.fits
    assert (match.label, match.strength) == ("Family", "mid")
    assert len(result.changes) == 1
    assert list(result.ms) == ["detect", "align", "mark", "network", "render"]
    assert all(ms >= 0 for ms in result.ms.values())


def test_only_the_face_changes(engine: Engine, photo: Photo) -> None:
    result = engine.protect(photo, *FAMILY)
    changed = (result.photo.rgb != photo.rgb).any(2)
    [face] = result.faces
    rows, columns = np.nonzero(changed)
    reach = face.width / 2
    assert face.box[0] - reach < columns.min() < columns.max() < face.box[2] + reach
    assert face.box[1] - reach < rows.min() < rows.max() < face.box[3] + reach
    assert changed[100:150, 205:245].mean() > 0.9


def test_a_stronger_preset_changes_more(engine: Engine, photo: Photo) -> None:
    changes = [
        psnr(engine.protect(photo, *FAMILY, strength).photo.rgb, photo.rgb)
        for strength in ("low", "mid", "high")
    ]
    assert changes == sorted(changes, reverse=True)
    assert changes[0] - changes[2] > 2


def test_the_key_decides_the_change(engine: Engine, photo: Photo) -> None:
    one, other = (engine.protect(photo, *each).photo.rgb for each in (FAMILY, WORK))
    assert not np.array_equal(one, other)
    assert np.array_equal(one, engine.protect(photo, *FAMILY).photo.rgb)


def test_every_face_of_a_group_is_changed_and_restored(engine: Engine, astronaut: Array) -> None:
    head = astronaut[20:260, 110:350]
    group = as_photo(np.ascontiguousarray(np.hstack([head, head[:, ::-1], head])))
    protected = engine.protect(group, *FAMILY)
    assert [face.changed for face in protected.faces] == [True] * 3
    restored = engine.restore(protected.photo, [FAMILY])
    for left in (0, 240, 480):
        part = slice(left, left + 240)
        assert psnr(restored.photo.rgb[:, part], group.rgb[:, part]) > psnr(
            protected.photo.rgb[:, part], group.rgb[:, part]
        )


# --- wrong keys ------------------------------------------------------------------------------


def test_a_wrong_key_is_said_to_be_wrong(engine: Engine, photo: Photo) -> None:
    protected = engine.protect(photo, *FAMILY).photo
    with pytest.raises(WrongKey, match=r"The key of Work does not fit .*score -?\d+\.\d, needed 6"):
        engine.restore(protected, [WORK])
    with pytest.raises(WrongKey, match=r"None of 2 keys fits .*; the best is that of (Work|Club)"):
        engine.restore(protected, [WORK, CLUB])
    with pytest.raises(WrongKey, match="There is no key on this machine"):
        engine.restore(protected, [])


def test_a_key_that_is_likely_is_named(
    engine: Engine, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    protected = engine.protect(photo, *FAMILY).photo
    [match] = engine.inspect(protected, [FAMILY]).matches
    with pytest.raises(WrongKey) as wrong:
        engine.restore(protected, [WORK, CLUB])
    assert wrong.value.hint == WrongKey.hint
    assert wrong.value.likely is None
    monkeypatch.setattr("ermask.mark.threshold", lambda readings: match.score + 0.1)
    with pytest.raises(WrongKey, match="None of 3 keys fits") as faint:
        engine.restore(protected, [WORK, FAMILY, CLUB])
    assert faint.value.hint is not None
    assert "most likely that of Family" in faint.value.hint
    assert faint.value.likely == FAMILY[0].id


def test_an_unprotected_photo_fits_no_key(engine: Engine, photo: Photo) -> None:
    with pytest.raises(WrongKey):
        engine.restore(photo, [FAMILY])


def test_force_applies_a_key_that_does_not_fit(engine: Engine, photo: Photo) -> None:
    protected = engine.protect(photo, *FAMILY).photo
    forced = engine.restore(protected, [WORK], force=True)
    assert not forced.matches[0].fits
    right = engine.restore(protected, [FAMILY], force=True)
    assert right.matches[0].fits
    assert psnr(right.photo.rgb, photo.rgb) > psnr(forced.photo.rgb, photo.rgb) + 3


def test_force_takes_the_mark_that_comes_nearest(
    engine: Engine, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mark too faint to be proof still names the preset and the draw. The eraser is told how sure
    it is: hardly less than of one that is proof, or not at all.
    """
    protected = engine.protect(photo, *FAMILY, "high").photo
    proven = engine.restore(protected, [FAMILY])
    made = []
    for needed in (proven.matches[0].score + 0.1, 1000.0):
        monkeypatch.setattr("ermask.mark.threshold", lambda readings, needed=needed: needed)
        forced = engine.restore(protected, [FAMILY], force=True)
        assert not forced.matches[0].fits
        assert replace(forced.matches[0], threshold=0, fits=True) == replace(
            proven.matches[0], threshold=0
        )
        made.append(psnr(forced.photo.rgb, photo.rgb))
    assert made[0] > psnr(proven.photo.rgb, photo.rgb) - 0.5
    assert psnr(protected.rgb, photo.rgb) + 3 < made[1] < made[0] - 1


@pytest.mark.parametrize("keys", [[], [FAMILY, WORK]])
def test_force_needs_one_key(engine: Engine, photo: Photo, keys: list[tuple[Circle, Key]]) -> None:
    with pytest.raises(ValueError, match="exactly one key"):
        engine.restore(photo, keys, force=True)


def test_protecting_twice_is_refused_for_the_same_circle_only(engine: Engine, photo: Photo) -> None:
    once = engine.protect(photo, *FAMILY).photo
    with pytest.raises(AlreadyProtected, match="circle Family"):
        engine.protect(once, *FAMILY, "low")
    twice = engine.protect(once, *WORK).photo
    fits = {match.label: match.fits for match in engine.inspect(twice, [FAMILY, WORK]).matches}
    assert fits == {"Family": True, "Work": True}


def test_unknown_strength(engine: Engine, photo: Photo) -> None:
    with pytest.raises(ValueError, match="strength must be one of low, mid, high"):
        engine.protect(photo, *FAMILY, "max")


# --- inspect ---------------------------------------------------------------------------------


def test_inspect_tells_and_changes_nothing(engine: Engine, photo: Photo) -> None:
    protected = engine.protect(photo, *WORK, "high").photo
    result = engine.inspect(protected, [FAMILY, WORK, CLUB])
    assert result.photo is protected
    assert [face.changed for face in result.faces] == [False]
    assert result.matches[0].label == "Work"
    assert [match.fits for match in result.matches] == [True, False, False]
    scores = [match.score for match in result.matches]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > result.matches[0].threshold > scores[1]
    assert engine.inspect(photo, []).matches == []


# --- no face, small faces --------------------------------------------------------------------


@pytest.fixture(params=["protect", "restore", "inspect"])
def operate(request: pytest.FixtureRequest) -> Callable[[Engine, Photo], Any]:
    """Each of the three operations."""
    return {
        "protect": lambda engine, photo: engine.protect(photo, *FAMILY),
        "restore": lambda engine, photo: engine.restore(photo, [FAMILY]),
        "inspect": lambda engine, photo: engine.inspect(photo, [FAMILY]),
    }[request.param]


def test_no_face_is_an_error(engine: Engine, operate: Callable[[Engine, Photo], Any]) -> None:
    data = pytest.importorskip("skimage.data")
    with pytest.raises(NoFaceFound):
        operate(engine, as_photo(np.ascontiguousarray(data.coffee())))


def small(landmarks: Array, width: float) -> Face:
    factor = width / 88
    return Face((10, 10, 10 + width, 12 + 1.3 * width), 0.9, (landmarks - 180) * factor + 12)


def test_only_small_faces_is_an_error(
    tiny_models: Path,
    photo: Photo,
    astronaut_landmarks: Array,
    operate: Callable[[Engine, Photo], Any],
) -> None:
    finds = Finds(*(small(astronaut_landmarks, width) for width in (12.0, MIN_FACE - 0.5)))
    engine = Engine(Models(tiny_models, device="cpu", threads=1), finds)
    with pytest.raises(FacesTooSmall, match=r"largest face is 23 pixels wide; 24 are"):
        operate(engine, photo)


def test_small_faces_beside_large_ones_are_reported_and_left(
    tiny_models: Path, detector: CenterFace, photo: Photo, astronaut_landmarks: Array
) -> None:
    [large] = detector.find(photo.rgb)
    finds = Finds(small(astronaut_landmarks, MIN_FACE - 1), large)
    engine = Engine(Models(tiny_models, device="cpu", threads=1), finds)
    result = engine.protect(photo, *FAMILY)
    assert [(face.changed, face.reason) for face in result.faces] == [
        (False, "too_small"),
        (True, None),
    ]
    assert np.array_equal(result.photo.rgb[:50, :50], photo.rgb[:50, :50])
    restored = engine.restore(result.photo, [FAMILY])
    assert [face.changed for face in restored.faces] == [False, True]


def test_a_really_small_face_is_told_from_none(engine: Engine, photo: Photo) -> None:
    """Found by the detector itself: 88 pixels scaled to about 20."""
    im = Image.fromarray(photo.rgb).resize((118, 118), Image.Resampling.LANCZOS)
    with pytest.raises(FacesTooSmall):
        engine.protect(as_photo(np.asarray(im)), *FAMILY)


# --- what the photo was keeps to it ----------------------------------------------------------


def test_alpha_and_file_type_are_kept(engine: Engine, astronaut: Array) -> None:
    alpha = np.full((512, 512), 200, np.uint8)
    alpha[:40] = 0
    photo = as_photo(astronaut, alpha=alpha, format="WEBP")
    protected = engine.protect(photo, *FAMILY).photo
    assert protected.alpha is not None
    assert np.array_equal(protected.alpha, alpha)
    assert (protected.format, protected.input_bytes) == ("WEBP", photo.input_bytes)


@pytest.mark.parametrize("fmt", ["JPEG", "PNG"])
def test_a_grey_photo_can_be_restored(engine: Engine, astronaut: Array, fmt: str) -> None:
    """It becomes a photo in colour, and a very faint one: the mark is read from that."""
    photo = as_photo(as_grey(astronaut), grey=True, format=fmt)
    protected = codec.decode(codec.encode(engine.protect(photo, *FAMILY).photo))
    assert not protected.grey
    restored = engine.restore(protected, [WORK, FAMILY])
    assert restored.matches[0].label == "Family"
    assert psnr(restored.photo.rgb, photo.rgb) > psnr(protected.rgb, photo.rgb) + 3


# --- opening ---------------------------------------------------------------------------------


def test_open_engine_follows_the_settings_and_loads_on_demand(
    tiny_models: Path, tmp_path: Path, photo: Photo
) -> None:
    env = {"ERMASK_HOME": str(tmp_path), "ERMASK_MODELS_DIR": str(tiny_models)}
    engine = open_engine(load_settings({**env, "ERMASK_DEVICE": "cpu", "ERMASK_THREADS": "1"}))
    assert engine.providers == {}
    engine.inspect(photo, [FAMILY])
    assert set(engine.providers) == {"detector"}
    engine.warm_up()
    cpu = "CPUExecutionProvider"
    assert engine.providers == dict.fromkeys(["detector", "chooser", "protector", "eraser"], cpu)
    assert len(engine.find(photo.rgb)) == 1
