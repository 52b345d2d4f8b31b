"""The clip formats, one registered class each, with the ffmpeg arguments that encode it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.runtime.threads import available_cpus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from neuralpaint.image.pictures import Frame

__all__ = ["Format", "Mkv", "Png", "clip_suffixes", "exact_fps", "format_for", "formats"]

_AAC = ("-c:a", "aac", "-b:a", "192k")
_OPUS = ("-c:a", "libopus", "-b:a", "160k")
_FLAC = ("-c:a", "flac")
# Uncompressed, as editors expect; AAC's encoder delay would lengthen the first frame of a mov.
_PCM = ("-c:a", "pcm_s24le")

# SVT-AV1 does not support smaller frames: at 8x8 it corrupts its memory and crashes.
_MIN_AV1_SIDE = 64

_MOST_CORES = 8  # that make an encoder faster
# Some, because a player seeks only to key frames. Few, because a key frame shows at once all small
# changes that the encoder skipped in the frames before it: late in a training, where little moves,
# that is a visible jump. A default clip has one key frame.
_KEY_FRAME_SECONDS = 10  # at most, from one key frame to the next


@dataclass(frozen=True)
class Format(Settings):
    """A clip format; its fields are the options a user can set (`mp4:crf=20,preset=fast`).

    A format with a `muxer` overrides `arguments`; a format without one needs a sink in sinks.py.
    """

    suffixes: ClassVar[tuple[str, ...]] = ()
    muxer: ClassVar[str] = ""
    """ffmpeg's name of the container; empty if ffmpeg does not write this format."""
    muxer_options: ClassVar[tuple[str, ...]] = ()
    audio_codec: ClassVar[tuple[str, ...]] = ()
    """ffmpeg options; empty if the format has no sound."""
    even_size: ClassVar[bool] = False
    """Whether height and width must be even."""
    max_side: ClassVar[int] = 65535  # pixels
    max_fps: ClassVar[int | None] = None
    seconds_per_pixel: ClassVar[float] = 30e-9
    """Time to encode a pixel of a frame, on two CPU cores if the encoder uses several."""
    uses_all_cores: ClassVar[bool] = False
    tag_after_encoding: ClassVar[bool] = False
    """Whether `embed_tag` writes the tag, because ffmpeg cannot."""
    joins: ClassVar[bool] = False
    """Whether parts of a clip, each encoded on its own, can be joined without encoding again."""
    part_options: ClassVar[tuple[str, ...] | None] = None
    """ffmpeg options for a part, instead of `muxer_options`; None for those."""
    always_stores_alpha: ClassVar[bool] = False
    """Whether it stores transparent frames, whatever its settings."""
    alpha_pixels: ClassVar[str] = "rgba"
    """ffmpeg's name of the pixels that `straight` returns."""

    @property
    def stores_alpha(self) -> bool:
        """Whether it stores transparent frames with these settings."""
        return self.always_stores_alpha

    def straight(self, frame: Frame) -> NDArray[Any]:
        """Return a frame (h, w, 4) with straight alpha, to be encoded; see `alpha.straight`."""
        from neuralpaint.image.alpha import straight  # imports NumPy, which a list does not need

        return straight(frame)

    def for_alpha(self) -> Format:
        """Return this format with the settings that it needs to store transparent frames."""
        return self

    def encoding_seconds(self, pixels: int) -> float:
        """Return the estimated time to encode so many pixels on this machine."""
        cores = min(available_cpus(), _MOST_CORES) if self.uses_all_cores else 2
        return pixels * self.seconds_per_pixel * 2 / cores

    def arguments(
        self, *, height: int, width: int, fps: Fraction, alpha: bool = False
    ) -> list[str]:
        """Return ffmpeg's filter and codec arguments, `-c:v` among them, for such frames.

        With `alpha`, frames are transparent; only if `stores_alpha`.
        """
        raise NotImplementedError

    def encoder(self, *, height: int, width: int) -> str:
        """Return ffmpeg's name of the encoder for frames of this size."""
        arguments = self.arguments(height=height, width=width, fps=Fraction(30))
        return arguments[arguments.index("-c:v") + 1]

    def padded(self, *, height: int, width: int) -> tuple[int, int]:
        """Return the encoded (height, width): rounded up to even numbers if the format needs it."""
        return (height + height % 2, width + width % 2) if self.even_size else (height, width)

    def check_size(self, *, height: int, width: int) -> None:
        """Raise UsageError if this format does not support frames of this size."""
        if min(height, width) < 1:
            raise UsageError(f"a clip cannot be {width}x{height}: choose at least 1x1")
        if max(height, width) > self.max_side:
            raise UsageError(
                f"{formats.name_of(self)} does not support {width}x{height}: "
                f"choose at most {self.max_side} pixels a side, or another format"
            )

    def check_fps(self, fps: float | Fraction) -> None:
        """Raise UsageError if `fps` is not above 0, or is too high for this format."""
        rate = exact_fps(fps)
        if self.max_fps is not None and rate > self.max_fps:
            raise UsageError(
                f"{formats.name_of(self)} supports at most {self.max_fps} frames a second, not "
                f"{float(rate):g}: lower --fps"
            )


_ALPHA_CRF = 4  # of VP9; with its default, alpha is off by up to 7 levels at moving edges

formats: Registry[Format] = Registry("format")


def exact_fps(fps: float | Fraction) -> Fraction:
    """Return frames per second as a fraction with a small denominator.

    A rate of NTSC that is rounded to two or three digits is exact: 29.97 is 30000/1001.

    Raises:
        UsageError: `fps` is not a number above 0.
    """
    with contextlib.suppress(OverflowError, ValueError):
        ntsc = Fraction(1000 * round(1.001 * fps), 1001)
        if isinstance(fps, float) and fps in (round(float(ntsc), 2), round(float(ntsc), 3)):
            return ntsc
        rate = Fraction(fps).limit_denominator(1001)
        if rate > 0:
            return rate
    raise UsageError(f"fps must be a number above 0, not {fps!r}")


def clip_suffixes() -> set[str]:
    """Return the file suffixes of all formats."""
    return {suffix for name in formats for suffix in formats[name].suffixes}


def format_for(path: str | Path, name: str | None = None, *, alpha: bool = False) -> Format:
    """Return the format that `name` describes; without a name, choose by the suffix of `path`.

    `name` is the text of `--format`: `gif` or `gif:dither=none`. A path that ends in `/` is a
    folder of PNGs. Without a name, with `alpha`, the format stores transparent frames if it can.

    Raises:
        UsageError: no format has this suffix, or the suffix does not belong to `name`.
        UnknownNameError: `name` contains an unknown format, setting or choice.
    """
    suffix = Path(path).suffix.lower()
    owner = next((known for known in formats if suffix in formats[known].suffixes), None)
    if name is not None:
        chosen = formats.parse(name)
        if owner is not None and formats[owner] is not type(chosen):
            raise UsageError(
                f"{str(path)!r} has the {owner} suffix, but --format is {formats.name_of(chosen)}: "
                f"change the suffix or leave out --format"
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
    chosen = formats[owner]()
    return chosen.for_alpha() if alpha else chosen


def _bt709(pixels: str) -> list[str]:
    # Name the matrix for the conversion and tag every frame: with tags alone, ffmpeg before 9
    # converts with BT.601, and colours are wrong by up to 39 levels.
    convert = "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int"
    label = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    stream = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    return ["-vf", f"{convert},format={pixels},{label}", *stream, "-color_range", "tv"]


def _key_frames(fps: Fraction) -> list[str]:
    """Return ffmpeg's arguments for the distance of key frames; see `_KEY_FRAME_SECONDS`."""
    return ["-g", str(max(1, round(_KEY_FRAME_SECONDS * fps)))]


@formats.register("mp4")
@dataclass(frozen=True)
class Mp4(Format):
    """H.264, 8-bit 4:2:0: plays everywhere."""

    suffixes = (".mp4", ".m4v")
    uses_all_cores = True
    muxer = "mp4"
    muxer_options = ("-use_editlist", "0", "-movflags", "+faststart+negative_cts_offsets")
    audio_codec = _AAC
    joins = True
    # x264 makes other bits with another number of threads, and each machine would choose its own.
    # With an edit list, a part is as long as its frames.
    part_options = ("-threads", "1")
    even_size = True
    max_side = 16384

    # At crf 0 x264 switches to a lossless profile that many players cannot decode.
    crf: int = setting(18, "quality: lower is better and larger", minimum=1, maximum=51)
    preset: Literal[
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"
    ] = setting("medium", "speed of the encoder: slower makes smaller files")

    def arguments(
        self, *, height: int, width: int, fps: Fraction, alpha: bool = False
    ) -> list[str]:
        codec = ["-c:v", "libx264", "-preset", self.preset, "-crf", str(self.crf)]
        return [*_bt709("yuv420p"), *codec, "-tune", "animation", *_key_frames(fps)]


@formats.register("webm")
@dataclass(frozen=True)
class Webm(Format):
    """AV1 or VP9 for the web: a third of the size of mp4; frames below 64 pixels are always VP9."""

    suffixes = (".webm",)
    uses_all_cores = True
    muxer = "webm"
    audio_codec = _OPUS
    joins = True
    max_side = 16384

    codec: Literal["av1", "vp9"] = setting(
        "av1", "av1: smaller and faster; vp9: plays on more devices"
    )
    crf: int | None = setting(
        None,
        "quality: lower is better and larger; unset, 25 for av1 and 24 for vp9",
        minimum=1,
        maximum=63,
    )
    speed: int | None = setting(
        None,
        "speed of the encoder, up to 13 for av1 and 8 for vp9; unset, 8 for av1 and 4 for vp9",
        minimum=0,
        maximum=13,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.codec == "vp9" and self.speed is not None and self.speed > 8:
            raise UsageError(f"format webm: speed must be at most 8 for vp9, not {self.speed}")

    def arguments(
        self, *, height: int, width: int, fps: Fraction, alpha: bool = False
    ) -> list[str]:
        if self.codec == "av1" and not alpha and min(height, width) >= _MIN_AV1_SIDE:
            quality = ["-crf", str(self.crf or 25), "-preset", _given(self.speed, 8)]
            return [*_bt709("yuv420p10le"), "-c:v", "libsvtav1", *quality, *_key_frames(fps)]
        speed = str(min(int(_given(self.speed, 4)), 8))
        quality = ["-crf", str(self.crf or 24), "-b:v", "0", "-deadline", "good"]
        speeds = ["-cpu-used", speed, "-row-mt", "1"]
        codec = ["-c:v", "libvpx-vp9", *quality, *speeds, *_key_frames(fps)]
        if not alpha:
            return [*_bt709("yuv420p"), *codec]
        # The encoder of the alpha does not know frames that are not shown.
        marked = ["-auto-alt-ref", "0", "-metadata:s:v:0", "alpha_mode=1"]
        return [*_bt709("yuva420p"), *codec, *marked]

    @property
    def stores_alpha(self) -> bool:
        """Whether it stores transparent frames: VP9 does, AV1 does not."""
        return self.codec == "vp9"

    def for_alpha(self) -> Webm:
        """Return the format with VP9, at a quality at which alpha is right to three levels."""
        return replace(self, codec="vp9", crf=_ALPHA_CRF if self.crf is None else self.crf)


def _given(value: int | None, default: int) -> str:
    return str(default if value is None else value)


@formats.register("gif")
@dataclass(frozen=True)
class Gif(Format):
    """At most 256 colours and 50 frames per second; each delay is the nearest 1/100 second."""

    suffixes = (".gif",)
    seconds_per_pixel = 300e-9  # from 60 to 1300: more colours take longer
    muxer = "gif"
    muxer_options = ("-loop", "0")
    max_fps = 50  # browsers show a delay of 1/100 s as 1/10 s
    tag_after_encoding = True

    colors: int = setting(256, "size of the palette", minimum=4, maximum=256)
    dither: Literal["bayer", "sierra", "none"] = setting(
        "bayer",
        "how missing colours are mixed: bayer does not flicker, sierra is finer but flickers",
    )
    palette: Literal["clip", "frame"] = setting(
        "clip", "clip: one palette (keeps all frames in memory); frame: a new one for each"
    )

    def arguments(
        self, *, height: int, width: int, fps: Fraction, alpha: bool = False
    ) -> list[str]:
        dither = {"bayer": "bayer:bayer_scale=4", "sierra": "sierra2_4a", "none": "none"}
        each = self.palette == "frame"
        make = f"palettegen=stats_mode={'single' if each else 'full'}:max_colors={self.colors}"
        use = f"paletteuse=new={int(each)}:dither={dither[self.dither]}"
        return ["-vf", f"split[a][b];[a]{make}[p];[b][p]{use}", "-c:v", "gif"]


@formats.register("webp")
@dataclass(frozen=True)
class Webp(Format):
    """Animated WebP: much smaller than gif, with all colours."""

    suffixes = (".webp",)
    seconds_per_pixel = 60e-9
    always_stores_alpha = True
    muxer = "webp"
    muxer_options = ("-loop", "0")
    max_side = 16383
    tag_after_encoding = True

    quality: int = setting(90, "higher is better and larger", minimum=0, maximum=100)
    lossless: bool = setting(False, "keep every pixel exactly")

    def arguments(
        self, *, height: int, width: int, fps: Fraction, alpha: bool = False
    ) -> list[str]:
        # libwebp converts the colours itself. WebP has no colour tags: its specification is BT.601.
        quality = ["-quality", str(self.quality), "-lossless", str(int(self.lossless))]
        return ["-pix_fmt", "bgra", "-c:v", "libwebp_anim", *quality]

    def for_alpha(self) -> Webp:
        """Return the lossless format: flat drawings, which often have alpha, are smaller in it."""
        return replace(self, lossless=True)


@formats.register("apng")
@dataclass(frozen=True)
class Apng(Format):
    """Animated PNG: lossless, large, shown by every browser."""

    suffixes = (".apng",)
    seconds_per_pixel = 90e-9
    always_stores_alpha = True
    muxer = "apng"
    muxer_options = ("-plays", "0")
    tag_after_encoding = True

    compression: int = setting(4, "higher is smaller and slower", minimum=0, maximum=9)

    def arguments(
        self, *, height: int, width: int, fps: Fraction, alpha: bool = False
    ) -> list[str]:
        # Paeth alone compresses as well as choosing from all filters, and is five times as fast.
        codec = ["-c:v", "apng", "-pred", "paeth", "-compression_level", str(self.compression)]
        return ["-pix_fmt", "rgba" if alpha else "rgb24", *codec]


@formats.register("mov")
@dataclass(frozen=True)
class Mov(Format):
    """ProRes, 10-bit: for cutting and grading; large."""

    suffixes = (".mov",)
    seconds_per_pixel = 60e-9
    uses_all_cores = True
    muxer = "mov"
    muxer_options = ("-use_editlist", "0", "-movflags", "+faststart")
    audio_codec = _PCM
    joins = True
    even_size = True
    max_side = 16384

    alpha_pixels = "rgba64le"

    profile: Literal["hq", "4444"] = setting("hq", "hq is 4:2:2; 4444 keeps every pixel's colour")

    def arguments(
        self, *, height: int, width: int, fps: Fraction, alpha: bool = False
    ) -> list[str]:
        pixels = {"hq": "yuv422p10le", "4444": "yuv444p10le"}[self.profile]
        if alpha:
            pixels = "yuva444p10le"
        return [*_bt709(pixels), "-c:v", "prores_ks", "-profile:v", self.profile, "-vendor", "apl0"]

    @property
    def stores_alpha(self) -> bool:
        """Whether it stores transparent frames: the profile 4444 does."""
        return self.profile == "4444"

    def for_alpha(self) -> Mov:
        """Return the format with the profile 4444."""
        return replace(self, profile="4444")

    def straight(self, frame: Frame) -> NDArray[Any]:
        """Return a frame (h, w, 4) with straight alpha in 16 bits, which are rounded to 10.

        Where ffmpeg decodes a clip to 8 bits, it rounds the alpha up. So its 10 bits are the
        largest value that it decodes to the right one; in 16 bits it is at most half a level lower.
        """
        import numpy as np

        from neuralpaint.image.alpha import straight

        deep = straight(frame, depth=16)
        alpha = frame[..., 3].astype(np.uint16)
        alpha = np.where(alpha == 255, 1023, 4 * alpha + np.minimum(1, alpha >> 6))
        deep[..., 3] = np.where(alpha == 1023, 65535, alpha << 6)
        return deep


@formats.register("mkv")
@dataclass(frozen=True)
class Mkv(Format):
    """FFV1 in RGB: lossless, for archiving; each frame has a checksum."""

    suffixes = (".mkv",)
    uses_all_cores = True
    always_stores_alpha = True
    joins = True
    muxer = "matroska"
    audio_codec = _FLAC

    def arguments(
        self, *, height: int, width: int, fps: Fraction, alpha: bool = False
    ) -> list[str]:
        """Return the arguments; see `Format`."""
        codec = ["-c:v", "ffv1", "-level", "3", "-g", "1", "-slicecrc", "1"]
        return ["-pix_fmt", "bgra" if alpha else "bgr0", *codec]


@formats.register("png")
@dataclass(frozen=True)
class Png(Format):
    """A folder of PNGs, 00001.png and so on: lossless, for other tools."""

    always_stores_alpha = True
    joins = True
    seconds_per_pixel = 200e-9

    compression: int = setting(6, "higher is smaller and slower", minimum=0, maximum=9)
