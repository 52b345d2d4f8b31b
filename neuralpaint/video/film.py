"""The making of one file: frames into a part file, then its sound, its tag and its final name.

All of it happens on the writer's thread, where no signal can interrupt it between two steps.
"""

from __future__ import annotations

import io
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from neuralpaint.errors import EncodingError
from neuralpaint.outputs import writing_failed
from neuralpaint.video.ffmpeg import Child, file_url
from neuralpaint.video.formats import Format, Png
from neuralpaint.video.metadata import embed_tag, png_text_chunks, tag_arguments
from neuralpaint.video.parts import claim_part, publish, recover, remove, sound_part
from neuralpaint.video.sound import sound_arguments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Film", "Script"]


@dataclass(frozen=True)
class Script:
    """Everything that is decided about a film before its first frame."""

    target: Path
    format: Format
    height: int  # as encoded: even where the format needs it
    width: int
    fps: Fraction
    tag: str
    title: str
    audio: Path | None


class Film:
    """One film in the making; `make` runs on one thread, `stop` may be called from any other."""

    def __init__(self, script: Script) -> None:
        self.length = 0  # frames that are in the film
        self.published = False
        self._script = script
        self._child: Child | None = None
        self._stopped = False

    def make(self, frames: Iterable[NDArray[np.uint8]]) -> None:
        """Write every frame (height, width, 3) and publish the file, or leave nothing.

        Raises:
            EncodingError: ffmpeg died or refused, or the disk is full.
        """
        target, folder = self._script.target, not self._script.format.muxer
        try:
            recover(target)
            part, lock = claim_part(target, folder=folder)
            try:
                self._complete(frames, part, lock)
                if not self._stopped:
                    publish(part, target=target)
                    self.published = True
            finally:
                # ffmpeg is gone before its file is: it must not make it anew.
                if self._child is not None:
                    self._child.discard()
                remove(part)
                os.close(lock)
        except OSError as error:
            raise writing_failed(target, error) from error

    def stop(self) -> None:
        """End the making at once: whatever runs is killed and `make` leaves nothing."""
        # In this order: a child that starts meanwhile sees the flag.
        self._stopped = True
        if self._child is not None:
            self._child.kill()

    def _complete(self, frames: Iterable[NDArray[np.uint8]], part: Path, lock: int) -> None:
        script = self._script
        try:
            self._encode(frames, part, lock)
            if script.audio is not None and not self._stopped:
                self._add_sound(script.audio, part, lock)
        except EncodingError as error:
            raise EncodingError(f"{str(script.target)!r} cannot be written: {error}") from error
        if script.tag and script.format.tagged_afterwards and not self._stopped:
            embed_tag(part, tag=script.tag, title=script.title)

    def _encode(self, frames: Iterable[NDArray[np.uint8]], part: Path, lock: int) -> None:
        sink = self._open_sink(part, lock)
        for frame in frames:
            sink.write(frame)
            self.length += 1
        if not self._stopped:
            sink.finish()

    def _open_sink(self, part: Path, lock: int) -> _Sink:
        script = self._script
        if isinstance(script.format, Png):
            return _FolderSink(part, script)
        size = {"height": script.height, "width": script.width}
        pixels = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{script.width}x{script.height}"]
        source = [*pixels, "-framerate", str(script.fps), "-i", "pipe:0"]
        picture = script.format.arguments(**size, fps=script.fps)
        child = self._start([*source, *picture, *self._output(part)], lock)
        return _FfmpegSink(child)

    def _add_sound(self, audio: Path, part: Path, lock: int) -> None:
        script = self._script
        rate = script.format.frame_rate(script.fps)
        mixed = sound_part(script.target)
        arguments = sound_arguments(
            part, audio=audio, format=script.format, seconds=self.length / rate
        )
        try:
            self._start([*arguments, *self._output(mixed)], lock).finish()
            mixed.replace(part)
        finally:
            remove(mixed)

    def _output(self, path: Path) -> list[str]:
        script = self._script
        tags = tag_arguments(tag=script.tag, title=script.title)
        described = [] if script.format.tagged_afterwards else tags
        # bitexact leaves out dates and random numbers: the same frames make the same file.
        container = [*script.format.container, "-fflags", "+bitexact", "-f", script.format.muxer]
        return ["-map_metadata", "-1", *described, *container, "-y", file_url(path)]

    def _start(self, arguments: Sequence[str], lock: int) -> Child:
        child = Child(arguments, keep_open=lock)
        self._child = child
        if self._stopped:
            child.kill()
        return child


class _Sink(ABC):
    """Where frames go: `finish` returns when everything is on disk."""

    @abstractmethod
    def write(self, frame: NDArray[np.uint8]) -> None: ...

    @abstractmethod
    def finish(self) -> None: ...


class _FfmpegSink(_Sink):
    def __init__(self, child: Child) -> None:
        self._child = child

    def write(self, frame: NDArray[np.uint8]) -> None:
        self._child.write(frame)

    def finish(self) -> None:
        self._child.finish()


class _FolderSink(_Sink):
    """Numbered PNGs; the first one carries the tag."""

    def __init__(self, folder: Path, script: Script) -> None:
        assert isinstance(script.format, Png)
        self._folder = folder
        self._compression = script.format.compression
        self._text = png_text_chunks(tag=script.tag, title=script.title)
        self._count = 0

    def write(self, frame: NDArray[np.uint8]) -> None:
        from PIL import Image

        self._count += 1
        encoded = io.BytesIO()
        Image.fromarray(frame).save(encoded, "PNG", compress_level=self._compression)
        raw = encoded.getvalue()
        if self._count == 1:
            raw = raw[:-12] + self._text + raw[-12:]  # before the last chunk, IEND
        # Under its own name only when it is whole: a killed run leaves whole frames.
        path = self._folder / f"{self._count:05}.png"
        growing = path.with_suffix(".part")
        growing.write_bytes(raw)
        growing.replace(path)

    def finish(self) -> None:
        pass
