"""What a training step is made of, in plain sight; `fit` has the loop.

First the protector: bend a batch under random keys, judge it by surrogates. Then the eraser:
protect, post, and undo it with the right key.
Shape suffixes as in `blocks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from ermask.contract import STRENGTHS
from ermask_training import degrade, losses, meta, render
from ermask_training.data import CropSet
from ermask_training.embeddings import embeddings
from ermask_training.keys import random_keys
from ermask_training.persona import Cast, Persona
from ermask_training.posting import posted
from ermask_training.run import Run
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
    personas: tuple[Persona, ...] = ()
    """For each recogniser, whom faces shall be taken for; none where that is not the goal."""


@dataclass(frozen=True)
class Faces:
    """What the flow learns from in a step: each photo under two keys, each key on two photos."""

    chosen: Tensor
    """Places in the set (B,)."""
    crops: Tensor
    """(B, 3, H, W)"""
    keys: Tensor
    """Fields (B, K, H, W)."""


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


def prepared(
    crop_set: CropSet,
    recognisers: list[Recogniser],
    accelerator: Accelerator,
    progress: Callable[[str], None],
    cast: Cast | None = None,
) -> Material:
    """What steps are made of, on the accelerator's device.

    Clean embeddings are made in float32, by the main process first: the others find them on disk.
    Then the recognisers' networks run in the accelerator's mixed precision. What decides where a
    pixel goes, and all weights, stay in float32.

    Args:
        cast: who is to be impersonated.
    """
    device = accelerator.device
    for recogniser in recognisers:
        recogniser.to(device)
    with accelerator.main_process_first():
        found = [embed_all(crop_set, recogniser, progress) for recogniser in recognisers]
        personas = [cast.seen_by(each, progress) for each in recognisers] if cast else []
    for recogniser in recognisers:
        recogniser.net = accelerator.prepare_model(recogniser.net, evaluation_mode=True)
    return Material(
        crop_set,
        recognisers,
        [(own.to(device), mixed.to(device)) for own, mixed in found],
        tuple(persona.to(device) for persona in personas),
    )


def bend(run: Run, material: Material) -> dict[str, Tensor]:
    """The protector's terms. Its shades follow from the student; only the flow learns."""
    config = run.config
    half = config.batch // 2
    chosen, crop_B3HW = photos(material.crop_set, half, run.rng, run.device)
    keys = random_keys(half, run.generator).to(run.device)
    key_BKHW = torch.cat([keys, keys.roll(1, 0)])
    faces = Faces(chosen.repeat(2), crop_B3HW.repeat(2, 1, 1, 1), key_BKHW)
    strength_B = strengths(half, run.rng, run.device).repeat(2)
    flow = run.protector.flow(key_BKHW, strength_B)
    unit = strength_B[:, None, None, None]
    terms = {
        "flow_rough": losses.roughness(flow / unit, config.max_flow),
        "flow_size": losses.size(flow / unit, config.max_flow),
        "key_flow": losses.key_flow(flow),
    }
    drawn = run.rng.permutation(len(material.recognisers))[: config.surrogates_per_step]
    if config.meta_rate:
        primary, auxiliary = drawn[:1], drawn[1:]
        given = meta.balanced(judged(run, material, faces, flow, auxiliary))
        theta = meta.ahead(run.protector.flow, given, config.meta_rate)
        flow_there = meta.flow_at(run.protector.flow, theta, key_BKHW, strength_B)
        given += judged(run, material, faces, flow_there, primary)
    else:
        given = judged(run, material, faces, flow, drawn)
    means = {name: torch.stack([each[name] for each in given]).mean() for name in given[0]}
    return terms | means


def judged(
    run: Run,
    material: Material,
    faces: Faces,
    flow_B2FF: Tensor,
    which: Iterable[int],
) -> list[meta.Terms]:
    """The terms of each of these surrogates, for faces under this flow."""
    found = []
    bent_B3HW = render.bent(faces.crops, flow_B2FF, "bicubic")
    aligned = render.realignment(flow_B2FF)
    for judge in which:
        theta = render.jitter(len(bent_B3HW), 3.0, 0.04, 4.0, run.generator).to(run.device)
        seen = material.recognisers[judge](bent_B3HW, render.chain(aligned, theta))
        person_BD = material.embeddings[judge][1][faces.chosen]
        terms = {"attack": losses.attack(seen, person_BD), "linkage": losses.linkage(seen)}
        if material.personas:
            terms["persona"] = losses.identity(seen, material.personas[judge](faces.keys))
        else:
            terms["likeness"] = losses.likeness(seen)
        found.append(terms)
    return found


def erase(run: Run, material: Material) -> dict[str, Tensor]:
    """The eraser's terms, on copies that the protector's average made."""
    config = run.config
    chosen, crop_B3HW = photos(material.crop_set, config.batch, run.rng, run.device)
    strength_B = strengths(config.batch, run.rng, run.device)
    student = run.protector.student
    with torch.no_grad():
        key_BKHW = random_keys(config.batch, run.generator).to(run.device)
        residual, flow = run.averages[0](crop_B3HW, key_BKHW, strength_B)
        dice = run.generator, run.rng
        copy_B3HW, original_B3HW, wanted = posted(crop_B3HW, residual, flow, dice)
        known_BD = student(bare(crop_B3HW))
    back, wrong = (run.eraser.back(x, strength_B) for x in (key_BKHW, key_BKHW.roll(1, 0)))
    with run.accelerator.autocast():
        undo, back, fits = run.eraser.undone(copy_B3HW, back, strength_B)
        wrong_fits = run.eraser.judge(run.eraser.retoucher.look(copy_B3HW, wrong, strength_B))
    unit = strength_B[:, None, None, None]
    restored_B3HW = render.apply(copy_B3HW, undo, back)
    mask_11HH = render.mask_11HH(run.device)
    judge = int(run.rng.integers(len(material.recognisers)))
    seen = material.recognisers[judge](restored_B3HW)
    return {
        "erase_flow": losses.flow_distance(back / unit, wanted / unit, config.max_flow),
        "erase_pixels": losses.pixels(restored_B3HW, original_B3HW, mask_11HH),
        "erase_identity": losses.identity(seen, material.embeddings[judge][0][chosen]),
        "erase_student": losses.identity(student(bare(restored_B3HW)), known_BD),
        "erase_fits": losses.told_apart(fits, wrong_fits),
    }


def photos(
    crop_set: CropSet, count: int, rng: np.random.Generator, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Random crops: their places in the set, and crop_B3HW of more than one sharpness."""
    chosen = np.sort(rng.choice(len(crop_set), count, replace=False))
    pixels = torch.from_numpy(crop_set.crops[chosen]).to(device)
    crop_B3HW = pixels.permute(0, 3, 1, 2).float() / 255
    return torch.from_numpy(chosen).to(device), degrade.soften(crop_B3HW, rng)


def strengths(count: int, rng: np.random.Generator, device: torch.device) -> Tensor:
    """Strengths of random presets (count,)."""
    levels = [STRENGTHS[name] for name in STRENGTH_ODDS]
    drawn = rng.choice(levels, count, p=list(STRENGTH_ODDS.values()))
    return torch.tensor(drawn, dtype=torch.float32, device=device)
