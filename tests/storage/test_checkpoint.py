"""A checkpoint is always a whole one, and nothing but a whole one is read."""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import read_until, start

from neuralpaint.errors import EncodingError, SavedError, UsageError
from neuralpaint.runtime.state import State
from neuralpaint.storage.checkpoint import load_checkpoint, save_checkpoint
from neuralpaint.storage.tensors import save_tensors

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals and limits")

STATE: State = {
    "step": np.array(7),
    "seconds": np.array(1.25),
    "weights.a": np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32),
    "weights.b": np.arange(5, dtype=np.uint8)[::-2],
    "moved": np.array(True),
    "chance": np.array([2**64 - 1, 0], np.uint64),
    "empty": np.empty(0),
}
FACTS = {"settings": {"lr": 0.1}, "shown": [0, 0, 1], "input": "café.png"}


def assert_whole(path: Path, state: State, facts: dict[str, Any]) -> None:
    found, told = load_checkpoint(path)
    assert told == facts
    assert found.keys() == state.keys()
    for name, array in state.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


def test_a_saved_checkpoint_is_loaded_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4.checkpoint"
    save_checkpoint(path, STATE, facts=FACTS)
    assert_whole(path, STATE, FACTS)
    save_checkpoint(str(path), STATE | {"step": np.array(8)}, facts={})
    assert_whole(path, STATE | {"step": np.array(8)}, {})
    assert os.listdir(tmp_path) == [path.name]


def test_a_missing_checkpoint_raises_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file '.*clip\.checkpoint'"):
        load_checkpoint(tmp_path / "clip.checkpoint")
    with pytest.raises(UsageError, match="is a folder"):
        load_checkpoint(tmp_path)


def test_every_flipped_bit_is_detected(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    save_checkpoint(path, STATE, facts=FACTS)
    raw = path.read_bytes()
    rng = np.random.default_rng(1)
    for place in rng.permutation(8 * len(raw))[:600].tolist():
        flipped = bytearray(raw)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(SavedError) as caught:
            load_checkpoint(path)
        assert "\n" not in str(caught.value)


def test_truncated_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    save_checkpoint(path, STATE, facts=FACTS)
    raw = path.read_bytes()
    for other in [*(raw[:size] for size in (0, 5, 100, len(raw) - 1)), raw + b"x", b"x" * 5000]:
        path.write_bytes(other)
        with pytest.raises(SavedError):
            load_checkpoint(path)
    save_tensors(path, STATE, kind="neuralpaint painting", facts={})
    with pytest.raises(SavedError, match=r"checkpoint' is a 'neuralpaint painting', not a"):
        load_checkpoint(path)


SAVING = """
import sys
import numpy as np
from neuralpaint.storage.checkpoint import save_checkpoint
for n in range(10**6):
    save_checkpoint(sys.argv[1], {"n": np.full(200_000, n)}, facts={"n": n})
    print(n, flush=True)
"""


@posix
def test_a_complete_checkpoint_exists_whenever_the_writer_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "clip.checkpoint"
    saved, rng = -1, np.random.default_rng(0)
    for _ in range(4):
        command = [sys.executable, "-c", SAVING, str(path)]
        process = start(command)
        read_until(process, bool)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        printed, _ = process.communicate(timeout=60)
        saved = max([0, *map(int, printed.split())])
        state, facts = load_checkpoint(path)
        assert facts["n"] in (saved, saved + 1)
        assert (state["n"] == facts["n"]).all()
    save_checkpoint(path, STATE, facts=FACTS)
    assert os.listdir(tmp_path) == [path.name]  # part files of killed processes were deleted


@posix
def test_a_full_disk_keeps_the_previous_checkpoint(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "clip.checkpoint"
    save_checkpoint(path, STATE, facts=FACTS)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
        with pytest.raises(EncodingError, match=r"cannot be written .*: free some space"):
            save_checkpoint(path, {"large": np.zeros(10**5)}, facts={})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_whole(path, STATE, FACTS)
    assert os.listdir(tmp_path) == [path.name]


@posix
def test_a_folder_that_is_not_writable_is_refused(unprivileged_folder: Path) -> None:
    unprivileged_folder.chmod(0o555)
    with pytest.raises(EncodingError, match="choose a folder that you can write to"):
        save_checkpoint(unprivileged_folder / "clip.checkpoint", STATE, facts=FACTS)


@posix
def test_a_checkpoint_is_synced_before_it_replaces_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, order = tmp_path / "checkpoint", []
    save_checkpoint(path, STATE, facts={"n": 0})

    def sync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        order.append((kind, load_checkpoint(path)[1]["n"]))

    monkeypatch.setattr(os, "fsync", sync)
    save_checkpoint(path, STATE, facts={"n": 1})
    assert order == [("file", 0), ("folder", 1)]
