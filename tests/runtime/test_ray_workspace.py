"""The folders of Ray's processes, which are killed at the end."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from neuralpaint.runtime import ray_worker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs locks")


def test_the_folder_of_a_killed_process_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_worker, "temporary_folder", lambda: tmp_path)
    killed, running, young, other = (
        tmp_path / name
        for name in ("neuralpaint-ray-1", "neuralpaint-ray-2", "neuralpaint-ray-3", "mine")
    )
    for folder in (killed, running, young, other):
        folder.mkdir()
        (folder / "file").touch()
        os.utime(folder, (0, 0))
    os.utime(young)
    lock = ray_worker._lock(running)
    assert lock is not None
    ray_worker._workspace.cache_clear()
    try:
        own = ray_worker._workspace()
        assert {*tmp_path.iterdir()} == {running, young, other, own}
        assert ray_worker._workspace() == own
    finally:
        os.close(lock)
        ray_worker._workspace.cache_clear()
