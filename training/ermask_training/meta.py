"""The meta-auxiliary step: learn what also helps against a surrogate that was left out.

Of the surrogates that a step draws, the first is the primary one and the others are auxiliary.
The flow takes a step of size beta against the auxiliary ones alone, and the primary one judges
where that leads:

    theta' = theta - beta * gradient of mean_k w_k L_k(theta)     over the auxiliary k
    loss   = mean of L_primary(theta') and of all w_k L_k(theta)

so that a step pays which helps against a recogniser it was not made for. To first order the
gradient at theta' is applied to theta, without second derivatives (Finn et al., "Model-agnostic
meta-learning for fast adaptation of deep networks", ICML 2017; for attacks on face recognition Yin
et al., "Adv-Makeup", IJCAI 2021, whose left-out surrogate is always the same).

This is our reading of the meta-auxiliary attack of ErasableMask (arXiv 2412.17038), of which we
know the abstract, and not the paper's algorithm. Ours are: a primary one drawn anew for each step,
all being equally likely; and weights w_k in proportion to the losses, with mean 1, for a balance
between surrogates that still know the face and others that do not.

A step judges as many surrogates with it as without, `surrogates_per_step`, each once: one less at
theta, one at theta'. What it costs beside is a second backward pass through the auxiliary ones and
a second pass of the flow.

Shape suffixes as in `blocks`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ermask_training.blocks import KeyedFlow

ATTACK = "attack"
TINY = 1e-6
"""Keeps losses that are all zero from being divided by their mean."""

Terms = dict[str, Tensor]
"""The loss terms that one surrogate gives rise to: scalars by name."""


def balanced(terms: list[Terms]) -> list[Terms]:
    """The terms of the auxiliary surrogates, each attack under its weight w_k.

    Args:
        terms: attack losses are not negative. Weights are constants to the gradient.

    Raises:
        ValueError: there is none.
    """
    if not terms:
        raise ValueError("a meta-auxiliary step needs two surrogates, one of them left out")
    losses = torch.stack([each[ATTACK] for each in terms]).detach() + TINY
    shares = losses / losses.mean()
    return [
        {**each, ATTACK: share * each[ATTACK]} for each, share in zip(terms, shares, strict=True)
    ]


def ahead(network: KeyedFlow, terms: list[Terms], rate: float) -> Terms:
    """theta': the weights of the flow after one step against the attack losses of `terms`.

    The network stays as it is, and so does the graph of `terms`, through which the caller goes
    again. What is computed with theta' passes its gradient on to theta unchanged.

    Args:
        terms: of the auxiliary surrogates, at theta; at least one.
        rate: beta, the size of the step.

    Returns:
        Weights by name, of those that learn.
    """
    learning = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
    loss = torch.stack([each[ATTACK] for each in terms]).mean()
    gradients = torch.autograd.grad(loss, list(learning.values()), retain_graph=True)
    return {
        name: weight - rate * gradient
        for (name, weight), gradient in zip(learning.items(), gradients, strict=True)
    }


def flow_at(
    network: KeyedFlow, weights: Mapping[str, Tensor], key_BKHW: Tensor, strength_B: Tensor
) -> Tensor:
    """flow_B2FF as the network makes it with other weights."""
    flow: Tensor = torch.func.functional_call(network, dict(weights), (key_BKHW, strength_B))
    return flow
