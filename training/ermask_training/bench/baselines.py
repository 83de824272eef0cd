"""What else could be done to a face, in the same tables: same photos, crops, mask and attacker.

Blurring and pixelation hide a face from people too; the attacks of `attacks` work against the
surrogates that ermask is trained on. Each change is worked out on the canonical crop and carried
to the photo as ermask carries its own, so none is helped or harmed by how it is pasted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from zlib import crc32

import torch
from torch import Tensor
from torch.nn import functional as F

from ermask import align, render
from ermask.codec import Photo
from ermask.faces import MIN_FACE
from ermask_training.bench import attacks
from ermask_training.bench.attacker import Seen, place
from ermask_training.bench.dodging import ORIGINAL
from ermask_training.bench.intervals import measured, middle
from ermask_training.bench.looks import looks
from ermask_training.bench.matching import COSINE, match_rates
from ermask_training.bench.protocol import Limits, Row, Rows
from ermask_training.bench.similarity import Distance, alike
from ermask_training.bench.subject import Subject
from ermask_training.bench.variants import CLEAN, HALF_POSTED, POSTED, label, posted_as
from ermask_training.surrogates import Recogniser

BLUR_SIGMA = 8.0
"""Crop pixels; a face is about 110 wide."""
BLOCK = 14
"""Crop pixels along a side: eight blocks across a face."""
VARIANTS = (CLEAN, POSTED, HALF_POSTED)

Change = Callable[[Tensor, torch.Generator], Tensor]
"""Crops (B, 3, H, H) in [0, 1] to what is added to them."""


def blur(crop_B3HH: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian blur."""
    kernel = 2 * round(3 * BLUR_SIGMA) + 1
    padded = F.pad(crop_B3HH, (kernel // 2,) * 4, mode="reflect")
    inside = slice(kernel // 2, -(kernel // 2))
    return attacks.smooth(padded, kernel)[..., inside, inside] - crop_B3HH


def pixelate(crop_B3HH: Tensor, generator: torch.Generator) -> Tensor:
    """Blocks of one colour each."""
    blocks = F.avg_pool2d(crop_B3HH, BLOCK)
    return blocks.repeat_interleave(BLOCK, 2).repeat_interleave(BLOCK, 3) - crop_B3HH


def attack_with(surrogates: list[Recogniser], attack: attacks.Attack) -> Change:
    """An attack against these surrogates."""
    return lambda crop, generator: attacks.run(attack, crop, surrogates, generator)


class Baselines:
    """The photo under each of them."""

    name = "baselines"

    def __init__(self, surrogates: list[Recogniser], lpips: Distance | None) -> None:
        self.changes: dict[str, Change] = {"Gaussian blur": blur, "pixelation": pixelate}
        for name, attack in attacks.ATTACKS.items():
            self.changes[name] = attack_with(surrogates, attack)
        self._lpips = lpips
        self._made: dict[str, tuple[Photo, float]] = {}

    def pictures(self, subject: Subject) -> dict[str, Photo]:
        self._made = {name: _changed(subject, name, how) for name, how in self.changes.items()}
        shown = posted_as(ORIGINAL, subject.a, VARIANTS)
        for name, (photo, _) in self._made.items():
            shown |= posted_as(name, photo, VARIANTS)
        return shown

    def outcome(self, subject: Subject, seen: Seen) -> Row:
        names = [ORIGINAL, *self.changes]
        wanted = [label(name, variant) for name in names for variant in VARIANTS]
        row: Row = {COSINE: seen.cosines(wanted), "looks": {}}
        row["ms a face"] = {name: round(ms, 1) for name, (_, ms) in self._made.items()}
        if similarity := place(subject.engine, subject.a):
            original = align.crop(subject.a.rgb, similarity)
            for name, (photo, _) in self._made.items():
                crop = align.crop(photo.rgb, similarity)
                row["looks"][f"{name} against original"] = alike(original, crop, self._lpips)
        return row

    @staticmethod
    def summarise(rows: Rows, limits: Limits) -> dict[str, Any]:
        times = next(iter(rows.values()))["ms a face"]
        cost = {
            name: measured([row["ms a face"][name] for row in rows.values()], middle, "median")
            for name in times
        }
        return {
            **match_rates(rows, limits),
            "looks": looks({name: row["looks"] for name, row in rows.items()}),
            "cost": {"baselines, ms a face": cost},
        }


def _changed(subject: Subject, name: str, how: Change) -> tuple[Photo, float]:
    """The photo with all large faces changed, and the milliseconds that took for each."""
    photo = subject.a
    faces = [face for face in subject.engine.find(photo.rgb) if face.width >= MIN_FACE]
    if not faces:
        return photo, 0.0
    seed = crc32(f"{subject.seed}/{subject.name}/{name}".encode())
    crops = align.crops(photo.rgb, [face.similarity for face in faces])
    started = time.perf_counter()
    change = how(torch.from_numpy(crops), torch.Generator().manual_seed(seed)).numpy()
    ms = (time.perf_counter() - started) * 1000 / len(faces)
    made = [
        render.Change(face.similarity, residual)
        for face, residual in zip(faces, change, strict=True)
    ]
    return photo.with_rgb(render.apply(photo.rgb, made)), ms
