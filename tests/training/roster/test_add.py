"""A network is added whole, or the folder stays as it was."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from torch import Tensor, nn

from ermask_training import surrogates
from ermask_training.roster.add import Candidate, add

from .conftest import HAND_WRITTEN, face_network


def state_of(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def unchanged(by_hand):
    """The folder of the roster; after the test it must be as it was."""
    before = state_of(by_hand)
    yield by_hand
    assert state_of(by_hand) == before
    assert [path for path in by_hand.iterdir() if path.is_dir()] == []


@pytest.fixture
def network(tmp_path):
    return face_network(tmp_path / "theirs.onnx", 40, 12)


def test_a_network_is_added_and_loads(by_hand, network):
    entry = add(by_hand, network, Candidate(name="new", role="train", licence="MIT"))
    assert (entry.size, entry.dim, entry.loader) == ((40, 40), 12, "onnx")
    text = (by_hand / "roster.toml").read_text()
    assert text.startswith(HAND_WRITTEN + "\n[[recogniser]]\nname = ")
    row = tomllib.loads(text)["recogniser"][-1]
    assert (row["file"], row["licence"]) == ("new.onnx", "MIT")
    assert "loader" not in row
    assert (by_hand / "new.onnx").read_bytes() == network.read_bytes()
    [_, found] = surrogates.load(by_hand, "train")
    assert found(torch.rand(3, 3, 224, 224)).shape == (3, 12)
    assert sorted(path.name for path in by_hand.iterdir()) == [
        "judge.onnx", "new.onnx", "roster.toml", "tiny.onnx",
    ]  # fmt: skip


def test_what_was_said_is_what_is_written(by_hand, scripted):
    wish = Candidate(
        name="new",
        role="validation",
        box=(-4.0, -4.0, 116.0, 116.0),
        size=(32, 32),
        channels="BGR",
        mean=(0.1, 0.2, 0.3),
        std=(0.4, 0.5, 0.6),
    )
    entry = add(by_hand, scripted, wish)
    assert entry == surrogates.read_roster(by_hand)[-1]
    assert (entry.box, entry.channels, entry.mean, entry.std) == (
        wish.box, wish.channels, wish.mean, wish.std,
    )  # fmt: skip
    assert (entry.loader, entry.dim) == ("torchscript", 16)


def test_the_first_network_makes_the_roster(tmp_path, network):
    folder = tmp_path / "empty"
    folder.mkdir()
    entry = add(folder, network, Candidate(name="first", role="train"))
    assert surrogates.read_roster(folder) == [entry]


def test_a_last_line_without_an_end_is_ended(by_hand, network):
    path = by_hand / "roster.toml"
    path.write_text(HAND_WRITTEN.rstrip("\n"))
    add(by_hand, network, Candidate(name="new", role="train"))
    assert path.read_text().startswith(HAND_WRITTEN + "\n[[recogniser]]")


@pytest.mark.parametrize(("bytes_in", "mean", "std"), [(False, 0.5, 0.5), (True, 0.0, 1 / 255)])
@pytest.mark.parametrize("as_zip", [False, True])
def test_a_pack_gives_its_recogniser(by_hand, pack, zipped, bytes_in, mean, std, as_zip):
    folder = pack("buffalo_t", bytes_in=bytes_in)
    source = zipped(folder) if as_zip else folder
    entry = add(by_hand, source, Candidate(name="buffalo", role="validation"))
    assert entry.path.read_bytes() == (folder / "w600k_r50.onnx").read_bytes()
    assert (entry.loader, entry.size, entry.channels) == ("insightface", (112, 112), "RGB")
    assert entry.mean == pytest.approx((mean,) * 3)
    assert entry.std == pytest.approx((std,) * 3)
    [_, found] = surrogates.read_roster(by_hand)[1:]
    assert found.loader == "insightface"


def test_bytes_and_halves_are_the_same_faces(tmp_path, by_hand, pack):
    """One set of weights, told both ways, embeds a crop alike."""
    crop = torch.rand(2, 3, 224, 224)
    seen = []
    for name, bytes_in in (("plain", False), ("mxnet", True)):
        entry = add(by_hand, pack(name, bytes_in=bytes_in), Candidate(name=name, role="train"))
        seen.append(surrogates.Recogniser(entry)(crop))
    torch.testing.assert_close(seen[0], seen[1], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("bytes_in", [False, True])
def test_a_pack_embeds_as_insightface_does(by_hand, pack, bytes_in):
    """Against the package's own class, on one flat colour, which it takes as BGR bytes."""
    reason = "insightface cannot be imported"
    arcface = pytest.importorskip("insightface.model_zoo.arcface_onnx", reason=reason)
    folder = pack("buffalo_t", bytes_in=bytes_in)
    theirs = arcface.ArcFaceONNX(str(folder / "w600k_r50.onnx"))
    colour = np.array([30, 120, 210], np.uint8)
    wanted = theirs.get_feat(np.broadcast_to(colour[::-1], (112, 112, 3)).copy())
    entry = add(by_hand, folder, Candidate(name="buffalo", role="validation"))
    crop = torch.from_numpy(colour / np.float32(255))[None, :, None, None].expand(1, 3, 224, 224)
    found = surrogates.Recogniser(entry)(crop).numpy()
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-4)


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
