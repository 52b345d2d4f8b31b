"""Training states: named arrays from which a training resumes exactly where it stopped.

Optimizers, batches and schedules have `state()` and `restore(state)`. An object with several parts
merges their states under prefixes: `optimizer.0.exp_avg` is `0.exp_avg` of the part `optimizer`.
Numbers are stored as arrays of shape ().
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import SavedError

__all__ = [
    "State",
    "check_state",
    "generator_state",
    "merge_states",
    "set_generator_state",
    "state_mismatch",
    "substate",
]

State = dict[str, NDArray[Any]]

_WORD = (1 << 64) - 1


def merge_states(parts: Mapping[str, State]) -> State:
    """Return one state with the arrays of all parts, each named `PART.NAME`."""
    return {
        f"{prefix}.{name}": array
        for prefix, state in parts.items()
        for name, array in state.items()
    }


def substate(state: State, prefix: str) -> State:
    """Return the state of the part `prefix`, the inverse of `merge_states`."""
    begin = f"{prefix}."
    return {
        name.removeprefix(begin): array for name, array in state.items() if name.startswith(begin)
    }


def check_state(state: State, *, like: State) -> None:
    """Check that `state` has the names, dtypes and shapes of `like`.

    Raises:
        SavedError: they differ.
    """
    for name in [*like, *state]:
        found, expected = _form(state, name), _form(like, name)
        if found != expected:
            raise state_mismatch(f"{name[:80]!r} is {found}, not {expected}")


def state_mismatch(reason: str) -> SavedError:
    """Return the error for a state that does not belong to this training."""
    return SavedError(
        f"the saved state does not fit this training ({reason}): resume with the same picture and "
        "the same settings"
    )


def _form(state: State, name: str) -> str:
    return f"{state[name].dtype} {state[name].shape}" if name in state else "absent"


def generator_state(rng: np.random.Generator) -> NDArray[np.uint64]:
    """Return the state (6,) of a PCG64 generator: two 128-bit numbers in halves, then the rest."""
    state: Any = rng.bit_generator.state
    numbers = state["state"]["state"], state["state"]["inc"]
    halves = [half for number in numbers for half in (number >> 64, number & _WORD)]
    return np.array([*halves, state["has_uint32"], state["uinteger"]], np.uint64)


def set_generator_state(rng: np.random.Generator, state: NDArray[np.uint64]) -> None:
    """Restore a PCG64 generator to a state that `generator_state` returned."""
    upper, lower, increment_upper, increment_lower, has_half, half = map(int, state)
    rng.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": upper << 64 | lower, "inc": increment_upper << 64 | increment_lower},
        "has_uint32": has_half,
        "uinteger": half,
    }
