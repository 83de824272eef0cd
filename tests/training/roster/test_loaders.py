"""Every kind of file opens as what it is, lets gradients through, and is refused when damaged."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from ermask.contract import CROP
from ermask_training.roster import conversion, loaders
from ermask_training.roster.add import Candidate, add
from ermask_training.roster.entries import Entry, loader_of
from ermask_training.surrogates import Recogniser
from ermask_training.teacher import Teacher

TEMPLATE = (0.0, 0.0, 112.0, 112.0)
HALF = (0.5, 0.5, 0.5)


def entry_for(path, side=32, **fields):
    plain = Entry("it", path, "train", TEMPLATE, (side, side), "RGB", HALF, HALF, 16)
    return replace(plain, **{"loader": loader_of(path), **fields})


def require_gradients(recogniser):
    crop = torch.rand(2, 3, CROP, CROP, requires_grad=True)
    recogniser(crop)[:, 0].sum().backward()
    assert torch.all(crop.grad.isfinite())
    assert (crop.grad[..., 60:160, 60:160] != 0).float().mean() > 0.05
    assert not [weight for weight in recogniser.parameters() if weight.requires_grad]


@pytest.mark.parametrize(
    ("name", "loader"), [("a.onnx", "onnx"), ("a.pt", "torchscript"), ("a.ts", "torchscript")]
)
def test_the_suffix_says_the_loader(tmp_path, name, loader):
    assert loader_of(tmp_path / name) == loader


def test_another_suffix_needs_a_loader(tmp_path):
    with pytest.raises(ValueError, match=r"a\.bin does not say how to open it; set loader"):
        loader_of(tmp_path / "a.bin")


def test_an_exported_module_is_itself_again(tmp_path, tiny_module):
    path = tmp_path / "exported.onnx"
    network = tiny_module()
    torch.onnx.export(
        network, (torch.zeros(1, 3, 32, 32),), str(path), dynamo=False, opset_version=13,
        input_names=["face"], dynamic_axes={"face": {0: "n"}},
    )  # fmt: skip
    face = torch.rand(3, 3, 32, 32)
    opened = loaders.open_network(path, "onnx")
    torch.testing.assert_close(opened(face), network(face), atol=1e-5, rtol=1e-4)
    require_gradients(Recogniser(entry_for(path)))


def test_torchscript_is_itself_again_in_any_memory_format(scripted, tiny_module):
    recogniser = Recogniser(entry_for(scripted))
    crop = torch.rand(3, 3, CROP, CROP)
    # what `cut` gives has its channels last, where the network's own `view` would fail
    wanted = tiny_module()(recogniser.cut(crop).contiguous())
    wanted = torch.nn.functional.normalize(wanted, dim=1)
    torch.testing.assert_close(recogniser(crop), wanted, atol=1e-6, rtol=1e-5)
    require_gradients(recogniser)


def test_frozen_torchscript_gives_gradients(tmp_path, tiny_module):
    path = tmp_path / "frozen.ts"
    torch.jit.freeze(torch.jit.trace(tiny_module(), torch.zeros(2, 3, 32, 32))).save(str(path))
    require_gradients(Recogniser(entry_for(path)))


def test_a_network_of_a_pack_gives_gradients(pack):
    path = pack("buffalo_t") / "w600k_r50.onnx"
    require_gradients(Recogniser(entry_for(path, 112, loader="insightface")))


def test_another_network_of_a_pack_is_refused(pack):
    path = pack("buffalo_t") / "genderage.onnx"
    with pytest.raises(ValueError, match=r"genderage\.onnx cannot be .* \(n, 3, 112, 112\)"):
        loaders.open_network(path, "insightface")


@pytest.mark.parametrize("loader", ["onnx", "insightface", "torchscript"])
@pytest.mark.parametrize("kept", [0, 40, 900])
def test_a_truncated_file_is_named(tmp_path, roster, scripted, loader, kept):
    whole = scripted if loader == "torchscript" else roster / "tiny.onnx"
    path = tmp_path / "short.bin"
    path.write_bytes(whole.read_bytes()[:kept])
    with pytest.raises(ValueError, match=rf"short\.bin cannot be read by loader {loader}"):
        loaders.open_network(path, loader)


def test_a_state_dict_is_no_torchscript(tmp_path, tiny_module):
    torch.save(tiny_module().state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"weights\.pt cannot be read by loader torchscript"):
        loaders.open_network(tmp_path / "weights.pt", "torchscript")


@pytest.fixture(scope="module")
def inception():
    """The class InceptionResnetV1."""
    conversion.define_nms()
    reason = "facenet-pytorch is not installed"
    module = pytest.importorskip("facenet_pytorch.models.inception_resnet_v1", reason=reason)
    return module.InceptionResnetV1


def test_facenet_weights_are_read_with_their_classifier(tmp_path, inception):
    torch.manual_seed(2)
    network = inception(classify=True, num_classes=7).eval()
    path = tmp_path / "vggface2.pt"
    torch.save(network.state_dict(), path)
    network.classify = False
    recogniser = Recogniser(entry_for(path, 160, loader="facenet-pytorch"))
    crop = torch.rand(2, 3, CROP, CROP)
    with torch.no_grad():
        torch.testing.assert_close(recogniser(crop), network(recogniser.cut(crop)))
    require_gradients(recogniser)


def test_facenet_is_added_with_its_own_preprocessing(tmp_path, inception):
    torch.save(inception().state_dict(), tmp_path / "vggface2.pth")
    folder = tmp_path / "roster"
    folder.mkdir()
    entry = add(
        folder,
        tmp_path / "vggface2.pth",
        Candidate(name="facenet", role="validation", loader="facenet-pytorch"),
    )
    assert (entry.size, entry.dim, entry.channels) == ((160, 160), 512, "RGB")
    # (byte - 127.5) / 128, for a byte of 255 x
    assert entry.mean[0] == pytest.approx(127.5 / 255)
    assert entry.std[0] == pytest.approx(128 / 255)


def test_facenet_weights_that_are_programs_are_not_run(tmp_path, inception):
    path = tmp_path / "pickle.pt"
    trap = tmp_path / "sprung"
    torch.save({"a": _Trap(trap)}, path)
    with pytest.raises(ValueError, match=r"pickle\.pt cannot be read by loader facenet-pytorch"):
        loaders.open_network(path, "facenet-pytorch")
    assert not trap.exists()


class _Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (type(self.path).touch, (self.path,))


def test_without_facenet_pytorch_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "facenet_pytorch", None)
    for name in [each for each in sys.modules if each.startswith("facenet_pytorch.")]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "a.pt").touch()
    with pytest.raises(ValueError, match="pip install --no-deps facenet-pytorch"):
        loaders.open_network(tmp_path / "a.pt", "facenet-pytorch")


def test_only_an_onnx_file_teaches(tmp_path, tiny_module):
    path = tmp_path / "scripted.pt"
    torch.jit.trace(tiny_module(112), torch.zeros(2, 3, 112, 112)).save(str(path))
    with pytest.raises(ValueError, match="it is opened by loader torchscript; a teacher must be"):
        Teacher(Recogniser(entry_for(path, 112)))
