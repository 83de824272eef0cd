"""The student sees what a recogniser sees of a changed crop, and learns from its teachers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask import align
from ermask.contract import FLOW_GRID, RESIDUAL_GRID
from ermask_training import checkpoint, data, distil, recipes, render, surrogates
from ermask_training.student import SIDE, Student
from ermask_training.surrogates import Entry
from ermask_training.train import Run

BATCH = 3


def quiet(line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture
def change():
    """(residual, flow) of a few pixels, smooth."""
    draw = torch.Generator().manual_seed(5)

    def smooth(channels, side, amount):
        coarse = torch.rand(BATCH, channels, 7, 7, generator=draw) * 2 - 1
        return torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear") * amount

    return smooth(3, RESIDUAL_GRID, 6 / 255), smooth(2, FLOW_GRID, 3.0)


@pytest.fixture
def crop(crops):
    return torch.from_numpy(align.to_tensor(list(np.array(data.load(crops).crops[:BATCH]))))


@pytest.fixture
def run(tmp_path):
    """A run that was never trained."""
    config = replace(recipes.smoke(), max_residual=0.04, max_flow=1.5)
    checkpoint.save(tmp_path / "run", config, config.steps, Run(config).state())
    return tmp_path / "run"


def test_it_looks_where_a_recogniser_looks(crop, change, looking_glass):
    """Against a recogniser that hands out what it is given."""
    [entry] = surrogates.read_roster(
        looking_glass(size=[SIDE, SIDE], mean=[0.0] * 3, std=[1.0] * 3)
    )
    assert isinstance(entry, Entry)
    mirror = surrogates.Recogniser(entry)
    student = Student(8)
    protected = render.apply(crop, *change)
    seen = {
        "clean": (student.look(crop), mirror(crop)),
        "changed": (student.look(crop, *change), mirror(protected, render.realignment(change[1]))),
    }
    for name, (ours, theirs) in seen.items():
        ours = torch.nn.functional.normalize(ours.flatten(1), dim=1)
        assert float((ours - theirs).norm(dim=1).max()) < 0.02, name
    apart = (seen["clean"][0] - seen["changed"][0]).abs().mean()
    assert apart > 0.005


def test_match_is_a_cosine_and_one_without_a_change(crop, change):
    student = Student(8)
    match = student(crop, *change).detach()
    assert match.shape == (BATCH,)
    assert float(match.abs().max()) <= 1
    still = student(crop, *(torch.zeros_like(each) for each in change))
    assert torch.allclose(still, torch.ones(BATCH), atol=1e-5)


def test_it_learns_and_comes_back_as_it_was(run, crops, roster):
    teachers = surrogates.load(roster, "train")
    said: list[str] = []
    taught = distil.distil(run, data.load(crops), teachers, steps=60, batch=4, progress=said.append)
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in said]
    assert losses[-1] < losses[0]
    again = distil.load(run)
    assert again is not None
    assert all(
        torch.equal(value, again.state_dict()[name]) for name, value in taught.state_dict().items()
    )
    with pytest.raises(ValueError, match="other circumstances"):
        distil.distil(run, data.load(crops), teachers, steps=61, batch=4, progress=quiet)


def test_a_run_without_one_has_none(run):
    assert distil.load(run) is None


def test_the_teachers_cosines_are_averaged():
    draw = torch.Generator().manual_seed(1)
    ones, others = (
        [
            torch.nn.functional.normalize(torch.randn(4, dim, generator=draw), dim=1)
            for dim in (3, 7)
        ]
        for _ in range(2)
    )
    mean = sum((a * b).sum(1) for a, b in zip(ones, others, strict=True)) / 2
    both = (distil.together(ones) * distil.together(others)).sum(1)
    assert torch.allclose(both, mean, atol=1e-6)
