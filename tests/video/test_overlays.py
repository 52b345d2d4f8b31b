from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import ImageFont

import neuralpaint as npaint
from neuralpaint.errors import EncodingError, UsageError
from neuralpaint.image.typography import small_size, text_mask, text_width
from neuralpaint.models.painting import Painting
from neuralpaint.video.drawing import Frame, colour_scale, stamp
from neuralpaint.video.overlays import (
    Arrangement,
    Corners,
    Moment,
    Panel,
    Point,
    compose,
    fitting,
    growing,
    overlays,
    panels_of,
    parse_safe,
)
from neuralpaint.video.overlays.original import Wipe
from neuralpaint.video.overlays.overlay import _report_left_out
from neuralpaint.video.plot import Plot, draw_plot

HEIGHT, WIDTH = 120, 180
SIZES = [(1, 1), (1, 400), (3, 2), (16, 16), (48, 64), (400, 20), (240, 160), (240, 400)]
SPECS = [
    *overlays,
    "steps:psnr=yes,seconds=yes,corner=top-right",
    "steps:size=2",
    "curve:metric=loss,axis=log",
    "curve:axis=steps,size=2,corner=top-left",
    "side:layout=stacked",
    "wipe:sweeps=1,reach=1",
    "heatmap:placement=inset",
    "heatmap:placement=beside,scale=20",
    "title:seconds=60,subtitle=below",
    "title:seconds=60,size=4,where=bottom,text=Donaudampfschifffahrtsgesellschaft",
    "steps,curve,side,wipe,heatmap",
]


@functools.cache
def trained_painting() -> Painting:
    """Return a painting whose layers have been trained for a few steps."""
    learner = npaint.learner(
        npaint.Picture(photo(12, 18)), model="fourier:order=3,hidden_size=6", steps=4, device="cpu"
    )
    (snapshot,) = npaint.learn(learner, stops=[4])
    return snapshot.painting


def photo(height: int = HEIGHT, width: int = WIDTH, *, seed: int = 0) -> Frame:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def flat(level: int, *, height: int = HEIGHT, width: int = WIDTH) -> Frame:
    return np.full((height, width, 3), level, np.uint8)


def moment(
    index: int = 30,
    *,
    count: int = 61,
    psnr: Callable[[float], float] = lambda t: 12 + 20 * t,
    loss: Callable[[float], float] = lambda t: 0.1 * 10 ** (-2 * t),
) -> Moment:
    """Return a moment of a training of 3000 steps in 60 seconds."""
    times = [i / max(1, count - 1) for i in range(index + 1)]
    history = [Point(round(3000 * t), 60 * t, loss(t) if t else math.nan, psnr(t)) for t in times]
    return Moment(index, count, 3000, history)


def with_now(at: Moment, **values: Any) -> Moment:
    """Return a moment with other values at its last point."""
    return replace(at, history=[*at.history[:-1], at.now._replace(**values)])


def drawn(
    spec: str,
    frame: Frame | None = None,
    *,
    at: Moment | None = None,
    original: Frame | None = None,
    hidden: npt.NDArray[np.float32] | None = None,
) -> Frame:
    frame = photo() if frame is None else frame
    if original is None:
        original = photo(*frame.shape[:2], seed=1)
    entries = overlays.parse_list(spec)
    at = at or moment()
    return compose(
        entries,
        frame,
        moment=at,
        original=original,
        unknown=lambda: hidden,
        painting=trained_painting,
        latest=trained_painting,
    )


def grown_size(spec: str, *, height: int, width: int) -> tuple[int, int]:
    """Return the height and width of a frame of this size with the panels of the overlays."""
    panels = panels_of(overlays.parse_list(spec))
    arrangement = growing(panels, height=height, width=width)
    return arrangement.height, arrangement.width


def changed(before: Frame, after: Frame) -> npt.NDArray[np.bool_]:
    different: npt.NDArray[np.bool_] = np.any(before != after, axis=2)
    return different


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("spec", SPECS)
def test_every_overlay_draws_on_frames_of_every_size(spec: str, size: tuple[int, int]) -> None:
    frame, original = photo(*size), photo(*size, seed=1)
    kept = frame.copy(), original.copy()
    result = drawn(spec, frame, original=original)
    assert result.dtype == np.uint8
    assert result.shape == (*grown_size(spec, height=size[0], width=size[1]), 3)
    np.testing.assert_array_equal(frame, kept[0])
    np.testing.assert_array_equal(original, kept[1])
    np.testing.assert_array_equal(result, drawn(spec, frame, original=original))


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize(
    "at",
    [
        moment(0),
        moment(0, count=1),
        moment(60),
        moment(20, psnr=lambda t: math.inf),
        moment(20, psnr=lambda t: math.nan, loss=lambda t: math.nan),
        moment(20, loss=lambda t: 0.0),
        moment(20, loss=lambda t: math.inf),
        Moment(3, 10, 2_000_000, [Point(1_000_000, 7200.0, 0.5, 10.0)]),
    ],
    ids=["first", "only", "last", "perfect", "unknown", "no loss", "diverged", "short history"],
)
def test_every_moment_can_be_drawn(spec: str, at: Moment) -> None:
    drawn(spec, at=at)


@pytest.mark.parametrize("spec", ["", "wipe", "steps", "curve", "heatmap:placement=inset"])
def test_annotations_leave_the_size_and_most_of_the_picture_alone(spec: str) -> None:
    frame = photo()
    touched = changed(frame, drawn(spec, frame, at=moment(0)))
    assert touched.mean() < 0.25
    if spec in ("steps", "curve"):
        assert not touched[: HEIGHT // 2].any()


@pytest.mark.parametrize("corner", ["top-left", "top-right", "bottom-left", "bottom-right"])
@pytest.mark.parametrize("spec", ["steps", "curve", "heatmap:placement=inset"])
def test_an_annotation_stays_in_its_corner(spec: str, corner: str) -> None:
    frame = photo()
    joined = f"{spec}{',' if ':' in spec else ':'}corner={corner}"
    rows, columns = np.nonzero(changed(frame, drawn(joined, frame)))
    middle = rows.min() + rows.max(), columns.min() + columns.max()
    assert (middle[0] < HEIGHT) == corner.startswith("top")
    assert (middle[1] < WIDTH) == corner.endswith("left")


def test_annotations_in_one_corner_are_stacked() -> None:
    frame = photo()
    steps = changed(frame, drawn("steps", frame))
    both = drawn("steps,curve:corner=bottom-left", frame)
    np.testing.assert_array_equal(both[steps], drawn("steps", frame)[steps])
    curve = changed(frame, both) & ~steps
    assert curve.any()
    assert np.nonzero(curve)[0].max() < np.nonzero(steps)[0].min()


def test_corners_allocate_boxes_that_do_not_overlap() -> None:
    corners = Corners(100, 100)
    used = np.zeros((100, 100), int)
    boxes = [corners.place("bottom-right", height=20, width=30) for _ in range(9)]
    placed = [box for box in boxes if box]
    for top, left, height, width in placed:
        used[top : top + height, left : left + width] += 1
    assert len(placed) == 4
    assert used.max() == 1
    assert used.sum() == len(placed) * 600
    assert corners.place("top-left", height=51, width=10) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [("side,steps,curve", "curve,steps,side"), ("heatmap,wipe,steps", "steps,wipe,heatmap")],
)
def test_panels_and_annotations_compose_in_any_order(first: str, second: str) -> None:
    np.testing.assert_array_equal(drawn(first), drawn(second))


def test_panels_follow_the_annotated_picture_in_the_order_listed() -> None:
    frame, original = photo(), photo(seed=1)
    whole = drawn("steps,heatmap:placement=beside,side", frame, original=original)
    gap = (whole.shape[1] - 3 * WIDTH) // 2
    network = whole[:, :WIDTH]
    below = np.s_[HEIGHT // 2 :]
    np.testing.assert_array_equal(network[below], drawn("steps", frame)[below])
    np.testing.assert_array_equal(whole[below][:, 2 * (WIDTH + gap) :], original[below])
    assert (whole[:, WIDTH : WIDTH + gap] == whole[0, WIDTH, 0]).all()
    alone = drawn("heatmap:placement=beside", frame, original=original)
    np.testing.assert_array_equal(whole[:, WIDTH + gap :][:, :WIDTH], alone[:, WIDTH + gap :])


@pytest.mark.parametrize(
    ("height", "width", "beside"), [(427, 640, True), (400, 1600, False), (768, 512, True)]
)
def test_the_auto_layout_is_nearest_to_widescreen(height: int, width: int, *, beside: bool) -> None:
    tall, wide = grown_size("side", height=height, width=width)
    assert (tall == height) == beside
    assert (wide == width) != beside
    assert (tall - height) % 2 == (tall - 2 * height) % 2 or beside


def test_panels_that_disagree_on_the_layout_are_refused() -> None:
    with pytest.raises(UsageError, match="stacked"):
        grown_size("side:layout=beside,heatmap:placement=stacked", height=10, width=10)


def filling(height: int, width: int) -> tuple[int, int]:
    """Return the size of a picture that fills its field."""
    return height, width


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(
    ("height", "width", "beside"), [(600, 150, False), (150, 600, True), (601, 151, False)]
)
def test_panels_share_a_frame_of_a_given_size(
    height: int, width: int, count: int, *, beside: bool
) -> None:
    panels = [Panel("error", "auto")] * count
    arranged = fitting(panels, filling, height=height, width=width, aspect=1.0)
    assert (arranged.height, arranged.width) == (height, width)
    used = np.zeros((height, width), int)
    for top, left in arranged.corners:
        used[top : top + arranged.picture[0], left : left + arranged.picture[1]] += 1
    assert len(arranged.corners) == 1 + count
    assert used.sum() == (1 + count) * math.prod(arranged.picture)  # none reaches out of the frame
    assert used.max() == 1
    assert used.mean() > 0.97
    assert (len({top for top, _ in arranged.corners}) == 1) == beside


def test_many_pictures_are_in_a_grid_where_that_makes_them_larger() -> None:
    arranged = fitting([Panel("a", "auto")] * 2, filling, height=512, width=768, aspect=1.5)
    assert arranged.picture == (255, 383)
    assert arranged.corners == ((0, 0), (0, 385), (257, 192))  # the last row in the middle
    pair = fitting([Panel("a", "auto")], filling, height=512, width=768, aspect=1.5)
    assert [top for top, _ in pair.corners] == [0, 0]  # stacked, they would be no larger
    rows = fitting([Panel("a", "beside")] * 2, filling, height=512, width=768, aspect=1.5)
    assert [top for top, _ in rows.corners] == [0, 0, 0]


def test_pictures_with_bars_are_in_the_middle_and_have_no_bars_between_them() -> None:
    panels = [Panel("error", "stacked")]
    arranged = fitting(panels, lambda *_: (60, 100), height=300, width=200, aspect=1.0)
    assert arranged.corners == ((89, 50), (151, 50))


def test_a_frame_without_room_for_its_panels_is_refused() -> None:
    with pytest.raises(UsageError, match="--size 2x1 has no room for 3 pictures"):
        fitting([Panel("error", "auto")] * 2, filling, height=1, width=2, aspect=1.0)


def test_what_the_pictures_leave_is_filled_with_one_colour() -> None:
    frame, original = photo(), photo(seed=1)
    arranged = Arrangement(400, 200, (HEIGHT, WIDTH), ((40, 10), (220, 10)))
    whole = compose(
        overlays.parse_list("side"), frame, moment=moment(), original=original,
        arrangement=arranged, background=(1, 2, 3),
    )  # fmt: skip
    assert whole.shape == (400, 200, 3)
    below = np.s_[HEIGHT // 2 :]
    np.testing.assert_array_equal(whole[40 : 40 + HEIGHT, 10 : 10 + WIDTH][below], frame[below])
    np.testing.assert_array_equal(whole[220:, 10:][:HEIGHT, :WIDTH][below], original[below])
    assert (whole[:40] == (1, 2, 3)).all()
    assert (whole[40 + HEIGHT : 220] == (1, 2, 3)).all()


def test_pictures_of_two_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match=r"\(4, 4, 3\)"):
        drawn("steps", photo(4, 4), original=photo(5, 4))


def test_two_panels_of_even_pictures_are_even() -> None:
    for height, width in [(360, 640), (1080, 1920), (720, 406)]:
        for layout in ("beside", "stacked"):
            size = grown_size(f"side:layout={layout}", height=height, width=width)
            assert [length % 2 for length in size] == [0, 0]


def test_the_counter_keeps_its_place_while_it_counts() -> None:
    grey, spec = flat(200, height=240, width=400), "steps:seconds=yes,psnr=yes"
    boxes = set()
    for index in range(0, 61, 6):
        at = with_now(moment(index), seconds=index * 10.0)
        rows, columns = np.nonzero(changed(grey, drawn(spec, grey, at=at)))
        boxes.add((rows.min(), rows.max(), columns.min(), columns.max()))
    assert len(boxes) == 1


def test_the_counter_shows_what_it_counts() -> None:
    grey, spec = flat(200, height=240, width=400), "steps:seconds=yes,psnr=yes"
    now = moment(30)
    moments = [now, with_now(now, step=7), with_now(now, seconds=31.2), with_now(now, psnr=8.0)]
    frames = {drawn(spec, grey, at=at).tobytes() for at in moments}
    assert len(frames) == len(moments)
    unseen = [now, with_now(now, seconds=31.2), with_now(now, psnr=8.0)]
    assert len({drawn("steps", grey, at=at).tobytes() for at in unseen}) == 1


def test_digits_have_one_advance() -> None:
    for size in (9, 13, 19, 36):
        assert len({text_width(digit * 8, size) for digit in "0123456789"}) == 1


@pytest.mark.parametrize("level", [0, 128, 255])
def test_text_has_enough_contrast_on_any_picture(level: int) -> None:
    frame = flat(level, height=240, width=360)
    result = drawn("steps", frame).astype(float) / 255
    text = result[changed(frame, drawn("steps", frame))].mean(axis=1)
    luminance = np.where(text <= 0.04045, text / 12.92, ((text + 0.055) / 1.055) ** 2.4)
    assert (luminance.max() + 0.05) / (np.median(luminance) + 0.05) > 4.5


def accented(frame: Frame) -> npt.NDArray[np.bool_]:
    """Return which pixels have the warm colour of the curve, on a grey picture."""
    return np.greater(frame[..., 0].astype(int) - frame[..., 2], 70)


@pytest.mark.parametrize("axis", ["clip", "steps", "log"])
def test_the_curve_grows(axis: str) -> None:
    grey = flat(90, height=240, width=360)
    reach = []
    for index in (5, 20, 40, 60):
        line = accented(drawn(f"curve:axis={axis}", grey, at=moment(index)))
        reach.append(np.nonzero(line.any(axis=0))[0].max())
    assert reach == sorted(set(reach))


def test_the_curve_so_far_does_not_move() -> None:
    grey = flat(90, height=240, width=360)
    early = accented(drawn("curve", grey, at=moment(20)))
    late = accented(drawn("curve", grey, at=moment(40)))
    behind_the_tip = np.nonzero(early.any(axis=0))[0].max() - 12
    np.testing.assert_array_equal(early[:, :behind_the_tip], late[:, :behind_the_tip])


@pytest.mark.parametrize(("metric", "best"), [("psnr", 50.0), ("loss", 1e-6)])
def test_the_axis_moves_without_jumps(metric: str, best: float) -> None:
    grey = flat(90, height=240, width=360)
    heights: list[int] = []
    for index in range(15, 61):
        at = moment(
            index,
            psnr=lambda t: 12 + (best - 12) * t,
            loss=lambda t: 10 ** (-1 + (math.log10(best) + 1) * t),
        )
        line = accented(drawn(f"curve:metric={metric}", grey, at=at))
        column = np.nonzero(line.any(axis=0))[0].min() + 6
        heights.append(int(np.nonzero(line[:, column])[0].min()))
    moves = np.abs(np.diff(heights))
    assert heights[-1] != heights[0]
    assert moves.max() <= 1


def test_an_infinite_psnr_is_drawn() -> None:
    grey = flat(90, height=240, width=360)
    good = accented(drawn("curve", grey, at=moment(40)))
    perfect = moment(40, psnr=lambda t: 12 + 20 * t if t < 0.5 else math.inf)
    reach = [
        np.nonzero(line.any(axis=0))[0].max()
        for line in (good, accented(drawn("curve", grey, at=perfect)))
    ]
    assert abs(reach[0] - reach[1]) <= 1  # the edge of a slope is softer


@pytest.mark.parametrize("metric", ["psnr", "loss"])
@pytest.mark.parametrize("size", [(160, 240), (240, 160), (480, 270), (512, 768), (1080, 1920)])
def test_nothing_on_the_card_of_a_curve_overlaps(size: tuple[int, int], metric: str) -> None:
    grey = flat(90, height=size[0], width=size[1])
    rows, columns = np.nonzero(changed(grey, drawn(f"curve:metric={metric}", grey)))
    card = flat(0, height=int(np.ptp(rows)) + 1, width=int(np.ptp(columns)) + 1)

    def drawn_parts(**parts: Any) -> npt.NDArray[np.bool_]:
        nothing: dict[str, Any] = {"x": np.zeros(0), "y": np.zeros(0), "ticks": {}}
        plot = Plot(**nothing | {"widest": "0.001", "title": "", "value": ""} | parts)
        part = card.copy()
        draw_plot(part, plot, size=small_size(*size))
        return changed(card, part)

    line = {"x": np.linspace(0, 1, 9), "y": np.linspace(0, 1, 9)}
    words = {"title": metric.upper(), "value": "0.00271"}
    parts = [drawn_parts(**line), *(drawn_parts(**{name: word}) for name, word in words.items())]
    assert all(part.any() for part in parts)
    assert np.sum(parts, axis=0).max() == 1
    gutter = drawn_parts(ticks={i / 9: "0.01" for i in range(10)})[:, : card.shape[1] // 5].any(1)
    labels = np.split(gutter, np.flatnonzero(np.diff(gutter)) + 1)
    heights = [len(label) for label in labels if label[0]]
    assert len(heights) >= 2
    assert max(heights) <= small_size(*size)  # one label, not two that touch


@pytest.mark.parametrize("spec", ["steps:psnr=yes,seconds=yes", "curve", "heatmap:placement=inset"])
def test_an_overlay_is_as_large_at_4k_as_in_hd(spec: str) -> None:
    boxes = []
    for height in (720, 2160):
        grey, white = (flat(i, height=height, width=height * 16 // 9) for i in (90, 255))
        at = np.nonzero(changed(grey, drawn(spec, grey, original=white)))
        boxes.append([edge(side) / height for side in at for edge in (np.min, np.max)])
    np.testing.assert_allclose(boxes[0], boxes[1], atol=0.02)


@pytest.mark.parametrize("size", [(48, 64), (64, 48), (100, 100), (160, 240)])
def test_overlays_leave_most_of_a_small_frame_alone(size: tuple[int, int]) -> None:
    frame = photo(*size)
    corners = ("top-left", "top-right", "bottom-left", "bottom-right")
    names = ("steps:seconds=yes,", "curve:", "heatmap:placement=inset,")
    spec = ",".join(f"{name}corner={corner}" for name in names for corner in corners)
    touched = changed(frame, drawn(spec, frame))
    assert 0 < touched.mean() < 0.5


def test_the_wipe_is_out_of_view_at_the_beginning_and_the_end() -> None:
    frame = photo()
    for index, count in [(0, 61), (60, 61), (75, 61), (0, 1)]:
        at = moment(index, count=count)
        np.testing.assert_array_equal(drawn("wipe", frame, at=at), frame)


def test_the_wipe_shows_the_original_on_the_right() -> None:
    frame, original = flat(40), flat(160)
    result = drawn("wipe:sweeps=1,reach=0.5", frame, original=original, at=moment(30))
    row = HEIGHT // 2
    np.testing.assert_array_equal(result[row, : WIDTH // 2 - 12], frame[row, : WIDTH // 2 - 12])
    right = np.s_[row, WIDTH // 2 + 12 :]
    np.testing.assert_array_equal(result[right], original[right])
    assert result[row, WIDTH // 2 - 3 : WIDTH // 2 + 3].max() > 200


def test_the_wipe_moves_smoothly_and_stops() -> None:
    where = [Wipe().position(t) for t in np.linspace(0, 1, 301)]
    speed = np.diff(where)
    assert np.abs(np.diff(speed)).max() < 1e-3
    assert abs(speed[0]) < 1e-3
    assert abs(speed[-1]) < 1e-3
    assert min(where) == pytest.approx(0.15, abs=1e-3)


def test_the_wipe_is_drawn_below_the_counter() -> None:
    black = flat(0)
    plain = drawn("steps", black, original=black)
    pill = changed(black, plain)
    wiped = drawn("steps,wipe", black, original=flat(0), at=moment(15))
    np.testing.assert_array_equal(
        drawn("wipe,steps", black, original=flat(0), at=moment(15)), wiped
    )
    assert changed(wiped, black)[pill].mean() > 0.9


def test_the_heat_map_is_brighter_where_the_error_is_larger() -> None:
    frame, original = flat(100), flat(100)
    original[:, WIDTH // 2 :] = 250
    result = drawn("heatmap:placement=beside", frame, original=original)[:, -WIDTH:]
    row = HEIGHT // 2
    np.testing.assert_array_equal(result[row, 0], colour_scale(256)[0])
    np.testing.assert_array_equal(result[row, -1], colour_scale(256)[-1])


def test_the_heat_map_has_the_same_scale_in_every_frame() -> None:
    original = flat(100)
    worse = flat(100)
    worse[0, 0] = 255
    frames = [flat(116), np.where(worse == 255, worse, 116).astype(np.uint8)]
    row = HEIGHT // 2
    first, second = (
        drawn("heatmap:placement=beside", f, original=original)[row, -1] for f in frames
    )
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, colour_scale(256)[round(255 * 16 / 50)])


def test_the_heat_map_ignores_other_overlays() -> None:
    black, spec = flat(0), "heatmap:placement=inset,corner=bottom-left"
    original = photo(seed=1)
    alone = drawn(spec, black, original=original, at=moment(15))
    both = drawn(f"wipe,{spec}", black, original=original, at=moment(15))
    rows, columns = np.nonzero(changed(black, alone))
    within_rim = np.s_[rows.min() + 8 : rows.max() - 8, columns.min() + 8 : columns.max() - 8]
    assert alone[within_rim].max() > 200
    np.testing.assert_array_equal(both[within_rim], alone[within_rim])


def oklab(colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return the OKLab coordinates (n, 3) of sRGB colours, uint8 (n, 3), after Ottosson 2020."""
    coded = colours / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    cones = linear @ np.transpose(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    lab: npt.NDArray[np.float64] = np.cbrt(cones) @ np.transpose(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return lab


def test_the_colour_scale_has_even_steps_and_rising_lightness() -> None:
    lab = oklab(colour_scale(17))
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert steps.max() < 1.15 * steps.min()
    assert (np.diff(lab[:, 0]) > 0).all()
    assert len(np.unique(colour_scale(256), axis=0)) == 256


@pytest.mark.parametrize("centre", [(-3.5, 10.0), (10.0, -50.0), (19.6, 29.7), (100.0, 5.25)])
def test_a_stamp_is_clipped_at_the_edge_of_the_frame(centre: tuple[float, float]) -> None:
    frame = flat(0, height=20, width=30)
    stamp(frame, np.ones((6, 8), np.float32), centre=centre, colour=(255, 255, 255))
    rows, columns = np.arange(20) + 0.5, np.arange(30) + 0.5
    inside = np.outer(abs(rows - centre[0]) <= 2.5, abs(columns - centre[1]) <= 3.5)
    outside = ~np.outer(abs(rows - centre[0]) <= 3.5, abs(columns - centre[1]) <= 4.5)
    assert (frame[inside] == 255).all()
    assert (frame[outside] == 0).all()


def test_a_stamp_moves_by_fractions_of_a_pixel() -> None:
    mask = text_mask("24", 13)
    ink = []
    for down, right in [(0.0, 0.0), (0.25, 0.5), (0.75, 0.125)]:
        frame = flat(0, height=40, width=60)
        stamp(frame, mask, centre=(20 + down, 30 + right), colour=(255, 255, 255))
        light = frame[..., 0].astype(float)
        total = light.sum()
        ink.append(((light.sum(1) @ np.arange(40)) / total, (light.sum(0) @ np.arange(60)) / total))
    assert np.subtract(ink[1], ink[0]) == pytest.approx([0.25, 0.5], abs=0.03)
    assert np.subtract(ink[2], ink[0]) == pytest.approx([0.75, 0.125], abs=0.03)


def test_a_pillow_without_freetype_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_freetype(*_: object, **__: object) -> None:
        raise ImportError

    monkeypatch.setattr(ImageFont, "truetype", without_freetype)
    with pytest.raises(EncodingError, match="reinstall"):
        text_width("7", 1001)


def test_the_spec_of_an_overlay_parses_to_the_same_spec() -> None:
    specs: Sequence[str] = [overlays.spec(overlays.parse(spec)) for spec in SPECS[:-1]]
    assert [overlays.spec(overlays.parse(spec)) for spec in specs] == specs


def half_hidden() -> npt.NDArray[np.float32]:
    """Return what is unknown on the left."""
    unknown = np.zeros((HEIGHT, WIDTH), np.float32)
    unknown[:, : WIDTH // 2] = 1
    return unknown


def test_the_mask_overlay_first_shows_the_known_part_and_the_hole() -> None:
    given, network = photo(seed=1), photo()
    first = drawn("mask", network, original=given, at=moment(0), hidden=half_hidden())
    np.testing.assert_array_equal(first[:, WIDTH // 2 :], given[:, WIDTH // 2 :])
    hole = first[:, : WIDTH // 2]
    assert len(np.unique(hole)) == 2  # a board of two greys
    assert np.ptp(hole, axis=2).max() == 0
    soft = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    mixed = drawn("mask", network, original=given, at=moment(0), hidden=soft)
    between = (hole.astype(float) + given[:, : WIDTH // 2]) / 2
    np.testing.assert_allclose(mixed[:, : WIDTH // 2], between, atol=1)


def test_the_mask_overlay_fades_the_hole_last() -> None:
    given, network = flat(200), flat(20)
    known, hole = [], []
    for index in range(61):
        frame = drawn("mask", network, original=given, at=moment(index), hidden=half_hidden())
        known.append(int(frame[5, -5, 0]))
        hole.append(int(frame[5, 5, 0]))
    assert known == sorted(known, reverse=True)
    assert hole == sorted(hole, reverse=True)
    assert (known[0], known[-1], hole[-1]) == (200, 20, 20)
    assert len(set(known[:5])) == len(set(hole[:5])) == 1  # both are shown for a moment
    gone = known.index(20), hole.index(20)
    assert 0 < gone[0] < gone[1] < 30
    assert max(-np.diff(known)) < 80  # it fades, and does not jump


@pytest.mark.parametrize(
    "spec", ["mask:hold=0.5", "mask:hold=0,fade=0,hole_fade=0", "mask:hold=0.9"]
)
def test_the_mask_overlay_is_gone_at_the_end_of_the_clip(spec: str) -> None:
    network = photo()
    for at in (moment(60), moment(0, count=1)):
        np.testing.assert_array_equal(drawn(spec, network, at=at, hidden=half_hidden()), network)


def test_the_heat_map_is_0_where_the_original_is_not_known() -> None:
    def error(without: npt.NDArray[np.float32] | None) -> Frame:
        entries = overlays.parse_list("heatmap:placement=beside")
        shown = compose(
            entries,
            flat(0),
            moment=moment(),
            original=flat(255),
            without_truth=lambda: without,
        )
        return shown[:, -WIDTH:]

    there = error(half_hidden())
    rows = slice(50, 80)  # between the caption and the legend
    assert len(np.unique(there[rows, : WIDTH // 2].reshape(-1, 3), axis=0)) == 1
    np.testing.assert_array_equal(there[rows, WIDTH // 2 :], error(None)[rows, WIDTH // 2 :])
    assert there[60, 5].sum() < there[60, -5].sum()


def test_what_has_no_room_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    _report_left_out.cache_clear()
    frame = photo(21, 33)
    for _ in range(3):
        drawn("curve:size=3", frame)
    assert [record.message for record in caplog.records] == [
        "--overlay curve is left out where it has no room in a picture of 33x21: choose a larger "
        "--size, or fewer overlays"
    ]


REEL = parse_safe("14,12,35,6")


@pytest.mark.parametrize("size", [(320, 180), (1920, 1080)])
@pytest.mark.parametrize("corner", ["top-left", "top-right", "bottom-left", "bottom-right"])
@pytest.mark.parametrize("spec", ["steps", "curve", "heatmap:placement=inset"])
def test_annotations_stay_in_the_safe_area(spec: str, corner: str, size: tuple[int, int]) -> None:
    frame = photo(*size)
    entries = overlays.parse_list(f"{spec}{',' if ':' in spec else ':'}corner={corner}")
    framed = compose(entries, frame, moment=moment(), original=frame, safe=REEL)
    rows, columns = np.nonzero(changed(frame, framed))
    rim = 1 + size[0] // 400
    top, left, height, width = REEL.box(*size)
    assert top - rim <= rows.min() < rows.max() < top + height + rim
    assert left - rim <= columns.min() < columns.max() < left + width + rim
    near = {"top": rows.min() - top, "bottom": top + height - 1 - rows.max()}
    assert abs(near[corner.partition("-")[0]]) <= rim


@pytest.mark.parametrize("edge", ["top", "bottom"])
def test_words_at_an_edge_stay_in_the_safe_area(edge: str) -> None:
    frame = photo(640, 360)
    entries = overlays.parse_list(f"caption:where={edge},text='Words, and more words, and more'")
    framed = compose(entries, frame, moment=moment(), original=frame, safe=REEL)
    rows, columns = np.nonzero(changed(frame, framed))
    top, left, height, width = REEL.box(640, 360)
    assert top <= rows.min() < rows.max() < top + height
    assert left <= columns.min() < columns.max() < left + width
    assert columns.min() + columns.max() + 1 == pytest.approx(2 * left + width, abs=3)


def test_the_safe_area_is_that_of_the_whole_frame_with_its_panels() -> None:
    frame = photo(200, 300)
    entries = overlays.parse_list("steps,curve,heatmap:placement=stacked")
    plain = compose([entries[2]], frame, moment=moment(), original=frame)
    margins = parse_safe("20,0,0,0")
    safe = compose(entries, frame, moment=moment(), original=frame, safe=margins)
    rows, _ = np.nonzero(changed(plain, safe))
    assert rows.min() < margins.box(*plain.shape[:2])[0]  # the caption of the plain one is gone
    unmarked = compose([entries[2]], frame, moment=moment(), original=frame, safe=margins)
    np.testing.assert_array_equal(unmarked[210:], plain[210:])  # the lower picture has room
    rows, _ = np.nonzero(changed(unmarked, safe))
    assert rows.min() >= margins.box(*plain.shape[:2])[0]
    assert rows.max() > 150  # above the lower margin of the upper picture


@pytest.mark.parametrize("spec", ["curve", "heatmap:placement=inset"])
def test_large_annotations_shrink_with_the_safe_area(spec: str) -> None:
    frame, entries, widths = photo(640, 360), overlays.parse_list(spec), []
    for safe in (parse_safe("0,0,0,0"), REEL):
        framed = compose(entries, frame, moment=moment(), original=frame, safe=safe)
        _, columns = np.nonzero(changed(frame, framed))
        widths.append(columns.max() - columns.min())
    assert 0.5 * widths[0] < widths[1] < 0.8 * widths[0]


@pytest.mark.parametrize("text", ["14", "1,2,3", "1,2,3,x", "-1,0,0,0", "50,0,31,0", "nan,0,0,0"])
def test_wrong_safe_margins_are_reported(text: str) -> None:
    with pytest.raises(UsageError, match="--safe"):
        parse_safe(text)
