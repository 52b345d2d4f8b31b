"""Movers: torch's optimizers as a learner uses them, and what each has to remember."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.runtime.state import State, merge_states, substate

if TYPE_CHECKING:
    import torch

__all__ = ["Memory", "Mover"]


_NUMBER = np.zeros(())
_NUMBERS = np.float32, np.float64, np.int64


@dataclass(frozen=True)
class Memory:
    """All that the next step of a torch optimizer depends on, by torch's names.

    It is kept for each parameter; where it is `flat`, for all of them as one vector, beside the
    first.
    """

    numbers: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()  # of the parameter's shape, or of the vector's
    lists: tuple[str, ...] = ()  # of arrays or numbers
    flat: bool = False

    def of(self, told: Mapping[str, Any]) -> State:
        """Return what torch tells of one parameter; nothing where it has not moved yet."""
        names = [*self.numbers, *self.arrays, *self.lists]
        return {name: _array(told[name]) for name in names} if set(names) <= told.keys() else {}

    def form(self, state: State, *, shape: tuple[int, ...]) -> State:
        """Return arrays with the names, types and shapes that `state` must have to fit.

        `shape` is that of the parameter. A number is of the type that torch gave it, and a list
        has as many entries as in `state`, each of which is a number or of the shape of an array.
        """
        form: State = {name: np.zeros(shape, np.float32) for name in self.arrays}
        for name in self.numbers:
            kind = state.get(name, _NUMBER).dtype
            form[name] = np.zeros((), kind if kind in _NUMBERS else _NUMBER.dtype)
        for name in self.lists:
            found = state.get(name, _NUMBER)
            entry = shape if found.ndim > 1 else ()
            form[name] = np.zeros((len(found) if found.ndim else 0, *entry), np.float32)
        return form

    def told(self, state: State) -> dict[str, Any]:
        """Return a state as torch tells it of a parameter."""
        # Copies, each in memory of its own: where an array begins decides how its sums are rounded.
        kept: dict[str, Any] = {name: _value(state[name]) for name in self.numbers}
        kept |= {name: _value(state[name]) for name in self.arrays}
        return kept | {name: [_value(row) for row in state[name]] for name in self.lists}


class Mover:
    """Torch optimizers of different parameters as one."""

    def __init__(self, parts: Mapping[torch.optim.Optimizer, Memory]) -> None:
        """Take optimizers, each with what it has to remember."""
        self._parts = parts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups; the "lr" of each is set before every step."""
        return [group for optimizer in self._parts for group in optimizer.param_groups]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for optimizer in self._parts:
            optimizer.zero_grad()

    def step(self, closure: Callable[[], Any]) -> Any:
        """Move the parameters once `closure` has made their gradients; return what it returned."""
        if len(self._parts) == 1:  # which may ask several times
            return next(iter(self._parts)).step(closure)
        loss = closure()
        for optimizer in self._parts:
            optimizer.step(lambda: loss)
        return loss

    def state(self) -> State:
        """Return all that the next step depends on, but for the groups."""
        parts: dict[str, State] = {}
        for i, (optimizer, memory) in enumerate(self._parts.items()):
            told = optimizer.state_dict()["state"]
            kept = {str(number): memory.of(told[number]) for number in told}
            parts[str(i)] = {"moved": np.array(any(kept.values()))} | merge_states(kept)
        return merge_states(parts)

    def form(self, state: State) -> State:
        """Return arrays with the names, types and shapes that `state` must have to fit."""
        parts: dict[str, State] = {}
        for i, (optimizer, memory) in enumerate(self._parts.items()):
            ours, form = substate(state, str(i)), {"moved": np.array(True)}
            if np.any(ours.get("moved", False)):
                for number, shape in enumerate(_shapes(optimizer, memory)):
                    wanted = memory.form(substate(ours, str(number)), shape=shape)
                    form |= merge_states({str(number): wanted})
            parts[str(i)] = form
        return merge_states(parts)

    def restore(self, state: State) -> None:
        """Go on from a `state` of the right form, before the first step."""
        for i, (optimizer, memory) in enumerate(self._parts.items()):
            ours, kept = substate(state, str(i)), {}
            if ours["moved"]:
                kept = {
                    number: memory.told(substate(ours, str(number)))
                    for number in range(len(_shapes(optimizer, memory)))
                }
            optimizer.load_state_dict(optimizer.state_dict() | {"state": kept})


def _shapes(optimizer: torch.optim.Optimizer, memory: Memory) -> list[tuple[int, ...]]:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    if memory.flat:
        return [(sum(p.numel() for p in parameters),)]
    return [tuple(p.shape) for p in parameters]


def _array(value: Any) -> NDArray[Any]:
    """Return a tensor, a list of tensors or a number as an array of its own."""
    if isinstance(value, list):
        return np.stack([_array(row) for row in value]) if value else np.empty(0, np.float32)
    return np.array(value) if isinstance(value, (int, float)) else value.numpy(force=True).copy()


def _value(array: NDArray[Any]) -> torch.Tensor | float:
    """Return an array as a tensor, or as the number that it was: those are not float32."""
    import torch

    return array.item() if array.ndim == 0 and array.dtype != np.float32 else torch.tensor(array)
