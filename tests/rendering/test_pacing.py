"""Pacings: the moments they choose, and the shots they make."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from fake_painting import Flat

from neuralpaint.image.canvas import Canvas
from neuralpaint.rendering.pacing import pacings
from neuralpaint.training.learning import Snapshot, stops_at

CANVAS = Canvas.of(height=20, width=30)


def snapshots(levels: list[float]) -> Iterator[Snapshot]:
    for step, level in enumerate(levels):
        yield Snapshot(step * 10, step * 1.0, 0.1, Flat(level))


def film(pacing: str, taken: Iterator[Snapshot], shots: int) -> list[float]:
    entry = pacings.parse(pacing)
    filmed = entry.choose(taken, shots=shots, canvas=CANVAS)
    return [shot.painting.tone for shot in filmed]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", list(pacings))
@pytest.mark.parametrize("shots", [1, 2, 7, 270])
def test_every_pacing_covers_the_training_with_the_given_number_of_shots(
    name: str, shots: int
) -> None:
    pacing = pacings.parse(name)
    fractions = pacing.fractions(shots)
    assert len(fractions) == shots
    assert fractions == sorted(fractions)
    assert shots == 1 or fractions[0] == 0
    assert fractions[-1] == pytest.approx(1)
    levels = film(name, snapshots(list(np.linspace(0, 1, shots))), shots)
    assert len(levels) == shots
    assert shots == 1 or levels[-1] == 1


@pytest.mark.parametrize("name", list(pacings))
def test_a_single_shot_is_the_finished_network(name: str) -> None:
    assert pacings.parse(name).fractions(1) == pytest.approx([1.0])
    assert film(name, snapshots([0.7]), 1) == [0.7]


def test_fixed_is_even_in_steps_and_log_grows_by_a_factor() -> None:
    np.testing.assert_allclose(np.diff(pacings.parse("fixed").fractions(11)), 0.1)
    gaps = np.diff(pacings.parse("log:base=100").fractions(101))
    np.testing.assert_allclose(gaps[1:] / gaps[:-1], gaps[1] / gaps[0])
    assert gaps[-1] / gaps[0] == pytest.approx(100, rel=0.1)


def test_even_makes_the_visible_change_between_shots_equal() -> None:
    levels = list(1 - np.exp(-np.linspace(0, 5, 40)))
    shots = film("even", snapshots(levels), 25)
    np.testing.assert_allclose(np.diff(shots), (levels[-1] - levels[0]) / 24, rtol=1e-3)


def test_even_fills_the_clip_even_if_the_picture_never_changes() -> None:
    shots = film("even", snapshots([0.5] * 4), 9)
    assert shots == [0.5] * 9


def test_even_keeps_a_bounded_number_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralpaint.rendering.pacing._MOST_BYTES", 40)
    levels = list(np.linspace(0, 1, 101))
    shots = film("even", snapshots(levels), 11)
    np.testing.assert_allclose(shots, np.linspace(0, 1, 11), atol=1e-5)


@pytest.mark.parametrize("steps", [0, 1, 9, 10, 11, 997])
@pytest.mark.parametrize("every", [1, 4, 10])
def test_stops_are_multiples_and_end_on_the_last_step(steps: int, every: int) -> None:
    shots = 1 + -(-steps // every)
    stops = stops_at(pacings.parse("fixed").fractions(shots), steps=steps, every=every)
    assert stops == [*range(0, steps, every), steps]
    fewer = stops_at(pacings.parse("fixed").fractions(5), steps=steps, every=every)
    assert len(fewer) == 5
    assert fewer[-1] == steps
    assert all(stop % every == 0 or stop == steps for stop in fewer)
