"""Key fields by chance, as `ermask.keys.Key.field` gives them."""

from __future__ import annotations

import torch
from torch import Tensor

from ermask.contract import FIELD


def random_keys(count: int, generator: torch.Generator) -> Tensor:
    """Key fields (count, *FIELD) of random keys: what `Key.field` gives is uniform too.

    They are drawn on the CPU: the same generator gives the same ones for every device.
    """
    return torch.randint(0, 2, (count, *FIELD), generator=generator).float() * 2 - 1
