"""Loading an animation or a clip as a few pictures of one size, each with its time."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.errors import NeuralPaintError, PictureError, UsageError
from neuralpaint.image.colour_spaces import colour_space
from neuralpaint.image.decoding import Decoded
from neuralpaint.image.picture_files import (
    CLIP_SUFFIXES,
    Source,
    open_image,
    source_name,
    suggest_path,
)
from neuralpaint.image.pictures import Frame, Picture, PictureSettings
from neuralpaint.image.srgb import srgb_pixels
from neuralpaint.video.reader import open_clip

__all__ = ["Frames", "Timeline", "is_animated", "load_frames"]

logger = logging.getLogger(__name__)

# Other formats with several pictures are not animations: TIFF pages, PSD layers, ICO sizes.
_ANIMATIONS = ("GIF", "PNG", "WEBP", "AVIF")
# Browsers show a frame with a delay of at most 10 ms for 100 ms.
_SHORT_DELAY, _BROWSER_DELAY = 10, 100


@dataclass(frozen=True, eq=False)
class Frames:
    """At least two pictures of one size, and the time of each.

    `times` is float32 (pictures,), increasing from 0, as a fraction of `seconds`. In an animation
    that `loops`, time 1 shows the first picture again, so the last time is below 1; otherwise the
    last time is 1.
    """

    pictures: tuple[Picture, ...]
    times: NDArray[np.float32]
    seconds: float
    loops: bool


def is_animated(source: Source) -> bool:
    """Return whether a file is an animation or has the suffix of a clip, without decoding it.

    False for stdin, open files and missing files.
    """
    if source == "-" or not isinstance(source, str | os.PathLike):
        return False
    if _is_clip(source):
        return True
    with contextlib.suppress(NeuralPaintError), open_image(source) as image:
        return _moves(image)
    return False


def load_frames(
    source: Source,
    *,
    count: int,
    background: str | None = None,
    max_pixels: int = PictureSettings.max_pixels,
) -> Frames:
    """Load `count` frames, spread evenly over time; all frames if there are fewer.

    An animation (GIF, APNG, WebP, AVIF) can be a path, stdin (the text `-`) or an open binary file;
    its frames are composed over `background`, like those of a transparent clip. A clip
    (`CLIP_SUFFIXES`) must be a path; its frames are deinterlaced, rotated upright and scaled to
    square pixels; HDR is tone-mapped. All pictures are sRGB. Only the selected frames are kept in
    memory, and in a long clip ffmpeg decodes only the frames near them.

    Raises:
        UsageError: there is no such file, `count` is below 2, the picture does not move, or an
            option has a wrong value.
        PictureError: the file is damaged, has no video, or the selected frames together have more
            than `max_pixels`.
        EncodingError: ffmpeg is missing.
    """
    settings = PictureSettings(background=background, max_pixels=max_pixels)
    if count < 2:
        raise UsageError(f"a moving picture needs at least 2 frames, not {count}")
    if _is_clip(source):
        return _from_clip(Path(str(source)), settings, count=count)
    name = Path(source_name(source)).name
    with open_image(source, max_pixels=max_pixels) as image:
        if not _moves(image):
            raise UsageError(f"{name!r} does not move: give an animation or a clip, or paint it")
        pixels = image.width * image.height
        _check_pixels(min(count, getattr(image, "n_frames", 1)), pixels, max_pixels, name=name)

        decoded = Decoded(image, colour_space(image))
        timeline = _animation_timeline(image)
        indices = timeline.evenly(count)

        def decode() -> Iterator[Frame]:
            for i in indices:
                _seek(image, i)
                yield srgb_pixels(decoded, background=settings.paper_colour)

        return _frames(timeline, indices, decode(), name=name)


@dataclass(frozen=True, eq=False)
class Timeline:
    """When each frame is shown.

    `starts` is float64 (frames,), in seconds and increasing; `end` is the end of the last frame.
    """

    starts: NDArray[np.float64]
    end: float
    loops: bool = False

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def seconds(self) -> float:
        """Seconds from the first frame to the last; in a loop, to the next start of the first."""
        return float((self.end if self.loops else self.starts[-1]) - self.starts[0])

    @property
    def times(self) -> NDArray[np.float32]:
        """The start of each frame as a fraction of `seconds`, float32 (frames,)."""
        fractions: NDArray[np.float32]
        fractions = ((self.starts - self.starts[0]) / self.seconds).astype(np.float32)
        return fractions

    def evenly(self, count: int) -> list[int]:
        """Return `count` increasing indices of frames, spread evenly over time.

        Returns all indices if there are at most `count` frames.
        """
        most = len(self)
        if count >= most:
            return list(range(most))
        wanted = self.starts[0] + np.linspace(0, self.seconds, count, endpoint=not self.loops)
        after = np.searchsorted(self.starts, wanted).clip(1, most - 1)
        between = (self.starts[after - 1] + self.starts[after]) / 2
        nearest = after - (wanted < between)
        # If several times are nearest to one long frame, the later times get the frames after it.
        ranks = np.arange(count)
        rising = np.maximum.accumulate(nearest - ranks)
        selected: list[int] = (np.minimum(rising, most - count) + ranks).tolist()
        return selected

    def subset(self, indices: list[int]) -> Timeline:
        """Return the timeline of the frames at `indices`; the first index must be 0."""
        return Timeline(self.starts[indices], self.end, self.loops)


def _is_clip(source: Source) -> bool:
    named = isinstance(source, str | os.PathLike) and source != "-"
    return named and Path(str(source)).suffix.lower() in CLIP_SUFFIXES


def _from_clip(path: Path, settings: PictureSettings, *, count: int) -> Frames:
    if path.is_dir():
        raise UsageError(f"{str(path)!r} is a folder: give one clip in it")
    if not path.is_file():
        raise UsageError(f"no file {str(path)!r}: {suggest_path(path)}")
    # Packets and frames of some files differ. Then all frames are decoded, to learn their times.
    for exact in (False, True):
        clip = open_clip(path, max_pixels=settings.max_pixels, exact=exact)
        starts, pixels = clip.stream.starts, clip.stream.pixels
        if len(starts) < 2:
            raise UsageError(f"{path.name!r} does not move: give a clip of at least two frames")
        _check_pixels(min(count, len(starts)), pixels, settings.max_pixels, name=path.name)
        timeline = Timeline(starts, float(starts[-1]))
        indices = timeline.evenly(count)
        pages = list(clip.frames(indices))
        if len(pages) == len(indices) or clip.stream.numbers is not None:
            break
    pages = _opaque(pages, background=settings.paper_colour, name=path.name)
    return _frames(timeline, indices, _of_one_size(pages), name=path.name)


def _opaque(pages: list[Frame], *, background: tuple[int, int, int], name: str) -> list[Frame]:
    """Return the frames of a clip, (h, w, 3) or (h, w, 4), over a background."""
    if not pages or pages[0].shape[2] == 3:
        return pages
    if not any(page[..., 3].any() for page in pages):
        logger.warning("all frames of %r are transparent: their hidden colours are used", name)
        return [page[..., :3] for page in pages]
    images = [Decoded(Image.fromarray(page)) for page in pages]
    return [srgb_pixels(image, background=background) for image in images]


def _of_one_size(pages: list[Frame]) -> list[Frame]:
    """Return the frames of a clip whose size changes, scaled to the size of the first."""
    if len({page.shape for page in pages}) < 2:
        return pages
    height, width, _ = pages[0].shape
    size = (width, height)
    return [
        np.asarray(Image.fromarray(page).resize(size, Image.Resampling.LANCZOS)) for page in pages
    ]


def _check_pixels(count: int, each: int, most: int, *, name: str) -> None:
    if count * each > most:
        raise PictureError(
            f"{count} frames of {name!r} have {count * each:,} pixels, over the limit of {most:,}: "
            f"use fewer frames, or raise it with --max-pixels {count * each} if you trust the file"
        )


def _frames(timeline: Timeline, indices: list[int], pages: Iterable[Frame], *, name: str) -> Frames:
    """Return the frames at `indices`; the last ones may be missing."""
    pictures = [
        Picture(pixels, name=f"{name} {i + 1}") for i, pixels in zip(indices, pages, strict=False)
    ]
    if len(pictures) < len(indices):
        logger.warning(
            "%r is truncated: only %d of %d frames can be read", name, len(pictures), len(indices)
        )
    if len(pictures) < 2 or len({picture.pixels.shape for picture in pictures}) > 1:
        raise PictureError(f"{name!r} is damaged: get it again, or convert it to an mp4")
    kept = timeline.subset(indices[: len(pictures)])
    return Frames(tuple(pictures), kept.times, kept.seconds, kept.loops)


def _moves(image: Image.Image) -> bool:
    return image.format in _ANIMATIONS and _count(image) > 1


def _animation_timeline(image: Image.Image) -> Timeline:
    durations = []
    for i in range(_count(image)):
        _seek(image, i)
        delay = float(image.info.get("duration") or 0)
        durations.append((delay if delay > _SHORT_DELAY else _BROWSER_DELAY) / 1000)
    ends = np.cumsum(durations)
    forever = image.info.get("loop", 1) == 0
    return Timeline(ends - durations, float(ends[-1]), loops=forever)


def _count(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1)) - _first(image)


def _first(image: Image.Image) -> int:
    """Return the index of the first frame: 1 if an APNG begins with a separate still, else 0."""
    return int(getattr(image, "default_image", False))


def _seek(image: Image.Image, index: int) -> None:
    image.seek(index + _first(image))
    image.load()
