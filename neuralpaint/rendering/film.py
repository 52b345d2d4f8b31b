"""Filming: snapshots become shots by rendering, by blending, or from frames of the training.

From one snapshot to the next, a network often changes so little that a frame cannot be
distinguished from a blend of its neighbours, and blending is a hundred times cheaper than
rendering. So only some shots, the anchors, are rendered. The shots between two anchors are
compared with blends of both at about two thousand points. If all agree, they are blended, and the
next anchor is farther away. If not, the middle shot is rendered, and both halves are tested again.
A smooth anchor is rendered at some of its pixels (`subsampling`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Generator, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Frame
from neuralpaint.rendering.render import PendingFrame
from neuralpaint.rendering.time_estimate import seconds_of
from neuralpaint.rendering.viewport import Shot, Viewport
from neuralpaint.training.learning import Snapshot

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["SKIPPED", "FramesFrom", "film", "film_sketches", "filming_cost"]

FramesFrom = Literal["auto", "render", "training"]

SKIPPED: Frame = np.empty((0, 0, 3), np.uint8)
"""The frame of a shot that was not to be rendered."""

# Shots that are rendered where the others are blended. The more shots, the less they differ, so it
# is about the same number for all clips. Measured: 50 (pyramid) to 130 (siren).
_RENDERED = 80
_SKETCH_COST = 0.02  # of a shot made of a sketch, relative to rendering it

_MAX_GAP = 8  # snapshots from one anchor to the next, whose paintings are all in memory
_TOLERANCE = 0.7  # root mean square error of a blend, in levels: an encoder discards more
_STRIP = 32  # rows blended at once: they fit into the cache


def filming_cost(
    painting: Painting,
    viewport: Viewport,
    *,
    frames_from: FramesFrom,
    blends: bool,
    moment: float = 0.0,
) -> Callable[[int], float]:
    """Return a function that estimates the seconds of a number of shots.

    It is measured on a painting of the network and the view of one moment. `blends` is as for
    `film`; how many shots are blended depends on how much the network changes.
    """
    rendering = viewport.seconds_per_frame(painting, moment)
    if frames_from == "training":
        return lambda shots: shots * _SKETCH_COST * rendering
    if not blends:
        return lambda shots: shots * rendering
    probing = seconds_of(lambda: viewport.sampled_levels(painting))

    def seconds(shots: int) -> float:
        rendered = min(shots, max(_RENDERED, shots / _MAX_GAP))
        return rendered * rendering + shots * probing

    return seconds


def film(
    snapshots: Iterator[Snapshot],
    viewport: Viewport,
    *,
    count: int,
    blends: bool,
    interpolates: bool = False,
    hurries: Callable[[], bool] = lambda: False,
    first: int = 0,
    wanted: Container[int] | None = None,
) -> Iterator[Shot]:
    """Yield one shot per snapshot; shots that can be blended arrive up to 8 snapshots late.

    The frame of an anchor is fetched after the next snapshot is requested, so that a GPU can train
    in the meantime.

    Args:
        snapshots: what to film.
        viewport: renders them.
        count: the expected number of shots of the whole clip.
        blends: whether a shot that cannot be distinguished from a blend is blended.
        interpolates: whether a smooth shot is rendered at some of its pixels.
        hurries: called at every anchor; while it returns True, the distance of anchors increases,
            and all shots between them are blended without a test.
        first: the index in the clip of the first snapshot.
        wanted: the indices of the shots that are needed; the others are `SKIPPED`, and not
            measured. Which shots are blended does not depend on it. None: all.
    """
    left: _Candidate | None = None
    between: list[_Candidate] = []
    ready: _Span | None = None
    gap = 1
    for index, snapshot in enumerate(snapshots, first):
        if ready is not None:
            hurry = hurries()
            blended = yield from ready.shots(hurry)
            longest = _MAX_GAP if blends or hurry else 1
            gap = min(longest, 2 * gap) if blended else max(1, gap // 2)
            ready = None
        moment = index / max(1, count - 1)
        between.append(
            _Candidate(
                snapshot,
                viewport,
                moment=moment,
                may_interpolate=interpolates,
                is_wanted=wanted is None or index in wanted,
            )
        )
        if len(between) >= gap:
            ready = _Span.begun(left, between[:-1], between[-1])
            left, between = ready.right, []
    if ready is not None:
        yield from ready.shots(hurries())
    if between:
        yield from _Span.begun(left, between[:-1], between[-1]).shots(hurries())


def film_sketches(
    snapshots: Iterator[Snapshot],
    viewport: Viewport,
    sketch: Callable[[], Frame],
    *,
    count: int,
    wanted: Container[int] | None = None,
) -> Iterator[Shot]:
    """Yield one shot per snapshot; `sketch` returns the frame of the newest snapshot.

    The last shot, which a clip shows longest, is rendered. `count` is the number of snapshots, and
    `wanted` is as for `film`.
    """
    newest: Shot | None = None
    moment = 0.0
    for index, snapshot in enumerate(snapshots):
        if newest is not None:
            yield newest
        moment = index / max(1, count - 1)
        if wanted is not None and index not in wanted:
            newest = Shot(snapshot, SKIPPED, math.nan)
            continue
        pixels = sketch()
        newest = viewport.shot(viewport.show(pixels, moment), snapshot, pixels=pixels)
    if newest is not None:
        is_skipped = newest.frame is SKIPPED
        yield newest if is_skipped else viewport.render(newest.snapshot, moment)


class _Candidate:
    def __init__(
        self,
        snapshot: Snapshot,
        viewport: Viewport,
        *,
        moment: float,
        may_interpolate: bool,
        is_wanted: bool,
    ) -> None:
        self.snapshot, self.is_wanted = snapshot, is_wanted
        self._viewport, self._moment = viewport, moment
        self._may_interpolate = may_interpolate
        self._twin: _Candidate | None = None  # whose frame is equal
        self._pending: PendingFrame | None = None

    @cached_property
    def painting(self) -> Painting:
        """The painting; cached, because a take reads it from the file at each request."""
        return self.snapshot.painting

    @cached_property
    def sampled_levels(self) -> NDArray[np.float32]:
        """The levels at about two thousand points."""
        return self._viewport.sampled_levels(self.painting)

    def share_frame(self, before: _Candidate | None) -> None:
        """Use the frame of `before` if it is equal."""
        if before and before._key == self._key:
            self._twin = before._twin or before

    def begin_render(self) -> None:
        """Start to render the frame."""
        if self._twin is not None:
            self._twin.begin_render()
        elif self._pending is None:
            self._pending = self._viewport.begin_render(
                self.painting, self._moment, may_interpolate=self._may_interpolate
            )

    @property
    def _key(self) -> tuple[int, Canvas]:
        """Equal for frames that are equal."""
        return id(self.snapshot), self._viewport.canvas_at(self._moment)

    @cached_property
    def rendered(self) -> Frame:
        """The rendered frame."""
        if self._twin is not None:
            return self._twin.rendered
        self.begin_render()
        assert self._pending is not None
        return self._pending.frame()

    def shot(self, frame: Callable[[], Frame]) -> Shot:
        """Return the shot with the frame that the function returns, if it is wanted."""
        if not self.is_wanted:
            return Shot(self.snapshot, SKIPPED, math.nan)
        return self._viewport.shot(frame(), self.snapshot, painting=self.painting)


class _Span(NamedTuple):
    """Two anchors and the frames between them; the shot of the left anchor was yielded before."""

    left: _Candidate | None  # None before the first anchor
    between: Sequence[_Candidate]
    right: _Candidate

    @classmethod
    def begun(
        cls, left: _Candidate | None, between: Sequence[_Candidate], right: _Candidate
    ) -> _Span:
        """Return a span whose right anchor is being rendered, if its frame is needed."""
        right.share_frame(left)
        if any(frame.is_wanted for frame in (*between, right)):
            right.begin_render()
        return cls(left, between, right)

    def shots(self, hurry: bool) -> Generator[Shot, None, bool]:
        """Yield all shots except the left anchor; return whether the inner ones were blended."""
        blended = hurry or self._can_be_blended()
        if blended:
            for i, frame in enumerate(self.between, 1):
                yield frame.shot(partial(self._blend, i))
        else:
            half = len(self.between) // 2
            middle = self.between[half]
            yield from _Span.begun(self.left, self.between[:half], middle).shots(False)
            yield from _Span(middle, self.between[half + 1 :], self.right).shots(False)
            return False
        yield self.right.shot(lambda: self.right.rendered)
        return True

    def _can_be_blended(self) -> bool:
        return all(self._error(i) <= _TOLERANCE for i in range(1, len(self.between) + 1))

    def _error(self, i: int) -> float:
        left, right = (anchor.sampled_levels for anchor in self._anchors)
        expected = left + np.float32(self._amount(i)) * (right - left)
        return float(np.sqrt(np.square(self.between[i - 1].sampled_levels - expected).mean()))

    def _blend(self, i: int) -> Frame:
        """Return the i-th frame between the anchors, blended in integer arithmetic."""
        left, right = (anchor.rendered for anchor in self._anchors)
        weight = round(256 * self._amount(i))
        blend = np.empty_like(left)
        for top in range(0, len(left), _STRIP):
            rows = slice(top, top + _STRIP)
            mixed = np.multiply(left[rows], 256 - weight, dtype=np.uint16)
            mixed += np.multiply(right[rows], weight, dtype=np.uint16)
            mixed += 128
            blend[rows] = mixed >> 8
        return blend

    def _amount(self, i: int) -> float:
        return i / (len(self.between) + 1)

    @property
    def _anchors(self) -> tuple[_Candidate, _Candidate]:
        return self.left or self.right, self.right
