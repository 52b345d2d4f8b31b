"""The curve of the PSNR or the loss, which grows with every frame.

The final value is not known in advance. So the first value fixes one end of the vertical axis. The
other end is a typical good result; it moves outwards when the curve comes near it, never inwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from neuralpaint.config.settings import setting
from neuralpaint.image.metrics import format_psnr
from neuralpaint.image.pictures import Frame
from neuralpaint.image.typography import small_size
from neuralpaint.video.drawing import glass
from neuralpaint.video.overlays.overlay import Corner, Moment, Overlay, Scene, overlays
from neuralpaint.video.plot import Floats, Plot, draw_plot, roomy_width

__all__ = ["Curve"]

_MAX_PSNR = 60.0  # dB: the infinite PSNR of equal pictures is drawn here
_MIN_LOSS = 1e-8
_MIN_WIDTH = 28  # pixels
_MOST_WIDTH = 0.6  # of the frame: a card is widened to this for its text


class _Axis(NamedTuple):
    bottom: float
    top: float
    ticks: dict[float, str]

    def position(self, values: Floats | float) -> Floats:
        """Return the positions of values on the axis, in [0, 1]."""
        return np.clip((np.asarray(values) - self.bottom) / (self.top - self.bottom), 0, 1)


@overlays.register("curve")
@dataclass(frozen=True)
class Curve(Overlay):
    """PSNR or loss curve that grows frame by frame."""

    metric: Literal["psnr", "loss"] = setting("psnr", "what the curve shows")
    axis: Literal["clip", "steps", "log"] = setting(
        "clip", "horizontal axis: time in the clip, training steps, or the logarithm of the steps"
    )
    corner: Corner = setting("bottom-right", "where it is drawn")
    size: float = setting(1.0, "size of the card", unit="times normal", minimum=0.5, maximum=3)

    @property
    def needs_history(self) -> bool:
        """Whether a frame depends on the shots before it: the line goes through all of them."""
        return True

    def draw(self, frame: Frame, scene: Scene) -> None:
        """Draw the card, the ticks, the line so far and its newest value."""
        height, width = frame.shape[:2]
        size = small_size(height, width)
        normal = 8 + 0.39 * scene.corners.share * math.sqrt(height * width)
        if roomy_width(size) < _MOST_WIDTH * width:
            normal = max(normal, roomy_width(size))
        wide = min(round(self.size * normal), scene.corners.free[3], round(0.9 * height))
        tall = round(0.54 * wide)
        box = scene.corners.place(self.corner, height=tall, width=wide)
        if wide < _MIN_WIDTH or not box:
            self.report_left_out(frame)
            return
        card = glass(frame, box, radius=0.5 * size)
        draw_plot(card, self._plot(scene.moment), size=size)

    def _plot(self, moment: Moment) -> Plot:
        history = np.array(moment.history, np.float64).reshape(-1, 4)
        x = self._positions(history[:, 0], moment)
        if self.metric == "psnr":
            values = np.minimum(history[:, 3], _MAX_PSNR)
            title, value = "PSNR", f"{format_psnr(moment.now.psnr, digits=1)} dB"
        else:
            values = np.log10(np.maximum(history[:, 2], _MIN_LOSS))
            title, value = "loss", _format_loss(moment.now.loss)
        known = np.isfinite(values)
        x, values = x[known], values[known]
        axis = _psnr_axis(values) if self.metric == "psnr" else _loss_axis(values)
        return Plot(
            x=x,
            y=axis.position(values),
            ticks={float(axis.position(tick)): label for tick, label in axis.ticks.items()},
            widest="00" if self.metric == "psnr" else "0.001",
            title=title,
            value=value,
        )

    def _positions(self, steps: Floats, moment: Moment) -> Floats:
        """Return the position of each point of the history on the horizontal axis, in [0, 1]."""
        if self.axis == "clip":
            first = moment.index + 1 - len(steps)
            positions = (first + np.arange(len(steps))) / max(1, moment.count - 1)
        elif self.axis == "steps":
            positions = steps / max(1, moment.steps)
        else:
            positions = np.log1p(steps) / math.log1p(max(1, moment.steps))
        return np.clip(positions, 0, 1)


def _psnr_axis(values: Floats) -> _Axis:
    first, best = (values[0], values.max()) if len(values) else (10.0, 10.0)
    bottom, top = first - 2, max(30.0, first + 10, best + 2.5)
    ticks = range(10 * math.ceil(bottom / 10), math.floor(top) + 1, 10)
    return _Axis(bottom, top, {float(tick): str(tick) for tick in ticks})


def _loss_axis(values: Floats) -> _Axis:
    """Return the axis for the base-10 logarithms of the losses."""
    first, best = (values[0], values.min()) if len(values) else (-1.0, -1.0)
    bottom, top = min(first - 2, best - 0.25), first + 0.15
    ticks = range(math.ceil(bottom), math.floor(top) + 1)
    return _Axis(bottom, top, {float(tick): _format_decade(tick) for tick in ticks})


def _format_loss(loss: float) -> str:
    if math.isnan(loss):
        return "-"
    return f"{loss:.5f}" if loss >= 0.0001 else f"{loss:.1e}"


def _format_decade(power: int) -> str:
    return f"{10.0**power:g}" if power >= -3 else f"1e{power}"
