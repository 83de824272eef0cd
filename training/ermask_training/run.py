"""The state of a training run: what is trained, and what makes it the same run when it goes on."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ermask.model_files import ROLES
from ermask_training import published
from ermask_training.blocks import SignedFlow
from ermask_training.config import TrainConfig
from ermask_training.eraser import Eraser, eraser_from
from ermask_training.protector import Protector
from ermask_training.student import Student


class Run:
    """The state of a run: two networks, their averages, optimisers and random generators."""

    def __init__(self, config: TrainConfig, student: Student) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.step = 0
        self.protector = Protector(config.max_residual, config.max_flow, student.shape)
        self.protector.student.load_state_dict(student.state_dict())
        self.protector.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.eraser: Eraser = eraser_from(self.protector, config.max_residual)
        self.eraser.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.eraser_given = False
        """Whether the eraser came from an earlier run, and need not start as the protector."""
        self.networks = (self.protector, self.eraser)
        self.averages = (copy.deepcopy(self.protector), copy.deepcopy(self.eraser))
        self.optimisers = [self._optimiser(network) for network in self.networks]
        self.generator = torch.Generator().manual_seed(config.seed + 1)
        self.rng = np.random.default_rng(config.seed + 2)

    @staticmethod
    def _optimiser(network: SignedFlow) -> torch.optim.Optimizer:
        learning = [weight for weight in network.parameters() if weight.requires_grad]
        return torch.optim.AdamW(learning, betas=(0.9, 0.98), weight_decay=1e-4)

    def start_eraser(self) -> None:
        """Give the eraser what the protector has learned (see `eraser_from`)."""
        start = eraser_from(self.averages[0], self.config.max_residual)
        for network in (self.eraser, self.averages[1]):
            network.load_state_dict(start.state_dict())

    def start_from(self, folder: Path) -> int:
        """Take over what fits of earlier networks; returns how many tensors did."""
        taken = 0
        for role, network, average in zip(ROLES, self.networks, self.averages, strict=True):
            own = network.state_dict()
            fitting = {
                name: weight
                for name, weight in published.weights(folder, role).items()
                if name in own
                and own[name].shape == weight.shape
                and not name.startswith(published.STUDENT)
            }
            network.load_state_dict({**own, **fitting})
            average.load_state_dict(network.state_dict())
            taken += len(fitting)
        self.eraser_given = True
        return taken

    def average(self, turn: int) -> None:
        """Move the average of the network whose turn it is, an index into `networks`."""
        done = self.step - (0, self.config.erase_from)[turn]
        decay = min(self.config.averaging, (done + 1) / (done + 10))
        average, network = self.averages[turn], self.networks[turn]
        with torch.no_grad():
            for old, new in zip(average.parameters(), network.parameters(), strict=True):
                old.lerp_(new, 1 - decay)

    def state(self) -> dict[str, Any]:
        return {
            "protector": self.protector.state_dict(),
            "eraser": self.eraser.state_dict(),
            "averages": [network.state_dict() for network in self.averages],
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "generator": self.generator.get_state(),
            "rng": json.dumps(self.rng.bit_generator.state),
            "eraser_given": self.eraser_given,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue where `state` was saved."""
        self.step = state["step"]
        self.eraser_given = state["eraser_given"]
        self.protector.load_state_dict(state["protector"])
        self.eraser.load_state_dict(state["eraser"])
        for network, saved in zip(self.averages, state["averages"], strict=True):
            network.load_state_dict(saved)
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.generator.set_state(state["generator"])
        self.rng.bit_generator.state = json.loads(state["rng"])
