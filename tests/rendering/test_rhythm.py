"""Rhythms: how much changes when, and the snapshots that show it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from fake_painting import Flat
from numpy.typing import NDArray

from neuralpaint.rendering.rhythm import Rhythm, rhythms, sampled
from neuralpaint.training.learning import Snapshot

FPS = 30
PACING = rhythms.parse("pacing")


def rhythm(*onsets: float, loud: tuple[float, ...] = (), period: float = 0.5) -> Rhythm:
    amplitudes = np.array(loud or [1.0] * len(onsets))
    return Rhythm(np.array(onsets), amplitudes, np.array(onsets), period)


def changes(of: Rhythm, *, seconds: float, beat: str = "pacing") -> NDArray[np.float64]:
    edges = np.arange(round(seconds * FPS) + 1) / FPS
    return of.changes(edges[:-1], edges[1:], rhythms.parse(beat))


def test_a_change_starts_on_the_onset_and_is_over_within_two_fifths_of_a_beat() -> None:
    found = changes(rhythm(*np.arange(0.5, 4, 0.5)), seconds=4)
    assert found.sum() == pytest.approx(4)
    assert (found >= 0).all()
    by_phase = found[15:].reshape(7, 15).mean(0) * FPS  # 1 is the mean
    assert by_phase[0] > 4
    assert (np.diff(by_phase[:6]) < 0).all()
    np.testing.assert_allclose(by_phase[6:], 0.1, atol=0.01)
    np.testing.assert_allclose(found[:15] * FPS, 0.1, atol=0.01)


def test_an_onset_changes_the_nearest_frame() -> None:
    for time in (0.49, 0.5, 0.51):
        assert changes(rhythm(time, 2.0), seconds=3).argmax() in (15, 60)
        assert np.diff(changes(rhythm(time, 2.0), seconds=3))[14] > 0


def test_a_louder_onset_changes_more() -> None:
    found = changes(rhythm(0.5, 1.0, 1.5, loud=(1.0, 0.1, 0.5)), seconds=2)
    assert found[15] > found[45] > found[30] > 0.1 / FPS
    assert found[30] / found[15] == pytest.approx(0.1**0.6, abs=0.03)


def test_drift_and_decay_can_be_set() -> None:
    at = rhythm(*np.arange(0.5, 4, 0.5))
    np.testing.assert_allclose(changes(at, seconds=4, beat="pacing:drift=1"), 1 / FPS, atol=1e-9)
    short = changes(at, seconds=4, beat="pacing:drift=0,decay=0.01")
    assert np.count_nonzero(short) == 7
    assert (changes(at, seconds=4, beat="pacing:drift=0,decay=0.9")[16:28] > 0).all()


def test_a_decay_ends_with_the_next_onset() -> None:
    found = changes(rhythm(0.5, 0.6, 2.0), seconds=3, beat="pacing:drift=0,decay=2")
    assert found[15:18].sum() == pytest.approx(found[18:60].sum(), rel=1e-6)


def test_without_onsets_for_seconds_the_change_flows_evenly() -> None:
    found = changes(rhythm(5.0, 5.5, 6.0), seconds=12) * FPS
    np.testing.assert_allclose(found[: 3 * FPS], 1)
    assert found[5 * FPS] > 4
    np.testing.assert_allclose(found[7 * FPS : 8 * FPS - 1], 0.1, atol=0.01)
    np.testing.assert_allclose(found[9 * FPS :], 1)


def test_onsets_while_nothing_is_shown_are_left_out() -> None:
    starts = np.arange(30) / FPS + 2.0
    found = rhythm(0.5, 1.0, 9.0).changes(starts, starts + 1 / FPS, PACING)
    np.testing.assert_allclose(found, 1 / FPS)


def test_a_whole_change_can_be_shown_at_once() -> None:
    edges = np.arange(91) / FPS
    found = rhythm(1.0, 2.0).changes(edges[:-1], edges[1:], PACING, at_once=[30])
    assert found[30] > 1
    np.testing.assert_allclose(found[31:59] * FPS, 0.1)
    assert found[60] < found[60:70].sum() / 2


def test_beats_at_a_steady_tempo() -> None:
    steady = Rhythm.steady(90, seconds=4, first=0.25)
    np.testing.assert_allclose(steady.onsets, 0.25 + np.arange(6) * 2 / 3)
    np.testing.assert_allclose(steady.bars(4), steady.onsets[::4])
    within = steady.within(2)
    assert within is not None
    assert len(within.onsets) == len(within.beats) == 3
    assert steady.within(0.2) is None


def snapshots(count: int) -> Iterator[Snapshot]:
    for step in range(count):
        yield Snapshot(step, 0.0, 0.1, Flat(step / 10))


def tones(places: list[float], *, made: int = 11, blends: bool = True) -> list[float]:
    shown = sampled(snapshots(made), places, count=11, blends=blends)
    return [shot.painting.tone for shot in shown]  # type: ignore[attr-defined]


def test_snapshots_are_blended_at_the_places() -> None:
    places = [0.0, 0.0, 0.04, 0.31, 0.33, 0.9, 1.0]
    np.testing.assert_allclose(tones(places), places)
    np.testing.assert_allclose(tones(places, blends=False), [0, 0, 0, 0.3, 0.3, 0.9, 1])
    assert tones([1.0]) == [1.0]


def test_equal_places_are_one_object_so_that_their_frame_is_rendered_once() -> None:
    first, again, other = sampled(snapshots(11), [0.25, 0.25, 0.26], count=11)
    assert first is again
    assert first is not other


def test_a_training_that_ends_early_ends_with_its_last_snapshot() -> None:
    assert tones([0.0, 0.15, 0.3, 0.6, 1.0], made=3) == pytest.approx([0, 0.15, 0.2])
    assert tones([0.0, 0.2, 0.6], made=3) == pytest.approx([0, 0.2])
    assert tones([0.5, 1.0], made=0) == []
