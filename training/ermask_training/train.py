"""The training loop, in plain sight.

A step: protect a batch under random keys, judge it by surrogates; once erasure is on, degrade
it as sites do, shift it as re-detection does, and undo it with the right and with wrong keys.
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

from ermask.contract import FIELD, STRENGTHS
from ermask_training import checkpoint, curriculum, degrade, losses, published, render
from ermask_training.blocks import SignedUNet, eraser_from
from ermask_training.config import TrainConfig
from ermask_training.data import CropSet
from ermask_training.embeddings import embeddings
from ermask_training.surrogates import Recogniser

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

    def __init__(self, config: TrainConfig) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.step = 0
        self.protector = SignedUNet(config.max_residual, config.max_flow)
        self.protector.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.eraser = eraser_from(self.protector)
        self.averages = [copy.deepcopy(self.protector), copy.deepcopy(self.eraser)]
        self.optimisers = [self._optimiser(self.protector), self._optimiser(self.eraser)]
        self.generator = torch.Generator().manual_seed(config.seed + 1)
        self.rng = np.random.default_rng(config.seed + 2)

    @staticmethod
    def _optimiser(network: SignedUNet) -> torch.optim.Optimizer:
        return torch.optim.AdamW(network.parameters(), betas=(0.9, 0.98), weight_decay=1e-4)

    def start_eraser(self) -> None:
        """Give the eraser what the protector has learned (see `eraser_from`)."""
        self.eraser.load_state_dict(eraser_from(self.protector).state_dict())
        self.averages[1].load_state_dict(self.eraser.state_dict())

    def start_from(self, folder: Path) -> int:
        """Take over what fits of an earlier protector; returns how many tensors did."""
        given = published.weights(folder, "protector")
        own = self.protector.state_dict()
        fitting = {k: v for k, v in given.items() if k in own and own[k].shape == v.shape}
        self.protector.load_state_dict({**own, **fitting})
        self.averages[0].load_state_dict(self.protector.state_dict())
        return len(fitting)

    def average(self, erase: bool) -> None:
        """Move the averages towards the networks."""
        pairs = zip(self.averages, (self.protector, self.eraser), strict=True)
        for average, network in list(pairs)[: 2 if erase else 1]:
            start = 0 if average is self.averages[0] else self.config.erase_from
            decay = min(self.config.averaging, (self.step - start + 1) / (self.step - start + 10))
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
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue where `state` was saved."""
        self.step = state["step"]
        self.protector.load_state_dict(state["protector"])
        self.eraser.load_state_dict(state["eraser"])
        for network, saved in zip(self.averages, state["averages"], strict=True):
            network.load_state_dict(saved)
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.generator.set_state(state["generator"])
        self.rng.bit_generator.state = json.loads(state["rng"])


def random_keys(count: int, generator: torch.Generator) -> Tensor:
    """Key fields (count, *FIELD) of random keys: what `Key.field` gives is uniform too."""
    return torch.randint(0, 2, (count, *FIELD), generator=generator).float() * 2 - 1


def fit(
    config: TrainConfig,
    crop_set: CropSet,
    recognisers: list[Recogniser],
    folder: Path,
    progress: Callable[[str], None] = print,
    start_from: Path | None = None,
) -> Path:
    """Train, or go on training, the run in `folder`; returns the folder.

    A new run starts from the protector of the models folder or run `start_from`, where it fits.

    Checkpoints every few minutes, at the end, and on SIGTERM; `metrics.jsonl` has a line a step.
    """
    run = Run(config)
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
    """One update of the networks; returns the value of every term."""
    config, weights = run.config, run.config.weights
    phase = curriculum.phase(config, run.step)
    if run.step == config.erase_from:
        run.start_eraser()
    half = config.batch // 2
    chosen = np.sort(run.rng.choice(len(crop_set), half, replace=False))
    picked = torch.from_numpy(np.tile(chosen, 2))
    crop = torch.from_numpy(crop_set.crops[chosen]).permute(0, 3, 1, 2).float() / 255
    crop_B3HW = degrade.soften(crop, run.rng).repeat(2, 1, 1, 1)
    # Each photo under two keys, each key on two photos.
    keys = random_keys(half, run.generator)
    key_BKHW = torch.cat([keys, keys.roll(1, 0)])
    levels = [STRENGTHS[name] for name in STRENGTH_ODDS]
    strength = run.rng.choice(levels, half, p=list(STRENGTH_ODDS.values()))
    strength_B = torch.tensor(strength, dtype=torch.float32).repeat(2)
    judges = [int(i) for i in run.rng.permutation(len(recognisers))[: config.surrogates_per_step]]

    # The same photos under two keys each: what the face suggests is worked out once.
    parts = run.protector.parts(crop_B3HW[:half], strength_B[:half])
    twice = (parts[0].repeat(2, 1, 1, 1), parts[1].repeat(2, 1, 1, 1))
    residual, flow = run.protector.sign(twice, key_BKHW, strength_B)
    protected_B3HW = render.apply(crop_B3HW, residual, flow)
    unit = strength_B[:, None, None, None]
    terms = {
        "residual_size": losses.size(residual / unit, config.max_residual),
        "residual_rough": losses.roughness(residual / unit, config.max_residual),
        "residual_skin": losses.on_skin(residual / unit, crop_B3HW, config.max_residual),
        "flow_rough": losses.roughness(flow / unit, config.max_flow),
        "flow_size": losses.size(flow / unit, config.max_flow),
        "key_flow": losses.key_flow(flow),
    }
    attacks, links, alike = [], [], []
    aligned = render.realignment(flow)
    for judge in judges:
        theta = render.jitter(config.batch, 3.0, 0.04, 4.0, run.generator)
        theta = render.chain(aligned, theta)
        seen = recognisers[judge](protected_B3HW, theta)
        attacks.append(losses.attack(seen, embeddings[judge][1][picked]))
        links.append(losses.linkage(seen))
        alike.append(losses.likeness(seen))
    terms["attack"] = torch.stack(attacks).mean()
    terms["linkage"] = torch.stack(links).mean()
    terms["likeness"] = torch.stack(alike).mean()

    if phase.erase:
        theta = render.jitter(config.batch, 1.2, 0.015, 1.5, run.generator)
        pulled_B3HW = protected_B3HW.detach().lerp(protected_B3HW, config.erase_pull)
        seen_B3HW = degrade.straight_through(pulled_B3HW, run.rng)
        copy_B3HW = render.move(seen_B3HW, theta)
        original_B3HW = render.move(crop_B3HW, theta)
        parts = run.eraser.parts(copy_B3HW, strength_B)
        undo, back = run.eraser.sign(parts, key_BKHW, strength_B)
        restored_B3HW = render.apply(copy_B3HW, undo, back)
        wanted = render.move(-flow.detach(), theta)
        terms["erase_pixels"] = losses.pixels(restored_B3HW, original_B3HW, render.mask_11HH())
        terms["erase_flow"] = losses.flow_distance(back / unit, wanted / unit, config.max_flow)
        judge = judges[0]
        person, mixed = embeddings[judge]
        seen = recognisers[judge](restored_B3HW[:half])
        terms["erase_identity"] = losses.identity(seen, person[picked[:half]])
        if phase.wrong_keys:
            wrong = random_keys(half, run.generator)
            second = (parts[0][half:], parts[1][half:])
            undo, back = run.eraser.sign(second, wrong, strength_B[half:])
            mistaken = render.apply(copy_B3HW[half:], undo, back)
            seen = recognisers[judge](mistaken)
            terms["wrong_key"] = losses.attack(seen, mixed[picked[half:]])

    shares = {name: getattr(weights, name) * phase.share(name) for name in terms}
    total = torch.stack([shares[name] * term for name, term in terms.items()]).sum()
    training = [(run.protector, run.optimisers[0], phase.protector_rate)]
    if phase.erase:
        training.append((run.eraser, run.optimisers[1], phase.eraser_rate))
    for _, optimiser, rate in training:
        optimiser.zero_grad(set_to_none=True)
        for group in optimiser.param_groups:
            group["lr"] = rate
    total.backward()  # type: ignore[no-untyped-call]
    for network, optimiser, _ in training:
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    run.average(phase.erase)
    return {name: round(float(term.detach()), 5) for name, term in terms.items()}
