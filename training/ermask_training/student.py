"""The student: a small recogniser of our own, distilled from a surrogate (Hinton et al., 2015).

It ships inside the protector, which paints each face so that the student no longer knows it
(docs/decisions/0007). Its blocks are those of MobileFaceNet (Chen et al., 2018), about half as
many.

Shape suffixes as in `blocks`; D embedding dimensions, S = SIDE.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 112
"""Side of what it sees, the 112-unit box of the ArcFace template: what most recognisers see."""
REDUCTIONS = (4, 8, 16)
"""By how much a stage's features are smaller than SIDE."""
DEPTHS = (2, 4, 2)
"""Blocks in each stage."""
STEM, HEAD, EXPANSION = 32, 512, 2

Shape = tuple[int, int, int, int]


class Bottleneck(nn.Module):
    """An inverted bottleneck beside a skip (Sandler et al., 2018); starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = EXPANSION * channels
        self.change = nn.Sequential(
            nn.Conv2d(channels, wide, 1),
            nn.ReLU(),
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide),
            nn.ReLU(),
            nn.Conv2d(wide, channels, 1),
        )
        self.gain = nn.Parameter(torch.full((channels, 1, 1), 0.1))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        change: Tensor = self.change(x_BCHW)
        return x_BCHW + self.gain * change


class Student(nn.Module):
    """Faces (B, 3, S, S) in [0, 1] -> unit embeddings (B, D).

    Args:
        shape: channels of the three stages, and D.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        *widths, dim = shape
        self.shape = shape
        stem = nn.Conv2d(3, STEM, 3, stride=2, padding=1)
        layers: list[nn.Module] = [stem, nn.ReLU()]
        self.stages = nn.ModuleList()
        before = STEM
        for width, depth in zip(widths, DEPTHS, strict=True):
            layers.append(nn.Conv2d(before, width, 3, stride=2, padding=1))
            layers.extend(Bottleneck(width) for _ in range(depth))
            self.stages.append(nn.Sequential(*layers))
            layers, before = [], width
        # Each channel looks at the whole face its own way.
        self.head = nn.Sequential(
            nn.Conv2d(before, HEAD, 1),
            nn.ReLU(),
            nn.Conv2d(HEAD, HEAD, SIDE // REDUCTIONS[-1], groups=HEAD),
            nn.Flatten(),
            nn.Linear(HEAD, dim),
        )

    @property
    def layers(self) -> nn.Sequential:
        """The stages and the head: from `centred` faces to embeddings of any length."""
        return nn.Sequential(*self.stages, self.head)

    def features(self, face_B3SS: Tensor) -> list[Tensor]:
        """What each stage makes of a face, and the embedding before it has length one."""
        steps = [centred(face_B3SS)]
        for stage in self.layers:
            steps.append(stage(steps[-1]))
        return steps[1:]

    def forward(self, face_B3SS: Tensor) -> Tensor:
        return F.normalize(self.features(face_B3SS)[-1], dim=1)


def centred(face_B3SS: Tensor) -> Tensor:
    """Faces in [0, 1] as the first layer takes them."""
    return face_B3SS * 2 - 1


def shape_of(weights: Mapping[str, Tensor]) -> Shape:
    """The shape of the student that has these weights.

    Raises:
        KeyError: they are those of another network.
    """
    ends = [f"stages.{i}.{depth}.gain" for i, depth in enumerate(DEPTHS)]
    ends[0] = f"stages.0.{DEPTHS[0] + 2}.gain"
    first, second, third = (len(weights[name]) for name in ends)
    return first, second, third, len(weights["head.4.bias"])


def from_weights(weights: Mapping[str, Tensor]) -> Student:
    """The student with these weights.

    Raises:
        KeyError, RuntimeError: they are those of another network.
    """
    student = Student(shape_of(weights))
    student.load_state_dict(weights)
    return student
