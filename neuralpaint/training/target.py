"""The target: colours, coordinates, a weight per pixel and a code per row.

A target is one array of pixels. The pictures of an album are stacked vertically in it, and each row
has the code of its picture, so batches of an album are drawn like those of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from neuralpaint.image.alpha import straight
from neuralpaint.image.canvas import Grid
from neuralpaint.image.pictures import Picture, Plane, pixels_to_learn
from neuralpaint.models.codes import Subject
from neuralpaint.runtime.progress import DoneCallback, PhaseCallback, ignore, part_of
from neuralpaint.training.settings import TrainingSettings

__all__ = ["Target", "initial_signal"]

_EXTREME = 1.0  # a signal; its colours are 12 % and 88 %
_FARTHEST = 3.0  # a signal; its colours are 0.2 % and 99.8 %
_FAINT = 32  # levels of alpha below which the straight colour of a pixel is imprecise
_SAMPLED = 1 << 20  # pixels of which the mean is taken


def initial_signal(pictures: Sequence[Picture]) -> NDArray[np.float32]:
    """Return the signal (channels,) with which the network begins; its colours are (tanh + 1) / 2.

    It is 0, which is grey, except for a channel that is nearly black or nearly white on average:
    there it is the signal of the mean. From grey, the first steps would push the signals of such a
    picture so far that their gradients vanish, and some networks would stay black or white.
    """
    total, count = np.zeros(pictures[0].channels), 0
    for picture in pictures:
        step = 1 + int((picture.height * picture.width / _SAMPLED) ** 0.5)
        pixels, known = picture.pixels[::step, ::step], picture.known
        seen = pixels.reshape(-1, len(total)) if known is None else pixels[known[::step, ::step]]
        total, count = total + seen.sum(0, dtype=np.float64), count + len(seen)
    mean = total / (255 * max(1, count))
    with np.errstate(divide="ignore"):
        signal = np.arctanh(2 * mean - 1).clip(-_FARTHEST, _FARTHEST)
    return np.where(np.abs(signal) > _EXTREME, signal, 0).astype(np.float32)


class Target:
    """The pixels to learn from a picture or an album: all, some, or a restored version.

    A restored target, with holes filled, enlarged or denoised, is computed by `colours`.
    """

    def __init__(self, subject: Subject, settings: TrainingSettings) -> None:
        self._pictures, self._settings = pictures, settings = subject.pictures, settings
        restores = settings.target.makes_target
        self.is_restored = restores or any(p.to_fill is not None for p in pictures)
        """Whether `colours` takes time."""
        self._picture_grid = (
            subject.canvas.scaled(settings.target.factor).grid()
            if restores
            else pixels_to_learn(pictures[0], settings.optimization.train_on)[1]
        )
        grid, codes = self._picture_grid, subject.codes
        self.grid = Grid(grid.x, np.tile(grid.y, (len(pictures), 1)))
        """The coordinates of the pixels; `grid.shape` is their number of rows and columns."""
        self.codes = None if codes is None else codes.repeat(grid.shape[0], axis=0)
        """The code of each row's picture, (rows, k); None for a single picture."""

    def colours(
        self,
        *,
        device: torch.device | None = None,
        on_done: DoneCallback = ignore,
        on_phase: PhaseCallback = ignore,
    ) -> NDArray[np.uint8]:
        """Return the colours, uint8 (h, w, channels), which may share memory with a single picture.

        Restored colours are computed in every call, on `device` or the CPU, which can take minutes.
        `on_done` is called with the fraction that is done, in [0, 1], `on_phase` with "fill" or
        "enhance" when filling holes or enlarging begins.
        """
        parts = _split_callback(on_done, len(self._pictures))
        colours = [
            self._colours_of(picture, device, part, on_phase)
            for picture, part in zip(self._pictures, parts, strict=True)
        ]
        return colours[0] if len(colours) == 1 else np.concatenate(colours)

    def _colours_of(
        self,
        picture: Picture,
        device: torch.device | None,
        on_done: DoneCallback,
        on_phase: PhaseCallback,
    ) -> NDArray[np.uint8]:
        hole, settings = picture.to_fill, self._settings.target
        filling = enlarging = on_done
        if hole is not None and settings.makes_target:
            filling, enlarging = _split_callback(on_done, 2)
        if hole is not None:
            from neuralpaint.restoration.filling import fill_hole

            on_phase("fill")
            filled = fill_hole(
                picture.pixels, hole, fill=picture.fill, seed=self._settings.optimization.seed,
                device=device, on_done=filling,
            )  # fmt: skip
            picture = replace(picture, pixels=filled)
        elif settings.makes_target and picture.unknown is not None:
            # Unknown pixels have the weight 0, but resampling would mix them into known pixels.
            filled = _fill_smoothly(picture.pixels, picture.unknown > 0.5)
            picture = replace(picture, pixels=filled)
        if not settings.makes_target:
            return pixels_to_learn(picture, self._settings.optimization.train_on)[0]
        from neuralpaint.restoration.upsampling import upsample

        on_phase("enhance")
        height, width = self._picture_grid.shape
        layers = [picture] if picture.channels == 3 else _colours_and_alpha(picture)
        first, *alpha = (
            upsample(
                layer, height=height, width=width, settings=settings, device=device, on_done=part
            )
            for layer, part in zip(layers, _split_callback(enlarging, len(layers)), strict=True)
        )
        return _premultiplied(first, alpha[0][..., :1]) if alpha else first

    def weights(self) -> Plane | None:
        """Return the weight of each pixel, float32 (h, w); None if all are equal.

        Unknown pixels that are not filled have the weight 0.
        """
        return self._resampled([_weights_of(picture) for picture in self._pictures], default=1.0)

    def order(self) -> Plane | None:
        """Return the fraction of the training after which each pixel is learned, float32 (h, w).

        None if all are learned from the start.
        """
        return self._resampled([picture.order for picture in self._pictures], default=0.0)

    def _resampled(self, planes: Sequence[Plane | None], *, default: float) -> Plane | None:
        """Return planes of the pictures' sizes as one plane of the target's."""
        if all(plane is None for plane in planes):
            return None
        size, picture = self._picture_grid.shape, self._pictures[0]
        rows = _nearest(picture.height, size[0])[:, None]
        columns = _nearest(picture.width, size[1])
        blank = np.full(size, default, np.float32)
        return np.concatenate([blank if p is None else p[rows, columns] for p in planes])


def _colours_and_alpha(picture: Picture) -> list[Picture]:
    """Return the straight colours and the alpha of a picture, as two opaque pictures.

    The colours continue where the picture is transparent: only alpha has an edge there, which both
    would have if they were premultiplied, and not quite at the same place once they are enlarged.
    """
    alpha = picture.pixels[..., 3:]
    colours, faint = straight(picture.pixels)[..., :3], alpha[..., 0] < _FAINT
    if not faint.all():
        colours = _fill_smoothly(np.ascontiguousarray(colours), faint)
    return [replace(picture, pixels=each) for each in (colours, alpha.repeat(3, axis=2))]


def _premultiplied(colours: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return colours (h, w, 3) times alpha (h, w, 1), with it, (h, w, 4)."""
    products = colours * (alpha / np.float32(255))
    return np.concatenate([np.rint(products).astype(np.uint8), alpha], axis=2)


def _weights_of(picture: Picture) -> Plane | None:
    if picture.unknown is None or picture.fills:
        return picture.weights
    known = np.float32(1) - picture.unknown
    return known if picture.weights is None else known * picture.weights


def _fill_smoothly(pixels: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return pixels (h, w, 3) with a hole, bool (h, w), filled from the pixels around it."""
    from neuralpaint.restoration.smooth_fill import fill_smoothly

    levels = torch.from_numpy(pixels).permute(2, 0, 1).float()
    smooth = fill_smoothly(levels, torch.from_numpy(hole)).round_().clamp_(0, 255).byte()
    return smooth.permute(1, 2, 0).contiguous().numpy()


def _nearest(pixels: int, count: int) -> NDArray[np.int64]:
    """Return the index of the nearest of `pixels` along a side for each of `count` samples.

    Fewer samples are taken at a stride from the first pixel, as `pixels_to_learn` does.
    """
    if count < pixels:
        return np.arange(0, pixels, -(-pixels // count))
    return (2 * np.arange(count, dtype=np.int64) + 1) * pixels // (2 * count)


def _split_callback(on_done: DoneCallback, count: int) -> list[DoneCallback]:
    """Return a callback for each of `count` equal parts of a computation."""
    return [part_of(on_done, first=i / count, last=(i + 1) / count) for i in range(count)]
