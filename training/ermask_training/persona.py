"""Whom protected faces shall be taken for, where that is the goal: impersonation.

A persona is an embedding in the space of one recogniser. That of a given person is the mean of
what the recogniser makes of photos of them, the same for every key. A synthetic one is decided by
the key, and nobody real: a mix, under signs, of what the means of groups of people have that the
mean of all has not. The groups are the same for every recogniser, so that all of them are led to
the same person.

Shape suffixes as in `blocks`; N crops, D embedding dimensions, G groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ermask_training.blocks import FLOW_PARTS
from ermask_training.config import TrainConfig
from ermask_training.data import CropSet
from ermask_training.embeddings import BATCH, embeddings
from ermask_training.student import Student
from ermask_training.surrogates import Recogniser
from ermask_training.view import bare

GROUPS = 64


class Persona(nn.Module):
    """Key field -> unit embedding.

    It looks at entries of the field that no flow looks at.
    """

    own: Tensor
    parts: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("own", torch.zeros(dim))
        self.register_buffer("parts", torch.zeros(GROUPS, dim))

    def forward(self, key_BKHW: Tensor) -> Tensor:
        """Returns embedding_BD of length one."""
        signs_BG = key_BKHW.flatten(1)[:, FLOW_PARTS : FLOW_PARTS + GROUPS]
        return F.normalize(self.own + signs_BG @ self.parts, dim=1)


@dataclass(frozen=True)
class Cast:
    """Who is to be impersonated."""

    target: CropSet | None
    """Photos of a given person; None: whom the key makes up."""
    people: CropSet
    """Of whom synthetic identities are made."""
    seed: int
    """Who is in which group; the same for all recognisers."""

    def seen_by(self, recogniser: Recogniser | Student, progress: Callable[[str], None]) -> Persona:
        """The persona in the space of this recogniser.

        Raises:
            ValueError: there are too few people.
        """
        if self.target is not None:
            return given(_seen(recogniser, self.target, progress))
        seen_ND = _seen(recogniser, self.people, progress)
        return synthetic(seen_ND, self.people.identities, self.seed)


def cast(config: TrainConfig, people: CropSet, target: CropSet | None) -> Cast | None:
    """Who is to be impersonated by a run; None where that is not its goal.

    Raises:
        ValueError: there is a target, and that is not its goal.
    """
    if config.impersonate:
        return Cast(target, people, config.seed)
    if target is not None:
        raise ValueError(
            f"recipe {config.name} makes people into nobody else; a target needs `impersonation`"
        )
    return None


def given(embeddings_ND: Tensor) -> Persona:
    """The person on these crops."""
    made = Persona(embeddings_ND.shape[1])
    made.own.copy_(F.normalize(embeddings_ND.mean(0), dim=0))
    return made


def synthetic(embeddings_ND: Tensor, identities: Sequence[str], seed: int) -> Persona:
    """A person made up by the key, of groups of these people.

    Args:
        identities: who is on each crop.
        seed: who is in which group; the same for all recognisers.

    Raises:
        ValueError: there are fewer people than groups.
    """
    names = sorted(set(identities))
    if len(names) < GROUPS:
        raise ValueError(
            f"a synthetic identity is made of {GROUPS} groups of people; there are {len(names)}"
        )
    order = np.random.default_rng(seed).permutation(len(names))
    group = {names[person]: place % GROUPS for place, person in enumerate(order)}
    where = torch.tensor([group[name] for name in identities])
    sums = torch.zeros(GROUPS, embeddings_ND.shape[1]).index_add_(0, where, embeddings_ND)
    means_GD = sums / torch.bincount(where, minlength=GROUPS)[:, None]
    made = Persona(embeddings_ND.shape[1])
    made.parts.copy_(F.normalize(means_GD - embeddings_ND.mean(0), dim=1))
    return made


@torch.no_grad()
def _seen(
    recogniser: Recogniser | Student, crop_set: CropSet, progress: Callable[[str], None]
) -> Tensor:
    """What it makes of every crop: (N, D)."""
    if isinstance(recogniser, Recogniser):
        return torch.from_numpy(embeddings(crop_set, recogniser, progress))
    progress(f"embedding {len(crop_set)} crops with the student")
    rows = []
    for start in range(0, len(crop_set), BATCH):
        crops = torch.from_numpy(np.array(crop_set.crops[start : start + BATCH]))
        rows.append(recogniser(bare(crops.permute(0, 3, 1, 2).float() / 255)))
    return torch.cat(rows)
