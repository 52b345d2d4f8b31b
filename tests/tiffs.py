"""TIFF files of every kind, written from their specification, with no help from Pillow."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SHORT, LONG, LONG8 = 3, 4, 16  # types of values
UNSIGNED, SIGNED, FLOAT, VOID = 1, 2, 3, 4  # sample formats
_LETTERS = {UNSIGNED: "u", SIGNED: "i", FLOAT: "f", VOID: "u"}


def write_tiff(
    values: Array,
    *,
    bits: int,
    photometric: int,
    kind: int = UNSIGNED,
    extra: tuple[int, ...] = (),
    planar: bool = False,
    compression: str = "none",
    predictor: int = 1,
    order: str = "<",
    tile: tuple[int, int] | None = None,
    strip_rows: int | None = None,
    reverse_bits: bool = False,
    big: bool = False,
    tags: Mapping[int, tuple[int, tuple[int, ...]]] | None = None,
) -> bytes:
    """Return a TIFF of samples (height, width, channels); `tags` are (type, values) by number."""
    height, width, channels = values.shape
    code, compress = COMPRESSIONS[compression]
    planes = [values[..., i : i + 1] for i in range(channels)] if planar else [values]
    blocks = [
        block
        for plane in planes
        for block in _blocks(plane, tile=tile, strip_rows=strip_rows or height)
    ]
    chunks = [
        compress(_encoded(block, bits=bits, kind=kind, order=order, predictor=predictor))
        for block in blocks
    ]
    if reverse_bits:
        table = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))
        chunks = [chunk.translate(table) for chunk in chunks]
    start = 16 if big else 8
    offsets = [start + sum(map(len, chunks[:i])) for i in range(len(chunks))]
    entries: dict[int, tuple[int, tuple[int, ...]]] = {
        256: (LONG, (width,)),
        257: (LONG, (height,)),
        258: (SHORT, (bits,) * channels),
        259: (SHORT, (code,)),
        262: (SHORT, (photometric,)),
        266: (SHORT, (2 if reverse_bits else 1,)),
        277: (SHORT, (channels,)),
        284: (SHORT, (2 if planar else 1,)),
        317: (SHORT, (predictor,)),
        339: (SHORT, (kind,) * channels),
    }
    if extra:
        entries[338] = (SHORT, extra)
    places, sizes = (324, 325) if tile else (273, 279)
    if tile:
        entries |= {322: (LONG, (tile[1],)), 323: (LONG, (tile[0],))}
    else:
        entries[278] = (LONG, (strip_rows or height,))
    entries[places] = (LONG, tuple(offsets))
    entries[sizes] = (LONG, tuple(map(len, chunks)))
    entries |= dict(tags or {})
    body = b"".join(chunks)
    body += bytes(len(body) % 2)
    directory = _directory(entries, at=start + len(body), order=order, big=big)
    mark = b"II" if order == "<" else b"MM"
    if big:
        head = mark + struct.pack(order + "HHHQ", 43, 8, 0, start + len(body))
    else:
        head = mark + struct.pack(order + "HI", 42, start + len(body))
    return head + body + directory


def _directory(
    entries: dict[int, tuple[int, tuple[int, ...]]], *, at: int, order: str, big: bool
) -> bytes:
    letters = {1: "B", SHORT: "H", LONG: "I", LONG8: "Q", 7: "B"}
    count, place, entry = ("Q", "Q", "HHQ") if big else ("H", "I", "HHI")
    room = struct.calcsize(order + place)
    table = struct.pack(order + count, len(entries))
    end = at + len(table) + len(entries) * (struct.calcsize(order + entry) + room) + room
    later = b""
    for tag, (type_, values) in sorted(entries.items()):
        data = struct.pack(f"{order}{len(values)}{letters[type_]}", *values)
        table += struct.pack(order + entry, tag, type_, len(values))
        if len(data) <= room:
            table += data.ljust(room, b"\0")
        else:
            table += struct.pack(order + place, end + len(later))
            later += data + bytes(len(data) % 2)
    return table + bytes(room) + later


def _blocks(plane: Array, *, tile: tuple[int, int] | None, strip_rows: int) -> Iterator[Array]:
    height, width = plane.shape[:2]
    if tile is None:
        yield from (plane[top : top + strip_rows] for top in range(0, height, strip_rows))
        return
    for top in range(0, height, tile[0]):
        for left in range(0, width, tile[1]):
            block = plane[top : top + tile[0], left : left + tile[1]]
            missing = [(0, tile[0] - block.shape[0]), (0, tile[1] - block.shape[1]), (0, 0)]
            yield np.pad(block, missing, mode="edge")


def _encoded(block: Array, *, bits: int, kind: int, order: str, predictor: int) -> bytes:
    rows = len(block)
    if bits not in (8, 16, 32, 64):
        flat = block.reshape(rows, -1).astype(np.uint64)
        places = np.arange(bits - 1, -1, -1, dtype=np.uint64)
        single = (flat[..., None] >> places & np.uint64(1)).astype(np.uint8).reshape(rows, -1)
        return np.packbits(single, axis=1).tobytes()
    stored = block.astype(f"{order}{_LETTERS[kind]}{bits // 8}")
    if predictor == 2:
        differences = stored.view(f"{order}u{bits // 8}").copy()
        differences[:, 1:] -= differences[:, :-1].copy()
        return differences.tobytes()
    if predictor == 3:
        channels = block.shape[2]
        big_endian = block.astype(f">f{bits // 8}").reshape(rows, -1)
        columns = big_endian.view(np.uint8).reshape(rows, -1, bits // 8)
        planes = columns.swapaxes(1, 2).reshape(rows, -1).copy()
        planes[:, channels:] -= planes[:, :-channels].copy()
        return planes.tobytes()
    return stored.tobytes()


def _packbits(data: bytes) -> bytes:
    pieces = [data[i : i + 128] for i in range(0, len(data), 128)]
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces)


def _lzw(data: bytes) -> bytes:
    # A new table after 250 bytes, so that all codes have 9 bits.
    codes: list[int] = []
    for start in range(0, len(data), 250):
        codes += [256, *data[start : start + 250]]
    text = "".join(f"{code:09b}" for code in [*codes, 257])
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


COMPRESSIONS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "none": (1, bytes),
    "lzw": (5, _lzw),
    "deflate": (8, zlib.compress),
    "packbits": (32773, _packbits),
    "old deflate": (32946, zlib.compress),
    "lzma": (34925, lzma.compress),
}
