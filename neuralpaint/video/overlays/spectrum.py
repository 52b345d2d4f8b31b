"""How much of the picture's detail the network has, octave by octave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from neuralpaint.image.pictures import Frame
from neuralpaint.image.typography import small_size, text_mask, text_width
from neuralpaint.rendering.visible_change import Octaves
from neuralpaint.video.drawing import NIGHT, WHITE, blend, colour_scale, rounded, stamp
from neuralpaint.video.overlays.overlay import Scene, overlays
from neuralpaint.video.overlays.panel import PanelOverlay

__all__ = ["Spectrum", "detail_learned"]

Shares = npt.NDArray[np.float64]

_TRACK = (38, 40, 48)
_LEAST_BAR = 5  # pixels


@overlays.register("spectrum")
@dataclass(frozen=True)
class Spectrum(PanelOverlay):
    """How much of the picture's detail the network has, from the largest shapes to the finest.

    A bar stands for an octave: details of a half to a quarter of the shorter side, and so on. It is
    full when the octave is learned, and half full when the error still has half of the octave's
    energy.
    """

    caption: ClassVar[str] = "detail learned"

    def picture(self, height: int, width: int, scene: Scene) -> Frame:
        """Return the bars, the coarsest octave on the left."""
        shares = detail_learned(scene)[::-1]
        drawn = np.empty((height, width, 3), np.uint8)
        drawn[:] = NIGHT
        size = small_size(height, width)
        pad = max(2, round(0.07 * min(height, width)))
        top, bottom = pad + 2 * size, pad + 2 * size
        has_words = height > 9 * size and width > 14 * size
        if not has_words:
            top = bottom = pad
        tall, each = height - top - bottom, (width - 2 * pad) / len(shares)
        wide = max(1, round(0.72 * each))
        if tall < _LEAST_BAR:
            return drawn
        for i, share in enumerate(shares):
            left = round(pad + (i + 0.5) * each - wide / 2)
            column = drawn[top : top + tall, left : left + wide]
            _draw_bar(column, float(share), colour=i / max(1, len(shares) - 1))
            if has_words:
                words = f"1/{2 ** (i + 1)}"
                if text_width(words, size) < 1.1 * each:
                    row = height - bottom + 1.1 * size
                    stamp(drawn, text_mask(words, size), centre=(row, left + wide / 2),
                          colour=WHITE, opacity=0.7)  # fmt: skip
        if has_words:
            note = _fitting(("size of the detail, of the picture's shorter side",
                             "size of the detail"), size, width - 2 * pad)  # fmt: skip
            if note:
                mask = text_mask(note, size)
                centre = (height - 0.5 * pad - 0.45 * size, width / 2)
                stamp(drawn, mask, centre=centre, colour=WHITE, opacity=0.5)
        return drawn


def detail_learned(scene: Scene) -> Shares:
    """Return the share of each octave that the network has, in [0, 1], the finest one first.

    It is that of the mean of the channels.
    """
    return Octaves(_grey(scene.network)).learned(Octaves(_grey(scene.original)))


def _grey(frame: Frame) -> npt.NDArray[np.float32]:
    """Return the mean of the channels, (h, w, 1) in [0, 1]."""
    grey = frame @ np.full((3, 1), 1 / (3 * 255), np.float32)
    return np.asarray(grey, np.float32)


def _draw_bar(column: Frame, share: float, *, colour: float) -> None:
    """Fill a track from below up to `share`; `colour` is the position on the colour scale."""
    tall, wide = column.shape[:2]
    radius = 0.18 * wide
    blend(column, _TRACK, rounded(tall, wide, radius))
    filled = share * tall
    rows = np.arange(tall, dtype=np.float32)[:, None]
    cover = np.clip(filled - (tall - 1 - rows), 0, 1) * rounded(tall, wide, radius)
    shade = colour_scale(256)[round(96 + 144 * colour)]
    blend(column, tuple(int(level) for level in shade), cover)  # type: ignore[arg-type]


def _fitting(choices: tuple[str, ...], size: int, width: int) -> str:
    """Return the first text that fits, or an empty one."""
    return next((text for text in choices if text_width(text, size) <= width), "")
