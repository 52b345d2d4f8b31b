from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from clip_probe import pattern
from processes import run

from neuralpaint.errors import EncodingError
from neuralpaint.video.spool import FrameSpool


def test_frames_come_back_in_any_order(tmp_path: Path) -> None:
    frames = pattern(5, height=7, width=11)
    with FrameSpool(tmp_path) as spool:
        for number, frame in enumerate(frames):
            spool.append(frame)
            assert len(spool) == number + 1
            assert np.array_equal(spool.read(0), frames[0])
        assert os.listdir(tmp_path) == []
        for index in (4, 0, 3, 1, 2):
            assert np.array_equal(spool.read(index), frames[index])


def test_any_memory_layout_is_kept(tmp_path: Path) -> None:
    frame = pattern(1, height=8, width=8)[0]
    with FrameSpool(tmp_path) as spool:
        spool.append(frame[::-1, ::-1])
        assert np.array_equal(spool.read(0), frame[::-1, ::-1])


def test_other_frames_and_indices_are_refused(tmp_path: Path) -> None:
    with FrameSpool(tmp_path) as spool:
        spool.append(np.zeros((4, 6, 3), np.uint8))
        with pytest.raises(ValueError, match="must be uint8"):
            spool.append(np.zeros((6, 4, 3), np.uint8))
        with pytest.raises(ValueError, match="must be uint8"):
            spool.append(np.zeros((4, 6, 3), np.float32))
        for index in (-1, 1):
            with pytest.raises(IndexError):
                spool.read(index)
        assert len(spool) == 1


def test_a_missing_folder_is_an_encoding_error(tmp_path: Path) -> None:
    with pytest.raises(EncodingError, match="missing"):
        FrameSpool(tmp_path / "missing")


@pytest.mark.skipif(os.name == "nt", reason="needs resource limits")
def test_a_full_disk_is_an_encoding_error(tmp_path: Path) -> None:
    code = """
import resource, sys
import numpy as np
from neuralpaint.errors import EncodingError
from neuralpaint.video.spool import FrameSpool
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
spool = FrameSpool(sys.argv[1])
frame = np.full((10, 10, 3), 7, np.uint8)
try:
    for _ in range(9):
        spool.append(frame)
except EncodingError as error:
    print(len(spool), (spool.read(2) == frame).all(), error)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = run(command, check=True, env=environment)
    assert done.stdout.startswith("3 True ")
    assert "File too large" in done.stdout
