"""Teach a student what its teacher sees: whole faces, and what a change does to a face.

First each stage alone learns to do what the teacher does between two resolutions, from the
teacher's own features: dense targets, and no errors of earlier stages in the way (blockwise
distillation; Li et al., 2020). Then the student learns as a whole. What it looks at are photos,
blends of two photos, and copies of them that were bent under random keys. In the second lesson
half of the copies are changed as the protector does it, against the student as it is by then, so
that it learns from the teacher where it is mistaken about them.

Shape suffixes as in `blocks`; D embedding dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ermask.contract import RESIDUAL_GRID, STRENGTHS
from ermask_training import degrade, published, render, study
from ermask_training.blocks import KEYED, KeyedFlow
from ermask_training.config import TrainConfig
from ermask_training.data import CropSet
from ermask_training.keys import random_keys
from ermask_training.protector import LOOKS, astray
from ermask_training.student import Student, centred, from_weights
from ermask_training.surrogates import Recogniser
from ermask_training.teacher import Teacher
from ermask_training.view import View, bare

FILE, STAGES = "student.pt", "stages.pt"
STAGES_RATE, WHOLE_RATE = 3e-3, 1.5e-3
BLENDS = 0.25
"""Share of photos that are mixed with another one: faces of people who do not exist."""
BOUNDS = TrainConfig.max_residual, TrainConfig.max_flow * (1 - KEYED)
"""Bounds of what it is led astray by, at strength 1: what recipes use."""
HINTS, AWAY = 0.3, 3.0
"""Weights of the stages' features and of the embedding."""


@dataclass(frozen=True)
class Batch:
    """Photos, and behind them two copies of each."""

    seen: Tensor
    """What the student sees (B, 3, S, S)."""
    wanted: list[Tensor]
    """What the teacher makes of it; see `Teacher.features`."""


class Lessons:
    """Batches for a student: made anew each time."""

    def __init__(self, crop_set: CropSet, flow: KeyedFlow, teacher: Teacher, photos: int) -> None:
        self._crops = crop_set.crops
        self._flow = flow
        self._teacher = teacher
        self._photos = min(photos, len(crop_set) // 2)

    @torch.no_grad()
    def batch(
        self, generator: torch.Generator, rng: np.random.Generator, student: Student | None = None
    ) -> Batch:
        """Photos, copies that were bent, and others that lead `student` astray too."""
        count = self._photos
        crop_B3HW = self.photos(rng)
        levels = np.array(list(STRENGTHS.values()), np.float32)
        strength_B = torch.from_numpy(rng.choice(levels, count))
        flow = self._flow(random_keys(2 * count, generator), strength_B.repeat(2))
        residual = crop_B3HW.new_zeros(2 * count, 1, RESIDUAL_GRID, RESIDUAL_GRID)
        if student is not None:
            steps = int(rng.integers(1, len(LOOKS) + 1))
            residual[count:], flow[count:] = astray(
                student, crop_B3HW, flow[count:], strength_B, *BOUNDS, steps
            )
        source = crop_B3HW.repeat(2, 1, 1, 1)
        copies = render.apply(source, residual, flow)
        theta = render.jitter(3 * count, 3.0, 0.04, 3.0, generator)
        again = render.chain(render.realignment(flow), theta[count:])
        seen = [bare(crop_B3HW, theta[:count]), View(source, flow, again).face(residual)]
        cuts = torch.cat([theta[:count], again])
        wanted = self._teacher.features(torch.cat([crop_B3HW, copies]), cuts)
        return Batch(torch.cat(seen), wanted)

    def photos(self, rng: np.random.Generator) -> Tensor:
        """Random crops (B, 3, H, W): softened, mirrored, some blended with others."""
        picks = rng.choice(len(self._crops), (2, self._photos), replace=False)
        pixels = torch.from_numpy(self._crops[picks.ravel()]).permute(0, 3, 1, 2).float() / 255
        crop_B3HW, other_B3HW = pixels.chunk(2)
        share = rng.uniform(0.2, 0.8, self._photos) * (rng.random(self._photos) < BLENDS)
        mixed = torch.lerp(crop_B3HW, other_B3HW, _column(share))
        turned = torch.where(_column(rng.random(self._photos)) < 0.5, mixed, mixed.flip(3))
        return degrade.soften(turned, rng)


def distil(
    models: Path | None,
    crop_set: CropSet,
    teacher: Recogniser,
    output: Path,
    *,
    steps: tuple[int, int],
    photos: int = 12,
    seed: int = 0,
    progress: Callable[[str], None] = print,
) -> Student:
    """Train a student, or go on with it; it is kept in OUTPUT/student.pt.

    Args:
        models: models folder or run whose protector bends the copies; without it they are bent
            by parts that nobody trained.
        steps: updates stage by stage, and of the whole.
        photos: a step; each is seen clean and in two copies.

    Raises:
        ValueError: there is no protector, the recogniser cannot teach (see `Teacher`), or what is
            in `output` was made under other circumstances.
    """
    torch.manual_seed(seed)
    master = Teacher(teacher)
    flow = KeyedFlow(TrainConfig.max_flow * KEYED) if models is None else published.flow(models)
    lessons = Lessons(crop_set, flow, master, photos)
    rng = np.random.default_rng(seed)
    master.calibrate(lessons.photos(rng) for _ in range(20))
    student = Student(master.shape)
    student.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    student.requires_grad_(True)
    made_with = {
        "teacher": master.name,
        "models": study.fingerprint(flow),
        "data": crop_set.fingerprint,
        "photos": photos,
        "seed": seed,
    }

    def by_stages(generator: torch.Generator, rng: np.random.Generator) -> Tensor:
        batch = lessons.batch(generator, rng)
        before = [centred(batch.seen), *batch.wanted[:-1]]
        given = [stage(x) for stage, x in zip(student.layers, before, strict=True)]
        return _hints(given, batch.wanted) + AWAY * _away(given[-1], batch.wanted[-1])

    def whole(generator: torch.Generator, rng: np.random.Generator) -> Tensor:
        batch = lessons.batch(generator, rng, student)
        given = student.features(batch.seen)
        return HINTS * _hints(given, batch.wanted) + AWAY * _away(given[-1], batch.wanted[-1])

    plan = ((STAGES, by_stages, STAGES_RATE), (FILE, whole, WHOLE_RATE))
    for index, ((name, loss, rate), count) in enumerate(zip(plan, steps, strict=True)):
        seed += 2
        study.study(
            student,
            loss,
            steps=count,
            rate=rate,
            dice=(torch.Generator().manual_seed(seed + 1), np.random.default_rng(seed + 2)),
            path=output / name,
            made_with={**made_with, "steps": list(steps[: index + 1])},
            progress=progress,
        )
    return student


def load(folder: Path) -> Student:
    """The student that was taught in a folder, or that of a models folder or a run.

    Raises:
        ValueError: there is none.
    """
    path = folder / FILE
    if path.is_file():
        return from_weights(torch.load(path, map_location="cpu", weights_only=True)["network"])
    try:
        return published.student(folder)
    except ValueError as error:
        raise ValueError(
            f"{folder} has no student; `ermask-train distil` teaches one, and a models folder of "
            "this lab's kind holds one"
        ) from error


def _hints(given: list[Tensor], wanted: list[Tensor]) -> Tensor:
    pairs = zip(given[:-1], wanted[:-1], strict=True)
    return torch.stack([F.mse_loss(x, y) for x, y in pairs]).sum()


def _away(given_BD: Tensor, wanted_BD: Tensor) -> Tensor:
    return (1 - (F.normalize(given_BD, dim=1) * wanted_BD).sum(1)).mean()


def _column(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values).float()[:, None, None, None]
