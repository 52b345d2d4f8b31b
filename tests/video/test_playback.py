from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.video.playback import Playback, PlaybackSettings
from neuralpaint.video.reel import Reel
from neuralpaint.video.spool import FrameSpool


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
def test_a_clip_is_exactly_as_long_as_it_should_be(
    options: dict[str, Any], frames: int, held: int, shots: int
) -> None:
    playback = PlaybackSettings(**options).playback(steps=100)
    assert (playback.frames, playback.held, playback.shots) == (frames, held, shots)
    order = playback.order()
    assert len(order) == frames
    assert set(order) == set(range(shots))


@pytest.mark.parametrize(
    ("boomerang", "reverse", "order"),
    [
        (False, False, [0, 1, 2, 3, 3, 3]),
        (False, True, [3, 3, 3, 2, 1, 0]),
        (True, False, [0, 1, 1, 1, 1, 0]),
        (True, True, [1, 0, 0, 1, 1, 1]),
    ],
)
def test_orders_of_playback(boomerang: bool, reverse: bool, order: list[int]) -> None:
    shots = 2 if boomerang else 4
    assert Playback(4, 2, shots, boomerang, reverse).order() == order


def test_an_odd_boomerang_shows_its_turning_point_once() -> None:
    assert Playback(5, 0, 3, boomerang=True).order() == [0, 1, 2, 1, 0]


def test_an_interrupted_order_begins_as_the_whole_one_would() -> None:
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
def test_clips_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        PlaybackSettings(**options).playback(steps=100)


class Sink:
    def __init__(self) -> None:
        self.shown: list[int] = []

    def write(self, frame: NDArray[np.uint8]) -> None:
        self.shown.append(int(frame[0, 0, 0]))


def shot(index: int) -> NDArray[np.uint8]:
    return np.full((2, 3, 3), index, np.uint8)


@pytest.mark.parametrize("boomerang", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("made", [0, 1, 3, 5])
def test_a_reel_shows_the_order_of_its_playback_however_far_it_comes(
    boomerang: bool, reverse: bool, made: int
) -> None:
    playback = Playback(10 if boomerang else 5, 3, 5, boomerang, reverse)
    sink = Sink()
    with FrameSpool() as spool:
        reel = Reel(sink, playback, spool if playback.looks_back else None)
        for index in range(made):
            reel.add(shot(index))
        reel.finish()
    assert sink.shown == playback.order(made)


def test_a_reel_that_runs_forwards_writes_as_it_goes() -> None:
    sink = Sink()
    reel = Reel(sink, Playback(6, 0, 3), None)
    reel.add(shot(0))
    assert sink.shown == [0, 0]
    reel.add(shot(1))
    assert sink.shown == [0, 0, 1, 1]
