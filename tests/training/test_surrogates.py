"""Rosters that are wrong are refused; a recogniser sees exactly what its entry says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask.contract import CROP
from ermask_training import surrogates
from ermask_training.roster import entries


def test_a_roster_is_read(rostered, entry):
    folder = rostered(entry, {**entry, "name": "judge", "role": "validation", "licence": "MIT"})
    one, two = surrogates.read_roster(folder)
    assert (one.name, one.role, one.size, one.path) == (
        "tiny", "train", (32, 32), folder / "tiny.onnx",
    )  # fmt: skip
    assert (two.name, two.role) == ("judge", "validation")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("file", "gone.onnx", "gone.onnx, which is not there"),
        ("role", "judge", "has role 'judge'"),
        ("channels", "GRAY", "has channels 'GRAY'"),
        ("box", [112.0, 0.0, 0.0, 112.0], "has box"),
        ("box", [0.0, 0.0, 112.0], "has box"),
        ("size", [0, 112], "has size"),
        ("std", [0.5, 0.0, 0.5], "has std"),
        ("mean", [0.5], "has mean"),
        ("dim", 0, "has dim"),
        ("threshold", 0.3, "unknown 'threshold'"),
    ],
)
def test_a_wrong_field_is_named(rostered, entry, field, value, said):
    with pytest.raises(ValueError, match="tiny") as failure:
        surrogates.read_roster(rostered({**entry, field: value}))
    assert said in str(failure.value)


@pytest.mark.parametrize("field", sorted(entries.FIELDS - {"name"}))
def test_a_lacking_field_is_named(rostered, entry, field):
    del entry[field]
    with pytest.raises(ValueError, match=f"tiny lacks '{field}'"):
        surrogates.read_roster(rostered(entry))


def test_names_are_unique(rostered, entry):
    with pytest.raises(ValueError, match="two recognisers are called tiny"):
        surrogates.read_roster(rostered(entry, entry))


def test_a_folder_without_a_roster(tmp_path):
    with pytest.raises(ValueError, match=r"no roster\.toml"):
        surrogates.read_roster(tmp_path)


def test_validation_recognisers_never_train(rostered, entry):
    folder = rostered(entry, {**entry, "name": "judge", "role": "validation"})
    assert [each.name for each in surrogates.load(folder, "train")] == ["tiny"]
    assert [each.name for each in surrogates.load(folder, "validation")] == ["judge"]
    with pytest.raises(ValueError, match="no train recogniser 'judge'"):
        surrogates.load(folder, "train", ("judge",))


def test_a_role_without_recognisers(roster):
    with pytest.raises(ValueError, match="no recogniser with role 'validation'"):
        surrogates.load(roster, "validation")


def test_embeddings_are_those_of_the_file(roster):
    """Against ONNX Runtime, on a crop whose cut is known: one flat colour."""
    ort = pytest.importorskip("onnxruntime")
    [recogniser] = surrogates.load(roster, "train")
    crop = torch.tensor([0.2, 0.5, 0.9])[None, :, None, None].expand(2, 3, CROP, CROP)
    face = np.broadcast_to(
        (np.array([0.2, 0.5, 0.9], np.float32)[:, None, None] - 0.5) / 0.5, (2, 3, 32, 32)
    )
    session = ort.InferenceSession(roster / "tiny.onnx", providers=["CPUExecutionProvider"])
    [wanted] = session.run(None, {"face": np.ascontiguousarray(face, np.float32)})
    wanted = wanted / np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(recogniser(crop).numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
@pytest.mark.parametrize("box", [(0.0, 0.0, 112.0, 112.0), (-4.0, 10.0, 116.0, 98.0)])
def test_what_a_recogniser_sees(looking_glass, channels, box):
    """A ramp is resampled exactly, so every value has a closed form.

    Template units are 1.4 crop pixels, both centred; pixel i has its centre at i + 0.5.
    """
    side = 20
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.5)
    folder = looking_glass(channels=channels, box=box, size=[side, side], mean=mean, std=std)
    [recogniser] = surrogates.load(folder, "train")
    base, right, down = np.array([[0.1, 0.2, 0.3], [0.003, 0.001, 0.002], [0.0, 0.002, 0.001]])

    def ramp(x, y):
        return base[:, None, None] + right[:, None, None] * x + down[:, None, None] * y

    centres = np.arange(CROP) + 0.5
    crop = ramp(centres[None], centres[:, None])
    steps = (np.arange(side) + 0.5) / side
    x = (box[0] + steps * (box[2] - box[0]) - 56) * 1.4 + 112
    y = (box[1] + steps * (box[3] - box[1]) - 56) * 1.4 + 112
    cut = ramp(x[None], y[:, None])[:: 1 if channels == "RGB" else -1]
    wanted = (cut - np.array(mean)[:, None, None]) / np.array(std)[:, None, None]
    wanted = wanted.ravel() / np.linalg.norm(wanted)
    seen = recogniser(torch.from_numpy(crop[None]).float())[0].numpy()
    np.testing.assert_allclose(seen, wanted, atol=1e-5)


def test_a_similarity_moves_what_is_seen(looking_glass):
    """theta shifts by 7 crop pixels to the right: the same as a crop shifted to the left."""
    [recogniser] = surrogates.load(looking_glass(size=[28, 28]), "train")
    crop = torch.rand(1, 3, CROP, CROP, generator=torch.Generator().manual_seed(1))
    theta = torch.tensor([[[1.0, 0.0, 2 * 7 / CROP], [0.0, 1.0, 0.0]]])
    moved = recogniser(crop, theta)
    assert torch.allclose(moved, recogniser(crop.roll(-7, 3)), atol=1e-5)
    assert not torch.allclose(moved, recogniser(crop), atol=1e-2)


def test_gradients_reach_the_crop_and_no_weight(roster):
    [recogniser] = surrogates.load(roster, "train")
    crop = torch.rand(1, 3, CROP, CROP, requires_grad=True)
    recogniser(crop)[:, 0].sum().backward()
    inside = crop.grad[..., 40:184, 40:184]
    assert (inside != 0).float().mean() > 0.1
    assert torch.all(crop.grad[..., :24, :] == 0)
    assert not [weight for weight in recogniser.parameters() if weight.requires_grad]


def test_a_torchvision_that_does_not_fit_is_no_obstacle(roster, tmp_path):
    """One that was built for another torch fails to import, until its operators are declared."""
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import torch\n"
        "@torch.library.register_fake('torchvision::nms')\n"
        "def nms(dets, scores, iou_threshold): ...\n"
        "from torchvision import ops\n"
    )
    (package / "ops.py").write_text("def roi_align(): ...\n")
    program = (
        "import sys, torch\nfrom pathlib import Path\n"
        "try:\n    import torchvision\nexcept RuntimeError: pass\n"
        "else: sys.exit('the stand-in should not import')\n"
        "from ermask_training import surrogates\n"
        "[found] = surrogates.load(Path(sys.argv[1]), 'train')\n"
        "print(tuple(found(torch.zeros(1, 3, 224, 224)).shape), sys.modules['torchvision'].ops)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", program, str(roster)],
        env=env, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("(1, 16)")
    assert str(Path(tmp_path.name)) in done.stdout
