from __future__ import annotations

import numpy as np
import pytest

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas, Edge, Grid, View, pixel_centres
from neuralpaint.image.framing import CanvasSettings, parse_size

WIDE = Canvas.of(height=200, width=400)


def test_pixels_are_square_and_centred_and_the_longer_side_spans_two() -> None:
    x, y = WIDE.grid()
    assert x.shape == (1, 400)
    assert y.shape == (200, 1)
    np.testing.assert_allclose(np.diff(x[0]), 2 / 400, rtol=1e-4)
    np.testing.assert_allclose(np.diff(y[:, 0]), 2 / 400, rtol=1e-4)
    assert x[0, 0] == pytest.approx(-1 + 1 / 400)
    assert x[0, 0] == -x[0, -1]
    assert y[0, 0] == -y[-1, 0] == pytest.approx(-0.5 + 1 / 400)


def test_twice_the_size_samples_the_same_plane_without_a_shift() -> None:
    fine = WIDE.scaled(2).grid()
    pairs = fine.x[0].reshape(-1, 2).mean(1)
    np.testing.assert_allclose(pairs, WIDE.grid().x[0], atol=1e-6)


def test_neighbouring_pixels_of_a_very_wide_canvas_have_different_coordinates() -> None:
    assert np.all(np.diff(Canvas.of(height=1, width=60_000).grid().x[0]) > 0)


def test_a_single_pixel_lies_at_the_origin() -> None:
    x, y = Canvas.of(height=1, width=1).grid()
    assert (x.item(), y.item()) == (0, 0)


@pytest.mark.parametrize(
    ("fit", "size", "span"),
    [
        ("contain", (100, 200), (1.0, 2.0)),
        ("cover", (300, 200), (1.0, 1 / 1.5)),
        ("extend", (300, 200), (3.0, 2.0)),
        ("stretch", (300, 200), (1.0, 2.0)),
    ],
)
def test_a_wide_picture_is_fitted_into_a_tall_frame(
    fit: str, size: tuple[int, int], span: tuple[float, float]
) -> None:
    canvas = WIDE.fitted(height=300, width=200, fit=fit)  # type: ignore[arg-type]
    assert (canvas.height, canvas.width) == size
    assert canvas.span == pytest.approx(span)


def full(grid: Grid) -> np.ndarray:
    """Return the x and y of every pixel. (h, w, 2)"""
    return np.stack(np.broadcast_arrays(*grid), axis=-1)


def test_the_default_view_is_the_canvas_itself() -> None:
    assert WIDE.seen(View()) == WIDE


def test_a_view_zooms_to_the_centre_and_pans_to_the_side() -> None:
    near = WIDE.seen(View(x=0.75, y=0.25, zoom=2)).grid()
    assert near.is_product
    assert near.shape == (200, 400)
    np.testing.assert_allclose(near.x[0, [0, -1]], [0 + 0.00125, 1 - 0.00125], atol=1e-6)
    np.testing.assert_allclose(near.y[[0, -1], 0], [-0.5 + 0.00125, 0 - 0.00125], atol=1e-6)


@pytest.mark.parametrize(("angle", "turns"), [(90, -1), (180, 2), (-90, 1), (450, -1)])
def test_quarter_turns_only_permute_the_pixels(angle: float, turns: int) -> None:
    tall = Canvas(40, 30, span=(2.0, 1.5), extent=(1.5, 2.0))
    upright = Canvas.of(height=30, width=40)
    before, after = (tall, upright) if angle % 180 else (upright, upright)
    grid = before.seen(View(angle=angle)).grid()
    assert not grid.is_product
    np.testing.assert_array_equal(full(grid), np.rot90(full(after.grid()), turns))


def test_an_angle_turns_the_picture_clockwise_around_the_centre_of_the_view() -> None:
    turned = WIDE.seen(View(x=0.3, y=0.6, angle=30))
    centre = np.array([(0.3 - 0.5) * 2, (0.6 - 0.5) * 1])
    np.testing.assert_allclose(full(turned.grid()).mean((0, 1)), centre, atol=1e-6)
    right = np.diff(full(turned.grid())[0, :2], axis=0)[0] * 200  # along a row
    # On screen the picture's right side moved down, so a row goes upwards in the picture.
    np.testing.assert_allclose(right, [np.cos(np.pi / 6), -np.sin(np.pi / 6)], atol=1e-4)
    again = turned.seen(View(x=0.9, zoom=2, angle=-30))
    assert again.grid().is_product
    moved = np.array([np.cos(np.pi / 6), -np.sin(np.pi / 6)]) * 0.8
    np.testing.assert_allclose(again.centre[::-1], centre + moved)


def test_rows_and_columns_select_a_part_of_the_grid() -> None:
    for canvas in (WIDE, WIDE.seen(View(angle=20))):
        whole, rows, columns = canvas.grid(), slice(7, 30), slice(3, 90)
        part = full(whole)[rows, columns]
        np.testing.assert_array_equal(full(canvas.grid(rows=rows, columns=columns)), part)
        np.testing.assert_array_equal(full(whole.rows(rows)), full(whole)[rows])
        np.testing.assert_array_equal(full(whole.thinned(7)), full(whole)[::7, ::7])
        assert whole.rows(rows).is_product == whole.is_product
        assert whole.thinned(7).shape == (29, 58)


@pytest.mark.parametrize("zoom", [0.0, -1.0, np.nan, np.inf])
def test_a_view_without_a_zoom_is_refused(zoom: float) -> None:
    with pytest.raises(UsageError, match="view"):
        View(zoom=zoom)


def beyond(edge: Edge, *, angle: float = 0.0) -> Grid:
    canvas = Canvas(50, 100, span=(3.0, 6.0), edge=edge, extent=(1.0, 2.0))
    return canvas.seen(View(angle=angle)).grid()


@pytest.mark.parametrize("angle", [0.0, 33.0])
def test_coordinates_beyond_the_edges_follow_the_edge_setting(angle: float) -> None:
    x, y = beyond("extend", angle=angle)
    assert np.abs(x).max() > 2.9
    np.testing.assert_array_equal(beyond("black", angle=angle).x, x)
    clamped = beyond("clamp", angle=angle)
    np.testing.assert_array_equal(clamped.x, np.clip(x, -1, 1))
    np.testing.assert_array_equal(clamped.y, np.clip(y, -0.5, 0.5))
    mirrored = beyond("mirror", angle=angle)
    # A reflection keeps cos(pi (x + 1) / 2) and lies in the picture, where that is one to one.
    for own, other, half in ((mirrored.x, x, 1.0), (mirrored.y, y, 0.5)):
        assert np.abs(own).max() <= half
        own_phase, phase = (np.pi * (c.astype(float) + half) / (2 * half) for c in (own, other))
        np.testing.assert_allclose(np.cos(own_phase), np.cos(phase), atol=1e-6)
        inside = np.abs(other) <= half
        np.testing.assert_array_equal(own[inside], other[inside])
    assert mirrored.is_product == clamped.is_product == (angle == 0)


def test_inside_is_true_for_pixel_centres_in_the_picture() -> None:
    canvas = Canvas.of(height=20, width=40).seen(View(zoom=0.5))
    inside = canvas.inside()
    expected = np.zeros((20, 40), bool)
    expected[5:15, 10:30] = True
    np.testing.assert_array_equal(inside, expected)


@pytest.mark.parametrize("text", ["640", "640x", "x480", "0x5", "5x-5", "a x b", "70000x5", ""])
def test_an_invalid_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="size must"):
        parse_size(text)


def test_a_size_is_width_times_height() -> None:
    assert parse_size("640x480") == (480, 640)
    assert parse_size("640X480") == (480, 640)


def test_views_follow_size_scale_and_the_default_limit() -> None:
    def sizes(settings: CanvasSettings, longest: int | None = None) -> list[tuple[int, int]]:
        return [(c.height, c.width) for c in settings.views(WIDE, longest=longest)]

    assert sizes(CanvasSettings()) == [(200, 400)] * 2
    assert sizes(CanvasSettings(), longest=100) == [(50, 100)] * 2
    assert sizes(CanvasSettings(), longest=1000) == [(200, 400)] * 2
    assert sizes(CanvasSettings(scale=1.5), longest=100) == [(300, 600)] * 2
    assert sizes(CanvasSettings(size="100x100")) == [(50, 100), (100, 100)]
    assert sizes(CanvasSettings(size="100x100", fit="cover")) == [(100, 100)] * 2
    assert sizes(CanvasSettings(scale=0.0001)) == [(1, 1)] * 2


def test_a_scale_above_the_longest_side_is_refused() -> None:
    with pytest.raises(UsageError, match="no side may exceed"):
        CanvasSettings(scale=64).views(Canvas.of(height=10, width=4000))


def test_a_crop_has_exactly_the_coordinates_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        height, width = (int(n) for n in rng.integers(1, 900, 2))
        top, left = int(rng.integers(height)), int(rng.integers(width))
        rows, columns = (
            int(rng.integers(1, height - top + 1)),
            int(rng.integers(1, width - left + 1)),
        )
        picture, scale = Canvas.of(height=height, width=width), int(rng.integers(1, 5))
        settings = CanvasSettings(crop=f"{columns}x{rows}+{left}+{top}", scale=scale)
        grid = settings.views(picture)[0].grid()
        whole = picture.scaled(scale).grid()
        across = slice(scale * left, scale * (left + columns))
        down = slice(scale * top, scale * (top + rows))
        # Equal to the last bit in float64 too; otherwise one float32 in a hundred million differs.
        part, all_of_it = (
            pixel_centres(c.width, span=c.span[1], centre=c.centre[1], extent=c.extent[1])
            for c in (settings.views(picture)[0], picture.scaled(scale))
        )
        np.testing.assert_array_equal(part, all_of_it[across])
        np.testing.assert_array_equal(grid.x, whole.x[:, across])
        np.testing.assert_array_equal(grid.y, whole.y[down])


@pytest.mark.parametrize(
    ("crop", "aspect", "size", "corner"),
    [
        ("100x50+20+10", None, (50, 100), (10, 20)),
        ("50%x50%+25%+25%", None, (100, 200), (50, 100)),
        ("50%x20+0+10%", None, (20, 200), (20, 0)),
        ("100x50", None, (50, 100), (75, 150)),
        ("33.3%x100%", None, (200, 133), (0, 133)),
        (None, "9:16", (200, 112), (0, 144)),
        (None, "1", (200, 200), (0, 100)),
        (None, "4:1", (100, 400), (50, 0)),
        ("100x150+300+0", "1:1", (100, 100), (25, 300)),
        (None, "1000:1", (1, 400), (99, 0)),
    ],
)
def test_the_aspect_is_cut_from_the_crop(
    crop: str | None, aspect: str | None, size: tuple[int, int], corner: tuple[int, int]
) -> None:
    canvas, frame = CanvasSettings(crop=crop, aspect=aspect).views(WIDE)
    assert canvas == frame
    assert (canvas.height, canvas.width) == size
    top, left = corner
    np.testing.assert_array_equal(canvas.grid().y, WIDE.grid().y[top : top + size[0]])
    np.testing.assert_array_equal(canvas.grid().x, WIDE.grid().x[:, left : left + size[1]])


def test_sizes_are_those_of_the_cropped_picture() -> None:
    settings = CanvasSettings(crop="100x100+0+0", size="90x60", edge="mirror", samples=2)
    canvas, frame = settings.views(WIDE)
    assert (canvas.height, canvas.width) == (60, 60)
    assert (frame.height, frame.width) == (60, 90)
    assert (canvas.edge, canvas.samples, canvas.extent) == ("mirror", 2, (1.0, 2.0))
    assert CanvasSettings(crop="100x50+0+0").views(WIDE, longest=20)[0].height == 10
    assert CanvasSettings(crop="100x50+0+0", scale=3).views(WIDE)[0].height == 150


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop": "100x50+20"}, "crop must be WIDTHxHEIGHT"),
        ({"crop": "100x50-20+0"}, "crop must be WIDTHxHEIGHT"),
        ({"crop": "1.5x2+0+0"}, "crop must be WIDTHxHEIGHT"),
        ({"crop": ""}, "crop must be WIDTHxHEIGHT"),
        ({"crop": "0x50+0+0"}, "has no pixels"),
        ({"crop": "0.1%x50%"}, "has no pixels"),
        ({"crop": "100x50+301+0"}, "reaches beyond the picture, which is 400x200"),
        ({"crop": "101%x50%"}, "reaches beyond the picture"),
        ({"aspect": "9x16"}, "aspect must be WIDTH:HEIGHT"),
        ({"aspect": "9:0"}, "aspect must be WIDTH:HEIGHT"),
        ({"aspect": "-1"}, "aspect must be WIDTH:HEIGHT"),
        ({"aspect": "nan"}, "aspect must be WIDTH:HEIGHT"),
        ({"samples": 17}, "samples must be at most 16"),
        ({"edge": "wrap"}, "no value of edge named 'wrap'"),
    ],
)
def test_an_impossible_framing_is_refused_in_one_line(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        CanvasSettings(**settings).views(WIDE)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("height", "width"), [(240, 360), (320, 480), (212, 320), (424, 640)])
def test_a_frame_of_nearly_the_same_shape_has_no_line_at_its_edge(height: int, width: int) -> None:
    canvas = Canvas.of(height=300, width=451).fitted(height=height, width=width, fit="contain")
    assert (canvas.height, canvas.width) == (height, width)
    assert canvas.span[0] / height == pytest.approx(canvas.span[1] / width)  # square pixels


@pytest.mark.parametrize(("height", "width", "inner"), [
    (300, 451, (300, 451)), (400, 451, (300, 451)), (240, 364, (240, 361)),
])  # fmt: skip
def test_other_frames_contain_the_whole_picture(
    height: int, width: int, inner: tuple[int, int]
) -> None:
    canvas = Canvas.of(height=300, width=451).fitted(height=height, width=width, fit="contain")
    assert (canvas.height, canvas.width) == inner
    assert canvas.span == Canvas.of(height=300, width=451).span


@pytest.mark.parametrize(
    ("view", "region"),  # of a picture of 400x200: (top, left, bottom, right)
    [
        ({"aspect": "1:1:x=0"}, (0, 0, 200, 200)),
        ({"aspect": "1:x=0.75"}, (0, 200, 200, 400)),
        ({"aspect": "1:1:x=0.6,y=0.1"}, (0, 140, 200, 340)),
        ({"aspect": "4:1:y=0.7"}, (90, 0, 190, 400)),
        ({"aspect": "1:x=0.5", "crop": "300x100+100+100"}, (100, 200, 200, 300)),
        ({"aspect": "1:x=1", "size": "50x50"}, (0, 200, 200, 400)),
        ({"aspect": "x=0.75", "size": "50x50", "fit": "cover"}, (0, 200, 200, 400)),
        ({"aspect": "x=0.4,y=1", "size": "50x50", "fit": "cover"}, (0, 60, 200, 260)),
        ({"aspect": "2:1:x=0.9", "size": "50x50", "fit": "cover"}, (0, 200, 200, 400)),
        ({"aspect": "1:1:x=0.6", "size": "50x25", "fit": "cover"}, (50, 140, 150, 340)),
        ({"size": "50x50", "fit": "cover"}, (0, 100, 200, 300)),
    ],
)
def test_a_shape_keeps_a_place(
    view: dict[str, str], region: tuple[float, float, float, float]
) -> None:
    canvas, frame = CanvasSettings(**view).views(WIDE)  # type: ignore[arg-type]
    assert (canvas.height, canvas.width) == (frame.height, frame.width)
    assert canvas.window(WIDE) == pytest.approx(region)


@pytest.mark.parametrize(
    "aspect",
    ["9:16:x=2", "9:16:z=1", "9:16:x", "x=a", "9:16:4", "9:16:1:x=0.3", "9:16:x=nan", ":x=0.2"],
)
def test_a_wrong_place_is_reported(aspect: str) -> None:
    with pytest.raises(UsageError, match="--aspect"):
        CanvasSettings(aspect=aspect)


def test_the_longer_side_can_be_limited() -> None:
    assert CanvasSettings(longest=100).views(WIDE)[0].width == 100
    assert CanvasSettings(longest=100).views(WIDE, longest=50)[0].width == 100
    assert CanvasSettings(longest=1000).views(WIDE, longest=50)[0].width == 400
    with pytest.raises(UsageError, match="exclude"):
        CanvasSettings(longest=100, scale=2)
