"""ClipWriter: encodes frames while training continues, and writes a complete clip or nothing.

Frames are copied into a small ring of buffers and encoded on another thread. The ring is two
`SimpleQueue`s because their operations are atomic even when Ctrl-C arrives: a frame is either
completely in the clip or not at all.
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

from neuralpaint.errors import EncodingError, NeuralPaintError
from neuralpaint.image.metadata import check_tag
from neuralpaint.image.pictures import Frame
from neuralpaint.runtime.files import PartFile, part_file, remove_stale_parts
from neuralpaint.video.formats import Format, exact_fps, format_for
from neuralpaint.video.sinks import ClipInfo, check_clip, sink_for

__all__ = ["ClipWriter"]

_log = logging.getLogger(__name__)

_RING_BYTES = 64 * 2**20
_MIN_BUFFERS, _MAX_BUFFERS = 3, 16


class ClipWriter:
    """Writes uint8 frames (height, width, 3), or (height, width, 4) with alpha, to a clip.

    `path`, `height`, `width` and `fps` describe the clip; `height` and `width` are rounded up to
    even numbers if the format needs it. `shape` is the shape of a frame, and `frames` is the number
    of frames so far.

    As a context manager, it finishes the clip at the end of the block, also after a
    KeyboardInterrupt; after any other exception it removes the clip. The file appears under its
    name only when it is complete.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        height: int,
        width: int,
        fps: float | Fraction,
        channels: int = 3,
        format: Format | str | None = None,  # noqa: A002 - the user's word for it
        tag: str = "",
        title: str = "",
        audio: str | Path | None = None,
        overwrite: bool = False,
        rescue: bool = True,
        is_part: bool = False,
    ) -> None:
        """Check everything and start encoding.

        Args:
            path: the clip, or a folder of PNGs.
            height: of a frame, in pixels.
            width: of a frame, in pixels.
            fps: frames per second, above 0.
            channels: 3; or 4, where frames have premultiplied alpha, if the format stores it.
            format: an entry, its text (`gif:dither=none`), or None to choose by the suffix.
            tag: a text that is stored in the file; `read_tag` returns it.
            title: stored where the format has a place for it.
            audio: a sound file, cut or padded with silence to the length of the clip.
            overwrite: whether `path` may exist.
            rescue: whether the playable part of a clip that a killed process was writing to `path`
                is kept under another name; otherwise it is deleted.
            is_part: whether the clip is joined with others by `join_clips` later.

        Raises:
            UsageError: the path, format, size, rate or audio cannot be used.
            EncodingError: the folder is not writable, or ffmpeg is missing.
        """
        chosen = format if isinstance(format, Format) else format_for(path, format)
        height, width = operator.index(height), operator.index(width)
        self._target = check_clip(
            path,
            chosen,
            height=height,
            width=width,
            fps=fps,
            alpha=channels == 4,
            audio=audio,
            overwrite=overwrite,
        )
        self.height, self.width = chosen.padded(height=height, width=width)
        rate = exact_fps(fps)
        self.fps = float(rate)
        self._info = ClipInfo(
            height=self.height,
            width=self.width,
            fps=rate,
            alpha=channels == 4,
            tag=check_tag(tag),
            title=check_tag(title),
            audio=None if audio is None else Path(audio),
            is_part=is_part,
        )
        self.path = Path(path)
        self.shape = (height, width, channels)
        self.frames = 0
        self._sink = sink_for(chosen)
        self._rescue = rescue
        self._closed = False
        self._failure: NeuralPaintError | None = None
        self._free: SimpleQueue[Frame] = SimpleQueue()
        self._filled: SimpleQueue[Frame | None] = SimpleQueue()
        # Set by the encoding thread.
        self._encoded = 0
        self._published = False
        self._ended = False
        self._done: SimpleQueue[None] = SimpleQueue()
        for buffer in _ring(self.height, self.width, channels):
            self._free.put(buffer)
        # A daemon thread, so that a writer that was not closed does not keep Python running.
        threading.Thread(target=self._run, name="neuralpaint clip", daemon=True).start()

    @property
    def finished(self) -> bool:
        """Whether the complete clip is at its path."""
        return self._closed and self._published

    def write(self, frame: Frame) -> None:
        """Add one frame. It is copied, so the array can be reused at once.

        Blocks while all buffers are waiting for the encoder.

        Raises:
            ValueError: `frame` is not C-contiguous uint8 of `shape`, or the clip is closed.
            EncodingError: ffmpeg failed on an earlier frame, or the disk is full.
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
        # If sizes must be even, the last row and column are repeated; black would be visible.
        buffer[height:, :width] = buffer[height - 1, :width]
        buffer[:, width:] = buffer[:, width - 1 : width]
        self._filled.put(buffer)
        self.frames += 1

    def close(self, *, patience: int = 1) -> Path:
        """Finish the clip and return its path. Further calls do nothing.

        Up to `patience` KeyboardInterrupts are held back until the clip is finished. One more kills
        ffmpeg and removes the file.

        Raises:
            EncodingError: the clip cannot be finished; the file is removed.
        """
        if not self._closed:
            self._finish(patience=patience)
        if self._failure is not None:
            raise self._failure
        return self.path

    def abort(self) -> None:
        """Stop encoding and remove the clip. Does nothing after `close`.

        A KeyboardInterrupt during the call is raised after the files are removed.
        """
        if not self._closed:
            self._sink.stop()
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
                _log.warning("the clip up to here is lost: %s", self._failure)
        else:
            self.abort()

    def _finish(self, *, patience: int) -> None:
        if not self.frames:
            self.abort()
            raise EncodingError(f"{str(self.path)!r} cannot be written: it has no frames")
        self._wait(patience=patience)

    def _wait(self, *, patience: int) -> None:
        """Wait for the encoding thread; up to `patience` KeyboardInterrupts are held back."""
        interrupts = 0
        # The loop checks the flag and not the queue: Ctrl-C may arrive just after `get` returns.
        while not self._ended:
            try:
                self._filled.put(None)  # an extra None after an interrupt is harmless
                self._done.get()
            except KeyboardInterrupt:
                interrupts += 1
                if interrupts > patience:
                    self._sink.stop()
                if interrupts > patience + 1:
                    raise
        self._closed = True
        self.frames = self._encoded
        if interrupts:
            raise KeyboardInterrupt

    def _run(self) -> None:
        """Encode the queued frames. Runs on another thread, where signals raise no exception."""
        frames = self._queued()
        try:
            # Remove part files left by killed processes.
            remove_stale_parts(
                self._target, keep=self._sink.make_playable if self._rescue else None
            )
            with part_file(self._target, folder=self._sink.folder) as part:
                self._encode(frames, part)
            if not self._published:
                self._failure = EncodingError(f"{str(self.path)!r} was aborted")
        except NeuralPaintError as error:
            self._failure = error
        except Exception as error:
            # `write` or `close` raises it; without it, they would block forever.
            _log.debug("unexpected failure while encoding", exc_info=True)
            self._failure = EncodingError(f"{str(self.path)!r} cannot be written: {error!r}")
        for _ in frames:  # `write` may be blocked until a buffer is free
            pass
        self._ended = True
        self._done.put(None)

    def _encode(self, frames: Iterator[Frame], part: PartFile) -> None:
        sink = self._sink
        try:
            write = sink.open(part, self._info)
            for frame in frames:
                if sink.stopped:
                    return
                write(frame)
                self._encoded += 1
            sink.finish(self._encoded)
            if not sink.stopped:
                part.publish()
                self._published = True
        except EncodingError as error:
            if not sink.stopped:  # otherwise `stop` killed ffmpeg
                raise EncodingError(f"{str(self._target)!r} cannot be written: {error}") from error
        finally:
            # ffmpeg must end before the part file is removed, or it would create the file again.
            sink.discard()

    def _queued(self) -> Iterator[Frame]:
        while (buffer := self._filled.get()) is not None:
            yield buffer
            self._free.put(buffer)


def _ring(height: int, width: int, channels: int) -> Iterator[Frame]:
    count = _RING_BYTES // (height * width * channels)
    for _ in range(min(max(count, _MIN_BUFFERS), _MAX_BUFFERS)):
        yield np.empty((height, width, channels), dtype=np.uint8)
