"""An eraser without a key: trained on pairs that anybody can make with the public protector.

What it achieves is what a protected face gives away about its own change. It is the measure of
the key: an eraser that needs no key makes the key worthless.

Shape suffixes as in `blocks`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ermask.align import Pixels
from ermask_training import degrade, losses, published, render
from ermask_training.attackers import copies
from ermask_training.attackers.judge import ORIGINAL, Judge
from ermask_training.attackers.report import Mean, Report, circumstances
from ermask_training.attackers.setting import Setting
from ermask_training.blocks import KEYED, WIDTHS, Context, natural, start_head
from ermask_training.config import Weights
from ermask_training.embeddings import embeddings
from ermask_training.eraser import Retoucher
from ermask_training.keys import random_keys
from ermask_training.posting import posted
from ermask_training.study import study

PEAK_RATE = 8e-4


class KeylessEraser(nn.Module):
    """(crop, strength) -> (residual, flow): our own eraser, with a guess in place of the key.

    It guesses the key's flow from the copy, and goes on as ours does.
    """

    def __init__(self, max_residual: float, max_flow: float) -> None:
        super().__init__()
        self.max_flow = max_flow
        self.look = Context()
        self.guess = nn.Conv2d(WIDTHS[2], 2, 3, padding=1)
        self.retoucher = Retoucher(max_residual, max_flow * (1 - KEYED))
        start_head(self.guess)

    def forward(self, crop_B3HW: Tensor, strength_B: Tensor) -> tuple[Tensor, Tensor]:
        """Returns residual_B3GG and flow_B2FF."""
        _, features_14 = self.look(crop_B3HW, strength_B)
        unit = natural(self.guess(F.silu(features_14)))
        back_B2FF = unit * (self.max_flow * KEYED * strength_B[:, None, None, None])
        undone: tuple[Tensor, Tensor] = self.retoucher(crop_B3HW, back_B2FF, strength_B)
        return undone

    def start_from(self, weights: dict[str, Tensor]) -> int:
        """Take over what fits of a published eraser; returns how many tensors did."""
        look = {
            name.replace("retoucher.context.", "look."): weight
            for name, weight in weights.items()
            if name.startswith("retoucher.context.")
        }
        return published.take_over(self, weights | look)


def train(setting: Setting) -> KeylessEraser:
    """Train it, go on with it, or read it where it is finished."""
    torch.manual_seed(setting.seed)
    contract = setting.protector.contract
    network = KeylessEraser(contract.max_residual, contract.max_flow)
    taken = network.start_from(setting.eraser.weights)
    setting.progress(f"keyless eraser: {taken} tensors taken from the published eraser")
    clean = [
        torch.from_numpy(embeddings(setting.train, each, setting.progress))
        for each in setting.surrogates
    ]
    weights = Weights()
    strength_B = setting.strengths(setting.batch)

    def loss(generator: torch.Generator, rng: np.random.Generator) -> Tensor:
        chosen = np.sort(rng.choice(len(setting.train), setting.batch, replace=False))
        crop_B3HW = degrade.soften(copies.to_tensor(setting.train.crops[chosen]), rng)
        with torch.no_grad():
            key_BKHW = random_keys(setting.batch, generator)
            residual, flow = setting.protector(crop_B3HW, key_BKHW, strength_B)
            # the lessons of our own eraser
            dice = generator, rng
            copy_B3HW, original_B3HW, wanted = posted(crop_B3HW, residual, flow, dice)
        undo, back = network(copy_B3HW, strength_B)
        restored_B3HW = render.apply(copy_B3HW, undo, back)
        unit = strength_B[:, None, None, None]
        which = int(rng.integers(len(setting.surrogates)))
        seen = setting.surrogates[which](restored_B3HW)
        pixels = losses.pixels(restored_B3HW, original_B3HW, render.mask_11HH())
        bend = losses.flow_distance(back / unit, wanted / unit, contract.max_flow)
        identity = losses.identity(seen, clean[which][torch.from_numpy(chosen)])
        return (
            weights.erase_pixels * pixels
            + weights.erase_flow * bend
            + weights.erase_identity * identity
        )

    study(
        network,
        loss,
        steps=setting.steps,
        rate=PEAK_RATE,
        dice=setting.dice(),
        path=setting.work / "keyless.pt",
        made_with=setting.made_with,
        progress=setting.progress,
    )
    network.requires_grad_(False)
    return network.eval()


@torch.no_grad()
def erase(setting: Setting, network: KeylessEraser, posted: Pixels) -> tuple[Pixels, Tensor]:
    """Its restored crops, and the flow it used (N, 2, F, F)."""
    made, flows = [], []
    for here in copies.chunks(len(posted)):
        copy_B3HW = copies.to_tensor(posted[here])
        undo, back = network(copy_B3HW, setting.strengths(len(copy_B3HW)))
        made.append(copies.to_pixels(render.apply(copy_B3HW, undo, back)))
        flows.append(back)
    return np.concatenate(made), torch.cat(flows)


def attack(setting: Setting, judge: Judge) -> Report:
    """Erase the victims' posted copies; and their originals, to see what it does to any face."""
    network = train(setting)
    restored, flow = erase(setting, network, judge.posted)
    untouched, _ = erase(setting, network, judge.references[ORIGINAL])
    return Report(
        attacker="keyless eraser",
        what="A network of our eraser's size, trained on pairs under keys of its own, undoes the "
        "change without a key.",
        circumstances=circumstances(setting, steps=setting.steps, batch=setting.batch),
        rows=judge.rows({"keyless eraser": restored, "original, keyless eraser": untouched}),
        means={"flow undone (1: all, 0: none)": Mean.of(copies.flow_undone(flow, judge.flow))},
    )
