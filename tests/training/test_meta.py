"""The meta-auxiliary step, held against the same computation done by hand on a copy."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask_training import data, fit, meta, recipes, surrogates, train
from ermask_training.keys import random_keys
from ermask_training.run import Run

RATE = 50.0
JUDGED = ("attack", "linkage", "likeness")
OFF = replace(recipes.smoke(), erase_from=6, surrogates_per_step=3, max_flow=3.5)
ON = replace(OFF, meta_rate=RATE)


@pytest.fixture(scope="module")
def material(crops, several):
    crop_set, judges = data.load(crops), surrogates.load(several, "train")
    clean = [train.embed_all(crop_set, judge, lambda line: None) for judge in judges]
    return train.Material(crop_set, judges, clean)


@pytest.fixture
def start(student):
    """`start(config)`: a run whose flow already does something."""

    def made(config):
        run = Run(config, student)
        with torch.no_grad():
            run.protector.flow.parts.mul_(2)
        return run

    return made


class Replay:
    """The dice of the next step of `run`, thrown beforehand on a copy of the run."""

    def __init__(self, run, material):
        self.run, self.material = copy.deepcopy(run), material
        half = run.config.batch // 2
        chosen, crop_B3HW = train.photos(material.crop_set, half, self.run.rng, self.run.device)
        keys = random_keys(half, self.run.generator)
        self.strength_B = train.strengths(half, self.run.rng, self.run.device)
        self.keys = torch.cat([keys, keys.roll(1, 0)])
        self.faces = train.Faces(chosen.repeat(2), crop_B3HW.repeat(2, 1, 1, 1), self.keys)
        self.drawn = self.run.rng.permutation(len(material.recognisers)).tolist()

    def terms(self, network, which):
        """What these surrogates make of the flow of `network`; jitter comes in their order."""
        flow = network.flow(self.keys, self.strength_B.repeat(2))
        return train.judged(self.run, self.material, self.faces, flow, which)


def learning(network):
    return [weight for weight in network.parameters() if weight.requires_grad]


def gradients(network, loss):
    return torch.autograd.grad(loss, learning(network), allow_unused=True)


def moved(network, steps, rate):
    """A copy of a network, one step of `rate` further down."""
    there = copy.deepcopy(network)
    with torch.no_grad():
        for weight, step in zip(learning(there), steps, strict=True):
            weight -= rate * step
    return there


def close(one, two):
    return all(torch.allclose(a, b, rtol=1e-3, atol=1e-6) for a, b in zip(one, two, strict=True))


def test_off_all_that_are_drawn_judge_the_same_flow(start, material):
    run = start(OFF)
    replay = Replay(run, material)
    terms = train.bend(run, material)
    given = replay.terms(replay.run.protector, replay.drawn)
    for name in JUDGED:
        mean = torch.stack([each[name] for each in given]).mean()
        assert terms[name].item() == pytest.approx(mean.item(), rel=1e-5)
    assert run.generator.get_state().equal(replay.run.generator.get_state())


def test_off_nothing_of_it_is_used(start, material, monkeypatch):
    plain = train.bend(start(OFF), material)
    for name in ("ahead", "balanced", "flow_at"):
        monkeypatch.delattr(meta, name)
    again = train.bend(start(OFF), material)
    assert {name: x.item() for name, x in again.items()} == {
        name: x.item() for name, x in plain.items()
    }


def test_the_inner_step_lowers_the_auxiliary_loss(start, material):
    run = start(ON)
    replay = Replay(run, material)
    dice = replay.run.generator.get_state()
    before = replay.terms(run.protector, [0, 1])
    weights = meta.ahead(run.protector.flow, before, RATE)
    there = copy.deepcopy(run.protector)
    there.flow.load_state_dict(weights)
    replay.run.generator.set_state(dice)
    after = replay.terms(there, [0, 1])
    one, two = (torch.stack([each["attack"] for each in terms]).mean() for terms in (before, after))
    assert two.item() < one.item() - 0.005


def test_the_outer_gradient_is_that_of_the_primary_at_theta_ahead(start, material):
    run = start(ON)
    replay = Replay(run, material)
    given = train.bend(run, material)
    found = gradients(run.protector, given["attack"])

    network = replay.run.protector
    primary, *auxiliary = replay.drawn
    losses = [each["attack"] for each in replay.terms(network, auxiliary)]
    shares = torch.stack(losses).detach()
    shares = shares / shares.mean()
    weighted = (shares * torch.stack(losses)).sum()
    own = torch.autograd.grad(weighted, learning(network))
    there = moved(network, own, RATE / len(losses))
    dice = replay.run.generator.get_state()
    [far] = replay.terms(there, [primary])
    wanted = [(a + b) / 3 for a, b in zip(own, gradients(there, far["attack"]), strict=True)]
    assert given["attack"].item() == pytest.approx((weighted + far["attack"]).item() / 3, rel=1e-4)
    assert close(found, wanted)

    # and it is not the one where nobody has stepped
    replay.run.generator.set_state(dice)
    [near] = replay.terms(network, [primary])
    here = [(a + b) / 3 for a, b in zip(own, gradients(network, near["attack"]), strict=True)]
    assert not close(found, here)


def test_weights_are_in_proportion_to_the_losses_and_constant():
    losses = torch.tensor([0.1, 0.3], requires_grad=True)
    terms = [{"attack": loss, "linkage": loss} for loss in losses]
    found = meta.balanced(terms)
    assert [each["attack"].item() for each in found] == pytest.approx([0.05, 0.45], rel=1e-3)
    assert [each["linkage"].item() for each in found] == pytest.approx([0.1, 0.3])
    torch.stack([each["attack"] for each in found]).sum().backward()
    assert losses.grad.tolist() == pytest.approx([0.5, 1.5], rel=1e-3)


def test_losses_of_zero_have_weights_too():
    [one, two] = meta.balanced([{"attack": torch.zeros(())}, {"attack": torch.zeros(())}])
    assert one["attack"].item() == two["attack"].item() == 0


def test_a_single_surrogate_is_not_enough(start, material):
    alone = train.Material(material.crop_set, material.recognisers[:1], material.embeddings[:1])
    with pytest.raises(ValueError, match="needs two surrogates"):
        train.bend(start(ON), alone)


def test_the_network_stays_as_it_is(start, material):
    run = start(ON)
    before = copy.deepcopy(run.protector.state_dict())
    train.bend(run, material)
    after = run.protector.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_every_surrogate_is_the_primary_one_in_turn(start, material, monkeypatch):
    asked: list[list[int]] = []
    real = train.judged

    def listening(run, given, faces, flow, which):
        asked.append(list(which))
        return real(run, given, faces, flow, which)

    monkeypatch.setattr(train, "judged", listening)
    run = start(ON)
    for _ in range(30):
        train.bend(run, material)
    auxiliary, primary = asked[::2], [judge for [judge] in asked[1::2]]
    assert np.bincount(primary).min() >= 5
    for others, judge in zip(auxiliary, primary, strict=True):
        assert sorted([judge, *others]) == [0, 1, 2]


def test_a_resumed_run_is_the_same_run(start, material, student):
    straight = start(ON)
    halves = start(ON)
    for run, steps in ((straight, 4), (halves, 2)):
        for _ in range(steps):
            fit.one_step(run, material)
            run.step += 1
    resumed = Run(ON, student)
    resumed.restore({"step": 2, **copy.deepcopy(halves.state())})
    said = []
    for _ in range(2):
        said.append(fit.one_step(resumed, material))
        resumed.step += 1
    one, two = straight.protector.state_dict(), resumed.protector.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    other = halves.protector.state_dict()
    assert any(not torch.equal(one[name], other[name]) for name in one)
    assert straight.rng.bit_generator.state == resumed.rng.bit_generator.state
    assert all(np.isfinite(list(terms.values())).all() for terms in said)
