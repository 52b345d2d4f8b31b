"""The choice of the moments of a take between which its weights are blended.

Blending the weights of two moments of a training looks like the training between them, if they are
close. The first and the last moment are chosen, and then, one after another, the moment at which a
blend of the chosen ones is furthest from the take.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neuralpaint.export.features import Array
from neuralpaint.export.html.evaluation import GridEvaluation
from neuralpaint.export.html.layout import Layout

__all__ = ["Choice", "choose_moments"]


class Choice:
    """Moments in the order in which they were chosen."""

    def __init__(self, order: list[int], errors: list[float]) -> None:
        self._order, self._errors = order, errors

    def __len__(self) -> int:
        return len(self._order)

    def first(self, count: int) -> list[int]:
        """Return the first `count` moments, at least the first and the last one, in time."""
        return sorted(self._order[: max(count, min(2, len(self)))])

    def error(self, count: int) -> float:
        """Return how far a blend of the first `count` moments is from the take, in levels.

        It is the root mean square over the picture, at the moment at which it is largest.
        """
        return self._errors[max(count, min(2, len(self))) - 1]


def choose_moments(
    vectors: Sequence[Array],
    places: NDArray[np.float64],
    *,
    layout: Layout,
    evaluation: GridEvaluation,
    most: int,
) -> Choice:
    """Choose moments of a training.

    Args:
        vectors: of the moments, as from `Layout.pack`.
        places: of the moments in the clip, (moments,); between two, weights are blended linearly.
        layout: the layout of the vectors.
        evaluation: the points at which colours are compared.
        most: the number of moments to choose, at least 2.
    """
    code = None if layout.formula.code is None else layout.formula.code.codes[0]

    def colours(vector: Array) -> Array:
        formula = layout.unpack(vector)
        return evaluation.colours(formula if code is None else formula.at(code))

    frames = [colours(vector) for vector in vectors]

    def furthest(left: int, right: int) -> tuple[float, int]:
        """Return the largest error between two chosen moments, and where it is."""
        found = (0.0, left)
        for i in range(left + 1, right):
            amount = np.float32((places[i] - places[left]) / (places[right] - places[left]))
            blend = vectors[left] + amount * (vectors[right] - vectors[left])
            error = 255 * float(np.sqrt(np.square(colours(blend) - frames[i]).mean()))
            found = max(found, (error, i))
        return found

    last = len(vectors) - 1
    if last == 0:
        return Choice([0], [0.0])
    order, gaps = [0, last], {(0, last): furthest(0, last)}
    errors = [gaps[0, last][0]] * 2
    while len(order) < most:
        (left, right), (error, middle) = max(gaps.items(), key=lambda gap: gap[1])
        if error == 0:
            break
        del gaps[left, right]
        gaps |= {pair: furthest(*pair) for pair in ((left, middle), (middle, right))}
        order.append(middle)
        errors.append(max(error for error, _ in gaps.values()))
    return Choice(order, errors)
