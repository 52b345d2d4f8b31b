from __future__ import annotations

import numpy as np
import pytest
import torch

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import are_buttons, corners, random_codes
from neuralpaint.rendering.transition import Transition
from neuralpaint.rendering.walks import walks

ONE_HOT = np.eye(3, dtype=np.float32)
BUTTONS = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0]], np.float32)


def codes_of(transition: Transition, height: int = 60, width: int = 90) -> torch.Tensor:
    grid = Canvas.of(height=height, width=width).grid()
    return transition(torch.from_numpy(grid.x), torch.from_numpy(grid.y))


@pytest.mark.parametrize("name", list(walks))
def test_a_walk_begins_at_the_first_picture_and_closed_ends_there(name: str) -> None:
    walk = walks.parse(name)
    stations = walk.stations(BUTTONS)
    assert walk.legs(BUTTONS) == len(stations) - 1 >= 1
    np.testing.assert_array_equal(stations[0], BUTTONS[0])
    assert walk.is_closed == bool((stations[0] == stations[-1]).all())
    ends = [codes_of(walk.at(fraction, stations)) for fraction in (0.0, 1.0)]
    for end, station in zip(ends, (stations[0], stations[-1]), strict=True):
        assert (end == torch.from_numpy(station)).all()


@pytest.mark.parametrize("spec", ["loop", "loop:spread=0", "through", "ping-pong:rest=0"])
def test_every_picture_is_passed_as_it_is(spec: str) -> None:
    walk = walks.parse(spec)
    stations = walk.stations(ONE_HOT)
    for i, station in enumerate(stations):
        assert (codes_of(walk.at(i / (len(stations) - 1), stations)) == torch.tensor(station)).all()


def test_at_first_it_rests_and_then_it_moves() -> None:
    walk = walks.parse("loop:rest=0.3")
    stations = walk.stations(ONE_HOT)
    seen = [codes_of(walk.at(fraction / 3, stations)) for fraction in (0.1, 0.29, 0.7)]
    assert (seen[0] == seen[1]).all()
    assert (seen[2] != torch.from_numpy(stations[0])).any()


def test_steps_are_small_and_go_one_way() -> None:
    walk = walks.parse("loop:rest=0")
    stations = walk.stations(ONE_HOT)
    shares = torch.stack([codes_of(walk.at(i / 300, stations))[..., 1] for i in range(1, 100)])
    steps = shares.diff(dim=0)
    assert steps.min() >= -1e-6
    assert steps.max() < 0.1


def test_places_set_out_at_different_times_unless_they_go_together() -> None:
    apart, together = (
        codes_of(Transition(ONE_HOT[0], ONE_HOT[1], 0.5, spread, seed=1)) for spread in (0.7, 0.0)
    )
    gone = apart[..., 1]
    assert (gone < 0.05).float().mean() > 0.1
    assert (gone > 0.95).float().mean() > 0.1
    assert gone.mean() == pytest.approx(0.5, abs=0.1)
    assert together.shape == (1, 1, 3)
    assert together[0, 0].tolist() == [0.5, 0.5, 0]


def test_a_front_means_the_same_places_at_any_size() -> None:
    transition = Transition(ONE_HOT[0], ONE_HOT[1], 0.5, 0.7, seed=1)
    small, large = codes_of(transition), codes_of(transition, 180, 270)
    torch.testing.assert_close(large[1::3, 1::3], small, atol=1e-5, rtol=0)


def test_buttons_are_not_a_number_for_each_picture() -> None:
    assert are_buttons(BUTTONS)
    assert not are_buttons(ONE_HOT)
    assert not are_buttons(np.array([[0.5, 1], [0, 1]], np.float32))


def test_random_codes_were_never_trained() -> None:
    found = random_codes(BUTTONS, 5, np.random.default_rng(0), buttons=True)
    assert len({code.tobytes() for code in [*found, *BUTTONS]}) == 8
    assert np.isin(found, (0, 1)).all()
    with pytest.raises(UsageError, match="3 buttons have 5 combinations that were not trained"):
        random_codes(BUTTONS, 6, np.random.default_rng(0), buttons=True)


def test_without_buttons_they_are_mixtures() -> None:
    found = random_codes(ONE_HOT, 20, np.random.default_rng(0), buttons=False)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
    assert (found > 0).all()


def test_corners_are_all_and_walked_one_button_at_a_time() -> None:
    assert corners(2).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    stations = walks.parse("corners").stations(BUTTONS)
    assert len({code.tobytes() for code in stations}) == 8
    assert (np.abs(np.diff(stations, axis=0)).sum(1) == 1).all()
    with pytest.raises(UsageError, match="2\\^11 corners"):
        walks.parse("corners").stations(np.zeros((2, 11), np.float32))


def test_a_random_walk_has_its_seed() -> None:
    def way(seed: int) -> list[list[float]]:
        walked: list[list[float]] = (
            walks.parse(f"random-walk:seed={seed}").stations(ONE_HOT).tolist()
        )
        return walked

    assert way(1) == way(1) != way(2)
    assert len(way(1)) == 9


def test_a_random_walk_never_stands_still() -> None:
    codes = np.array([[0, 0], [0, 1], [1, 0]], np.float32)  # one combination is left
    stations = walks.parse("random-walk:stops=12").stations(codes)
    assert np.abs(np.diff(stations, axis=0)).sum(1)[:-1].min() > 0


def test_what_plays_keeps_an_even_speed() -> None:
    times = np.array([[0], [0.1], [0.5], [1]], np.float32)
    walk = walks.parse("play")
    stations = walk.stations(times)
    seen = [float(codes_of(walk.at(i / 10, stations))) for i in range(11)]
    np.testing.assert_allclose(seen, np.linspace(0, 1, 11), atol=1e-6)
    assert not walk.is_closed
    assert walks.parse("play:closed=yes").is_closed
