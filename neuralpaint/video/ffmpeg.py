"""Run ffmpeg as a child process: feed it frames through a pipe, shorten its errors to one line."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from neuralpaint.errors import EncodingError

if TYPE_CHECKING:
    from neuralpaint.image.pictures import Frame

__all__ = [
    "LOCAL_ONLY",
    "Encoder",
    "ErrorText",
    "file_url",
    "find_ffmpeg",
    "list_encoders",
    "run_ffmpeg",
]

LOCAL_ONLY = ("-protocol_whitelist", "file,pipe,crypto,data")
"""Options for an input that ffmpeg must not follow to network addresses that it contains."""


_QUIET = ("-hide_banner", "-nostats", "-loglevel", "error")

# What to do about an error of ffmpeg. If several occur, the first entry of this table is reported.
_ADVICE = {
    "No space left on device": "free some space or write to another disk",
    "Disk quota exceeded": "free some space or write to another disk",
    "File too large": "the file system or a ulimit allows no larger file: write to another disk",
    "Cannot allocate memory": "choose a smaller size",
    "Unknown encoder": "install a newer ffmpeg: pip install -U imageio-ffmpeg",
}


def find_ffmpeg() -> str:
    """Return the path of the ffmpeg binary.

    Raises:
        EncodingError: imageio-ffmpeg is not installed or has no binary for this platform.
    """
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise EncodingError("ffmpeg is missing: run pip install -U imageio-ffmpeg") from error


def file_url(path: Path) -> str:
    """Return `path` as a URL that ffmpeg treats as a local file."""
    # ffmpeg would parse "-o.mp4" as an option, and "10:30.mp4" or "http:x.mp4" as a protocol.
    return f"file:{path.absolute()}"


def run_ffmpeg(arguments: Sequence[str], *, seconds: float = 60) -> bytes:
    """Run ffmpeg and return its stdout.

    Raises:
        EncodingError: ffmpeg failed, or took longer than `seconds`.
    """
    try:
        done = subprocess.run(
            [find_ffmpeg(), *_QUIET, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            start_new_session=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EncodingError(f"ffmpeg did not finish within {seconds:g} s: try again") from None
    except OSError as error:
        raise _cannot_start(error) from error
    if done.returncode != 0:
        raise EncodingError(_explain(done.stderr.decode(errors="replace"), done.returncode))
    return done.stdout


def list_encoders() -> frozenset[str]:
    """Return the names of the encoders of this ffmpeg build."""
    return _encoders_of(find_ffmpeg())


@functools.cache
def _encoders_of(binary: str) -> frozenset[str]:
    listing = run_ffmpeg(["-encoders"]).decode(errors="replace")
    return frozenset(re.findall(r"^ [VAS][A-Z.]{5} (\S+)", listing, flags=re.MULTILINE))


class ErrorText:
    """The beginning of what a running ffmpeg writes to its stderr.

    It is read on another thread: ffmpeg would block on a full pipe, and there may be no folder for
    a temporary file.
    """

    def __init__(self, stream: IO[bytes], *, most: int = 100_000) -> None:
        """Read at most this number of bytes, and drop the rest."""
        self._stream, self._most, self._start = stream, most, b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """Return the text; waits until ffmpeg has ended."""
        self._thread.join()
        return self._start.decode(errors="replace")

    def _read(self) -> None:
        with self._stream as stream:
            self._start = stream.read(self._most)
            while stream.read(self._most):
                pass


class Encoder:
    """A running ffmpeg process that reads raw frames from a pipe.

    It runs in its own session, so that Ctrl-C interrupts only Python. When the pipe closes, even
    because Python was killed, ffmpeg completes the file with the frames that it has received.
    """

    def __init__(self, arguments: Sequence[str | bytes], *, keep_open: int | None = None) -> None:
        """Start ffmpeg; it inherits the file descriptor `keep_open`.

        Arguments are text, or bytes in UTF-8 for titles and comments.

        Raises:
            EncodingError: ffmpeg is missing or cannot be started.
        """
        binary = find_ffmpeg()
        try:
            self._process = subprocess.Popen(
                [binary, *_QUIET, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=() if keep_open is None else (keep_open,),
                env={**os.environ, "SVT_LOG": "1"},  # SVT-AV1 ignores -loglevel
            )
        except OSError as error:
            raise _cannot_start(error) from error
        assert self._process.stderr is not None
        self._errors, self._finished = ErrorText(self._process.stderr), False

    def write(self, frame: Frame) -> None:
        """Write one C-contiguous frame to the pipe.

        Raises:
            EncodingError: ffmpeg has exited.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(frame.data.cast("B"))
            self._process.stdin.flush()
        except OSError:
            self.finish()
            raise EncodingError(
                "ffmpeg stopped reading frames before the end: try again, or choose another "
                "--format"
            ) from None

    def finish(self) -> None:
        """Close the pipe and wait until the file is complete.

        Raises:
            EncodingError: ffmpeg failed; the message contains its first error and advice.
        """
        assert self._process.stdin is not None
        # If ffmpeg has exited, closing the pipe fails; its exit status is reported below.
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        code, text = self._process.wait(), self._errors.text()
        finished, self._finished = self._finished, True
        if code != 0 and not finished:
            raise EncodingError(_explain(text, code))

    def kill(self) -> None:
        """Kill ffmpeg; the file stays incomplete. Thread-safe."""
        self._process.kill()

    def discard(self) -> None:
        """Kill ffmpeg and ignore its errors."""
        self.kill()
        with contextlib.suppress(EncodingError):
            self.finish()


def _cannot_start(error: OSError) -> EncodingError:
    chosen = os.environ.get("IMAGEIO_FFMPEG_EXE")
    advice = (
        f"IMAGEIO_FFMPEG_EXE is {chosen!r}: correct it, or unset it"
        if chosen
        else "run pip install -U imageio-ffmpeg"
    )
    return EncodingError(f"ffmpeg cannot be started ({error.strerror}): {advice}")


def _explain(stderr: str, code: int) -> str:
    lines = [re.sub(r"^(\[[^\]]*\]\s*)+", "", line).strip() for line in stderr.splitlines()]
    lines = [line for line in lines if line]
    for words, advice in _ADVICE.items():
        if any(words in line for line in lines):
            return f"ffmpeg reports {words!r}: {advice}"
    if lines:
        return f"ffmpeg reports {lines[0]!r}"
    if code < 0:
        return f"ffmpeg was killed by {_signal_name(-code)}: try again with more free memory"
    return f"ffmpeg failed with status {code} and no message"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
