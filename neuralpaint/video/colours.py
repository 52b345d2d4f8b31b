"""The ffmpeg filters that convert the frames of a stream to 8-bit sRGB."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import PictureError

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
# Chromaticities, x and y, of red, green, blue and white (ITU-T H.273).
_PRIMARIES = {
    "bt709": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), (0.3127, 0.3290)),
    "bt470m": ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),
    "bt470bg": ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), (0.3127, 0.3290)),
    "smpte170m": ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), (0.3127, 0.3290)),
    "smpte240m": ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), (0.3127, 0.3290)),
    "film": ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), (0.310, 0.316)),
    "bt2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), (0.3127, 0.3290)),
    "smpte431": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    "smpte432": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.3127, 0.3290)),
    "ebu3213": ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), (0.3127, 0.3290)),
}
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)

# Nits of diffuse white (ITU-R BT.2408), and of the brightest highlight that is distinguished.
_WHITE, _PEAK = 203, 1000
# Colours up to this fraction of white stay as they are; brighter ones are compressed.
_KNEE = 0.95

_ALPHA = re.compile(r"yuva|gbrap|rgba|bgra|argb|abgr|ya\d|yaf|ayuv|vuya|uyva|pal8")
_YUV = re.compile(r"yuv|yvy|uyv|uyy|yuyv|nv\d|p[024]\d\d|y2\d\d|xv\d|v30x|vuy|vyu|ayuv")
_FLOAT = re.compile(r"f(16|32)")
_XYZ = re.compile(r"xyz")


@dataclass(frozen=True)
class Colours:
    """What a stream says of its colours, in the names of ffmpeg."""

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

        The first one also scales to square pixels. HDR is tone-mapped: diffuse white becomes white.

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
            f"zscale={given}:t=linear:npl={_WHITE}:agamma=false:m=gbr:r=full",
            "format=gbrpf32le",
            f"colorchannelmixer={_mixture(primaries)}",
        ]
        if curve in _HDR:
            steps.append(f"tonemap=mobius:param={_KNEE}:peak={_PEAK / _WHITE:.3f}:desat=0")
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
    source, target = _to_xyz(primaries), _to_xyz("bt709")
    cones = _BRADFORD @ source.sum(1), _BRADFORD @ target.sum(1)  # of both whites
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(cones[1] / cones[0]) @ _BRADFORD
    matrix = np.linalg.inv(target) @ adapted @ source
    cells = zip((a + b for a in "rgb" for b in "rgb"), matrix.ravel(), strict=True)
    return ":".join(f"{name}={value:.6f}" for name, value in cells)


def _to_xyz(primaries: str) -> NDArray[np.float64]:
    """Return the matrix (3, 3) from linear colours of these primaries to CIE XYZ."""
    x, y = np.array(_PRIMARIES[primaries]).T
    xyz = np.stack([x, y, 1 - x - y])  # (3, 4): a column for each primary, then white
    scale: NDArray[np.float64] = np.linalg.solve(xyz[:, :3], xyz[:, 3] / y[3])
    return xyz[:, :3] * scale
