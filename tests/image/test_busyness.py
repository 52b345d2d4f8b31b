from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuralpaint.image.busyness import busiest_place, keeping_the_busiest
from neuralpaint.image.framing import CanvasSettings, parse_aspect
from neuralpaint.image.pictures import Picture


def with_noise(*places: tuple[float, float], height: int = 120, width: int = 180) -> Picture:
    """Return a flat picture with noise of about a tenth of its width around some places."""
    pixels = np.full((height, width, 3), 90, np.uint8)
    for x, y in places:
        top, left = round(y * height) - width // 20, round(x * width) - width // 20
        patch = pixels[max(0, top) : top + width // 10, max(0, left) : left + width // 10]
        patch[:] = np.random.default_rng(1).integers(0, 255, patch.shape)
    return Picture(pixels)


@pytest.mark.parametrize("place", [(0.3, 0.4), (0.7, 0.25), (0.55, 0.8)])
@pytest.mark.parametrize("size", [(120, 180), (600, 400), (40, 40)])
def test_it_is_where_the_edges_are(place: tuple[float, float], size: tuple[int, int]) -> None:
    found = busiest_place(with_noise(place, height=size[0], width=size[1]))
    assert found == pytest.approx(place, abs=0.06)


def test_of_two_places_the_one_near_the_middle_is_chosen() -> None:
    x, y = busiest_place(with_noise((0.1, 0.9), (0.55, 0.4)))
    assert (x, y) == pytest.approx((0.55, 0.4), abs=0.05)


def test_unknown_pixels_do_not_count() -> None:
    picture = with_noise((0.3, 0.5), (0.6, 0.5))
    unknown = np.zeros((120, 180), np.float32)
    unknown[:, 90:] = 1
    x, _ = busiest_place(replace(picture, unknown=unknown))
    assert x == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (50, 80)])
def test_a_flat_picture_has_one_too(size: tuple[int, int]) -> None:
    place = busiest_place(Picture(np.full((*size, 3), 7, np.uint8)))
    assert all(0 < each < 1 for each in place)


@pytest.mark.parametrize(
    ("view", "place"),
    [
        (CanvasSettings(aspect="1:1"), (0.7, 0.4)),
        (CanvasSettings(aspect="1:1:x=0.2"), (0.2, 0.4)),
        (CanvasSettings(size="9x16", fit="cover"), (0.7, 0.4)),
        (CanvasSettings(aspect="1:1", crop="50%x100%+50%+0%"), (0.4, 0.4)),
    ],
    ids=str,
)
def test_a_view_that_crops_to_a_shape_keeps_the_busiest_place(
    view: CanvasSettings, place: tuple[float, float]
) -> None:
    kept = keeping_the_busiest(view, [with_noise((0.7, 0.4))])
    aspect = parse_aspect(kept.aspect or "")
    assert (aspect.x, aspect.y) == pytest.approx(place, abs=0.06)
    assert kept.replaced(aspect=view.aspect) == view


@pytest.mark.parametrize(
    "view",
    [CanvasSettings(), CanvasSettings(size="9x16"), CanvasSettings(aspect="1:1:x=0.2,y=0.3")],
    ids=str,
)
def test_other_views_stay_as_they_are(view: CanvasSettings) -> None:
    assert keeping_the_busiest(view, [with_noise((0.7, 0.4))]) is view


def test_a_strip_of_an_upright_picture_is_taken_from_its_upper_half() -> None:
    portrait = with_noise((0.5, 0.8), height=180, width=120)
    aspect = parse_aspect(
        keeping_the_busiest(CanvasSettings(aspect="16:9"), [portrait]).aspect or ""
    )
    assert aspect.y == pytest.approx(0.6, abs=0.05)


def test_of_several_pictures_the_mean_of_the_places_is_kept() -> None:
    pictures = [with_noise((0.3, 0.4)), with_noise((0.7, 0.4))]
    kept = keeping_the_busiest(CanvasSettings(aspect="1:1"), pictures)
    aspect = parse_aspect(kept.aspect or "")
    assert (aspect.x, aspect.y) == pytest.approx((0.5, 0.4), abs=0.06)
