"""A run in one process or several, on CPUs or GPUs, by way of `accelerate`.

Several processes train one run. Each draws its own photos and keys, gradients are averaged, and so
all hold the same weights. DistributedDataParallel averages them in hooks on `forward`; the lessons
call other methods of the networks, so here it is done in the open, after `backward`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs
from torch import Tensor

from ermask_training.config import Scale

PRECISIONS = ("no", "bf16")
"""Mixed precision: none, or the recognisers and what the eraser paints in bfloat16."""
PATIENCE = timedelta(hours=4)
"""How long processes wait for the main one, which embeds the whole set before the first step."""


def start(precision: str | None = None, cpu: bool = False) -> Accelerator:
    """This process's place in the run, as `accelerate launch` or torchrun set it; else alone.

    Args:
        precision: one of PRECISIONS; None leaves it to `accelerate launch --mixed_precision`.
        cpu: use no GPU.

    Raises:
        ValueError: a precision that training does not have.
    """
    if precision not in (None, *PRECISIONS):
        raise ValueError(f"there is no precision {precision!r}; there are {', '.join(PRECISIONS)}")
    waiting = InitProcessGroupKwargs(timeout=PATIENCE)
    # batches have one size, so that the time it takes to choose convolutions pays
    torch.backends.cudnn.benchmark = True
    made = Accelerator(mixed_precision=precision, cpu=cpu, kwargs_handlers=[waiting])
    if made.mixed_precision not in PRECISIONS:
        raise ValueError(
            f"accelerate is set to mixed precision {made.mixed_precision!r}, which training does "
            f"not have; give --precision {' or '.join(PRECISIONS)}"
        )
    return made


def scale(accelerator: Accelerator) -> Scale:
    """What of it belongs in a checkpoint."""
    return Scale(
        processes=accelerator.num_processes,
        precision=accelerator.mixed_precision,
        device=accelerator.device.type,
    )


def average(accelerator: Accelerator, tensors: Sequence[Tensor]) -> None:
    """Replace each tensor by its mean over all processes, in place and in one message.

    All processes call it, with tensors of the same shapes; afterwards they hold the same bits.
    """
    if accelerator.num_processes == 1:
        return
    message = accelerator.reduce(torch.cat([each.flatten() for each in tensors]), "mean")
    parts = message.split([each.numel() for each in tensors])
    for each, part in zip(tensors, parts, strict=True):
        each.copy_(part.view(each.shape))


def anywhere(accelerator: Accelerator, *flags: bool) -> list[bool]:
    """For each flag, whether it is set in any process; all processes call it."""
    if accelerator.num_processes == 1:
        return list(flags)
    raised = torch.tensor(flags, dtype=torch.float32, device=accelerator.device)
    return [count > 0 for count in accelerator.reduce(raised, "sum").tolist()]
