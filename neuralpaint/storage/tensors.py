"""Named arrays and facts in one safetensors file, and back again without trust.

A file says itself what it is: under one key of its metadata stand, as JSON, its kind, the version
of its format and the facts. Reading runs no code and allocates nothing that the file's own size
does not bear out.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from neuralpaint.errors import SavedError, UsageError
from neuralpaint.image.sources import suggest_path
from neuralpaint.runtime.files import write_error

__all__ = [
    "opened_saved",
    "pack_tensors",
    "read_tensors",
    "unpack_tensors",
    "write_tensors",
]

_KEY = "neuralpaint"
_VERSION = 1
_LONGEST_HEADER = 16 * 2**20  # bytes: room for a hundred thousand tensors
_MOST_AXES = 32
_LENGTH = struct.Struct("<Q")
_DTYPES = {
    "F16": "<f2", "F32": "<f4", "F64": "<f8",
    "I8": "i1", "I16": "<i2", "I32": "<i4", "I64": "<i8",
    "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8",
    "BOOL": "?",
}  # fmt: skip


def write_tensors(
    file: BinaryIO | Path,
    tensors: Mapping[str, NDArray[Any]],
    *,
    kind: str,
    facts: Mapping[str, Any],
) -> None:
    """Write arrays and facts to an open file, or as the whole file of that path.

    Args:
        file: where to; a path is written in place, so give a part of the target.
        tensors: arrays of floats of 16 to 64 bits, integers or booleans, of any shape.
        kind: what the file is, such as "neuralpaint painting": who reads it must ask for the same.
        facts: what JSON can hold, without NaN and infinity.

    Raises:
        EncodingError: the path cannot be written to. An open file raises its own `OSError`.
    """
    raw = pack_tensors(tensors, kind=kind, facts=facts)
    if not isinstance(file, Path):
        file.write(raw)
        return
    try:
        file.write_bytes(raw)
    except OSError as error:
        raise write_error(file, error) from error


def read_tensors(raw: bytes | Path, *, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays, which are the caller's own, and the facts that `write_tensors` has kept.

    Raises:
        UsageError: there is no such file.
        SavedError: it is damaged, of another kind, made by a newer neuralpaint, or not readable.
    """
    if isinstance(raw, bytes):
        return unpack_tensors(raw, kind=kind, name="the data")
    with opened_saved(raw) as file:
        # The header alone tells a foreign file, however large that is.
        head = file.read(_LENGTH.size)
        head += file.read(_header_length(head, size=_size(file), name=f"{str(raw)!r}"))
        _facts(head, kind=kind, name=f"{str(raw)!r}")
        return unpack_tensors(head + file.read(), kind=kind, name=f"{str(raw)!r}")


def pack_tensors(
    tensors: Mapping[str, NDArray[Any]], *, kind: str, facts: Mapping[str, Any]
) -> bytes:
    """Return as bytes what `write_tensors` writes."""
    told = {"kind": kind, "version": _VERSION, "facts": dict(facts)}
    # The library writes memory as it lies, gaps and all.
    dense = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    raw: bytes = save(dense, metadata={_KEY: json.dumps(told, allow_nan=False)})
    return raw


def unpack_tensors(
    raw: bytes, *, kind: str, name: str
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return what `pack_tensors` has packed; `name` is what an error calls it.

    Raises:
        SavedError: as `read_tensors`.
    """
    facts = _facts(raw, kind=kind, name=name)
    try:
        # Here offsets, sizes and the length of the whole are held against each other.
        entries = deserialize(raw)  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise _damaged(name, error) from error
    return {key: _array(key, entry, name=name) for key, entry in entries}, facts


@contextlib.contextmanager
def opened_saved(path: Path) -> Iterator[BinaryIO]:
    """Yield a saved file, open for reading; a failure to read it is one line.

    Raises:
        UsageError: there is no such file, or it is a folder or a device.
        SavedError: it may not be read, or reading fails within the block.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise UsageError(f"{str(path)!r} is {what}: give a painting or a take")
        with path.open("rb") as file:
            yield file
    except UsageError:  # which is a ValueError too
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"no file {str(path)!r}: {suggest_path(path)}") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SavedError(
            f"{str(path)!r} cannot be read ({reason}): check its permissions and its disk"
        ) from error
    except MemoryError as error:
        raise SavedError(f"{str(path)!r} does not fit into memory: free some") from error


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _header_length(head: bytes, *, size: int, name: str) -> int:
    """Return how many bytes of header follow the first eight of `size` bytes."""
    if len(head) < _LENGTH.size:
        raise SavedError(f"{name} is empty or cut short: make it again")
    (length,) = _LENGTH.unpack_from(head)
    if length > min(_LONGEST_HEADER, size - _LENGTH.size):
        raise SavedError(f"{name} is damaged, or no file of neuralpaint: give another one")
    return int(length)


def _facts(raw: bytes, *, kind: str, name: str) -> dict[str, Any]:
    """Return the facts, from the header alone, if the file is of that kind and version."""
    end = _LENGTH.size + _header_length(raw, size=len(raw), name=name)
    header = _parsed(raw[_LENGTH.size : end], name=name)
    metadata = header.get("__metadata__")
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise SavedError(f"{name} was not made by neuralpaint: give a {kind}")
    told = _parsed(text, name=name)
    found, version, facts = (told.get(key) for key in ("kind", "version", "facts"))
    if type(version) is int and version > _VERSION:
        raise SavedError(f"{name} was made by a newer neuralpaint: update it")
    is_known = type(version) is int and version == _VERSION
    if not is_known or not isinstance(found, str) or not isinstance(facts, dict):
        raise _damaged(name, "its metadata is incomplete")
    if found != kind:
        raise SavedError(f"{name} is a {found[:60]!r}, not a {kind!r}: give another file")
    return facts


def _parsed(text: bytes | str, *, name: str) -> dict[str, Any]:
    """Return a JSON object in which no key comes twice."""
    try:
        parsed = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _damaged(name, "its header is no JSON") from error
    if not isinstance(parsed, dict):
        raise _damaged(name, "its header is no JSON object")
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _array(key: str, entry: Mapping[str, Any], *, name: str) -> NDArray[Any]:
    """Return one array of what the library has read."""
    shape, dtype = entry["shape"], entry["dtype"]
    if dtype not in _DTYPES or len(shape) > _MOST_AXES:
        raise _damaged(name, f"tensor {key[:60]!r} is {dtype} {str(shape)[:60]}")
    try:
        return np.frombuffer(entry["data"], _DTYPES[dtype]).reshape(shape)
    except (ValueError, OverflowError) as error:
        raise _damaged(name, error) from error


def _damaged(name: str, reason: object) -> SavedError:
    line = " ".join(str(reason).split())[:120]
    return SavedError(f"{name} is damaged ({line}): make it again, or copy it anew")
