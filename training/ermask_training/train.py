"""The training loop, in plain sight.

First the protector: bend a batch under random keys, judge it by surrogates. Then the eraser:
protect, degrade as sites do, shift as re-detection does, and undo it with the right key.
Shape suffixes as in `blocks`.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ermask.contract import RESIDUAL_GRID, STRENGTHS
from ermask_training import checkpoint, curriculum, degrade, losses, meta, render
from ermask_training.config import TrainConfig
from ermask_training.data import CropSet
from ermask_training.embeddings import embeddings
from ermask_training.eraser import posted
from ermask_training.keys import random_keys
from ermask_training.run import Run
from ermask_training.student import Student
from ermask_training.surrogates import Recogniser
from ermask_training.view import bare

STRENGTH_ODDS = {"low": 0.2, "mid": 0.5, "high": 0.3}
PERSON_SHARE = 0.4
"""Weight of the person's mean embedding beside the photo's own: other photos must not match."""


@dataclass(frozen=True)
class Material:
    """What steps are made of."""

    crop_set: CropSet
    recognisers: list[Recogniser]
    embeddings: list[tuple[Tensor, Tensor]]
    """For each recogniser, what `embed_all` gives."""


def embed_all(
    crop_set: CropSet, recogniser: Recogniser, progress: Callable[[str], None]
) -> tuple[Tensor, Tensor]:
    """Clean embeddings of every crop: its own (N, D), and mixed with the person's mean (N, D)."""
    own_ND = torch.from_numpy(embeddings(crop_set, recogniser, progress))
    names = sorted(set(crop_set.identities))
    row = {name: i for i, name in enumerate(names)}
    who = torch.tensor([row[name] for name in crop_set.identities])
    mean = torch.zeros(len(names), own_ND.shape[1]).index_add_(0, who, own_ND)
    mean = nn.functional.normalize(mean, dim=1)[who]
    mixed = nn.functional.normalize((1 - PERSON_SHARE) * own_ND + PERSON_SHARE * mean, dim=1)
    return own_ND, mixed


def fit(
    config: TrainConfig,
    crop_set: CropSet,
    recognisers: list[Recogniser],
    student: Student,
    folder: Path,
    progress: Callable[[str], None] = print,
    start_from: Path | None = None,
) -> Path:
    """Train, or go on training, the run in `folder`; returns the folder.

    A new run starts from the networks of the models folder or run `start_from`, where they fit.

    Checkpoints every few minutes, at the end, and on SIGTERM; `metrics.jsonl` has a line a step.
    """
    run = Run(config, student)
    if (folder / "state.pt").exists():
        run.restore(checkpoint.load(folder))
        progress(f"resumed at step {run.step}")
    elif start_from is not None:
        progress(f"{run.start_from(start_from)} tensors taken from {start_from}")
    folder.mkdir(parents=True, exist_ok=True)
    embeddings = [embed_all(crop_set, recogniser, progress) for recogniser in recognisers]
    material = Material(crop_set, recognisers, embeddings)
    stop: list[int] = []
    previous = signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    saved = started = time.monotonic()
    first = run.step
    try:
        with (folder / "metrics.jsonl").open("a") as log:
            while run.step < config.steps and not stop:
                terms = one_step(run, material)
                run.step += 1
                rate = (run.step - first) / (time.monotonic() - started)
                log.write(json.dumps({"step": run.step, **terms}) + "\n")
                log.flush()
                if run.step % 20 == 0:
                    left = (config.steps - run.step) / rate / 60
                    shown = " ".join(f"{name} {value:.3f}" for name, value in terms.items())
                    progress(f"{run.step}/{config.steps} {rate:.2f}/s {left:.0f} min left  {shown}")
                if time.monotonic() - saved > config.checkpoint_minutes * 60:
                    checkpoint.save(folder, config, run.step, run.state())
                    saved = time.monotonic()
    finally:
        signal.signal(signal.SIGTERM, previous)
        checkpoint.save(folder, config, run.step, run.state())
    return folder


def one_step(run: Run, material: Material) -> dict[str, float]:
    """One update of the network whose turn it is; returns the value of every term."""
    config = run.config
    phase = curriculum.phase(config, run.step)
    if run.step == config.erase_from and not run.eraser_given:
        run.start_eraser()
    turn = 1 if phase.erase else 0
    terms = (bend, erase)[turn](run, material)
    total = torch.stack([getattr(config.weights, name) * x for name, x in terms.items()]).sum()
    optimiser = run.optimisers[turn]
    optimiser.zero_grad(set_to_none=True)
    for group in optimiser.param_groups:
        group["lr"] = phase.rate
    total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.networks[turn].parameters(), 1.0)
    optimiser.step()
    run.average(turn)
    return {name: round(float(term.detach()), 5) for name, term in terms.items()}


def bend(run: Run, material: Material) -> dict[str, Tensor]:
    """The protector's terms. Its shades follow from the student; only the flow learns."""
    config = run.config
    half = config.batch // 2
    chosen, crop_B3HW = photos(run, material.crop_set, half)
    # Each photo under two keys, each key on two photos.
    keys = random_keys(half, run.generator)
    strength_B = strengths(run, half)
    key_BKHW, strength_2B = torch.cat([keys, keys.roll(1, 0)]), strength_B.repeat(2)

    def shown(parts: Tensor) -> tuple[Tensor, Tensor]:
        flow = run.protector.sign(parts.repeat(2, 1, 1, 1), key_BKHW, strength_2B)
        nothing = crop_B3HW.new_zeros(config.batch, 1, RESIDUAL_GRID, RESIDUAL_GRID)
        return render.apply(crop_B3HW.repeat(2, 1, 1, 1), nothing, flow), flow

    parts = run.protector.parts(run.protector.features(crop_B3HW, strength_B)[2])
    bent_B3HW, flow = shown(parts)
    unit = strength_2B[:, None, None, None]
    terms = {
        "flow_rough": losses.roughness(flow / unit, config.max_flow),
        "flow_size": losses.size(flow / unit, config.max_flow),
        "key_flow": losses.key_flow(flow),
    }
    drawn = run.rng.permutation(len(material.recognisers))[: config.surrogates_per_step]
    if config.meta_rate:
        primary, auxiliary = drawn[:1], drawn[1:]
        given = meta.balanced(judged(run, material, chosen, bent_B3HW, flow, auxiliary))
        theta = meta.ahead(run.protector, given, config.meta_rate)
        bent_B3HW, flow = shown(meta.parts_at(run.protector, theta, crop_B3HW, strength_B))
        given += judged(run, material, chosen, bent_B3HW, flow, primary)
    else:
        given = judged(run, material, chosen, bent_B3HW, flow, drawn)
    means = {name: torch.stack([each[name] for each in given]).mean() for name in given[0]}
    return terms | means


def judged(
    run: Run,
    material: Material,
    chosen: Tensor,
    bent_B3HW: Tensor,
    flow_B2FF: Tensor,
    which: Iterable[int],
) -> list[meta.Terms]:
    """The terms of each of these surrogates: photos `chosen`, bent under two keys each."""
    found = []
    aligned = render.realignment(flow_B2FF)
    for judge in which:
        theta = render.jitter(len(bent_B3HW), 3.0, 0.04, 4.0, run.generator)
        seen = material.recognisers[judge](bent_B3HW, render.chain(aligned, theta))
        person_BD = material.embeddings[judge][1][chosen].repeat(2, 1)
        found.append(
            {
                "attack": losses.attack(seen, person_BD),
                "linkage": losses.linkage(seen),
                "likeness": losses.likeness(seen),
            }
        )
    return found


def erase(run: Run, material: Material) -> dict[str, Tensor]:
    """The eraser's terms, on copies that the protector's average made."""
    config = run.config
    chosen, crop_B3HW = photos(run, material.crop_set, config.batch)
    strength_B = strengths(run, config.batch)
    student = run.protector.student
    with torch.no_grad():
        key_BKHW = random_keys(config.batch, run.generator)
        residual, flow = run.averages[0](crop_B3HW, key_BKHW, strength_B)
        dice = run.generator, run.rng
        copy_B3HW, original_B3HW, wanted = posted(crop_B3HW, residual, flow, dice)
        known_BD = student(bare(crop_B3HW))
    undo, back = run.eraser(copy_B3HW, key_BKHW, strength_B)
    restored_B3HW = render.apply(copy_B3HW, undo, back)
    unit = strength_B[:, None, None, None]
    judge = int(run.rng.integers(len(material.recognisers)))
    seen = material.recognisers[judge](restored_B3HW)
    return {
        "erase_pixels": losses.pixels(restored_B3HW, original_B3HW, render.mask_11HH()),
        "erase_flow": losses.flow_distance(back / unit, wanted / unit, config.max_flow),
        "erase_identity": losses.identity(seen, material.embeddings[judge][0][chosen]),
        "erase_student": losses.identity(student(bare(restored_B3HW)), known_BD),
    }


def photos(run: Run, crop_set: CropSet, count: int) -> tuple[Tensor, Tensor]:
    """Random crops: their places in the set, and crop_B3HW of more than one sharpness."""
    chosen = np.sort(run.rng.choice(len(crop_set), count, replace=False))
    crop_B3HW = torch.from_numpy(crop_set.crops[chosen]).permute(0, 3, 1, 2).float() / 255
    return torch.from_numpy(chosen), degrade.soften(crop_B3HW, run.rng)


def strengths(run: Run, count: int) -> Tensor:
    """Strengths of random presets (count,)."""
    levels = [STRENGTHS[name] for name in STRENGTH_ODDS]
    drawn = run.rng.choice(levels, count, p=list(STRENGTH_ODDS.values()))
    return torch.tensor(drawn, dtype=torch.float32)
