"""Keyframes as text, and the path of the view through them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import View
from neuralpaint.rendering.keyframes import Keyframe, ViewPath, format_keyframes, parse_keyframes

MOMENTS = np.linspace(0, 1, 1001)


def track_of(text: str, *, smooth: bool = True) -> np.ndarray:
    """Return x, y, log zoom and angle at the moments, (1001, 4)."""
    path = ViewPath(parse_keyframes(text), smooth=smooth)
    views = [path.view(moment) for moment in MOMENTS]
    return np.array([(v.x, v.y, math.log(v.zoom), v.angle) for v in views])


def test_omitted_values_are_those_of_the_keyframe_before() -> None:
    first, second, third = parse_keyframes("0/50%x0.3z4a-15/1y.7")
    assert first == Keyframe(0.0, View())
    assert second == Keyframe(0.5, View(x=0.3, zoom=4, angle=-15))
    assert third == Keyframe(1.0, View(x=0.3, y=0.7, zoom=4, angle=-15))


def test_formatted_keyframes_parse_to_the_same() -> None:
    rng = np.random.default_rng(0)
    moments = sorted({*rng.random(5), 1e-7, 1 / 3})
    numbers = rng.normal(0, 1, (7, 4)) * [1, 1e-9, 1, 720]
    keyframes = [
        Keyframe(at, View(x=x, y=y, zoom=math.exp(depth), angle=angle))
        for at, (x, y, depth, angle) in zip(moments, numbers, strict=True)
    ]
    text = format_keyframes(keyframes)
    assert parse_keyframes(text) == keyframes
    assert not set(text) - set("0123456789.-xyza/")
    assert format_keyframes(parse_keyframes(" 0 / 50%X.3Z4.0 /1.0")) == "0/0.5x0.3z4/1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "keyframe '' must be AT"),
        ("0/x0.5", "keyframe 'x0.5' must be AT"),
        ("0,1", "keyframe '0,1' must be AT"),
        ("0z1e3", "must be AT"),
        ("0/0.5/0.5", "must increase: 0.5 comes after 0.5"),
        ("0/101%", "from 0, the clip's start, to 1, not 1.01"),
        ("-0.1", "not -0.1"),
        ("0z0", "zoom of a view must be above 0"),
    ],
)
def test_invalid_keyframes_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_keyframes(text)


@pytest.mark.parametrize("smooth", [True, False])
def test_the_path_passes_its_keyframes_and_rests_outside(smooth: bool) -> None:
    keyframes = parse_keyframes("0.1x.2/0.3x.4y.1z3/0.4z3a20/0.9x.9y.8z.5a-70")
    path = ViewPath(keyframes, smooth=smooth)
    for keyframe in keyframes:
        view, wanted = path.view(keyframe.at), keyframe.view
        assert (view.x, view.y, view.angle) == pytest.approx((wanted.x, wanted.y, wanted.angle))
        assert view.zoom == pytest.approx(wanted.zoom)
    assert path.view(0) == path.view(0.1)
    assert path.view(1) == path.view(0.9)
    assert ViewPath(keyframes[:1], smooth=smooth).view(0.7) == keyframes[0].view


PATHS = [
    "0/1x.3y.8z6",
    "0/.5x.3y.4z4a30/1x.7y.6z1a0",
    "0z3x.2y.2/.2x.8/.5x.8y.8/1x.2",
    "0/.3x.3z2/.6x.2y.3z5/.8x.25y.35/1x.6z1.5a90",
    "0z8x.1y.1/.5z8.00000001x.9/1z1x.5y.5",
]


@pytest.mark.parametrize("text", PATHS)
def test_a_smooth_path_has_no_jerk_and_begins_and_ends_at_rest(text: str) -> None:
    speeds = np.diff(track_of(text), axis=0) * len(MOMENTS)
    scale = np.abs(speeds).max(axis=0) + 1e-9
    assert (np.abs(speeds[[0, -1]]) < 0.02 * scale).all()
    # From frame to frame the speed changes little, also at keyframes.
    assert (np.abs(np.diff(speeds, axis=0)) < 0.05 * scale).all()


def test_a_smooth_path_does_not_stop_at_keyframes_on_the_way() -> None:
    speeds = np.diff(track_of("0/.3x.55z1.5a20/.6x.6z3a60/1x.61z5a90"), axis=0)[:, [0, 2, 3]]
    assert (speeds[[299, 300, 599, 600]] > 0.3 * speeds.mean(axis=0)).all()


def test_a_straight_path_has_constant_speed_between_keyframes() -> None:
    track = track_of("0x0/.25x.5/1x.6z8a90", smooth=False)
    np.testing.assert_allclose(track[:250, 0], 2 * MOMENTS[:250])
    np.testing.assert_allclose(np.diff(track[251:, 2:], 2, axis=0), 0, atol=1e-9)


def test_between_two_keyframes_the_scene_passes_the_screen_evenly() -> None:
    """At every point of the screen, speed and direction are constant."""
    path = ViewPath(parse_keyframes("0x.4y.45z1.25/1x.8y.3z9"), smooth=False)
    views = [path.view(moment) for moment in MOMENTS]
    place = np.array([0.2, -0.3])  # on the screen, from its middle
    passing = [np.array([v.x, v.y]) + place / v.zoom for v in views]
    moved = [
        (point - [after.x, after.y]) * after.zoom - place
        for point, after in zip(passing, views[1:], strict=False)
    ]
    np.testing.assert_allclose(moved, moved[:1] * np.ones((1000, 1)), rtol=1e-9)


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_the_views_between_two_keyframes_stay_within_both(seed: int, smooth: bool) -> None:
    rng = np.random.default_rng(seed)
    first, last = (
        View(x=rng.random(), y=rng.random(), zoom=math.exp(2 * rng.normal())) for _ in range(2)
    )
    path = ViewPath([Keyframe(0.0, first), Keyframe(1.0, last)], smooth=smooth)
    views = [path.view(m) for m in MOMENTS]
    for sign, bound in ((-1, np.min), (1, np.max)):
        edges = np.array([[v.x + sign / 2 / v.zoom, v.y + sign / 2 / v.zoom] for v in views])
        np.testing.assert_allclose(bound(edges, axis=0), bound(edges[[0, -1]], axis=0))


def test_a_path_at_one_zoom_never_overshoots() -> None:
    track = track_of("0x.2y.5z2/.2x.3/.3x.7y.4/.9x.75y.9/1x.8")
    assert track[:, 0].min() == pytest.approx(0.2)
    assert track[:, 0].max() == pytest.approx(0.8)
    assert (np.diff(track[:, 0]) >= -1e-12).all()
    assert track[:, 1].min() == pytest.approx(0.4)
