"""ClipWriter: takes frames while training goes on, and leaves either a whole clip or nothing.

Frames are copied into a small ring of buffers and encoded on a thread of their own. The ring is two
`SimpleQueue`s because their operations are atomic even when Ctrl-C arrives: a frame is in the film
whole or not at all.
"""

from __future__ import annotations

import logging
import operator
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import EncodingError, NeuralPaintError
from neuralpaint.runtime.tags import check_tag
from neuralpaint.video.destination import check_clip, exact_rate
from neuralpaint.video.film import Film
from neuralpaint.video.formats import Format, format_for
from neuralpaint.video.sinks import Script

__all__ = ["ClipWriter"]

_log = logging.getLogger(__name__)

_RING_BYTES = 64 * 2**20
_FEWEST_BUFFERS, _MOST_BUFFERS = 3, 16


class ClipWriter:
    """Writes uint8 frames (height, width, 3) to a clip.

    Used as a context manager it finishes the clip at the end of the block, also when the block was
    left by KeyboardInterrupt; any other exception leaves nothing behind. The file appears under its
    name only when it is complete.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        height: int,
        width: int,
        fps: float | Fraction,
        format: Format | str | None = None,  # noqa: A002 - the user's word for it
        tag: str = "",
        title: str = "",
        audio: str | Path | None = None,
        overwrite: bool = False,
        rescue: bool = True,
    ) -> None:
        """Check everything and start encoding.

        `format` is an entry, its text (`gif:dither=none`) or None, which goes by the suffix. `fps`
        are frames per second, above 0. `tag` is kept in the file for `read_tag`, `title` where the
        format has a place for it. `audio` is cut or filled with silence to the clip's length. What
        killed runs have left of this clip is kept under another name, if it is worth a `rescue`.

        Raises:
            UsageError: the path, format, size, rate or audio cannot be used.
            EncodingError: the folder cannot be written to, or ffmpeg is missing.
        """
        chosen = format if isinstance(format, Format) else format_for(path, format)
        size = operator.index(height), operator.index(width)
        target = check_clip(
            path,
            chosen,
            height=height,
            width=width,
            fps=fps,
            audio=audio,
            overwrite=overwrite,
        )
        even = chosen.padded(height=height, width=width)
        self._script = Script(
            target=target,
            format=chosen,
            height=even[0],
            width=even[1],
            fps=exact_rate(fps),
            tag=check_tag(tag),
            title=check_tag(title),
            audio=None if audio is None else Path(audio),
            rescue=rescue,
        )
        self.path = Path(path)
        self.shape = (*size, 3)
        self.frames = 0
        self._film = Film(self._script)
        self._closed = False
        self._failure: NeuralPaintError | None = None
        self._free: SimpleQueue[NDArray[np.uint8]] = SimpleQueue()
        self._filled: SimpleQueue[NDArray[np.uint8] | None] = SimpleQueue()
        self._done: SimpleQueue[None] = SimpleQueue()
        self._over = False  # set by the thread as its last deed
        for buffer in _ring(*even):
            self._free.put(buffer)
        # A daemon: a writer that nobody closed must not keep Python from ending.
        threading.Thread(target=self._make, name="neuralpaint clip", daemon=True).start()

    @property
    def height(self) -> int:
        """The height of the clip in pixels: one more than that of a frame where it must be even."""
        return self._script.height

    @property
    def width(self) -> int:
        """The width of the clip in pixels: one more than that of a frame where it must be even."""
        return self._script.width

    @property
    def fps(self) -> float:
        """The frames per second of the clip."""
        return float(self._script.fps)

    @property
    def finished(self) -> bool:
        """Whether the complete clip is at its path."""
        return self._closed and self._film.published

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Add one frame; it is copied, so the array may be used again at once.

        Waits while the encoder is behind. Raises:
            ValueError: it is not a C-contiguous uint8 array of `shape`, or the clip is closed.
            EncodingError: ffmpeg died or refused an earlier frame, or the disk is full.
        """
        if self._closed:
            raise ValueError(f"{str(self.path)!r} is closed: no frame can be added")
        if frame.dtype != np.uint8 or frame.shape != self.shape or not frame.flags.c_contiguous:
            raise ValueError(
                f"a frame must be C-contiguous uint8 {self.shape}, not {frame.dtype} {frame.shape}"
            )
        buffer = self._free.get()
        if self._failure is not None:
            self._free.put(buffer)
            raise self._failure
        height, width, _ = self.shape
        buffer[:height, :width] = frame
        # Where sizes must be even, the last row and column stand twice; black ones would show.
        buffer[height:, :width] = buffer[height - 1, :width]
        buffer[:, width:] = buffer[:, width - 1 : width]
        self._filled.put(buffer)
        self.frames += 1

    def close(self, *, patience: int = 1) -> Path:
        """Finish the clip and return its path; calling it again does nothing more.

        The first `patience` KeyboardInterrupts while it works let it finish the clip and are raised
        then; one more ends ffmpeg at once and leaves nothing.

        Raises:
            EncodingError: it cannot be finished; nothing is left.
        """
        if not self._closed:
            self._finish(patience=patience)
        if self._failure is not None:
            raise self._failure
        return self.path

    def abort(self) -> None:
        """Give the clip up and leave nothing; after `close` it does nothing.

        A KeyboardInterrupt meanwhile is raised when nothing is left.
        """
        if not self._closed:
            self._film.stop()
            self._wait(patience=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._closed:
            return
        if kind is None:
            self.close()
        elif issubclass(kind, KeyboardInterrupt) and self.frames:
            self._finish(patience=0)
            if self._failure is not None:
                _log.warning("the clip so far is lost: %s", self._failure)
        else:
            self.abort()

    def _finish(self, *, patience: int) -> None:
        if not self.frames:
            self.abort()
            raise EncodingError(f"{str(self.path)!r} cannot be written: not one frame was given")
        self._wait(patience=patience)

    def _wait(self, *, patience: int) -> None:
        """Wait for the film; the first `patience` KeyboardInterrupts do not stop it."""
        interrupts = 0
        # The flag and not what comes through the queue: Ctrl-C may arrive just after `get`.
        while not self._over:
            try:
                self._filled.put(None)  # the second time nobody listens any more
                self._done.get()
            except KeyboardInterrupt:
                interrupts += 1
                if interrupts > patience:
                    self._film.stop()
                if interrupts > patience + 1:
                    raise
        self._closed = True
        self.frames = self._film.length
        if interrupts:
            raise KeyboardInterrupt

    def _make(self) -> None:
        frames = self._arriving()
        try:
            self._film.make(frames)
            if not self._film.published:
                self._failure = EncodingError(f"{str(self.path)!r} was given up")
        except NeuralPaintError as error:
            self._failure = error
        except Exception as error:
            # The thread has nobody to raise to; without this the writer would wait for ever.
            _log.debug("unexpected failure while encoding", exc_info=True)
            self._failure = EncodingError(f"{str(self.path)!r} cannot be written: {error!r}")
        for _ in frames:  # the writer may be waiting for a free buffer
            pass
        self._over = True
        self._done.put(None)

    def _arriving(self) -> Iterator[NDArray[np.uint8]]:
        while (buffer := self._filled.get()) is not None:
            yield buffer
            self._free.put(buffer)


def _ring(height: int, width: int) -> Iterator[NDArray[np.uint8]]:
    count = _RING_BYTES // (height * width * 3)
    for _ in range(min(max(count, _FEWEST_BUFFERS), _MOST_BUFFERS)):
        yield np.empty((height, width, 3), dtype=np.uint8)
