from __future__ import annotations

import numpy as np
import pytest

from neuralpaint.scratch.activations import ACTIVATIONS, ReLU, Sine
from neuralpaint.scratch.gradcheck import (
    TOLERANCE,
    Check,
    check_gradients,
    check_layer,
    check_loss,
)
from neuralpaint.scratch.layers import Array, Layer, Linear
from neuralpaint.scratch.losses import MSE
from neuralpaint.scratch.regularization import NORMS, BatchNorm


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_every_gradient_is_right(seed: int) -> None:
    checks = list(check_gradients(seed=seed))
    assert [check for check in checks if not check.passes] == []
    assert max(check.differences for check in checks) < 1e-8
    assert max(check.torch for check in checks) < 1e-13


def test_everything_with_a_gradient_is_checked() -> None:
    checked = {(check.name, check.what) for check in check_gradients()}
    names = {name for name, _ in checked}
    assert "network, buttons" in names
    assert names >= {"linear", "colours", "dropout", "mse", "mae", "huber", "network, dropout"}
    assert names >= {*ACTIVATIONS, *(f"network, {name}" for name in ACTIVATIONS)}
    assert names >= {f"{start}{name} norm" for name in NORMS for start in ("", "network, ")}
    for name in ("linear", "layer norm", "batch norm"):
        assert {(name, "values"), (name, "weight"), (name, "bias")} <= checked


class _WrongSign(Sine):
    def input_gradient(self, gradient: Array) -> Array:
        return -super().input_gradient(gradient)


class _OtherSide(ReLU):
    def input_gradient(self, gradient: Array) -> Array:
        return gradient * (self._outputs <= 0)


class _IgnoresTheMean(BatchNorm):
    def input_gradient(self, gradient: Array) -> Array:
        gradient *= self.gain.value * self._inverse
        return gradient


class _DividesByRows(Linear):
    def parameter_gradients(self, gradient: Array) -> None:
        super().parameter_gradients(gradient)
        self.parameters()["bias"].gradient /= len(gradient)


class _HalfAsSteep(MSE):
    def slope(self, error: Array) -> Array:
        return super().slope(error) / 2


def test_a_wrong_backward_pass_is_caught() -> None:
    rng = np.random.default_rng(0)
    double = np.dtype(np.float64)
    wrong: dict[str, list[Layer]] = {
        "values": [_WrongSign(), _OtherSide(), _IgnoresTheMean(5, double)],
        "bias": [_DividesByRows(rng.normal(size=(4, 5)), np.zeros(4))],
    }
    for what, layers in wrong.items():
        for layer in layers:
            found = {check.what: check for check in check_layer("wrong", layer, rng)}
            assert not found[what].passes
            assert min(found[what].differences, found[what].torch) > 0.1
    assert found["values"].passes  # only the wrong gradient fails
    (check,) = check_loss("half", _HalfAsSteep(), rng)
    assert check.differences == pytest.approx(0.5, abs=TOLERANCE)


def test_a_gradient_of_nan_fails() -> None:
    layer = Sine()
    layer.input_gradient = lambda gradient: gradient * np.nan  # type: ignore[method-assign]
    (check,) = check_layer("nan", layer, np.random.default_rng(0))
    assert not check.passes


def test_checking_a_layer_does_not_change_its_parameters() -> None:
    weight = np.random.default_rng(3).normal(size=(4, 5))
    layer = Linear(weight.copy(), np.zeros(4))
    list(check_layer("linear", layer, np.random.default_rng(0)))
    np.testing.assert_array_equal(layer.weight.value, weight)


@pytest.mark.parametrize("errors", [(1e-5, 0.0), (0.0, 1e-5), (np.nan, 0.0), (0.0, np.nan)])
def test_a_gradient_has_to_agree_with_both(errors: tuple[float, float]) -> None:
    assert not Check("layer", "values", *errors).passes
    assert Check("layer", "values", 1e-7, 1e-7).passes
