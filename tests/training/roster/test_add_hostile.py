"""What cannot be added leaves the folder as it was: strange networks, damage, a failing disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from torch import Tensor, nn

from ermask_training.roster.add import Candidate, add


def state_of(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def unchanged(by_hand):
    """The folder of the roster; after the test it must be as it was."""
    before = state_of(by_hand)
    yield by_hand
    assert state_of(by_hand) == before
    assert [path for path in by_hand.iterdir() if path.is_dir()] == []


def test_a_pack_without_or_with_two_recognisers(unchanged, pack):
    for name, count, said in (("none", 0, "no recognition network among"), ("two", 2, "has 2")):
        with pytest.raises(ValueError, match=said):
            add(unchanged, pack(name, recognisers=count), Candidate(name="new", role="train"))


def test_a_damaged_zip(unchanged, pack, zipped, tmp_path):
    whole = zipped(pack("buffalo_t")).read_bytes()
    short = tmp_path / "short.zip"
    short.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"short\.zip: it cannot be read as a pack"):
        add(unchanged, short, Candidate(name="new", role="train"))


def test_a_pack_has_one_loader(unchanged, pack):
    with pytest.raises(ValueError, match="only loader insightface reads"):
        add(unchanged, pack("p"), Candidate(name="new", role="train", loader="torchscript"))


@pytest.mark.parametrize("name", ["tiny", "judge"])
def test_a_name_is_given_once(unchanged, network, name):
    with pytest.raises(ValueError, match=f"has a recogniser {name} already"):
        add(unchanged, network, Candidate(name=name, role="train"))


@pytest.mark.parametrize("name", ["", "../up", "a b", ".hidden", "a/b"])
def test_a_name_is_a_file_name(unchanged, network, name):
    with pytest.raises(ValueError, match="is no name"):
        add(unchanged, network, Candidate(name=name, role="train"))


def test_a_file_in_the_way_stays(by_hand, network):
    (by_hand / "new.onnx").write_bytes(b"somebody's")
    before = state_of(by_hand)
    with pytest.raises(ValueError, match=r"new\.onnx exists already"):
        add(by_hand, network, Candidate(name="new", role="train"))
    assert state_of(by_hand) == before


def test_a_network_has_one_name(unchanged, roster):
    with pytest.raises(ValueError, match="the same network as tiny"):
        add(unchanged, roster / "tiny.onnx", Candidate(name="new", role="validation"))


def test_no_such_file_or_folder(unchanged, network, tmp_path):
    with pytest.raises(ValueError, match="there is no "):
        add(unchanged, tmp_path / "gone.onnx", Candidate(name="new", role="train"))
    with pytest.raises(ValueError, match="is no folder"):
        add(tmp_path / "nowhere", network, Candidate(name="new", role="train"))


def test_torchscript_needs_a_size(unchanged, scripted):
    with pytest.raises(ValueError, match="give --size"):
        add(unchanged, scripted, Candidate(name="new", role="train"))


def test_a_size_that_does_not_fit(unchanged, scripted, network):
    with pytest.raises(ValueError, match=r"takes faces of \(40, 40\), not of \(32, 32\)"):
        add(unchanged, network, Candidate(name="new", role="train", size=(32, 32)))
    for size in ((48, 48), (0, 32)):
        with pytest.raises(ValueError, match=rf"fails on two faces of \({size[0]}, {size[1]}\)"):
            add(unchanged, scripted, Candidate(name="new", role="train", size=size))


def test_a_box_inside_out(unchanged, network):
    with pytest.raises(ValueError, match=r"new has box \[112"):
        wish = Candidate(name="new", role="train", box=(112.0, 0.0, 0.0, 112.0))
        add(unchanged, network, wish)


def test_a_truncated_network(unchanged, network, tmp_path):
    short = tmp_path / "short.onnx"
    short.write_bytes(network.read_bytes()[:500])
    with pytest.raises(ValueError, match=rf"^{short}: .* cannot be read as ONNX"):
        add(unchanged, short, Candidate(name="new", role="train"))


def write_graph(path: Path, inputs, outputs, nodes, weights=()) -> Path:
    from onnx import TensorProto, helper

    def ports(shapes):
        kind = TensorProto.FLOAT
        return [helper.make_tensor_value_info(name, kind, dims) for name, dims in shapes.items()]

    graph = helper.make_graph(nodes, "g", ports(inputs), ports(outputs), list(weights))
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


@pytest.mark.parametrize(
    "inputs",
    [{"words": ["n", 77]}, {"face": ["n", 1, 32, 32]}, {"face": ["n", 32, 32, 3]}, {}],
)
def test_an_onnx_file_that_takes_no_image(unchanged, tmp_path, inputs):
    from onnx import helper, numpy_helper

    first = next(iter(inputs), "w")
    weight = numpy_helper.from_array(np.zeros((1, 4), np.float32), "w")
    nodes = [helper.make_node("Flatten", [first], ["e"])]
    path = write_graph(tmp_path / "odd.onnx", inputs, {"e": ["n", "m"]}, nodes, [weight])
    with pytest.raises(ValueError, match="not one image"):
        add(unchanged, path, Candidate(name="new", role="train"))


class Odd(nn.Module):
    """A network that is no recogniser, in one of these ways."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "map":
            return x
        if self.way == "one":
            return x.mean()
        if self.way == "constant":
            return x.new_ones([x.shape[0], 8])
        if self.way == "nan":
            return x.flatten(1)[:, :8] / 0.0 * 0.0
        if self.way == "steps":
            return x.flatten(1)[:, :8].round()
        return x.flatten(1)[:, :8].detach()


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("map", r"two faces gave \(2, 3, 32, 32\)"),
        ("one", "does not give one matrix"),
        ("constant", "the same embedding"),
        ("nan", "without a number"),
        ("steps", "are zero"),
        ("detached", "gradients do not pass"),
    ],
)
def test_a_network_that_is_no_recogniser(unchanged, tmp_path, way, said):
    path = tmp_path / "odd.pt"
    torch.jit.script(Odd(way)).save(str(path))
    with pytest.raises(ValueError, match=said):
        add(unchanged, path, Candidate(name="new", role="train", size=(32, 32)))


def test_weights_in_a_file_of_their_own_are_refused(unchanged, tmp_path, network):
    path = tmp_path / "split.onnx"
    onnx.save(
        onnx.load(network), path, save_as_external_data=True, location="w.data", size_threshold=0
    )
    with pytest.raises(ValueError, match=r"w\.data"):
        add(unchanged, path, Candidate(name="new", role="train"))


def test_a_roster_that_is_no_toml_is_left_alone(by_hand, network):
    (by_hand / "roster.toml").write_text("[[recogniser]\n")
    before = state_of(by_hand)
    with pytest.raises(ValueError, match="is no TOML"):
        add(by_hand, network, Candidate(name="new", role="train"))
    assert state_of(by_hand) == before


@pytest.mark.parametrize("failing", ["roster.toml.tmp", "roster.toml"])
def test_a_disk_that_fails_while_the_roster_is_written(unchanged, network, monkeypatch, failing):
    write, rename = Path.write_bytes, Path.replace

    def written(self, data):
        if self.name == failing:
            write(self, data[:10])
            raise OSError(28, "No space left on device")
        return write(self, data)

    def renamed(self, target):
        if Path(target).name == failing:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "write_bytes", written)
    monkeypatch.setattr(Path, "replace", renamed)
    with pytest.raises(OSError, match=r"No space|Input/output"):
        add(unchanged, network, Candidate(name="new", role="train"))
