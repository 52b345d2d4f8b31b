"""The stage: what every look at a painting has in common - the view, the bars, the original."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.canvas import CanvasSettings, Grid
from neuralpaint.learning import Snapshot
from neuralpaint.metrics import psnr
from neuralpaint.pictures import Picture
from neuralpaint.rendering import Exposure, expose, fidelity, letterbox, render, view

if TYPE_CHECKING:
    from neuralpaint.painting import Painting

__all__ = ["Filmed", "Frame", "Stage"]

Frame = NDArray[np.uint8]

_SAMPLED = 1 << 16  # pixels that tell how long a frame takes
_PROBED = 2048  # pixels: enough to see a change, for a hundredth of a true render or less


class Filmed(NamedTuple):
    """A shot and what is seen of it."""

    shot: Snapshot
    frame: Frame
    psnr: float  # of the frame against the picture, in dB


class Stage:
    """Shows paintings of one picture on one canvas, in one frame."""

    def __init__(
        self,
        picture: Picture,
        settings: CanvasSettings,
        *,
        bars: tuple[int, int, int],
        longest: int | None = None,
    ) -> None:
        """Set the stage; `bars` is the colour of bars, `longest` as for `CanvasSettings.views`."""
        self._picture = picture
        self.canvas, frame = settings.views(picture.canvas, longest=longest)
        self.height, self.width = frame.height, frame.width
        self._native = self.canvas == picture.canvas
        self._bars = bars
        grid = self.canvas.grid()
        # Odd, as for `rendering.fidelity`.
        stride = math.isqrt(self.canvas.height * self.canvas.width // _PROBED) | 1
        self._probe = Grid(grid.x[:, ::stride], grid.y[::stride])

    @cached_property
    def original(self) -> Frame:
        """The picture itself, uint8 (height, width, 3), as a perfect painting would be shown."""
        return self._boxed(self._reference)

    @cached_property
    def _reference(self) -> Frame:
        return view(self._picture, self.canvas)

    def expose(self, painting: Painting) -> Exposure:
        """Begin to render the painting on the canvas."""
        return expose(painting, self.canvas)

    def present(self, frame: Frame) -> tuple[Frame, float]:
        """Return what is seen of a frame of the canvas, bars included, and its PSNR in dB."""
        return self._boxed(frame), psnr(frame, self._reference)

    def show(self, painting: Painting) -> tuple[Frame, float]:
        """Return the painting as a frame (height, width, 3), and its PSNR in dB before the bars."""
        return self.present(render(painting, self.canvas))

    def render_picture(self, painting: Painting) -> Frame:
        """Return the painting at the pixels of the stage's own picture."""
        return render(painting, self._picture.canvas)

    def see(self, pixels: Frame) -> Frame:
        """Return a picture of the size of the stage's own, seen through the canvas."""
        return view(replace(self._picture, pixels=pixels), self.canvas)

    def probe(self, painting: Painting) -> NDArray[np.float32]:
        """Return the levels at some thousand pixels spread over the canvas, not rounded.

        float32 (rows, columns, 3) in [0, 255].
        """
        return 255 * painting(self._probe)

    def seconds_per_frame(self, painting: Painting) -> float:
        """Return how long it takes to render a frame, measured on a part of one."""
        grid = self.canvas.grid()
        rows = min(self.canvas.height, max(1, _SAMPLED // self.canvas.width))
        sample = Grid(grid.x, grid.y[:rows])
        painting(sample)  # the first one prepares what the others use again
        began = time.perf_counter()
        painting(sample)
        return (time.perf_counter() - began) * self.canvas.height / rows

    def finish(self, painting: Painting) -> tuple[Frame, float]:
        """Return the painting as a frame, and its PSNR in dB at the picture's own pixels."""
        if self._native:
            return self.show(painting)
        return self._boxed(render(painting, self.canvas)), fidelity(painting, self._picture)

    def fidelity(self, painting: Painting, *, shown: float) -> float:
        """Return the PSNR in dB at the picture's own pixels, given the PSNR `show` has told."""
        return shown if self._native else fidelity(painting, self._picture)

    def _boxed(self, frame: Frame) -> Frame:
        return letterbox(frame, height=self.height, width=self.width, colour=self._bars)
