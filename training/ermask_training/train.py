"""The training loop, in plain sight.

First the protector: bend a batch under random keys, judge it by surrogates. Then the eraser:
protect, degrade as sites do, shift as re-detection does, and undo it with the right key.
Shape suffixes as in `blocks`.
"""

from __future__ import annotations

import copy
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ermask.contract import RESIDUAL_GRID, STRENGTHS, Role
from ermask.model_files import ROLES
from ermask_training import checkpoint, curriculum, degrade, losses, published, render
from ermask_training.blocks import SignedFlow
from ermask_training.config import TrainConfig
from ermask_training.data import CropSet
from ermask_training.embeddings import embeddings
from ermask_training.eraser import Eraser, eraser_from
from ermask_training.keys import random_keys
from ermask_training.protector import Protector
from ermask_training.student import Student
from ermask_training.surrogates import Recogniser
from ermask_training.view import bare

STRENGTH_ODDS = {"low": 0.2, "mid": 0.5, "high": 0.3}
PERSON_SHARE = 0.4
"""Weight of the person's mean embedding beside the photo's own: other photos must not match."""


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


class Run:
    """The state of a run: two networks, their averages, optimisers and random generators."""

    def __init__(self, config: TrainConfig, student: Student) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.step = 0
        self.protector = Protector(config.max_residual, config.max_flow, student.shape)
        self.protector.student.load_state_dict(student.state_dict())
        self.protector.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.eraser: Eraser = eraser_from(self.protector, config.max_residual)
        self.eraser.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.eraser_given = False
        """Whether the eraser came from an earlier run, and need not start as the protector."""
        self.averages = (copy.deepcopy(self.protector), copy.deepcopy(self.eraser))
        self.optimisers = [self._optimiser(self.protector), self._optimiser(self.eraser)]
        self.generator = torch.Generator().manual_seed(config.seed + 1)
        self.rng = np.random.default_rng(config.seed + 2)

    @staticmethod
    def _optimiser(network: SignedFlow) -> torch.optim.Optimizer:
        learning = [weight for weight in network.parameters() if weight.requires_grad]
        return torch.optim.AdamW(learning, betas=(0.9, 0.98), weight_decay=1e-4)

    def start_eraser(self) -> None:
        """Give the eraser what the protector has learned (see `eraser_from`)."""
        start = eraser_from(self.averages[0], self.config.max_residual)
        for network in (self.eraser, self.averages[1]):
            network.load_state_dict(start.state_dict())

    def start_from(self, folder: Path) -> int:
        """Take over what fits of earlier networks; returns how many tensors did."""
        taken = 0
        networks = (self.protector, self.eraser)
        for role, network, average in zip(ROLES, networks, self.averages, strict=True):
            own = network.state_dict()
            fitting = {
                name: weight
                for name, weight in published.weights(folder, role).items()
                if name in own
                and own[name].shape == weight.shape
                and not name.startswith("student.")
            }
            network.load_state_dict({**own, **fitting})
            average.load_state_dict(network.state_dict())
            taken += len(fitting)
        self.eraser_given = True
        return taken

    def average(self, role: Role, start: int) -> None:
        """Move the average of the network that learns, which has done so since step `start`."""
        index = ROLES.index(role)
        done = self.step - start
        decay = min(self.config.averaging, (done + 1) / (done + 10))
        average, network = self.averages[index], (self.protector, self.eraser)[index]
        with torch.no_grad():
            for old, new in zip(average.parameters(), network.parameters(), strict=True):
                old.lerp_(new, 1 - decay)

    def state(self) -> dict[str, Any]:
        return {
            "protector": self.protector.state_dict(),
            "eraser": self.eraser.state_dict(),
            "averages": [network.state_dict() for network in self.averages],
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "generator": self.generator.get_state(),
            "rng": json.dumps(self.rng.bit_generator.state),
            "eraser_given": self.eraser_given,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue where `state` was saved."""
        self.step = state["step"]
        self.eraser_given = state["eraser_given"]
        self.protector.load_state_dict(state["protector"])
        self.eraser.load_state_dict(state["eraser"])
        for network, saved in zip(self.averages, state["averages"], strict=True):
            network.load_state_dict(saved)
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.generator.set_state(state["generator"])
        self.rng.bit_generator.state = json.loads(state["rng"])


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
    stop: list[int] = []
    previous = signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    saved = started = time.monotonic()
    first = run.step
    try:
        with (folder / "metrics.jsonl").open("a") as log:
            while run.step < config.steps and not stop:
                terms = one_step(run, crop_set, recognisers, embeddings)
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


def one_step(
    run: Run,
    crop_set: CropSet,
    recognisers: list[Recogniser],
    embeddings: list[tuple[Tensor, Tensor]],
) -> dict[str, float]:
    """One update of the network whose turn it is; returns the value of every term."""
    config = run.config
    phase = curriculum.phase(config, run.step)
    if run.step == config.erase_from and not run.eraser_given:
        run.start_eraser()
    network: SignedFlow = run.eraser if phase.erase else run.protector
    terms_of = erase if phase.erase else bend
    terms = terms_of(run, crop_set, recognisers, embeddings)
    total = torch.stack([getattr(config.weights, name) * x for name, x in terms.items()]).sum()
    optimiser = run.optimisers[1 if phase.erase else 0]
    optimiser.zero_grad(set_to_none=True)
    for group in optimiser.param_groups:
        group["lr"] = phase.rate
    total.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    if phase.erase:
        run.average("eraser", config.erase_from)
    else:
        run.average("protector", 0)
    return {name: round(float(term.detach()), 5) for name, term in terms.items()}


def bend(
    run: Run,
    crop_set: CropSet,
    recognisers: list[Recogniser],
    embeddings: list[tuple[Tensor, Tensor]],
) -> dict[str, Tensor]:
    """The protector's terms. Its shades follow from the student; only the flow learns."""
    config = run.config
    half = config.batch // 2
    chosen, crop_B3HW = photos(run, crop_set, half)
    # Each photo under two keys, each key on two photos.
    keys = random_keys(half, run.generator)
    strength_B = strengths(run, half)
    parts = run.protector.parts(run.protector.features(crop_B3HW, strength_B)[2])
    key_BKHW, strength_B = torch.cat([keys, keys.roll(1, 0)]), strength_B.repeat(2)
    flow = run.protector.sign(parts.repeat(2, 1, 1, 1), key_BKHW, strength_B)
    nothing = crop_B3HW.new_zeros(config.batch, 1, RESIDUAL_GRID, RESIDUAL_GRID)
    bent_B3HW = render.apply(crop_B3HW.repeat(2, 1, 1, 1), nothing, flow)
    unit = strength_B[:, None, None, None]
    terms = {
        "flow_rough": losses.roughness(flow / unit, config.max_flow),
        "flow_size": losses.size(flow / unit, config.max_flow),
        "key_flow": losses.key_flow(flow),
    }
    attacks, links, alike = [], [], []
    aligned = render.realignment(flow)
    for judge in run.rng.permutation(len(recognisers))[: config.surrogates_per_step]:
        theta = render.jitter(config.batch, 3.0, 0.04, 4.0, run.generator)
        seen = recognisers[judge](bent_B3HW, render.chain(aligned, theta))
        attacks.append(losses.attack(seen, embeddings[judge][1][chosen].repeat(2, 1)))
        links.append(losses.linkage(seen))
        alike.append(losses.likeness(seen))
    terms["attack"] = torch.stack(attacks).mean()
    terms["linkage"] = torch.stack(links).mean()
    terms["likeness"] = torch.stack(alike).mean()
    return terms


def erase(
    run: Run,
    crop_set: CropSet,
    recognisers: list[Recogniser],
    embeddings: list[tuple[Tensor, Tensor]],
) -> dict[str, Tensor]:
    """The eraser's terms, on copies that the protector's average made."""
    config = run.config
    chosen, crop_B3HW = photos(run, crop_set, config.batch)
    strength_B = strengths(run, config.batch)
    student = run.protector.student
    with torch.no_grad():
        key_BKHW = random_keys(config.batch, run.generator)
        residual, flow = run.averages[0](crop_B3HW, key_BKHW, strength_B)
        protected_B3HW = render.apply(crop_B3HW, residual, flow)
        theta = render.jitter(config.batch, 1.2, 0.015, 1.5, run.generator)
        copy_B3HW = render.move(degrade.sites(protected_B3HW, run.rng), theta)
        original_B3HW = render.move(crop_B3HW, theta)
        wanted = render.move(-flow, theta)
        known_BD = student(bare(crop_B3HW))
    undo, back = run.eraser(copy_B3HW, key_BKHW, strength_B)
    restored_B3HW = render.apply(copy_B3HW, undo, back)
    unit = strength_B[:, None, None, None]
    judge = int(run.rng.integers(len(recognisers)))
    seen = recognisers[judge](restored_B3HW)
    return {
        "erase_pixels": losses.pixels(restored_B3HW, original_B3HW, render.mask_11HH()),
        "erase_flow": losses.flow_distance(back / unit, wanted / unit, config.max_flow),
        "erase_identity": losses.identity(seen, embeddings[judge][0][chosen]),
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
