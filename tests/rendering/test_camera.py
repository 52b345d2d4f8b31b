"""Camera moves, and cameras in TOML files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas, View
from neuralpaint.rendering.camera import cameras, read_camera

MOMENTS = np.linspace(0, 1, 241)
MOVES = [
    *(name for name in cameras if name not in ("path", "beyond")),
    "zoom-in:x=1,y=0,factor=9",
    "zoom-out:x=0.05,y=0.9,factor=3",
    "pan:x=0.2,y=1,to_x=0.6,to_y=0,zoom=1.1",
    "orbit:zoom=4,radius=0.5,turns=-2",
    "ken-burns:x=0,y=1,zoom=1,factor=1.6",
    "ken-burns:x=0.5,y=0.5,ease=linear",
]


def views(spec: str) -> list[View]:
    camera = cameras.parse(spec)
    return [camera.view(moment) for moment in MOMENTS]


@pytest.mark.parametrize("spec", MOVES)
def test_a_move_stays_inside_the_picture(spec: str) -> None:
    picture = Canvas.of(height=20, width=30)
    for view in views(spec):
        seen = picture.seen(view)
        for axis in (0, 1):
            reach = abs(seen.centre[axis]) + seen.span[axis] / 2
            assert reach <= picture.span[axis] / 2 + 1e-9


@pytest.mark.parametrize("spec", [*MOVES, "path", "beyond:factor=9,turn=200", "pan:rest=0.4"])
def test_a_move_is_smooth_and_its_spec_parses_to_the_same_camera(spec: str) -> None:
    camera = cameras.parse(spec)
    assert cameras.parse(cameras.spec(camera)) == camera
    track = np.array([(v.x, v.y, np.log(v.zoom), v.angle) for v in views(spec)])
    steps = np.diff(track, axis=0)
    still = camera.ease == "smooth"
    assert (np.abs(steps[[0, -1]]).max() < 0.1 * np.abs(steps).max()) == still
    assert np.abs(np.diff(steps, axis=0)).max() < 0.15 * np.abs(steps).max()


def test_zooms_go_between_the_whole_and_a_view_inside_the_picture() -> None:
    first, *_, last = views("zoom-in:x=0.3,y=0.99,factor=5")
    assert first == View()
    assert (last.x, last.y, last.zoom) == pytest.approx((0.3, 0.9, 5))
    back = views("zoom-out:x=0.3,y=0.99,factor=5")
    for forward, backward in zip(views("zoom-in:x=0.3,y=0.99,factor=5"), back[::-1], strict=True):
        assert (forward.x, forward.y, forward.zoom) == pytest.approx(
            (backward.x, backward.y, backward.zoom)
        )
    middle = views("zoom-in:factor=16")[120]
    assert middle.zoom == pytest.approx(4)  # geometrically half the way


def test_a_pan_goes_from_edge_to_edge() -> None:
    first, *_, last = views("pan:zoom=4")
    assert (first.x, last.x) == pytest.approx((0.125, 0.875))
    assert {v.y for v in views("pan:zoom=4")} == {0.5}


def test_an_orbit_closes_and_reaches_every_edge() -> None:
    track = np.array([(v.x, v.y) for v in views("orbit:zoom=2,ease=linear")])
    np.testing.assert_allclose(track[0], track[-1])
    np.testing.assert_allclose(
        track[[0, 60, 120, 180]], [[0.5, 0.25], [0.75, 0.5], [0.5, 0.75], [0.25, 0.5]]
    )
    speeds = np.hypot(*np.diff(track, axis=0).T)
    np.testing.assert_allclose(speeds, speeds[0])


def test_ken_burns_drifts_to_a_point_and_zooms_in() -> None:
    first, *_, last = views("ken-burns:x=0.6,y=0.45,zoom=1.5,factor=1.4")
    assert (first.x, first.y, first.zoom) == pytest.approx((0.4, 0.55, 1.5))
    assert (last.x, last.y, last.zoom) == pytest.approx((0.6, 0.45, 2.1))


def test_beyond_flies_out_at_constant_speed_and_turns() -> None:
    first, *_, last = views("beyond:turn=-30")
    assert first == View()
    assert (last.x, last.y, last.zoom, last.angle) == pytest.approx((0.5, 0.5, 1 / 6, -30))
    zooms = np.log([view.zoom for view in views("beyond:factor=4,ease=linear")])
    np.testing.assert_allclose(np.diff(zooms), -np.log(4) / 240)


@pytest.mark.parametrize("name", list(cameras))
def test_a_camera_rests_before_it_makes_the_same_move(name: str) -> None:
    rested, unrested = views(f"{name}:rest=0.25"), views(f"{name}:rest=0")
    assert set(rested[:61]) == {unrested[0]}
    for view, twin in zip(rested[60::3], unrested[::4], strict=True):
        assert (view.x, view.y, view.zoom, view.angle) == pytest.approx(
            (twin.x, twin.y, twin.zoom, twin.angle)
        )


def test_only_beyond_rests_by_itself_and_only_while_there_is_a_training() -> None:
    for name in cameras:
        camera = cameras.parse(name)
        expected = 0.5 if name == "beyond" else 0.0
        assert camera.resting(shows_training=True).rest == expected
        assert camera.resting(shows_training=False).rest == 0.0
    chosen = cameras.parse("beyond:rest=0.2")
    assert chosen.resting(shows_training=False) == chosen


def test_the_spec_of_a_path_is_normalized() -> None:
    camera = cameras.parse("path:keys=0/50%x.3y0.40z4.0a15/100%x0.7,ease=linear")
    assert cameras.spec(camera) == "path:ease=linear,keys=0/0.5x0.3y0.4z4a15/1x0.7"
    view = camera.view(0.5)
    assert (view.x, view.y, view.zoom, view.angle) == pytest.approx((0.3, 0.4, 4, 15))


@pytest.mark.parametrize(
    "spec",
    [
        "zoom-in:factor=1",
        "pan:zoom=1",
        "orbit:radius=0",
        "beyond:factor=1",
        "beyond:rest=1",
        "zoom-in:x=1.1",
        "path:keys=0/0",
        "path:keys=7",
    ],
)
def test_invalid_moves_are_refused(spec: str) -> None:
    with pytest.raises(UsageError):
        cameras.parse(spec)


def written(folder: Path, text: str) -> Path:
    path = folder / "moves.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_of_keyframes_becomes_a_spec_that_does_not_need_the_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        ease = "linear"
        rest = 0.25
        [[keyframe]]
        at = 0
        [[keyframe]]
        at = 0.5
        x = 0.25      # to the left
        zoom = 4
        angle = -10.5
        [[keyframe]]
        at = 1.0
        y = 0.000001
        """,
    )
    text = read_camera(path)
    assert text == "path:ease=linear,rest=0.25,keys=0/0.5x0.25z4a-10.5/1y0.000001"
    assert cameras.spec(cameras.parse(text)) == text
    inline = written(tmp_path, "\ufeffkeyframe = [{at = 0}, {at = 1, x = 0.1}]")
    assert read_camera(str(inline)) == "path:keys=0/1x0.1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[keyframe]]\nat = 0\nzoom 3", "not TOML: .*line 3"),
        ("", r"no keyframes: write \[\[keyframe\]\]"),
        ("keyframe = 3", "no keyframes"),
        ("keyframe = [3]", "keyframe 1: it must be a table, not 3"),
        ("speed = 3\n[[keyframe]]\nat=0", "no setting named 'speed'"),
        ("ease = 'bouncy'\n[[keyframe]]\nat=0", "no value of ease named 'bouncy'"),
        ("[[keyframe]]\nat=0\n\n[[keyframe]]\nx=0.3", r"keyframe 2 \(line 4\): it needs 'at'"),
        (
            "[[keyframe]]\nat=0\n[[keyframe]]\nat=0",
            r"keyframe 2 \(line 3\): the moments of keyframes must increase: 0 comes after 0",
        ),
        ("[[keyframe]]\nat=0\nzom=3", r"keyframe 1 \(line 1\): .*did you mean 'zoom'"),
        ("[[keyframe]]\nat='0'", "at must be a number, not '0'"),
        ("[[keyframe]]\nat=true", "at must be a number, not True"),
        (
            "[[keyframe]]\nat=0\nzoom=0",
            r"keyframe 1 \(line 1\): the zoom of a view must be above 0",
        ),
        ("[[keyframe]]\nat=0\nx=nan", "must be a number up to 1,000,000, not nan"),
        ("[[keyframe]]\nat=1.5", "from 0, the clip's start, to 1, not 1.5"),
    ],
)
def test_an_error_in_a_file_is_one_line_with_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        read_camera(written(tmp_path, text))
    assert "\n" not in str(raised.value)
    assert "moves.toml" in str(raised.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'.*none\.toml' cannot be read: no such file"):
        read_camera(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="cannot be read: is a directory"):
        read_camera(tmp_path)
    binary = tmp_path / "clip.mp4"
    binary.write_bytes(b"\xff\x00\xfe")
    with pytest.raises(UsageError, match="not text in UTF-8"):
        read_camera(binary)
