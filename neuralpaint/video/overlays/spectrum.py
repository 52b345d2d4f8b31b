"""How much of the picture's detail the network has, octave by octave."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuralpaint.image.cosine_transform import cosine_transform, frequencies
from neuralpaint.image.pictures import Frame
from neuralpaint.image.typography import small_size, text_mask, text_width
from neuralpaint.video.drawing import NIGHT, WHITE, blend, colour_scale, rounded, stamp
from neuralpaint.video.overlays.overlay import Scene, overlays
from neuralpaint.video.overlays.panel import PanelOverlay

__all__ = ["Spectrum", "detail_learned"]

Shares = npt.NDArray[np.float64]

_TRACK = (38, 40, 48)
_LEAST_CONTRAST = 0.35  # levels: an octave with less is not in the picture
_MOST_PIXELS = 1 << 20  # of which the octaves are measured
_LEAST_BAR = 5  # pixels


@overlays.register("spectrum")
@dataclass(frozen=True)
class Spectrum(PanelOverlay):
    """How much of the picture's detail the network has, from the largest shapes to the finest.

    A bar stands for an octave: details of a half to a quarter of the shorter side, and so on. It is
    full when the octave is learned, and half full when the error still has half of the octave's
    energy. Octaves that the picture does not have are left out.
    """

    caption: ClassVar[str] = "detail learned"
    is_diagram: ClassVar[bool] = True

    def picture(self, height: int, width: int, scene: Scene) -> Frame:
        """Return the bars, the coarsest octave on the left."""
        shares = detail_learned(scene)
        drawn = np.empty((height, width, 3), np.uint8)
        drawn[:] = NIGHT
        size = small_size(height, width)
        pad = max(2, round(0.07 * min(height, width)))
        top, bottom = pad + 2 * size, pad + 2 * size
        has_words = height > 9 * size and width > 14 * size
        if not has_words:
            top = bottom = pad
        tall, each = height - top - bottom, (width - 2 * pad) / len(shares)
        wide = max(1, round(min(0.72 * each, 0.09 * width)))
        if tall < _LEAST_BAR:
            return drawn
        labels = [f"1/{2 ** (i + 1)}" for i in range(len(shares))]
        has_labels = all(text_width(words, size) < 0.95 * each for words in labels)
        for i, share in enumerate(shares):
            left = round(pad + (i + 0.5) * each - wide / 2)
            column = drawn[top : top + tall, left : left + wide]
            _draw_bar(column, float(share), colour=i / max(1, len(shares) - 1))
            if has_words and has_labels:
                centre = height - bottom + 1.1 * size, left + wide / 2
                stamp(drawn, text_mask(labels[i], size), centre=centre, colour=WHITE, opacity=0.7)
        if has_words:
            note = _fitting(("size of the detail, of the picture's shorter side",
                             "size of the detail"), size, width - 2 * pad)  # fmt: skip
            if note:
                mask = text_mask(note, size)
                centre = (height - 0.5 * pad - 0.45 * size, width / 2)
                stamp(drawn, mask, centre=centre, colour=WHITE, opacity=0.5)
        return drawn


def detail_learned(scene: Scene) -> Shares:
    """Return the share of each octave that the network has, in [0, 1], the coarsest one first.

    That is 1 - the energy of the errors / the energy of the original, in the waves of the cosine
    transform of the grey picture, and 0 where the errors are larger. Octave k has waves of which
    half a length is from 1 / 2^(k + 1) to 1 / 2^(k + 2) of the shorter side; the first one has all
    longer waves too. Fine octaves are left out that the original does not have.
    """
    own, error = (cosine_transform(_grey(frame)) for frame in (scene.original, scene.network))
    error -= own
    shorter = min(own.shape)
    frequency = frequencies(*own.shape)
    frequency[0, 0] = 0.0
    octaves = max(1, round(math.log2(max(2, shorter))) - 1)
    octave = np.clip(np.log2(np.maximum(frequency * shorter, 1.0)).astype(int), 0, octaves)
    octave = np.clip(octave - 1, 0, octaves - 1)
    own[0, 0] = error[0, 0] = 0.0  # the mean colour is no detail
    energy, wrong = (
        np.bincount(octave.ravel(), np.square(waves).ravel(), minlength=octaves)
        for waves in (own, error)
    )
    shares = np.clip(1 - wrong / np.maximum(energy, _LEAST_CONTRAST**2 * own.size), 0, 1)
    shown = np.flatnonzero(energy > _LEAST_CONTRAST**2 * own.size)
    return shares[: int(shown[-1]) + 1] if len(shown) else shares[:1]


def _grey(frame: Frame) -> npt.NDArray[np.float32]:
    """Return the mean of the channels in levels (h, w), of at most about a million pixels."""
    factor = math.ceil(math.sqrt(frame.shape[0] * frame.shape[1] / _MOST_PIXELS))
    if factor > 1:
        frame = np.asarray(Image.fromarray(frame).reduce(factor))
    return np.asarray(frame.mean(axis=2, dtype=np.float32))


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
