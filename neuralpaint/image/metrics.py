"""Metrics of the similarity of two pictures: PSNR of colours and of luma, and SSIM."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SSIM_WINDOW",
    "format_psnr",
    "luma_psnr",
    "psnr",
    "psnr_of_mse",
    "sampling_stride",
    "ssim",
]

SSIM_WINDOW = 11
"""Side of a window of `ssim` in pixels; also the smallest allowed side of a picture."""

_ROWS = 64  # at a time, so that the temporary arrays of a large frame stay in the caches
_SSIM_ROWS = 64  # at a time, so that the temporary arrays stay in a core's cache
_SIGMA = 1.5  # pixels
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# ITU-R BT.601: luma from 16 to 235.
_LUMA, _BLACK = np.array([65.481, 128.553, 24.966]) / 255, 16.0


def psnr(
    frame: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    *,
    where: NDArray[np.bool_] | None = None,
) -> float:
    """Return the PSNR in dB of two uint8 pictures of one shape; infinity if they are equal.

    PSNR = 10 log10(255^2 / MSE), with the mean over all pixels and channels. With `where`, bool
    (h, w), only its true pixels count; the result is NaN if there are none.

    Raises:
        ValueError: the shapes differ.
    """
    _check_shapes(frame, reference)
    total = count = 0
    for top in range(0, len(frame), _ROWS):
        rows = slice(top, top + _ROWS)
        # In the smallest exact types: a third of the time that 32 bits take.
        difference = np.maximum(frame[rows], reference[rows])
        difference -= np.minimum(frame[rows], reference[rows])
        if where is not None:
            difference = difference[where[rows]]
        total += int(np.multiply(difference, difference, dtype=np.uint16).sum(dtype=np.uint64))
        count += difference.size
    return psnr_of_mse(total / (count * 255**2)) if count else math.nan


def luma_psnr(frame: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
    """Return the PSNR in dB of the luma of two uint8 pictures (h, w, 3) of one shape.

    As in papers on super-resolution, luma is Y of ITU-R BT.601, from 16 to 235 and not rounded, and
    the peak is 255.

    Raises:
        ValueError: the shapes differ.
    """
    _check_shapes(frame, reference)
    total = 0.0
    for top in range(0, len(frame), _ROWS):
        rows = slice(top, top + _ROWS)
        difference = np.subtract(frame[rows], reference[rows], dtype=np.int16) @ _LUMA
        total += float(np.vdot(difference, difference))
    return psnr_of_mse(total / (frame.size / 3 * 255**2))


def ssim(frame: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
    """Return the mean structural similarity of the luma of two uint8 pictures (h, w, 3); 1 is best.

    Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity",
    equation 13, as the mean over all windows of 11 x 11 pixels inside the picture, weighted by a
    Gaussian of 1.5 pixels:

        SSIM = (2 m_x m_y + C1) (2 s_xy + C2) / ((m_x^2 + m_y^2 + C1) (s_x^2 + s_y^2 + C2))

    where m are means, s^2 variances and s_xy the covariance of the windows, C1 = (0.01 * 255)^2 and
    C2 = (0.03 * 255)^2.

    Raises:
        ValueError: the shapes differ, or a side is shorter than `SSIM_WINDOW`.
    """
    _check_shapes(frame, reference)
    height, width = (side - SSIM_WINDOW + 1 for side in frame.shape[:2])
    if min(height, width) < 1:
        raise ValueError(f"{frame.shape[:2]} is smaller than a window of {SSIM_WINDOW} pixels")
    total = 0.0
    for top in range(0, height, _SSIM_ROWS):
        rows = slice(top, min(top + _SSIM_ROWS, height) + SSIM_WINDOW - 1)
        total += float(_similarity(_luma(frame[rows]), _luma(reference[rows])).sum())
    return total / (int(height) * int(width))


def _similarity(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the SSIM of every window of two (h, w) pictures, as an (h - 10, w - 10) array."""
    means = _weighted(np.stack([x, y, x * x + y * y, x * y]))
    product, squares = means[0] * means[1], means[0] ** 2 + means[1] ** 2
    variances, covariance = means[2] - squares, means[3] - product
    similarity: NDArray[np.float64] = (2 * product + _C1) * (2 * covariance + _C2)
    similarity /= (squares + _C1) * (variances + _C2)
    return similarity


def _weighted(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Gaussian mean of every window, (n, h, w) -> (n, h - 10, w - 10)."""
    away = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    weights = np.exp(-(away**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    for axis in (1, 2):
        ahead = np.moveaxis(maps, axis, 0)
        count = len(ahead) - SSIM_WINDOW + 1
        mean = np.zeros_like(ahead[:count])
        for first, weight in enumerate(weights.tolist()):
            mean += weight * ahead[first : first + count]
        maps = np.moveaxis(mean, 0, axis)
    return maps


def _luma(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    luma: NDArray[np.float64] = pixels @ _LUMA + _BLACK
    return luma


def _check_shapes(frame: NDArray[np.uint8], reference: NDArray[np.uint8]) -> None:
    if frame.shape != reference.shape:
        raise ValueError(f"shapes differ: {frame.shape} and {reference.shape}")


def psnr_of_mse(mse: float) -> float:
    """Return the PSNR in dB of a mean squared error of colours in [0, 1]."""
    if mse > 0:
        return -10 * math.log10(mse)
    return math.inf if mse == 0 else math.nan


def sampling_stride(points: int, *, most: int) -> int:
    """Return the distance of the rows and columns that sample about `most` of the points.

    It is odd. An even stride would sample only learned pixels where every other one is held out,
    and only pixels at nodes of feature planes, which are 2 or 8 pixels apart.
    """
    return math.ceil(math.sqrt(points / most)) | 1


def format_psnr(psnr: float, *, digits: int = 2) -> str:
    """Return a PSNR as text: "-" for NaN, "exact" for infinity.

    With `digits=1` the value is capped at 99.9, infinity too.
    """
    if math.isnan(psnr):
        return "-"
    if digits == 1:
        return f"{min(psnr, 99.9):.1f}"
    return "exact" if psnr == math.inf else f"{psnr:.{digits}f}"
