"""What a frame of a clip costs: to render it, and to encode it."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Frame
from neuralpaint.models.painting import Painting
from neuralpaint.rendering.rendering import render
from neuralpaint.video.writer import ClipWriter

__all__ = ["encoding_ms", "film"]

_FPS = 30
_FRAMES, _REPEATS = 24, 3


def film(paintings: Sequence[Painting], canvas: Canvas) -> tuple[list[Frame], float]:
    """Return a frame of each painting and the median ms that it took, the first one apart."""
    render(paintings[0], canvas)
    frames, seconds = [], []
    for painting in paintings:
        began = time.perf_counter()
        frames.append(render(painting, canvas))
        seconds.append(time.perf_counter() - began)
    return frames, 1e3 * statistics.median(seconds)


def encoding_ms(frames: Sequence[Frame]) -> float:
    """Return the ms to encode one more frame of a clip as MP4, with the settings of `video`.

    Starting and finishing ffmpeg is taken off, by the time that a clip of one frame takes.

    Raises:
        EncodingError: ffmpeg is missing or failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.mp4"
        _encode(frames, path, count=1)
        each = []
        for _ in range(_REPEATS):
            longer, shorter = _encode(frames, path, count=_FRAMES), _encode(frames, path, count=1)
            each.append(max(0.0, longer - shorter) / (_FRAMES - 1))
    return 1e3 * statistics.median(each)


def _encode(frames: Sequence[Frame], path: Path, *, count: int) -> float:
    """Return the seconds from the first frame to the finished file."""
    height, width, _ = frames[0].shape
    # There and back again, so that each frame resembles the one before, as in a clip.
    order = [*frames, *frames[-2:0:-1]]
    began = time.perf_counter()
    with ClipWriter(path, height=height, width=width, fps=_FPS, overwrite=True) as clip:
        for frame in islice(cycle(order), count):
            clip.write(frame)
    return time.perf_counter() - began
