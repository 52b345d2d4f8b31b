"""A layer is a function with a forward and a backward pass; the chain rule combines them.

A batch of n points passes through as one matrix with a row for each point: forward maps values
(n, inputs) to (n, outputs). Let L be the loss, one number. Backward receives G = dL/doutputs
(n, outputs) from the next layer and computes two gradients by the chain rule:

    dL/dparameter = sum over all outputs of G * doutput/dparameter
    dL/dvalue     = sum over all outputs of G * doutput/dvalue

The second one, (n, inputs), is the G of the previous layer. So one backward pass gives the gradient
of every parameter, at about twice the cost of the forward pass.

A linear layer has weights W (outputs, inputs) and biases b (outputs,). With values X (n, inputs):

    forward      Y = X W' + b                        Y_io = sum over j of X_ij W_oj + b_o

Each output is linear in X, W and b, so dY_io/dW_oj = X_ij, dY_io/db_o = 1 and dY_io/dX_ij = W_oj.
The chain rule sums over all outputs that depend on a number:

    backward     dL/dW = G' X      (outputs, inputs)     summed over the batch
                 dL/db = the sum of G's rows   (outputs,)
                 dL/dX = G W       (n, inputs)           summed over the outputs

Three matrix products, one forward and two backward, are nearly all the work of a network.

To spend that time on products and not on allocating memory, a layer owns the arrays that it
receives: it may overwrite them with its results. Other buffers are reused from step to step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.runtime.threads import ensure_threads, limit_blas, parallel_map

__all__ = ["Array", "DType", "Layer", "Linear", "Parameter", "matmul"]

Array = NDArray[np.floating[Any]]
"""float32 for training, float64 for the gradient check."""
DType = np.dtype[np.floating[Any]]

_SMALL = 8e6  # operations: with fewer, threads spend more time waiting than computing
_SHARES = 2  # parts per thread: if one thread is delayed, the others compute its second part


@dataclass
class Parameter:
    """A trained array and the gradient of the loss with respect to it, of the same shape."""

    value: Array
    gradient: Array

    @classmethod
    def of(cls, value: Array) -> Parameter:
        """Return a parameter with this initial value and a gradient of 0."""
        return cls(value, np.zeros_like(value))


class Layer(ABC):
    """One step of the network. `backward` belongs to the latest `forward`; call it at most once."""

    def __init__(self) -> None:
        self._buffers: dict[str, NDArray[Any]] = {}

    def parameters(self) -> dict[str, Parameter]:
        """Return the trained parameters by name."""
        return {}

    def statistics(self) -> dict[str, Array]:
        """Return the running statistics of the batches by name; they have no gradient."""
        return {}

    @abstractmethod
    def forward(self, values: Array, *, training: bool) -> Array:
        """Return the outputs (n, outputs) of values (n, inputs), which may be overwritten."""

    def parameter_gradients(self, gradient: Array) -> None:  # noqa: B027 - most have none
        """Set the parameters' gradients from dL/doutputs (n, outputs), which is not changed."""

    @abstractmethod
    def input_gradient(self, gradient: Array) -> Array:
        """Return dL/dvalues (n, inputs) for dL/doutputs (n, outputs), which may be overwritten."""

    def backward(self, gradient: Array) -> Array:
        """Set the parameters' gradients and return dL/dvalues."""
        self.parameter_gradients(gradient)
        return self.input_gradient(gradient)

    def _buffer(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return memory of that shape: the buffer of the previous call if it is large enough."""
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < shape[0] or buffer.shape[1:] != shape[1:]:
            buffer = self._buffers[name] = np.empty(shape, dtype)
        return buffer[: shape[0]]


class Linear(Layer):
    """Maps values (n, inputs) to weighted sums (n, outputs), plus a bias."""

    def __init__(self, weight: Array, bias: Array | None = None) -> None:
        """Take the initial W (outputs, inputs) and b (outputs,), which is 0 if it is None."""
        super().__init__()
        self.weight = Parameter.of(weight)
        self.bias = None if bias is None else Parameter.of(bias)

    def parameters(self) -> dict[str, Parameter]:
        """Return W and b."""
        own = {"weight": self.weight, "bias": self.bias}
        return {name: parameter for name, parameter in own.items() if parameter is not None}

    def forward(self, values: Array, *, training: bool) -> Array:
        """Return X W' + b; X is stored for the backward pass."""
        self._values = values
        shape = len(values), len(self.weight.value)
        buffer = self._buffer("outputs", shape, values.dtype)
        outputs = matmul(values, self.weight.value.T, out=buffer)
        if self.bias is not None:
            outputs += self.bias.value
        return outputs

    def parameter_gradients(self, gradient: Array) -> None:
        """Set dL/dW = G' X and dL/db, the sum of G's rows."""
        matmul(gradient.T, self._values, out=self.weight.gradient)
        if self.bias is not None:
            np.sum(gradient, axis=0, out=self.bias.gradient)

    def input_gradient(self, gradient: Array) -> Array:
        """Return dL/dX = G W."""
        buffer = self._buffer("gradient", self._values.shape, gradient.dtype)
        return matmul(gradient, self.weight.value, out=buffer)


def matmul(a: Array, b: Array, *, out: Array) -> Array:
    """Write a @ b of a (m, k) and b (k, n) to out (m, n), and return it.

    The rows are divided among the threads of this package; other NumPy code runs on one thread.
    """
    shares = min(_SHARES * ensure_threads(), len(a))
    if ensure_threads() == 1 or 2 * a.size * b.shape[1] < _SMALL or not limit_blas():
        return np.matmul(a, b, out=out)
    cuts = [len(a) * i // shares for i in range(shares + 1)]
    rows = [slice(*cut) for cut in pairwise(cuts)]
    parallel_map(lambda part: np.matmul(a[part], b, out=out[part]), rows)
    return out
