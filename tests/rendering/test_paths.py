"""Code paths and the transitions along them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import are_buttons, corners, random_codes
from neuralpaint.rendering.paths import Transition, code_paths

ONE_HOT = np.eye(3, dtype=np.float32)
BUTTONS = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0]], np.float32)


def codes_of(transition: Transition, height: int = 60, width: int = 90) -> torch.Tensor:
    grid = Canvas.of(height=height, width=width).grid()
    return transition(torch.from_numpy(grid.x), torch.from_numpy(grid.y))


@pytest.mark.parametrize("name", list(code_paths))
def test_a_path_begins_at_the_first_picture_and_a_closed_one_ends_there(name: str) -> None:
    path = code_paths.parse(name)
    waypoints = path.waypoints(BUTTONS)
    assert path.segments(BUTTONS) == len(waypoints) - 1 >= 1
    np.testing.assert_array_equal(waypoints[0], BUTTONS[0])
    assert path.is_closed == bool((waypoints[0] == waypoints[-1]).all())
    ends = [codes_of(path.at(fraction, waypoints)) for fraction in (0.0, 1.0)]
    for end, waypoint in zip(ends, (waypoints[0], waypoints[-1]), strict=True):
        assert (end == torch.from_numpy(waypoint)).all()


@pytest.mark.parametrize("spec", ["loop", "loop:spread=0", "through", "ping-pong:rest=0"])
def test_every_picture_is_passed_exactly(spec: str) -> None:
    path = code_paths.parse(spec)
    waypoints = path.waypoints(ONE_HOT)
    for i, waypoint in enumerate(waypoints):
        codes = codes_of(path.at(i / (len(waypoints) - 1), waypoints))
        assert (codes == torch.tensor(waypoint)).all()


def test_a_path_rests_before_it_moves() -> None:
    path = code_paths.parse("loop:rest=0.3")
    waypoints = path.waypoints(ONE_HOT)
    seen = [codes_of(path.at(fraction / 3, waypoints)) for fraction in (0.1, 0.29, 0.7)]
    assert (seen[0] == seen[1]).all()
    assert (seen[2] != torch.from_numpy(waypoints[0])).any()


def test_the_progress_is_smooth_and_monotone() -> None:
    path = code_paths.parse("loop:rest=0")
    waypoints = path.waypoints(ONE_HOT)
    shares = torch.stack([codes_of(path.at(i / 300, waypoints))[..., 1] for i in range(1, 100)])
    steps = shares.diff(dim=0)
    assert steps.min() >= -1e-6
    assert steps.max() < 0.1


@pytest.mark.parametrize("spec", ["loop", "through:spread=0", "ping-pong:rest=0.5,spread=0.9"])
def test_equal_fractions_of_the_change_change_a_picture_equally(spec: str) -> None:
    path = code_paths.parse(spec)
    waypoints = path.waypoints(ONE_HOT)
    last = len(waypoints) - 1
    for fraction in (0.0, 0.1, 0.25, 0.5, 0.8, 0.95):
        codes = codes_of(path.steadily_at(fraction / last, waypoints))
        assert float(codes[..., 1].mean()) == pytest.approx(fraction, abs=0.06)


def test_points_start_at_different_times_unless_the_spread_is_0() -> None:
    apart, together = (
        codes_of(Transition(ONE_HOT[0], ONE_HOT[1], 0.5, spread, seed=1)) for spread in (0.7, 0.0)
    )
    gone = apart[..., 1]
    assert (gone < 0.05).float().mean() > 0.1
    assert (gone > 0.95).float().mean() > 0.1
    assert gone.mean() == pytest.approx(0.5, abs=0.1)
    assert together.shape == (1, 1, 3)
    assert together[0, 0].tolist() == [0.5, 0.5, 0]


def test_a_transition_does_not_depend_on_the_size() -> None:
    transition = Transition(ONE_HOT[0], ONE_HOT[1], 0.5, 0.7, seed=1)
    small, large = codes_of(transition), codes_of(transition, 180, 270)
    torch.testing.assert_close(large[1::3, 1::3], small, atol=1e-5, rtol=0)


def test_buttons_are_not_a_number_for_each_picture() -> None:
    assert are_buttons(BUTTONS)
    assert not are_buttons(ONE_HOT)
    assert not are_buttons(np.array([[0.5, 1], [0, 1]], np.float32))


def test_random_codes_of_buttons_were_never_trained() -> None:
    found = random_codes(BUTTONS, 5, np.random.default_rng(0), buttons=True)
    assert len({code.tobytes() for code in [*found, *BUTTONS]}) == 8
    assert np.isin(found, (0, 1)).all()
    with pytest.raises(UsageError, match="3 buttons have 5 combinations that were not trained"):
        random_codes(BUTTONS, 6, np.random.default_rng(0), buttons=True)


def test_random_codes_without_buttons_are_mixtures() -> None:
    found = random_codes(ONE_HOT, 20, np.random.default_rng(0), buttons=False)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
    assert (found > 0).all()


def test_corners_change_one_button_at_a_time() -> None:
    assert corners(2).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    waypoints = code_paths.parse("corners").waypoints(BUTTONS)
    assert len({code.tobytes() for code in waypoints}) == 8
    assert (np.abs(np.diff(waypoints, axis=0)).sum(1) == 1).all()
    with pytest.raises(UsageError, match="2\\^11 corners"):
        code_paths.parse("corners").waypoints(np.zeros((2, 11), np.float32))


def test_a_random_walk_depends_on_its_seed() -> None:
    def waypoints_of(seed: int) -> list[list[float]]:
        passed: list[list[float]] = (
            code_paths.parse(f"random-walk:seed={seed}").waypoints(ONE_HOT).tolist()
        )
        return passed

    assert waypoints_of(1) == waypoints_of(1) != waypoints_of(2)
    assert len(waypoints_of(1)) == 9


def test_a_random_walk_never_stands_still() -> None:
    codes = np.array([[0, 0], [0, 1], [1, 0]], np.float32)  # one combination is left
    waypoints = code_paths.parse("random-walk:stops=12").waypoints(codes)
    assert np.abs(np.diff(waypoints, axis=0)).sum(1)[:-1].min() > 0


def test_play_has_constant_speed() -> None:
    times = np.array([[0], [0.1], [0.5], [1]], np.float32)
    path = code_paths.parse("play")
    waypoints = path.waypoints(times)
    seen = [float(codes_of(path.at(i / 10, waypoints))) for i in range(11)]
    np.testing.assert_allclose(seen, np.linspace(0, 1, 11), atol=1e-6)
    assert not path.is_closed
    assert code_paths.parse("play:closed=yes").is_closed
