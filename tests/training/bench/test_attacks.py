"""The published attacks and the blunt ones: what they do, and that they keep their bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask import align
from ermask_training import render
from ermask_training.bench import attacks, baselines
from ermask_training.bench.attacks import ATTACKS, EPSILON
from ermask_training.bench.photos import decode
from ermask_training.bench.subject import Subject
from ermask_training.surrogates import load


@pytest.fixture(scope="module")
def surrogates(roster):
    return load(roster, "train")


@pytest.fixture
def crop(astronaut):
    return torch.from_numpy(align.to_tensor([np.array(astronaut[10:234, 110:334])]))


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def cosine(surrogate, crop, change):
    with torch.no_grad():
        seen = (crop + render.mask_11HH() * change).clamp(0, 1)
        return float((surrogate(seen) * surrogate(crop)).sum())


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_beats_noise_within_its_bound(surrogates, crop, name):
    change = attacks.run(ATTACKS[name], crop, surrogates, dice(), steps=4)
    assert change.abs().max() <= EPSILON + 1e-7
    noise = (torch.rand(crop.shape, generator=dice(1)) * 2 - 1).sign() * EPSILON
    assert cosine(surrogates[0], crop, change) < cosine(surrogates[0], crop, noise) - 0.005


def test_an_attack_is_the_same_every_time(surrogates, crop):
    once, again = (
        attacks.run(ATTACKS["TI-DIM"], crop, surrogates, dice(), steps=2) for _ in range(2)
    )
    assert torch.equal(once, again)


def test_without_a_random_start_there_is_no_gradient(surrogates, crop):
    stuck = replace(ATTACKS["PGD"], start=0.0)
    change = attacks.run(stuck, crop, surrogates, dice(), steps=1)
    started = attacks.run(ATTACKS["PGD"], crop, surrogates, dice(), steps=1)
    assert cosine(surrogates[0], crop, started) < cosine(surrogates[0], crop, change)


def test_smoothing_keeps_sums_and_spreads_peaks():
    peak = torch.zeros(1, 3, 31, 31)
    peak[..., 15, 15] = 1
    soft = attacks.smooth(peak, 7)
    assert soft.sum() == pytest.approx(3, rel=1e-5)
    assert soft.max() < 0.3
    assert torch.allclose(soft, soft.transpose(2, 3))
    assert attacks.smooth(peak, 1) is peak


def test_diversity_moves_and_shrinks_or_leaves(crop):
    assert attacks.diverse(crop, 0.0, dice()) is crop
    seen = attacks.diverse(crop, 1.0, dice(3))
    assert seen.shape == crop.shape
    assert not torch.equal(seen, crop)
    black = (seen == 0).all(1).float().mean()
    assert 0 < black < 0.3


def test_pixelation_has_blocks_of_one_colour(crop):
    blocks = crop + baselines.pixelate(crop, dice())
    side = baselines.BLOCK
    assert blocks[..., :side, side : 2 * side].std((2, 3)).max() < 1e-6


def test_blurring_takes_detail_and_keeps_brightness(crop):
    soft = crop + baselines.blur(crop, dice())
    assert soft.shape == crop.shape
    assert soft.mean() == pytest.approx(float(crop.mean()), abs=0.02)
    assert soft.diff(dim=3).abs().mean() < 0.3 * crop.diff(dim=3).abs().mean()


def test_a_baseline_changes_the_face_and_nothing_else(engine, photos):
    from ermask_training.bench.photos import read_pairs

    pairs = read_pairs(photos)
    subject = Subject(engine, 1, pairs[0], pairs[1])
    protocol = baselines.Baselines([], None)
    protocol.changes = {"Gaussian blur": baselines.blur}
    shown = protocol.pictures(subject)
    assert set(shown) == {
        f"{name}{variant}"
        for name in ("original", "Gaussian blur")
        for variant in ("", ", JPEG 75", ", half size, JPEG 75")
    }
    original = decode(photos / "ada" / "a.png").rgb
    changed = (shown["Gaussian blur"].rgb != original).any(2)
    assert changed.mean() > 0.1
    assert not changed[:5].any()
    assert not changed[:, :5].any()
