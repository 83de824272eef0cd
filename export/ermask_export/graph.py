"""What ships: a network of a run with everything that depends on its training inside.

Shape suffixes: B faces, H = W = contract.CROP, D = contract.EMBEDDING, G residual grid, F flow
grid.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from ermask.contract import ModelContract, Role
from ermask_training import checkpoint, published
from ermask_training.chooser import Chooser
from ermask_training.eraser import Eraser
from ermask_training.protector import Protector

ROLE_OF: dict[type[published.Network], Role] = {
    Chooser: "chooser",
    Protector: "protector",
    Eraser: "eraser",
}


class ShippedGraph(nn.Module):
    """One network by its contract: the inputs and outputs are those of `ModelContract`."""

    def __init__(self, network: published.Network) -> None:
        super().__init__()
        self.network = network
        self.contract = ModelContract(
            role=ROLE_OF[type(network)],
            max_residual=network.max_residual,
            max_flow=network.max_flow,
        )
        self.requires_grad_(False)
        self.eval()

    def forward(self, crop_B3HW: Tensor, *others: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Returns embedding_BD, or residual_B3GG and flow_B2FF. Crops are clamped to [0, 1]."""
        answer: Tensor | tuple[Tensor, Tensor] = self.network(crop_B3HW.clamp(0, 1), *others)
        return answer


def from_weights(contract: ModelContract, weights: dict[str, Tensor]) -> ShippedGraph:
    """A graph with these weights, named as in the network.

    Raises:
        ValueError: the names or shapes are not those of the network.
    """
    bounds = contract.max_residual, contract.max_flow
    return ShippedGraph(published.network(contract.role, bounds, weights))


def from_run(run: Path) -> dict[Role, ShippedGraph]:
    """The networks of a training run, with the moving averages of their weights.

    Raises:
        ValueError: no checkpoint, one of another contract, or one without a trained eraser.
    """
    state = checkpoint.load(run)
    config = checkpoint.read_config(run)
    if state["step"] <= config.erase_from:
        raise ValueError(
            f"{run} is at step {state['step']}; its eraser is trained from step "
            f"{config.erase_from} on, so there is nothing to ship yet"
        )
    bounds = config.max_residual, config.max_flow
    return {
        role: ShippedGraph(published.network(role, bounds, weights))
        for role, weights in published.in_state(state).items()
    }
