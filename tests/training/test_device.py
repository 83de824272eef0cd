"""Every tensor of a step lies on the run's device.

The device is `meta`, which has shapes and no values: it stands for a GPU that is not here.
"""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ermask_training import data, degrade, recipes, surrogates, train
from ermask_training.run import Run

MOVES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class OneDevice(TorchDispatchMode):
    """No operation takes tensors of two devices; as on a GPU, a single number may lie anywhere."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        kinds = {x.device.type for x in tensors if x.dim()}
        assert len(kinds) < 2 or func in MOVES, f"{func} takes tensors on {sorted(kinds)}"
        return func(*args, **(kwargs or {}))


@pytest.fixture
def meta(crops, roster, student, monkeypatch):
    """A run and its material on `meta`."""
    device = torch.device("meta")
    # codecs need values
    monkeypatch.setattr(degrade, "sites", lambda crop_B3HW, rng: crop_B3HW)
    accelerator: Any = SimpleNamespace(
        device=device, process_index=0, num_processes=1, autocast=nullcontext
    )
    run = Run(recipes.smoke(), student, accelerator)
    judges = [judge.to(device) for judge in surrogates.load(roster, "train")]
    clean = torch.zeros(6, 16, device=device)
    return run, train.Material(data.load(crops), judges, [(clean, clean)])


@pytest.mark.parametrize("lesson", [train.bend, train.erase])
def test_a_lesson_stays_on_its_device(meta, lesson):
    with OneDevice():
        terms = lesson(*meta)
        torch.stack(list(terms.values())).sum().backward()
    assert {term.device.type for term in terms.values()} == {"meta"}


def test_a_tensor_left_behind_is_found():
    with OneDevice(), pytest.raises(AssertionError, match="takes tensors on"):
        torch.zeros(2, 2) @ torch.zeros(2, 2, device="meta")
