"""Kernel estimation: how a picture was downsampled is visible in its spectrum.

Photographs have the same statistics at all scales: their spectrum is nearly a power of the
frequency. So a picture and a copy of it, shrunk with the kernel that the picture itself was
downsampled with, have spectra of one shape; with another kernel, the copy's high frequencies are
weaker or stronger. The kernel is the one whose spectrum differs least from the picture's times a
power of the frequency. The statistics of a picture's shrunk copy give its kernel also in Michaeli,
Irani 2013 (Nonparametric blind super-resolution, ICCV), who compare patches instead of spectra.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralpaint.image.resampling import Kernel
from neuralpaint.image.resampling_kernels import REACH, Axis
from neuralpaint.restoration.jpeg import pixels_to_ycc

__all__ = ["estimate_kernel"]

_DEFAULT: Kernel = "box"  # of a picture that is too small
_SIDE = 16  # pixels of a segment, half of which overlaps the next one
_LOWEST = 2  # the lowest frequency that is compared, in periods per segment
_LEAST = 64  # pixels along a side
_MOST = 1024  # pixels along a side that are examined, in the middle of the picture


def estimate_kernel(pixels: NDArray[np.uint8]) -> Kernel:
    """Return the kernel by which a picture, uint8 (h, w, 3), was probably downsampled.

    Of 36 photographs shrunk two to four times with each kernel, it was right for 33 with box, 27
    with lanczos and 19 with bicubic. It is box for a picture that is too small or uniform.
    """
    height, width = (side - side % 2 for side in pixels.shape[:2])
    if min(height, width) < _LEAST:
        return _DEFAULT
    rows, columns = (
        slice(max(0, (side - _MOST) // 2), min(side, (side + _MOST) // 2))
        for side in (height, width)
    )
    luma = pixels_to_ycc(pixels[rows, columns], device=torch.device("cpu"))[:1]
    own = _log_spectrum(luma[0])
    powers = torch.arange(_LOWEST, _SIDE // 2 + 1).log()
    basis, _ = torch.linalg.qr(torch.stack([torch.ones_like(powers), powers], 1))

    def unexplained(kernel: Kernel) -> float:
        difference = own - _log_spectrum(_halved(luma, kernel)[0])
        return float((difference - basis @ (basis.T @ difference)).square().sum())

    return min(REACH, key=unexplained)


def _halved(x: Tensor, kernel: Kernel) -> Tensor:
    """Return x (n, h, w) at half its size."""
    down, across = (Axis.whole(side // 2, side).down(kernel) for side in x.shape[1:])
    return across.along_columns(down.along_rows(x))


def _log_spectrum(x: Tensor) -> Tensor:
    """Return the log of the mean power at each frequency along the rows and columns of x (h, w)."""
    window = torch.hann_window(_SIDE, periodic=False)
    total = torch.zeros(_SIDE // 2 + 1)
    for lines in (x, x.T):
        segments = lines.unfold(1, _SIDE, _SIDE // 2).reshape(-1, _SIDE)
        segments = segments - segments.mean(1, keepdim=True)
        total += torch.fft.rfft(segments * window).abs().square().mean(0) / 2
    rounding = window.square().sum() / (12 * 255**2)
    return (total + rounding)[_LOWEST:].log()
