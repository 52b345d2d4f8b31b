from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from neuralpaint.runtime.threads import ensure_threads, parallel_map, set_threads
from neuralpaint.scratch import layers
from neuralpaint.scratch.activations import ACTIVATIONS, ReLU, Sigmoid
from neuralpaint.scratch.gradcheck import layer_in_torch
from neuralpaint.scratch.layers import Array, Linear
from neuralpaint.scratch.regularization import BatchNorm, Dropout, LayerNorm

FLOAT = np.dtype(np.float32)


def drawn(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_a_linear_layer_returns_weighted_sums() -> None:
    layer = Linear(np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([10.0, 20.0]))
    outputs = layer.forward(np.array([[3.0, 4.0]]), training=True)
    assert outputs.tolist() == [[21, 16]]
    assert layer.backward(np.array([[1.0, 10.0]])).tolist() == [[1, -8]]
    assert layer.weight.gradient.tolist() == [[3, 4], [30, 40]]
    assert layer.parameters()["bias"].gradient.tolist() == [1, 10]


def test_a_linear_layer_without_biases() -> None:
    layer = Linear(np.array([[1.0, 2.0], [0.0, -1.0]]))
    assert layer.forward(np.array([[3.0, 4.0]]), training=True).tolist() == [[11, -4]]
    assert layer.backward(np.array([[1.0, 10.0]])).tolist() == [[1, -8]]
    assert list(layer.parameters()) == ["weight"]


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_activations_are_torchs(name: str) -> None:
    layer, values = ACTIVATIONS[name](), 4 * drawn(50, 6)
    expected = layer_in_torch(layer, torch.from_numpy(values.copy()), {})
    for training in (True, False):
        outputs = layer.forward(values.copy(), training=training)
        assert outputs.dtype == np.float32
        np.testing.assert_allclose(outputs, expected, atol=1e-6)


def test_a_sigmoid_of_large_values_is_0_or_1() -> None:
    with np.errstate(all="raise"):
        outputs = Sigmoid().forward(np.array([[-1e4, 1e4]], np.float32), training=False)
    assert outputs.tolist() == [[0, 1]]


def test_buffers_of_a_larger_batch_do_not_affect_a_smaller_one() -> None:
    layer, relu = Linear(drawn(4, 5), drawn(4)), ReLU()
    small = drawn(3, 5, seed=1)

    def both(values: Array) -> tuple[Array, Array]:
        outputs = relu.forward(layer.forward(values, training=True), training=True).copy()
        return outputs, layer.backward(relu.input_gradient(outputs + 1)).copy()

    expected = both(small)
    both(drawn(20, 5))
    for found, wanted in zip(both(small), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_dropout_scales_the_remaining_values_and_is_off_in_rendering() -> None:
    layer = Dropout(0.25, np.random.default_rng(0))
    ones = np.ones((400, 50), np.float32)
    outputs = layer.forward(ones.copy(), training=True)
    assert set(np.unique(outputs)) == {np.float32(0), np.float32(1 / 0.75)}
    assert outputs.mean() == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(layer.backward(ones.copy()), outputs)
    again = layer.forward(ones.copy(), training=True)
    assert np.mean(again != outputs) > 0.2
    np.testing.assert_array_equal(layer.forward(ones.copy(), training=False), ones)


def test_layer_norm_treats_each_point_independently() -> None:
    layer = LayerNorm(64, FLOAT)
    values = 5 + 3 * drawn(10, 64)
    together = layer.forward(values.copy(), training=True).copy()
    np.testing.assert_allclose(together.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(together.std(axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(layer.forward(values[3:4], training=False), together[3:4], rtol=1e-5)


def test_batch_norm_has_the_statistics_of_torch() -> None:
    ours, theirs = BatchNorm(6, FLOAT), torch.nn.BatchNorm1d(6)
    for seed, n in enumerate((40, 40, 7)):
        values = 2 + 3 * drawn(n, 6, seed=seed)
        expected = theirs(torch.from_numpy(values.copy()))
        found = ours.forward(values, training=True)
        np.testing.assert_allclose(found, expected.detach(), atol=1e-5)
    kept = {name: tensor.numpy() for name, tensor in theirs.state_dict().items()}
    np.testing.assert_allclose(ours.mean, kept["running_mean"], rtol=1e-5)
    np.testing.assert_allclose(ours.variance, kept["running_var"], rtol=1e-4)
    before = ours.mean.copy()
    values = drawn(5, 6, seed=9)
    expected = theirs.eval()(torch.from_numpy(values.copy()))
    found = ours.forward(values.copy(), training=False)
    np.testing.assert_allclose(found, expected.detach(), atol=1e-5)
    np.testing.assert_array_equal(ours.mean, before)
    alone = ours.forward(values[2:3].copy(), training=False)
    np.testing.assert_allclose(alone[0], expected.detach()[2], atol=1e-5)


def test_batch_norm_works_for_a_batch_of_one() -> None:
    layer = BatchNorm(6, FLOAT)
    assert np.isfinite(layer.forward(drawn(1, 6), training=True)).all()
    assert np.isfinite(layer.variance).all()


def test_the_rows_of_a_product_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(301, 70)), rng.normal(size=(70, 50))
    parts: list[int] = []

    def count(function: Any, items: Any) -> Any:
        parts.append(len(items))
        return parallel_map(function, items)

    monkeypatch.setattr(layers, "parallel_map", count)
    monkeypatch.setattr(layers, "_SMALL", 0)
    before = ensure_threads()
    try:
        for threads, expected in ((1, []), (3, [6])):
            set_threads(threads)
            parts.clear()
            np.testing.assert_allclose(layers.matmul(a, b, out=np.empty((301, 50))), a @ b)
            assert parts == expected
    finally:
        set_threads(before)
