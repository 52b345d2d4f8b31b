"""Frames: an animation or a clip as a few pictures of one size, each with its time."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import NeuralPaintError, PictureError, UsageError
from neuralpaint.image.pictures import Picture, PictureSettings
from neuralpaint.image.sources import Source, closest, label, opened
from neuralpaint.video.animation import animation_timeline, compose, moves
from neuralpaint.video.excerpt import SUFFIXES, probe
from neuralpaint.video.timeline import Timeline

__all__ = ["Frames", "is_animated", "load_frames"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Frames:
    """At least two pictures of one size, and when each of them is seen.

    `times` is float32 (pictures,) in [0, 1] and rises from 0; it is a part of `seconds`. An
    animation that `loops` forever shows its first picture again at time 1, and its last one
    before; otherwise the last picture's time is 1.
    """

    pictures: tuple[Picture, ...]
    times: NDArray[np.float32]
    seconds: float
    loops: bool


def is_animated(source: Source) -> bool:
    """Tell whether a file holds an animation or is called like a clip; nothing is decoded.

    Where nothing can be told, of stdin, an open file or one that is not there, it is false.
    """
    if source == "-" or not isinstance(source, str | os.PathLike):
        return False
    if _is_clip(source):
        return True
    with contextlib.suppress(NeuralPaintError), opened(source) as image:
        return moves(image)
    return False


def load_frames(
    source: Source,
    *,
    count: int,
    background: str = PictureSettings.background,
    max_pixels: int = PictureSettings.max_pixels,
) -> Frames:
    """Read `count` frames, spread evenly over time, or all of them where there are fewer.

    Animations (GIF, APNG, WebP, AVIF) come from a path, from stdin (the text `-`) or from a file
    open in binary mode; their frames are composed and laid over `background`. Clips (`SUFFIXES`)
    come from a path; they are upright, with square pixels. All of it is sRGB. Only the frames that
    are taken are kept in memory, and in a long clip only those near them are decoded.

    Raises:
        UsageError: no such file, fewer than two frames asked for, a picture that does not move, or
            an option with a wrong value.
        PictureError: it cannot be read: damaged, nothing that moves, or all the frames together
            have more than `max_pixels`.
        EncodingError: ffmpeg is missing.
    """
    settings = PictureSettings(background=background, max_pixels=max_pixels)
    if count < 2:
        raise UsageError(f"at least 2 frames are taken of what moves, not {count}")
    if _is_clip(source):
        return _from_clip(Path(str(source)), count=count, max_pixels=max_pixels)
    name = Path(label(source)).name
    with opened(source, max_pixels=max_pixels) as image:
        if not moves(image):
            raise UsageError(f"{name!r} does not move: give an animation or a clip, or paint it")
        pixels = image.width * image.height
        _check_pixels(min(count, getattr(image, "n_frames", 1)), pixels, max_pixels, name=name)

        def take(indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
            return compose(image, indices, background=settings.background_colour)

        return _taken(animation_timeline(image), take, count=count, name=name)


def _is_clip(source: Source) -> bool:
    named = isinstance(source, str | os.PathLike) and source != "-"
    return named and Path(str(source)).suffix.lower() in SUFFIXES


def _from_clip(path: Path, *, count: int, max_pixels: int) -> Frames:
    if path.is_dir():
        raise UsageError(f"{str(path)!r} is a folder: give one clip in it")
    if not path.is_file():
        raise UsageError(f"no file {str(path)!r}: {closest(path)}")
    clip = probe(path)
    if len(clip.timeline) < 2:
        raise UsageError(f"{path.name!r} does not move: give a clip of at least two frames")
    _check_pixels(min(count, len(clip.timeline)), clip.pixels, max_pixels, name=path.name)
    return _taken(clip.timeline, clip.frames, count=count, name=path.name)


def _check_pixels(count: int, each: int, most: int, *, name: str) -> None:
    if count * each > most:
        raise PictureError(
            f"{count} frames of {name!r} have {count * each:,} pixels, over the limit of {most:,}: "
            f"take fewer, or raise it with --max-pixels {count * each} if you trust the file"
        )


def _taken(
    timeline: Timeline,
    take: Callable[[Sequence[int]], Iterator[NDArray[np.uint8]]],
    *,
    count: int,
    name: str,
) -> Frames:
    indices = timeline.evenly(count)
    pictures = [
        Picture(pixels, name=f"{name} {i + 1}")
        for i, pixels in zip(indices, take(indices), strict=False)
    ]
    if len(pictures) < len(indices):
        logger.warning("%r breaks off: %d of %d frames", name, len(pictures), len(indices))
    if len(pictures) < 2 or len({picture.pixels.shape for picture in pictures}) > 1:
        raise PictureError(f"{name!r} is damaged: get it again, or convert it to an mp4")
    kept = timeline.picked(indices[: len(pictures)])
    return Frames(tuple(pictures), kept.times, kept.seconds, kept.loops)
