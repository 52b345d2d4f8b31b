"""A reel takes the shots as they are made and writes the frames of the clip as soon as it can."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neuralpaint.video.playback import Playback
from neuralpaint.video.spool import FrameSpool

__all__ = ["Frame", "Reel"]

Frame = NDArray[np.uint8]


class _Writer(Protocol):
    def write(self, frame: Frame) -> None: ...


class Reel:
    """Turns shots into frames in the order of a playback.

    A clip that only runs forwards is written as it comes; one that looks back keeps its shots in a
    spool on disk.
    """

    def __init__(self, writer: _Writer, playback: Playback, spool: FrameSpool | None) -> None:
        self._writer = writer
        self._playback = playback
        self._order = playback.order()
        self._spool = spool
        self._newest: Frame | None = None
        self._written = 0
        self.shots = 0

    def add(self, shot: Frame) -> None:
        """Take the next shot and write every frame that is known now."""
        self._newest = shot
        self.shots += 1
        if self._spool is not None:
            self._spool.append(shot)
        self._write(self._order)

    def finish(self) -> None:
        """Write the rest of the clip with the shots there are, if there is one at all."""
        self._write(self._playback.order(self.shots))

    def _write(self, order: list[int]) -> None:
        while self._written < len(order) and order[self._written] < self.shots:
            shot = self._shot(order[self._written])
            self._written += 1  # before it is: an interruption may lose a frame, never repeat one
            self._writer.write(shot)

    def _shot(self, index: int) -> Frame:
        if index == self.shots - 1 and self._newest is not None:
            return self._newest
        if self._spool is None:
            raise IndexError(f"shot {index} has passed")
        return self._spool.read(index)
