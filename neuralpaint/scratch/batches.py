"""Batches: which samples are learned together; all of them, shuffled anew in every epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from neuralpaint.runtime.state import State, generator_state, set_generator_state, state_mismatch

__all__ = ["Batches"]


class Batches(Iterator[NDArray[np.int64]]):
    """The indices of each batch's samples for ever, in epochs that cover each once."""

    def __init__(self, samples: int, *, epoch_steps: int, rng: np.random.Generator) -> None:
        """Take how many samples there are, and how many batches make an epoch."""
        self._samples, self._epoch_steps, self._rng = samples, epoch_steps, rng
        self._began = generator_state(rng)  # before this epoch was drawn
        self._epoch: list[NDArray[np.int64]] = []
        self._taken = 0  # of this epoch

    def __next__(self) -> NDArray[np.int64]:
        if self._taken == len(self._epoch):
            self._draw_epoch()
        self._taken += 1
        return self._epoch[self._taken - 1]

    def _draw_epoch(self) -> None:
        self._began = generator_state(self._rng)
        # In equal parts: a small rest would move the weights as far as a whole batch does.
        self._epoch = np.array_split(self._rng.permutation(self._samples), self._epoch_steps)
        self._taken = 0

    def state(self) -> State:
        """Return where chance was as this epoch began, and how much of the epoch is over."""
        return {"chance": self._began, "taken": np.array(self._taken)}

    def restore(self, state: State) -> None:
        """Draw that epoch again and continue after the batches taken from it.

        Raises:
            SavedError: the values are not possible; nothing has changed.
        """
        taken = state["taken"].item()
        if not 0 <= taken <= self._epoch_steps:
            raise state_mismatch(f"{taken} steps of an epoch of {self._epoch_steps}")
        set_generator_state(self._rng, state["chance"])
        self._draw_epoch()
        self._taken = taken
