"""Decoding of an opened picture: 8-bit pixels as Pillow reads them, or the samples of the file.

One function per format recognises the kinds that Pillow reads wrongly, in too few bits, or not at
all, and returns their samples. All others are decoded by Pillow.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuralpaint.image.boxes import boxes, child, find_box
from neuralpaint.image.colour_spaces import ColourSpace, colour_space
from neuralpaint.image.samples import Samples, UnreadableKind
from neuralpaint.image.tiff_files import tiff_samples

__all__ = ["Decoded", "decode"]

# Of a JPEG without its end: the fraction of pixels that may be missing, or their number: one block,
# with the pixels beside it that its colours reach.
_FRACTION_MISSING, _PIXELS_MISSING = 0.01, 18 * 18

# By the raw mode of Pillow, for grey of 2 and 4 bits: the levels of a step.
_PNG_STEPS = {"L;2": 85, "L;4": 17}
# By the raw mode of Pillow: the mode to decode in, and the raw modes of the upper and the lower
# bytes. Grey with alpha is decoded once: its four bytes per pixel are taken for RGBA.
_PNG_HALVES = {
    "RGB;16B": ("RGB", ("RGB;16B", "RGB;16L")),
    "RGBA;16B": ("RGBA", ("RGBA;16B", "RGBA;16L")),
    "LA;16B": ("RGBA", ("RGBA",)),
}
# Enumerated colour spaces of ISO 15444 that Pillow converts: black and white, sRGB, grey, YCC, CMYK
_JP2_COLOURS = (0, 12, 15, 16, 17, 18)


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decoded picture and what its numbers mean."""

    image: Image.Image
    """Its pixels are used only if there are no `samples`."""
    space: ColourSpace = field(default_factory=ColourSpace)
    samples: Samples | None = None


def decode(image: Image.Image) -> Decoded:
    """Decode the first frame of a picture that `open_image` returned.

    Raises:
        UnreadableKind: a kind that cannot be read, which is named.
        Exception: anything that Pillow raises for a damaged file.
    """
    space = colour_space(image)
    reader = _READERS.get(image.format or "")
    samples = reader(image) if reader else None
    return Decoded(image if samples else _loaded(image), space, samples)


def _loaded(image: Image.Image) -> Image.Image:
    file = image.fp if image.format in ("JPEG", "MPO") else None  # type: ignore[attr-defined]
    try:
        image.load()
    except OSError as error:
        if file is None or "truncated" not in str(error):
            raise
        file.seek(0)
        return _without_end(file.read(), error)
    return image


def _without_end(encoded: bytes, error: OSError) -> Image.Image:
    """Return the picture of a JPEG that lacks its end, but hardly any pixels.

    Which pixels are missing shows by decoding the file with different bytes in place of those that
    are missing: all other pixels stay the same.
    """
    encoded = encoded.rstrip(b"\xff")  # half of a marker
    noise = np.random.default_rng(0).integers(1, 255, 65536 + len(encoded) // 4, dtype=np.uint8)
    first, *others = (
        Image.open(io.BytesIO(encoded + more.tobytes() + b"\xff\xd9"))
        for more in (noise[:0], noise, noise[::-1])
    )
    pixels = np.asarray(first)
    missing = np.zeros(pixels.shape[:2], bool)
    for other in others:
        missing |= (np.asarray(other) != pixels).reshape(*missing.shape, -1).any(axis=2)
    if missing.sum() > max(_PIXELS_MISSING, _FRACTION_MISSING * missing.size):
        raise error
    if missing.any():
        what = f"{missing.sum():,} pixels are missing at the bottom"
    elif "progressive" in first.info:
        what = "the finest detail may be missing"
    else:
        what = "no pixel is missing"
    warnings.warn(f"the file lacks its end: {what}", stacklevel=2)
    return first


def _png_samples(image: Any) -> Samples | None:
    """16 bits of several channels: decoded twice, for the upper and for the lower bytes.

    For grey of 2 and 4 bits, the transparent value is scaled as the pixels are.
    """
    raw_mode = image.tile[0].args if image.tile else ""
    if raw_mode in _PNG_STEPS and "transparency" in image.info:
        image.info["transparency"] *= _PNG_STEPS[raw_mode]
    if raw_mode not in _PNG_HALVES or getattr(image, "is_animated", False):
        return None
    mode, halves = _PNG_HALVES[raw_mode]
    decoded = []
    for half in halves:
        image.fp.seek(0)
        again: Any = Image.open(image.fp, formats=["PNG"])
        again._mode = mode
        again.tile = [tile._replace(args=half) for tile in again.tile]
        again.load()
        decoded.append(again)

    def rows(top: int, bottom: int) -> npt.NDArray[Any]:
        box = (0, top, image.width, bottom)
        stored = [np.asarray(each.crop(box)).astype(np.uint16) for each in decoded]
        upper, lower = stored if len(stored) == 2 else (stored[0][..., ::2], stored[0][..., 1::2])
        return upper << 8 | lower

    clear = image.info.get("transparency")
    return Samples(
        image,
        image.width,
        image.height,
        rows,
        "L" if raw_mode.startswith("L") else "RGB",
        65535.0,
        has_alpha=mode == "RGBA",
        clear=clear if isinstance(clear, tuple) else None,
    )


def _ppm_samples(image: Any) -> Samples | None:
    """Binary files whose largest value is not 255: Pillow reads them value by value."""
    (tile,) = image.tile
    if tile.codec_name != "ppm":
        return None
    mode, largest = tile.args
    channels = 1 if mode == "L" else 3
    image.fp.seek(tile.offset)
    dtype = np.dtype("u1" if largest < 256 else ">u2")
    count = image.width * image.height * channels
    stored = image.fp.read(count * dtype.itemsize)
    if len(stored) < count * dtype.itemsize:
        raise OSError("image file is truncated")
    values = np.frombuffer(stored, dtype).reshape(image.height, image.width, channels)
    return Samples(
        image,
        image.width,
        image.height,
        lambda top, bottom: values[top:bottom],
        "L" if channels == 1 else "RGB",
        float(largest),
    )


def _jp2_samples(image: Any) -> Samples | None:
    """Other than 8 bits: Pillow shifts the values, so that white is no longer 255."""
    image.fp.seek(0)
    start = image.fp.read(12)
    header = find_box(image.fp, b"jp2h")
    if start.startswith(b"\xff\x4f"):
        image.fp.seek(0)
        stream = image.fp.read(256)
    else:
        stream = find_box(image.fp, b"jp2c")[:256]
    bits = {(depth & 0x7F) + 1 for depth in stream[42 : 42 + 3 * stream[41] : 3]}
    _check_jp2_colours(header)
    if len(bits) > 1 or max(bits) > (16 if stream[41] == 1 else 8):
        # Rounded to 8 bits, Pillow's 255.5 becomes 0: white would be black.
        depths = " and ".join(map(str, sorted(bits)))
        raise UnreadableKind(
            f"a JPEG 2000 of {stream[41]} channels of {depths} bits: convert it to PNG or TIFF"
        )
    premultiplied = _is_premultiplied(header)
    if (bits == {8} and not premultiplied) or image.mode in ("P", "PA"):
        return None
    image.load()
    (depth,) = bits
    white = float((2**depth - 1) << ((16 if depth > 8 else 8) - depth))
    return Samples.of_image(image, white=white, premultiplied=premultiplied)


def _check_jp2_colours(header: bytes) -> None:
    for name, content in boxes(header):
        if name == b"colr" and content[:1] == b"\1":
            number = int.from_bytes(content[3:7])
            if number not in _JP2_COLOURS:
                raise UnreadableKind(
                    f"a JPEG 2000 in colour space {number}: convert it to PNG or TIFF"
                )


def _is_premultiplied(header: bytes) -> bool:
    """Return whether alpha is premultiplied, by the box cdef: (channel, type, colour) of each."""
    definitions = child(header, b"cdef")
    channels = list(struct.iter_unpack(">3H", definitions[2 : 2 + len(definitions) // 6 * 6]))
    if any(kind == 0 and colour != channel + 1 for channel, kind, colour in channels):
        raise UnreadableKind("a JPEG 2000 with channels in another order: convert it to PNG")
    return any(kind == 2 for _, kind, _ in channels)


def _heif_samples(image: Any) -> Samples | None:
    """More than 8 bits: the plugin of Pillow returns 8."""
    bits = image.info.get("bit_depth", 8)
    if bits <= 8:
        return None
    import pillow_heif

    image.fp.seek(0)
    file = pillow_heif.open_heif(image.fp, convert_hdr_to_8bit=False)
    deep = file[file.primary_index]
    values = np.asarray(deep)
    width, height = deep.size
    values = values.reshape(height, len(values[0]), -1)[:, :width]
    mode = deep.mode.partition(";")[0]
    return Samples(
        image,
        width,
        height,
        lambda top, bottom: values[top:bottom],
        "RGB" if mode.startswith("RGB") else "L",
        float((2**bits - 1) << (16 - bits)),
        has_alpha=mode[-1] in "Aa",
        premultiplied=mode[-1] == "a",
    )


def _psd_samples(image: Any) -> Samples | None:
    """Bitmaps, in which 1 is black, and a fourth channel, which Pillow takes for alpha."""
    if image.mode == "1":
        image.tile = [tile._replace(args="1;I") for tile in image.tile]
    if image.mode != "RGBA":
        return None
    if not _psd_is_transparent(image.fp):  # then it is a stored selection
        image._mode, image.tile = "RGB", image.tile[:3]
        return None
    image.load()

    def rows(top: int, bottom: int) -> npt.NDArray[Any]:
        values = np.asarray(image.crop((0, top, image.width, bottom))).astype(np.int16)
        values[..., :3] -= 255 - values[..., 3:]  # the colours are blended with white
        return values.clip(0, 255)

    return Samples(
        image, image.width, image.height, rows, "RGB", 255.0, has_alpha=True, premultiplied=True
    )


def _psd_is_transparent(file: IO[bytes]) -> bool:
    """Return whether the number of layers is negative: then the first extra channel is alpha."""
    file.seek(26)
    for _ in ("colour mode", "resources"):
        file.seek(int.from_bytes(file.read(4)), 1)
    layers_and_masks, layers, count = file.read(4), file.read(4), file.read(2)
    has_layers = any(layers_and_masks) and any(layers)
    return has_layers and int.from_bytes(count, signed=True) < 0


_READERS: dict[str, Callable[[Any], Samples | None]] = {
    "PNG": _png_samples,
    "PPM": _ppm_samples,
    "TIFF": tiff_samples,
    "JPEG2000": _jp2_samples,
    "HEIF": _heif_samples,
    "PSD": _psd_samples,
}
