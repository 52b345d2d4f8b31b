from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from neuralpaint.errors import EncodingError, SavedError, UsageError
from neuralpaint.storage.tensors import load_tensors, pack_tensors, save_tensors, unpack_tensors

KIND = "neuralpaint painting"
FLOAT = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def raw_file(header: Any, body: bytes = b"") -> bytes:
    """Return a file with any header, also an invalid one."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def metadata(**changes: Any) -> dict[str, Any]:
    """Return the metadata of a valid file, with changes."""
    values = {"kind": KIND, "version": 1, "facts": {}} | changes
    return {"neuralpaint": json.dumps(values)}


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float16).reshape(2, 3),
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
        np.arange(12, dtype=np.float64)[::3],
        np.array([np.nan, np.inf, -0.0], np.float32),
        np.array(7, np.int64),
        np.arange(3, dtype=np.int8),
        np.arange(4, dtype=np.uint8),
        np.array([True, False]),
        np.zeros((0, 3), np.float32),
        np.arange(3, dtype=">f4"),
    ],
    ids=str,
)
def test_arrays_are_loaded_bit_for_bit(array: np.ndarray) -> None:
    raw = pack_tensors({"a": array}, kind=KIND, facts={})
    tensors, _ = unpack_tensors(raw, kind=KIND, name="a")
    found = tensors["a"]
    assert found.dtype == array.dtype.newbyteorder("=")
    assert found.shape == array.shape
    assert found.tobytes() == array.astype(found.dtype).tobytes()
    found[...] = 0  # the caller's own


def test_facts_are_loaded_unchanged() -> None:
    facts = {"rate": 0.1 + 0.2, "deep": {"list": [1, None, "ä\U0001f600"]}, "big": 2**60}
    raw = pack_tensors({}, kind=KIND, facts=facts)
    assert unpack_tensors(raw, kind=KIND, name="a") == ({}, facts)


def test_a_file_returns_what_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "a"
    save_tensors(path, {"a": np.ones(3)}, kind=KIND, facts={"x": 1})
    tensors, facts = load_tensors(path, kind=KIND)
    assert tensors["a"].tolist() == [1, 1, 1]
    assert facts == {"x": 1}


def test_facts_that_json_cannot_represent_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        pack_tensors({}, kind=KIND, facts={"loss": float("nan")})


def test_a_failed_write_is_reported(tmp_path: Path) -> None:
    with pytest.raises(EncodingError, match="cannot be written"):
        save_tensors(tmp_path / "none" / "a", {}, kind=KIND, facts={})


def test_the_error_for_another_kind_names_it() -> None:
    raw = pack_tensors({}, kind="neuralpaint checkpoint", facts={})
    with pytest.raises(SavedError, match="is a 'neuralpaint checkpoint', not a 'neuralpaint paint"):
        unpack_tensors(raw, kind=KIND, name="a")


def test_the_error_for_a_newer_file_advises_an_update() -> None:
    with pytest.raises(SavedError, match="newer neuralpaint: update neuralpaint"):
        unpack_tensors(raw_file({"__metadata__": metadata(version=2)}), kind=KIND, name="a")


def test_a_file_of_another_program_is_refused() -> None:
    raw = save({"a": np.ones(3)}, metadata={"format": "pt"})
    with pytest.raises(SavedError, match="not made by neuralpaint"):
        unpack_tensors(raw, kind=KIND, name="a")


def test_a_missing_file_raises_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "forest.painting").touch()
    with pytest.raises(UsageError, match=r"did you mean '.*forest\.painting'"):
        load_tensors(tmp_path / "forst.painting", kind=KIND)
    with pytest.raises(UsageError, match="is a folder"):
        load_tensors(tmp_path, kind=KIND)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 7,
        b"just some text, nothing else",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2**30) + b"{}",
        raw_file(b"[]"),
        raw_file(b"{"),
        raw_file(b"\xff\xfe"),
        raw_file(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        raw_file({"__metadata__": 1}),
        raw_file({"__metadata__": {"neuralpaint": 1}}),
        raw_file({"__metadata__": {"neuralpaint": "[" * 100_000}}),
        raw_file({"__metadata__": metadata(version=True)}),
        raw_file({"__metadata__": metadata(version="2")}),
        raw_file({"__metadata__": metadata(kind=[1])}),
        raw_file({"__metadata__": metadata(facts=[1])}),
        raw_file({"__metadata__": metadata(), "a": FLOAT}),
        raw_file({"__metadata__": metadata(), "a": FLOAT}, bytes(9)),
        raw_file({"__metadata__": metadata(), "a": FLOAT, "b": FLOAT}, bytes(8)),
        raw_file({"__metadata__": metadata(), "a": FLOAT | {"shape": [2**40, 2**40]}}, bytes(8)),
        raw_file({"__metadata__": metadata(), "a": FLOAT | {"shape": [2**63, 0]}}),
        raw_file(
            {
                "__metadata__": metadata(),
                "a": {"dtype": "F32", "shape": [2**63, 0], "data_offsets": [0, 0]},
            }
        ),
        raw_file(
            {"__metadata__": metadata(), "a": FLOAT | {"shape": [float("nan")]}}, bytes(8)
        ),
        raw_file({"__metadata__": metadata(), "a": FLOAT | {"shape": [1] * 40 + [2]}}, bytes(8)),
        raw_file(
            {"__metadata__": metadata(), "a": FLOAT | {"dtype": "BF16", "shape": [4]}}, bytes(8)
        ),
        raw_file(
            b'{"__metadata__":' + json.dumps(metadata()).encode() + b"," + b",".join(
                [b'"a":' + json.dumps(FLOAT).encode()] * 2
            ) + b"}",
            bytes(8),
        ),
    ],
)  # fmt: skip
def test_the_error_for_a_damaged_file_is_one_line(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(raw)
    with pytest.raises(SavedError) as unpacked:
        unpack_tensors(raw, kind=KIND, name="a")
    with pytest.raises(SavedError) as loaded:
        load_tensors(path, kind=KIND)
    for caught in (unpacked, loaded):
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 400
