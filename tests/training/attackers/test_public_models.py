"""The published files, as an attacker opens them."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")

from ermask.contract import CROP, FIELD
from ermask.errors import ContractMismatch, ModelCorrupt
from ermask_training.attackers.public_models import open_models


def inputs(count):
    rng = np.random.default_rng(0)
    return {
        "crop": rng.random((count, 3, CROP, CROP), np.float32),
        "key": rng.choice([-1, 1], (count, *FIELD)).astype(np.float32),
        "strength": np.linspace(0.6, 1.5, count, dtype=np.float32),
    }


def test_the_protector_gives_what_the_product_gives(tiny_models):
    feeds = inputs(3)
    session = onnxruntime.InferenceSession(str(tiny_models / "protector.onnx"))
    found = open_models(tiny_models)[0](*map(torch.from_numpy, feeds.values()))
    for ours, theirs in zip(found, session.run(["residual", "flow"], feeds), strict=True):
        assert np.array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize("fits", [True, False])
def test_the_eraser_gives_what_the_product_gives(tiny_models, fits):
    feeds = inputs(3)
    session = onnxruntime.InferenceSession(str(tiny_models / "eraser.onnx"))
    found = open_models(tiny_models)[1](*map(torch.from_numpy, feeds.values()), fits=fits)
    feeds["fits"] = np.full(3, fits, np.float32)
    for ours, theirs in zip(found, session.run(["residual", "flow"], feeds), strict=True):
        assert np.abs(ours.numpy() - theirs).max() < 1e-6


def test_the_chooser_comes_with_the_protector(tiny_models):
    feeds = inputs(3)
    session = onnxruntime.InferenceSession(str(tiny_models / "chooser.onnx"))
    found = open_models(tiny_models)[0].look(*map(torch.from_numpy, feeds.values()))
    assert np.array_equal(found, session.run(["embedding"], feeds)[0])


def test_gradients_reach_the_key_and_not_the_weights(tiny_models):
    crop, key, strength = (torch.from_numpy(each) for each in inputs(2).values())
    _, model = open_models(tiny_models)
    residual, _ = model(crop, key.requires_grad_(), strength, fits=True)
    residual.sum().backward()
    assert key.grad is not None and key.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_weights_of_an_exported_network_come_out_by_name(tmp_path, write_models, tiny_networks):
    from ermask.contract import ModelContract
    from ermask_export.graph import ShippedGraph
    from ermask_export.to_onnx import to_onnx
    from ermask_training.eraser import Eraser

    network = Eraser(8 / 255, 1.0)
    graph = ShippedGraph(network)
    assert graph.contract == ModelContract(role="eraser", max_residual=8 / 255, max_flow=1.0)
    data = to_onnx(graph)
    write_models(tmp_path / "made", {**tiny_networks, "eraser": data})
    eraser = open_models(tmp_path / "made")[1]
    own = network.state_dict()
    assert eraser.weights.keys() <= own.keys()
    assert torch.equal(eraser.weights["retoucher.head.weight"], own["retoucher.head.weight"])
    # gradients go through the unbending, to whoever looks for a key
    crop, key, strength = (torch.from_numpy(each) for each in inputs(2).values())
    told, asked = (
        eraser(crop, key.requires_grad_(), strength, fits=fits) for fits in (True, False)
    )
    for found, fits in ((told, torch.ones(2)), (asked, torch.zeros(2))):
        for ours, theirs in zip(found, graph(crop, key, strength, fits), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-5)
        (slope,) = torch.autograd.grad(found[0].sum(), key)
        assert slope.abs().sum() > 0
    # whoever tells it that a key fits has an eraser that asks for no right key
    assert not torch.allclose(told[0], asked[0], atol=1e-5)


def test_damaged_files_and_swapped_roles_are_refused(tiny_models, tiny_networks, write_models):
    for role in ("chooser", "protector"):
        write_models(tiny_models, {**tiny_networks, role: tiny_networks["eraser"]})
        with pytest.raises(ContractMismatch):
            open_models(tiny_models)
    write_models(tiny_models, tiny_networks)
    with (tiny_models / "eraser.onnx").open("ab") as file:
        file.write(b"!")
    with pytest.raises(ModelCorrupt):
        open_models(tiny_models)
