"""Walking: footage of an album, seen at a code, or on a walk through codes once it is learned."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Picture
from neuralpaint.models.codes import checked_code
from neuralpaint.pipelines.clip_settings import TimelapseSettings
from neuralpaint.pipelines.footage import Direction, Footage
from neuralpaint.pipelines.morph.moving import Pace
from neuralpaint.rendering.pacing import Pacing
from neuralpaint.rendering.paths import CodePath
from neuralpaint.rendering.rendering import fidelity
from neuralpaint.training.learning import Snapshot
from neuralpaint.video.playback import PlaybackSettings

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["CodeFootage", "PlayFootage", "WalkFootage", "codes_of", "played"]

_LOOKS = 100  # how often the plan of a training by the clock is made anew


def codes_of(footage: Footage) -> NDArray[np.float32]:
    """Return the codes of the album that footage shows.

    Raises:
        UsageError: it has learned a single picture.
    """
    codes = footage.painting().codes
    if codes is None:
        raise UsageError(
            "this has learned one picture and has no codes: give what morph has learned"
        )
    return codes


class _Coded(Footage):
    """Footage seen through codes: all but the paintings is as it was."""

    picture: Picture | None = None  # what lies between pictures is held against none

    def __init__(self, footage: Footage) -> None:
        self._footage = footage
        self.source, self.note, self.seed = footage.source, footage.note, footage.seed
        self.canvas, self.taught, self.device = footage.canvas, footage.taught, footage.device
        self.pictures = footage.pictures
        self.resumed, self.elapsed = footage.resumed, footage.elapsed

    @property
    def step(self) -> int:
        """The step of what it shows now."""
        return self._footage.step

    @property
    def steps(self) -> int:
        """The step at which the training ends, as far as is known."""
        return self._footage.steps

    @property
    def seconds(self) -> float:
        """Time that was trained up to `step`."""
        return self._footage.seconds

    @property
    def by_clock(self) -> bool:
        """Whether the time says how many steps there are."""
        return self._footage.by_clock

    @property
    def trains(self) -> bool:
        """Whether it learns while it is filmed."""
        return self._footage.trains

    def likenesses(self) -> tuple[tuple[str, float], ...]:
        """Return how well each picture is known now: its name, and PSNR in dB."""
        painting = self._footage.painting()
        return tuple(
            (picture.name, fidelity(painting.at(code), picture))
            for picture, code in zip(self.pictures, codes_of(self._footage), strict=False)
        )

    def facts(self) -> dict[str, Any]:
        """Return what is known before anything is made."""
        return self._footage.facts()

    @abstractmethod
    def painting(self) -> Painting:
        """Return what the model says now."""

    def begin_sketch(self, frame: NDArray[np.uint8]) -> None:
        """Refuse: a sketch shows pixels of all pictures, one below the other.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "--frames-from training shows one picture that is learned: choose --frames-from auto"
        )

    def sketch(self) -> NDArray[np.uint8]:
        """There is none."""
        raise RuntimeError("begin_sketch has not been called")

    def leave(self, error: BaseException) -> None:
        """Hear that the job ends early."""
        self._footage.leave(error)

    def finish(self) -> None:
        """Hear that there is a result."""
        self._footage.finish()

    def close(self) -> None:
        """Hear that the job is over."""
        self._footage.close()


class CodeFootage(_Coded):
    """Every moment at one code."""

    def __init__(self, footage: Footage, code: ArrayLike) -> None:
        """Take a code (k,).

        Raises:
            UsageError: the footage has no codes, or longer or shorter ones.
        """
        super().__init__(footage)
        codes = codes_of(footage)
        self._code = checked_code(code, codes.shape[1])
        # At a code that was learned there is a picture to hold it against.
        for picture, known in zip(self.pictures, codes, strict=False):
            if np.array_equal(known, self._code):
                self.picture = picture

    def painting(self) -> Painting:
        """Return what the model says now, at the code."""
        return self._footage.painting().at(self._code)

    def likenesses(self) -> tuple[tuple[str, float], ...]:
        """Return nothing: one code is seen, and its picture is known or not."""
        return ()

    def snapshots(self, fractions: Sequence[float], direction: Direction) -> Iterator[Snapshot]:
        """Yield the moments of the footage at the code."""
        for snapshot in self._footage.snapshots(fractions, direction):
            yield _recoded(snapshot, snapshot.painting.at(self._code))


class _Walked(_Coded):
    """Every moment somewhere on a walk."""

    def __init__(self, footage: Footage, walk: CodePath) -> None:
        super().__init__(footage)
        self._walk, self._waypoints = walk, walk.waypoints(codes_of(footage))

    def painting(self) -> Painting:
        """Return what the model says now, at the first code."""
        return self._footage.painting().at(self._waypoints[0])


class WalkFootage(_Walked):
    """The learning first, where it is to be seen, of the first picture; then the walk."""

    def __init__(
        self, footage: Footage, walk: CodePath, *, learning: float, pacing: Pacing
    ) -> None:
        """Take a walk; of the shots a part, `learning` in [0, 1), show the training.

        `pacing` is that of the training; the walk is paced as it walks.

        Raises:
            UsageError: the footage has no codes, or not such as can be walked so.
        """
        super().__init__(footage, walk)
        self._learning, self._pacing = learning, pacing

    @property
    def trains_first(self) -> bool:
        """Whether nothing is shown before the training is over."""
        return self._learning == 0

    def snapshots(self, fractions: Sequence[float], direction: Direction) -> Iterator[Snapshot]:
        """Yield one for each fraction, of the training and then of the walk."""
        shown = round(self._learning * len(fractions))
        moments = self._pacing.fractions(shown) if shown else self._looks()
        newest: Snapshot | None = None
        for newest in self._footage.snapshots(moments, direction):
            if shown:
                yield _recoded(newest, newest.painting.at(self._waypoints[0]))
        if newest is None:
            return
        count = len(fractions) - shown
        # What ends where it began does not show that moment twice.
        last = count if self._walk.is_closed else max(1, count - 1)
        for i in range(count):
            where = self._walk.at(i / last, self._waypoints)
            yield _recoded(newest, newest.painting.at(where))

    def _looks(self) -> Sequence[float]:
        """Return when to look at a training that is not shown."""
        return [i / _LOOKS for i in range(_LOOKS + 1)] if self.trains else [1.0]


class PlayFootage(_Walked):
    """What moves plays, over and over, while the network learns it."""

    def __init__(self, footage: Footage, walk: CodePath, *, plays: int) -> None:
        """Take a walk, and how often it is walked while the film lasts.

        Raises:
            UsageError: the footage has no codes.
        """
        super().__init__(footage, walk)
        self._plays = plays

    def snapshots(self, fractions: Sequence[float], direction: Direction) -> Iterator[Snapshot]:
        """Yield the moments of the footage, each at a later code."""
        moments = self._footage.snapshots(fractions, direction)
        # The last shot is the end of the last round, unless that is the beginning of another.
        last = len(fractions) if self._walk.is_closed else max(1, len(fractions) - 1)
        for i, snapshot in enumerate(moments):
            played = self._plays * i / last
            where = self._walk.at(1.0 if played == self._plays else played % 1, self._waypoints)
            yield _recoded(snapshot, snapshot.painting.at(where))


def played(
    footage: Footage, pace: Pace, playback: PlaybackSettings, timelapse: TimelapseSettings
) -> PlayFootage:
    """Return the footage of what moves: it plays as often as it has time to."""
    snapshots = timelapse.snapshots(None if footage.by_clock else footage.steps)
    plays = pace.plays(playback.playback(snapshots).moving / playback.fps)
    return PlayFootage(footage, pace.walk(None), plays=plays)


def _recoded(snapshot: Snapshot, painting: Painting) -> Snapshot:
    # Not `replace`: those that ask a device for their numbers have them as properties.
    return Snapshot(snapshot.step, snapshot.seconds, snapshot.loss, painting)
