"""Photos to a prepared set, with the detector that ships."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from ermask.contract import CROP
from ermask.detect import CenterFace
from ermask.faces import Face
from ermask.sessions import Models
from ermask_training import data


def jpeg(rgb: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return np.asarray(pytest.importorskip("skimage.data").astronaut())


@pytest.fixture
def photos(tmp_path, astronaut):
    """Two identities with a face, one picture without, one broken file, one that is no photo."""
    half = np.asarray(Image.fromarray(astronaut).resize((256, 256)))
    rng = np.random.default_rng(0)
    files = {
        "eileen/1.jpg": jpeg(astronaut),
        "eileen/2.JPG": jpeg(astronaut[:, ::-1]),
        "other/small.png.jpeg": jpeg(half),
        "other/field.jpg": jpeg(rng.integers(0, 90, (200, 200, 3), np.uint8)),
        "other/broken.jpg": jpeg(astronaut)[:200],
        "other/notes.txt": b"no photo",
    }
    for name, content in files.items():
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "photos"


def test_prepare_cuts_one_crop_from_every_face(photos, tmp_path, astronaut):
    counted: list[int] = []
    detector = CenterFace(Models().load_detector)
    done = data.prepare(photos, tmp_path / "set", detector, counted.append)
    assert done == data.Prepared(crops=3, identities=2, without_face=1, unreadable=1)
    assert sum(counted) == len(data.photos_by_identity(photos)) == 5
    found = data.load(tmp_path / "set")
    assert found.identities == ("eileen", "eileen", "other")
    assert found.photos == ("eileen/1.jpg", "eileen/2.JPG", "other/small.png.jpeg")
    assert found.crops.shape == (len(found), CROP, CROP, 3)
    large, mirrored, small = (np.asarray(crop, float) for crop in found.crops)
    # the same face at half the size, and mirrored, comes to nearly the same crop
    for other in (small, mirrored[:, ::-1]):
        assert np.corrcoef(large.ravel(), other.ravel())[0, 1] > 0.9


def test_a_folder_without_faces(tmp_path):
    class Blind:
        def find(self, rgb: np.ndarray) -> list[Face]:
            return []

        def find_again(self, rgb: np.ndarray, faces: list[Face]) -> list[Face]:
            return faces

    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(jpeg(np.zeros((50, 50, 3), np.uint8)))
    with pytest.raises(ValueError, match="has a face"):
        data.prepare(tmp_path, tmp_path / "set", Blind(), lambda count: None)
    assert not (tmp_path / "set").exists()


def test_the_main_face_is_large_and_central():
    def face(left: float, width: float) -> Face:
        return Face((left, 40, left + width, 40 + width), 0.9, np.zeros((5, 2)))

    edge, middle, tiny = face(0, 40), face(80, 40), face(95, 10)
    assert data.main_face([edge, middle, tiny], 200, 120) is middle
    assert data.main_face([edge, face(160, 10)], 200, 120) is edge


def test_an_unprepared_folder(tmp_path):
    with pytest.raises(ValueError, match="is not a prepared set"):
        data.load(tmp_path)


def test_a_set_of_another_crop_size(prepared):
    folder = prepared("old", ["a"])
    index = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps({**index, "crop": 112}))
    with pytest.raises(ValueError, match="crops of 112"):
        data.load(folder)


def test_disjoint_sets(prepared):
    one, two = data.load(prepared("1", ["ada", "bo"])), data.load(prepared("2", ["cy"]))
    data.require_disjoint([one, two])
    both = data.load(prepared("3", ["dee", "bo"]))
    with pytest.raises(ValueError, match="identity bo "):
        data.require_disjoint([one, two, both])
