"""Pacing: which moments of the training become the shots of a clip.

A shot is one moment that is filmed once. A pacing first says at which fractions of the training to
take snapshots, then makes of these snapshots as many shots as the clip wants.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from neuralpaint.canvas import Canvas, Grid
from neuralpaint.errors import NeuralPaintError
from neuralpaint.learning import Snapshot
from neuralpaint.registry import Registry
from neuralpaint.settings import Settings, setting

__all__ = ["Even", "Fixed", "Log", "Pacing", "pacings", "stops_at"]


@dataclass(frozen=True)
class Pacing(Settings, ABC):
    """How training time becomes clip time."""

    @abstractmethod
    def fractions(self, shots: int) -> list[float]:
        """Return the moments to take a snapshot at, rising from 0 to 1, one per shot."""

    def shots(
        self, snapshots: Iterator[Snapshot], *, shots: int, canvas: Canvas
    ) -> Iterator[Snapshot]:
        """Yield exactly `shots` snapshots, in order, of a picture seen through `canvas`.

        Where training is interrupted or fails, what there is is yielded first, and then the
        exception raised.
        """
        return snapshots


pacings: Registry[Pacing] = Registry("pacing")


@pacings.register("fixed")
@dataclass(frozen=True)
class Fixed(Pacing):
    """The same number of steps between any two shots."""

    def fractions(self, shots: int) -> list[float]:
        """Return evenly spaced fractions."""
        return [i / max(1, shots - 1) for i in range(shots)]


@pacings.register("log")
@dataclass(frozen=True)
class Log(Pacing):
    """Slow motion at the start, where most happens, then ever faster."""

    base: float = setting(50, "how many times faster the last shot is than the first", above=1.0)

    def fractions(self, shots: int) -> list[float]:
        """Return (base^u - 1) / (base - 1) for evenly spaced u."""
        span = math.log(self.base)
        return [math.expm1(span * i / max(1, shots - 1)) / (self.base - 1) for i in range(shots)]


@pacings.register("even")
@dataclass(frozen=True)
class Even(Log):
    """Equal visible change between any two shots; trains first, then films.

    Snapshots are taken at the logarithmic pace. The change that an eye would see between
    neighbours is measured on small renders, and the shots are placed at equal distances along the
    sum of it; where a shot falls between two snapshots, their weights are blended.
    """

    def shots(
        self, snapshots: Iterator[Snapshot], *, shots: int, canvas: Canvas
    ) -> Iterator[Snapshot]:
        """Yield shots between which the picture changes equally."""
        probe = canvas.scaled(min(1.0, _PROBE / max(canvas.height, canvas.width))).grid()
        kept: list[Snapshot] = []
        path: list[float] = []  # visible change from the first snapshot to each
        stopped: BaseException | None = None
        try:
            for snapshot, change in _changes(snapshots, probe):
                kept.append(snapshot)
                path.append(change)
                if len(kept) * snapshot.painting.nbytes > _BYTES:
                    # Every other one is forgotten, never the newest: blending bridges the gap.
                    del kept[-2:0:-2], path[-2:0:-2]
        except (KeyboardInterrupt, NeuralPaintError) as error:
            stopped = error
        yield from _evenly(kept, path, shots)
        if stopped is not None:
            raise stopped


_BYTES = 2**30  # of snapshots that are kept in memory
_PROBE = 96  # pixels along the longer side of a probe: enough to see change, almost free to render


def _changes(snapshots: Iterator[Snapshot], probe: Grid) -> Iterator[tuple[Snapshot, float]]:
    """Yield each snapshot with the mean absolute change of colours summed up from the first."""
    total = 0.0
    before: NDArray[np.float32] | None = None
    for snapshot in snapshots:
        colours = snapshot.painting(probe)
        if before is not None:
            total += float(np.abs(colours - before).mean())
        before = colours
        yield snapshot, total


def _evenly(kept: Sequence[Snapshot], path: Sequence[float], shots: int) -> Iterator[Snapshot]:
    if not kept:
        return
    where = np.interp(np.linspace(0, path[-1], shots), path, np.arange(len(kept)))
    for position in where.tolist():
        index = min(int(position), max(0, len(kept) - 2))
        yield _between(kept[index], kept[min(index + 1, len(kept) - 1)], position - index)


def _between(a: Snapshot, b: Snapshot, amount: float) -> Snapshot:
    """Return the snapshot between two, or one of them where the amount is 0 or 1."""
    if amount <= 0 or a is b:
        return a
    if amount >= 1:
        return b
    nearer = a if amount < 0.5 else b
    return replace(
        nearer,
        step=round(a.step + amount * (b.step - a.step)),
        seconds=a.seconds + amount * (b.seconds - a.seconds),
        painting=a.painting.blend(b.painting, amount),
    )


def stops_at(fractions: Sequence[float], *, steps: int, every: int = 1) -> list[int]:
    """Return the step of each fraction of `steps`, at a multiple of `every` or at the last step."""
    allowed = [*range(0, steps, every), steps]
    return [allowed[round(fraction * (len(allowed) - 1))] for fraction in fractions]
