"""Whom faces shall be taken for: somebody given, or somebody that the key makes up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F

from ermask.contract import CROP, FLOW_GRID
from ermask_training import checkpoint, data, persona, published, recipes, surrogates
from ermask_training import fit as loop
from ermask_training.keys import random_keys
from ermask_training.protector import Protector, astray
from ermask_training.run import Run
from ermask_training.view import View, bare

CONFIG = replace(recipes.smoke(), name="impersonation", impersonate=True)


def quiet(_: str) -> None:
    pass


def made_up(people: int = 80, dim: int = 16):
    """Two noisy embeddings of each, and a synthetic identity of them."""
    draw = torch.Generator().manual_seed(1)
    own = torch.randn(people, dim, generator=draw).repeat_interleave(2, 0)
    seen = F.normalize(own + 0.1 * torch.randn(own.shape, generator=draw) + 1, dim=1)
    names = [f"p{i // 2}" for i in range(2 * people)]
    return seen, names, persona.synthetic(seen, names, 3)


def test_the_key_decides_who_a_synthetic_identity_is():
    _, _, identity = made_up()
    keys = random_keys(40, torch.Generator().manual_seed(2))
    found = identity(keys)
    assert torch.allclose(found.norm(dim=1), torch.ones(40), atol=1e-5)
    assert torch.allclose(identity(-keys), -found, atol=1e-5)
    between = (found @ found.T)[~torch.eye(40, dtype=torch.bool)]
    assert abs(float(between.mean())) < 0.1
    assert float(between.max()) < 0.95


def test_it_looks_at_no_sign_that_bends():
    _, _, identity = made_up()
    keys = random_keys(2, torch.Generator().manual_seed(2))
    bent = keys.flatten(1).clone()
    bent[:, :64] *= -1
    assert torch.equal(identity(keys), identity(bent.reshape(keys.shape)))


def test_all_recognisers_are_led_to_one_person():
    """A second one that sees the same faces turned makes the same person, turned."""
    seen, names, first = made_up()
    turn = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(4)))[0]
    second = persona.synthetic(seen @ turn, names, 3)
    keys = random_keys(5, torch.Generator().manual_seed(2))
    assert torch.allclose(first(keys) @ turn, second(keys), atol=1e-4)
    other = persona.synthetic(seen, names, 4)
    assert not torch.allclose(first(keys), other(keys), atol=0.1)


def test_too_few_people():
    with pytest.raises(ValueError, match="64 groups of people; there are 3"):
        persona.synthetic(torch.eye(3), ["a", "b", "c"], 0)


def test_a_given_person_is_the_same_for_every_key():
    seen = F.normalize(torch.randn(4, 16, generator=torch.Generator().manual_seed(5)), dim=1)
    found = persona.given(seen)(random_keys(3, torch.Generator()))
    assert torch.allclose(found, F.normalize(seen.mean(0), dim=0).expand(3, -1), atol=1e-6)


def test_a_protected_face_comes_nearer_to_whom_it_shall_be_taken_for(student):
    draw = torch.Generator().manual_seed(3)
    crop = F.interpolate(torch.rand(3, 3, 40, 40, generator=draw), (CROP, CROP), mode="bicubic")
    coarse = torch.randn(3, 2, 5, 5, generator=torch.Generator().manual_seed(4))
    flow = F.interpolate(coarse, (FLOW_GRID, FLOW_GRID), mode="bicubic")
    wanted = student(bare(crop.flip(0)))

    def nearness(towards):
        change = astray(student, crop, flow, torch.ones(3), 0.05, 0.5, towards_BD=towards)
        return float((student(View(crop, change[1]).face(change[0])) * wanted).sum(1).mean())

    assert nearness(wanted) > nearness(None)


@pytest.fixture(scope="module")
def judges(roster):
    return surrogates.load(roster, "train")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, student, crops, judges):
    """A run towards the mean of everybody in the set."""
    folder = tmp_path_factory.mktemp("run")
    loop.fit(CONFIG, data.load(crops), judges, student, folder, quiet, target=data.load(crops))
    return folder


def test_a_run_learns_to_impersonate_and_remembers_whom(trained, student, crops, judges, prepared):
    assert '"persona"' in (trained / "metrics.jsonl").read_text()
    assert '"likeness"' not in (trained / "metrics.jsonl").read_text()
    weights = published.weights(trained, "protector")
    network = published.network("protector", published.bounds(trained, "protector"), weights)
    assert isinstance(network, Protector)
    assert network.persona is not None
    assert float(network.persona(random_keys(1, torch.Generator())).norm()) == pytest.approx(1)
    somebody = data.load(prepared("somebody", ["zoe"], 77))
    other = Run(CONFIG, student, None, persona.Cast(somebody, somebody, 0).seen_by(student, quiet))
    with pytest.raises(ValueError, match="another --target"):
        other.restore(checkpoint.load(trained))


def test_a_target_needs_a_recipe_that_impersonates(student, crops, judges, tmp_path):
    crop_set = data.load(crops)
    with pytest.raises(ValueError, match="nobody else"):
        loop.fit(recipes.smoke(), crop_set, judges, student, tmp_path, quiet, target=crop_set)


def test_a_run_takes_nobody_over_from_another(trained, student):
    fresh = persona.given(torch.eye(student.shape[-1])[:2])
    run = Run(CONFIG, student, None, fresh)
    run.start_from(trained)
    assert run.protector.persona is not None
    assert np.allclose(run.protector.persona.own, fresh.own)
