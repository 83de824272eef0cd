"""Whether protected photos betray each other: the attacker has nothing but posted copies."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from ermask.align import Pixels
from ermask_training.attackers import copies
from ermask_training.attackers.judge import ORIGINAL, PROTECTED, Judge, table
from ermask_training.attackers.report import Report, circumstances
from ermask_training.attackers.setting import Setting
from ermask_training.keys import random_keys

TWO, TWO_CLEAN = "two people, same key", "two people, not protected"
STRANGERS = (TWO, TWO_CLEAN)


def attack(setting: Setting, judge: Judge) -> Report:
    """Match protected photos with protected photos: of one person, and of two under one key."""
    pairs = setting.pairs
    generator, _ = setting.dice()
    others = random_keys(judge.draws.shape[:2].numel(), generator).view_as(judge.draws)
    next_one = np.roll(np.arange(len(pairs)), -1)

    def posted(crops: Pixels, draws: Tensor) -> Pixels:
        return copies.protect(setting, crops, copies.drawn(setting, crops, draws, generator))[0]

    same, different = posted(pairs.b, judge.draws), posted(pairs.b, others)
    stranger = posted(pairs.b[next_one], judge.draws)
    unprotected = copies.post(pairs.b[next_one], setting.quality)
    rows = []
    for each in setting.judges:
        originals = judge.references[ORIGINAL]
        a, own = (copies.embed(each, crops) for crops in (judge.posted, originals))
        against = {
            "one person, same key": (a, same),
            "one person, different keys": (a, different),
            TWO: (a, stranger),
            TWO_CLEAN: (own, unprotected),
        }
        cosines = {ORIGINAL: judge.known[each.name][ORIGINAL]}
        cosines["one person, one photo protected"] = judge.known[each.name][PROTECTED]
        for name, (left, right) in against.items():
            cosines[name] = np.sum(left * copies.embed(each, right), axis=1)
        for far in setting.fars:
            limit = judge.limit(each, far)
            rows += table(cosines, each.name, far, limit, strangers=STRANGERS)
    return Report(
        attacker="linkage",
        what="Two posted copies are matched with each other, both protected.",
        circumstances=circumstances(setting),
        rows=rows,
        remarks=["The mark that photos of one key share is not looked at."],
    )
