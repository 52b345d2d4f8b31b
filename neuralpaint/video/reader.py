"""Read all frames or some frames of a clip, and the tag of a clip or a still."""

from __future__ import annotations

import logging
import math
import re
import subprocess
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import EncodingError, NeuralPaintError, UsageError
from neuralpaint.image.metadata import read_picture_tag
from neuralpaint.image.pictures import Frame
from neuralpaint.video.ffmpeg import ErrorText, file_url, find_ffmpeg, run_ffmpeg
from neuralpaint.video.streams import SINGLE_THREAD, TRUSTED, Stream, list_frames, list_packets

__all__ = ["Clip", "open_clip", "read_frames", "read_tag"]

logger = logging.getLogger(__name__)

# Portable maps, because each frame then contains its own size.
_AS_MAPS = ("-map", "0:V:0", "-fps_mode", "passthrough", "-f", "image2pipe", "-c:v", "pam")
_SEEK = 10.0  # seconds: longer gaps between selected frames are skipped by seeking
_REASON = 200  # characters
_COUNTED = 25  # frames per second at which ffmpeg numbers the frames of clips without times
_EARLIER = 1.0  # seconds before a key frame at which decoding begins
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
class Clip:
    """A clip whose properties are known."""

    path: Path
    stream: Stream
    max_pixels: int

    def frames(self, indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """Yield the frames at increasing indices: upright, square pixels, sRGB.

        They are uint8 (h, w, 3), or (h, w, 4) with straight alpha if the clip has alpha. A frame
        that cannot be decoded, or is not found by seeking, is missing.

        Raises:
            EncodingError: ffmpeg has no filter that the clip needs.
        """
        stream, times = self.stream, self._times()
        for first, run in self._runs(indices):
            before = [*TRUSTED, *stream.decoder, "-max_pixels", str(2 * self.max_pixels)]
            if stream.numbers is not None:
                before += ["-r", str(_COUNTED)]
            begin = 0.0
            if first:
                begin = float(times[first])
                before += ["-ss", f"{begin:.6f}", "-t", f"{times[run[-1]] - begin + 1:.6f}"]
            wanted = _wanted(times - begin, run)
            # Of several frames with the same time, the first.
            select = f"select='(isnan(prev_selected_t)+gt(t-prev_selected_t,1e-6))*{wanted}'"
            filters = [*stream.deinterlacer, select, stream.conversion]
            after = ("-vf", ",".join(filters), "-frames:v", str(len(run)))
            reason = yield from _decode(self.path, before=before, after=after, alpha=stream.alpha)
            if missing := re.search(r"No such filter: '(\w+)'", reason):
                raise EncodingError(
                    f"{str(self.path)!r} needs the filter {missing[1]!r}, which this ffmpeg does "
                    "not have: run pip install -U imageio-ffmpeg"
                )
            if reason and not first:  # after seeking, a decoder may report missing frames
                logger.warning("%r is damaged (%s): frames may be wrong", self.path.name, reason)

    def _times(self) -> NDArray[np.float64]:
        """Return the time of each frame in ffmpeg, in seconds, (frames,)."""
        numbers = self.stream.numbers
        return self.stream.starts if numbers is None else np.array(numbers) / _COUNTED

    def _runs(self, indices: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        """Split indices into groups that ffmpeg decodes without seeking.

        Yields the index of the frame at which decoding begins, and the group.
        """
        starts, keys, seekable = self.stream.starts, self.stream.keys, self.stream.numbers is None
        gaps = np.diff(starts[list(indices)])
        cuts = np.flatnonzero((gaps > _SEEK) & seekable) + 1
        for run in np.split(np.array(indices), cuts):
            earlier = keys[(keys <= starts[run[0]]) & seekable]
            # A demuxer without an index begins at any frame, also one that needs those before it.
            first = np.searchsorted(starts, earlier[-1] - _EARLIER) if len(earlier) else 0
            yield int(first), run.tolist()


def open_clip(path: Path, *, max_pixels: int, exact: bool = False) -> Clip:
    """Return a clip. Reads the whole file, but decodes no more of it than necessary.

    `exact` decodes every frame, for files in which packets and frames differ.

    Raises:
        EncodingError: ffmpeg is missing.
        PictureError: the file is not a clip, has no video stream, or it cannot be converted.
    """
    stream = None if exact else list_packets(path, max_pixels=max_pixels)
    return Clip(path, stream or list_frames(path, max_pixels=max_pixels), max_pixels)


def _wanted(times: NDArray[np.float64], indices: Sequence[int]) -> str:
    """Return the expression that is true at the times of these frames only; ffmpeg rounds times.

    It is a tree, because ffmpeg parses no sum of more than about a hundred terms.
    """
    if len(indices) > 1:
        middle = len(indices) // 2
        before, after = indices[:middle], indices[middle:]
        border = (times[before[-1]] + times[after[0]]) / 2
        return f"if(lt(t,{border:.6f}),{_wanted(times, before)},{_wanted(times, after)})"
    (index,) = indices
    near = times[max(0, index - 1) : index + 2]
    away = min(0.4 * float(np.diff(near).min()), 0.5)
    return f"between(t,{times[index] - away:.6f},{times[index] + away:.6f})"


def read_tag(path: str | Path) -> str | None:
    """Return the tag of a clip, a folder of PNGs or a still; None if it has none.

    Raises:
        UsageError: the file does not exist, or the folder contains no frame.
        NeuralPaintError: the file cannot be read.
    """
    path = Path(path)
    try:
        if path.is_dir():
            folder, path = path, path / "00001.png"
            if not path.is_file():
                raise UsageError(
                    f"no file {str(path)!r}: the folder {str(folder)!r} contains no frames of a "
                    "clip; give a clip, a still, a take or a painting"
                )
        with path.open("rb") as file:
            magic = file.read(12)
        demuxer = _demuxer(magic)
        return read_picture_tag(path) if demuxer is None else _comment(path, demuxer=demuxer)
    except UsageError:  # also a ValueError
        raise
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        raise UsageError(f"no file {str(path)!r}: check the name") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NeuralPaintError(f"cannot read {str(path)!r}: {reason}") from error


def _decode(
    path: Path,
    *,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
    alpha: bool = False,
) -> Generator[NDArray[np.uint8], None, str]:
    """Yield the frames of a clip as ffmpeg decodes them; return its first error, or "".

    `before` contains ffmpeg options for the input, `after` for the output.
    """
    command = [find_ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "error", *SINGLE_THREAD]
    pixels = ("-threads", "1", "-pix_fmt", "rgba" if alpha else "rgb24", "-")
    process = subprocess.Popen(
        [*command, *before, "-i", file_url(path), *_AS_MAPS, *after, *pixels],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C interrupts only Python
    )
    assert process.stdout is not None
    assert process.stderr is not None
    errors, count = ErrorText(process.stderr), 0
    try:
        while (frame := _next_frame(process.stdout)) is not None:
            yield frame
            count += 1
        status = process.wait()
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
    # For a truncated clip, ffmpeg writes an error but exits with 0.
    if lines := errors.text().splitlines():
        return lines[0].strip()[:_REASON]
    return "" if status == 0 and count else "it has no frames"


def _next_frame(stream: IO[bytes]) -> NDArray[np.uint8] | None:
    """Read the next portable map; return None at the end and for an incomplete frame."""
    fields: dict[bytes, int] = {}
    while (line := stream.readline()) != b"ENDHDR\n":
        if not line:
            return None
        name, _, value = line.partition(b" ")
        if name in (b"HEIGHT", b"WIDTH", b"DEPTH"):
            fields[name] = int(value)
    shape = (fields[b"HEIGHT"], fields[b"WIDTH"], fields[b"DEPTH"])
    size = math.prod(shape)
    raw = stream.read(size)
    return np.frombuffer(raw, np.uint8).reshape(shape) if len(raw) == size else None


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
