"""Where frames go: through ffmpeg into one file, or into a folder of numbered PNGs.

A new kind of output is a sink here and a format that names it.
"""

from __future__ import annotations

import contextlib
import io
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from neuralpaint.errors import EncodingError, NeuralPaintError
from neuralpaint.runtime.files import PartFile, check_output, check_output_folder, part_file, remove
from neuralpaint.runtime.tags import embed_tag, png_text
from neuralpaint.video.ffmpeg import Child, file_url, find_ffmpeg, list_encoders, run_ffmpeg
from neuralpaint.video.formats import Format
from neuralpaint.video.metadata import tag_arguments
from neuralpaint.video.sound import sound_arguments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FfmpegSink", "FolderSink", "Script", "Sink"]

_FRAME_NAME = re.compile(r"\d{5,}\.png")


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
    rescue: bool = True  # what killed runs have left of it


class Sink(ABC):
    """Takes the frames of one film; used by one thread, but for `stop`."""

    folder: ClassVar[bool] = False  # whether its part is one

    def __init__(self) -> None:
        self.stopped = False

    @abstractmethod
    def check(self, path: Path, *, overwrite: bool) -> None:
        """Check everything that can be known before the first frame.

        Raises:
            UsageError: the target cannot be `path`.
            EncodingError: it cannot be written to, or ffmpeg or its encoder is missing.
        """

    @abstractmethod
    def is_playable(self, part: Path) -> bool:
        """Whether a part that a killed run left can be played, when half a frame is taken away."""

    @abstractmethod
    def open(self, part: PartFile, script: Script) -> None:
        """Get ready for the frames of `script`, which go into `part`."""

    @abstractmethod
    def write(self, frame: NDArray[np.uint8]) -> None:
        """Take one frame (height, width, 3)."""

    @abstractmethod
    def finish(self) -> None:
        """Return when everything is on disk."""

    def stop(self) -> None:
        """End at once whatever runs; any thread may call this."""
        self.stopped = True

    @abstractmethod
    def discard(self) -> None:
        """Return when nothing writes to the part any more."""


class FfmpegSink(Sink):
    """One file, encoded by ffmpeg; then its sound and its tag."""

    def __init__(self, format: Format) -> None:  # noqa: A002
        super().__init__()
        self._format = format
        self._child: Child | None = None
        self._claims = contextlib.ExitStack()
        self._frames = 0

    def check(self, path: Path, *, overwrite: bool) -> None:
        """Check the file, ffmpeg and its encoder."""
        check_output(path, overwrite=overwrite)
        find_ffmpeg()
        encoder = self._format.encoder(height=1080, width=1920)
        if encoder not in list_encoders():
            raise EncodingError(
                f"this ffmpeg has no encoder {encoder}: run pip install -U imageio-ffmpeg"
            )

    def is_playable(self, part: Path) -> bool:
        """Whether ffmpeg can decode its first frame."""
        first_frame = ["-map", "0:v:0", "-frames:v", "1", "-f", "framecrc", "pipe:1"]
        source = ["-protocol_whitelist", "file,pipe", "-i", file_url(part)]
        try:
            listing = run_ffmpeg([*source, *first_frame])
        except NeuralPaintError:
            return False
        return any(line.startswith(b"0,") for line in listing.splitlines())

    def open(self, part: PartFile, script: Script) -> None:
        """Start ffmpeg."""
        self._part, self._script = part, script
        height, width = script.height, script.width
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
        source = [*raw, "-framerate", str(script.fps), "-i", "pipe:0"]
        picture = self._format.arguments(height=height, width=width, fps=script.fps)
        self._encoder = self._start([*source, *picture], part)

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Send one frame through the pipe."""
        self._encoder.write(frame)
        self._frames += 1

    def finish(self) -> None:
        """Wait for ffmpeg, then add the sound and the tag."""
        self._encoder.finish()
        script = self._script
        if script.audio is not None:
            self._add_sound(script.audio)
        if script.tag and self._format.tagged_afterwards:
            embed_tag(self._part.path, tag=script.tag, title=script.title)

    def stop(self) -> None:
        """Kill ffmpeg."""
        # In this order: a child that starts meanwhile sees the flag.
        super().stop()
        if self._child is not None:
            self._child.kill()

    def discard(self) -> None:
        """Kill ffmpeg and forget it, whatever it had to say."""
        if self._child is not None:
            self._child.discard()
        self._claims.close()

    def _add_sound(self, audio: Path) -> None:
        silent, script = self._part, self._script
        seconds = self._frames / script.fps
        arguments = sound_arguments(silent.path, audio=audio, format=self._format, seconds=seconds)
        # Claimed until the end, because it is what gets published.
        mixed = self._claims.enter_context(part_file(script.target, kind="sound"))
        self._start(arguments, mixed).finish()
        mixed.path.replace(silent.path)

    def _start(self, arguments: Sequence[str], part: PartFile) -> Child:
        script, format_ = self._script, self._format
        tags = tag_arguments(tag=script.tag, title=script.title)
        described = [] if format_.tagged_afterwards else tags
        # bitexact leaves out dates and random numbers: the same frames make the same file.
        container = [*format_.container, "-fflags", "+bitexact", "-f", format_.muxer]
        output = ["-map_metadata", "-1", *described, *container, "-y", file_url(part.path)]
        self._child = child = Child([*arguments, *output], keep_open=part.lock)
        if self.stopped:
            child.kill()
        return child


class FolderSink(Sink):
    """A folder of numbered PNGs; the first one carries the tag."""

    folder = True

    def __init__(self, *, compression: int) -> None:
        super().__init__()
        self._compression = compression
        self._frames = 0

    def check(self, path: Path, *, overwrite: bool) -> None:
        """Check the folder, in which nothing but frames may be replaced."""
        check_output_folder(path, belongs=_is_frame_name, overwrite=overwrite)

    def is_playable(self, part: Path) -> bool:
        """Whether there is a frame in it; the one that was being written is removed."""
        names = [file.name for file in part.iterdir()]
        for name in names:
            if not _is_frame_name(name):
                remove(part / name)
        return any(_is_frame_name(name) for name in names)

    def open(self, part: PartFile, script: Script) -> None:
        """Remember the folder and what its first frame will carry."""
        self._folder = part.path
        self._text = png_text(tag=script.tag, title=script.title)

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Write the next file."""
        from PIL import Image

        self._frames += 1
        encoded = io.BytesIO()
        Image.fromarray(frame).save(encoded, "PNG", compress_level=self._compression)
        raw = encoded.getvalue()
        if self._frames == 1:
            raw = raw[:-12] + self._text + raw[-12:]  # before the last chunk, IEND
        # Under its own name only when it is whole: a killed run leaves whole frames.
        path = self._folder / f"{self._frames:05}.png"
        growing = path.with_suffix(".part")
        growing.write_bytes(raw)
        growing.replace(path)

    def finish(self) -> None:
        """Every frame is on disk already."""

    def discard(self) -> None:
        """Nothing runs beside the thread that writes."""


def _is_frame_name(name: str) -> bool:
    return _FRAME_NAME.fullmatch(name) is not None
