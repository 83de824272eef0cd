"""The protector: bends a face as the key says, then leads the student astray about it.

What it adds to the key's bend are shades, light, and a smaller bend of the face's own. All are
found by projected gradient descent with momentum (Madry et al., 2018; Dong et al., 2018) on the
student's similarity between the face and its protected copy. Each step looks at the face a little
differently, every other one in a mirror, so that others than the student are misled too (input
diversity; Xie et al., 2019). Shades are fine, and only where the face has texture; light falls
softly. Both are grey. Light and bends are the same on both sides of the face.

Shape suffixes as in `blocks`; S = student.SIDE, P = blocks.FLOW_SIDE.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ermask.contract import RESIDUAL_GRID
from ermask_training import render
from ermask_training.backward import traced
from ermask_training.blocks import (
    FLOW_SIDE,
    KEYED,
    KeyedFlow,
    ellipse,
    enlarged,
    mirrored,
    smooth,
)
from ermask_training.persona import Persona
from ermask_training.student import Shape, Student, centred
from ermask_training.view import View, bare

LOOKS = (
    (0.0, 0.0, 0.0, 0.0),
    (1.5, 0.02, 2.0, -1.0),
    (-1.5, -0.02, -2.0, 1.0),
    (1.0, -0.02, -1.0, 2.0),
    (-1.0, 0.02, 1.0, -2.0),
)
"""How each step looks at a face: degrees, change of scale, and shift in crop pixels."""
MOMENTUM = 0.9
REACH = 1.5
"""How far the steps go together, in units of the bound: the bound is met, and can be left."""
LONGEST = 2.0
"""Bound of a step at one place, in units of its root mean square over the face."""
TINY = 1e-12
"""Keeps a gradient of zero from being divided by itself."""
LIGHT = 1 / 3
"""Share of the residual's bound that is light; the rest are shades."""
FACE = (112.0, 125.0), (44.0, 56.0), 1.4
"""Where shades and light are, an ellipse as `blocks.FEATURES` is: in hair beyond, shades look like
ripples, and beside a face that is turned light falls on the wall."""
DETAIL = 0.025
"""Fine detail (its local deviation, share of the range) at which half the bound may be used."""
BRIGHT, DIM = 0.7, 0.3
"""How bright a place is that takes all of the light's bound, and the least share that one takes:
what hardly shows on a pale cheek is a spot on a dark one (Weber's law)."""


class Protector(nn.Module):
    """(crop, key field, strength) -> (residual, flow), both bounded by strength.

    Args:
        max_residual: bound of |residual| at strength 1, as a share of the range.
        max_flow: that of the flow, in crop pixels; a share of KEYED is the key's.
        shape: that of its student.
        persona: whom faces shall be taken for, as the student sees it; None: for nobody.
    """

    def __init__(
        self, max_residual: float, max_flow: float, shape: Shape, persona: Persona | None = None
    ) -> None:
        super().__init__()
        self.max_residual = max_residual
        self.max_flow = max_flow
        self.flow = KeyedFlow(max_flow * KEYED)
        self.student = Student(shape).requires_grad_(False)
        self.persona = persona

    def forward(
        self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns residual_B3GG, the same in all colours, and flow_B2FF."""
        flow = self.flow(key_BKHW, strength_B)
        with torch.no_grad():
            residual_B1GG, flow = astray(
                self.student,
                crop_B3HW,
                flow,
                strength_B,
                max_residual=self.max_residual,
                max_flow=self.max_flow * (1 - KEYED),
                towards_BD=None if self.persona is None else self.persona(key_BKHW),
            )
        return residual_B1GG.expand(-1, 3, -1, -1), flow


def room(crop_B3HW: Tensor) -> Tensor:
    """Share of the shades' bound that may be used at each place (B, 1, G, G).

    Texture hides in texture (spatial masking; Watson, 1993): what is invisible on an eyebrow is a
    scar on a cheek. A soft fall of light over a cheek is no texture, and skin beside an edge has
    none for being beside it. None outside the face.
    """
    grey = F.adaptive_avg_pool2d(crop_B3HW.mean(1, keepdim=True), RESIDUAL_GRID)
    detail = grey - F.avg_pool2d(grey, 5, 1, 2, count_include_pad=False)
    variance = F.avg_pool2d(detail.square(), 5, 1, 2, count_include_pad=False)
    least = -F.max_pool2d(-variance, 3, 1, 1)
    return ellipse(RESIDUAL_GRID, *FACE, crop_B3HW.device) * least / (least + DETAIL**2)


def lit(crop_B3HW: Tensor) -> Tensor:
    """Share of the light's bound that its control points may use (B, 1, P, P)."""
    grey = F.adaptive_avg_pool2d(crop_B3HW.mean(1, keepdim=True), FLOW_SIDE)
    return ellipse(FLOW_SIDE, *FACE, crop_B3HW.device) * (grey / BRIGHT).clamp(DIM, 1)


def astray(
    student: Student,
    crop_B3HW: Tensor,
    flow_B2FF: Tensor,
    strength_B: Tensor,
    max_residual: float,
    max_flow: float,
    steps: int = len(LOOKS),
    towards_BD: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The change that leads the student astray: residual (B, 1, G, G) and flow (B, 2, F, F).

    The residual is shades and light, the flow the given one and the face's own. Without any flow to
    begin with there is no way: at the face itself the similarity has no slope. What is found has a
    gradient by the student's weights, through all steps.

    Args:
        max_residual, max_flow: bounds of the residual and of the face's own flow at strength 1.
        steps: at most one for each of LOOKS.
        towards_BD: what the student shall see, beside anything else than the person.
    """
    own_B3SS = bare(crop_B3HW)
    targets = student(torch.cat([own_B3SS, own_B3SS.flip(3)])).chunk(2)
    unit = strength_B[:, None, None, None]
    room_B1GG = max_residual * (1 - LIGHT) * unit * room(crop_B3HW)
    lit_B1PP = lit(crop_B3HW)
    looks_L23 = render.similarities(crop_B3HW.new_tensor(LOOKS[:steps]))
    shades = Descent(torch.zeros_like(room_B1GG), REACH / steps)
    light = Descent(torch.zeros_like(lit_B1PP), REACH / steps)
    bend = Descent(torch.zeros_like(flow_B2FF[..., :FLOW_SIDE, :FLOW_SIDE]), REACH / steps)
    residual = torch.zeros_like(room_B1GG)
    flow = flow_B2FF
    for step in range(steps):
        in_mirror = step % 2 == 1
        theta = render.chain(render.realignment(flow), looks_L23[step : step + 1])
        view = View(crop_B3HW, flow, theta)
        face_B3SS = view.face(residual)
        seen_B3SS = face_B3SS.flip(3) if in_mirror else face_B3SS
        embedding_BD, back = traced(student.layers, centred(seen_B3SS))
        turned_BD = turn(embedding_BD, targets[in_mirror])
        if towards_BD is not None:
            turned_BD = turned_BD - turn(embedding_BD, towards_BD)
        rising_B3SS = back(turned_BD)
        slope_B3SS = rising_B3SS.flip(3) if in_mirror else rising_B3SS
        by_residual, by_bend = view.back(slope_B3SS)
        shades.step(softer(by_residual * room_B1GG))
        by_light = F.avg_pool2d(by_residual, RESIDUAL_GRID // FLOW_SIDE) * lit_B1PP
        light.step(by_light + by_light.flip(3))
        bend.step(mirrored(by_bend))
        glow_B1GG = enlarged(light.share * lit_B1PP, RESIDUAL_GRID)
        residual = shades.share * room_B1GG + max_residual * LIGHT * unit * glow_B1GG
        flow = flow_B2FF + max_flow * unit * smooth(bend.share)
    return residual, flow


def softer(x_B1GG: Tensor) -> Tensor:
    """Each place mixed with its neighbours, 1-2-1 each way: grain is seen where shades are not."""
    return F.avg_pool2d(F.avg_pool2d(x_B1GG, 2, 1, 1), 2, 1)


class Descent:
    """Steps with momentum inside a box: what is found, in units of its bound.

    Args:
        start: (B, C, G, G), in [-1, 1].
        length: root mean square of a step.
    """

    def __init__(self, start: Tensor, length: float) -> None:
        self.share = start
        self.length = length
        self._pace = torch.zeros_like(start)

    def step(self, gradient_BCGG: Tensor) -> None:
        """Go down the gradient, whatever its size."""
        size = gradient_BCGG.abs().mean((1, 2, 3), keepdim=True)
        self._pace = MOMENTUM * self._pace + gradient_BCGG / (size + TINY)
        root = self._pace.square().mean((1, 2, 3), keepdim=True).sqrt()
        move = (self._pace / (root + TINY)).clamp(-LONGEST, LONGEST)
        self.share = (self.share - self.length * move).clamp(-1, 1)


def turn(embedding_BD: Tensor, target_BD: Tensor) -> Tensor:
    """The gradient by `embedding` of its cosine to the unit `target`, up to a factor."""
    unit = F.normalize(embedding_BD, dim=1)
    return target_BD - (unit * target_BD).sum(1, keepdim=True) * unit
