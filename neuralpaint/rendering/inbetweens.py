"""In-betweens: as in animation, the key frames are drawn and what lies between them is blended.

A network that is filmed often moves so slowly that a frame cannot be told from the blend of its
neighbours, and a blend is a hundred times cheaper than a true render. So every few shots one is
rendered, and at a few thousand points the network is asked whether the shots between lie where the
blends say. If they do, the next key is set farther away; if not, the shot in the middle is rendered
too, and so on in both halves.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.rendering.rendering import PendingFrame
from neuralpaint.rendering.stage import Filmed, Frame, Stage
from neuralpaint.training.learning import Snapshot

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["film"]

_REACH = 8  # shots from key to key at most: so many paintings wait for the key that follows
_TOLERANCE = 0.7  # root mean square of a blend's error, in levels: less than any encoder keeps
_ROWS = 32  # blended at once, in the cache


def film(
    shots: Iterator[Snapshot],
    stage: Stage,
    *,
    count: int,
    blending: bool,
    hurried: Callable[[], bool] = lambda: False,
) -> Iterator[Filmed]:
    """Yield what is seen of each shot, a few shots after it was taken.

    A key is developed when the next shot has been asked for: a GPU trains on meanwhile.

    Args:
        shots: what to film.
        stage: where.
        count: how many shots there are, as far as is known.
        blending: whether to blend what cannot be told from a true render; else render every shot.
        hurried: asked at every key; while it says so, keys are set ever farther apart and the shots
            between are blended as they are, whatever `blending` says.
    """
    left: _Shot | None = None
    span: list[_Shot] = []
    ready: _Span | None = None
    gap = 1
    for index, snapshot in enumerate(shots):
        if ready is not None:
            hurry = hurried()
            blended = yield from ready.develop(hurry)
            reach = _REACH if blending or hurry else 1
            gap = min(reach, 2 * gap) if blended else max(1, gap // 2)
            ready = None
        span.append(_Shot(snapshot, stage, moment=index / max(1, count - 1)))
        if len(span) >= gap:
            ready = _Span(left, span[:-1], span[-1].exposed(left))
            left, span = ready.right, []
    if ready is not None:
        yield from ready.develop(hurried())
    if span:
        yield from _Span(left, span[:-1], span[-1].exposed(left)).develop(hurried())


class _Shot:
    """A snapshot on the stage."""

    def __init__(self, snapshot: Snapshot, stage: Stage, *, moment: float) -> None:
        self.snapshot = snapshot
        self._stage, self._moment = stage, moment
        self._exposure: PendingFrame

    @cached_property
    def painting(self) -> Painting:
        """What it shows, which a take reads whenever it is asked for."""
        return self.snapshot.painting

    @cached_property
    def probe(self) -> NDArray[np.float32]:
        """The levels at a few thousand points."""
        return self._stage.probe(self.painting)

    def exposed(self, before: _Shot | None) -> _Shot:
        """Begin to render it, unless `before` shows the same, and return it."""
        if before and before.snapshot is self.snapshot and not self._stage.moves:
            self._exposure = before._exposure
        else:
            self._exposure = self._stage.expose(self.painting, self._moment)
        return self

    @cached_property
    def frame(self) -> Frame:
        """The frame, once it is exposed."""
        return self._exposure.frame()

    def filmed(self, frame: Frame) -> Filmed:
        """Return it as it is seen in a frame."""
        return self._stage.present(frame, self.snapshot)


class _Span(NamedTuple):
    """Two keys and the shots between them; what the left one shows has been filmed."""

    left: _Shot | None  # none before the first key
    between: Sequence[_Shot]
    right: _Shot

    def develop(self, hurried: bool) -> Generator[Filmed, None, bool]:
        """Yield the shots between and the right key; return whether all between were blended."""
        blended = hurried or self._is_straight()
        if blended:
            for i, shot in enumerate(self.between, 1):
                yield shot.filmed(self._blend(i))
        else:
            half = len(self.between) // 2
            middle = self.between[half].exposed(None)
            yield from _Span(self.left, self.between[:half], middle).develop(False)
            yield from _Span(middle, self.between[half + 1 :], self.right).develop(False)
            return False
        yield self.right.filmed(self.right.frame)
        return True

    def _is_straight(self) -> bool:
        """Say whether all shots between look like blends of the keys."""
        return all(self._error(i) <= _TOLERANCE for i in range(1, len(self.between) + 1))

    def _error(self, i: int) -> float:
        left, right = self._keys
        expected = left.probe + np.float32(self._share(i)) * (right.probe - left.probe)
        return float(np.sqrt(np.square(self.between[i - 1].probe - expected).mean()))

    def _blend(self, i: int) -> Frame:
        """Return the frame of the i-th shot between, from those of the keys, in levels."""
        left, right = (key.frame for key in self._keys)
        weight = round(256 * self._share(i))
        blend = np.empty_like(left)
        for top in range(0, len(left), _ROWS):
            rows = slice(top, top + _ROWS)
            mixed = np.multiply(left[rows], 256 - weight, dtype=np.uint16)
            mixed += np.multiply(right[rows], weight, dtype=np.uint16)
            mixed += 128
            blend[rows] = mixed >> 8
        return blend

    def _share(self, i: int) -> float:
        return i / (len(self.between) + 1)

    @property
    def _keys(self) -> tuple[_Shot, _Shot]:
        return self.left or self.right, self.right
