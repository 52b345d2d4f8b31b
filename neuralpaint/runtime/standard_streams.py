"""Standard streams that cannot fail: a closed, broken or full one does not end a job.

Services start programs with closed streams, `| head -1` closes a pipe early, a terminal that was
closed reports input/output errors, and a log can fill its disk. None of these is a reason to lose a
clip. On Windows nothing is changed: its consoles have streams of their own.
"""

from __future__ import annotations

import codecs
import io
import os
import select
import sys
from typing import Any, TextIO

__all__ = ["open_streams", "output_error"]

_ERRORS = "neuralpaint"


class _Unfailing(io.FileIO):
    """A file descriptor; after the first failed write, everything is dropped."""

    error: OSError | None = None

    def write(self, data: Any, /) -> int:
        if self.error is None:
            try:
                while (written := super().write(data)) is None:  # the stream does not block
                    select.select([], [self.fileno()], [])
                return written
            except OSError as error:
                self.error = error
        return memoryview(data).nbytes


def open_streams() -> None:
    """Open the standard streams that are closed, and let no writing to stdout and stderr fail.

    Streams that are not the process's own, as in a test, are left alone.
    """
    if os.name == "nt":
        return
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115 - open until the process ends
    codecs.register_error(_ERRORS, _encode)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _unfailing(sys.stdout, 1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _unfailing(sys.stderr, 2)


def output_error() -> OSError | None:
    """Return why stdout does not contain everything; None if it does, or if nobody reads it."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    error = raw.error if isinstance(raw, _Unfailing) else None
    return None if isinstance(error, BrokenPipeError) else error


def _unfailing(stream: TextIO | None, descriptor: int) -> TextIO:
    buffer = io.BufferedWriter(_Unfailing(descriptor, "w", closefd=False))
    encoding = "utf-8" if stream is None else stream.encoding
    at_once = descriptor == 2 or buffer.raw.isatty()
    return io.TextIOWrapper(buffer, encoding, _ERRORS, line_buffering=at_once)


def _encode(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return the bytes of a file name that cannot be decoded, and "?" for any other character."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("replace")(error)
