"""Clips whose frames are numbered, so that a frame shows which one it is."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.video.ffmpeg import find_ffmpeg

Frames = NDArray[np.uint8]

_BITS = 8


def numbered(count: int, *, height: int = 96, width: int = 128) -> Frames:
    """Return frames (n, h, w, 3): soft colours, over bars that are the binary digits of n."""
    y, x = np.mgrid[0:height, 0:width]
    frames = np.empty((count, height, width, 3), np.uint8)
    for n in range(count):
        wave = np.sin(x / width * 6 + n / 4), np.cos(y / height * 5), np.sin((x + y) / width * 4)
        frames[n] = np.stack([120 + 60 * channel for channel in wave], axis=-1).round()
        bars = n >> (x * _BITS // width) & 1
        frames[n, : height // 2] = np.where(bars, 235, 20)[: height // 2, :, None]
    return frames


def number_of(pixels: NDArray[np.uint8]) -> int:
    """Return the number of a frame, at any size and with any errors of compression."""
    height, width, _ = pixels.shape
    middles = ((np.arange(_BITS) + 0.5) * width / _BITS).astype(int)
    levels = pixels[height // 8 : height * 3 // 8, middles].mean(axis=(0, 2))
    return int(((levels > 128) << np.arange(_BITS)).sum())


def psnr(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Return the similarity of two pictures in decibels."""
    error = np.square(a.astype(float) - b).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def encode(
    path: Path,
    frames: NDArray[Any],
    *options: str,
    pixels: str = "rgb24",
    rate: str = "25",
    filters: Sequence[str] = (),
) -> Path:
    """Write raw frames (n, h, w, ...) of a pixel format with ffmpeg and these output options.

    Frames of planes are (n, planes, h, w). Raises `CalledProcessError` if ffmpeg refuses.
    """
    height, width = frames.shape[2:] if pixels.startswith(("yuv", "gbr")) else frames.shape[1:3]
    source = ["-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{width}x{height}", "-r", rate]
    filtered = ["-vf", ",".join(filters)] if filters else []
    subprocess.run(
        [
            *(find_ffmpeg(), "-loglevel", "error", "-y", *source, "-i", "-", *filtered),
            *("-threads", "1", *options, f"file:{path}"),
        ],
        input=frames.tobytes(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    return path
