"""Colour spaces of files, as ICC profiles or as HDR transfers.

A PNG is interpreted by the first of its chunks cICP, iCCP, sRGB and gAMA with cHRM, as in the PNG
specification, third edition, section 4.3. AVIF and HEIF have the numbers of cICP (ITU-T H.273) in a
colr box, JPEG 2000 has a profile there.
"""

from __future__ import annotations

import logging
import struct
from dataclasses import dataclass
from typing import IO, Literal

import numpy as np
from PIL import Image

from neuralpaint.image.boxes import boxes, child, find_box
from neuralpaint.image.icc_profiles import Matrix, rgb_profile, rgb_to_xyz
from neuralpaint.image.png_chunks import find_chunk

__all__ = ["PRIMARIES", "SRGB", "ColourSpace", "Transfer", "colour_space", "to_srgb"]

logger = logging.getLogger(__name__)

Transfer = Literal["PQ", "HLG"]

_D65, _C = (0.3127, 0.3290), (0.310, 0.316)
PRIMARIES = {
    1: (*_D65, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060),
    4: (*_C, 0.670, 0.330, 0.210, 0.710, 0.140, 0.080),
    5: (*_D65, 0.640, 0.330, 0.290, 0.600, 0.150, 0.060),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
"""Chromaticities (x, y) of white, red, green and blue, by number of H.273."""
SRGB = PRIMARIES[1]
_UNSPECIFIED = 2
# Transfers by number of H.273. Those of video are shown as sRGB, as browsers do.
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
_LIKE_SRGB = (1, 2, 6, 7, 11, 12, 13, 14, 15)
_HDR: dict[int, Transfer] = {16: "PQ", 18: "HLG"}
# gAMA is relative to a display with this exponent; 1 / 2.2 in a file means that of sRGB.
_DISPLAY_GAMMA = 2.2


@dataclass(frozen=True, eq=False)
class ColourSpace:
    """How the numbers of a picture become colours."""

    profile: bytes | None = None
    """An ICC profile; None if the numbers are sRGB."""
    display_gamma: float | None = None
    """The exponent of the display for which the numbers were made, if it is not that of sRGB."""
    hdr: Transfer | None = None
    """The transfer of a picture that has to be tone-mapped; `profile` is not used then."""
    to_srgb: Matrix | None = None
    """The matrix from linear light in the primaries of an HDR picture to that in sRGB, (3, 3)."""
    video_range: bool = False
    """Whether black is 16 and white 235 of 255."""


def to_srgb(to_xyz: Matrix) -> Matrix:
    """Return the matrix to linear light in sRGB, for one from other primaries to XYZ. (3, 3)"""
    matrix: Matrix = np.linalg.inv(rgb_to_xyz(SRGB)) @ to_xyz
    return matrix


def colour_space(image: Image.Image) -> ColourSpace:
    """Return the colour space of an opened image that is not decoded yet."""
    embedded: bytes | None = image.info.get("icc_profile") or None
    codes: tuple[int, ...] = ()
    file: IO[bytes] | None = getattr(image, "fp", None)
    if file is not None:
        place = file.tell()
        if image.format == "PNG":
            codes = tuple(find_chunk(file, b"cICP")[:4])
        elif image.format == "AVIF":
            codes = _primary_codes(find_box(file, b"meta"))
        elif image.format == "JPEG2000":
            embedded = _jp2_profile(find_box(file, b"jp2h"))
        file.seek(place)
    if image.format == "HEIF" and (nclx := image.info.get("nclx_profile")):
        codes = (nclx["color_primaries"], nclx["transfer_characteristics"])
    if len(codes) > 1 and (image.format == "PNG" or embedded is None or codes[1] in _HDR):
        return _by_codes(*codes)
    if image.format == "PNG" and embedded is None and "srgb" not in image.info:
        return _by_gamma(image.info.get("gamma"), image.info.get("chromaticity"))
    return ColourSpace(embedded)


def _primary_codes(meta: bytes) -> tuple[int, ...]:
    """Return primaries and transfer of the main picture of an AVIF (ISO 23008-12)."""
    boxed = meta[4:]
    pitm, ipma = child(boxed, b"pitm"), child(boxed, b"iprp", b"ipma")
    try:
        wide = pitm[0] > 0
        (main,) = struct.unpack_from(">I" if wide else ">H", pitm, 4)
        properties = list(boxes(child(boxed, b"iprp", b"ipco")))
        (count,), place = struct.unpack_from(">I", ipma, 4), 8
        for _ in range(count):
            item, used = struct.unpack_from(">IB" if ipma[0] else ">HB", ipma, place)
            place += 5 if ipma[0] else 3
            width = 2 if ipma[3] & 1 else 1
            indices = [ipma[place + i * width : place + (i + 1) * width] for i in range(used)]
            place += used * width
            for index in indices:
                number = int.from_bytes(index) & (2 ** (8 * width - 1) - 1)
                name, content = properties[number - 1] if number else (b"", b"")
                if item == main and name == b"colr" and content[:4] == b"nclx":
                    return struct.unpack_from(">HH", content, 4)
    except (LookupError, struct.error):
        logger.warning("the colour space cannot be read: colours are taken as sRGB")
    return ()


def _jp2_profile(jp2h: bytes) -> bytes | None:
    for name, content in boxes(jp2h):
        if name == b"colr":
            return content[3:] if content[:1] in (b"\2", b"\3") else None
    return None


def _by_codes(
    primaries: int, transfer: int, matrix: int = 0, full_range: int = 1, /
) -> ColourSpace:
    if primaries not in PRIMARIES and primaries != _UNSPECIFIED:
        logger.warning("primaries %d of H.273 are not known: sRGB's are taken", primaries)
    if transfer not in (*_GAMMAS, *_LIKE_SRGB, *_HDR):
        logger.warning("transfer %d of H.273 is not known: sRGB's is taken", transfer)
    if matrix:
        logger.warning("matrix %d of H.273 is not RGB: it is not used", matrix)
    chromaticities = PRIMARIES.get(primaries, SRGB)
    hdr = _HDR.get(transfer)
    if hdr is not None:
        return ColourSpace(
            hdr=hdr, to_srgb=to_srgb(rgb_to_xyz(chromaticities)), video_range=not full_range
        )
    profile = None
    if transfer in _GAMMAS or chromaticities is not SRGB:
        profile = rgb_profile(chromaticities, _GAMMAS.get(transfer))
    return ColourSpace(profile, video_range=not full_range)


def _by_gamma(exponent: float | None, chromaticities: tuple[float, ...] | None) -> ColourSpace:
    if exponent is None:  # browsers use chromaticities only together with a gamma
        return ColourSpace()
    if not 0.01 <= exponent <= 100:
        logger.warning("the gamma %g makes no sense: colours are taken as sRGB", exponent)
        return ColourSpace()
    try:
        profile = rgb_profile(chromaticities or SRGB, 1 / exponent)
    except (np.linalg.LinAlgError, ZeroDivisionError, struct.error):
        logger.warning("the chromaticities %s make no sense: sRGB's are taken", chromaticities)
        profile = rgb_profile(SRGB, 1 / exponent)
    return ColourSpace(profile, _DISPLAY_GAMMA)
