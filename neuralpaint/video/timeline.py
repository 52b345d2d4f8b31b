"""A timeline: when each frame of an animation or a clip is shown, and which of them to take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Timeline"]


@dataclass(frozen=True, eq=False)
class Timeline:
    """`starts` is float64 (frames,), in seconds and rising; `end` is when the last one is over."""

    starts: NDArray[np.float64]
    end: float
    loops: bool = False

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def seconds(self) -> float:
        """From the first frame to the last; of a loop to the first one again."""
        return float((self.end if self.loops else self.starts[-1]) - self.starts[0])

    @property
    def times(self) -> NDArray[np.float32]:
        """When each frame comes, as a part of `seconds`: from 0 to 1, in a loop to below 1."""
        parts: NDArray[np.float32] = ((self.starts - self.starts[0]) / self.seconds).astype(
            np.float32
        )
        return parts

    def evenly(self, count: int) -> list[int]:
        """Return which `count` frames to take so that they are spread evenly over time.

        They rise, and none comes twice; all of them where there are no more.
        """
        most = len(self)
        if count >= most:
            return list(range(most))
        wanted = self.starts[0] + np.linspace(0, self.seconds, count, endpoint=not self.loops)
        after = np.searchsorted(self.starts, wanted).clip(1, most - 1)
        between = (self.starts[after - 1] + self.starts[after]) / 2
        nearest = after - (wanted < between)
        # Several instants can be nearest to one long frame: each after the first takes the next.
        ranks = np.arange(count)
        rising = np.maximum.accumulate(nearest - ranks)
        taken: list[int] = (np.minimum(rising, most - count) + ranks).tolist()
        return taken

    def picked(self, indices: list[int]) -> Timeline:
        """Return the timeline of some of the frames, the first of all among them."""
        return Timeline(self.starts[indices], self.end, self.loops)
