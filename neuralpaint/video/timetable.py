"""The timetable of a clip in a rhythm: what each shot shows, and which shot each frame shows.

Without a rhythm, the shots of a clip are evenly spaced. Here, each evenly spaced shot is moved to
where the rhythm is when it appears. A boomerang shows a shot twice, at different times of the
rhythm, so it becomes two shots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from neuralpaint.rendering.rhythm import Beat, BeatMorph, Rhythm
from neuralpaint.video.playback import Playback

__all__ = ["Part", "Timetable"]

_LEAST_CHANGE = 1e-9  # of the even change: progress increases everywhere


class Part(NamedTuple):
    """Evenly spaced shots that show one thing from its beginning to its end."""

    shots: int
    is_closed: bool = False
    """Whether the end equals the beginning, and is not shown again."""
    legs: int = 1
    """Equal stretches; with `BeatMorph`, each ends on a bar."""


class _Displays(NamedTuple):
    """When each shot appears and disappears, in the order of the clip."""

    shots: NDArray[np.intp]  # of the evenly spaced ones
    starts: NDArray[np.float64]  # seconds
    ends: NDArray[np.float64]
    passes: NDArray[np.intp]  # 0, and 1 after the direction of a boomerang has changed
    of_frames: NDArray[np.intp]  # the display of each moving frame

    @classmethod
    def of(cls, playback: Playback, fps: float) -> Self:
        order, held = np.array(playback.order()), playback.held_from
        frames = np.delete(np.arange(playback.frames), slice(held, held + playback.held))
        shots = order[frames]
        passes = np.arange(len(frames)) >= playback.first_pass
        is_new = (np.diff(shots, prepend=-1) != 0) | (np.diff(passes, prepend=0) != 0)
        first = np.flatnonzero(is_new)
        last = np.append(first[1:], len(frames)) - 1
        return cls(
            shots[first], frames[first] / fps, (frames[last] + 1) / fps, passes[first].astype(int),
            np.cumsum(is_new) - 1,
        )  # fmt: skip


@dataclass(frozen=True)
class Timetable:
    """The shots of a clip in a rhythm, in ascending order of what they show."""

    playback: Playback
    places: tuple[tuple[float, ...], ...]
    """For each part, where each of its shots is: from 0, its beginning, to 1, its end."""
    moments: tuple[float, ...]
    """The moment of the camera at each shot, in [0, 1]."""

    @classmethod
    def of(
        cls,
        playback: Playback,
        parts: Sequence[Part],
        rhythm: Rhythm,
        beat: Beat,
        *,
        fps: float,
        rest: float,
    ) -> Self:
        """Return the timetable of a clip.

        Args:
            playback: the clip with evenly spaced shots.
            parts: what the shots show one after another; other shots after them show the end.
            rhythm: when the picture changes.
            beat: what follows the rhythm.
            fps: frames per second.
            rest: the part of the clip before the camera moves, below 1.
        """
        shown = _Displays.of(playback, fps)
        ascends = (playback.boomerang == playback.reverse, not playback.reverse)  # of both passes

        def placed(part: Part, where: NDArray[np.bool_]) -> NDArray[np.float64]:
            found = np.ones(len(where))
            for turn in (0, 1):
                which = np.flatnonzero(where & (shown.passes == turn))
                if len(which):
                    found[which] = _places(shown, which, part, rhythm, beat, ascends[turn])
            return found

        ends = np.cumsum([part.shots for part in parts])
        part_of = np.searchsorted(ends, shown.shots, side="right")
        places = np.ones(len(shown.shots))
        for number, part in enumerate(parts):
            places = np.where(part_of == number, placed(part, part_of == number), places)
        moments = shown.shots / max(1, playback.shots - 1)
        if beat.moves_camera:
            first = max(0, round(rest * playback.shots) - 1)  # the last shot before it moves
            moves = shown.shots >= first
            moved = placed(Part(playback.shots - first), moves)
            moments = np.where(moves, rest + (1 - rest) * moved, moments)
        rising = np.lexsort((moments, places, part_of))
        rank = np.empty(len(rising), int)
        rank[rising] = np.arange(len(rising))
        places, part_of = places[rising], part_of[rising]
        return cls(
            replace(playback, shots=len(rising), timed=tuple(rank[shown.of_frames].tolist())),
            tuple(tuple(places[part_of == n].tolist()) for n in range(len(parts))),
            tuple(moments[rising].tolist()),
        )


def _places(
    shown: _Displays,
    which: NDArray[np.intp],
    part: Part,
    rhythm: Rhythm,
    beat: Beat,
    ascends: bool,
) -> NDArray[np.float64]:
    """Return where the displays `which` of one part are, in one direction."""
    if len(which) == 1:
        return np.ones(1)
    legs = part.legs if isinstance(beat, BeatMorph) else 1
    turns = _leg_ends(shown, which, legs, rhythm, beat) if isinstance(beat, BeatMorph) else []
    changes = rhythm.changes(shown.starts, shown.ends, beat, at_once=which[turns].tolist())
    changes = (changes + _LEAST_CHANGE * (shown.ends - shown.starts))[which]
    # A closed part begins again with the change that the first shot shows.
    progress = np.cumsum(changes) - (0 if part.is_closed and not ascends else changes[0])
    end = progress[-1] + (changes[0] if part.is_closed and ascends else 0)
    knots = [0.0, *progress[turns].tolist(), end]
    # Rounding must not exchange two shots.
    places = np.maximum.accumulate(np.interp(progress, knots, np.linspace(0, 1, len(knots))))
    return places if ascends else 1 - places


def _leg_ends(
    shown: _Displays, which: NDArray[np.intp], legs: int, rhythm: Rhythm, beat: BeatMorph
) -> list[int]:
    """Return the displays, as indices into `which`, on which the legs but the last one end.

    Each is the nearest first beat of a bar, or where there is none within half a leg, in time.
    """
    starts, bars = shown.starts[which], rhythm.bars(beat.bar)
    length = (shown.ends[which][-1] - starts[0]) / legs
    ends: list[int] = []
    for leg in range(1, legs):
        time = starts[0] + leg * length
        bar = float(bars[np.abs(bars - time).argmin()]) if len(bars) else time
        nearest = int(np.abs(starts - (bar if abs(bar - time) <= length / 2 else time)).argmin())
        # Each leg has a frame of its own, where there are enough.
        least = 1 + (ends[-1] if ends else 0)
        ends.append(min(max(nearest, least), len(which) - 1))
    return ends
