"""The state of a training run: what is trained, and what makes it the same run when it goes on."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn

from ermask.contract import Role
from ermask_training import processes, published
from ermask_training.config import TrainConfig
from ermask_training.eraser import Eraser
from ermask_training.persona import Persona
from ermask_training.protector import Protector
from ermask_training.student import Student

LEARNING: tuple[Role, ...] = ("protector", "eraser")
"""The networks that a run trains, in the order of their turns."""
RANKS_APART = 1000
"""Between the seeds of two processes: recipes and their parts take neighbouring ones."""
OWN = (published.STUDENT, published.PERSONA)
"""Weights of a protector that a run is given, and takes from no other."""


class Run:
    """The state of a run: two networks, their averages, optimisers and random generators.

    The networks are the same in every process, and on its device. The generators are its own,
    seeded by its rank, and draw on the CPU.

    Args:
        accelerator: what `processes.start` gives; without it, one process on the CPU.
        persona: whom the protector shall make people into, as the student sees it; see `persona`.
    """

    def __init__(
        self,
        config: TrainConfig,
        student: Student,
        accelerator: Accelerator | None = None,
        persona: Persona | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.accelerator = accelerator or processes.start("no", cpu=True)
        self.device: torch.device = self.accelerator.device
        self.step = 0
        self.skipped = 0
        """Updates skipped in a row, since their loss or gradient was not finite."""
        self.protector = Protector(config.max_residual, config.max_flow, student.shape, persona)
        self.protector.student.load_state_dict(student.state_dict())
        self.protector.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.eraser = Eraser(config.max_residual, config.max_flow)
        self.eraser.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.networks = (self.protector, self.eraser)
        for network in self.networks:
            network.to(self.device)
        self.averages = (copy.deepcopy(self.protector), copy.deepcopy(self.eraser))
        self.optimisers = [self._optimiser(network) for network in self.networks]
        rank = self.accelerator.process_index
        self.generator = torch.Generator().manual_seed(config.seed + 1 + RANKS_APART * rank)
        # rank 0 draws as a generator of the first number alone does
        self.rng = np.random.default_rng([config.seed + 2, rank])

    @staticmethod
    def _optimiser(network: nn.Module) -> torch.optim.Optimizer:
        learning = [weight for weight in network.parameters() if weight.requires_grad]
        return torch.optim.AdamW(learning, betas=(0.9, 0.98), weight_decay=1e-4)

    def hand_over(self) -> None:
        """Give the eraser the protector's flow, levelled where it has learned in this run."""
        if self.step:
            for flow in (self.protector.flow, self.averages[0].flow):
                flow.level()
        learned = self.averages[0].flow.state_dict()
        for network in (self.eraser, self.averages[1]):
            network.flow.load_state_dict(learned)

    def start_from(self, folder: Path) -> int:
        """Take over what fits of earlier networks; returns how many tensors did."""
        taken = 0
        for role, network, average in zip(LEARNING, self.networks, self.averages, strict=True):
            weights = published.weights(folder, role)
            flow_or_eraser = {k: w for k, w in weights.items() if not k.startswith(OWN)}
            taken += published.take_over(network, flow_or_eraser)
            average.load_state_dict(network.state_dict())
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
        """What `restore` takes, of all processes together; all of them call it."""
        mine, *others = gather_object([self._dice()])
        return {
            "protector": self.protector.state_dict(),
            "eraser": self.eraser.state_dict(),
            "averages": [network.state_dict() for network in self.averages],
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            **mine,
            "others": others,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue where `state` was saved, by as many processes.

        Raises:
            ValueError: it was to impersonate somebody else.
        """
        if (persona := self.protector.persona) is not None:
            kept = state["protector"][published.PERSONA + "own"].to(self.device)
            if not torch.allclose(kept, persona.own, atol=1e-3):
                raise ValueError("the run was started for another --target; use a new folder")
        self.step = state["step"]
        self.protector.load_state_dict(state["protector"])
        self.eraser.load_state_dict(state["eraser"])
        for network, saved in zip(self.averages, state["averages"], strict=True):
            network.load_state_dict(saved)
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        dice = [state, *state["others"]][self.accelerator.process_index]
        self.generator.set_state(dice["generator"])
        self.rng.bit_generator.state = json.loads(dice["rng"])

    def _dice(self) -> dict[str, Any]:
        """The random generators of this process."""
        return {
            "generator": self.generator.get_state(),
            "rng": json.dumps(self.rng.bit_generator.state),
        }
