"""PSNR, SSIM, LPIPS, and the two halves of a change taken apart."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn

from ermask import align
from ermask import render as product
from ermask.contract import CROP
from ermask_training import render
from ermask_training.bench import halves, similarity
from ermask_training.bench.photos import decode


@pytest.fixture
def crop(astronaut):
    return np.ascontiguousarray(astronaut[10 : 10 + CROP, 110 : 110 + CROP])


def noisy(crop, size, seed=0):
    noise = np.random.default_rng(seed).normal(0, size, crop.shape)
    return np.clip(crop + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [3, 25])
def test_ssim_is_that_of_scikit_image(crop, size):
    metrics = pytest.importorskip("skimage.metrics")
    theirs = metrics.structural_similarity(
        crop, noisy(crop, size), channel_axis=2, data_range=255,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip
    assert similarity.ssim(crop, noisy(crop, size)) == pytest.approx(theirs, abs=1e-6)


def test_equal_pictures_have_finite_figures(crop):
    assert similarity.alike(crop, crop) == {"PSNR": similarity.MAX_PSNR, "SSIM": 1.0}


def test_lpips_is_left_out_where_its_weights_are_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert similarity.open_lpips() is None
    reason = similarity.lpips_missing()
    assert reason is not None
    assert "lpips" in reason or similarity.TRUNK in reason


def test_lpips_gets_pictures_from_minus_one_to_one(crop, tmp_path, monkeypatch):
    class Stand(nn.Module):
        def __init__(self, **options):
            super().__init__()

        def forward(self, one, two):
            assert one.shape == two.shape == (1, 3, CROP, CROP)
            assert -1 <= one.min() < 0 < one.max() <= 1
            return (one - two).abs().mean()

    module = ModuleType("lpips")
    module.__dict__.update(LPIPS=Stand, __spec__=ModuleSpec("lpips", None))
    monkeypatch.setitem(sys.modules, "lpips", module)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / similarity.TRUNK).touch()
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    distance = similarity.open_lpips()
    assert similarity.lpips_missing() is None
    assert distance is not None
    assert distance(crop, crop) == 0
    assert similarity.alike(crop, noisy(crop, 9), distance)["LPIPS"] > 0


def test_a_smooth_flow_is_taken_back(crop):
    generator = torch.Generator().manual_seed(2)
    control = torch.rand(1, 2, 6, 6, generator=generator) * 2 - 1
    flow = torch.nn.functional.interpolate(control, (56, 56), mode="bicubic").clamp(-1, 1) * 2
    still = torch.zeros(1, 3, 112, 112)
    picture = torch.from_numpy(align.to_tensor([crop]))
    bend = render.apply(picture, still, flow)[0].permute(1, 2, 0)
    bent = (bend * 255).round().to(torch.uint8).numpy()
    straight = halves.flow_taken_back(bent, flow[0].numpy())
    assert similarity.ssim(crop, bent) < 0.94
    assert similarity.ssim(crop, straight) > 0.985
    assert (halves.flow_taken_back(crop, np.zeros((2, 56, 56), np.float32)) == crop).all()


def test_the_halves_of_what_the_product_did(engine, photos):
    from ermask_training.bench import keys

    photo = decode(photos / "ada" / "a.png")
    mine = keys.keyed(1, "test")
    result = engine.protect(photo, *mine, "high")
    made = result.changes
    assert (product.apply(photo.rgb, made) == result.photo.rgb).all()
    still = halves.residual_only(photo, made)
    assert (still.rgb != photo.rgb).any()
    assert (still.rgb != product.apply(photo.rgb, made)).any()
    [face] = engine.find(photo.rgb)
    assert halves.change_at(made, face.similarity) is made[0]
    moved = align.Similarity(face.similarity.matrix + 1)
    assert halves.change_at(made, moved) is None
