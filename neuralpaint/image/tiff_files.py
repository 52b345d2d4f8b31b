"""TIFF files: their tags, and the samples of the kinds that Pillow reads wrongly or not at all.

Such a file is opened a second time with tags that describe its rows as 8-bit grey. Pillow, or
libtiff, then returns the decompressed bytes of the samples, which are interpreted here as the
file's own tags say. It needs the memory of these bytes, and of the file.
"""

from __future__ import annotations

import io
import shutil
import struct
from collections.abc import Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImagePalette, TiffImagePlugin

from neuralpaint.image.samples import Colours, Samples, UnreadableKind

__all__ = ["TiffFile", "is_tiff", "tiff_samples"]

Bytes = npt.NDArray[np.uint8]

# Numbers of tags
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_FILL_ORDER, _STRIPS, _CHANNELS, _STRIP_ROWS, _STRIP_SIZES = 266, 273, 277, 278, 279
_PLANAR, _PREDICTOR, _COLOR_MAP, _TILE_WIDTH, _TILE_HEIGHT, _TILES = 284, 317, 320, 322, 323, 324
_TILE_SIZES, _SUB_IFDS, _INK_SET, _EXTRA, _FORMAT = 325, 330, 332, 338, 339
_COEFFICIENTS, _SUBSAMPLING, _ICC_PROFILE, _DNG_VERSION = 529, 530, 34675, 50706

_LONG = 4  # type of a value

_COLOURS: dict[int, tuple[Colours, int]] = {0: ("L", 1), 1: ("L", 1), 2: ("RGB", 3), 5: ("CMYK", 4)}
_PALETTE, _YCBCR = 3, 6
# All other kinds are only named.
_PHOTOMETRIC_NAMES = {
    0: "grey",
    1: "grey",
    2: "RGB",
    3: "palette",
    4: "transparency mask",
    5: "CMYK",
    6: "YCbCr",
    8: "CIE L*a*b*",
    9: "ICC L*a*b*",
    10: "ITU L*a*b*",
    32803: "camera raw",
    32844: "LogL",
    32845: "LogLuv",
    34892: "camera raw",
}
_TYPES = {1: "u", 2: "i", 3: "f", 4: "u"}  # 4 is undefined, and unsigned to libtiff too
_TYPE_NAMES = {1: "unsigned", 2: "signed", 3: "float", 4: "undefined"}
_TYPE_NAMES |= {5: "complex integer", 6: "complex float"}
_WIDTHS = {"u": range(1, 65), "i": (8, 16, 32, 64), "f": (16, 32, 64)}  # bits
# Compressions of bytes; all others are made for one kind of samples.
_BYTEWISE = (1, 5, 8, 32773, 32946, 34925, 50000)
_COMPRESSION_NAMES = {2: "CCITT", 3: "CCITT group 3", 4: "CCITT group 4", 6: "JPEG", 7: "JPEG"}
_COMPRESSION_NAMES |= {33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34887: "LERC"}
_COMPRESSION_NAMES |= {34676: "SGI Log", 34677: "SGI Log", 34892: "JPEG", 34934: "JPEG XR"}
_COMPRESSION_NAMES |= {50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL"}
_BT601 = (0.299, 0.587, 0.114)
_DIFFERENCES, _FLOAT_DIFFERENCES = 2, 3  # predictors
_ASSOCIATED, _UNASSOCIATED = 1, 2  # kinds of alpha among the extra channels


def is_tiff(start: bytes) -> bool:
    """Return whether a file that begins with these bytes is a TIFF."""
    return start.startswith(tuple(TiffImagePlugin.PREFIXES))


class TiffFile(TiffImagePlugin.TiffImageFile):
    """A TIFF that opens even if Pillow does not support its samples; it has no `tile` then."""

    def _open(self) -> None:
        if self.fp is not None and self.fp.read(4) == b"MM\0\x2b":
            raise UnreadableKind("a BigTIFF in big-endian byte order: convert it to TIFF or PNG")
        if self.fp is not None:
            self.fp.seek(0)
        super()._open()

    def _setup(self) -> None:
        try:
            super()._setup()
        except (SyntaxError, LookupError):
            self._size = _number(self.tag_v2, _WIDTH), _number(self.tag_v2, _HEIGHT)
            self._mode, self.tile = "L", []
            if _ICC_PROFILE in self.tag_v2:
                self.info["icc_profile"] = self.tag_v2[_ICC_PROFILE]


def tiff_samples(image: TiffFile) -> Samples | None:
    """Return the samples of a TIFF; None if Pillow reads it correctly.

    A palette of 8-bit numbers that are stored in 16 bits is corrected in `image` first.

    Raises:
        UnreadableKind: a kind that cannot be read.
    """
    tags = dict(image.tag_v2)
    layout = _Layout(tags, byte_order="<" if image.tag_v2.prefix == b"II" else ">")
    if _DNG_VERSION in tags or (_number(tags, _SUBFILE, 0) & 1 and _SUB_IFDS in tags):
        raise UnreadableKind("a camera's raw file: develop it, and give the picture as PNG or TIFF")
    if image.tile and layout.is_read_by_pillow:
        if layout.photometric == _PALETTE and max(tags[_COLOR_MAP]) < 256:
            # Old programs wrote 8 bits where there should be 16.
            image.palette = ImagePalette.raw("RGB;L", bytes(tags[_COLOR_MAP]))
        if layout.photometric == _YCBCR and layout.compression == 1:
            _check_uncompressed_ycbcr(tags)
        return None
    if (problem := layout.problem()) is not None:
        raise UnreadableKind(f"{problem}: convert it to a TIFF or PNG of 8 or 16 bits in RGB")
    return layout.samples(image)


def _check_uncompressed_ycbcr(tags: dict[int, Any]) -> None:
    """Raise UnreadableKind unless it is as in JPEG and not subsampled, as Pillow assumes."""
    coefficients = [float(each) for each in tags.get(_COEFFICIENTS, _BT601)]
    if tags.get(_SUBSAMPLING, (2, 2)) != (1, 1) or not np.allclose(coefficients, _BT601, atol=1e-3):
        raise UnreadableKind("an uncompressed TIFF of unusual YCbCr: convert it to RGB")


class _Layout:
    """How a TIFF stores its samples, by its tags.

    Raises:
        UnreadableKind: a tag has a value that makes no sense.
    """

    def __init__(self, tags: dict[int, Any], *, byte_order: str) -> None:
        self._tags = tags
        self._byte_order = byte_order
        self.compression = _number(tags, _COMPRESSION, 1)
        self.photometric = _number(tags, _PHOTOMETRIC, 1)
        self._width, self._height = _number(tags, _WIDTH), _number(tags, _HEIGHT)
        self._channels = _number(tags, _CHANNELS, 1)
        self._bits = _same(tags.get(_BITS, (1,)))
        self._format = _same(tags.get(_FORMAT, (1,)))
        self._is_planar = _number(tags, _PLANAR, 1) == 2 and self._channels > 1
        self._predictor = _number(tags, _PREDICTOR, 1)
        self._type = _TYPES.get(self._format or 0, "")

    @property
    def is_read_by_pillow(self) -> bool:
        """Whether Pillow reads such samples correctly, if it knows them at all."""
        plain = self._format == 1 and self._bits is not None and self._bits <= 8
        other_planes = self._is_planar and self._channels != 3 + (self.photometric == 5)
        reversed_bits = self.photometric in _COLOURS and self.compression in _BYTEWISE
        reversed_bits = reversed_bits and self._tags.get(_FILL_ORDER, 1) != 1
        return plain and not other_planes and not reversed_bits

    def problem(self) -> str | None:
        """Return why the samples cannot be read; None if they can."""
        kind = _PHOTOMETRIC_NAMES.get(self.photometric, f"photometric {self.photometric}")
        compression = _COMPRESSION_NAMES.get(self.compression, f"compression {self.compression}")
        if self._bits is None or self._format is None:
            return f"a TIFF whose channels ({kind}) differ in their bits or format"
        samples = f"{self._bits}-bit {_TYPE_NAMES.get(self._format, 'unknown')} samples"
        known = self._type and self._bits in _WIDTHS[self._type]
        if self.photometric not in _COLOURS or not known:
            return f"a TIFF of {kind} with {samples}"
        if self.compression not in _BYTEWISE:
            return f"a TIFF of {kind} with {samples} in {compression}"
        differences = _FLOAT_DIFFERENCES if self._type == "f" else _DIFFERENCES
        if self._predictor not in (1, differences) or (
            self._predictor > 1 and self._bits not in (8, 16, 32, 64)
        ):
            return f"a TIFF of {kind} with {samples} and predictor {self._predictor}"
        colours, needed = _COLOURS[self.photometric]
        if colours == "CMYK" and _number(self._tags, _INK_SET, 1) != 1:
            return "a TIFF of other inks than CMYK"
        if self._channels < needed or self._channels > needed + max(1, len(self._extra)):
            return f"a TIFF of {kind} with {self._channels} channels"
        return None

    @property
    def _extra(self) -> tuple[int, ...]:
        extra: tuple[int, ...] = self._tags.get(_EXTRA, ())
        return extra

    def samples(self, image: TiffFile) -> Samples:
        """Return the samples of `image`, decompressed."""
        assert image.fp is not None
        assert self._bits is not None
        colours, needed = _COLOURS[self.photometric]
        # As in Pillow, the first extra channel without a description is alpha.
        extra = (*self._extra, _UNASSOCIATED)[: self._channels - needed]
        alphas = [i for i, kind in enumerate(extra) if kind in (_ASSOCIATED, _UNASSOCIATED)]
        wanted = [*range(needed), *(needed + i for i in alphas[:1])]
        planes = wanted if self._is_planar else [0]
        packed = [self._decompressed(image.fp, plane) for plane in planes]

        def rows(top: int, bottom: int) -> npt.NDArray[Any]:
            values = [
                self._unpacked(np.asarray(each.crop((0, top, each.width, bottom))))
                for each in packed
            ]
            return np.concatenate(values, 2) if self._is_planar else values[0][..., wanted]

        white = None  # of floats and wide integers, by convention
        if self._bits < 32 and self._type != "f":
            white = 2.0 ** (self._bits - (self._type == "i")) - 1
        return Samples(
            image,
            self._width,
            self._height,
            rows,
            colours,
            white,
            has_alpha=bool(alphas),
            premultiplied=bool(alphas) and extra[alphas[0]] == _ASSOCIATED,
            inverted=self.photometric == 0,
        )

    @property
    def _block_width(self) -> int:
        """Pixels of a row that are stored together: those of a tile or of the picture."""
        return _number(self._tags, _TILE_WIDTH) if _TILES in self._tags else self._width

    @property
    def _block_bytes(self) -> int:
        """Bytes of a row of a block."""
        assert self._bits is not None
        channels = 1 if self._is_planar else self._channels
        return -(-self._block_width * channels * self._bits // 8)

    def _decompressed(self, file: IO[bytes], plane: int) -> Image.Image:
        """Return the bytes of a plane as an image in mode L, as wide as a row has bytes."""
        tags = self._tags
        across = -(-self._width // self._block_width)
        entries: dict[int, Sequence[int]] = {
            _WIDTH: [across * self._block_bytes],
            _HEIGHT: [self._height],
            _BITS: [8],
            _COMPRESSION: [self.compression],
            _PHOTOMETRIC: [1],
            _FILL_ORDER: [_number(tags, _FILL_ORDER, 1)],
            _CHANNELS: [1],
        }
        if _TILES in tags:
            places, sizes = _TILES, _TILE_SIZES
            entries[_TILE_WIDTH] = [self._block_bytes]
            entries[_TILE_HEIGHT] = [_number(tags, _TILE_HEIGHT)]
        else:
            places, sizes = _STRIPS, _STRIP_SIZES
            entries[_STRIP_ROWS] = [min(self._height, _number(tags, _STRIP_ROWS, self._height))]
        for tag in (places, sizes):
            values = tags.get(tag, ())
            values = values if isinstance(values, tuple) else (values,)
            share = len(values) // (self._channels if self._is_planar else 1)
            if share:
                entries[tag] = values[plane * share : (plane + 1) * share]
        with _with_tags(file, entries, byte_order=self._byte_order) as patched:
            image = Image.open(patched, formats=["TIFF"])
            image.load()
        return image

    def _unpacked(self, packed: Bytes) -> npt.NDArray[Any]:
        """Convert rows of bytes to samples, (rows, width, channels)."""
        assert self._bits is not None
        count = len(packed)
        channels = 1 if self._is_planar else self._channels
        blocks = packed.reshape(-1, self._block_bytes)
        size = self._bits // 8
        dtype = f"{self._byte_order}{self._type}{size}"
        if self._bits not in (8, 16, 32, 64):
            values = _of_bits(blocks, self._bits)[:, : self._block_width * channels]
        elif self._predictor == _FLOAT_DIFFERENCES:
            # The bytes of all samples of a row, most significant first: Adobe's Technical Note 3.
            sums = _summed(blocks, channels)
            values = sums.reshape(len(blocks), size, -1).swapaxes(1, 2).copy().view(f">f{size}")
        elif self._predictor == _DIFFERENCES:
            native = blocks.view(f"{self._byte_order}u{size}").astype(f"u{size}")
            values = _summed(native, channels).view(f"{self._type}{size}")
        else:
            values = blocks.view(dtype)
        return values.reshape(count, -1, channels)[:, : self._width]


def _number(tags: Any, tag: int, default: int | None = None) -> int:
    """Return a tag's number, of several the first; it may be 0, except for width and height."""
    value = tags.get(tag, default)
    if isinstance(value, tuple) and value:
        value = value[0]
    if not isinstance(value, int) or value < 0 or (value == 0 and tag in (_WIDTH, _HEIGHT)):
        raise UnreadableKind(f"a TIFF whose tag {tag} is {value!r}: get it again")
    return value


def _same(values: Any) -> int | None:
    """Return the value that all channels have in common; None if they differ."""
    values = values if isinstance(values, tuple) else (values,)
    return values[0] if len(set(values)) == 1 and isinstance(values[0], int) else None


def _of_bits(packed: Bytes, bits: int) -> npt.NDArray[np.uint64]:
    """Return the numbers of `bits` bits in each row of bytes; what remains is padding."""
    single = np.unpackbits(packed, axis=1)
    count = single.shape[1] // bits
    groups = single[:, : count * bits].reshape(len(packed), count, bits)
    numbers = np.zeros((len(packed), count), np.uint64)
    for place in range(bits):
        numbers = numbers << np.uint64(1) | groups[..., place]
    return numbers


def _summed(differences: npt.NDArray[Any], channels: int) -> npt.NDArray[Any]:
    """Undo a predictor: each sample is the sum of its row up to there, modulo its size."""
    groups = differences.reshape(len(differences), -1, channels)
    sums = np.cumsum(groups, axis=1, dtype=differences.dtype)
    return sums.reshape(differences.shape)


def _with_tags(
    file: IO[bytes], entries: dict[int, Sequence[int]], *, byte_order: str
) -> io.BytesIO:
    """Return a TIFF with the data of another one, and these tags."""
    patched = io.BytesIO()
    file.seek(0)
    shutil.copyfileobj(file, patched, 1 << 20)
    start = patched.tell() + patched.tell() % 2
    later = start + 2 + 12 * len(entries) + 4
    table, values = struct.pack(byte_order + "H", len(entries)), b""
    for tag, numbers in sorted(entries.items()):
        packed = struct.pack(f"{byte_order}{len(numbers)}I", *numbers)
        table += struct.pack(byte_order + "HHI", tag, _LONG, len(numbers))
        if len(numbers) == 1:
            table += packed
        else:
            table += struct.pack(byte_order + "I", later + len(values))
            values += packed
    patched.seek(start)
    patched.write(table + bytes(4) + values)
    patched.seek(0)
    patched.write(b"II" if byte_order == "<" else b"MM")
    patched.write(struct.pack(byte_order + "HI", 42, start))
    patched.seek(0)
    return patched
