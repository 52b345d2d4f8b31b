"""The viewport: the part of a picture that a frame shows, its camera and its bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.image.alpha import over
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Frame, Picture
from neuralpaint.image.resampling import resample
from neuralpaint.rendering.render import PendingFrame, letterbox, painting_psnr, render
from neuralpaint.rendering.time_estimate import seconds_of
from neuralpaint.restoration.settings import TargetSettings
from neuralpaint.training.learning import Snapshot

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting
    from neuralpaint.rendering.camera import Camera

__all__ = ["LEAST_DETAIL", "LONGEST_CLIP", "Shot", "Viewport", "detail_of", "target_scale"]

LONGEST_CLIP = 1920
"""Default limit for the longer side of a clip, in pixels: every player can play it."""

LEAST_DETAIL = 1.5
"""Frame pixels per picture pixel from which a frame counts as larger than the picture. With fewer,
little is visible between the picture's pixels, and a wrong kernel would do harm."""

_WHITE = 255, 255, 255
_FINEST = 4.0  # a larger target would only be smoother
_LARGEST = 100_000_000  # pixels of a target, unless --target-scale sets it
_MOMENTS = 64  # at which a camera is evaluated
_MOST_SAMPLES = 2  # along each axis of a pixel, where a camera sees more than the canvas
_NO_WIDTH = 1e-6  # in coordinates: an invisible strip beyond the picture
_TIMED_PIXELS = 1 << 10  # rendered first to time a frame; then four times as many, and so on
_TIMED_SECONDS = 0.08  # a part that takes this long is timed well enough
_PROBED_PIXELS = 2048  # enough to detect a change, for 1/100 of the cost of a frame
_SAMPLED_PIXELS = 1 << 14  # for the PSNR of a shot that does not show the picture's own pixels


class Shot(NamedTuple):
    """A snapshot and the frame that shows it."""

    snapshot: Snapshot
    frame: Frame  # of the viewport's size
    psnr: float
    """PSNR in dB at the picture's own pixels; where the frame has others, at a sample of them.
    NaN without a picture."""


class Viewport:
    """Shows paintings of one picture in frames of one size.

    A `moment` is the position of a frame in the clip, in [0, 1]; it selects the camera's view.
    """

    def __init__(
        self,
        native: Canvas,
        settings: CanvasSettings,
        *,
        picture: Picture | None,
        target: TargetSettings,
        bars: tuple[int, int, int],
        paper: tuple[int, int, int] | None = None,
        longest: int | None = None,
        camera: Camera | None = None,
        moments: Sequence[float] = (),
    ) -> None:
        """Set the view.

        Args:
            native: the canvas of the picture at its own size.
            settings: the visible part of the picture, and the size of the frame.
            picture: the picture itself, if it is known.
            target: how the learned target was computed from the picture.
            bars: the colour of the bars, sRGB.
            paper: the colour behind transparent parts; None: the frames of a picture with alpha
                have alpha, too, and transparent bars.
            longest: see `CanvasSettings.views`.
            camera: moves the view.
            moments: the moment of the camera at each of the evenly spaced shots of the clip; empty:
                that of the shot.
        """
        self.picture, self.native, self.target, self.bars = picture, native, target, bars
        self.paper = paper
        self.canvas, frame = settings.views(native, longest=longest)
        self.height, self.width = frame.height, frame.width
        self.is_native = replace(self.canvas, edge=native.edge, samples=1) == native
        """Whether the pixels of the canvas are the pixels of the picture."""
        self._camera, self._moments = camera, moments
        self._measured: tuple[Snapshot, float] | None = None  # the newest one, and its PSNR
        # Odd, as in `sampling_stride`.
        stride = math.isqrt(self.canvas.height * self.canvas.width // _PROBED_PIXELS) | 1
        self._probe = self.canvas.grid().thinned(stride)

    @property
    def moves(self) -> bool:
        """Whether a camera moves, so that frames show different parts of the picture."""
        return self._camera is not None

    @property
    def rest(self) -> float:
        """The part of the clip before the camera moves, 1 without a camera."""
        return 1.0 if self._camera is None else self._camera.rest or 0.0

    @cached_property
    def shows_beyond(self) -> bool:
        """Whether a frame shows the output of the network beyond the picture."""
        moments = [i / _MOMENTS for i in range(_MOMENTS + 1)] if self.moves else [0.0]
        return any(_reaches_beyond(self.canvas_at(moment)) for moment in moments)

    def canvas_at(self, moment: float) -> Canvas:
        """Return the canvas that the camera sees at a moment.

        Where it sees at least 1.5 times the width of the canvas, each pixel is a mean of more
        samples, because the details are smaller.
        """
        if self._camera is None:
            return self.canvas
        if self._moments:
            shots = np.linspace(0, 1, len(self._moments))
            moment = float(np.interp(moment, shots, self._moments))
        view = self._camera.view(moment)
        samples = min(_MOST_SAMPLES, round(1 / view.zoom))
        return replace(self.canvas.seen(view), samples=max(self.canvas.samples, samples))

    def unknown(self, moment: float = 0.0) -> NDArray[np.float32] | None:
        """Return the unknown part of each pixel of the frame, float32 (height, width) in [0, 1].

        Returns None if the picture has no unknown pixels.
        """
        return self._plane(self.picture, moment)

    def without_truth(self, moment: float = 0.0) -> NDArray[np.float32] | None:
        """Return, as `unknown` does, the pixels whose true colours are not known."""
        return self._plane(None if self.picture is None else self.picture.reference, moment)

    def _plane(self, picture: Picture | None, moment: float) -> NDArray[np.float32] | None:
        if picture is None or picture.unknown is None:
            return None
        levels = Picture.from_array(np.rint(255 * picture.unknown).astype(np.uint8))
        seen = resample(levels, self.canvas_at(moment))
        boxed = letterbox(seen, height=self.height, width=self.width, colour=(0, 0, 0))
        plane = boxed[..., 0].astype(np.float32)
        plane /= 255
        return plane

    def original(self, moment: float = 0.0) -> Frame:
        """Return the frame of a perfect painting: it shows the picture, with the truth in its hole.

        Transparent parts are shown on the paper, or on white; it is uint8 (h, w, 3).

        Raises:
            UsageError: the picture is not known.
        """
        return self._boxed(over(self._original(moment), self.paper or _WHITE))

    def begin_render(
        self, painting: Painting, moment: float, *, may_interpolate: bool = False
    ) -> PendingFrame:
        """Start to render a painting; see `PendingFrame`."""
        return PendingFrame(painting, self.canvas_at(moment), may_interpolate=may_interpolate)

    def shot(
        self,
        frame: Frame,
        snapshot: Snapshot,
        *,
        painting: Painting | None = None,
        pixels: Frame | None = None,
    ) -> Shot:
        """Return the shot of a snapshot: measure it, and add the bars to its frame.

        Args:
            frame: shows the canvas.
            snapshot: what the frame shows.
            painting: the painting of the snapshot, where it has been loaded already.
            pixels: what the frame was made of, if these are pixels of the picture's own size.
        """
        if self._shows_own_pixels:
            pixels = frame
        if self.picture is None:
            decibels = math.nan
        elif pixels is not None:
            truth = self.picture.reference
            decibels = psnr(pixels, truth.pixels, where=truth.known)
        elif self._measured is not None and self._measured[0] is snapshot:
            decibels = self._measured[1]
        else:
            painting = snapshot.painting if painting is None else painting
            decibels = painting_psnr(painting, self.picture, pixels=_SAMPLED_PIXELS)
            self._measured = snapshot, decibels
        return Shot(snapshot, self._boxed(frame), decibels)

    def render(self, snapshot: Snapshot, moment: float = 0.0) -> Shot:
        """Render a snapshot and return its shot."""
        painting = snapshot.painting
        frame = render(painting, self.canvas_at(moment))
        return self.shot(frame, snapshot, painting=painting)

    def show(self, pixels: Frame, moment: float) -> Frame:
        """Return the frame of the canvas that shows pixels of the picture's size."""
        return resample(Picture(pixels), self.canvas_at(moment))

    def sampled_levels(self, painting: Painting) -> NDArray[np.float32]:
        """Return the painting at about two thousand points spread over the canvas, in levels.

        float32 (rows, columns, channels) in [0, 255], not rounded.
        """
        return 255 * painting(self._probe)

    def seconds_per_frame(self, painting: Painting, moment: float = 0.0) -> float:
        """Return the time to render the frame of a moment, measured on a part of the frame."""
        canvas = self.canvas_at(moment)
        height, width = canvas.height, canvas.width
        grid, rows = canvas.grid(), max(1, min(height, _TIMED_PIXELS // width))

        def render_part() -> None:
            PendingFrame(painting, grid.rows(slice(0, rows))).frame()

        seconds = seconds_of(render_part)
        while seconds < _TIMED_SECONDS and rows < height:
            rows = min(height, 4 * rows)
            seconds = seconds_of(render_part)
        return seconds * height / rows * canvas.samples**2

    def psnr(self, painting: Painting, *, shown: float | None = None) -> float:
        """Return the PSNR in dB at the picture's own pixels; NaN without a picture.

        `shown` is the PSNR of a rendered shot of this painting, if there is one.
        """
        if self.picture is None:
            return math.nan
        if shown is not None and self._shows_own_pixels:
            return shown
        return painting_psnr(painting, self.picture)

    @property
    def _shows_own_pixels(self) -> bool:
        """Whether the pixels of every frame are the pixels of the picture."""
        return self.is_native and not self.moves

    def _original(self, moment: float) -> Frame:
        return self._view(moment) if self.moves else self._original_at_rest

    @cached_property
    def _original_at_rest(self) -> Frame:
        return self._view(0.0)

    def _view(self, moment: float) -> Frame:
        if self.picture is None:
            raise UsageError("a painting does not contain the picture: render a take")
        return resample(self.picture.reference, self.canvas_at(moment))

    @property
    def channels(self) -> int:
        """Numbers per pixel of a frame: 3, or 4 with alpha."""
        return self.native.channels if self.paper is None else 3

    def shown(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return pixels of the network as they are shown: with alpha, or on the paper."""
        return pixels if self.paper is None else over(pixels, self.paper)

    def _boxed(self, frame: Frame) -> Frame:
        frame = self.shown(frame)
        return letterbox(frame, height=self.height, width=self.width, colour=self.bars)


def _reaches_beyond(canvas: Canvas) -> bool:
    """Return whether a canvas shows the output of the network beyond the picture."""
    if canvas.edge != "extend":
        return False
    corners = [canvas.point(x=x, y=y) for x in (0, 1) for y in (0, 1)]
    return any(
        abs(place) > side / 2 + _NO_WIDTH
        for corner in corners
        for place, side in zip(corner, canvas.extent, strict=True)
    )


def detail_of(
    picture: Canvas, view: CanvasSettings, *, longest: int | None = None, camera: Camera | None
) -> float:
    """Return the greatest number of frame pixels per picture pixel, along either side.

    `longest` is as for `CanvasSettings.views`.

    Raises:
        UsageError: as in `CanvasSettings.views`.
    """
    canvas, _ = view.views(picture, longest=longest)
    pixels = max(
        canvas.height / canvas.span[0] * picture.span[0] / picture.height,
        canvas.width / canvas.span[1] * picture.span[1] / picture.width,
    )
    if camera is None:
        return pixels
    return pixels * max(camera.view(i / _MOMENTS).zoom for i in range(_MOMENTS + 1))


def target_scale(picture: Canvas, detail: float, *, least: float) -> float:
    """Return the scale of the target for a picture shown in that detail; at least `least`."""
    if detail < LEAST_DETAIL:
        return least
    affordable = math.sqrt(_LARGEST / (picture.height * picture.width))
    return max(least, round(min(detail, _FINEST, affordable), 6))
