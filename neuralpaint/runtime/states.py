"""States: arrays by name, from which whatever has a course goes on exactly where it was.

An optimizer, an epoch, a schedule each tell their `state()` and take it back with `restore(state)`.
Whoever holds several gathers them under prefixes: `optimizer.0.exp_avg` is `0.exp_avg` of the part
`optimizer`. Numbers are arrays of no axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import SavedError

__all__ = ["State", "chance", "check_form", "gather", "misfit", "part", "set_chance"]

State = dict[str, NDArray[Any]]

_WORD = (1 << 64) - 1


def gather(parts: Mapping[str, State]) -> State:
    """Return the states of all parts as one; each name follows its part's and a dot."""
    return {
        f"{prefix}.{name}": array
        for prefix, state in parts.items()
        for name, array in state.items()
    }


def part(state: State, prefix: str) -> State:
    """Return the state of one part, by the names that it knows itself."""
    begin = f"{prefix}."
    return {
        name.removeprefix(begin): array for name, array in state.items() if name.startswith(begin)
    }


def check_form(state: State, *, like: State) -> None:
    """Check that two states have the same names, and their arrays the same types and shapes.

    Raises:
        SavedError: `state` differs from what it is to be `like`.
    """
    for name in [*like, *state]:
        found, wanted = _form(state, name), _form(like, name)
        if found != wanted:
            raise misfit(f"{name[:80]!r} is {found}, not {wanted}")


def misfit(reason: str) -> SavedError:
    """Return the error for a state that is another training's."""
    return SavedError(
        f"the saved state does not fit this training ({reason}): resume with the picture and the "
        "settings that it was made with"
    )


def _form(state: State, name: str) -> str:
    return f"{state[name].dtype} {state[name].shape}" if name in state else "absent"


def chance(rng: np.random.Generator) -> NDArray[np.uint64]:
    """Return where a PCG64 generator is: its two numbers of 128 bits in halves, then the rest."""
    told: Any = rng.bit_generator.state
    numbers = told["state"]["state"], told["state"]["inc"]
    halves = [half for number in numbers for half in (number >> 64, number & _WORD)]
    return np.array([*halves, told["has_uint32"], told["uinteger"]], np.uint64)


def set_chance(rng: np.random.Generator, state: NDArray[np.uint64]) -> None:
    """Bring a PCG64 generator to where `chance` found one."""
    upper, lower, increment_upper, increment_lower, has_half, half = map(int, state)
    rng.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": upper << 64 | lower, "inc": increment_upper << 64 | increment_lower},
        "has_uint32": has_half,
        "uinteger": half,
    }
