"""Read all frames or some frames of a clip, and the tag of a clip or a still."""

from __future__ import annotations

import logging
import re
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import EncodingError, NeuralPaintError, PictureError, UsageError
from neuralpaint.image.metadata import read_picture_tag
from neuralpaint.image.pictures import Frame
from neuralpaint.video.ffmpeg import file_url, find_ffmpeg, run_ffmpeg

__all__ = ["SUFFIXES", "ProbedClip", "probe", "read_frames", "read_tag"]

logger = logging.getLogger(__name__)

SUFFIXES = frozenset(
    {".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts"}
    | {".mxf", ".ogv", ".ts", ".webm", ".wmv", ".y4m"}
)
"""The file suffixes of clips that ffmpeg reads."""

# One thread each, because up to twenty clips are read at the same time.
_SINGLE_THREAD = ("-threads", "1", "-filter_threads", "1")
# Portable pixmaps, because each frame then contains its own size.
_AS_PIXMAPS = ("-map", "0:v:0", "-fps_mode", "passthrough", "-f", "image2pipe", "-c:v", "ppm")
# A playlist named .mp4 must not make ffmpeg open other files or network addresses.
_TRUSTED = (
    *("-protocol_whitelist", "file"),
    *("-format_whitelist", "mov,matroska,avi,flv,mpeg,mpegts,mxf,ogg,asf,yuv4mpegpipe"),
)
_SEEK = 10.0  # seconds: longer gaps between selected frames are skipped by seeking
_ROUNDING = 0.0005  # seconds: the times of frames are rounded
_HIGH_DEFINITION = 720  # rows: clips of at least this height without colour tags are BT.709
_MATRIX = re.compile(r"[(] ?(?:tv, |pc, )?(bt709|bt470bg|smpte170m|smpte240m|fcc|bt2020n?c|gbr)\b")
_HDR = re.compile(r"/(smpte2084|arib-std-b67)\b")
_MATROSKA = b"\x1a\x45\xdf\xa3"


def read_frames(path: str | Path) -> Generator[Frame, None, None]:
    """Yield all frames of a clip, uint8 (h, w, 3), sRGB, with one frame in memory at a time.

    Closing the generator (`contextlib.closing`) ends ffmpeg. Lossless clips are read bit for bit.

    Raises:
        EncodingError: ffmpeg is missing.
        NeuralPaintError: the clip does not exist, or it is damaged.
    """
    if not Path(path).is_file():
        raise NeuralPaintError(f"no clip {str(path)!r}: check the name")
    reason = yield from _decode(Path(path))
    if reason:
        raise NeuralPaintError(f"{str(path)!r} cannot be read ({reason}): make it again")


@dataclass(frozen=True)
class ProbedClip:
    """The properties of a clip that can be read without decoding a frame."""

    path: Path
    starts: NDArray[np.float64]  # (frames,) seconds, increasing
    end: float  # seconds, of the last frame
    pixels: int  # per frame, upright and with square pixels
    matrix: str  # ffmpeg's name of the conversion from luma and chroma to RGB

    def frames(self, indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the frames at increasing indices, uint8 (h, w, 3), upright, square pixels, sRGB.

        In a damaged clip, the last frames may be missing.
        """
        for run in _runs(self.starts[list(indices)].tolist()):
            first = max(0.0, run[0] - _ROUNDING)
            # Frame n is the first frame at or after time n.
            wanted = "+".join(
                f"eq(selected_n,{n})*gte(t,{time - first - _ROUNDING:.6f})"
                for n, time in enumerate(run)
            )
            colours = f"in_color_matrix={self.matrix}:flags=bicubic+accurate_rnd+full_chroma_int"
            filters = f"select='{wanted}',scale=trunc(iw*sar+0.5):ih:{colours},format=rgb24"
            before = (*_TRUSTED, "-ss", f"{first:.6f}")
            after = ("-vf", filters, "-frames:v", str(len(run)))
            yield from _decode(self.path, before=before, after=after)


def probe(path: Path) -> ProbedClip:
    """Return the properties of a clip. Reads the whole file, but decodes no frame.

    Raises:
        EncodingError: ffmpeg is missing.
        PictureError: the file is not a clip, or has no video stream.
    """
    command = [find_ffmpeg(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info"]
    listed = ("-map", "0:V:0", "-c", "copy", "-f", "framecrc", "-")
    done = subprocess.run(
        [*command, *_TRUSTED, "-i", file_url(path), *listed],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,  # Ctrl-C interrupts only Python
        check=False,
    )
    log, listing = done.stderr.decode(errors="replace"), done.stdout.decode(errors="replace")
    line = next((line for line in log.splitlines() if " Video: " in line), "")
    packets = _packets(listing)
    if done.returncode != 0 or not packets:
        raise PictureError(_explain(path, log))
    if _HDR.search(line):
        logger.warning("%r is HDR, which is not tone-mapped: its colours look flat", str(path))
    height, width = _size(listing)
    labelled = _MATRIX.search(line) is not None
    base = re.search(r"^#tb 0: (\d+/\d+)", listing, flags=re.MULTILINE)
    tick = float(Fraction(base[1])) if base else 1.0
    starts = np.array([time for time, _ in packets], np.float64) * tick
    return ProbedClip(
        path=path,
        starts=starts,
        end=float(starts[-1] + packets[-1][1] * tick),
        pixels=height * width,
        matrix="auto" if labelled or height < _HIGH_DEFINITION else "bt709",
    )


def read_tag(path: str | Path) -> str | None:
    """Return the tag of a clip, a folder of PNGs or a still; None if it has none.

    Raises:
        UsageError: the file does not exist, or the folder contains no frame.
        NeuralPaintError: the file cannot be read.
    """
    path = Path(path)
    try:
        if path.is_dir():
            path = path / "00001.png"
        with path.open("rb") as file:
            magic = file.read(12)
        demuxer = _demuxer(magic)
        return read_picture_tag(path) if demuxer is None else _comment(path, demuxer=demuxer)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        raise UsageError(f"no file {str(path)!r}: give a clip or a still") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NeuralPaintError(f"cannot read {str(path)!r}: {reason}") from error


def _decode(
    path: Path, *, before: Sequence[str] = (), after: Sequence[str] = ()
) -> Generator[Frame, None, str]:
    """Yield the frames of a clip as ffmpeg decodes them; return its first error, or "".

    `before` contains ffmpeg options for the input, `after` for the output.
    """
    command = [find_ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "error", *_SINGLE_THREAD]
    pixels = ("-threads", "1", "-pix_fmt", "rgb24", "-")
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, *before, "-i", file_url(path), *_AS_PIXMAPS, *after, *pixels],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C interrupts only Python
        )
        assert process.stdout is not None
        count = 0
        try:
            while (frame := _next_frame(process.stdout)) is not None:
                yield frame
                count += 1
            status = process.wait()
        finally:
            process.kill()
            process.stdout.close()
            process.wait()
        errors.seek(0)
        lines = errors.read(10_000).decode(errors="replace").splitlines()
        # For a truncated clip, ffmpeg writes an error but exits with 0.
        if lines:
            return lines[0].strip()
        return "" if status == 0 and count else "it has no frames"


def _next_frame(stream: IO[bytes]) -> Frame | None:
    """Read the next pixmap; return None at the end and for an incomplete frame."""
    if stream.readline() != b"P6\n":
        return None
    width, height = map(int, stream.readline().split())
    stream.readline()  # the highest level, 255
    raw = stream.read(height * width * 3)
    if len(raw) < height * width * 3:
        return None
    return np.frombuffer(raw, np.uint8).reshape(height, width, 3)


def _runs(times: list[float]) -> Iterator[list[float]]:
    """Split increasing times into groups that ffmpeg decodes without seeking."""
    run = times[:1]
    for last, time in pairwise(times):
        if time - last > _SEEK:
            yield run
            run = []
        run.append(time)
    yield run


def _packets(listing: str) -> list[tuple[int, int]]:
    """Return the (time, duration) of each packet that is shown, in ticks, sorted by time."""
    found = []
    for line in listing.splitlines():
        stream, *fields = (field.strip() for field in line.split(","))
        if stream != "0":
            continue
        decoded, shown, duration = fields[:3]
        flags = next((int(field[2:], 16) for field in fields if field.startswith("F=")), 0)
        time = decoded if shown == "NOPTS" else shown
        if not flags & 4 and time != "NOPTS":  # 4, AV_PKT_FLAG_DISCARD: decoded but not shown
            found.append((int(time), int(duration)))
    return sorted(set(found))


def _size(listing: str) -> tuple[int, int]:
    """Return the height and width of a frame with square pixels, before rotation."""
    size = re.search(r"^#dimensions 0: (\d+)x(\d+)", listing, flags=re.MULTILINE)
    shape = re.search(r"^#sar 0: (\d+)/(\d+)", listing, flags=re.MULTILINE)
    width, height = (int(size[1]), int(size[2])) if size else (1, 1)
    wide, high = (int(shape[1]), int(shape[2])) if shape else (0, 1)
    return height, round(width * wide / high) if wide and high else width


def _explain(path: Path, log: str) -> str:
    if " Audio: " in log and " Video: " not in log:
        return f"{str(path)!r} has sound but no moving picture: give a clip or an animation"
    if " Video: " in log and "matches no streams" in log:
        return f"{str(path)!r} has sound and a cover, but no moving picture: give a clip"
    if " Video: " in log and "[error]" not in log:
        return f"{str(path)!r} has no frames: give another clip"
    return f"{str(path)!r} is damaged, or not a readable clip: get it again, or give an mp4"


def _demuxer(magic: bytes) -> str | None:
    """Return the ffmpeg demuxer for a file that begins with `magic`; None for a picture."""
    if magic.startswith(_MATROSKA):
        return "matroska"
    # AVIF uses this container too, but stores its tag as pictures do.
    return "mov" if magic[4:8] == b"ftyp" and magic[8:12] not in (b"avif", b"avis") else None


def _comment(path: Path, *, demuxer: str) -> str | None:
    # The explicit demuxer prevents a crafted file from selecting a different one.
    source = ["-protocol_whitelist", "file", "-f", demuxer, "-i", file_url(path)]
    try:
        listing = run_ffmpeg([*source, "-f", "ffmetadata", "pipe:1"])
    except EncodingError:
        return None
    # The metadata of the file comes first, in an unnamed section; other sections begin with "[".
    for line in re.finditer(rb"((?:[^\\\n]|\\.)*)\n", listing, flags=re.DOTALL):
        key, _, value = line[1].partition(b"=")
        if key.startswith(b"["):
            return None
        if key.lower() == b"comment":
            return re.sub(rb"\\(.)", rb"\1", value, flags=re.DOTALL).decode(errors="replace")
    return None
