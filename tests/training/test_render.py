"""The torch renderer and the one that ships do the same to a face."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from ermask import align
from ermask import render as shipped
from ermask.contract import CROP, FLOW_GRID, RESIDUAL_GRID
from ermask_training import render

IDENTITY = align.Similarity(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))


def smooth(rng, channels: int, side: int, coarse: int, bound: float) -> np.ndarray:
    """Smooth random planes (channels, side, side) within +-bound."""
    planes = [
        Image.fromarray(plane).resize((side, side), Image.Resampling.BILINEAR)
        for plane in rng.uniform(-bound, bound, (channels, coarse, coarse)).astype(np.float32)
    ]
    return np.stack([np.asarray(plane) for plane in planes])


def photo(rng) -> np.ndarray:
    return ((smooth(rng, 3, CROP, 24, 0.5) + 0.5) * 255).astype(np.uint8).transpose(1, 2, 0)


@pytest.mark.parametrize(("residual_bound", "flow_bound"), [(12 / 255, 0.0), (0.0, 2.7), (0.03, 2)])
def test_it_is_the_twin_of_what_ships(residual_bound, flow_bound):
    rng = np.random.default_rng(4)
    rgb = photo(rng)
    residual = smooth(rng, 3, RESIDUAL_GRID, 28, residual_bound)
    flow = smooth(rng, 2, FLOW_GRID, 14, flow_bound)
    wanted = shipped.apply(rgb, [shipped.Change(IDENTITY, residual, flow)]).astype(float)
    crop = torch.from_numpy(align.to_tensor([rgb]))
    found = render.apply(crop, torch.from_numpy(residual)[None], torch.from_numpy(flow)[None])
    seen = found[0].permute(1, 2, 0).numpy() * 255
    change = np.abs(seen - rgb).mean()
    assert change > 0.5
    assert np.abs(seen - wanted).mean() < min(0.4, change / 4)


def test_nothing_changes_without_a_change():
    crop = torch.rand(1, 3, CROP, CROP)
    zero = torch.zeros(1, 3, RESIDUAL_GRID, RESIDUAL_GRID), torch.zeros(1, 2, FLOW_GRID, FLOW_GRID)
    assert torch.allclose(render.apply(crop, *zero), crop, atol=1e-4)


def test_outside_the_mask_nothing_changes():
    crop = torch.rand(1, 3, CROP, CROP)
    residual = torch.full((1, 3, RESIDUAL_GRID, RESIDUAL_GRID), 0.1)
    flow = torch.full((1, 2, FLOW_GRID, FLOW_GRID), 2.0)
    changed = (render.apply(crop, residual, flow) - crop).abs()
    outside = render.mask_11HH() == 0
    assert float((changed * outside).max()) < 1e-4
    assert float((changed * ~outside).max()) > 0.05


def test_flow_pulls_from_where_it_points():
    """output(u) = input(u + flow(u)): two pixels to the right move the picture to the left."""
    crop = torch.zeros(1, 3, CROP, CROP)
    crop[..., 126, 112] = 1
    flow = torch.zeros(1, 2, FLOW_GRID, FLOW_GRID)
    flow[:, 0] = 2
    still = torch.zeros(1, 3, RESIDUAL_GRID, RESIDUAL_GRID)
    seen = render.apply(crop, still, flow)[0, 0]
    assert divmod(int(seen.argmax()), CROP) == (126, 110)


def test_the_result_is_a_picture():
    residual = torch.full((1, 3, RESIDUAL_GRID, RESIDUAL_GRID), 0.5)
    flow = torch.zeros(1, 2, FLOW_GRID, FLOW_GRID)
    seen = render.apply(torch.full((1, 3, CROP, CROP), 0.9), residual, flow)
    assert float(seen.max()) == 1


def similarity_flow(linear, shift):
    """The flow (1, 2, FLOW_GRID, FLOW_GRID) that samples by a similarity about the centre."""
    centres = (torch.arange(FLOW_GRID) + 0.5) * (CROP / FLOW_GRID) - CROP / 2
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    places = torch.stack([x, y], -1)
    moved = places @ torch.tensor(linear).T + torch.tensor(shift)
    return (moved - places).permute(2, 0, 1)[None]


def test_alignment_takes_a_similarity_back(monkeypatch):
    """A recogniser that cuts its crop by the landmarks does not see shifts, turns and sizes."""
    monkeypatch.setattr(render, "mask_11HH", lambda device: torch.ones(1, 1, CROP, CROP))
    flow = similarity_flow([[1.01, 0.008], [-0.008, 1.01]], [1.1, -0.7])
    crop = torch.from_numpy(align.to_tensor([photo(np.random.default_rng(1))]))
    bent = render.apply(crop, torch.zeros(1, 3, RESIDUAL_GRID, RESIDUAL_GRID), flow)
    aligned = render.move(bent, render.realignment(flow))
    inner = (..., slice(20, -20), slice(20, -20))
    before, after = ((each - crop)[inner].abs().mean() for each in (bent, aligned))
    assert after < before / 10


def test_alignment_leaves_other_bends(monkeypatch):
    """One that moves both eyes apart as far as it moves the mouth's corners together."""
    monkeypatch.setattr(render, "mask_11HH", lambda device: torch.ones(1, 1, CROP, CROP))
    flow = similarity_flow([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0])
    flow[:, 0, :, : FLOW_GRID // 2] += 1
    flow[:, 0, :, FLOW_GRID // 2 :] -= 1
    flow[:, :, FLOW_GRID // 2 :] *= -1
    theta = render.realignment(flow)
    assert torch.allclose(theta[0, :, :2], torch.eye(2), atol=0.01)


def test_a_chain_samples_by_one_after_the_other():
    crop = torch.from_numpy(align.to_tensor([photo(np.random.default_rng(2))]))
    one, two = render.jitter(2, 3.0, 0.04, 4.0, torch.Generator().manual_seed(3)).split(1)
    stepwise = render.move(render.move(crop, one), two)
    at_once = render.move(crop, render.chain(one, two))
    assert (stepwise - at_once)[..., 20:-20, 20:-20].abs().mean() < 0.01


def test_move_and_jitter():
    crop = torch.rand(1, 3, CROP, CROP)
    still = render.jitter(1, 0.0, 0.0, 0.0, torch.Generator())
    assert torch.allclose(render.move(crop, still), crop, atol=1e-4)
    shift = torch.tensor([[[1.0, 0.0, 2 * 3 / CROP], [0.0, 1.0, 0.0]]])
    assert torch.allclose(render.move(crop, shift)[..., :-4], crop[..., 3:-1], atol=1e-4)
    draws = render.jitter(500, 3.0, 0.04, 4.0, torch.Generator().manual_seed(0))
    scale = torch.linalg.det(draws[:, :, :2]).sqrt()
    assert 0.96 <= float(scale.min()) < 0.97
    assert 1.03 < float(scale.max()) <= 1.04
    assert 3.5 < float(draws[:, :, 2].abs().max()) * CROP / 2 <= 4


def test_the_way_back_of_a_flow():
    rng = np.random.default_rng(5)
    flow = torch.from_numpy(smooth(rng, 2, FLOW_GRID, 6, 6.0))[None]
    picture = torch.from_numpy(photo(rng)).permute(2, 0, 1)[None].float() / 255
    bent = render.bent(picture, flow, "bicubic")
    left = [
        float((render.bent(bent, back, "bicubic") - picture).abs().mean())
        for back in (-flow, render.reverse(flow))
    ]
    assert left[1] < 0.45 * left[0], left


def test_similarities_turn_enlarge_and_shift():
    found = render.similarities(torch.tensor([[0.0, 0.0, 0.0, 0.0], [90.0, 0.5, 11.2, -22.4]]))
    assert torch.equal(found[0], torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    assert torch.allclose(found[1], torch.tensor([[0.0, -1.5, 0.1], [1.5, 0.0, -0.2]]), atol=1e-6)
