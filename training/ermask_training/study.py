"""One loop, with checkpoints, for what is trained beside a run: attackers and the student."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ermask_training import interrupts

CHECKPOINT_SECONDS = 240.0
WARM_UP = 50

Loss = Callable[[torch.Generator, np.random.Generator], Tensor]


def study(
    network: nn.Module,
    loss: Loss,
    *,
    steps: int,
    rate: float,
    dice: tuple[torch.Generator, np.random.Generator],
    path: Path,
    made_with: dict[str, Any],
    progress: Callable[[str], None],
) -> None:
    """Train `network` in place for `steps` updates, or go on with what is in `path`.

    Written every few minutes, at the end, and on SIGTERM and Ctrl-C; on one thread a resumed run
    is the same to the bit. Once finished, it is only read.

    Args:
        rate: peak learning rate; rises for WARM_UP steps and falls along a cosine.

    Raises:
        ValueError: `path` was made under other circumstances.
        KeyboardInterrupt: stopped by a signal, after the state was saved.
    """
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, betas=(0.9, 0.98), weight_decay=1e-4)
    generator, rng = dice
    step = 0
    if path.is_file():
        state = torch.load(path, map_location="cpu", weights_only=True)
        if (before := json.loads(state["made_with"])) != made_with:
            differing = sorted(k for k in made_with if made_with[k] != before.get(k))
            raise ValueError(
                f"{path} was made under other circumstances ({', '.join(differing)} differ); "
                "use another folder"
            )
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        generator.set_state(state["generator"])
        rng.bit_generator.state = json.loads(state["rng"])
        step = state["step"]
    first, started = step, time.monotonic()

    def save() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".tmp")
        state = {
            "made_with": json.dumps(made_with),
            "step": step,
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "generator": generator.get_state(),
            "rng": json.dumps(rng.bit_generator.state),
        }
        torch.save(state, fresh)
        fresh.replace(path)

    saved, recent = started, 0.0
    with interrupts.noted() as stop:
        while step < steps and not stop:
            for group in optimiser.param_groups:
                group["lr"] = rate * schedule(step, steps)
            optimiser.zero_grad(set_to_none=True)
            total = loss(generator, rng)
            total.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            step += 1
            recent += 0.05 * (float(total.detach()) - recent) if recent else float(total.detach())
            if step % 20 == 0:
                left = (steps - step) * (time.monotonic() - started) / (step - first) / 60
                progress(f"{path.stem}: {step}/{steps}, loss {recent:.3f}, {left:.0f} min left")
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                save()
                saved = time.monotonic()
    if step > first:
        save()
    if stop:
        progress(f"{path.stem}: stopped at {step}/{steps}; the same command goes on from there")
        raise KeyboardInterrupt


def fingerprint(network: nn.Module) -> str:
    """16 hexadecimal digits for the weights of a network: what `made_with` says of it."""
    digest = hashlib.sha256()
    for name, weight in sorted(network.state_dict().items()):
        digest.update(name.encode() + weight.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def schedule(step: int, steps: int) -> float:
    """Share of the peak rate at `step`."""
    rise = min(1.0, (step + 1) / min(WARM_UP, max(1, steps // 4)))
    return rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))
