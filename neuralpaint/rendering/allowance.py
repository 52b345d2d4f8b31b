"""An allowance: what filming may take of a budget, and what it is going to take."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

__all__ = ["Allowance"]

_GUESSED = 8  # shots for which the guess still counts
_RECENT = 24  # shots by which the next ones are judged
_CHEAPEST = 8  # a shot in a hurry costs so many times less than others


class Allowance:
    """Seconds for `shots` shots, by a clock that stands still while the training goes on."""

    def __init__(
        self, seconds: float, *, shots: int, guess: float, clock: Callable[[], float]
    ) -> None:
        """Begin to count; `guess` is what a shot may cost, in seconds, until that is known."""
        self._seconds = seconds
        self._shots = shots
        self._guess = guess
        self._clock = clock
        self._began = clock()
        self._filmed = 0
        self._recent = deque([self._began], maxlen=_RECENT + 1)

    def count(self) -> None:
        """Hear that one more shot has been filmed."""
        self._filmed += 1
        self._recent.append(self._clock())

    def ahead(self) -> float:
        """Return how many seconds the other shots are going to take."""
        measured = len(self._recent) - 1
        spent = self._recent[-1] - self._recent[0] + _GUESSED * self._guess
        ahead = (self._shots - self._filmed) * spent / (measured + _GUESSED)
        return min(ahead, max(self._seconds - self._used, ahead / _CHEAPEST))

    def is_short(self) -> bool:
        """Say whether more of it has been used than of the shots has been filmed."""
        return self._used * self._shots > self._seconds * (self._filmed + _GUESSED)

    @property
    def _used(self) -> float:
        return self._clock() - self._began
