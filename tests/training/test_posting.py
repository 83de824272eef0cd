"""What an eraser learns from: posted copies, their marks taken off about where they were."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask import mark
from ermask.contract import CROP, FLOW_GRID, RESIDUAL_GRID
from ermask_training import degrade, posting, render


@pytest.fixture
def faces():
    draw = torch.Generator().manual_seed(1)
    coarse = torch.rand(3, 3, 28, 28, generator=draw) * 0.6 + 0.2
    return torch.nn.functional.interpolate(coarse, CROP, mode="bicubic").clamp(0, 1)


def nothing(count: int):
    return torch.zeros(count, 3, RESIDUAL_GRID, RESIDUAL_GRID), torch.zeros(
        count, 2, FLOW_GRID, FLOW_GRID
    )


def dice(seed: int = 0):
    return torch.Generator().manual_seed(seed), np.random.default_rng(seed)


def test_marks_are_like_those_of_keys():
    """Cb and Cr of every cell are one step up or down, as the product makes them."""

    class OneKey:
        def derive(self, info: bytes, length: int) -> bytes:
            return bytes(range(256)) * 2

    made = posting.marks(4, torch.Generator().manual_seed(0)).numpy()
    product = mark.residual(OneKey(), "mid", mark.LOUDEST)
    assert made.shape == (4, *product.shape)
    loud = []
    for each in (*made, product):
        light, *colours = np.einsum("ij,jhw->ihw", mark.TO_YCC, each)
        np.testing.assert_allclose(light, 0, atol=1e-6)
        loud.append(np.abs(colours).max())
        steps = np.stack(colours) / loud[-1]
        np.testing.assert_allclose(np.abs(steps), 1, atol=1e-3)
        cells = steps[:, ::4, ::4]
        np.testing.assert_allclose(steps, cells.repeat(4, 1).repeat(4, 2), atol=1e-3)
    assert not np.array_equal(made[0], made[1])
    assert len({round(float(each), 6) for each in loud[:4]}) == 4
    assert min(loud[:4]) >= mark.FAINTEST and max(loud[:4]) <= mark.LOUDEST + 1e-6


def test_where_nothing_goes_wrong_the_mark_is_gone(faces, monkeypatch):
    monkeypatch.setattr(degrade, "sites", lambda crop_B3HW, rng: crop_B3HW)
    monkeypatch.setattr(posting, "MISPLACED", (0.0, 0.0, 0.0))
    residual, flow = nothing(3)
    copies, originals, wanted = posting.posted(faces, residual, flow, dice())
    assert torch.allclose(originals, faces, atol=1e-5)
    # cells have sharp edges, and photos none
    assert float((copies - faces).abs().mean()) < 1e-3
    assert float(wanted.abs().max()) < 1e-6


def test_crops_are_cut_a_little_off_their_place(faces):
    residual, flow = nothing(3)
    copies, originals, _ = posting.posted(faces, residual, flow, dice())
    apart = (originals - faces).abs().mean((1, 2, 3))
    assert (apart > 1e-4).all()
    # the copy and what is wanted of it are off alike
    assert ((copies - originals).abs().mean((1, 2, 3)) < 0.03).all()


def test_the_way_back_moves_with_the_crop(faces):
    residual, _ = nothing(3)
    flow = torch.ones(3, 2, FLOW_GRID, FLOW_GRID)
    _, _, wanted = posting.posted(faces, residual, flow, dice())
    middle = wanted[..., 20:36, 20:36]
    assert torch.allclose(middle, -torch.ones_like(middle), atol=0.05)


def test_most_places_are_hardly_off_and_some_are():
    theta = posting.misplaced(4000, torch.Generator().manual_seed(0))
    still = torch.tensor([[1.0, 0, 0], [0, 1, 0]])
    turned = torch.rad2deg(torch.atan2(theta[:, 1, 0], theta[:, 0, 0])).abs()
    shifted = (theta[:, :, 2] * CROP / 2).abs()
    assert float(turned.max()) <= posting.MISPLACED[0]
    assert float(shifted.max()) <= posting.MISPLACED[2]
    grid = render.identity_grid_1HW2(CROP)[0, 60:164:8, 60:164:8].reshape(-1, 2)
    ones = torch.cat([grid, torch.ones(len(grid), 1)], 1)
    off = (ones @ (theta - still).transpose(1, 2)).norm(dim=2).mean(1) * CROP / 2
    assert float(off.median()) < 0.7
    assert float(off.quantile(0.95)) > 1.5
