"""A layer is a function with a forward and a backward pass; the chain rule makes them a network.

A batch of n points goes through as one matrix, a row each: forward turns values (n, inputs) into
(n, outputs). Let L be the loss, one number. Backward is handed G = dL/doutputs (n, outputs), from
the layer after this one, and by the chain rule answers two questions:

    what do the parameters get?    dL/dparameter = sum over all outputs of G * doutput/dparameter
    what is passed on?             dL/dvalue     = sum over all outputs of G * doutput/dvalue

The second answer, (n, inputs), is the G of the layer before. So one walk back gives the gradient of
every parameter, at about twice the cost of the walk forward.

A step of training should spend its time on matrix products, not on finding memory: what is handed
to a layer becomes its own, and it may write its answer there; what it needs beside that it keeps
from step to step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "DType", "Layer", "Parameter"]

Array = NDArray[np.floating[Any]]
"""float32 to train, float64 where a gradient is checked."""
DType = np.dtype[np.floating[Any]]


@dataclass
class Parameter:
    """What is learned, and the gradient of the loss with respect to it, of the same shape."""

    value: Array
    gradient: Array

    @classmethod
    def of(cls, value: Array) -> Parameter:
        """Return a parameter that begins as `value`, with a gradient of 0."""
        return cls(value, np.zeros_like(value))


class Layer(ABC):
    """One step of the network. `backward` is about the newest `forward`, and may be called once."""

    def __init__(self) -> None:
        self._memory: dict[str, NDArray[Any]] = {}

    def parameters(self) -> dict[str, Parameter]:
        """Return what the layer learns, by name."""
        return {}

    def statistics(self) -> dict[str, Array]:
        """Return what it remembers of the batches it has seen, by name, without learning it."""
        return {}

    @abstractmethod
    def forward(self, values: Array, *, training: bool) -> Array:
        """Return the outputs (n, outputs) of values (n, inputs), which may be overwritten."""

    def parameter_gradients(self, gradient: Array) -> None:  # noqa: B027 - most have none
        """Set the parameters' gradients, for dL/doutputs (n, outputs), which is left as it is."""

    @abstractmethod
    def input_gradient(self, gradient: Array) -> Array:
        """Return dL/dvalues (n, inputs) for dL/doutputs (n, outputs), which may be overwritten."""

    def backward(self, gradient: Array) -> Array:
        """Answer both questions: set the parameters' gradients and return dL/dvalues."""
        self.parameter_gradients(gradient)
        return self.input_gradient(gradient)

    def _room(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return memory of that shape, the same as the last time where it was large enough."""
        room = self._memory.get(name)
        if room is None or len(room) < shape[0] or room.shape[1:] != shape[1:]:
            room = self._memory[name] = np.empty(shape, dtype)
        return room[: shape[0]]
