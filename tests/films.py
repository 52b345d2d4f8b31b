"""Small films for tests: a smooth picture, quick settings, and the frames of a clip."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.video.reader import read_frames

__all__ = ["QUICK", "frames_of", "save_photo"]

QUICK: dict[str, Any] = {
    "model": "fourier:order=6,hidden_size=16,hidden_layers=1", "steps": 24, "batch": 200,
    "duration": 1.0, "fps": 12.0, "device": "cpu", "format": "mkv",
}  # fmt: skip


def save_photo(path: Path) -> Path:
    """Save a smooth picture of 36x24 pixels."""
    y, x = np.mgrid[0:24, 0:36] / 36
    pixels = np.stack([x, y, 0.5 + 0.4 * np.sin(9 * x)], axis=-1)
    Image.fromarray(np.uint8(255 * pixels)).save(path)
    return path


def frames_of(path: Path) -> NDArray[np.uint8]:
    """Return the frames of a lossless clip, (frames, height, width, 3)."""
    with closing(read_frames(path)) as frames:
        return np.array(list(frames))
