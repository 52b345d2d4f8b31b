"""The kinds of file a clip can be: each an entry that knows what ffmpeg must be told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError

if TYPE_CHECKING:
    from neuralpaint.video.sinks import Sink

__all__ = ["Format", "format_for", "formats"]

_AAC = ("-c:a", "aac", "-b:a", "192k")
_OPUS = ("-c:a", "libopus", "-b:a", "160k")
_FLAC = ("-c:a", "flac")
# Uncompressed, as editors expect; the delay of AAC would stretch the first frame of a mov.
_PCM = ("-c:a", "pcm_s24le")

# Below this many pixels SVT-AV1 promises nothing; at 8x8 it corrupts its memory and dies.
_SMALLEST_AV1 = 64


@dataclass(frozen=True)
class Format(Settings):
    """One kind of file; its fields are the options a user can set (`mp4:crf=20,preset=fast`)."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    muxer: ClassVar[str] = ""  # ffmpeg's name of the container
    container: ClassVar[tuple[str, ...]] = ()  # arguments of the container, whatever is in it
    sound: ClassVar[tuple[str, ...]] = ()  # arguments of its audio codec; empty: it is silent
    even: ClassVar[bool] = False  # height and width must be even
    longest_side: ClassVar[int] = 65535  # pixels
    fastest: ClassVar[int | None] = None  # most frames per second that it can hold
    tagged_afterwards: ClassVar[bool] = False  # by `embed_tag`, because ffmpeg does not

    def arguments(self, *, height: int, width: int, fps: Fraction) -> list[str]:
        """Return ffmpeg's filter and codec arguments for frames of this size and rate."""
        raise NotImplementedError

    def encoder(self, *, height: int, width: int) -> str:
        """Return ffmpeg's name of the encoder that is used for frames of this size."""
        arguments = self.arguments(height=height, width=width, fps=Fraction(30))
        return arguments[arguments.index("-c:v") + 1]

    def sink(self) -> Sink:
        """Return what the frames of one film go into."""
        # Imported here, so that listing the formats stays quick.
        from neuralpaint.video.sinks import FfmpegSink

        return FfmpegSink(self)

    def padded(self, *, height: int, width: int) -> tuple[int, int]:
        """Return the (height, width) that is encoded: the next even ones where it must be even."""
        return (height + height % 2, width + width % 2) if self.even else (height, width)


formats: Registry[Format] = Registry("format")


def clip_suffixes() -> set[str]:
    """Return the suffixes that clips may have."""
    return {suffix for name in formats for suffix in formats[name].suffixes}


def format_for(path: str | Path, name: str | None = None) -> Format:
    """Return the format of `path` by its suffix, or the one that `name` describes.

    `name` is `--format`'s text: `gif` or `gif:dither=none`. A path that ends in `/` is a folder of
    PNGs.

    Raises:
        UsageError: no format has that suffix, or the suffix belongs to another format than `name`.
        UnknownNameError: no format, setting or choice is called that.
    """
    suffix = Path(path).suffix.lower()
    owner = next((known for known in formats if suffix in formats[known].suffixes), None)
    if name is not None:
        chosen = formats.parse(name)
        if owner is not None and formats[owner] is not type(chosen):
            raise UsageError(
                f"{str(path)!r} is called {owner}, but the format is {formats.name_of(chosen)}: "
                f"change the suffix or leave the format out"
            )
        return chosen
    if str(path).endswith(("/", os.sep)):
        return formats["png"]()
    if owner is None:
        wrong = f"unknown suffix {suffix!r}" if suffix else "no suffix"
        known = ", ".join(sorted(clip_suffixes()))
        raise UsageError(
            f"{str(path)!r} has {wrong}: choose from {known}, or end in / for a folder of PNGs"
        )
    return formats[owner]()


def _bt709(pixels: str) -> list[str]:
    # The matrix has to be asked for and every frame has to be labelled: with the labels alone,
    # ffmpeg before 9 converts with BT.601 and the colours are wrong by up to 39 levels.
    convert = "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int"
    label = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    stream = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    return ["-vf", f"{convert},format={pixels},{label}", *stream, "-color_range", "tv"]


def _key_frames(fps: Fraction) -> list[str]:
    # A key frame brings all at once what the frames before were too thrifty to show; late in a
    # training, where little moves, every one of them is seen as a jump. A ten-second clip has one.
    return ["-g", str(max(1, round(10 * fps)))]


@formats.register("mp4")
@dataclass(frozen=True)
class Mp4(Format):
    """H.264, 8-bit 4:2:0: plays everywhere."""

    suffixes = (".mp4", ".m4v")
    muxer = "mp4"
    container = ("-use_editlist", "0", "-movflags", "+faststart+negative_cts_offsets")
    sound = _AAC
    even = True
    longest_side = 16384

    # At crf 0 x264 changes to a lossless profile that many players refuse.
    crf: int = setting(18, "quality: lower is better and larger", minimum=1, maximum=51)
    preset: Literal[
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"
    ] = setting("medium", "speed of the encoder: slower makes smaller files")

    def arguments(self, *, height: int, width: int, fps: Fraction) -> list[str]:
        codec = ["-c:v", "libx264", "-preset", self.preset, "-crf", str(self.crf)]
        return [*_bt709("yuv420p"), *codec, "-tune", "animation", *_key_frames(fps)]


@formats.register("webm")
@dataclass(frozen=True)
class Webm(Format):
    """AV1 or VP9 for the web: a third of the size of mp4; frames below 64 pixels are always VP9."""

    suffixes = (".webm",)
    muxer = "webm"
    sound = _OPUS
    longest_side = 16384

    codec: Literal["av1", "vp9"] = setting("av1", "av1 is smaller and quicker, vp9 plays on more")
    crf: int | None = setting(
        None, "quality: lower is better and larger (auto: av1 25, vp9 24)", minimum=1, maximum=63
    )
    speed: int | None = setting(
        None, "speed of the encoder, up to 13 for av1 (auto: av1 8, vp9 4)", minimum=0, maximum=13
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.codec == "vp9" and self.speed is not None and self.speed > 8:
            raise UsageError(f"format webm: speed must be at most 8 for vp9, not {self.speed}")

    def arguments(self, *, height: int, width: int, fps: Fraction) -> list[str]:
        if self.codec == "av1" and min(height, width) >= _SMALLEST_AV1:
            quality = ["-crf", str(self.crf or 25), "-preset", _given(self.speed, 8)]
            return [*_bt709("yuv420p10le"), "-c:v", "libsvtav1", *quality, *_key_frames(fps)]
        speed = str(min(int(_given(self.speed, 4)), 8))
        quality = ["-crf", str(self.crf or 24), "-b:v", "0", "-deadline", "good"]
        speeds = ["-cpu-used", speed, "-row-mt", "1"]
        return [*_bt709("yuv420p"), "-c:v", "libvpx-vp9", *quality, *speeds, *_key_frames(fps)]


def _given(value: int | None, default: int) -> str:
    return str(default if value is None else value)


@formats.register("gif")
@dataclass(frozen=True)
class Gif(Format):
    """At most 256 colours and 50 frames per second; each delay is the nearest 1/100 second."""

    suffixes = (".gif",)
    muxer = "gif"
    container = ("-loop", "0")
    fastest = 50  # browsers show a delay of 1/100 s as 1/10 s
    tagged_afterwards = True

    colors: int = setting(256, "size of the palette", minimum=4, maximum=256)
    dither: Literal["bayer", "sierra", "none"] = setting(
        "bayer", "how missing colours are mixed: bayer stays still, sierra is finer but restless"
    )
    palette: Literal["clip", "frame"] = setting(
        "clip", "one palette for the clip, held in memory meanwhile; or a new one for each frame"
    )

    def arguments(self, *, height: int, width: int, fps: Fraction) -> list[str]:
        dither = {"bayer": "bayer:bayer_scale=4", "sierra": "sierra2_4a", "none": "none"}
        each = self.palette == "frame"
        make = f"palettegen=stats_mode={'single' if each else 'full'}:max_colors={self.colors}"
        use = f"paletteuse=new={int(each)}:dither={dither[self.dither]}"
        return ["-vf", f"split[a][b];[a]{make}[p];[b][p]{use}", "-c:v", "gif"]


@formats.register("webp")
@dataclass(frozen=True)
class Webp(Format):
    """Animated WebP: much smaller than gif, in every colour."""

    suffixes = (".webp",)
    muxer = "webp"
    container = ("-loop", "0")
    longest_side = 16383
    tagged_afterwards = True

    quality: int = setting(90, "higher is better and larger", minimum=0, maximum=100)
    lossless: bool = setting(False, "keep every pixel exactly")

    def arguments(self, *, height: int, width: int, fps: Fraction) -> list[str]:
        # libwebp converts by itself: WebP is BT.601 by its specification and has no labels.
        quality = ["-quality", str(self.quality), "-lossless", str(int(self.lossless))]
        return ["-pix_fmt", "bgra", "-c:v", "libwebp_anim", *quality]


@formats.register("apng")
@dataclass(frozen=True)
class Apng(Format):
    """Animated PNG: lossless, large, shown by every browser."""

    suffixes = (".apng",)
    muxer = "apng"
    container = ("-plays", "0")
    tagged_afterwards = True

    compression: int = setting(4, "higher is smaller and slower", minimum=0, maximum=9)

    def arguments(self, *, height: int, width: int, fps: Fraction) -> list[str]:
        # Paeth alone is as small as trying every filter, and five times as quick.
        codec = ["-c:v", "apng", "-pred", "paeth", "-compression_level", str(self.compression)]
        return ["-pix_fmt", "rgb24", *codec]


@formats.register("mov")
@dataclass(frozen=True)
class Mov(Format):
    """ProRes, 10-bit: for cutting and grading; large."""

    suffixes = (".mov",)
    muxer = "mov"
    container = ("-use_editlist", "0", "-movflags", "+faststart")
    sound = _PCM
    even = True
    longest_side = 16384

    profile: Literal["hq", "4444"] = setting("hq", "hq is 4:2:2; 4444 keeps every pixel's colour")

    def arguments(self, *, height: int, width: int, fps: Fraction) -> list[str]:
        pixels = {"hq": "yuv422p10le", "4444": "yuv444p10le"}[self.profile]
        return [*_bt709(pixels), "-c:v", "prores_ks", "-profile:v", self.profile, "-vendor", "apl0"]


@formats.register("mkv")
@dataclass(frozen=True)
class Mkv(Format):
    """FFV1 in RGB: lossless, for keeping; each frame carries a checksum."""

    suffixes = (".mkv",)
    muxer = "matroska"
    sound = _FLAC

    def arguments(self, *, height: int, width: int, fps: Fraction) -> list[str]:
        codec = ["-c:v", "ffv1", "-level", "3", "-g", "1", "-slicecrc", "1"]
        return ["-pix_fmt", "bgr0", *codec]


@formats.register("png")
@dataclass(frozen=True)
class Png(Format):
    """A folder of PNGs, 00001.png and on: lossless, for other tools."""

    compression: int = setting(6, "higher is smaller and slower", minimum=0, maximum=9)

    def sink(self) -> Sink:
        from neuralpaint.video.sinks import FolderSink

        return FolderSink(compression=self.compression)
