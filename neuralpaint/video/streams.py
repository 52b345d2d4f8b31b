"""What ffmpeg reports of the moving picture in a file: when its frames are shown, size, colours."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import PictureError
from neuralpaint.video.colours import Colours
from neuralpaint.video.ffmpeg import file_url, find_ffmpeg

__all__ = ["SINGLE_THREAD", "TRUSTED", "Stream", "list_frames", "list_packets"]

# One thread each, because up to twenty clips are read at the same time.
SINGLE_THREAD = ("-threads", "1", "-filter_threads", "1")
# A playlist named .mp4 must not make ffmpeg open other files or network addresses.
TRUSTED = (
    *("-protocol_whitelist", "file", "-format_whitelist"),
    "mov,matroska,avi,flv,mpeg,mpegts,mxf,ogg,asf,yuv4mpegpipe,nut,gxf,dv,rm,wtv,ivf,obu,"
    "h264,hevc,vvc,m4v,mpegvideo,mjpeg",
)
_SAMPLE = 12  # decoded frames, from which size, colours and fields are known
_KEY, _DISCARD = 1, 4  # flags of a packet; what is discarded is decoded but not shown
_LONGEST = 86_400  # seconds that a frame may be shown
_USUAL_RATE = Fraction(25)

# The titles of a file are in the log too, so a line must begin as one of this filter.
_SHOWN = r"^\[Parsed_showinfo[^]]*\] (?:\[info\] )?"
_FRAME = re.compile(
    _SHOWN + r"n: *\d+ pts: *(?P<pts>-?\d+|NOPTS) .*?\bfmt:(?P<pixels>\S+) .*? i:(?P<field>[PTB]) ",
    re.ASCII | re.MULTILINE,
)
_COLOURS = re.compile(
    _SHOWN + r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)",
    re.ASCII | re.MULTILINE,
)
_TIMING = re.compile(
    _SHOWN + r"config in time_base: (\d+/[1-9]\d*), frame_rate: (\d+/\d+)", re.ASCII | re.MULTILINE
)
_DOLBY = re.compile(r"DOVI configuration record:.* profile: (\d+),.* compatibility id: 0\b")
# The order of the fields, in the words of ffmpeg's log. Swapped ones are interleaved in storage.
_ORDERS = {
    "top first": "tff",
    "bottom first": "bff",
    "top coded first (swapped)": "tff",
    "bottom coded first (swapped)": "bff",
}
# The decoders that report for each frame whether it is interlaced.
_EXACT = ("h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "vc1", "wmv3", "vvc", "prores")
# The decoders of ffmpeg that read the transparency of these.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


@dataclass(frozen=True)
class Stream:
    """The first moving picture in a file."""

    starts: NDArray[np.float64]
    """When each frame is shown, in seconds, (frames,); increasing."""
    pixels: int
    """Pixels of a frame with square pixels."""
    alpha: bool
    """Whether frames may be transparent."""
    deinterlacer: tuple[str, ...]
    """The ffmpeg filter from fields to frames, if the stream is interlaced."""
    conversion: str
    """The ffmpeg filters from its colours to sRGB and square pixels."""
    decoder: tuple[str, ...]
    """The ffmpeg options for the input that choose its decoder."""
    keys: NDArray[np.float64]
    """When the key frames are shown, in seconds; increasing."""
    numbers: tuple[int, ...] | None = None
    """The place of each frame in the order in which ffmpeg returns them, where frames can be found
    only by counting; None if they are found by their times."""


class _Packet(NamedTuple):
    decoded: float | None
    shown: float | None
    key: bool


@dataclass(frozen=True)
class _Report:
    """The log of ffmpeg, and its list of packets."""

    path: Path
    log: str
    listing: str

    @cached_property
    def packets(self) -> list[_Packet]:
        """The packets that are shown, in the order of decoding."""
        base = re.search(r"^#tb 0: (\d+/[1-9]\d*)", self.listing, flags=re.MULTILINE)
        tick = float(Fraction(base[1])) if base else 1.0
        found = []
        for line in self.listing.splitlines():
            stream, *fields = (field.strip() for field in line.split(","))
            if stream != "0":
                continue
            flags = next((int(field[2:], 16) for field in fields if field.startswith("F=")), _KEY)
            if not flags & _DISCARD:
                decoded, shown = (_time(field, tick) for field in fields[:2])
                found.append(_Packet(decoded, shown, key=bool(flags & _KEY)))
        return found

    @property
    def frames(self) -> list[float | None]:
        """The times of the decoded frames; None for one without a time."""
        timing = _TIMING.search(self.log)
        tick = float(Fraction(timing[1])) if timing else 1.0
        return [_time(frame["pts"], tick) for frame in _FRAME.finditer(self.log)]

    @property
    def rate(self) -> Fraction:
        """Frames per second."""
        timing = _TIMING.search(self.log)
        with_rate = timing is not None and not re.search(r"\b0\b", timing[2])
        return Fraction(timing[2]) if timing is not None and with_rate else _USUAL_RATE

    @property
    def number(self) -> str:
        """The number of the stream in the file."""
        mapped = re.search(r"^\[info\]   Stream #0:(\d+) -> #0:0", self.log, re.MULTILINE)
        return mapped[1] if mapped else "0"

    @property
    def words(self) -> str:
        """The description of the stream in ffmpeg's log."""
        found = re.search(
            rf"^\[info\]   Stream #0:{self.number}\b[^\n]*?: Video: (.*?)(?=\n\S* *Stream )",
            self.log,
            flags=re.DOTALL | re.MULTILINE,
        )
        return found[1] if found else ""


def list_packets(path: Path, *, max_pixels: int) -> Stream | None:
    """Return the stream of a file from its packets; None if their times are not those of frames.

    Reads the whole file, but decodes only the first frames.

    Raises:
        EncodingError: ffmpeg is missing.
        PictureError: the file is not a clip, has no video, or cannot be converted.
    """
    report = _report(path, ("-frames:v", str(_SAMPLE)), max_pixels=max_pixels)
    times, first = _sorted([packet.shown for packet in report.packets]), report.frames
    # Where the first frames are not those of the first packets, neither are the others. Where
    # ffmpeg corrects times on the way, they are others after seeking.
    if not times or times[: len(first)] != first or "timestamp discontinuity" in report.log:
        return None
    return _stream(report, times)


def list_frames(path: Path, *, max_pixels: int) -> Stream:
    """Return the stream of a file from its frames, all of which are decoded.

    Frames without valid times are shown in the order in which ffmpeg returns them: at the times of
    decoding, if these are known, or else at the rate of the stream.

    Raises:
        EncodingError: ffmpeg is missing.
        PictureError: the file is not a clip, has no video, or cannot be converted.
    """
    report = _report(path, (), max_pixels=max_pixels)
    frames, packets = report.frames, report.packets
    timed = [(n, time) for n, time in enumerate(frames) if time is not None]
    rising = timed[:1]
    for n, time in timed[1:]:
        if time > rising[-1][1]:
            rising.append((n, time))
    numbers, times = [n for n, _ in rising], [time for _, time in rising]
    if len(rising) < len(frames) or _sorted([packet.shown for packet in packets]) is None:
        every = list(range(len(frames)))
        decoded = _sorted(_spread([packet.decoded for packet in packets]))
        if decoded is not None and len(decoded) == len(frames):
            numbers, times = every, decoded
        elif 2 * len(rising) <= len(frames) or _sorted(times) is None:
            numbers, times = every, [float(n / report.rate) for n in every]
    return _stream(report, times, numbers)


def _report(path: Path, options: tuple[str, ...], *, max_pixels: int) -> _Report:
    """Return what ffmpeg reports of a file, with these options for the decoded frames."""
    command = [find_ffmpeg(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info"]
    copied = ("-map", "0:V:0", "-c", "copy", "-f", "framecrc", "-")
    decoded = ("-map", "0:V:0", "-fps_mode", "passthrough", "-vf", "showinfo=checksum=0")
    # A decoder must not allocate the frame of a damaged header.
    limit = ("-max_pixels", str(2 * max_pixels))
    done = subprocess.run(
        [
            *(*command, *SINGLE_THREAD, *TRUSTED, *limit, "-i", file_url(path)),
            *(*copied, *decoded, *options, "-f", "null", "-"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,  # Ctrl-C interrupts only Python
        check=False,
    )
    report = _Report(
        path, done.stderr.decode(errors="replace"), done.stdout.decode(errors="replace")
    )
    if not _FRAME.search(report.log) and _pixels(report) <= max_pixels:
        raise PictureError(_explain(report))
    return report


def _stream(report: _Report, times: list[float], numbers: list[int] | None = None) -> Stream:
    """Return the stream of a file whose frames are shown at these times."""
    words = report.words
    codec = words.split(maxsplit=1)[0].rstrip(",") if words else ""
    name = repr(str(report.path))
    if dolby := _DOLBY.search(words):
        raise PictureError(
            f"{name} is Dolby Vision of profile {dolby[1]}, whose colours ffmpeg does not convert: "
            "export it as HDR10, HLG or SDR"
        )
    transparent = re.search(r"^\[info\] +alpha_mode *: 1$", words, re.MULTILINE) is not None
    transparent = transparent and codec in _ALPHA_DECODERS
    colours = _colours(report, transparent=transparent)
    try:
        conversion = colours.filters()
    except PictureError as error:
        raise PictureError(f"{name} cannot be read: {error}; convert it to BT.709") from None
    keys = (packet.shown for packet in report.packets if packet.key)
    return Stream(
        starts=np.array(times, np.float64),
        pixels=_pixels(report),
        alpha=colours.has_alpha,
        deinterlacer=_deinterlacer(report, words, codec),
        conversion=conversion,
        decoder=("-c:v", _ALPHA_DECODERS[codec]) if transparent else (),
        keys=np.array(sorted(key for key in keys if key is not None), np.float64),
        numbers=None if numbers is None else tuple(numbers),
    )


def _colours(report: _Report, *, transparent: bool) -> Colours:
    frame, colours = _FRAME.search(report.log), _COLOURS.search(report.log)
    pixels = frame["pixels"] if frame else "yuv420p"
    span, matrix, primaries, transfer = colours.groups() if colours else ("unknown",) * 4
    return Colours(
        pixels="yuva420p" if transparent else pixels,
        full_range={"pc": True, "tv": False}.get(span),
        matrix=matrix,
        primaries=primaries,
        transfer=transfer,
        premultiplied="alpha_mode:premultiplied" in report.log,
        height=_dimensions(report)[0],
    )


def _deinterlacer(report: _Report, words: str, codec: str) -> tuple[str, ...]:
    interlaced = any(frame["field"] != "P" for frame in _FRAME.finditer(report.log))
    if interlaced and codec != "hevc":  # its pictures are single fields
        return ("bwdif=mode=send_frame:deint=interlaced",)
    order = next((order for name, order in _ORDERS.items() if f"{name})" in words), None)
    if order is None or codec in _EXACT:
        return ()
    return (f"bwdif=mode=send_frame:deint=all:parity={order}",)


def _time(ticks: str, tick: float) -> float | None:
    """Return a time; None for no time, which is NOPTS or the lowest 64-bit number."""
    known = ticks != "NOPTS" and abs(int(ticks)) < 2**62
    return int(ticks) * tick if known else None


def _sorted(times: Sequence[float | None]) -> list[float] | None:
    """Return times in order; None if one is missing, two are equal, or they are days apart."""
    known = sorted(time for time in times if time is not None)
    gaps = [later - earlier for earlier, later in pairwise(known)]
    valid = len(known) == len(times) and all(0 < gap < _LONGEST for gap in gaps)
    return known if valid else None


def _spread(times: Sequence[float | None]) -> Sequence[float | None]:
    """Return times in order, of which a few equal ones are spread over the gap before them.

    Where a program stream is divided, two pictures get the time of the second one.
    """
    known = sorted(time for time in times if time is not None)
    equal = [n for n in range(1, len(known) - 1) if known[n] == known[n + 1]]
    if len(known) < len(times) or 10 * len(equal) > len(times):
        return times
    for n in equal:
        known[n] = (known[n - 1] + known[n]) / 2
    return known


def _dimensions(report: _Report) -> tuple[int, int]:
    """Return the (height, width) of a frame as it is stored; (1, 1) if it is not known."""
    size = re.search(r"^#dimensions 0: (\d+)x(\d+)", report.listing, flags=re.MULTILINE)
    return (int(size[2]), int(size[1])) if size else (1, 1)


def _pixels(report: _Report) -> int:
    """Return the pixels of a frame with square pixels, enlarged along one side."""
    height, width = _dimensions(report)
    shape = re.search(r"^#sar 0: (\d+)/(\d+)", report.listing, flags=re.MULTILINE)
    sides = (int(shape[1]), int(shape[2])) if shape else (1, 1)
    stretched = max(sides) / min(sides) if min(sides) else 1.0
    return round(height * width * stretched)


def _explain(report: _Report) -> str:
    name, log = repr(str(report.path)), report.log
    if missing := re.search(r"no decoder found for: (\S+)", log):
        codec = "of an unknown codec" if missing[1] == "none" else missing[1]
        return f"{name} is {codec}, which ffmpeg cannot decode: convert it to an mp4"
    if " Audio: " in log and " Video: " not in log:
        return f"{name} has sound but no moving picture: give a clip or an animation"
    if " Video: " in log and "matches no streams" in log:
        return f"{name} has sound and a cover, but no moving picture: give a clip"
    if " Video: " in log and "[error]" not in log:
        return f"{name} has no frames: give another clip"
    return f"{name} is damaged, or not a readable clip: get it again, or give an mp4"
