"""ffmpeg as a child process: found once, fed through a pipe, its complaints told in one line."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neuralpaint.errors import EncodingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Child", "file_url", "find_ffmpeg", "list_encoders", "run_ffmpeg"]

_QUIET = ("-hide_banner", "-nostats", "-loglevel", "error")

# What ffmpeg's words mean for the person who reads them; the first that occurs is told.
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
        EncodingError: there is none; the message says how to install one.
    """
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise EncodingError("ffmpeg is missing: run pip install -U imageio-ffmpeg") from error


def file_url(path: Path) -> str:
    """Return `path` so that ffmpeg takes it for a file whatever its name looks like."""
    # A bare "-o.mp4" would be an option and "10:30.mp4" or "http:x.mp4" a protocol.
    return f"file:{path.absolute()}"


def run_ffmpeg(arguments: Sequence[str], *, seconds: float = 60) -> bytes:
    """Run ffmpeg to its end and return what it wrote to stdout.

    Raises:
        EncodingError: it failed, or took longer than `seconds`.
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
        raise EncodingError(f"ffmpeg did not answer within {seconds:g} s") from None
    except OSError as error:
        raise _cannot_start(error) from error
    if done.returncode != 0:
        raise EncodingError(_explain(done.stderr.decode(errors="replace"), done.returncode))
    return done.stdout


def list_encoders() -> frozenset[str]:
    """Return the names of the encoders that were built into this ffmpeg."""
    return _encoders_of(find_ffmpeg())


@functools.cache
def _encoders_of(binary: str) -> frozenset[str]:
    listing = run_ffmpeg(["-encoders"]).decode(errors="replace")
    return frozenset(re.findall(r"^ [VAS][A-Z.]{5} (\S+)", listing, flags=re.MULTILINE))


class Child:
    """One running ffmpeg that reads raw frames from a pipe.

    It runs in a session of its own, so that Ctrl-C reaches Python only, and ends by itself when the
    pipe is closed, even when Python was killed: whatever was written until then becomes the file.
    """

    def __init__(self, arguments: Sequence[str], *, keep_open: int | None = None) -> None:
        """Start ffmpeg; `keep_open` is a file descriptor that lives as long as the child does.

        Raises:
            EncodingError: ffmpeg is missing or cannot be started.
        """
        # A file and not a pipe: nobody has to empty it, and ffmpeg never blocks on it.
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `finish`
        try:
            self._process = subprocess.Popen(
                [find_ffmpeg(), *_QUIET, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
                start_new_session=True,
                pass_fds=() if keep_open is None else (keep_open,),
                env={**os.environ, "SVT_LOG": "1"},  # SVT-AV1 talks past -loglevel otherwise
            )
        except OSError as error:
            self._complaints.close()
            raise _cannot_start(error) from error
        except EncodingError:
            self._complaints.close()
            raise

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Send one whole frame, C-contiguous.

        Raises:
            EncodingError: ffmpeg has died or refused.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(frame.data.cast("B"))
            self._process.stdin.flush()
        except OSError:
            self.finish()
            raise EncodingError("ffmpeg stopped reading frames before the end") from None

    def finish(self) -> None:
        """Close the pipe and wait until the file is complete.

        Raises:
            EncodingError: ffmpeg failed; the message is its first complaint and what to do.
        """
        self._close_pipe()
        code = self._process.wait()
        if self._complaints.closed:
            return
        with self._complaints:
            self._complaints.seek(0)
            text = self._complaints.read(100_000).decode(errors="replace")
        if code != 0:
            raise EncodingError(_explain(text, code))

    def kill(self) -> None:
        """End ffmpeg at once; what it was writing is not finished. Any thread may call this."""
        self._process.kill()

    def discard(self) -> None:
        """End ffmpeg at once and forget it, whatever it had to say."""
        self.kill()
        with contextlib.suppress(EncodingError):
            self.finish()

    def _close_pipe(self) -> None:
        assert self._process.stdin is not None
        # A child that died took the pipe with it; its exit status says so.
        with contextlib.suppress(OSError):
            self._process.stdin.close()


def _cannot_start(error: OSError) -> EncodingError:
    return EncodingError(
        f"ffmpeg cannot be started ({error.strerror}): run pip install -U imageio-ffmpeg"
    )


def _explain(stderr: str, code: int) -> str:
    lines = [re.sub(r"^(\[[^\]]*\]\s*)+", "", line).strip() for line in stderr.splitlines()]
    lines = [line for line in lines if line]
    for words, advice in _ADVICE.items():
        if any(words in line for line in lines):
            return f"ffmpeg says {words!r}: {advice}"
    if lines:
        return f"ffmpeg says {lines[0]!r}"
    if code < 0:
        return f"ffmpeg was ended by {_signal_name(-code)}: try again, with more memory free"
    return f"ffmpeg failed with status {code} and no message"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
