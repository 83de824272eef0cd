"""What recognisers see of a crop, without rendering the whole crop."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F

from ermask.contract import CROP, FLOW_GRID, RESIDUAL_GRID
from ermask_training import render
from ermask_training.blocks import FLOW_SIDE, smooth
from ermask_training.view import View, bare, inverse


@pytest.fixture(scope="module")
def crop():
    small = torch.rand(2, 3, 20, 20, generator=torch.Generator().manual_seed(3))
    return F.interpolate(small, (CROP, CROP), mode="bicubic").clamp(0, 1)


@pytest.fixture(scope="module")
def flow():
    coarse = torch.randn(2, 2, 5, 5, generator=torch.Generator().manual_seed(4))
    return F.interpolate(coarse, (FLOW_GRID, FLOW_GRID), mode="bicubic")


def noise(*shape: int):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def surrogate_sees(crop, theta):
    """As `surrogates.Recogniser` cuts its box of the whole template."""
    window = torch.tensor([[[0.7, 0, 0], [0, 0.7, 0]]]).expand(len(crop), 2, 3)
    return render.move(crop, render.chain(theta, window), 112)


def test_it_is_what_a_recogniser_sees_of_the_rendered_crop(crop, flow):
    residual = F.avg_pool2d(0.2 * noise(2, 1, RESIDUAL_GRID, RESIDUAL_GRID), 3, 1, 1)
    rendered = render.apply(crop, residual, flow)
    wanted = surrogate_sees(rendered, render.realignment(flow))
    found = View(crop, flow).face(residual)
    assert float((found - wanted).abs().mean()) < 0.004
    assert float((wanted - bare(crop)).abs().mean()) > 0.02


def test_a_crop_that_nothing_was_done_to(crop):
    still = torch.zeros(2, 2, FLOW_GRID, FLOW_GRID)
    nothing = torch.zeros(2, 1, RESIDUAL_GRID, RESIDUAL_GRID)
    theta = render.jitter(2, 3.0, 0.04, 3.0, torch.Generator().manual_seed(1))
    assert torch.allclose(View(crop, still).face(nothing), bare(crop), atol=1e-5)
    assert torch.allclose(View(crop, still, theta).face(nothing), bare(crop, theta), atol=1e-5)
    assert torch.allclose(bare(crop, theta), surrogate_sees(crop, theta), atol=1e-4)


def test_the_gradient_by_the_residual_points_where_the_exact_one_does(crop, flow):
    smooth = F.avg_pool2d(noise(2, 3, 112, 112), 5, 1, 2)
    view = View(crop * 0.5 + 0.25, flow)
    residual = torch.zeros(2, 1, RESIDUAL_GRID, RESIDUAL_GRID, requires_grad=True)
    (exact,) = torch.autograd.grad((view.face(residual) * smooth).sum(), residual)
    found, _ = view.back(smooth)
    cosine = F.cosine_similarity(exact.flatten(1), found.flatten(1))
    assert float(cosine.min()) > 0.95


def test_the_gradient_by_a_bend_points_where_the_exact_one_does(crop, flow):
    smoothed = F.avg_pool2d(noise(2, 3, 112, 112), 5, 1, 2)
    fixed = render.realignment(flow)
    control = torch.zeros(2, 2, FLOW_SIDE, FLOW_SIDE, requires_grad=True)
    seen = View(crop * 0.5 + 0.25, flow + smooth(control), fixed)
    none = torch.zeros(2, 1, RESIDUAL_GRID, RESIDUAL_GRID)
    (exact,) = torch.autograd.grad((seen.face(none) * smoothed).sum(), control)
    _, found = View(crop * 0.5 + 0.25, flow, fixed).back(smoothed)
    cosine = F.cosine_similarity(exact.flatten(1), found.flatten(1))
    assert float(cosine.min()) > 0.85


def test_a_similarity_and_its_inverse():
    theta = render.jitter(5, 20.0, 0.3, 20.0, torch.Generator().manual_seed(2))
    both = render.chain(theta, inverse(theta))
    assert torch.allclose(both, torch.eye(2, 3).expand(5, 2, 3), atol=1e-6)
