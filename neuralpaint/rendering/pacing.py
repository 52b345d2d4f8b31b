"""Pacing: the moments of the training that become the shots of a clip.

A shot is a moment that is rendered once. A pacing first chooses the fractions of the training at
which snapshots are taken, then selects or blends these snapshots for the shots of the clip.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.image.canvas import Canvas
from neuralpaint.training.learning import Snapshot

__all__ = ["Pacing", "pacings"]

_MOST_BYTES = 2**30  # of snapshots in memory
_PROBE = 96  # pixels along the longer side of the small renders


@dataclass(frozen=True)
class Pacing(Settings, ABC):
    """A mapping from training time to clip time."""

    trains_first: ClassVar[bool] = False
    """Whether the training must end before the first shot can be rendered."""

    @abstractmethod
    def fractions(self, shots: int) -> list[float]:
        """Return the fractions of the training, increasing from 0 to 1, one per shot."""

    def choose(
        self, snapshots: Iterator[Snapshot], *, shots: int, canvas: Canvas
    ) -> Iterator[Snapshot]:
        """Return the snapshots to be shown, at most `shots`, from the snapshots at `fractions`.

        `canvas` is the canvas of the frames.
        """
        return snapshots


pacings: Registry[Pacing] = Registry("pacing")


@pacings.register("fixed")
@dataclass(frozen=True)
class Fixed(Pacing):
    """The same number of steps between any two shots."""

    def fractions(self, shots: int) -> list[float]:
        return _ramp(shots)


@pacings.register("log")
@dataclass(frozen=True)
class Log(Pacing):
    """Slow motion at the start, where most happens, then increasingly fast."""

    base: float = setting(
        50, "speed at the end, as a multiple of the speed at the start", above=1.0
    )

    def fractions(self, shots: int) -> list[float]:
        """Return (base^u - 1) / (base - 1) for evenly spaced u."""
        span = math.log(self.base)
        return [math.expm1(span * u) / (self.base - 1) for u in _ramp(shots)]


@pacings.register("even")
@dataclass(frozen=True)
class Even(Log):
    """Equal visible change between any two shots; trains first, then films.

    Snapshots are taken with the pacing `log`. The visible change between neighbours is measured on
    small renders, and the shots are placed at equal distances along its sum; a shot between two
    snapshots is a blend of their weights.
    """

    trains_first: ClassVar[bool] = True

    def choose(
        self, snapshots: Iterator[Snapshot], *, shots: int, canvas: Canvas
    ) -> Iterator[Snapshot]:
        """Yield snapshots with equal changes of the picture between them."""
        probe = canvas.scaled(min(1.0, _PROBE / max(canvas.height, canvas.width))).grid()
        kept: list[Snapshot] = []
        path: list[float] = []  # the sum of the mean absolute changes of colour so far
        total = 0.0
        before: NDArray[np.float32] | None = None
        for snapshot in snapshots:
            colours = snapshot.painting(probe)
            if before is not None:
                total += float(np.abs(colours - before).mean())
            before = colours
            kept.append(snapshot)
            path.append(total)
            if len(kept) > 3 and len(kept) * snapshot.painting.nbytes > _MOST_BYTES:
                # Drop the snapshot whose neighbours differ least: a blend of them can replace it.
                spare = 1 + int(np.argmin(np.subtract(path[2:], path[:-2])))
                del kept[spare], path[spare]
        if kept:
            places = path[-1] * np.array(_ramp(shots))
            for position in np.interp(places, path, np.arange(len(kept))).tolist():
                index = min(int(position), max(0, len(kept) - 2))
                after = kept[min(index + 1, len(kept) - 1)]
                yield kept[index].blend(after, position - index)


def _ramp(shots: int) -> list[float]:
    """Return evenly spaced numbers from 0 to 1; a single number is 1, the finished network."""
    return [i / (shots - 1) for i in range(shots)] if shots > 1 else [1.0]
