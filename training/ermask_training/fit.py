"""The training loop: steps, checkpoints, logs, and what to do when a loss is not finite.

`train` has the two lessons that steps are made of.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn

from ermask_training import checkpoint, curriculum, interrupts, persona, processes, scalars, train
from ermask_training.config import TrainConfig
from ermask_training.data import CropSet
from ermask_training.run import Run
from ermask_training.student import Student
from ermask_training.surrogates import Recogniser
from ermask_training.train import Material

MOST_SKIPPED = 10
"""Updates in a row that may be skipped; then there is nothing to hope for."""


def fit(
    config: TrainConfig,
    crop_set: CropSet,
    recognisers: list[Recogniser],
    student: Student,
    folder: Path,
    progress: Callable[[str], None] = print,
    start_from: Path | None = None,
    target: CropSet | None = None,
    accelerator: Accelerator | None = None,
    tensorboard: bool = False,
) -> Path:
    """Train, or go on training, the run in `folder`; returns the folder.

    A new run starts from the networks of the models folder or run `start_from`, where they fit.

    Checkpoints every few minutes, at the end, on SIGTERM and on Ctrl-C; `metrics.jsonl` has a line
    a step. Of several processes the main one writes and tells of progress.

    Args:
        start_from: needed where the eraser alone learns.
        target: photos of the person to impersonate; without it a run that impersonates makes
            people into whom the key makes up.
        accelerator: what `processes.start` gives; without it one process trains on the CPU.
        tensorboard: write the terms for TensorBoard too.

    Raises:
        ValueError: the eraser alone is to learn, and there is no protector to start from; the run
            was started with other processes, another precision or for another
            target; a target is given and the run does not impersonate; or the loss was
            not finite for MOST_SKIPPED steps, and the checkpoint before is left as it is.
        KeyboardInterrupt: stopped by Ctrl-C, after a checkpoint was saved.
    """
    if tensorboard:
        scalars.require_tensorboard()
    accelerator = accelerator or processes.start("no", cpu=True)
    main = accelerator.is_main_process
    say = progress if main else _nothing
    cast = persona.cast(config, crop_set, target)
    run = Run(config, student, accelerator, cast.seen_by(student, say) if cast else None)
    if (folder / "state.pt").exists():
        checkpoint.require_same_scale(folder, processes.scale(accelerator))
        run.restore(checkpoint.load(folder))
        say(f"resumed at step {run.step}")
    elif start_from is None and config.erase_from == 0:
        raise ValueError(
            f"by the recipe {config.name} only the eraser learns; give the protector that it is "
            "for with --start-from"
        )
    elif start_from is not None:
        say(f"{run.start_from(start_from)} tensors taken from {start_from}")
    folder.mkdir(parents=True, exist_ok=True)
    material = train.prepared(crop_set, recognisers, accelerator, say, cast)
    saved = started = time.monotonic()
    first = run.step
    log = scalars.opened(folder, run.step, tensorboard) if main else nullcontext(_nothing)
    with interrupts.noted() as stop, log as write:
        halt = False
        while run.step < config.steps and not halt:
            terms = one_step(run, material)
            run.step += 1
            write(run.step, terms, run.skipped > 0)
            shown = " ".join(f"{name} {value:.3f}" for name, value in terms.items())
            if run.skipped:
                say(f"{run.step}/{config.steps} not finite, update skipped  {shown}")
            elif run.step % 20 == 0:
                rate = (run.step - first) / (time.monotonic() - started)
                left = (config.steps - run.step) / rate / 60
                say(f"{run.step}/{config.steps} {rate:.2f}/s {left:.0f} min left  {shown}")
            if run.skipped == MOST_SKIPPED:
                raise ValueError(
                    f"the loss or its gradient was not finite for {MOST_SKIPPED} steps, the last "
                    f"at {run.step} ({shown}); {folder} keeps its last checkpoint. "
                    "Look for the term that fails; then lower peak_rate in a new recipe, or "
                    "train a new run with --precision no"
                )
            due = main and time.monotonic() - saved > config.checkpoint_minutes * 60
            halt, due = processes.anywhere(accelerator, bool(stop), due)
            if due and not run.skipped:
                save(run, folder)
                saved = time.monotonic()
        save(run, folder)
    if signal.SIGINT in stop:
        raise KeyboardInterrupt
    return folder


def save(run: Run, folder: Path) -> None:
    """Write a checkpoint; all processes call it, since each has random generators to keep.

    When it returns the checkpoint is there, in whichever process.
    """
    state = run.state()
    if run.accelerator.is_main_process:
        checkpoint.save(folder, run.config, run.step, state, processes.scale(run.accelerator))
    run.accelerator.wait_for_everyone()


def one_step(run: Run, material: Material) -> dict[str, float]:
    """One update of the network whose turn it is; returns the value of every term.

    Terms and gradients are means over all processes. If one is not finite, the update is skipped:
    weights, averages and optimisers stay as they are, and `run.skipped` counts it.
    """
    config = run.config
    phase = curriculum.phase(config, run.step)
    if run.step == config.erase_from:
        run.hand_over()
    turn = 1 if phase.erase else 0
    terms = (train.bend, train.erase)[turn](run, material)
    total = torch.stack([getattr(config.weights, name) * x for name, x in terms.items()]).sum()
    optimiser = run.optimisers[turn]
    optimiser.zero_grad(set_to_none=True)
    for group in optimiser.param_groups:
        group["lr"] = phase.rate
    total.backward()  # type: ignore[no-untyped-call]
    learning = run.networks[turn].parameters()
    gradients = [weight.grad for weight in learning if weight.grad is not None]
    values = torch.stack([term.detach() for term in terms.values()])
    processes.average(run.accelerator, [*gradients, values])
    norm = nn.utils.clip_grad_norm_(run.networks[turn].parameters(), 1.0)
    if bool(norm.isfinite() & values.isfinite().all()):
        run.skipped = 0
        optimiser.step()
        run.average(turn)
    else:
        run.skipped += 1
    return {name: round(x, 5) for name, x in zip(terms, values.tolist(), strict=True)}


def _nothing(*_: object) -> None:
    """Says and writes nothing."""
