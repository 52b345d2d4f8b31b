"""The time axis of a curve: wide at the beginning, where most happens, as in the race."""

from __future__ import annotations

import math

__all__ = ["Timeline"]

_SLOWER = 50  # times: how much wider a step is drawn at the beginning than at the end


class Timeline:
    """Steps or seconds from 0 to `longest` along an axis."""

    def __init__(self, longest: float) -> None:
        self.longest = longest if longest > 0 else 1.0
        self._pace = self.longest / _SLOWER

    def share(self, time: float) -> float:
        """Return where a time lies on the axis, in [0, 1]."""
        return math.log1p(max(0.0, time) / self._pace) / math.log1p(_SLOWER)

    def time(self, share: float) -> float:
        """Return the time that lies there: the inverse of `share`."""
        return self._pace * math.expm1(share * math.log1p(_SLOWER))

    def ticks(self, nearest: float) -> list[float]:
        """Return round times, and the last; no two are nearer than that share of the axis."""
        chosen = [self.longest, 0.0]
        exponents = range(math.floor(math.log10(self.longest)), -3, -1)
        for time in (k * 10.0**n for n in exponents for k in (5, 2, 1)):
            place = self.share(time)
            apart = all(abs(place - self.share(other)) >= nearest for other in chosen)
            if time < self.longest and apart:
                chosen.append(time)
        return sorted(chosen)
