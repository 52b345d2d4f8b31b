"""Rhythm: a clip whose change gathers on the onsets of a sound, and rests between them.

One monotone map from clip time to progress does it. The amount of change at each moment is

    a(t) = d + (1 - d) R sum_i w_i k((t - t_i) / D),    k(u) = 3 (1 - u)^2 for 0 <= u < 1,

near the onsets t_i, and 1 elsewhere: it jumps on an onset and decays within D, and louder onsets
have larger weights w_i. R is the time that the onsets share out, d the part of it that flows
evenly. The progress of a shot is the sum of the changes up to it.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.training.learning import Snapshot

__all__ = ["Beat", "BeatMorph", "Rhythm", "rhythms", "sampled"]

_LONGEST_REST = 2.0  # seconds after an onset; then the change flows evenly until the next one
_LOUDNESS = 0.6  # the exponent of the loudness of a sound, by its amplitude (Stevens, 1957)
_SAME = 0.15  # of a beat: an onset as near as this is on the beat


@dataclass(frozen=True)
class Beat(Settings, ABC):
    """What follows the beat."""

    moves_camera: ClassVar[bool] = False
    """Whether the camera moves in the rhythm too."""

    drift: float = setting(
        0.1, "part of the change that flows evenly between the onsets", minimum=0, maximum=1
    )
    decay: float = setting(
        0.4, "time in which the change of an onset is over, in beats", above=0, maximum=4
    )


rhythms: Registry[Beat] = Registry("beat")


@rhythms.register("pacing")
@dataclass(frozen=True)
class BeatPacing(Beat):
    """The picture changes on the onsets of the sound, the louder the more, and rests between."""


@rhythms.register("camera")
@dataclass(frozen=True)
class BeatCamera(Beat):
    """The camera moves on the onsets, too."""

    moves_camera: ClassVar[bool] = True


@rhythms.register("morph")
@dataclass(frozen=True)
class BeatMorph(Beat):
    """Each picture of a path is reached on the first beat of a bar; needs several pictures."""

    bar: int = setting(4, "beats of a bar", minimum=1, maximum=64)


@dataclass(frozen=True, eq=False)
class Rhythm:
    """The onsets of a sound and its beats, in seconds from the start of the clip."""

    onsets: NDArray[np.float64]
    """Increasing, (onsets,); at least one."""
    amplitudes: NDArray[np.float64]
    """How much the sound rises at each onset, in (0, 1], (onsets,)."""
    beats: NDArray[np.float64]
    """Increasing, (beats,)."""
    period: float
    """Seconds from beat to beat."""
    regularity: float = 1.0
    """How regular the onsets are: 1 if all are on the beat or on its quarters, about 0 in noise."""

    @classmethod
    def steady(cls, tempo: float, *, seconds: float, first: float = 0.0) -> Rhythm:
        """Return equally loud beats at a tempo in beats per minute, from `first` on."""
        period = 60 / tempo
        times = np.arange(first, max(seconds, first + period), period)
        return cls(times, np.ones(len(times)), times, period)

    @property
    def tempo(self) -> float:
        """Beats per minute."""
        return 60 / self.period

    def within(self, seconds: float) -> Rhythm | None:
        """Return the rhythm of a clip of that length; None if it has no onset there."""
        shown = self.onsets < seconds
        if not shown.any():
            return None
        return replace(
            self,
            onsets=self.onsets[shown],
            amplitudes=self.amplitudes[shown],
            beats=self.beats[self.beats < seconds],
        )

    def facts(self) -> dict[str, float]:
        """Return the facts for --dry-run and --json."""
        return {
            "onsets": len(self.onsets),
            "tempo": round(self.tempo, 2),
            "regularity": round(self.regularity, 2),
        }

    def bars(self, length: int) -> NDArray[np.float64]:
        """Return the first beats of the bars of `length` beats: the loudest row of beats."""
        nearest = _nearest(self.onsets, self.beats)
        is_near = np.abs(self.onsets[nearest] - self.beats) < _SAME * self.period
        amplitudes = np.where(is_near, self.amplitudes[nearest], 0.0)
        loudness = np.array([amplitudes[first::length].sum() for first in range(length)])
        # Of rows that are about equally loud, the first.
        return self.beats[int(np.argmax(loudness >= 0.9 * loudness.max())) :: length]

    def changes(
        self,
        starts: NDArray[np.float64],
        ends: NDArray[np.float64],
        beat: Beat,
        *,
        at_once: Collection[int] = (),
    ) -> NDArray[np.float64]:
        """Return how much changes when each shot appears, (shots,), at least 0.

        An onset is moved to the nearest start of a shot, so that this shot shows its change. The
        sum is about the number of seconds.

        Args:
            starts: when each shot appears, in seconds, increasing, (shots,).
            ends: when each shot is replaced, (shots,).
            beat: how much flows evenly, and how long the change of an onset lasts.
            at_once: the shots that show the whole change of their onset.
        """
        shots = _nearest(starts, self.onsets)
        is_shown = np.abs(self.onsets - starts[shots]) <= (ends - starts)[shots]
        shots, which = np.unique(shots[is_shown], return_inverse=True)
        if not len(shots):
            return ends - starts
        loudness = np.zeros(len(shots))
        np.maximum.at(loudness, which, self.amplitudes[is_shown] ** _LOUDNESS)
        times = starts[shots]
        gaps = np.diff(times, append=np.inf)
        longest = max(_LONGEST_REST, 1.5 * self.period)
        begins, rests = times.copy(), np.minimum(gaps, longest)
        if times[0] - starts[0] < longest:
            begins[0] = starts[0]
        resting = _covered(ends, begins, times + rests) - _covered(starts, begins, times + rests)
        lengths = np.minimum(gaps, beat.decay * self.period)
        gathered = np.zeros(len(starts))
        for shot, weight, length in zip(shots, loudness, lengths, strict=True):
            if shot in at_once:
                gathered[shot] += weight
                continue
            last = int(np.searchsorted(starts, starts[shot] + length))
            edges = np.append(starts[shot:last], ends[last - 1]) - starts[shot]
            gathered[shot:last] += weight * np.diff(1 - np.clip(1 - edges / length, 0, 1) ** 3)
        share = (1 - beat.drift) * resting.sum() / loudness.sum()
        changes: NDArray[np.float64]
        changes = ends - starts - (1 - beat.drift) * resting + share * gathered
        return changes


def _nearest(times: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the index of the nearest of the increasing times to each of those wanted."""
    after = np.searchsorted(times, wanted).clip(1, max(1, len(times) - 1))
    if len(times) == 1:
        return np.zeros(len(wanted), np.intp)
    nearest: NDArray[np.intp] = after - (wanted - times[after - 1] < times[after] - wanted)
    return nearest


def _covered(
    at: NDArray[np.float64], begins: NDArray[np.float64], ends: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how many seconds before each time lie within intervals that do not overlap."""
    edges = np.stack([begins, ends], 1).ravel()
    inside = np.diff(edges, prepend=edges[0])
    inside[::2] = 0.0  # from the end of one interval to the beginning of the next
    return np.interp(at, edges, np.cumsum(inside))


def sampled(
    snapshots: Iterator[Snapshot], places: Sequence[float], *, count: int, blends: bool = True
) -> Iterator[Snapshot]:
    """Yield the snapshots at increasing places among `count` evenly spaced ones.

    A place is from 0, the first snapshot, to 1, the last. A snapshot between two is a blend of
    their weights, or without `blends` the nearer one. Equal places yield the same object. If
    `snapshots` ends early, its last one is the last one here.
    """
    numbered = enumerate(snapshots)
    left = right = next(numbered, None)
    shown: Snapshot | None = None
    before = -1.0
    for place in places:
        position = place * (count - 1)
        if not blends:
            position = float(round(position))
        while right is not None and right[0] < position:
            left, right = right, next(numbered, None)
        if left is None:
            return
        if right is None:
            if shown is not left[1]:
                yield left[1]
            return
        if shown is None or position > before:
            shown, before = left[1].blend(right[1], position - left[0]), position
        yield shown
