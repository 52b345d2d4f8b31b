"""Reading a clip back: its frames, one after another, as ffmpeg decodes them.

A lossless clip comes back to the last bit; it may be hours long, because one frame is held at a
time.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import NeuralPaintError
from neuralpaint.video.ffmpeg import file_url, find_ffmpeg

__all__ = ["decoder", "next_frame", "read_frames"]

# One of twenty clips that are read at once must not take all the processors.
_ALONE = ("-threads", "1", "-filter_threads", "1")
# Portable pixmaps, because each says its own size.
_AS_PIXMAPS = ("-map", "0:v:0", "-fps_mode", "passthrough", "-f", "image2pipe", "-c:v", "ppm")


def read_frames(path: str | Path) -> Generator[NDArray[np.uint8], None, None]:
    """Yield the frames of a clip, uint8 (h, w, 3), sRGB, in order.

    Whoever stops early closes the iterator (`contextlib.closing`); ffmpeg ends with it.

    Raises:
        EncodingError: ffmpeg is missing.
        NeuralPaintError: there is no such clip, or it is damaged.
    """
    if not Path(path).is_file():
        raise NeuralPaintError(f"no clip {str(path)!r}: check the name")
    with tempfile.TemporaryFile() as complaints, decoder(Path(path), complaints) as process:
        assert process.stdout is not None
        count = 0
        while (frame := next_frame(process.stdout)) is not None:
            yield frame
            count += 1
        status = process.wait()
        complaints.seek(0)
        lines = complaints.read(10_000).decode(errors="replace").splitlines()
        # Of a clip that was cut off ffmpeg complains, and reports success.
        if status != 0 or lines or not count:
            reason = lines[0].strip() if lines else "it has no frames"
            raise NeuralPaintError(f"{str(path)!r} cannot be read ({reason}): make it again")


@contextlib.contextmanager
def decoder(
    path: Path,
    complaints: IO[bytes] | None = None,
    *,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """Run an ffmpeg that writes the frames of a clip into a pipe, and end it with the block.

    `before` are its options for reading the clip, and `after` those for writing the frames, which
    `next_frame` reads. What it complains of goes into a file.
    """
    command = [find_ffmpeg(), "-hide_banner", "-nostdin", "-loglevel", "error", *_ALONE, *before]
    pixels = ("-threads", "1", "-pix_fmt", "rgb24", "-")
    process = subprocess.Popen(
        [*command, "-i", file_url(path), *_AS_PIXMAPS, *after, *pixels],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=complaints or subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for Python
    )
    try:
        yield process
    finally:
        assert process.stdout is not None
        process.kill()
        process.stdout.close()
        process.wait()


def next_frame(stream: IO[bytes]) -> NDArray[np.uint8] | None:
    """Return the next frame, None at the end; half a frame is none."""
    if stream.readline() != b"P6\n":
        return None
    width, height = map(int, stream.readline().split())
    stream.readline()  # the highest level, 255
    raw = stream.read(height * width * 3)
    if len(raw) < height * width * 3:
        return None
    return np.frombuffer(raw, np.uint8).reshape(height, width, 3)
