"""A linear layer: every output is a weighted sum of the inputs, plus a bias.

With values X (n, inputs), weights W (outputs, inputs) and biases b (outputs,):

    forward      Y = X W' + b                        Y_io = sum over j of X_ij W_oj + b_o

Each output is linear in everything, so the derivatives can be read off: dY_io/dW_oj = X_ij,
dY_io/db_o = 1 and dY_io/dX_ij = W_oj. With G = dL/dY (n, outputs) the chain rule sums over all the
outputs that each of them reaches:

    backward     dL/dW = G' X      (outputs, inputs)     summed over the batch
                 dL/db = the sum of G's rows   (outputs,)
                 dL/dX = G W       (n, inputs)           summed over the outputs

Three matrix products, one forward and two back: nearly all the work of a network. A layer can do
without b, which is then 0.
"""

from __future__ import annotations

import numpy as np

from neuralpaint.scratch.blas import multiply
from neuralpaint.scratch.layers import Array, Layer, Parameter

__all__ = ["Linear"]


class Linear(Layer):
    """Values (n, inputs) to (n, outputs)."""

    def __init__(self, weight: Array, bias: Array | None = None) -> None:
        """Take the initial W (outputs, inputs) and b (outputs,)."""
        super().__init__()
        self.weight = Parameter.of(weight)
        self.bias = None if bias is None else Parameter.of(bias)

    def parameters(self) -> dict[str, Parameter]:
        """Return W and b."""
        own = {"weight": self.weight, "bias": self.bias}
        return {name: parameter for name, parameter in own.items() if parameter is not None}

    def forward(self, values: Array, *, training: bool) -> Array:
        """Return X W' + b; X is kept for the way back."""
        self._values = values
        shape = len(values), len(self.weight.value)
        room = self._room("outputs", shape, values.dtype)
        outputs = multiply(values, self.weight.value.T, out=room)
        if self.bias is not None:
            outputs += self.bias.value
        return outputs

    def parameter_gradients(self, gradient: Array) -> None:
        """Set dL/dW = G' X and dL/db, the sum of G's rows."""
        multiply(gradient.T, self._values, out=self.weight.gradient)
        if self.bias is not None:
            np.sum(gradient, axis=0, out=self.bias.gradient)

    def input_gradient(self, gradient: Array) -> Array:
        """Return dL/dX = G W."""
        room = self._room("gradient", self._values.shape, gradient.dtype)
        return multiply(gradient, self.weight.value, out=room)
