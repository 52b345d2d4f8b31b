"""Pacings: the moments they choose, and the shots they make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from fake_painting import Flat

from neuralpaint.image.canvas import Canvas, Grid
from neuralpaint.rendering.pacing import pacings
from neuralpaint.training.learning import Snapshot, stops_at

CANVAS = Canvas.of(height=16, width=32)


class Halves(Flat):
    """A dark and a bright half, and fine stripes, each of its own amplitude."""

    def __init__(self, halves: float, stripes: float = 0.0) -> None:
        self.halves, self.stripes = halves, stripes

    def colours(self, grid: Grid) -> torch.Tensor:
        rows, columns = grid.shape
        halves = 1 - 2.0 * (torch.arange(columns) < columns // 2)
        stripes = 1 - 2.0 * (torch.arange(columns) % 2)
        row = 0.5 + self.halves * halves + self.stripes * stripes
        return row.float()[None, :, None].expand(rows, columns, 3).contiguous()

    def blend(self, other: Flat, amount: float) -> Halves:
        assert isinstance(other, Halves)
        return Halves(
            self.halves + amount * (other.halves - self.halves),
            self.stripes + amount * (other.stripes - self.stripes),
        )


def film_of(paintings: list[Flat], shots: int) -> list[Any]:
    """Return the paintings of the shots of a training with these paintings, with even pacing."""
    taken = (Snapshot(step, 0.0, 0.1, painting) for step, painting in enumerate(paintings))
    filmed = pacings.parse("even").choose(taken, shots=shots, canvas=CANVAS)
    return [shot.painting for shot in filmed]


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
    assert pacing.trains_first or len(fractions) == shots
    assert fractions == sorted(fractions)
    assert len(fractions) == 1 or fractions[0] == 0
    assert fractions[-1] == pytest.approx(1)
    levels = film(name, snapshots(fractions), shots)
    assert len(levels) == shots
    assert levels[-1] == pytest.approx(1)


@pytest.mark.parametrize("name", list(pacings))
def test_a_single_shot_is_the_finished_network(name: str) -> None:
    assert pacings.parse(name).fractions(1)[-1] == pytest.approx(1)
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


def test_even_gives_fine_detail_as_much_time_as_large_shapes() -> None:
    learned: list[Flat] = [Halves(0.3 + i / 1000) for i in range(100)]
    learned += [Halves(0.4, i / 20_000) for i in range(101)]
    fine = sum(painting.stripes > 0 for painting in film_of(learned, 100))
    assert fine > 70  # 5 in proportion to the mean change of the colours


@pytest.mark.parametrize("stripes", [0.0, 0.1])
def test_even_begins_with_visible_colour(stripes: float) -> None:
    learned: list[Flat] = [Halves(0.0, stripes * i / 1000) for i in range(11)]
    learned += [Halves(0.4 * i / 1000, stripes * (1000 - i) / 1000) for i in range(1001)]
    first, *_, last = film_of(learned, 20)
    assert (last.halves, last.stripes) == (0.4, 0.0)
    assert max(first.halves, first.stripes) == pytest.approx(0.08, abs=0.03)
    if stripes:  # it begins with them already
        assert film_of(learned[11:], 20)[0].halves == 0


@pytest.mark.parametrize("shots", [1, 2, 3])
def test_even_makes_a_few_shots_of_two_snapshots(shots: int) -> None:
    filmed = film_of([Halves(0.0), Halves(0.4)], shots)
    assert filmed[-1].halves == 0.4
    if shots > 1:
        assert filmed[0].halves == pytest.approx(0.08, abs=1e-3)
    if shots == 3:
        assert filmed[1].halves == pytest.approx(0.24, abs=1e-3)


def test_even_leaves_out_weights_that_diverged() -> None:
    filmed = film_of([Halves(0.1), Halves(0.2), Halves(float("nan"))], 3)
    assert [each.halves for each in filmed] == pytest.approx([0.1, 0.15, 0.2])


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
