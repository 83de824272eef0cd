"""A network is added, with an entry that is true, and the rest of the roster stays."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from ermask_training import surrogates
from ermask_training.roster.add import Candidate, add

from .conftest import HAND_WRITTEN


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
