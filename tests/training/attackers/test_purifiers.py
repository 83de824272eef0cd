"""Filters that know nothing."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask.contract import CROP
from ermask_training.attackers import purifiers
from ermask_training.attackers.purifiers import PURIFIERS, non_local_means


@pytest.fixture(scope="module")
def noisy():
    """A step from dark to light, and the same under noise: uint8 (1, CROP, CROP, 3)."""
    rng = np.random.default_rng(0)
    clean = np.full((1, CROP, CROP, 3), 60.0)
    clean[:, :, CROP // 2 :] = 180
    return clean, (clean + rng.normal(0, 6, clean.shape)).round().astype(np.uint8)


@pytest.mark.parametrize("name", sorted(PURIFIERS))
def test_each_changes_crops_and_keeps_their_form(noisy, name):
    crops = np.concatenate([noisy[1]] * 2)
    found = PURIFIERS[name](crops)
    assert found.shape == crops.shape
    assert found.dtype == np.uint8
    assert not np.array_equal(found, crops)
    assert np.array_equal(found[0], found[1])


@pytest.mark.parametrize("name", ["non-local means", "bilateral"])
def test_noise_goes_and_the_edge_stays(noisy, name):
    clean, crops = noisy
    found = PURIFIERS[name](crops).astype(float)
    assert np.abs(found - clean).mean() < 0.5 * np.abs(crops - clean).mean()
    edge = found[0, :, CROP // 2 - 1 : CROP // 2 + 1].mean((0, 2))
    assert edge[1] - edge[0] > 110


def test_non_local_means_is_the_mean_by_its_definition():
    rng = np.random.default_rng(1)
    crops = rng.integers(0, 256, (1, 12, 12, 3), np.uint8)
    x = crops[0] / 255
    total, weights = np.zeros(3), 0.0
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            moved = x[5 + dy - 1 : 5 + dy + 2, 6 + dx - 1 : 6 + dx + 2]
            weight = np.exp(-((moved - x[4:7, 5:8]) ** 2).mean() / 0.3**2)
            total, weights = total + weight * x[5 + dy, 6 + dx], weights + weight
    found = non_local_means(crops, reach=1, patch=3, noise=0.3)[0, 5, 6]
    assert np.abs(found - total / weights * 255).max() <= 0.51


def test_the_report_has_every_purifier_on_posted_copies_and_on_originals(setting, judge):
    report = purifiers.attack(setting, judge)
    named = {row.photo for row in report.rows}
    assert named >= set(PURIFIERS) | {f"original, {name}" for name in PURIFIERS}
