"""ICC profiles of curves and a matrix: they are written, and read for samples of more than 8 bits.

Pillow applies profiles of all kinds, but to 8 bits only.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import ImageCms

__all__ = [
    "SRGB_PROFILE",
    "LinearProfile",
    "Matrix",
    "read_linear_profile",
    "rgb_profile",
    "rgb_to_xyz",
]

Matrix = npt.NDArray[np.float64]
Curve = npt.NDArray[np.float32]

_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_PARAMETERS = (1, 3, 4, 5, 7)  # of each kind of parametric curve


def _srgb_profile() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # A fixed creation date: the same picture must result in the same file every day.
    profile[24:36] = bytes((7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))
    return bytes(profile)


SRGB_PROFILE = _srgb_profile()


def rgb_to_xyz(chromaticities: Sequence[float]) -> Matrix:
    """Return the matrix from linear RGB to XYZ, adapted to D50 with Bradford's transform. (3, 3)

    `chromaticities` are (x, y) of white, red, green and blue.

    Raises:
        numpy.linalg.LinAlgError, ZeroDivisionError: they are on one line, or y is 0.
    """
    white, *primaries = (
        np.array([x / y, 1.0, (1 - x - y) / y])
        for x, y in zip(chromaticities[::2], chromaticities[1::2], strict=True)
    )
    colours = np.stack(primaries, axis=1)
    to_xyz = colours * np.linalg.solve(colours, white)
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted: Matrix = np.linalg.inv(_BRADFORD) @ (gains[:, None] * _BRADFORD) @ to_xyz
    return adapted


def rgb_profile(chromaticities: Sequence[float], gamma: float | None) -> bytes:
    """Return an ICC profile (version 4) of an RGB space; without `gamma`, with sRGB's curve."""
    curve = _parametric(3, *_SRGB_CURVE) if gamma is None else _parametric(0, gamma)
    tags = {b"wtpt": _xyz(_D50)}
    for letter, colour in zip(b"rgb", rgb_to_xyz(chromaticities).T, strict=True):
        tags |= {bytes([letter]) + b"XYZ": _xyz(colour), bytes([letter]) + b"TRC": curve}
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    head = struct.pack(">I4xI4s4s4s", start + len(body), 0x04200000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp")
    head = head.ljust(68, b"\0") + _xyz(_D50)[8:]
    return head.ljust(128, b"\0") + table + body


def _xyz(values: Sequence[float] | Matrix) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(_fixed(value) for value in values)


def _parametric(kind: int, *parameters: float) -> bytes:
    return b"para" + struct.pack(">IH2x", 0, kind) + b"".join(map(_fixed, parameters))


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


@dataclass(frozen=True, eq=False)
class LinearProfile:
    """A profile as linear light: a curve per channel, and a matrix if there are three channels."""

    curves: tuple[Curve, ...]
    """Linear light of the values 0 to 65535, each float32 (65536,)."""
    to_xyz: Matrix | None


def read_linear_profile(profile: bytes) -> LinearProfile | None:
    """Read a profile of grey or RGB; None if it has other tables, or cannot be read."""
    try:
        (count,) = struct.unpack_from(">I", profile, 128)
        entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(count)]
        tags = {name: profile[start : start + size] for name, start, size in entries}
        if profile[20:24] != b"XYZ " or any(name.startswith((b"A2B", b"D2B")) for name in tags):
            return None
        if profile[16:20] == b"GRAY":
            return LinearProfile((_read_curve(tags[b"kTRC"]),), None)
        curves = tuple(_read_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
        columns = [struct.unpack_from(">3i", tags[name], 8) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    except (LookupError, struct.error, ValueError, ZeroDivisionError):
        return None
    return LinearProfile(curves, np.array(columns).T / 65536)


def _read_curve(tag: bytes) -> Curve:
    """Return a curve at 65536 values: `curv` or `para` of ICC.1, sections 10.6 and 10.18."""
    x = np.linspace(0, 1, 65536)
    if tag[:4] != b"para":
        (count,) = struct.unpack_from(">I", tag, 8)
        values = struct.unpack_from(f">{count}H", tag, 12)
        if count == 1:
            return np.asarray(x ** (values[0] / 256), np.float32)
        if count == 0:
            return x.astype(np.float32)
        table = np.array(values) / 65535
        return np.interp(x, np.linspace(0, 1, count), table).astype(np.float32)
    (kind,) = struct.unpack_from(">H", tag, 8)
    g, *more = (number / 65536 for number in struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12))
    a, b, *more = more or (1.0, 0.0)
    if kind < 3:  # a power, plus a constant, that begins where its base is 0
        c, d, e = 0.0, -b / a, sum(more)
        f = e
    else:
        c, d, e, f = (*more, 0.0, 0.0)[:4]
    powers = np.maximum(a * x + b, 0) ** g + e
    return np.asarray(np.where(x >= d, powers, c * x + f), np.float32)
