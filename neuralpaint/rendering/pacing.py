"""Pacing: the moments of the training that become the shots of a clip.

A shot is a moment that is rendered once. A pacing first chooses the fractions of the training at
which snapshots are taken, then selects or blends these snapshots for the shots of the clip.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.image.canvas import Canvas
from neuralpaint.rendering.time_estimate import seconds_of
from neuralpaint.rendering.visible_change import Octaves
from neuralpaint.training.learning import Snapshot

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Pacing", "pacings"]

_MOST_BYTES = 2**28  # of snapshots in memory
_PROBE = 96  # pixels along the longer side of the small renders; more make no clip more even
_SNAPSHOTS = 200  # of a training, for a clip of any length: more make no clip more even
_VISIBLE = 0.2  # of the contrast of the finished picture


@dataclass(frozen=True)
class Pacing(Settings, ABC):
    """A mapping from training time to clip time."""

    trains_first: ClassVar[bool] = False
    """Whether the training must end before the first shot can be rendered."""

    @abstractmethod
    def fractions(self, shots: int) -> list[float]:
        """Return the fractions of the training at which snapshots are taken, from 0 to 1.

        They increase, and the last one is 1. Unless `trains_first`, there is one per shot.
        """

    def choose(
        self, snapshots: Iterator[Snapshot], *, shots: int, canvas: Canvas
    ) -> Iterator[Snapshot]:
        """Return the snapshots to be shown, at most `shots`, from the snapshots at `fractions`.

        `canvas` is the canvas of the frames.
        """
        return snapshots

    def choosing_cost(self, painting: Painting, canvas: Canvas) -> Callable[[int], float]:
        """Return a function that estimates the seconds of `choose` for a number of shots.

        It is measured on a painting of the network.
        """
        return lambda shots: 0.0


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
    snapshots is a blend of their weights. The first shot is the moment at which the picture has
    some contrast: many networks begin with one colour.
    """

    trains_first: ClassVar[bool] = True

    def fractions(self, shots: int) -> list[float]:
        """Return 200 fractions of `log`, for any number of shots."""
        return super().fractions(_SNAPSHOTS)

    def choose(
        self, snapshots: Iterator[Snapshot], *, shots: int, canvas: Canvas
    ) -> Iterator[Snapshot]:
        """Consume all snapshots, which runs the training.

        Returns an iterator of snapshots with equal visible changes between them.
        """
        path = _VisiblePath(canvas)
        for snapshot in snapshots:
            path.add(snapshot)
        return path.shots(shots)

    def choosing_cost(self, painting: Painting, canvas: Canvas) -> Callable[[int], float]:
        """Return a function that estimates the seconds of measuring and blending."""
        path = _VisiblePath(canvas)
        adding = seconds_of(lambda: path.add(Snapshot(0, 0.0, math.nan, painting)))
        blending = seconds_of(lambda: painting.blend(painting, 0.5))
        return lambda shots: len(self.fractions(shots)) * adding + shots * blending


class _VisiblePath:
    """The snapshots of a training, and the visible change from each to the next."""

    def __init__(self, canvas: Canvas) -> None:
        self._probe = canvas.scaled(min(1.0, _PROBE / max(canvas.height, canvas.width))).grid()
        self._snapshots: list[Snapshot] = []
        self._spreads: list[float] = []  # of the colours of each snapshot
        # From each snapshot to the next, for each octave: the contrast of the finished picture is
        # known only at the end.
        self._changes: list[NDArray[np.float64]] = []
        self._added: Snapshot | None = None
        self._newest: Octaves | None = None

    def add(self, snapshot: Snapshot) -> None:
        if snapshot is self._added:  # a stop that the training had passed already
            return
        self._added, painting = snapshot, snapshot.painting
        octaves, before = Octaves(painting(self._probe)), self._newest
        if math.isnan(octaves.spread):  # a GPU reports a divergence some steps later
            return
        if before is not None:
            self._changes.append(octaves.change(before))
        self._snapshots.append(
            Snapshot.lazy(
                snapshot.step,
                seconds=lambda: snapshot.seconds,
                loss=lambda: snapshot.loss,
                painting=lambda: painting,  # a take reads it from the file at each request
            )
        )
        self._spreads.append(octaves.spread)
        self._newest = octaves
        count = len(self._snapshots)
        if count > 3 and count * painting.nbytes > _MOST_BYTES:
            self._drop(octaves.contrast)

    def _drop(self, contrast: NDArray[np.float64]) -> None:
        """Drop the snapshot that changes least: a blend of its neighbours can replace it."""
        both = np.add(self._changes[1:], self._changes[:-1])
        spare = 1 + int(np.argmin((both / contrast).sum(1)))
        del self._snapshots[spare], self._spreads[spare]
        self._changes[spare - 1 : spare + 1] = [both[spare - 1]]

    def shots(self, count: int) -> Iterator[Snapshot]:
        """Yield snapshots at equal distances along the path, from the first visible one."""
        if self._newest is None:
            return
        changes = [(change / self._newest.contrast).sum() for change in self._changes]
        path, indices = np.cumsum([0.0, *changes]), np.arange(len(self._snapshots))
        start = np.interp(self._first_visible(), indices, path)
        ramp = np.array(_ramp(count))
        places = (1 - ramp) * start + ramp * path[-1]  # the last one exactly
        for position in np.interp(places, path, indices).tolist():
            index = min(int(position), max(0, len(self._snapshots) - 2))
            after = self._snapshots[min(index + 1, len(self._snapshots) - 1)]
            yield self._snapshots[index].blend(after, position - index)

    def _first_visible(self) -> float:
        """Return the position on the path at which the contrast becomes visible."""
        least = _VISIBLE * self._spreads[-1]
        after = next(i for i, spread in enumerate(self._spreads) if spread >= least)
        if after == 0:
            return 0.0
        left, right = self._spreads[after - 1 : after + 1]
        return after - 1 + (least - left) / (right - left)


def _ramp(shots: int) -> list[float]:
    """Return evenly spaced numbers from 0 to 1; a single number is 1, the finished network."""
    return [i / (shots - 1) for i in range(shots)] if shots > 1 else [1.0]
