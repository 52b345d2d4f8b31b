"""ICC profiles, written from their specification, and the colours that they mean."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Columns are the primaries, in XYZ adapted to D50, as in the published profiles.
SRGB = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
ADOBE_RGB = np.array(
    [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
)
DISPLAY_P3 = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)


def to_linear(srgb: Array) -> Array:
    values = srgb / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def profile(space: bytes, tags: dict[bytes, bytes], pcs: bytes = b"XYZ ") -> bytes:
    """Return an ICC profile (version 2.1) with these tags."""
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x02100000, b"mntr", space, pcs)
    head += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp").ljust(128 - len(head) - 60, b"\0")
    return head.ljust(68, b"\0") + xyz(0.9642, 1.0, 0.8249)[8:].ljust(60, b"\0") + table + body


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def gamma(value: float) -> bytes:
    return b"curv" + struct.pack(">IIH", 0, 1, round(value * 256)) + b"\0\0"


def table(values: Array) -> bytes:
    return b"curv" + struct.pack(">II", 0, len(values)) + values.astype(">u2").tobytes()


def rgb_profile(primaries: Array, curve: float | Array) -> bytes:
    colours = {n: xyz(*primaries[:, i]) for i, n in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    shape = gamma(curve) if isinstance(curve, float) else table(curve)
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), shape)
    return profile(b"RGB ", {b"wtpt": xyz(0.9642, 1.0, 0.8249), **colours, **curves})


def cmyk_profile(lab_of_ink: dict[tuple[int, ...], tuple[int, int, int]]) -> bytes:
    """Return a profile that maps some mixtures of full inks to a Lab colour, others to white."""
    corners = bytearray()
    for index in range(16):
        inks = tuple(index >> bit & 1 for bit in (3, 2, 1, 0))
        lightness, a, b = lab_of_ink.get(inks, (100, 0, 0))
        corners += bytes((round(lightness * 2.55), a + 128, b + 128))
    identity = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    steps = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + identity + steps * 4 + corners + steps * 3
    return profile(b"CMYK", {b"wtpt": xyz(0.9642, 1, 0.8249), b"A2B0": table}, pcs=b"Lab ")


def encoded(srgb: Array, primaries: Array, exponent: float) -> Array:
    """Return the levels of sRGB colours in another RGB space."""
    linear = to_linear(srgb) @ (np.linalg.inv(primaries) @ SRGB).T
    levels: Array = np.rint(255 * linear.clip(0, 1) ** (1 / exponent)).astype(np.uint8)
    return levels
