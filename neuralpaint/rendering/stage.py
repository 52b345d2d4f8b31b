"""The stage: what every look at a painting has in common - the view, the bars, the original."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.kernels import shrink_frame
from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Frame, Picture
from neuralpaint.image.resampling import resample
from neuralpaint.rendering.rendering import PendingFrame, fidelity, letterbox, render
from neuralpaint.restoration.settings import TargetSettings
from neuralpaint.training.learning import Snapshot

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting
    from neuralpaint.rendering.camera import Camera

__all__ = ["Filmed", "Frame", "Stage"]

_SAMPLED = 1 << 16  # pixels that tell how long a frame takes
_PROBED = 2048  # pixels: enough to see a change, for a hundredth of a true render or less
_JUDGED = 1 << 14  # pixels that tell how good a painting is while a camera looks elsewhere


class Filmed(NamedTuple):
    """A shot and what is seen of it."""

    shot: Snapshot
    frame: Frame  # uint8 (height, width, 3) of the stage
    psnr: float  # of the frame before the bars against the picture, in dB; NaN without one


class Stage:
    """Shows paintings of one picture, in one frame, through a camera that may move.

    A `moment` is where in the film a frame stands, in [0, 1]; without a camera it changes nothing.
    """

    def __init__(
        self,
        native: Canvas,
        settings: CanvasSettings,
        *,
        original: Picture | None,
        taught: TargetSettings,
        bars: tuple[int, int, int],
        longest: int | None = None,
        camera: Camera | None = None,
    ) -> None:
        """Set the stage.

        Args:
            native: the canvas of the picture at its own size.
            settings: what is shown of it, how large.
            original: the picture itself, where it is known.
            taught: what was learned of it.
            bars: the colour of bars.
            longest: as for `CanvasSettings.views`.
            camera: what moves.
        """
        self.picture, self.home, self.taught, self.bars = original, native, taught, bars
        self.canvas, frame = settings.views(native, longest=longest)
        self.height, self.width = frame.height, frame.width
        self.is_native = replace(self.canvas, edge=native.edge, samples=1) == native
        """Whether its pixels are those of the picture."""
        self._camera = camera
        # Odd, as for `rendering.fidelity`.
        stride = math.isqrt(self.canvas.height * self.canvas.width // _PROBED) | 1
        self._probe = self.canvas.grid().thinned(stride)

    @property
    def moves(self) -> bool:
        """Whether a camera moves, so that no two frames show the same place."""
        return self._camera is not None

    def canvas_at(self, moment: float) -> Canvas:
        """Return what the camera sees at a moment."""
        return self.canvas if self._camera is None else self.canvas.seen(self._camera.view(moment))

    def unknown(self, moment: float = 0.0) -> NDArray[np.float32] | None:
        """Return what is unknown of the picture, float32 (height, width) in [0, 1], if anything."""
        return self._shown_hole(self.picture, moment)

    def unjudged(self, moment: float = 0.0) -> NDArray[np.float32] | None:
        """Return, likewise, where nobody knows what a perfect painting would show."""
        return self._shown_hole(None if self.picture is None else self.picture.reference, moment)

    def _shown_hole(self, picture: Picture | None, moment: float) -> NDArray[np.float32] | None:
        if picture is None or picture.unknown is None:
            return None
        levels = Picture.from_array(np.rint(255 * picture.unknown).astype(np.uint8))
        seen = resample(levels, self.canvas_at(moment))
        boxed = letterbox(seen, height=self.height, width=self.width, colour=(0, 0, 0))
        share = boxed[..., 0].astype(np.float32)
        share /= 255
        return share

    def original(self, moment: float = 0.0) -> Frame:
        """Return the picture itself, uint8 (height, width, 3), as a perfect painting is shown.

        Where it has a hole, and the truth is known, that is it.

        Raises:
            UsageError: only the weights are known.
        """
        return self._boxed(self._reference(moment))

    def expose(self, painting: Painting, moment: float) -> PendingFrame:
        """Begin to render the painting."""
        return PendingFrame(painting, self.canvas_at(moment))

    def present(self, frame: Frame, shot: Snapshot) -> Filmed:
        """Return what is seen of a shot, bars included, from its frame of the canvas.

        While a camera moves, the PSNR is that of the whole painting; else that is not looked at.
        """
        if self.picture is None:
            quality = math.nan
        elif self.moves:
            quality = fidelity(shot.painting, self.picture, pixels=_JUDGED)
        else:
            quality = self._likeness(frame, self.picture)
        return Filmed(shot, self._boxed(frame), quality)

    def _likeness(self, frame: Frame, original: Picture) -> float:
        """Return the PSNR of a frame; of more pixels than the picture has, of their means."""
        if self.taught.factor > 1:
            both = shrink_frame(frame, original.reference, self.canvas, kernel=self.taught.kernel)
            if both is not None:
                return psnr(both.frame, both.pixels, where=both.known)
        return psnr(frame, self._at_rest, where=self._known)

    def show(self, shot: Snapshot, moment: float = 0.0) -> Filmed:
        """Return what is seen of a shot in a true render."""
        return self.present(render(shot.painting, self.canvas_at(moment)), shot)

    def render_picture(self, painting: Painting) -> Frame:
        """Return the painting at the pixels of the picture."""
        return render(painting, self.home)

    def see(self, pixels: Frame, moment: float) -> Frame:
        """Return a picture of the size of the original, seen through the canvas."""
        return resample(Picture(pixels), self.canvas_at(moment))

    def probe(self, painting: Painting) -> NDArray[np.float32]:
        """Return the levels at some thousand pixels spread over the canvas, not rounded.

        float32 (rows, columns, 3) in [0, 255].
        """
        return 255 * painting(self._probe)

    def seconds_per_frame(self, painting: Painting) -> float:
        """Return how long it takes to render a frame, measured on a part of one."""
        rows = min(self.canvas.height, max(1, _SAMPLED // self.canvas.width))
        sample = self.canvas_at(0.5).grid().rows(slice(0, rows))
        painting(sample)  # the first one prepares what the others use again
        began = time.perf_counter()
        painting(sample)
        seconds = (time.perf_counter() - began) * self.canvas.height / rows
        return seconds * self.canvas.samples**2

    def fidelity(self, painting: Painting, *, shown: float | None = None) -> float:
        """Return the PSNR in dB at the picture's own pixels; NaN where there is no picture.

        `shown` is the PSNR that `show` has told, where it has shown this painting.
        """
        if self.picture is None:
            return math.nan
        if shown is not None and self.is_native and not self.moves:
            return shown
        return fidelity(painting, self.picture)

    def _reference(self, moment: float) -> Frame:
        return self._view(moment) if self.moves else self._at_rest

    @cached_property
    def _at_rest(self) -> Frame:
        return self._view(0.0)

    @cached_property
    def _known(self) -> NDArray[np.bool_] | None:
        """Of which pixels of a frame at rest that is known; None of all."""
        if self.picture is None or self.picture.reference.known is None:
            return None
        levels = np.where(self.picture.reference.known, np.uint8(255), np.uint8(0))
        known: NDArray[np.bool_] = resample(Picture.from_array(levels), self.canvas)[..., 0] > 127
        return known

    def _view(self, moment: float) -> Frame:
        if self.picture is None:
            raise UsageError("only weights are known here, and not the picture: use a take")
        return resample(self.picture.reference, self.canvas_at(moment))

    def _boxed(self, frame: Frame) -> Frame:
        return letterbox(frame, height=self.height, width=self.width, colour=self.bars)
