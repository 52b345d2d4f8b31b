"""The ffmpeg filters that convert the frames of a stream to 8-bit sRGB."""

from __future__ import annotations

import re
from dataclasses import dataclass

from neuralpaint.errors import PictureError
from neuralpaint.image.colour_spaces import PRIMARIES, to_srgb
from neuralpaint.image.icc_profiles import rgb_to_xyz
from neuralpaint.image.tone_mapping import KNEE, PEAK, WHITE

__all__ = ["Colours"]

# Names are those of ffmpeg. A stream without a name has "unknown".
_UNNAMED = ("unknown", "reserved", "unspecified")
_HIGH_DEFINITION = 720  # rows: streams of at least this height without a matrix are BT.709
_MATRICES = ("bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc")  # of `scale`
_ODD_MATRICES = ("ycgco", "chroma-derived-nc", "ictcp")  # of `zscale` only
# Players do not convert these curves to that of sRGB, and neither do the programs that write them.
_LIKE_SRGB = (
    *("bt709", "smpte170m", "smpte240m", "bt1361e", "bt2020-10", "bt2020-12"),
    *("iec61966-2-1", "iec61966-2-4"),
)
_SRGB = "iec61966-2-1"
_HDR = ("smpte2084", "arib-std-b67")  # PQ and HLG
_CURVES = (*_HDR, "linear", "bt470m", "bt470bg", "log100", "log316")
# Numbers of H.273.
_PRIMARIES = {
    "bt709": 1, "bt470m": 4, "bt470bg": 5, "smpte170m": 6, "smpte240m": 7, "film": 8, "bt2020": 9,
    "smpte431": 11, "smpte432": 12, "ebu3213": 22,
}  # fmt: skip

_ALPHA = re.compile(r"yuva|gbrap|rgba|bgra|argb|abgr|ya\d|yaf|ayuv|vuya|uyva|pal8")
_YUV = re.compile(r"yuv|yvy|uyv|uyy|yuyv|nv\d|p[024]\d\d|y2\d\d|xv\d|v30x|vuy|vyu|ayuv")
_FLOAT = re.compile(r"f(16|32)")
_XYZ = re.compile(r"xyz")


@dataclass(frozen=True)
class Colours:
    """The colours of a stream, in the names of ffmpeg."""

    pixels: str
    """The pixel format."""
    full_range: bool | None = None
    matrix: str = "unknown"
    primaries: str = "unknown"
    transfer: str = "unknown"
    premultiplied: bool = False
    height: int = 0

    @property
    def has_alpha(self) -> bool:
        """Whether frames may be transparent."""
        return _ALPHA.match(self.pixels) is not None

    def filters(self) -> str:
        """Return filters that convert frames to 8-bit sRGB, with straight alpha if they have alpha.

        The first one also scales to square pixels. HDR is tone-mapped, see image/tone_mapping.py.

        Raises:
            PictureError: ffmpeg has no filter for these colours; the message is a reason.
        """
        matrix, curve, primaries = self._matrix(), self._curve(), self._primaries()
        square = (
            "scale='trunc(iw*max(1,sar)+0.5)':'trunc(ih*max(1,1/sar)+0.5)'"
            ":flags=bicubic+accurate_rnd+full_chroma_int"
        )
        alpha = "a" if self.has_alpha else ""
        output = "format=rgba" if alpha else "format=rgb24"
        repairs = self._repairs()
        if (curve, primaries) == (_SRGB, "bt709") and matrix in ("gbr", *_MATRICES):
            if matrix != "gbr":
                square += f":in_color_matrix={matrix}"
            repaired = (f"format=gbr{alpha}p16le", *repairs) if repairs else ()
            return ",".join([square, *repaired, output])

        neutral = "setparams=color_primaries=bt709:color_trc=bt709"  # `scale` refuses other names
        if matrix != "gbr":
            planes, neutral = f"yuv{alpha}444p16le", f"{neutral}:colorspace=bt709"
        else:
            planes = f"gbr{alpha}p{'f32' if _FLOAT.search(self.pixels) else '16'}le"
        prepared = ",".join([neutral, square, f"format={planes}", *repairs])
        converted = ",".join(self._to_srgb(matrix, curve=curve, primaries=primaries))
        if not alpha:
            return f"{prepared},{converted},{output}"
        # `zscale` multiplies colours by alpha before it converts them.
        split = "split[both][all];[all]format=rgba,alphaextract[alpha];[both]format="
        opaque = planes.replace("a", "", 1)
        return f"{prepared},{split}{opaque},{converted}[rgb];[rgb][alpha]alphamerge,{output}"

    def _to_srgb(self, matrix: str, *, curve: str, primaries: str) -> list[str]:
        """Return filters of opaque frames to the primaries and the curve of sRGB."""
        span = "limited" if matrix != "gbr" and not self.full_range else "full"
        given = f"min={matrix}:rin={span}:tin={curve}:pin={primaries}:p={primaries}"
        steps = [
            # The approximate gamma would apply the system gamma of HLG to each channel by itself.
            f"zscale={given}:t=linear:npl={WHITE:g}:agamma=false:m=gbr:r=full",
            "format=gbrpf32le",
            f"colorchannelmixer={_mixture(primaries)}",
        ]
        if curve in _HDR:
            steps.append(f"tonemap=mobius:param={KNEE}:peak={PEAK / WHITE:.3f}:desat=0")
        return [*steps, f"zscale=tin=linear:t={_SRGB}:m=gbr:r=full", "format=gbrp"]

    def _matrix(self) -> str:
        """Return the name of the matrix from RGB, or gbr if the pixels are not luma and chroma."""
        if _YUV.match(self.pixels) is None:
            return "gbr"
        if self.matrix in _UNNAMED or self.matrix == "gbr":
            return "bt709" if self.height >= _HIGH_DEFINITION else "smpte170m"
        if self.matrix not in (*_MATRICES, *_ODD_MATRICES):
            raise PictureError(f"its colour matrix {self.matrix!r} is not supported")
        return self.matrix

    def _curve(self) -> str:
        if self.transfer in (*_UNNAMED, *_LIKE_SRGB) or _XYZ.match(self.pixels):
            return _SRGB  # `scale` converts XYZ to sRGB
        if self.transfer not in _CURVES:
            raise PictureError(f"its transfer characteristic {self.transfer!r} is not supported")
        return self.transfer

    def _primaries(self) -> str:
        if self.primaries in _UNNAMED or _XYZ.match(self.pixels):
            return "bt2020" if self.transfer in _HDR else "bt709"
        if self.primaries not in _PRIMARIES:
            raise PictureError(f"its colour primaries {self.primaries!r} are not supported")
        return self.primaries

    def _repairs(self) -> list[str]:
        """Return filters to straight alpha and full range."""
        steps = []
        if self.premultiplied and self.has_alpha:
            steps.append("unpremultiply=inplace=1")
        if self.full_range is False and _YUV.match(self.pixels) is None:
            limits = (f"{c}imin=16/255:{c}imax=235/255" for c in "rgb")
            steps.append(f"colorlevels={':'.join(limits)}")
        return steps


def _mixture(primaries: str) -> str:
    """Return options of `colorchannelmixer` from linear colours of these primaries to BT.709."""
    matrix = to_srgb(rgb_to_xyz(PRIMARIES[_PRIMARIES[primaries]]))
    cells = zip((a + b for a in "rgb" for b in "rgb"), matrix.ravel(), strict=True)
    return ":".join(f"{name}={value:.6f}" for name, value in cells)
