"""Rounding the vectors of chosen moments so that the eye sees no difference, and packing them.

Each section of the vector has a step, of which its numbers become whole multiples. The error of a
step is measured on the colours: a section may add as much of it as it has numbers, so that a number
costs about equally many bits everywhere. A moment is stored as its difference to the moment before.
A difference of nearly a whole step is not rounded up, as that costs more bytes than it is worth.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralpaint.export.features import Array
from neuralpaint.export.html.layout import Layout

__all__ = ["Packed", "pack_moments", "rounded", "steps_of"]

_TRIAL = 1 / 64  # of the deviation of a section: the step with which its effect is measured
_DEAD = 0.62  # steps that a number may change before it is stored as changed

Integers = NDArray[np.int64]
Colours = Callable[[Array], Array]
"""Returns the colours of a vector."""


def steps_of(
    vectors: Sequence[Array], *, layout: Layout, colours: Colours, limit: float
) -> dict[str, float]:
    """Return the step of each section, so that no colour moves by more than `limit` levels.

    Args:
        vectors: moments of the training, among them those that are hardest to round.
        layout: the layout of the vectors.
        colours: returns the colours to be compared, in [0, 1].
        limit: the largest difference of a colour, in levels of 255.
    """
    exact = [colours(vector) for vector in vectors]
    steps: dict[str, float] = {}
    used: dict[str, int] = {}
    for section in layout.sections.values():
        part = slice(section.start, section.end)
        trial = _TRIAL * max(float(np.abs(vector[part]).max()) for vector in vectors)
        used[section.name] = max(int(np.count_nonzero(vector[part])) for vector in vectors)
        effect = 0.0
        for vector, expected in zip(vectors, exact, strict=True):
            changed = vector.copy()
            if trial > 0:
                changed[part] = trial * np.round(changed[part] / trial)
            effect = max(effect, float(np.square(colours(changed) - expected).mean()) ** 0.5)
        steps[section.name] = trial / effect if effect > 0 else trial
    total = max(1, sum(used.values()))
    shares = {name: step * (max(1, used[name]) / total) ** 0.5 for name, step in steps.items()}

    def worst(scale: float) -> float:
        scaled = {name: scale * step for name, step in shares.items()}
        found = 0.0
        for vector, expected in zip(vectors, exact, strict=True):
            multiples, step = rounded(vector, layout=layout, steps=scaled)
            near = (multiples * step).astype(np.float32)
            found = max(found, 255 * float(np.abs(colours(near) - expected).max()))
        return found

    low, high = 1e-6, 1.0
    for _ in range(14):  # geometric bisection, to 0.1 %
        middle = (low * high) ** 0.5
        low, high = (middle, high) if worst(middle) <= limit else (low, middle)
    return {name: low * step for name, step in shares.items()}


def rounded(
    vector: Array,
    *,
    layout: Layout,
    steps: dict[str, float],
    before: Integers | None = None,
) -> tuple[Integers, NDArray[np.float64]]:
    """Return a vector in whole steps, and the step of each number.

    A number that has hardly moved from the moment `before` is that of before.
    """
    step = np.ones(layout.size)
    for section in layout.sections.values():
        step[section.start : section.end] = steps[section.name] or 1.0
    exact = vector / step
    before = np.zeros(layout.size, np.int64) if before is None else before
    multiples = np.where(np.abs(exact - before) < _DEAD, before, np.rint(exact))
    return multiples.astype(np.int64), step


@dataclass(frozen=True)
class Packed:
    """The moments as bytes: of each, a zlib stream of its differences to the one before.

    A difference d is stored as 2 d, or as -2 d - 1 if it is negative, and so as a few bytes: the
    lowest bytes of all numbers come first, then the next ones.
    """

    streams: list[bytes]
    width: int  # bytes of a number

    @property
    def size(self) -> int:
        """Bytes of all streams."""
        return sum(map(len, self.streams))


def pack_moments(moments: Sequence[Integers], *, level: int = 9) -> Packed:
    """Return moments, each (size,), as bytes."""
    before = np.zeros_like(moments[0])
    folded = []
    for moment in moments:
        change = moment - before
        folded.append(np.where(change < 0, -2 * change - 1, 2 * change).astype("<u8"))
        before = moment
    width = max(1, -(-max(int(each.max(initial=0)) for each in folded).bit_length() // 8))
    streams = [
        zlib.compress(each.view(np.uint8).reshape(-1, 8)[:, :width].T.tobytes(), level)
        for each in folded
    ]
    return Packed(streams, width)
