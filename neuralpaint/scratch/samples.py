"""Samples are the rows of a batch: inputs of the network and the colours it should return.

For a network over coordinates a sample is a pixel: its place (2,) and its colour (3,). For the
buttons model it is a picture: its code (k,) and all its colours (3 h w,). Every epoch shuffles all
samples and divides them into batches.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neuralpaint.runtime.state import State, generator_state, set_generator_state, state_mismatch
from neuralpaint.scratch.layers import Array
from neuralpaint.training.target import Target

__all__ = ["Batches", "PictureSamples", "PixelSamples", "Samples"]

_LEVEL = np.float32(1 / 255)


class Samples(ABC):
    """The rows to learn; their colours are uint8 (samples, outputs)."""

    _levels: NDArray[np.uint8]

    @abstractmethod
    def inputs(self, batch: NDArray[np.int64]) -> Array:
        """Return the network's inputs (n, inputs) for samples (n,)."""

    def colours(self, batch: NDArray[np.int64]) -> Array:
        """Return the colours (n, outputs) in [0, 1] that the network should return."""
        return self._levels[batch] * _LEVEL

    def weights(self, batch: NDArray[np.int64], progress: float) -> Array | None:
        """Return the weights (n, 1) at a fraction of the training; None if all are equal."""
        return None


class PixelSamples(Samples):
    """The pixels of a picture, row by row."""

    def __init__(self, target: Target, colours: NDArray[np.uint8]) -> None:
        """Take the target of a picture and its computed colours (h, w, 3)."""
        self._levels = colours.reshape(-1, 3)
        self._grid = target.grid
        self._weights, self._order = (
            None if plane is None else plane.reshape(-1, 1)
            for plane in (target.weights(), target.order())
        )

    def inputs(self, batch: NDArray[np.int64]) -> Array:
        """Return the coordinates of the pixels, (n, 2), x first."""
        rows, columns = np.divmod(batch, self._grid.x.shape[1])
        return np.stack([self._grid.x[0, columns], self._grid.y[rows, 0]], axis=1)

    def weights(self, batch: NDArray[np.int64], progress: float) -> Array | None:
        """Return the weights, which are 0 for pixels whose `order` is above `progress`."""
        weights = None if self._weights is None else self._weights[batch]
        if self._order is None:
            return weights
        is_learned = np.asarray(self._order[batch] <= progress, np.float32)
        return is_learned if weights is None else is_learned * weights


class PictureSamples(Samples):
    """The pictures of an album."""

    def __init__(self, colours: NDArray[np.uint8], codes: NDArray[np.float32]) -> None:
        """Take the pictures, one below the other (pictures h, w, 3), and their codes."""
        self._levels = colours.reshape(len(codes), -1)
        self._codes = codes

    def inputs(self, batch: NDArray[np.int64]) -> Array:
        """Return the codes of the pictures, (n, k)."""
        return self._codes[batch]


class Batches(Iterator[NDArray[np.int64]]):
    """Endless batches (indices of samples), in epochs that cover each sample once."""

    def __init__(self, samples: int, *, epoch_steps: int, rng: np.random.Generator) -> None:
        """Take the number of samples and the number of batches in an epoch."""
        self._samples, self._epoch_steps, self._rng = samples, epoch_steps, rng
        self._epoch_state = generator_state(rng)  # before this epoch was drawn
        self._epoch: list[NDArray[np.int64]] = []
        self._taken = 0  # batches of this epoch

    def __next__(self) -> NDArray[np.int64]:
        if self._taken == len(self._epoch):
            self._draw_epoch()
        self._taken += 1
        return self._epoch[self._taken - 1]

    def _draw_epoch(self) -> None:
        self._epoch_state = generator_state(self._rng)
        # Equal parts: a small last batch would move the weights as far as a full one.
        self._epoch = np.array_split(self._rng.permutation(self._samples), self._epoch_steps)
        self._taken = 0

    def state(self) -> State:
        """Return the generator's state before this epoch and the number of batches taken since."""
        return {"chance": self._epoch_state, "taken": np.array(self._taken)}

    def restore(self, state: State) -> None:
        """Draw the saved epoch again and continue after the batches taken from it.

        Raises:
            SavedError: the values are impossible; nothing has changed.
        """
        taken = state["taken"].item()
        if not 0 <= taken <= self._epoch_steps:
            raise state_mismatch(f"{taken} steps of an epoch of {self._epoch_steps}")
        set_generator_state(self._rng, state["chance"])
        self._draw_epoch()
        self._taken = taken
