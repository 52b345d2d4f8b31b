"""Densification: in-betweens are added until nothing moves by more than a pixel or two at a time.

What is learned from frames mixes the two nearest of them at every time between. That is a ghost
where something has leapt, and motion where it has hardly moved.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from neuralpaint.restoration.motion.flow import Motion, Pixels, motion
from neuralpaint.restoration.motion.interpolation import between as in_between
from neuralpaint.runtime.progress import DoneCallback
from neuralpaint.runtime.threads import parallel_map

__all__ = ["densified"]

logger = logging.getLogger(__name__)

Timed = tuple[Pixels, float]

_TRUST = 0.35  # of a pair's pixels; below it a scene was cut, and nothing has moved
_FLOWS = 0.7  # of the time that a pair takes


def densified(
    frames: Sequence[Pixels],
    times: NDArray[np.float32],
    *,
    between: int | None = None,
    reach: float = 1.5,
    most: int = 7,
    loops: bool = False,
    look: DoneCallback = lambda done: None,
) -> tuple[list[Pixels], NDArray[np.float32]]:
    """Return frames, uint8 (h, w, 3), with in-betweens among them, and the times of all.

    There are `between` of them in each pair; without a number as few as let nothing move by more
    than `reach` pixels from one to the next, and `most` at most. Where a scene is cut there are
    none. `loops` adds those from the last frame to the first, at times up to 1. The `times` rise,
    in [0, 1]. `look` is told on this thread how much is done, in [0, 1], some times a second; what
    it raises ends the work. The result is the same with any number of `workers`.

    Raises:
        ValueError: the frames have different sizes, or not as many times.
    """
    if len(times) != len(frames):
        raise ValueError(f"{len(frames)} frames have {len(times)} times")
    pairs = [_Pair(*pair) for pair in pairwise(zip(frames, map(float, times), strict=True))]
    if loops and len(frames) > 1:
        pairs.append(_Pair((frames[-1], float(times[-1])), (frames[0], 1.0)))
    parts, caller, stopped = [0.0] * len(pairs), threading.get_ident(), threading.Event()

    def fill(index: int) -> list[Timed]:
        def told(done: float) -> None:
            if stopped.is_set():
                raise _StoppedError
            parts[index] = done
            if threading.get_ident() == caller:
                look(sum(parts) / len(parts))

        try:
            return pairs[index].filled(between, reach=reach, most=most, look=told)
        except _StoppedError:
            return []  # nobody sees it: what stopped the work is raised
        except BaseException:
            stopped.set()
            raise

    added = parallel_map(fill, range(len(pairs)))
    look(1.0)  # perhaps another thread was the last
    dense, moments = list(frames[:1]), [float(time) for time in times[:1]]
    for i, new in enumerate(added):
        follows = [(frames[i + 1], float(times[i + 1]))] if i + 1 < len(frames) else []
        for frame, time in (*new, *follows):
            dense.append(frame)
            moments.append(time)
    logger.debug("%d frames became %d", len(frames), len(dense))
    return dense, np.array(moments, np.float32)


class _StoppedError(Exception):
    """Another thread failed, or was interrupted."""


class _Pair:
    """Two frames, one after the other, with their times."""

    def __init__(self, first: Timed, second: Timed) -> None:
        (self.a, self.start), (self.b, self.end) = first, second

    def filled(
        self, count: int | None, *, reach: float, most: int, look: DoneCallback
    ) -> list[Timed]:
        """Return the in-betweens and their times."""
        if count == 0 or np.array_equal(self.a, self.b):
            return []
        moved = motion(self.a, self.b, look=lambda done: look(done * _FLOWS))
        count = _needed(moved, count, reach=reach, most=most)
        made = []
        for i in range(1, count + 1):
            u = i / (count + 1)
            made.append((in_between(self.a, self.b, moved, u=u), self._time(u)))
            look(_FLOWS + (1 - _FLOWS) * i / count)
        return made

    def _time(self, u: float) -> float:
        return (1 - u) * self.start + u * self.end


def _needed(moved: Motion, count: int | None, *, reach: float, most: int) -> int:
    if moved.trust < _TRUST:
        return 0
    if count is not None:
        return count
    farthest = moved.distance()
    return min(most, math.ceil(farthest / reach) - 1) if farthest > reach else 0
