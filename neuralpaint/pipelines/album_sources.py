"""Snapshot sources for a network that has learned several pictures, each identified by a code.

They wrap another source and evaluate its paintings: at one code (`AtCode`), along a path through
the codes after the training (`AlongPath`), or along such a path repeatedly during it (`Playing`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import checked_code
from neuralpaint.pipelines.snapshot_sources import Run, SnapshotSource
from neuralpaint.rendering.pacing import Pacing
from neuralpaint.rendering.paths import CodePath
from neuralpaint.rendering.render import painting_psnr
from neuralpaint.training.learning import Snapshot
from neuralpaint.video.timetable import Part

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["AlongPath", "AtCode", "Playing", "codes_of"]

_UNSHOWN_SNAPSHOTS = 100  # of a training that is not shown; at each, a time limit is checked


def codes_of(source: SnapshotSource) -> NDArray[np.float32]:
    """Return the codes (pictures, k) of the pictures that a source has learned.

    Raises:
        UsageError: the source has learned a single picture.
    """
    codes = source.painting().codes
    if codes is None:
        raise UsageError(
            "this network has learned a single picture and has no codes: give one that morph has "
            "trained"
        )
    return codes


class _Coded(SnapshotSource):
    """A source whose paintings are evaluated at codes; everything else stays the same."""

    def __init__(self, source: SnapshotSource) -> None:
        self._source = source
        self.note, self.canvas, self.pictures = source.note, source.canvas, source.pictures
        self.settings, self.device = source.settings, source.device
        self.resume, self.by_clock = source.resume, source.by_clock
        self.trains, self.first_step = source.trains, source.first_step
        self.time_limit = source.time_limit

    @property
    def step(self) -> int:
        """The step of the newest snapshot."""
        return self._source.step

    @property
    def steps(self) -> int:
        """The step at which the training ends, as far as it is known."""
        return self._source.steps

    @property
    def seconds(self) -> float:
        """Seconds of training up to `step`."""
        return self._source.seconds

    def psnr_per_picture(self) -> tuple[tuple[str, float], ...]:
        """Return the name of each picture and its PSNR in dB, at its own code."""
        painting = self._source.painting()
        return tuple(
            (picture.name, painting_psnr(painting.at(code), picture))
            for picture, code in zip(self.pictures, codes_of(self._source), strict=False)
        )

    def facts(self) -> dict[str, Any]:
        """Return the facts of the wrapped source."""
        return self._source.facts()

    @property
    def makes_target(self) -> bool:
        """Whether a target is still to be made before the training, which takes time."""
        return self._source.makes_target

    def seconds_per_step(self, *, trial: bool = False) -> float | None:
        """Return the seconds of a training step; None until that has been measured."""
        return self._source.seconds_per_step(trial=trial)


class AtCode(_Coded):
    """Evaluates every snapshot at one code."""

    def __init__(self, source: SnapshotSource, code: ArrayLike) -> None:
        """Wrap a source; `code` is (k,).

        Raises:
            UsageError: the source has no codes, or codes of another length.
        """
        super().__init__(source)
        self.is_static = source.is_static
        codes = codes_of(source)
        self._code = checked_code(code, codes.shape[1])
        # At the code of a learned picture, frames can be compared with that picture.
        for picture, known in zip(self.pictures, codes, strict=False):
            if np.array_equal(known, self._code):
                self.picture = picture

    def painting(self) -> Painting:
        """Return the newest painting at the code."""
        return self._source.painting().at(self._code)

    def psnr_per_picture(self) -> tuple[tuple[str, float], ...]:
        """Return nothing: only one picture is shown."""
        return ()

    def snapshots(self, fractions: Sequence[float], run: Run, *, every: int) -> Iterator[Snapshot]:
        """Yield the snapshots of the source at the code."""
        for snapshot in self._source.snapshots(fractions, run, every=every):
            yield _at(snapshot, self._code)


class _OnPath(_Coded):
    """A source whose paintings are evaluated along a path through the codes."""

    def __init__(self, source: SnapshotSource, path: CodePath) -> None:
        """Wrap a source.

        Raises:
            UsageError: the source has no codes, or the path does not fit them.
        """
        super().__init__(source)
        self._path, self._waypoints = path, path.waypoints(codes_of(source))

    def painting(self) -> Painting:
        """Return the newest painting at the first code of the path."""
        return self._source.painting().at(self._waypoints[0])

    def snapshots(self, fractions: Sequence[float], run: Run, *, every: int) -> Iterator[Snapshot]:
        """Yield the snapshots of the source at the first code."""
        for snapshot in self._source.snapshots(fractions, run, every=every):
            yield _at(snapshot, self._waypoints[0])


class AlongPath(_OnPath):
    """Shows the training at the first code, unless `learning` is 0; then follows a path."""

    def __init__(self, source: SnapshotSource, path: CodePath, *, learning: float) -> None:
        """Wrap a source.

        Args:
            source: trained on several pictures.
            path: the path through their codes.
            learning: the fraction of the shots that show the training, in [0, 1).

        Raises:
            UsageError: the source has no codes, or the path does not fit them.
        """
        super().__init__(source, path)
        self._learning = learning
        self.trains_first = learning == 0

    def parts(self, count: int) -> tuple[Part, ...]:
        """Return the training, if it is shown, and the path."""
        shown = round(self._learning * count)
        legs = len(self._waypoints) - 1
        path = Part(count - shown, is_closed=self._path.is_closed, legs=legs)
        return (Part(shown), path) if shown else (path,)

    def shots(
        self,
        pacing: Pacing,
        run: Run,
        *,
        count: int,
        every: int,
        canvas: Canvas,
        places: Sequence[Sequence[float]] | None = None,
    ) -> Iterator[Snapshot]:
        """Yield the shots of the training, with its pacing, then those of the path.

        If the training ends early, its shots are the clip, or without them the path through what
        has been learned.
        """
        shown = round(self._learning * count)
        if shown:
            learned = super().shots(
                pacing, run, count=shown, every=every, canvas=canvas, places=places
            )
        else:
            unshown = self.snapshots(self._unshown_fractions(), run, every=every)
            learned = self._with_newest(run.interruption.until_stopped(unshown), run)
        newest: Snapshot | None = None
        for newest in learned:
            if shown:
                yield newest
        if newest is None or (shown and run.interruption.stop is not None):
            return
        if places is not None:
            for place in places[-1]:
                yield _at(newest, self._path.steadily_at(place, self._waypoints))
            return
        count -= shown
        # A closed path stops one shot before its end, which equals its start.
        last = count if self._path.is_closed else max(1, count - 1)
        for i in range(count):
            yield _at(newest, self._path.at(i / last, self._waypoints))

    def _unshown_fractions(self) -> Sequence[float]:
        if not self.trains:
            return [1.0]
        return [i / _UNSHOWN_SNAPSHOTS for i in range(_UNSHOWN_SNAPSHOTS + 1)]


class Playing(_OnPath):
    """Plays an input that moves repeatedly, while the network learns it."""

    def __init__(self, source: SnapshotSource, path: CodePath, *, plays: int) -> None:
        """Wrap a source; `plays` is how often the path is followed in the whole clip.

        Raises:
            UsageError: the source has no codes.
        """
        super().__init__(source, path)
        self._plays = plays

    def shots(
        self,
        pacing: Pacing,
        run: Run,
        *,
        count: int,
        every: int,
        canvas: Canvas,
        places: Sequence[Sequence[float]] | None = None,
    ) -> Iterator[Snapshot]:
        """Yield the shots of the training, each at a later code: the input plays at its speed."""
        total = count if places is None else len(places[0])
        # The last shot shows the end of the path; a closed path stops one shot before it.
        last = total if self._path.is_closed else max(1, total - 1)
        shots = super().shots(pacing, run, count=count, every=every, canvas=canvas, places=places)
        for i, snapshot in enumerate(shots):
            played = self._plays * i / last
            position = 1.0 if played == self._plays else played % 1
            yield _at(snapshot, self._path.at(position, self._waypoints))


def _at(snapshot: Snapshot, code: ArrayLike | Any) -> Snapshot:
    """Return a snapshot with its painting at a code."""
    return Snapshot(snapshot.step, snapshot.seconds, snapshot.loss, snapshot.painting.at(code))
