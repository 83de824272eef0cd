"""InsightFace as the detector: when it is chosen, and that its faces come out where they are."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ermask import insight
from ermask.detect import CenterFace
from ermask.engine import open_engine
from ermask.errors import DetectorMissing, ModelCorrupt
from ermask.faces import Face
from ermask.insight import PACKS, InsightFace
from ermask.sessions import Models
from ermask.settings import load_settings

if TYPE_CHECKING:
    from tests.server.conftest import Machine

Array = np.ndarray[Any, Any]

STRIDES = (8, 16, 32)
BOX = (4.0, 5.0, 6.0, 7.0)
"""Left, top, right and bottom of the made-up face, in cells of 8 pixels from its anchor."""
MARKS = np.array([[-2.0, -2.0], [2.5, -2.0], [0.0, 0.5], [-1.5, 3.0], [2.0, 3.0]])
GOOD = "class SCRFD: ...\n"
BROKEN = 'raise ImportError("libGL.so.1: cannot open shared object file")\n'


def scrfd_bytes(*, landmarks: bool = True, name: str = "input.1") -> bytes:
    """A network with the inputs and outputs of SCRFD: a face wherever a cell of 8 x 8 is red."""
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    nodes, constants = [], []
    outputs: dict[str, list[str]] = {"score": [], "box": [], "marks": []}

    def constant(label: str, values: Any) -> str:
        array = np.asarray(values)
        kind = TensorProto.INT64 if array.dtype == np.int64 else TensorProto.FLOAT
        constants.append(helper.make_tensor(label, kind, array.shape, array.ravel().tolist()))
        return label

    first, second = constant("first", [0]), constant("second", [1])
    column, nothing = constant("column", [-1, 1]), constant("nothing", 0.0)
    tables = {"box": constant("boxes", [BOX]), "marks": constant("points", [MARKS.ravel()])}
    for stride in STRIDES:

        def node(kind: str, inputs: list[str], to: str, mark: int = stride, **more: Any) -> str:
            nodes.append(helper.make_node(kind, inputs, [f"{to}{mark}"], **more))
            return f"{to}{mark}"

        side = [stride, stride]
        pooled = node("AveragePool", [name], "pooled", kernel_shape=side, strides=side)
        red = node("Slice", [pooled, first, second, second], "red")
        flat = node("Reshape", [red, column], "flat")
        anchors = node("Concat", [flat, flat], "anchors", axis=1)
        both = node("Reshape", [anchors, column], "both")
        none = node("Mul", [both, nothing], "none")
        outputs["score"].append(node("Identity", [both if stride == 8 else none], "score"))
        for label, table in tables.items():
            outputs[label].append(node("Add", [none, table], label))
    names = outputs["score"] + outputs["box"] + (outputs["marks"] if landmarks else [])
    graph = helper.make_graph(
        nodes,
        "scrfd",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, None, None])],
        [helper.make_tensor_value_info(each, TensorProto.FLOAT, [None, None]) for each in names],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    """A folder of model packs, empty."""
    folder = tmp_path / "packs"
    folder.mkdir()
    return folder


def put(packs: Path, pack: str = "buffalo_l", data: bytes = b"") -> Path:
    path = packs / pack / PACKS[pack]
    path.parent.mkdir()
    path.write_bytes(data)
    return path


class Hide:
    """Finds no `insightface`, and keeps others from finding it."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "insightface":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """`package(code)` puts a stand-in for `insightface` before the real one; None hides both."""

    def make(code: str | None) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "insightface"]:
            monkeypatch.delitem(sys.modules, name)
        if code is None:
            monkeypatch.setattr(sys, "meta_path", [Hide(), *sys.meta_path])
            return
        zoo = tmp_path / "stand_in" / "insightface" / "model_zoo"
        zoo.mkdir(parents=True)
        for name in ("insightface", "insightface.model_zoo", "insightface.model_zoo.scrfd"):
            # registered, so that what the import leaves behind is taken away again
            monkeypatch.setitem(sys.modules, name, None)
            del sys.modules[name]
        (zoo.parent / "__init__.py").touch()
        (zoo / "__init__.py").touch()
        (zoo / "scrfd.py").write_text(code)
        monkeypatch.syspath_prepend(str(zoo.parents[1]))

    return make


# --- the choice ----------------------------------------------------------------------------------


def test_auto_takes_insightface_where_package_and_pack_are_there(packs, package) -> None:
    package(GOOD)
    path = put(packs)
    assert insight.choose("auto", packs) == insight.choose("insightface", packs) == path


def test_the_best_pack_is_taken(packs, package) -> None:
    package(GOOD)
    put(packs, "buffalo_s")
    put(packs, "antelopev2")
    assert insight.find_model(packs).parent.name == "antelopev2"


def test_the_folder_may_begin_with_the_home_sign(packs, package, monkeypatch) -> None:
    package(GOOD)
    put(packs)
    monkeypatch.setenv("HOME", str(packs.parent))
    monkeypatch.setenv("USERPROFILE", str(packs.parent))
    assert insight.choose("auto", Path("~/packs")) is not None


def test_centerface_is_taken_when_asked_for(packs, package) -> None:
    package(GOOD)
    put(packs)
    assert insight.choose("centerface", packs) is None


@pytest.mark.parametrize("code", [None, BROKEN, "1 / 0\n", GOOD])
def test_without_a_pack_or_a_package_auto_takes_centerface_and_says_so(
    packs, package, caplog, code
) -> None:
    package(code)
    if code != GOOD:
        put(packs)
    with caplog.at_level("INFO"):
        assert insight.choose("auto", packs) is None
    assert "faces are found by CenterFace: " in caplog.text


def test_without_the_package_insightface_fails(packs, package) -> None:
    package(None)
    put(packs)
    with pytest.raises(DetectorMissing, match="not installed") as caught:
        insight.choose("insightface", packs)
    assert 'pip install "ermask[insightface]"' in (caught.value.hint or "")


def test_with_a_broken_package_insightface_fails_and_names_the_fault(packs, package) -> None:
    package(BROKEN)
    put(packs)
    with pytest.raises(DetectorMissing, match=r"libGL\.so\.1") as caught:
        insight.choose("insightface", packs)
    assert "opencv-python-headless" in (caught.value.hint or "")


def test_with_a_missing_dependency_it_is_not_the_package_that_is_missing(packs, package) -> None:
    package("import ermask_no_such_module\n")
    put(packs)
    with pytest.raises(DetectorMissing, match="cannot be imported"):
        insight.choose("insightface", packs)


def test_without_a_pack_insightface_fails_and_tells_where_it_belongs(packs, package) -> None:
    package(GOOD)
    (packs / "buffalo_l").mkdir()
    (packs / "buffalo_l" / "w600k_r50.onnx").touch()
    with pytest.raises(DetectorMissing, match="packs") as caught:
        insight.choose("insightface", packs)
    assert "buffalo_l/det_10g.onnx" in (caught.value.hint or "")


@pytest.mark.parametrize("name, kind", [("insightface", InsightFace), ("centerface", CenterFace)])
def test_the_engine_has_the_detector_of_the_settings(tmp_path, packs, package, name, kind) -> None:
    package(GOOD)
    put(packs)
    env = {"ERMASK_HOME": str(tmp_path), "ERMASK_INSIGHTFACE_DIR": str(packs)}
    engine = open_engine(load_settings(env | {"ERMASK_DETECTOR": name}))
    assert type(engine._detector) is kind


def test_an_engine_without_its_detector_is_not_opened(tmp_path, packs) -> None:
    env = {"ERMASK_HOME": str(tmp_path), "ERMASK_INSIGHTFACE_DIR": str(packs)}
    with pytest.raises(DetectorMissing):
        open_engine(load_settings(env | {"ERMASK_DETECTOR": "insightface"}))


def test_doctor_tells_which_detector_is_in_use(machine: Machine, packs, package) -> None:
    from ermask.doctor import examine

    package(GOOD)
    env = {name: value for name, value in machine.env.items() if "ERMASK" in name}
    env["ERMASK_INSIGHTFACE_DIR"] = str(packs)

    def check(wanted: str) -> Any:
        found = examine(env | {"ERMASK_DETECTOR": wanted})
        return next(check for check in found if check.name == "detector")

    assert check("auto").message.endswith("uses CenterFace")
    assert check("insightface").outcome == "fail"
    path = put(packs)
    assert check("auto").message.endswith(f"uses InsightFace with {path}")


# --- landmarks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shift, scale", [((4, -3), 1.0), ((-3, 2), 1.08), ((0, 5), 0.94)])
def test_whoever_finds_the_face_the_crop_is_the_same(
    detector: CenterFace, astronaut: Array, shift: tuple[int, int], scale: float
) -> None:
    [face] = detector.find(astronaut)
    middle = face.landmarks.mean(0)
    rough = replace(face, landmarks=(face.landmarks - middle) * scale + middle + shift)
    finder = InsightFace(lambda: None, detector.look)  # type: ignore[arg-type, return-value]
    finder._look = lambda rgb: [rough]  # type: ignore[method-assign]
    [found] = finder.find(astronaut)
    rim = np.array([[32.0, 126.0], [192.0, 126.0], [112.0, 34.0], [112.0, 218.0]])
    there = face.similarity.inverse().apply(rim)
    before, after = (
        np.hypot(*(each.similarity.apply(there) - rim).T).max() for each in (rough, found)
    )
    assert before > 4
    assert after < 1.25


# --- the real package on a made-up model ---------------------------------------------------------


def unseen(rgb: Array) -> list[Face]:
    return []


@pytest.fixture
def open_models(packs: Path, tmp_path: Path) -> Callable[[bytes], Models]:
    def make(data: bytes) -> Models:
        return Models(tmp_path, device="cpu", threads=1, insightface=put(packs, data=data))

    return make


@pytest.fixture
def real_package() -> None:
    try:
        importlib.import_module("insightface.model_zoo.scrfd")
    except ImportError as error:
        pytest.skip(f"the package insightface cannot be imported: {error}")


@pytest.mark.parametrize("zoom", [1, 2])
@pytest.mark.parametrize("width, height", [(320, 256), (310, 250)])
def test_faces_come_out_where_they_are(
    real_package: None, open_models, zoom: int, width: int, height: int
) -> None:
    rgb = np.zeros((height * zoom, width * zoom, 3), np.uint8)
    cells = [(24, 8), (5, 21)]
    if zoom == 2:
        # as wide as the coarse look, so that it is scaled by exactly a half
        rgb = np.zeros((512, 1280, 3), np.uint8)
    for column, row in cells:
        top, left = row * 8 * zoom, column * 8 * zoom
        rgb[top : top + 8 * zoom, left : left + 8 * zoom, 0] = 255
    rgb[:64, :64, 2] = 255
    faces = InsightFace(open_models(scrfd_bytes()).load_insightface, unseen).find(rgb)
    assert len(faces) == len(cells)
    for face, cell in zip(faces, sorted(cells), strict=True):
        anchor = np.array(cell) * 8.0 * zoom
        unit = 8.0 * zoom
        np.testing.assert_allclose(face.box[:2], anchor - np.array(BOX[:2]) * unit, atol=1e-3)
        np.testing.assert_allclose(face.box[2:], anchor + np.array(BOX[2:]) * unit, atol=1e-3)
        np.testing.assert_allclose(face.landmarks, anchor + MARKS * unit, atol=1e-3)
        assert 0.5 < face.score <= 1


def test_a_session_that_was_dropped_is_opened_again(real_package: None, open_models) -> None:
    models = open_models(scrfd_bytes())
    finder = InsightFace(models.load_insightface, unseen)
    assert finder.find(np.zeros((64, 96, 3), np.uint8)) == []
    assert models.active() == {"insightface": "CPUExecutionProvider"}
    models.close()
    assert finder.find(np.zeros((64, 96, 3), np.uint8)) == []


def test_a_model_without_landmarks_is_refused(real_package: None, open_models) -> None:
    finder = InsightFace(open_models(scrfd_bytes(landmarks=False)).load_insightface, unseen)
    with pytest.raises(ModelCorrupt, match="no landmarks"):
        finder.find(np.zeros((64, 96, 3), np.uint8))


def test_other_files_are_refused(open_models) -> None:
    with pytest.raises(ModelCorrupt, match="cannot open the model"):
        open_models(b"not a model").load_insightface()


def test_other_networks_are_refused(open_models) -> None:
    with pytest.raises(ModelCorrupt, match=r"det_10g\.onnx is no InsightFace detection model"):
        open_models(scrfd_bytes(name="data")).load_insightface()


def test_a_model_that_is_gone(open_models, packs: Path) -> None:
    models = open_models(b"")
    (packs / "buffalo_l" / PACKS["buffalo_l"]).unlink()
    with pytest.raises(DetectorMissing, match="cannot be read"):
        models.load_insightface()


def test_without_a_model_there_is_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(DetectorMissing):
        Models(tmp_path).load_insightface()
