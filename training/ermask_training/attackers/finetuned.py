"""A recogniser that is taught to see through the change, with people from the training set only.

Shape suffixes as in `blocks`; D embedding dimensions.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ermask.align import Floats
from ermask_training import degrade, render
from ermask_training.attackers import copies
from ermask_training.attackers.judge import ORIGINAL, PROTECTED, Judge, table
from ermask_training.attackers.report import Report, Row, circumstances
from ermask_training.attackers.setting import Setting
from ermask_training.keys import random_keys
from ermask_training.metrics import impostor_threshold
from ermask_training.study import study
from ermask_training.surrogates import Recogniser

PEAK_RATE = 1e-4
TEMPERATURE = 0.07


def train(setting: Setting) -> Recogniser:
    """The attacker's first recogniser, fine-tuned; or read where it is finished.

    Raises:
        ValueError: too few people of the training set have two photos, or the recogniser is a
            TorchScript that was frozen.
    """
    learner = Recogniser(setting.surrogates[0].entry)
    if not list(learner.net.parameters()):
        raise ValueError(f"{learner.name} was saved without weights that could still be trained")
    learner.net.requires_grad_(True)
    photos: dict[str, list[int]] = {}
    for i, name in enumerate(setting.train.identities):
        photos.setdefault(name, []).append(i)
    people = [here for here in photos.values() if len(here) >= 2]
    half = setting.batch // 2
    if len(people) < half:
        raise ValueError(f"{setting.train.folder} has only {len(people)} people with two photos")
    strength_B = setting.strengths(half)

    def loss(generator: torch.Generator, rng: np.random.Generator) -> Tensor:
        """Protected and clean photos of one person together, of others apart (InfoNCE)."""
        chosen = rng.choice(len(people), half, replace=False)
        two = np.array([rng.choice(people[i], 2, replace=False) for i in chosen])
        one_B3HW, other_B3HW = (
            degrade.soften(copies.to_tensor(setting.train.crops[column]), rng) for column in two.T
        )
        with torch.no_grad():
            key_BKHW = random_keys(half, generator)
            residual, flow = setting.protector(one_B3HW, key_BKHW, strength_B)
            protected_B3HW = render.apply(one_B3HW, residual, flow)
            seen_B3HW = degrade.sites(protected_B3HW, rng)
        theta = render.jitter(3 * half, 3.0, 0.04, 4.0, generator)
        batch = torch.cat([seen_B3HW, one_B3HW, other_B3HW])
        protected_BD, clean_BD, other_BD = learner(batch, theta).chunk(3)
        return _together(protected_BD, other_BD) + _together(clean_BD, other_BD)

    study(
        learner,
        loss,
        steps=setting.steps,
        rate=PEAK_RATE,
        dice=setting.dice(),
        path=setting.work / f"finetuned-{learner.name}.pt",
        made_with={**setting.made_with, "recogniser": learner.name},
        progress=setting.progress,
    )
    learner.requires_grad_(False)
    return learner


def _together(one_BD: Tensor, two_BD: Tensor) -> Tensor:
    """Row i of the one belongs to row i of the other; both ways."""
    logits = one_BD @ two_BD.T / TEMPERATURE
    who = torch.arange(len(logits))
    return (F.cross_entropy(logits, who) + F.cross_entropy(logits.T, who)) / 2


def mixed_threshold(protected_ND: Floats, clean_ND: Floats, names: list[str], far: float) -> float:
    """Cosine above which a share `far` of protected photos meets a clean one of somebody else.

    Raises:
        ValueError: too few pairs of different people to see such a share.
    """
    who = np.unique(np.asarray(names), return_inverse=True)[1]
    different = who[:, None] != who[None, :]
    if different.sum() * far < 10:
        raise ValueError(f"{different.sum()} impostor pairs are too few for FAR {far}")
    return float(np.quantile((protected_ND @ clean_ND.T)[different], 1 - far))


def rows(setting: Setting, judge: Judge, recogniser: Recogniser, label: str) -> list[Row]:
    """Match rates by `recogniser`, whose thresholds are set anew on the calibration people.

    Protected photos have a threshold of their own, set on protected against clean: a recogniser
    that learned to find protected faces all alike would otherwise look good.
    """
    calibration = setting.calibration
    crops = np.asarray(calibration.crops)
    keys = random_keys(len(crops), setting.dice()[0])
    names = list(calibration.identities)
    clean = copies.embed(recogniser, crops)
    protected = copies.embed(recogniser, copies.protect(setting, crops, keys)[0])
    others = copies.embed(recogniser, setting.pairs.b)
    cosines = {
        name: np.sum(copies.embed(recogniser, judge.references[name]) * others, axis=1)
        for name in (ORIGINAL, PROTECTED)
    }
    found = []
    for far in setting.fars:
        plain = impostor_threshold(clean, names, far)
        own = {PROTECTED: mixed_threshold(protected, clean, names, far)}
        found += table(cosines, label, far, plain, own_limits=own)
    return found


def attack(setting: Setting, judge: Judge) -> Report:
    """Compare the recogniser before and after fine-tuning, on people it has never seen."""
    before = setting.surrogates[0]
    learner = train(setting)
    return Report(
        attacker="fine-tuned recogniser",
        what="A recogniser is trained until protected and clean photos of one person agree; it "
        "judges itself, on people it was not trained on.",
        circumstances=circumstances(setting, steps=setting.steps, batch=setting.batch),
        rows=[
            *rows(setting, judge, before, before.name),
            *rows(setting, judge, learner, f"{before.name}, fine-tuned"),
        ],
        remarks=[
            f"{before.name} has role `train`: the protector was trained against it, so its rate "
            "on protected photos before fine-tuning is lower than a held-out recogniser's.",
        ],
    )
