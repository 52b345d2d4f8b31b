"""JPEG: its colour space, and the detection of its quantization in a picture.

JPEG rounds each coefficient of a block's cosine transform to multiples of a step; each of the 8 x 8
frequencies has its own step. After decoding, the coefficients still cluster at these multiples (Fan
and de Queiroz 2003, Identification of bitmap compression history, IEEE TIP 12), unless the picture
was shifted or resampled. At most two steps were found in each of 30 photographs that were never
compressed, and 15 to 60 in photographs compressed at qualities from 10 to 95. Above 95, rounding
the pixels to integers has a larger effect than the quantization.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

__all__ = [
    "COSINES",
    "NOISE_GAINS",
    "SIDE",
    "Quantization",
    "detect_quantization",
    "pixels_to_ycc",
    "rgb_to_ycc",
    "ycc_to_pixels",
    "ycc_to_rgb",
]

_LUMA = (0.299, 0.587, 0.114)  # Y of R, G and B: ITU-R BT.601, as in JPEG
_FROM_RGB = torch.tensor([_LUMA, (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312)])
_TO_RGB: Tensor = torch.linalg.inv(_FROM_RGB)

NOISE_GAINS: tuple[float, ...] = tuple(_FROM_RGB.square().sum(1).sqrt().tolist())
"""Noise of Y, Cb and Cr when R, G and B each have independent noise of 1: .67, .62, .66."""

SIDE = 8
"""Rows and columns of JPEG's blocks."""

_index = np.arange(SIDE)
COSINES: NDArray[np.float64] = np.cos(np.outer(_index, 2 * _index + 1) * math.pi / 16) / 2
"""The orthonormal cosine transform: a block b has the coefficients COSINES b COSINES^T."""
COSINES[0] /= math.sqrt(2)

_SHARE = 0.25  # of a step: the mean error of rounding; 0.125 and 0.5 are worse
_CHROMA_TOLERANCE = 1 / 255  # of Cb and Cr, whose blocks often have a different size

_SAMPLE = 4096  # blocks that are examined
_COARSEST = 255  # largest step in a file
_LEAST_VALUES = 12  # least number of values above half a step, to detect it
_LEAST_STEPS = 8  # least number of detected steps in a JPEG file; drawings had up to 4
_CLUSTERED = 0.8  # mean cosine of the phase relative to multiples of a step

# The example in the JPEG standard (ITU-T T.81, table K.1); most programs use a multiple of it.
_STANDARD_STEPS = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)


def pixels_to_ycc(pixels: NDArray[np.uint8], *, device: torch.device) -> Tensor:
    """Return uint8 pixels (h, w, 3) as float32 (3, h, w): Y in [0, 1], Cb and Cr around 0."""
    rgb = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(2, 0, 1)
    return rgb_to_ycc(rgb.float().div_(255))


def ycc_to_pixels(ycc: Tensor) -> NDArray[np.uint8]:
    """Return Y, Cb and Cr (3, h, w) as the nearest uint8 pixels (h, w, 3)."""
    rgb = ycc_to_rgb(ycc).mul_(255).round_().clamp_(0, 255)
    return rgb.byte().permute(1, 2, 0).contiguous().cpu().numpy()


def rgb_to_ycc(rgb: Tensor) -> Tensor:
    """Return R, G and B (3, ...) as Y, Cb and Cr."""
    return (_FROM_RGB.to(rgb.device) @ rgb.flatten(1)).view(rgb.shape)


def ycc_to_rgb(ycc: Tensor) -> Tensor:
    """Return Y, Cb and Cr (3, ...) as R, G and B."""
    return (_TO_RGB.to(ycc.device) @ ycc.flatten(1)).view(ycc.shape)


class Quantization(NamedTuple):
    """The steps to which the coefficients of luma were rounded."""

    steps: Tensor  # float32 (8, 8), of planes in [0, 1]

    def to(self, device: torch.device) -> Quantization:
        """Copy the steps to a device."""
        return Quantization(self.steps.to(device))

    def unexplained(self, residual: Tensor, *, corner: tuple[int, int]) -> Tensor:
        """Return the part of a residual (3, h, w) that rounding does not explain.

        Each coefficient is reduced by its likely rounding error. `corner` is the row and column of
        the residual's first pixel in the picture.
        """
        height, width = residual.shape[-2:]
        top, left = (start % SIDE for start in corner)
        below, right = -(top + height) % SIDE, -(left + width) % SIDE
        blocks = functional.pad(residual[0], (left, right, top, below))
        rows, columns = blocks.shape
        cosines = torch.from_numpy(COSINES).to(residual)
        found = (cosines @ blocks.view(-1, SIDE, columns)).view(-1, SIDE, columns // SIDE, SIDE)
        found = found @ cosines.T  # (rows / 8, 8, columns / 8, 8)
        likely = (_SHARE * self.steps)[:, None]
        found -= found.clamp(-likely, likely)
        found = (found @ cosines).view(-1, SIDE, columns)
        luma = (cosines.T @ found).view(rows, columns)
        out = functional.softshrink(residual, _CHROMA_TOLERANCE)
        out[0] = luma[top : top + height, left : left + width]
        return out


def detect_quantization(pixels: NDArray[np.uint8]) -> Quantization | None:
    """Detect the quantization of a whole picture, uint8 (h, w, 3); return None if there is none."""
    coefficients = _coefficients(pixels)
    steps = np.array([_step(values) for values in coefficients.T]).reshape(SIDE, SIDE)
    found = steps > 0
    if np.count_nonzero(found) < _LEAST_STEPS:
        return None
    # Where no step is found, because nearly all coefficients are 0, use the scaled standard table.
    standard = _STANDARD_STEPS * np.median(steps[found] / _STANDARD_STEPS[found])
    standard = standard.clip(1, _COARSEST)
    return Quantization(torch.from_numpy(np.where(found, steps, standard) / 255).float())


def _coefficients(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the absolute coefficients (blocks, 64) of luma in a sample of the blocks.

    Blocks that contain black or white are left out, because clipping changed their coefficients.
    """
    down, across = (side // SIDE for side in pixels.shape[:2])
    count = down * across
    chosen = np.arange(0, count, max(1, count // _SAMPLE))
    row, column = np.divmod(chosen, max(1, across))
    grid = pixels[: SIDE * down, : SIDE * across].reshape(down, SIDE, across, SIDE, 3)
    blocks = grid[row, :, column]  # (blocks, 8, 8, 3)
    inside = (blocks.min((1, 2, 3), initial=255) > 0) & (blocks.max((1, 2, 3), initial=0) < 255)
    luma = blocks[inside] @ np.array(_LUMA) - 128
    moduli: NDArray[np.float64] = np.abs(COSINES @ luma @ COSINES.T)
    return moduli.reshape(-1, SIDE * SIDE)


def _step(values: NDArray[np.float64]) -> int:
    """Return the step, at least 2, near whose multiples the values lie; 0 if there is none."""
    # A drawing repeats a few values exactly: these do not indicate a step.
    values = np.unique(values.round(2))
    best, step = _CLUSTERED, 0
    for candidate in range(2, _COARSEST + 1):
        others = values[np.searchsorted(values, candidate / 2) :]
        if len(others) < _LEAST_VALUES:
            break
        clustered = float(np.cos(others * (2 * math.pi / candidate)).mean())
        if clustered > best:
            best, step = clustered, candidate
    return step
