"""What protector and eraser share: the flow that a key decides, and a look at a face.

Shape suffixes: B faces, C channels, H = W = contract.CROP, G residual grid, F flow grid,
K key planes. Images are RGB in [0, 1]; flows are in crop pixels.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ermask.contract import CROP, FLOW_GRID

WIDTHS = (24, 56, 104, 144)
"""Channels at 56, 28, 14 and 7 pixels."""
FLOW_SIDE = 14
"""Control points of the flow along one side: what makes it smooth."""
KEYED = 0.75
"""Share of the flow's bound that the key decides; the rest is the face's own."""
FEATURES = (112.0, 128.0), (42.0, 44.0), 1.6
"""Where bends are, brows to mouth: centre and radii of an ellipse in crop pixels, and at how many
times its size they have faded away."""
FLOW_PARTS = 64
"""Parts of the flow whose signs the key decides, one entry of the key field each."""
FIRST_SIZE = 0.22
"""Standard deviation of a part's control points before training, in units of the bound: together
and softened they come some way towards it."""
LEVEL, WEAKEST = 0.25, 1e-3
"""See `KeyedFlow.level`; directions below WEAKEST, a share of the strongest, are raised as that."""
SOFTNESS = 1.2
"""Standard deviation of the Gaussian that softens the key's bend, in control points. A face that is
bent abruptly looks bent; one that is bent softly looks like another face."""


class KeyedFlow(nn.Module):
    """(key field, strength) -> flow, bounded by strength; the same for every face.

    The sum of learned parts, each under a sign of the key, softened. So it is odd in the key: over
    all keys it has mean zero, and the opposite key gives the opposite flow. Who knows the key knows
    the flow to the last digit, without looking at the face; a wrong key adds as much as it takes
    away.

    Args:
        max_flow: bound of |dx| and |dy| at strength 1, in crop pixels.
    """

    def __init__(self, max_flow: float) -> None:
        super().__init__()
        self.max_flow = max_flow
        self.parts = nn.Parameter(torch.randn(FLOW_PARTS, 2, FLOW_SIDE, FLOW_SIDE) * FIRST_SIZE)

    def forward(self, key_BKHW: Tensor, strength_B: Tensor) -> Tensor:
        """Returns flow_B2FF."""
        signs_BP = key_BKHW.flatten(1)[:, :FLOW_PARTS]
        total = (signs_BP @ self.parts.flatten(1)).reshape(-1, 2, FLOW_SIDE, FLOW_SIDE)
        return natural(softened(total)) * (self.max_flow * strength_B[:, None, None, None])

    @torch.no_grad()
    def level(self) -> None:
        """Raise what keys hardly differ in: singular values of the parts to the power of LEVEL.

        Training draws the parts together into the few directions that mislead recognisers most, and
        then any two keys are half alike (docs/decisions/0018). The size of the bend stays.
        """
        seen = inside(mirrored(softened(self.parts)))
        turn, sizes, _ = torch.linalg.svd(seen.flatten(1), full_matrices=False)
        raised = (sizes / sizes[0]).clamp(min=WEAKEST) ** (LEVEL - 1)
        raised *= sizes.norm() / (raised * sizes).norm()
        levelled = turn @ (raised[:, None] * (turn.T @ self.parts.flatten(1)))
        self.parts.copy_(levelled.reshape(self.parts.shape))


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a skip; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.gain = nn.Parameter(torch.full((channels, 1, 1), 0.1))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        change: Tensor = self.second(F.silu(self.first(F.silu(x_BCHW))))
        return x_BCHW + self.gain * change


class Context(nn.Module):
    """(crop, strength) -> what it makes of a face at 28 and at 14 pixels; both know all of it."""

    def __init__(self) -> None:
        super().__init__()
        wide = WIDTHS
        self.stem = nn.Conv2d(3 * 16, wide[0], 3, padding=1)
        self.strength = nn.Linear(1, wide[3])
        self.encode = nn.ModuleList([nn.Identity(), Residual(wide[1]), Residual(wide[2])])
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(wide)
        )
        self.middle = nn.ModuleList([Residual(wide[3]), Residual(wide[3])])
        self.up = nn.ModuleList([nn.Conv2d(wide[3], wide[2], 1), nn.Conv2d(wide[2], wide[1], 1)])
        self.decode = nn.ModuleList([Residual(wide[2]), Residual(wide[1])])

    def forward(self, crop_B3HW: Tensor, strength_B: Tensor) -> tuple[Tensor, Tensor]:
        """Returns features_28 and features_14."""
        x = self.stem(cells(crop_B3HW))
        skips = []
        for block, down in zip(self.encode, self.down, strict=True):
            x = block(x)
            skips.append(x)
            x = down(F.silu(x))
        x = x + self.strength(strength_B[:, None])[:, :, None, None]
        for block in self.middle:
            x = block(x)
        features_14 = self.decode[0](larger(self.up[0](x)) + skips[2])
        features_28 = self.decode[1](larger(self.up[1](features_14)) + skips[1])
        return features_28, features_14


def cells(crop_B3HW: Tensor) -> Tensor:
    """Squares of 4 x 4 pixels as the channels of one: (B, 48, 56, 56), in [-1, 1]."""
    return F.pixel_unshuffle(crop_B3HW * 2 - 1, 4)


def start_head(head: nn.Conv2d) -> None:
    """Let an output start near zero."""
    nn.init.normal_(head.weight, std=0.02)
    if head.bias is not None:
        nn.init.zeros_(head.bias)


def larger(x_BCHW: Tensor) -> Tensor:
    """Twice as many rows and columns."""
    return F.interpolate(x_BCHW, scale_factor=2.0, mode="nearest")


def natural(control_B2PP: Tensor) -> Tensor:
    """Control points of any size to a flow (B, 2, F, F) in [-1, 1], alike on both sides."""
    return smooth(bound(mirrored(control_B2PP)))


def smooth(control_B2PP: Tensor) -> Tensor:
    """Control points in [-1, 1], FLOW_SIDE a side, to a flow (B, 2, F, F) in the same range."""
    return enlarged(inside(control_B2PP), FLOW_GRID)


def enlarged(control_BCPP: Tensor, side: int) -> Tensor:
    """Control points in [-1, 1], FLOW_SIDE a side, to (B, C, side, side) in the same range.

    Bicubic, as two products with what becomes of each row: a small part of the time that runtimes
    take for the same.
    """
    rows_SP = enlarging(side, control_BCPP.device)
    return (rows_SP @ control_BCPP @ rows_SP.T).clamp(-1, 1)


def inside(control_B2PP: Tensor) -> Tensor:
    """Control points that leave cheeks and chin alone: bent, they are seen at once, and count for
    little."""
    return control_B2PP * ellipse(FLOW_SIDE, *FEATURES, control_B2PP.device)


def softened(control_B2PP: Tensor) -> Tensor:
    """Control points of a bend that is soft, see SOFTNESS."""
    rows_PP = softening(control_B2PP.device)
    return rows_PP @ control_B2PP @ rows_PP.T


def softening(device: torch.device) -> Tensor:
    """Weights (P, P) of a Gaussian, SOFTNESS wide, along a row of control points."""
    places = torch.arange(FLOW_SIDE, device=device)
    rows_PP = torch.exp(-(places[:, None] - places).square() / (2 * SOFTNESS**2))
    return rows_PP / rows_PP.sum(1, keepdim=True)


def ellipse(
    side: int,
    centre: tuple[float, float],
    radii: tuple[float, float],
    fade: float,
    device: torch.device,
) -> Tensor:
    """1 inside, falling smoothly to 0 at `fade` times its size: (side, side) over the crop."""
    places = (torch.arange(side, device=device) + 0.5) * (CROP / side)
    across = (places - centre[0]) / radii[0]
    down = (places - centre[1]) / radii[1]
    radius = (across.square() + down[:, None].square()).sqrt()
    beyond = ((radius - 1) / (fade - 1)).clamp(0, 1)
    return 1 - beyond.square() * (3 - 2 * beyond)


def enlarging(side: int, device: torch.device) -> Tensor:
    """Weights (side, P) of control points in a row of `side` places."""
    rows_P1P = torch.eye(FLOW_SIDE, device=device)[:, None]
    # the other dimension is enlarged too, and the same all over
    square = rows_P1P[..., None].expand(-1, -1, -1, FLOW_SIDE)
    large = F.interpolate(square, (side, side), mode="bicubic", align_corners=False)
    return large[:, 0, :, 0].T.contiguous()


def mirrored(flow_B2FF: Tensor) -> Tensor:
    """The part of a flow that is the same on both sides of the face.

    A face that is wider, or has a longer nose, is another face; one whose mouth hangs on one side
    is a bent photo, and eyes see it at once.
    """
    other = flow_B2FF.flip(3) * flow_B2FF.new_tensor([-1.0, 1.0])[:, None, None]
    return (flow_B2FF + other) / 2


def bound(x: Tensor) -> Tensor:
    """Into (-1, 1), with tails that keep a gradient where tanh has none left."""
    return x * torch.rsqrt(1 + x * x)
