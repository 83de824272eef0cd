"""What ships: a network of a run with everything that depends on its training inside.

The protector has the student in it, which says how well it did.

Shape suffixes: B faces, H = W = contract.CROP, K key planes, G residual grid, F flow grid.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from ermask.contract import ModelContract, Role
from ermask.model_files import ROLES
from ermask_training import checkpoint, distil
from ermask_training.blocks import SignedUNet
from ermask_training.student import Student
from ermask_training.student import from_weights as student_from_weights


class ShippedGraph(nn.Module):
    """One network by its contract: the inputs and outputs are those of `ModelContract`."""

    def __init__(self, network: SignedUNet, role: Role, student: Student | None = None) -> None:
        super().__init__()
        if (student is not None) != (role == "protector"):
            raise ValueError("a protector ships with a student, an eraser without")
        self.network = network
        self.student = student
        self.contract = ModelContract(
            role=role, max_residual=network.max_residual, max_flow=network.max_flow
        )
        self.requires_grad_(False)
        self.eval()

    def forward(
        self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor
    ) -> tuple[Tensor, ...]:
        """Returns the contract's outputs. A crop that leaves [0, 1] is clamped."""
        crop_B3HW = crop_B3HW.clamp(0, 1)
        change: tuple[Tensor, Tensor] = self.network(crop_B3HW, key_BKHW, strength_B)
        return change if self.student is None else (*change, self.student(crop_B3HW, *change))


def from_weights(
    contract: ModelContract, weights: dict[str, Tensor], student: dict[str, Tensor]
) -> ShippedGraph:
    """A graph with these weights, named as in `SignedUNet` and `Student`.

    Args:
        student: empty for an eraser.

    Raises:
        ValueError: the names or shapes are not those of the network.
    """
    network = SignedUNet(contract.max_residual, contract.max_flow)
    try:
        network.load_state_dict(weights)
        judge = student_from_weights(student) if student else None
    except (KeyError, RuntimeError) as error:
        raise ValueError(
            f"the weights of the {contract.role} do not fit this lab's network; those of another "
            "generation run as before, but only the lab they come from can verify them"
        ) from error
    return ShippedGraph(network, contract.role, judge)


def from_run(run: Path) -> dict[Role, ShippedGraph]:
    """Both networks of a training run, with the moving averages of their weights.

    Raises:
        ValueError: no checkpoint, one of another contract, one without a trained eraser, or no
            student.
    """
    state = checkpoint.load(run)
    config = checkpoint.read_config(run)
    student = distil.load(run)
    if student is None:
        raise ValueError(f"{run} has no student; `ermask-train distil` teaches one")
    if state["step"] <= config.erase_from:
        raise ValueError(
            f"{run} is at step {state['step']}; its eraser is trained from step "
            f"{config.erase_from} on, so there is nothing to ship yet"
        )
    graphs: dict[Role, ShippedGraph] = {}
    for role, weights in zip(ROLES, state["averages"], strict=True):
        contract = ModelContract(
            role=role, max_residual=config.max_residual, max_flow=config.max_flow
        )
        inside = student.state_dict() if role == "protector" else {}
        graphs[role] = from_weights(contract, weights, inside)
    return graphs
