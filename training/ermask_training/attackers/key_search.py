"""Search for a field that turns a posted face into a suspect's, with a recogniser as oracle.

The attacker has a clean photo of a suspect. Any search makes any suspect more alike, so what
counts is how much better it does for the true person than for wrong ones: the threshold is set
anew on searches for wrong suspects, beside the usual one.

Shape suffixes as in `blocks`; D embedding dimensions, S searches.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ermask.align import Pixels
from ermask.contract import FIELD
from ermask_training import render
from ermask_training.attackers import copies
from ermask_training.attackers.judge import ORIGINAL, PROTECTED, Judge, table
from ermask_training.attackers.report import Report, Row, circumstances
from ermask_training.attackers.setting import Setting
from ermask_training.keys import random_keys

ORACLES = 2
"""Recognisers that the attacker asks at once."""
WRONG_SUSPECTS = 3
"""Searches for other people, for each photo."""
TOO_FEW = 10
"""Fewer searches above a threshold than this do not set it."""

Score = Callable[[Tensor], Tensor]
"""Fields (S, K, H, W) to what the oracles say (S,): the mean cosine with the suspect."""
Search = Callable[[Score, int, Tensor, int, torch.Generator], Tensor]


def live_entries(setting: Setting, posted: Pixels) -> Tensor:
    """Entries of the field that the eraser looks at: bool FIELD. The graph is public."""
    generator, _ = setting.dice()
    copy_B3HW = copies.to_tensor(posted[:4])
    key_BKHW = random_keys(len(copy_B3HW), generator).requires_grad_()
    strength_B = setting.strengths(len(copy_B3HW))
    residual, flow = setting.eraser(copy_B3HW, key_BKHW, strength_B, fits=True)
    total = sum((x * torch.randn(x.shape, generator=generator)).sum() for x in (residual, flow))
    (slope,) = torch.autograd.grad(torch.as_tensor(total), key_BKHW)
    return slope.abs().amax(0) > 0


def hill_climb(
    score: Score, count: int, live: Tensor, queries: int, generator: torch.Generator
) -> Tensor:
    """Flip a few signs at a time and keep what scores better: needs no gradient.

    Args:
        count: searches side by side, S.
        live: entries worth flipping, bool FIELD.
        queries: calls of `score`.

    Returns:
        The best fields found, (S, *FIELD), entries -1 or +1.
    """
    best = random_keys(count, generator)
    with torch.no_grad():
        height = score(best)
        for query in range(1, queries):
            # From an eighth of the signs down to one or two.
            share = max(1.5 / int(live.sum()), (1 - query / queries) / 8)
            flips = (torch.rand(best.shape, generator=generator) < share) & live
            trial = torch.where(flips, -best, best)
            found = score(trial)
            better = found > height
            best[better], height = trial[better], torch.maximum(found, height)
    return best


def ascend(
    score: Score, count: int, live: Tensor, queries: int, generator: torch.Generator
) -> Tensor:
    """Follow the gradient over fields between -1 and +1; arguments as in `hill_climb`.

    Returns:
        The last fields, (S, *FIELD), real: the public eraser takes any.
    """
    start = torch.randn(count, *FIELD, generator=generator) * 0.1
    free = start.requires_grad_()
    optimiser = torch.optim.Adam([free], lr=0.15)
    for _ in range(queries):
        optimiser.zero_grad(set_to_none=True)
        (-score(torch.tanh(free) * live).sum()).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return (torch.tanh(free) * live).detach()


SEARCHES: dict[str, Search] = {"hill climbing": hill_climb, "gradient ascent": ascend}


def search(setting: Setting, method: Search, posted: Pixels, suspects: Pixels) -> Pixels:
    """Crops restored with the fields found, one search for each posted copy and its suspect."""
    generator, _ = setting.dice()
    live = live_entries(setting, posted)
    oracles = setting.surrogates[:ORACLES]
    wanted = [torch.from_numpy(copies.embed(oracle, suspects)) for oracle in oracles]
    made = []
    for here in copies.chunks(len(posted)):
        copy_S3HW = copies.to_tensor(posted[here])
        strength_S = setting.strengths(len(copy_S3HW))
        targets = [each[here] for each in wanted]

        def score(
            key_SKHW: Tensor,
            copy_S3HW: Tensor = copy_S3HW,
            strength_S: Tensor = strength_S,
            targets: list[Tensor] = targets,
        ) -> Tensor:
            undone = setting.eraser(copy_S3HW, key_SKHW, strength_S, fits=True)
            restored = render.apply(copy_S3HW, *undone)
            cosines = [
                (oracle(restored) * target_SD).sum(1)
                for oracle, target_SD in zip(oracles, targets, strict=True)
            ]
            return torch.stack(cosines).mean(0)

        fields = method(score, len(copy_S3HW), live, setting.queries, generator)
        made.append(copies.undo(setting, posted[here], fields, fits=True)[0])
        setting.progress(f"searched {here.stop} of {len(posted)}")
    return np.concatenate(made)


def honest_far(far: float, trials: int) -> float:
    """The lowest false accept rate, from `far` up, that so many wrong suspects can show."""
    return min(1.0, max(far, TOO_FEW / trials))


def attack(setting: Setting, judge: Judge) -> Report:
    """Both searches, for the true person and for wrong suspects.

    Raises:
        ValueError: one pair alone has no wrong suspect.
    """
    everyone = np.arange(len(setting.pairs))
    if len(everyone) < 2:
        raise ValueError("key search needs two pairs at least: the others are the wrong suspects")
    shifts = range(1, min(WRONG_SUSPECTS, len(everyone) - 1) + 1)
    wrong = np.concatenate([np.roll(everyone, -shift) for shift in shifts])
    posted = np.tile(judge.posted, (len(shifts), 1, 1, 1))
    true, false = {}, {PROTECTED: posted}
    for name, method in SEARCHES.items():
        setting.progress(f"key search: {name}")
        true[name] = search(setting, method, judge.posted, setting.pairs.b)
        false[name] = search(setting, method, posted, setting.pairs.b[wrong])
    rows: list[Row] = []
    for each in setting.judges:
        cosines = {name: judge.known[each.name][name] for name in (ORIGINAL, PROTECTED)}
        cosines |= {name: judge.cosines(each, crops) for name, crops in true.items()}
        mistaken = {name: judge.cosines(each, crops, wrong) for name, crops in false.items()}
        named = {f"wrong suspect, {name}": cosine for name, cosine in mistaken.items()}
        for far in setting.fars:
            limit = judge.limit(each, far)
            rows += table({**cosines, **named}, each.name, far, limit, strangers=named)
        far = honest_far(max(setting.fars), len(wrong))
        own = {name: float(np.quantile(mistaken[name], 1 - far)) for name in SEARCHES}
        rows += table(cosines, each.name, far, judge.limit(each, far), own_limits=own)
    live = int(live_entries(setting, judge.posted).sum())
    oracles = ", ".join(oracle.name for oracle in setting.surrogates[:ORACLES])
    return Report(
        attacker="key search",
        what="The field is searched until the restored face looks like a suspect to a recogniser.",
        circumstances=circumstances(setting, queries=setting.queries, oracles=oracles),
        rows=rows,
        remarks=[
            f"{live} of {math.prod(FIELD)} entries of the field change what the eraser does.",
            "The photo that steers a search is the one that it is matched with afterwards, by "
            "other recognisers.",
            f"The last table of a recogniser sets the searches' thresholds on {len(wrong)} "
            "searches for wrong suspects, at the lowest false accept rate that so many can show: "
            "there a search is worth what its rate is above that of `protected`.",
        ],
    )
