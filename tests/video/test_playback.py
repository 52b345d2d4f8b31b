from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clip_probe import pattern
from processes import run

from neuralpaint.errors import EncodingError, UsageError
from neuralpaint.image.pictures import Frame
from neuralpaint.pipelines.video import VideoSettings
from neuralpaint.video.playback import ClipFrames, FrameSpool, Playback


def planned(*, every: int | None = None, **options: Any) -> Playback:
    """Return the playback of a clip of 100 training steps."""
    settings = VideoSettings(every=every, **options)
    return settings.playback.playback(settings.timelapse.snapshots(100))


@pytest.mark.parametrize(
    ("options", "frames", "held", "shots"),
    [
        ({}, 300, 30, 270),
        ({"fps": 10}, 100, 10, 90),
        ({"duration": 2.5, "fps": 24}, 60, 6, 54),
        ({"duration": 4, "hold": 1.5}, 120, 45, 75),
        ({"duration": 4, "hold": 0}, 120, 0, 120),
        ({"duration": 0.001}, 1, 0, 1),
        ({"frames": 12, "fps": 6}, 12, 1, 11),
        ({"frames": 20, "duration": 10, "hold": 1}, 300, 30, 20),
        ({"frames": 900, "duration": 1}, 30, 3, 27),
        ({"every": 10}, 41, 30, 11),
        ({"every": 10, "hold": 0}, 11, 0, 11),
        ({"every": 30, "hold": 0}, 5, 0, 5),
        ({"every": 10, "duration": 5, "hold": 0}, 150, 0, 11),
        ({"boomerang": True}, 300, 30, 135),
        ({"boomerang": True, "every": 10, "hold": 0}, 22, 0, 11),
        ({"reverse": True, "duration": 1, "hold": 0}, 30, 0, 30),
    ],
)
def test_the_settings_give_the_length_of_the_clip(
    options: dict[str, Any], frames: int, held: int, shots: int
) -> None:
    playback = planned(**options)
    assert (playback.frames, playback.held, playback.shots) == (frames, held, shots)
    order = playback.order()
    assert len(order) == frames
    assert set(order) == set(range(shots))


@pytest.mark.parametrize(
    ("boomerang", "reverse", "order"),
    [
        (False, False, [0, 1, 2, 3, 3, 3]),
        (False, True, [3, 3, 3, 2, 1, 0]),
        (True, False, [1, 0, 0, 1, 1, 1]),
        (True, True, [0, 1, 1, 1, 1, 0]),
    ],
)
def test_the_order_of_the_shots(boomerang: bool, reverse: bool, order: list[int]) -> None:
    shots = 2 if boomerang else 4
    assert Playback(4, 2, shots, boomerang, reverse).order() == order


def test_an_odd_boomerang_shows_its_middle_shot_once() -> None:
    assert Playback(5, 0, 3, boomerang=True).order() == [2, 1, 0, 1, 2]
    assert Playback(5, 0, 3, boomerang=True, reverse=True).order() == [0, 1, 2, 1, 0]


def test_the_order_of_an_interrupted_clip_begins_like_that_of_the_whole_clip() -> None:
    playback = Playback(8, 2, 4)
    whole, part = playback.order(), playback.order(2)
    assert part[:-2] == whole[: len(part) - 2] == [0, 0, 1, 1]
    assert part[-2:] == [1, 1]
    assert playback.order(0) == []


@pytest.mark.parametrize(
    "options",
    [
        {"hold": 10},
        {"duration": 1, "hold": 1},
        {"frames": 3, "every": 3},
        {"duration": 1e9},
        {"fps": 0},
        {"duration": -1},
    ],
)
def test_impossible_clips_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        planned(**options)


def shot(index: int) -> Frame:
    return np.full((2, 3, 3), index, np.uint8)


def shown(frames: ClipFrames) -> list[int]:
    return [int(frame[0, 0, 0]) for frame in frames]


@pytest.mark.parametrize("boomerang", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("made", [0, 1, 3, 5])
def test_clip_frames_follow_the_order_with_any_number_of_shots(
    boomerang: bool, reverse: bool, made: int
) -> None:
    playback = Playback(10 if boomerang else 5, 3, 5, boomerang, reverse)
    with ClipFrames((shot(index) for index in range(made)), playback) as frames:
        assert shown(frames) == playback.order(made)
        assert frames.shots == made


def test_a_clip_that_plays_forwards_yields_each_shot_when_it_arrives() -> None:
    arrived = []

    def shots() -> Iterator[Frame]:
        for index in range(3):
            arrived.append(index)
            yield shot(index)

    with ClipFrames(shots(), Playback(6, 0, 3)) as frames:
        numbers = [(int(frame[0, 0, 0]), len(arrived)) for frame in frames]
    assert numbers == [(0, 1), (0, 1), (1, 2), (1, 2), (2, 3), (2, 3)]


@pytest.mark.parametrize(("boomerang", "written"), [(False, 2), (True, 0)])
def test_after_an_exception_the_rest_of_the_clip_shows_the_shots_so_far(
    boomerang: bool, written: int
) -> None:
    def shots() -> Iterator[Frame]:
        yield from (shot(0), shot(1))
        raise KeyboardInterrupt

    playback = Playback(8 if boomerang else 4, 2, 4, boomerang)
    with ClipFrames(shots(), playback) as frames:
        with pytest.raises(KeyboardInterrupt):
            shown(frames)
        frames.end()
        rest = shown(frames)
    assert rest == playback.order(2)[written:]


def test_after_the_end_no_more_shots_are_pulled() -> None:
    with ClipFrames((shot(index) for index in range(5)), Playback(5, 2, 5)) as frames:
        next(frames)
        frames.end()
        assert shown(frames) == [0, 0]
        assert frames.shots == 1


def test_spooled_frames_can_be_read_in_any_order(tmp_path: Path) -> None:
    frames = pattern(5, height=7, width=11)
    with closing(FrameSpool(tmp_path)) as spool:
        for number, frame in enumerate(frames):
            spool.append(frame)
            assert len(spool) == number + 1
            assert np.array_equal(spool.read(0), frames[0])
        assert os.listdir(tmp_path) == []
        for index in (4, 0, 3, 1, 2):
            assert np.array_equal(spool.read(index), frames[index])


def test_frames_of_any_memory_layout_can_be_spooled(tmp_path: Path) -> None:
    frame = pattern(1, height=8, width=8)[0]
    with closing(FrameSpool(tmp_path)) as spool:
        spool.append(frame[::-1, ::-1])
        assert np.array_equal(spool.read(0), frame[::-1, ::-1])


def test_the_spool_refuses_other_shapes_and_unknown_indices(tmp_path: Path) -> None:
    with closing(FrameSpool(tmp_path)) as spool:
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
from neuralpaint.video.playback import FrameSpool
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
spool = FrameSpool(sys.argv[1])
frame = np.full((10, 10, 3), 7, np.uint8)
try:
    for _ in range(9):
        spool.append(frame)
except EncodingError as error:
    print(len(spool), (spool.read(2) == frame).all(), error)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = run([sys.executable, "-c", code, str(tmp_path)], check=True, env=environment)
    assert done.stdout.startswith("3 True ")
    assert "File too large" in done.stdout
