"""An excerpt of a clip: when its frames are shown, and some of them, as ffmpeg decodes them."""

from __future__ import annotations

import logging
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import PictureError
from neuralpaint.video.ffmpeg import file_url, find_ffmpeg
from neuralpaint.video.reader import decoder, next_frame
from neuralpaint.video.timeline import Timeline

__all__ = ["SUFFIXES", "Clip", "probe"]

logger = logging.getLogger(__name__)

SUFFIXES = frozenset(
    {".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts"}
    | {".mxf", ".ogv", ".ts", ".webm", ".wmv", ".y4m"}
)
"""What the names of clips end in."""

# A playlist that is called .mp4 must not make ffmpeg open other files, or the network.
_TRUSTED = (
    *("-protocol_whitelist", "file"),
    *("-format_whitelist", "mov,matroska,avi,flv,mpeg,mpegts,mxf,ogg,asf,yuv4mpegpipe"),
)
_SEEK = 10.0  # seconds between two frames from which on ffmpeg leaps to the next
_EARLY = 0.0005  # seconds: times of frames are rounded
_HIGH_DEFINITION = 720  # rows from which on a clip that does not say is meant as BT.709
_MATRIX = re.compile(r"[(] ?(?:tv, |pc, )?(bt709|bt470bg|smpte170m|smpte240m|fcc|bt2020n?c|gbr)\b")
_HDR = re.compile(r"/(smpte2084|arib-std-b67)\b")


@dataclass(frozen=True)
class Clip:
    """What is known of a clip before any frame is decoded; the size is that of upright frames."""

    path: Path
    timeline: Timeline
    pixels: int  # of one frame
    matrix: str  # how ffmpeg is told to make colours of luma and chroma

    def frames(self, indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """Yield some of the frames, rising, uint8 (h, w, 3), upright, with square pixels, sRGB.

        Where the clip is damaged the last ones may be missing.
        """
        for run in _runs(self.timeline.starts[list(indices)].tolist()):
            first = max(0.0, run[0] - _EARLY)
            # The n-th to be taken is the first frame that does not come before the n-th time.
            wanted = "+".join(
                f"eq(selected_n,{n})*gte(t,{time - first - _EARLY:.6f})"
                for n, time in enumerate(run)
            )
            colours = f"in_color_matrix={self.matrix}:flags=bicubic+accurate_rnd+full_chroma_int"
            filters = f"select='{wanted}',scale=trunc(iw*sar+0.5):ih:{colours},format=rgb24"
            before = (*_TRUSTED, "-ss", f"{first:.6f}")
            after = ("-vf", filters, "-frames:v", str(len(run)))
            with decoder(self.path, before=before, after=after) as process:
                assert process.stdout is not None
                while (frame := next_frame(process.stdout)) is not None:
                    yield frame


def _runs(times: list[float]) -> Iterator[list[float]]:
    """Yield times that rise in groups that are decoded in one go."""
    run = times[:1]
    for last, time in pairwise(times):
        if time - last > _SEEK:
            yield run
            run = []
        run.append(time)
    yield run


def probe(path: Path) -> Clip:
    """Return what a clip's file says of itself: it is read to its end, but nothing is decoded.

    Raises:
        EncodingError: ffmpeg is missing.
        PictureError: it is no clip, or has no moving picture.
    """
    command = [find_ffmpeg(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info"]
    listed = ("-map", "0:V:0", "-c", "copy", "-f", "framecrc", "-")
    done = subprocess.run(
        [*command, *_TRUSTED, "-i", file_url(path), *listed],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,  # Ctrl-C is for Python
        check=False,
    )
    told, listing = done.stderr.decode(errors="replace"), done.stdout.decode(errors="replace")
    line = next((line for line in told.splitlines() if " Video: " in line), "")
    packets = _packets(listing)
    if done.returncode != 0 or not packets:
        raise PictureError(_explained(path, told))
    if _HDR.search(line):
        logger.warning("%r is HDR, which is not tone-mapped: its colours look flat", str(path))
    height, width = _size(listing)
    named = _MATRIX.search(line) is not None
    matrix = "auto" if named or height < _HIGH_DEFINITION else "bt709"
    return Clip(path, _timeline(packets, listing), height * width, matrix)


def _packets(listing: str) -> list[tuple[int, int]]:
    """Return (time, duration) of each packet that is shown, in ticks, in order of time."""
    found = []
    for line in listing.splitlines():
        stream, *fields = (field.strip() for field in line.split(","))
        if stream != "0":
            continue
        sent, shown, duration = fields[:3]
        flags = next((int(field[2:], 16) for field in fields if field.startswith("F=")), 0)
        time = sent if shown == "NOPTS" else shown
        if not flags & 4 and time != "NOPTS":  # 4: decoded for the sake of others only
            found.append((int(time), int(duration)))
    return sorted(set(found))


def _timeline(packets: list[tuple[int, int]], listing: str) -> Timeline:
    base = re.search(r"^#tb 0: (\d+/\d+)", listing, flags=re.MULTILINE)
    tick = float(Fraction(base[1])) if base else 1.0
    starts = np.array([time for time, _ in packets], np.float64) * tick
    return Timeline(starts, float(starts[-1] + packets[-1][1] * tick))


def _size(listing: str) -> tuple[int, int]:
    """Return the height and width of a frame with square pixels, before it is turned upright."""
    size = re.search(r"^#dimensions 0: (\d+)x(\d+)", listing, flags=re.MULTILINE)
    shape = re.search(r"^#sar 0: (\d+)/(\d+)", listing, flags=re.MULTILINE)
    width, height = (int(size[1]), int(size[2])) if size else (1, 1)
    wide, high = (int(shape[1]), int(shape[2])) if shape else (0, 1)
    return height, round(width * wide / high) if wide and high else width


def _explained(path: Path, told: str) -> str:
    if " Audio: " in told and " Video: " not in told:
        return f"{str(path)!r} has sound and no moving picture: give a clip or an animation"
    if " Video: " in told and "matches no streams" in told:
        return f"{str(path)!r} has sound and a cover, no moving picture: give a clip"
    if " Video: " in told and "[error]" not in told:
        return f"{str(path)!r} has no frames: give a clip that shows something"
    return f"{str(path)!r} is damaged or no clip that can be read: get it again, or give an mp4"
