from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from fake_painting import Flat

from neuralpaint.image.canvas import Grid
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import Picture
from neuralpaint.rendering.film import film, filming_cost
from neuralpaint.rendering.render import render
from neuralpaint.rendering.viewport import Shot, Viewport
from neuralpaint.restoration.settings import TargetSettings
from neuralpaint.training.learning import Snapshot

PICTURE = Picture.from_array(np.full((200, 300, 3), 0.5))


class Tinted(Flat):
    """A painting of one grey, which counts the pixels that are rendered."""

    rendered_pixels = 0

    def colours(self, grid: Grid) -> torch.Tensor:
        Tinted.rendered_pixels += grid.x.size * grid.y.size
        return super().colours(grid)


@pytest.fixture
def viewport() -> Viewport:
    Tinted.rendered_pixels = 0
    return Viewport(
        PICTURE.canvas,
        CanvasSettings(),
        picture=PICTURE,
        target=TargetSettings(),
        bars=(0, 0, 0),
    )


def shots(tones: list[float]) -> Iterator[Snapshot]:
    for step, tone in enumerate(tones):
        yield Snapshot(step, 0.1 * step, 0.5, Tinted(tone))


def rendered(filmed: list[Shot], viewport: Viewport) -> list[int]:
    """Return the level of each frame, after checking that its pixels are equal."""
    assert all((shot.frame == shot.frame[0, 0]).all() for shot in filmed)
    return [int(shot.frame[0, 0, 0]) for shot in filmed]


def test_a_steady_film_is_mostly_blended_and_looks_the_same(viewport: Viewport) -> None:
    tones = [0.2 + 0.002 * i for i in range(100)]
    filmed = list(film(shots(tones), viewport, count=2, blends=True))
    assert [shot.snapshot.step for shot in filmed] == list(range(100))
    truth = [round(255 * tone) for tone in tones]
    assert np.abs(np.subtract(rendered(filmed, viewport), truth)).max() <= 1
    assert Tinted.rendered_pixels < 25 * PICTURE.height * PICTURE.width


def test_what_a_blend_would_miss_is_rendered(viewport: Viewport) -> None:
    tones = [0.2] * 40 + [0.8] * 40
    tones[20] = 0.9  # a flash
    filmed = list(film(shots(tones), viewport, count=2, blends=True))
    levels = rendered(filmed, viewport)
    assert levels[39:41] == [51, 204]
    assert levels == pytest.approx([round(255 * tone) for tone in tones], abs=1)


def test_without_blending_every_frame_is_a_render(viewport: Viewport) -> None:
    tones = [0.2 + 0.002 * i for i in range(30)]
    filmed = list(film(shots(tones), viewport, count=2, blends=False))
    for shot in filmed:
        assert (shot.frame == render(shot.snapshot.painting, viewport.canvas)).all()
    assert len(filmed) == 30
    assert Tinted.rendered_pixels == 60 * PICTURE.height * PICTURE.width


def test_in_a_hurry_nothing_is_checked(viewport: Viewport) -> None:
    tones = list(np.random.default_rng(0).random(200))
    list(film(shots(tones), viewport, count=2, blends=False, hurries=lambda: True))
    assert Tinted.rendered_pixels < 35 * PICTURE.height * PICTURE.width


def test_a_shot_that_comes_twice_is_rendered_once(viewport: Viewport) -> None:
    same = Snapshot(3, 0.1, 0.5, Tinted(0.4))
    filmed = list(film(iter([same] * 50), viewport, count=2, blends=False))
    assert len(filmed) == 50
    assert Tinted.rendered_pixels == PICTURE.height * PICTURE.width


def test_the_next_snapshot_is_requested_before_the_last_key_is_rendered(
    viewport: Viewport,
) -> None:
    """A GPU can train for the next shot while the last frame is copied to the host."""
    pulled: list[int] = []

    def watched() -> Iterator[Snapshot]:
        for snapshot in shots([0.1, 0.5, 0.9]):
            pulled.append(snapshot.step)
            yield snapshot

    next(film(watched(), viewport, count=2, blends=False))
    assert pulled == [0, 1]


def test_no_shots_no_film(viewport: Viewport) -> None:
    assert list(film(iter([]), viewport, count=2, blends=True)) == []


def test_as_many_shots_are_expected_to_be_rendered_of_a_long_clip_as_of_a_short_one(
    viewport: Viewport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Viewport, "seconds_per_frame", lambda *_: 1.0)
    monkeypatch.setattr("neuralpaint.rendering.film.seconds_of", lambda call: 0.0)
    cost = filming_cost(Tinted(0.5), viewport, frames_from="auto", blends=True)
    assert [cost(shots) for shots in (1, 20)] == [1, 20]
    assert 50 < cost(270) == cost(540) < 130
    assert cost(100_000) == 100_000 / 8
    assert filming_cost(Tinted(0.5), viewport, frames_from="render", blends=False)(300) == 300
    assert filming_cost(Tinted(0.5), viewport, frames_from="training", blends=False)(300) < 30


def test_the_time_of_the_smallest_frame_is_measured() -> None:
    tiny = Picture.from_array(np.full((4, 4, 3), 0.5))
    viewport = Viewport(
        tiny.canvas, CanvasSettings(), picture=tiny, target=TargetSettings(), bars=(0, 0, 0)
    )
    assert viewport.seconds_per_frame(Tinted(0.5)) > 0
