"""Many posted photos under one draw of a key: what they have in common gives the draw away.

A circle's photos spread over the draws of its key; this attacker is told which belong together.
It has no original. It looks for the one field under which all of them
together look most as they should, and undoes that. Two kinds of evidence, both from public
material: how natural the restored faces look, and what the keyless eraser would do to each
photo, which is little and noisy for one and adds up over many.

Shape suffixes as in `blocks`; G circles, M photos of each that are looked at together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ermask.align import Pixels
from ermask.contract import FIELD
from ermask_training import render
from ermask_training.attackers import copies, keyless, natural
from ermask_training.attackers.judge import Judge
from ermask_training.attackers.report import Mean, Report, circumstances
from ermask_training.attackers.setting import Setting
from ermask_training.render import upsample

SIZES = (1, 4, 16, 64)
"""Photos of one circle that the attacker has."""
UPDATES = 30
AT_ONCE = 8
"""Photos of a circle in one update, at most."""

Evidence = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(copies, undo, back) -> (B,): lower is better."""


def attack(setting: Setting, judge: Judge) -> Report:
    """For every size of circle: guess the key from the posted copies, and restore them with it."""
    network = keyless.train(setting)
    face = natural.natural_face(setting.train, setting.dice()[1])
    bounds = setting.protector.contract

    def looks_natural(copy_B3HW: Tensor, undo: Tensor, back: Tensor) -> Tensor:
        return face.evidence(render.apply(copy_B3HW, undo, back))

    def agrees(copy_B3HW: Tensor, undo: Tensor, back: Tensor) -> Tensor:
        with torch.no_grad():
            guess = network(copy_B3HW, setting.strengths(len(copy_B3HW)))
        mask = render.mask_11HH()
        flow = upsample((back - guess[1]) / bounds.max_flow) * mask
        residual = upsample((undo - guess[0]) / bounds.max_residual) * mask
        return flow.square().mean((1, 2, 3)) + residual.square().mean((1, 2, 3))

    rows, means, remarks = [], {}, []
    for size in SIZES:
        groups = len(setting.pairs) // size
        if not groups:
            remarks.append(f"{size} photos of one circle: there are only {len(setting.pairs)}.")
            continue
        chosen = np.arange(groups * size)
        circle = torch.arange(groups).repeat_interleave(size)
        keys = setting.victim_keys(groups)[circle, 0]
        posted, flow = copies.protect(setting, setting.pairs.a[chosen], keys)
        attacked = {f"posted, circle of {size}": posted}
        for name, evidence in (("natural face", looks_natural), ("keyless", agrees)):
            setting.progress(f"averaging: {groups} circles of {size}, evidence: {name}")
            fields = guess_fields(setting, posted, size, evidence)
            restored, back = copies.undo(setting, posted, fields[circle], fits=True)
            label = f"{name}, {size} photo{'s' * (size > 1)}"
            attacked[label] = restored
            means[f"flow undone, {label}"] = Mean.of(copies.flow_undone(back, flow))
        rows += judge.rows(attacked, chosen)
    remarks.append(
        "Photos of one circle share a key, so its photos are not independent: the intervals of "
        "large circles are too narrow."
    )
    return Report(
        attacker="averaging",
        what="The field under which all photos of a circle look best is guessed, and undone.",
        circumstances=circumstances(setting, steps=setting.steps),
        rows=rows,
        means=means,
        remarks=remarks,
    )


def guess_fields(setting: Setting, posted: Pixels, size: int, evidence: Evidence) -> Tensor:
    """The likeliest field of every circle: (G, *FIELD), entries -1 or +1.

    Args:
        posted: (G * size, CROP, CROP, 3), circle by circle.
    """
    groups, several = len(posted) // size, min(size, AT_ONCE)
    generator, rng = setting.dice()
    found = []
    for here in copies.chunks(groups, max(1, copies.BATCH // several)):
        count = here.stop - here.start
        free = torch.randn(count, *FIELD, generator=generator) * 0.01
        free.requires_grad_()
        optimiser = torch.optim.Adam([free], lr=0.15)
        starts = np.arange(here.start, here.stop) * size
        for _ in range(UPDATES):
            drawn = np.concatenate([s + rng.permutation(size)[:several] for s in starts])
            copy_B3HW = copies.to_tensor(posted[drawn])
            key_BKHW = torch.tanh(free).repeat_interleave(several, 0)
            strength_B = setting.strengths(len(drawn))
            undo, back = setting.eraser(copy_B3HW, key_BKHW, strength_B, fits=True)
            optimiser.zero_grad(set_to_none=True)
            evidence(copy_B3HW, undo, back).sum().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        found.append(torch.where(free.detach() >= 0, 1.0, -1.0))
    return torch.cat(found)
