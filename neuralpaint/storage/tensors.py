"""Named arrays and facts in one safetensors file, which is not trusted when it is read.

One key of the file's metadata contains, as JSON, its kind, the version of its format and the facts.
The facts contain a checksum, because a weight with a flipped bit would be a valid number. Reading
executes no code and allocates no more memory than the size of the file.

A new file is first written to disk next to the old file, and then replaces it in one step, so that
one of the two exists after a power failure.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from neuralpaint.errors import SavedError, UsageError
from neuralpaint.image.picture_files import suggest_path
from neuralpaint.runtime.files import part_file, remove_stale_parts

__all__ = ["load_tensors", "open_saved", "pack_tensors", "save_tensors", "unpack_tensors"]

_KEY = "neuralpaint"
_VERSION = 1
_LONGEST_HEADER = 16 * 2**20  # bytes, enough for a hundred thousand tensors
_MOST_AXES = 32
_LENGTH = struct.Struct("<Q")
_DTYPES = {
    "F16": "<f2", "F32": "<f4", "F64": "<f8",
    "I8": "i1", "I16": "<i2", "I32": "<i4", "I64": "<i8",
    "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8",
    "BOOL": "?",
}  # fmt: skip


def save_tensors(
    path: Path, tensors: Mapping[str, NDArray[Any]], *, kind: str, facts: Mapping[str, Any]
) -> None:
    """Write arrays and facts, replacing the file at `path`.

    Args:
        path: the file.
        tensors: arrays of floats of 16 to 64 bits, integers or booleans, of any shape.
        kind: the kind of file, such as "neuralpaint painting"; reading checks it.
        facts: JSON values, without NaN and infinity.

    Raises:
        EncodingError: the file cannot be written (disk full, no permission), or another thread is
            writing it; an existing file is unchanged.
    """
    sealed = {"facts": dict(facts), "sum": _checksum(tensors, facts)}
    remove_stale_parts(path)
    with part_file(path) as part:
        with part.path.open("wb") as file:
            file.write(pack_tensors(tensors, kind=kind, facts=sealed))
            file.flush()
            os.fsync(file.fileno())
        part.publish()
        _sync_folder(part.output.parent)


def load_tensors(path: Path, *, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the facts that `save_tensors` wrote.

    Raises:
        UsageError: the file does not exist.
        SavedError: it is damaged, not of this kind, made by a newer neuralpaint, or not readable.
    """
    name = f"{str(path)!r}"
    with open_saved(path) as file:
        # The header is checked first, because a file of a different kind may be very large.
        head = file.read(_LENGTH.size)
        head += file.read(_header_length(head, size=_size(file), name=name))
        _facts(head, kind=kind, name=name)
        tensors, sealed = unpack_tensors(head + file.read(), kind=kind, name=name)
    facts = sealed.get("facts")
    if not isinstance(facts, dict) or sealed.get("sum") != _checksum(tensors, facts):
        raise SavedError(f"{name} is damaged: copy it again, or make it again")
    return tensors, facts


def pack_tensors(
    tensors: Mapping[str, NDArray[Any]], *, kind: str, facts: Mapping[str, Any]
) -> bytes:
    """Return the bytes of a file with arrays and facts, without a checksum."""
    metadata = {"kind": kind, "version": _VERSION, "facts": dict(facts)}
    # The library writes the memory of an array, with the gaps of a view.
    dense = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    raw: bytes = save(dense, metadata={_KEY: json.dumps(metadata, allow_nan=False)})
    return raw


def unpack_tensors(
    raw: bytes, *, kind: str, name: str
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and facts from the bytes of `pack_tensors`; `name` is for messages.

    Raises:
        SavedError: see `load_tensors`.
    """
    facts = _facts(raw, kind=kind, name=name)
    try:
        # This compares all offsets and sizes with the length of the file.
        entries = deserialize(raw)  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise _damaged(name, error) from error
    return {key: _array(key, entry, name=name) for key, entry in entries}, facts


@contextlib.contextmanager
def open_saved(path: Path) -> Iterator[BinaryIO]:
    """Open a saved file for reading; convert every failure to an error with one line.

    Raises:
        UsageError: the file does not exist, or is a folder or a device.
        SavedError: the file is not readable, or reading fails within the block.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise UsageError(f"{str(path)!r} is {what}: give a painting or a take")
        with path.open("rb") as file:
            yield file
    except UsageError:  # a UsageError is a ValueError too
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"no file {str(path)!r}: {suggest_path(path)}") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SavedError(
            f"{str(path)!r} cannot be read ({reason}): check its permissions and its disk"
        ) from error
    except MemoryError as error:
        raise SavedError(f"{str(path)!r} does not fit into memory") from error


def _checksum(tensors: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> int:
    """Return the CRC-32 of the facts and of all names and arrays."""
    total = zlib.crc32(json.dumps(dict(facts)).encode())
    for name in sorted(tensors):
        array = tensors[name]
        head = f"{name} {array.dtype.str} {array.shape} "
        total = zlib.crc32(array.tobytes(), zlib.crc32(head.encode(), total))
    return total


def _sync_folder(folder: Path) -> None:
    """Write the folder entry of a new file to disk, on systems that support it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _header_length(head: bytes, *, size: int, name: str) -> int:
    """Return the number of bytes of the header after the first eight, in a file of `size` bytes."""
    if len(head) < _LENGTH.size:
        raise _foreign(name)
    (length,) = _LENGTH.unpack_from(head)
    if length > min(_LONGEST_HEADER, size - _LENGTH.size):
        raise _foreign(name)
    return int(length)


def _foreign(name: str) -> SavedError:
    return SavedError(
        f"{name} is not a painting or a take, or it is damaged: give a file from --save or --record"
    )


def _facts(raw: bytes, *, kind: str, name: str) -> dict[str, Any]:
    """Return the facts from the header, after checking the kind and the version."""
    end = _LENGTH.size + _header_length(raw, size=len(raw), name=name)
    header = _parsed(raw[_LENGTH.size : end], name=name)
    metadata = header.get("__metadata__")
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise SavedError(f"{name} was not made by neuralpaint: give a {kind}")
    stored = _parsed(text, name=name)
    found, version, facts = (stored.get(key) for key in ("kind", "version", "facts"))
    if type(version) is int and version > _VERSION:
        raise SavedError(f"{name} was made by a newer neuralpaint: update neuralpaint")
    is_known = type(version) is int and version == _VERSION
    if not is_known or not isinstance(found, str) or not isinstance(facts, dict):
        raise _damaged(name, "its metadata is incomplete")
    if found != kind:
        raise SavedError(f"{name} is a {found[:60]!r}, not a {kind!r}: give another file")
    return facts


def _parsed(text: bytes | str, *, name: str) -> dict[str, Any]:
    """Parse a JSON object and check that its keys are unique."""
    try:
        parsed = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _damaged(name, "its header is not JSON") from error
    if not isinstance(parsed, dict):
        raise _damaged(name, "its header is not a JSON object")
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _array(key: str, entry: Mapping[str, Any], *, name: str) -> NDArray[Any]:
    shape, dtype = entry["shape"], entry["dtype"]
    if dtype not in _DTYPES or len(shape) > _MOST_AXES:
        raise _damaged(name, f"tensor {key[:60]!r} is {dtype} {str(shape)[:60]}")
    try:
        return np.frombuffer(entry["data"], _DTYPES[dtype]).reshape(shape)
    except (ValueError, OverflowError) as error:
        raise _damaged(name, error) from error


def _damaged(name: str, reason: object) -> SavedError:
    line = " ".join(str(reason).split())[:120]
    return SavedError(f"{name} is damaged ({line}): make it again, or copy it again")
