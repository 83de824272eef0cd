"""Real codecs in the loop, and gradients that do not notice."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from ermask_training import degrade


def noise(side: int = 64, batch: int = 4):
    return torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(2))


class Draws:
    """A generator that always draws `value`, and the lowest integer."""

    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        return self.value

    def uniform(self, low: float, high: float) -> float:
        return low + self.value * (high - low)

    def integers(self, low: int, high: int) -> int:
        return low


def test_what_is_seen_is_a_jpeg_file(monkeypatch):
    """The very pixels of a smaller picture that Pillow saved twice as JPEG of quality 55."""
    monkeypatch.setattr(np.random, "default_rng", lambda seed: Draws(0.2))
    crop = noise(batch=1)
    seen = degrade.sites(crop, np.random.Generator(np.random.PCG64(0)))
    pixels = (crop[0] * 255).round().byte().permute(1, 2, 0).numpy()
    small = degrade.smaller(Image.fromarray(pixels), 0.35 + 0.2 * 0.65)
    assert small.size == (31, 31)
    twice = degrade.jpeg(degrade.jpeg(small, 55), 55)
    wanted = np.asarray(degrade.larger(twice, (64, 64))).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(seen[0].numpy(), wanted, atol=1e-6)


def test_chroma_is_subsampled():
    """Columns of red and blue at one luma: 4:2:0 keeps their brightness and mixes their colour."""
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = (150, 60, 60)
    stripes[:, 1::2] = (60, 80, 220)
    seen = np.asarray(degrade.jpeg(Image.fromarray(stripes), 95)).astype(int)
    before = abs(int(stripes[0, 0, 2]) - int(stripes[0, 1, 2]))
    after = abs(seen[8:24, ::2, 2] - seen[8:24, 1::2, 2]).mean()
    assert after < before / 3


@pytest.mark.parametrize("codec", [degrade.jpeg, degrade.webp])
def test_a_lower_quality_is_further_away(codec):
    image = Image.fromarray((noise(batch=1)[0] * 255).byte().permute(1, 2, 0).numpy())
    before = np.asarray(image).astype(float)
    distances = [abs(np.asarray(codec(image, q)) - before).mean() for q in (95, 75, 55)]
    assert distances == sorted(distances)
    assert distances[0] > 0


def test_resize_keeps_the_size_and_loses_detail():
    image = Image.fromarray((noise(batch=1)[0] * 255).byte().permute(1, 2, 0).numpy())
    seen = degrade.resize(image, 0.5)
    assert seen.size == image.size
    assert np.asarray(seen).std() < np.asarray(image).std() * 0.8


def test_some_copies_stay_as_they_are():
    image = Image.new("RGB", (32, 32))
    assert degrade.random_chain(image, Draws(0.1)) is image  # type: ignore[arg-type]


def test_the_chain_follows_its_generator():
    crop = noise()
    one, two, other = (degrade.sites(crop, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_soften_blurs_some_and_leaves_the_rest():
    crop = torch.rand(24, 3, 224, 224, generator=torch.Generator().manual_seed(2))
    seen = degrade.soften(crop, np.random.default_rng(0))
    same = [torch.equal(a, b) for a, b in zip(seen, crop, strict=True)]
    assert 0 < sum(same) < 24
    blurred = [float(a.std()) for a, equal in zip(seen, same, strict=True) if not equal]
    assert max(blurred) < float(crop.std()) * 0.9
    assert 0 <= float(seen.min()) <= float(seen.max()) <= 1
