"""Timetables: which shot each frame shows, so that the change falls on the beat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralpaint.rendering.rhythm import Rhythm, rhythms
from neuralpaint.video.playback import Playback, PlaybackSettings
from neuralpaint.video.timetable import Part, Timetable

FPS = 30.0
every_direction = pytest.mark.parametrize("boomerang", [False, True])
either_way = pytest.mark.parametrize("reverse", [False, True])


def timetable(
    *, beat: str = "pacing", parts: list[Part] | None = None, rest: float = 0.0, **options: Any
) -> tuple[Timetable, Playback]:
    """Return the timetable of a clip at 120 beats a minute, and its evenly spaced playback."""
    playback = PlaybackSettings(fps=FPS, **({"duration": 6} | options)).playback()
    parts = [Part(playback.shots)] if parts is None else parts
    steady = Rhythm.steady(120, seconds=6)
    return Timetable.of(playback, parts, steady, rhythms.parse(beat), fps=FPS, rest=rest), playback


def shown(of: Timetable, part: int = 0) -> NDArray[np.float64]:
    """Return the place that each frame shows, in a clip of one part."""
    return np.array(of.places[part])[of.playback.order()]


@every_direction
@either_way
def test_the_change_falls_on_the_beat_in_every_direction(boomerang: bool, reverse: bool) -> None:
    found, evenly = timetable(boomerang=boomerang, reverse=reverse, hold=0.7)
    places = shown(found)
    assert len(places) == evenly.frames
    assert (places.min(), places.max()) == (0, 1)
    finished = places[0 if boomerang != reverse else -1]
    assert finished == (0 if boomerang and reverse else 1)
    held = evenly.held_from
    assert (places[held : held + evenly.held] == 1).all()
    changes = np.abs(np.diff(places, prepend=places[0]))
    moving = np.delete(changes, slice(held, held + evenly.held + 1))
    since = np.delete(np.arange(len(places)) % 15, slice(held, held + evenly.held + 1))
    on = np.isin(np.arange(15), range(6))[since]
    assert moving[on].sum() > 0.8 * moving.sum()
    assert np.median(moving[since == 0]) > 10 * np.median(moving[since > 6])


@every_direction
@either_way
def test_places_rise_and_every_shot_is_shown(boomerang: bool, reverse: bool) -> None:
    found, _ = timetable(boomerang=boomerang, reverse=reverse)
    assert list(found.places[0]) == sorted(found.places[0])
    assert set(found.playback.order()) == set(range(found.playback.shots))
    some = found.playback.order(20)
    assert set(some) == set(range(20))
    assert len(some) == sum(shot < 20 for shot in found.playback.timed) + found.playback.held
    assert found.playback.order(0) == []


def test_a_clip_that_plays_forwards_shows_its_shots_in_order() -> None:
    found, evenly = timetable()
    assert found.playback.order() == evenly.order()
    assert found.moments == pytest.approx(np.linspace(0, 1, evenly.shots))


def test_few_frames_change_on_the_frame_that_is_nearest_to_the_beat() -> None:
    found, _ = timetable(frames=20, hold=0)  # one every 0.3 s
    changes = np.diff(shown(found), prepend=0) > 0.02
    times = np.flatnonzero(changes) / FPS
    assert len(times) == 11
    assert (np.abs(times - np.arange(0.5, 6, 0.5)) < 0.2).all()


def test_a_camera_moves_on_the_beat_only_if_it_is_told_to() -> None:
    evenly, _ = timetable(hold=0)
    np.testing.assert_allclose(np.diff(evenly.moments), 1 / 179)
    moved, _ = timetable(beat="camera", hold=0)
    assert moved.moments == pytest.approx(moved.places[0])


def test_a_camera_that_rests_begins_after_the_training() -> None:
    found, evenly = timetable(beat="camera", rest=0.5, parts=[Part(90)], hold=0)
    assert len(found.places[0]) == 90
    assert found.places[0][-1] == 1
    assert evenly.shots == len(found.moments) == 180
    assert max(found.moments[:90]) <= 0.5 < min(found.moments[90:])
    changes = np.diff(found.moments)[89:]
    assert changes[::15].min() > 5 * np.median(changes)
    assert found.moments[-1] == 1


def test_every_part_goes_from_its_beginning_to_its_end() -> None:
    found, _ = timetable(parts=[Part(60), Part(120, is_closed=True)], hold=0)
    learning, path = found.places
    assert (len(learning), len(path)) == (60, 120)
    assert (learning[0], learning[-1]) == (0, 1)
    assert path[0] == 0
    assert 0.9 < path[-1] < 1  # then it begins again


@pytest.mark.parametrize("closed", [False, True])
@either_way
def test_the_legs_of_a_morph_end_on_bars(closed: bool, reverse: bool) -> None:
    parts = [Part(180, is_closed=closed, legs=3)]
    found, _ = timetable(beat="morph", parts=parts, hold=0, duration=6, reverse=reverse)
    places = shown(found)
    assert places[60] == pytest.approx(2 / 3 if reverse else 1 / 3)
    assert places[120] == pytest.approx(1 / 3 if reverse else 2 / 3)
    assert np.abs(np.diff(places[60:75])).max() < 0.003  # it rests until the next beat
    assert abs(places[60] - places[59]) > 0.05
    uneven, _ = timetable(beat="morph", parts=[Part(180, legs=4)], hold=0)
    assert shown(uneven)[60] == pytest.approx(1 / 4)  # the bar nearest to 1.5 s


def test_more_legs_than_bars_are_reached_in_time() -> None:
    found, _ = timetable(beat="morph", parts=[Part(180, legs=12)], hold=0)
    places = shown(found)
    for leg in range(1, 12):
        assert np.abs(places - leg / 12).min() < 1e-6
