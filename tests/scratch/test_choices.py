from __future__ import annotations

import numpy as np
import pytest
import torch

from neuralpaint.image.canvas import Canvas
from neuralpaint.models import MLPModel
from neuralpaint.scratch.choices import NORMS, build_loss, build_network, build_optimizer
from neuralpaint.training.losses import losses
from neuralpaint.training.optimizers import Group, optimizers


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("spec", ["mse", "mae", "huber", "huber:delta=0.3"])
def test_a_loss_is_that_of_the_torch_engine(spec: str, weighted: bool) -> None:
    entry, rng = losses.parse(spec), np.random.default_rng(0)
    prediction, target = rng.uniform(size=(2, 40, 3))
    weights = rng.uniform(size=(40, 1)) if weighted else None
    said = torch.from_numpy(prediction).requires_grad_()
    counts = None if weights is None else torch.from_numpy(weights[:, 0])
    expected = entry(said, torch.from_numpy(target), weights=counts)
    expected.backward()
    ours = build_loss(entry)
    assert ours.value(prediction, target, weights) == pytest.approx(expected.item())
    assert said.grad is not None
    gradient = torch.from_numpy(ours.gradient(prediction, target, weights))
    torch.testing.assert_close(gradient, said.grad, rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    "spec",
    ["sgd", "sgd:momentum=0.5", "sgd:nesterov=yes", "adam", "adam:beta1=0.5,beta2=0.7,eps=0.01",
     "adamw", "adamw:weight_decay=0.5"],
)  # fmt: skip
def test_an_optimizer_is_that_of_the_torch_engine(spec: str) -> None:
    entry = optimizers.parse(spec)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=20)
    tensor = torch.from_numpy(weights.copy()).requires_grad_()
    ours, theirs = build_optimizer(entry), entry.build([Group([tensor])])
    theirs.param_groups[0]["lr"] = 0.1
    for _ in range(4):
        gradient = rng.normal(size=20)
        tensor.grad = torch.from_numpy(gradient.copy())
        theirs.step(lambda: 0.0)
        ours.move(weights, gradient, lr=0.1)
    np.testing.assert_allclose(weights, tensor.detach(), rtol=1e-9)


@pytest.mark.parametrize("norm", ["none", "layer", "batch"])
def test_a_hidden_layer_is_linear_norm_activation_dropout(norm: str) -> None:
    settings = {"hidden_layers": 2, "norm": norm, "dropout": 0.1, "activation": "tanh"}
    canvas = Canvas.of(height=4, width=4)
    network = build_network(MLPModel.from_dict(settings), canvas, seed=0)
    kinds = [type(layer).__name__ for layer in network.layers]
    norms = [] if norm == "none" else [NORMS[norm].__name__]
    hidden = ["Linear", *norms, "Tanh", "Dropout"]
    assert kinds == [*hidden, *hidden, "Linear", "Colours"]
    assert any("running" in name for name in network.state()) == (norm == "batch")


def test_a_network_without_hidden_layers_is_one_map() -> None:
    canvas = Canvas.of(height=4, width=4)
    network = build_network(
        MLPModel(hidden_layers=0, encoding="none", activation="sine"),
        canvas,
        seed=0,
    )
    assert [parameter.value.shape for parameter in network.parameters.values()] == [(3, 2), (3,)]
    colours = network.forward(np.zeros((5, 2), np.float32))
    np.testing.assert_array_equal(colours, 0.5)
