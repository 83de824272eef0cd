"""A student learns from what descent on it does to surrogates."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

import numpy as np

from ermask_training import data, distil, meta_surrogate, processes, surrogates, train
from ermask_training.blocks import KeyedFlow


def quiet(line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture
def flow():
    torch.manual_seed(1)
    return KeyedFlow(1.7).requires_grad_(False)


@pytest.fixture
def guide(student):
    return copy.deepcopy(student)


def taught(guide, flow, crops, roster, folder, steps, photos=4):
    return meta_surrogate.rehearse(
        guide,
        flow,
        data.load(crops),
        surrogates.load(roster, "train"),
        processes.start("no", cpu=True),
        folder,
        steps=steps,
        photos=photos,
        progress=quiet,
    )


def lesson(guide, flow, crops, roster):
    accelerator = processes.start("no", cpu=True)
    judges = surrogates.load(roster, "train")
    material = train.prepared(data.load(crops), judges, accelerator, quiet)
    return meta_surrogate.Rehearsal(guide, flow, material, 4, 2, accelerator.device)


def dice(seed: int):
    return torch.Generator().manual_seed(seed), np.random.default_rng(seed)


def test_the_gradient_leads_back_through_the_descent(guide, flow, crops, several):
    """The weights decide the faces alone: judges see nothing else of the student."""
    guide.requires_grad_(True)
    loss = lesson(guide, flow, crops, several)

    def mean():
        """Over several dice: a single loss is rough, since descent ends at bounds."""
        return torch.stack([loss(*dice(seed)) for seed in range(8)]).mean()

    mean().backward()
    weights = [weight for weight in guide.parameters() if weight.grad is not None]
    slope = sum(float(weight.grad.square().sum()) for weight in weights)
    assert slope > 0
    wanted = 3e-4
    found = []
    for way in (-1, 2):
        with torch.no_grad():
            for weight in weights:
                weight.add_(way * wanted / slope * weight.grad)
            found.append(float(mean()))
    down, up = found
    # as far apart as the gradient says, up to what is not linear about it
    assert up - down == pytest.approx(2 * wanted, rel=0.5)


def test_what_leads_it_astray_misleads_surrogates_more(
    guide, flow, crops, several, tmp_path, monkeypatch
):
    monkeypatch.setattr(meta_surrogate, "RATE", 3e-3)  # it has hardly any weights

    def known(student):
        loss = lesson(student, flow, crops, several)
        with torch.no_grad():
            return np.mean([float(loss(*dice(seed))) for seed in range(16)])

    before = known(guide)
    made = taught(guide, flow, crops, several, tmp_path, 60, photos=6)
    # with other dice it is 0.006 to 0.011 less
    assert known(made) < before - 0.002
    assert not any(weight.requires_grad for weight in made.parameters())
    again = distil.load(tmp_path)
    for name, weight in made.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])


def test_it_goes_on_where_it_was_and_only_there(guide, flow, crops, several, roster, tmp_path):
    def again(guide=guide, flow=flow, roster=several):
        return taught(copy.deepcopy(guide), flow, crops, roster, tmp_path, 1)

    made = again()
    for name, weight in again().state_dict().items():
        assert torch.equal(made.state_dict()[name], weight)
    with pytest.raises(ValueError, match=r"\(surrogates differ\)"):
        again(roster=roster)
    with pytest.raises(ValueError, match=r"\(models differ\)"):
        again(flow=KeyedFlow(flow.max_flow))
    with pytest.raises(ValueError, match=r"\(student differ\)"):
        again(guide=made)
