"""Sinks: a sink writes the frames of one clip, to a file with ffmpeg or to a folder of PNGs.

A format that ffmpeg does not encode registers its own sink with `@sink_for.register`.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from neuralpaint.errors import EncodingError, NeuralPaintError, UsageError
from neuralpaint.image.metadata import embed_tag, png_text
from neuralpaint.runtime.files import PartFile, check_output, check_output_folder, part_file, remove
from neuralpaint.video.ffmpeg import (
    LOCAL_ONLY,
    Encoder,
    file_url,
    find_ffmpeg,
    list_encoders,
    run_ffmpeg,
)
from neuralpaint.video.formats import Format, Png, exact_fps, formats

if TYPE_CHECKING:
    from neuralpaint.image.pictures import Frame

__all__ = ["ClipInfo", "Sink", "check_clip", "check_clip_format", "sink_for"]

_log = logging.getLogger(__name__)

_FRAME_NAME = re.compile(r"\d{5,}\.png")
_SAMPLE_RATE = 48000  # Hz
# All other layouts are mixed to one of these, which every codec and player supports.
_LAYOUTS = "mono|stereo|5.1|7.1"


def check_clip(
    path: str | Path,
    format: Format,  # noqa: A002 - the user's word for it
    *,
    height: int | None = None,
    width: int | None = None,
    fps: float | Fraction | None = None,
    alpha: bool = False,
    audio: str | Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Check that a clip can be written to `path`, and return its path with links resolved.

    Size, frame rate and audio are checked only if given: the encoders are run with them. No file is
    created.

    Raises:
        UsageError: the folder is missing, the target exists and `overwrite` is not set, the target
            cannot be replaced, or the format does not support the size, the rate, the alpha or the
            audio.
        EncodingError: the folder is not writable, or ffmpeg or its encoder is missing.
    """
    if fps is not None:
        format.check_fps(fps)
    if alpha and not format.stores_alpha:
        raise UsageError(
            f"{formats.name_of(format)} stores no alpha here: choose .mov, .webm, .webp or .apng, "
            "or give a background"
        )
    sink = sink_for(format)
    sink.check(Path(path), overwrite=overwrite)
    sink.check_encoder()
    if height is not None and width is not None:
        format.check_size(height=height, width=width)
        height, width = format.padded(height=height, width=width)
        sink.try_encoder(height=height, width=width, fps=exact_fps(fps or 30), alpha=alpha)
    if audio is not None:
        _check_audio(Path(audio), format)
    return Path(os.path.realpath(path))


def check_clip_format(format: Format, *, audio: str | Path | None = None) -> None:  # noqa: A002
    """Check that clips of a format, with this audio, can be made, wherever they are written.

    Raises:
        UsageError: the format does not support the audio.
        EncodingError: ffmpeg or its encoder is missing.
    """
    sink_for(format).check_encoder()
    if audio is not None:
        _check_audio(Path(audio), format)


@dataclass(frozen=True)
class ClipInfo:
    """The properties of a clip that its sink needs before the first frame."""

    height: int  # as encoded: rounded up to an even number where the format needs one
    width: int
    fps: Fraction
    alpha: bool = False  # whether frames have premultiplied alpha
    tag: str = ""
    title: str = ""
    audio: Path | None = None
    is_part: bool = False  # whether it is joined with other parts later


class Sink(ABC):
    """Writes the frames of one clip. One thread uses it; only `stop` may be called from others."""

    folder: ClassVar[bool] = False  # whether the clip is a folder

    def __init__(self) -> None:
        self.stopped = False

    @abstractmethod
    def check(self, path: Path, *, overwrite: bool) -> None:
        """Check the target before the first frame.

        Raises:
            UsageError: `path` cannot be the target.
            EncodingError: `path` is not writable.
        """

    @abstractmethod
    def check_encoder(self) -> None:
        """Check that frames can be encoded here.

        Raises:
            EncodingError: ffmpeg or its encoder is missing.
        """

    @abstractmethod
    def try_encoder(self, *, height: int, width: int, fps: Fraction, alpha: bool) -> None:
        """Encode a frame of this size, as it will be encoded.

        Raises:
            UsageError: that is not possible.
        """

    @abstractmethod
    def make_playable(self, part: Path) -> bool:
        """Make the part file of a killed process playable, if possible; return whether it is.

        An incomplete last frame may be deleted.
        """

    @abstractmethod
    def open(self, part: PartFile, info: ClipInfo) -> Callable[[Frame], None]:
        """Return the function that writes the next frame (height, width, channels) to `part`."""

    @abstractmethod
    def open_joined(
        self, part: PartFile, info: ClipInfo, parts: Sequence[tuple[Path, int]]
    ) -> None:
        """Write clips with so many frames, the parts of this one, to `part`; then call `finish`.

        All parts are in one folder, and have names without special characters. They are of the same
        format if it `joins`, or else of a lossless one.
        """

    @abstractmethod
    def finish(self, frames: int) -> None:
        """Complete the clip after its last frame."""

    def stop(self) -> None:
        """Abort the running work at once. Thread-safe."""
        self.stopped = True

    @abstractmethod
    def discard(self) -> None:
        """Release everything. After this call, no process writes to the part file."""


@functools.singledispatch
def sink_for(format: Format) -> Sink:  # noqa: A002
    """Return a new sink for a clip of this format."""
    return FfmpegSink(format)


@sink_for.register
def _(format: Png) -> Sink:  # noqa: A002
    return FolderSink(compression=format.compression)


class FfmpegSink(Sink):
    """Encodes one file with ffmpeg, then adds its audio and its tag."""

    def __init__(self, format: Format) -> None:  # noqa: A002
        super().__init__()
        self._format = format
        self._encoder: Encoder | None = None
        self._locks = contextlib.ExitStack()

    def check(self, path: Path, *, overwrite: bool) -> None:
        check_output(path, overwrite=overwrite)

    def check_encoder(self) -> None:
        # Any usual size: only small WebM clips use another encoder.
        encoder = self._format.encoder(height=1080, width=1920)
        if encoder not in list_encoders():
            raise EncodingError(
                f"this ffmpeg has no encoder {encoder}: run pip install -U imageio-ffmpeg"
            )

    def try_encoder(self, *, height: int, width: int, fps: Fraction, alpha: bool) -> None:
        """Run ffmpeg with the real options and a black frame."""
        codec = self._format.arguments(height=height, width=width, fps=fps, alpha=alpha)
        reason = _encode_black(tuple(codec), f"{width}x{height}", fps, find_ffmpeg())
        if reason:
            raise UsageError(
                f"{formats.name_of(self._format)} cannot be encoded at {width}x{height} and "
                f"{float(fps):g} frames a second ({reason}): choose another size or format"
            )

    def make_playable(self, part: Path) -> bool:
        """Return whether ffmpeg can decode the first frame."""
        first_frame = ["-map", "0:v:0", "-frames:v", "1", "-f", "framecrc", "pipe:1"]
        source = ["-protocol_whitelist", "file,pipe", "-i", file_url(part)]
        try:
            listing = run_ffmpeg([*source, *first_frame])
        except NeuralPaintError:
            return False
        return any(line.startswith(b"0,") for line in listing.splitlines())

    def open(self, part: PartFile, info: ClipInfo) -> Callable[[Frame], None]:
        self._part, self._info = part, info
        pixels = self._format.alpha_pixels if info.alpha else "rgb24"
        raw = ["-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{info.width}x{info.height}"]
        source = [*raw, "-framerate", str(info.fps), "-i", "pipe:0"]
        codec = self._format.arguments(
            height=info.height, width=info.width, fps=info.fps, alpha=info.alpha
        )
        self._video = encoder = self._start([*source, *codec], part)
        if not info.alpha:
            return encoder.write
        return lambda frame: encoder.write(self._format.straight(frame))

    def open_joined(
        self, part: PartFile, info: ClipInfo, parts: Sequence[tuple[Path, int]]
    ) -> None:
        """Copy the frames of the parts, or encode them if the format does not join."""
        self._part, self._info = part, info
        listing = parts[0][0].with_name("parts.ffconcat")
        lines = ["ffconcat version 1.0"]
        for each, frames in parts:
            # Containers round the length of a clip, some to milliseconds.
            lines += [f"file '{each.name}'", f"duration {float(frames / info.fps):.6f}"]
        listing.write_text("\n".join(lines) + "\n")
        codec = (
            ["-c", "copy"]
            if self._format.joins
            else self._format.arguments(
                height=info.height, width=info.width, fps=info.fps, alpha=info.alpha
            )
        )
        source = ["-f", "concat", *LOCAL_ONLY, "-i", file_url(listing), "-map", "0:v:0"]
        self._video = self._start([*source, *codec], part)

    def finish(self, frames: int) -> None:
        """Wait for ffmpeg, then add the audio and the tag.

        If the audio cannot be added, the clip is kept without it, and that is logged.
        """
        self._video.finish()
        info = self._info
        if info.audio is not None:
            try:
                self._add_audio(info.audio, frames=frames)
            except EncodingError as error:
                if not self.stopped:
                    _log.error("the clip has no sound: %r cannot be added (%s)", info.audio, error)
        if info.tag and self._format.tag_after_encoding:
            embed_tag(self._part.path, tag=info.tag, title=info.title)

    def stop(self) -> None:
        # The flag is set first, because `_start` checks it after setting the encoder.
        super().stop()
        if self._encoder is not None:
            self._encoder.kill()

    def discard(self) -> None:
        if self._encoder is not None:
            self._encoder.discard()
        self._locks.close()

    def _add_audio(self, audio: Path, *, frames: int) -> None:
        samples = round(frames / self._info.fps * _SAMPLE_RATE)
        silent = self._part
        inputs = [*LOCAL_ONLY, "-i", file_url(silent.path), *LOCAL_ONLY, "-i", file_url(audio)]
        streams = ["-map", "0:v:0", "-map", "1:a:0", "-map_chapters", "-1"]
        codecs = ["-map_metadata:s:a", "-1", "-c:v", "copy"]
        sound = _sound_arguments(self._format, samples=samples)
        # This file replaces the part file below, so its lock is kept until `discard`.
        mixed = self._locks.enter_context(part_file(silent.output, kind="sound"))
        self._start([*inputs, *streams, *codecs, *sound], mixed).finish()
        mixed.path.replace(silent.path)

    def _start(self, arguments: Sequence[str], part: PartFile) -> Encoder:
        texts: dict[str, str] = {}
        if not self._format.tag_after_encoding:
            texts = {"title": self._info.title, "comment": self._info.tag}
        # Bytes in UTF-8, because a title may contain a file name in another encoding.
        given = [f"{key}={text}".encode() for key, text in texts.items() if text]
        metadata = [argument for text in given for argument in ("-metadata", text)]
        options = self._format.muxer_options
        if self._info.is_part and self._format.part_options is not None:
            options = self._format.part_options
        # bitexact omits dates and random numbers, so that the same frames produce the same file.
        muxer = [*options, "-fflags", "+bitexact", "-f", self._format.muxer]
        output = ["-map_metadata", "-1", *metadata, *muxer, "-y", file_url(part.path)]
        self._encoder = encoder = Encoder([*arguments, *output], keep_open=part.lock)
        if self.stopped:
            encoder.kill()
        return encoder


class FolderSink(Sink):
    """Writes a folder of numbered PNGs; the first one contains the tag."""

    folder = True

    def __init__(self, *, compression: int) -> None:
        super().__init__()
        self._compression = compression
        self._frames = 0

    def check(self, path: Path, *, overwrite: bool) -> None:
        """Check the folder; it is replaced only if all its files are frames."""
        check_output_folder(path, belongs=_is_frame_name, overwrite=overwrite)

    def check_encoder(self) -> None:
        """Do nothing: PNGs are written without ffmpeg."""

    def try_encoder(self, *, height: int, width: int, fps: Fraction, alpha: bool) -> None:
        """Do nothing: a PNG can have any size."""

    def make_playable(self, part: Path) -> bool:
        """Delete an incomplete frame; return whether there are complete frames."""
        names = [file.name for file in part.iterdir()]
        for name in names:
            if not _is_frame_name(name):
                remove(part / name)
        return any(_is_frame_name(name) for name in names)

    def open(self, part: PartFile, info: ClipInfo) -> Callable[[Frame], None]:
        self._folder = part.path
        self._text = png_text(tag=info.tag, title=info.title)
        return self._write

    def open_joined(
        self, part: PartFile, info: ClipInfo, parts: Sequence[tuple[Path, int]]
    ) -> None:
        """Move the frames of the folders, in their order."""
        text = png_text(tag=info.tag, title=info.title)
        folders = (each for each, _ in parts)
        frames = (frame for each in folders for frame in sorted(each.iterdir(), key=_frame_number))
        for number, frame in enumerate(frames, 1):
            target = part.path / f"{number:05}.png"
            if number == 1:
                raw = frame.read_bytes()
                target.write_bytes(raw[:-12] + text + raw[-12:])  # before the last chunk, IEND
            else:
                frame.replace(target)

    def finish(self, frames: int) -> None:
        """Do nothing: all frames are already on disk."""

    def discard(self) -> None:
        """Do nothing: no other process writes to the folder."""

    def _write(self, frame: Frame) -> None:
        from PIL import Image

        from neuralpaint.image.alpha import straight

        self._frames += 1
        encoded = io.BytesIO()
        Image.fromarray(straight(frame)).save(encoded, "PNG", compress_level=self._compression)
        raw = encoded.getvalue()
        if self._frames == 1:
            raw = raw[:-12] + self._text + raw[-12:]  # before the last chunk, IEND
        # A frame is renamed when complete, so that a killed process leaves only complete frames.
        path = self._folder / f"{self._frames:05}.png"
        growing = path.with_suffix(".part")
        growing.write_bytes(raw)
        growing.replace(path)


def _frame_number(frame: Path) -> int:
    return int(frame.stem)


def _is_frame_name(name: str) -> bool:
    return _FRAME_NAME.fullmatch(name) is not None


@functools.cache
def _encode_black(codec: tuple[str, ...], size: str, fps: Fraction, ffmpeg: str) -> str:
    """Return why this ffmpeg cannot encode a black frame, or "" if it can."""
    one_frame = f"color=black:s={size}:r={fps}:d={0.5 / float(fps)}"
    try:
        run_ffmpeg(["-f", "lavfi", "-i", one_frame, *codec, "-f", "null", "-"])
    except EncodingError as error:
        return str(error)
    return ""


def _sound_arguments(format: Format, *, samples: int) -> list[str]:  # noqa: A002
    """Return ffmpeg's filter and codec arguments for a sound of this number of samples."""
    # apad and atrim are exact to a sample; -shortest would be off by a few packets.
    length = f"apad,atrim=end_sample={samples}"
    layout = f"aresample={_SAMPLE_RATE},aformat=channel_layouts={_LAYOUTS}"
    return ["-af", f"{layout},{length}", *format.audio_codec]


def _check_audio(path: Path, format: Format) -> None:  # noqa: A002
    """Raise UsageError if `format` has no audio, or the audio in `path` cannot be encoded in it."""
    if not format.audio_codec:
        able = ", ".join(sorted(name for name in formats if formats[name].audio_codec))
        raise UsageError(
            f"{formats.name_of(format)} does not support sound: choose from {able}, or omit it"
        )
    if not path.is_file():
        raise UsageError(f"no audio file {str(path)!r}: check the name")
    source = [*LOCAL_ONLY, "-i", file_url(path), "-map", "0:a:0"]
    try:
        samples = run_ffmpeg([*source, "-t", "1", "-f", "s16le", "pipe:1"])
    except EncodingError as error:
        if "matches no streams" not in str(error):
            raise UsageError(f"cannot read sound from {str(path)!r}: {error}") from error
        samples = b""
    if not samples:
        raise UsageError(f"there is no sound in {str(path)!r}: choose another audio file")
    try:
        run_ffmpeg([*source, *_sound_arguments(format, samples=_SAMPLE_RATE), "-f", "null", "-"])
    except EncodingError as error:
        raise UsageError(
            f"the sound in {str(path)!r} cannot be encoded in {formats.name_of(format)} ({error}): "
            "convert it to stereo"
        ) from error
