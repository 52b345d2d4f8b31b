"""Overlays that show what is inside the network, and captions that say what is measured."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFilter

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.models.painting import Painting
from neuralpaint.video.drawing import Frame, colour_scale, signed_scale
from neuralpaint.video.overlays import Corners, Moment, Point, Scene, overlays
from neuralpaint.video.overlays.caption import Facts, measured, result, sentence
from neuralpaint.video.overlays.network import NetworkDiagram
from neuralpaint.video.overlays.neurons import Neurons
from neuralpaint.video.overlays.spectrum import Spectrum, detail_learned
from neuralpaint.video.overlays.weights import Weights, matrices_of
from neuralpaint.video.units import differing_units

HEIGHT, WIDTH = 96, 144


@functools.cache
def waves() -> Frame:
    """Return a picture with detail of many sizes."""
    rng = np.random.default_rng(5)
    shares = [rng.normal(size=(HEIGHT >> k, WIDTH >> k, 3)).repeat(1 << k, 0).repeat(1 << k, 1)
              for k in range(5)]  # fmt: skip
    return np.asarray(np.clip(128 + 25 * np.sum(shares, 0), 0, 255), np.uint8)


@functools.cache
def painting(model: str = "siren:hidden_size=9,hidden_layers=2", steps: int = 5) -> Painting:
    learner = npaint.learner(npaint.Picture(waves()), model=model, steps=steps, device="cpu")
    (snapshot,) = npaint.learn(learner, stops=[steps])
    return snapshot.painting


def scene(
    network: Frame | None = None,
    *,
    step: int = 40,
    psnr: float = 20.0,
    index: int = 4,
    memory: dict[Any, Any] | None = None,
    now: Painting | None = None,
    latest: Painting | None = None,
) -> Scene:
    """Return moment `index` of 11."""
    shown = now or painting()
    return Scene(
        Moment(index, 11, 100, [Point(step, 1.0, 0.1, psnr)]),
        waves() if network is None else network,
        waves,
        Corners(HEIGHT, WIDTH),
        painting=lambda: shown,
        latest=lambda: latest or shown,
        memory={} if memory is None else memory,
    )


def blurred(radius: float) -> Frame:
    """Return the picture without fine detail."""
    return np.asarray(Image.fromarray(waves()).filter(ImageFilter.GaussianBlur(radius)))


def values_of(colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return the values in [-1, 1] of which `colours` (..., 3) are the nearest signed colours."""
    away = np.abs(colours[..., None, :].astype(int) - signed_scale(256)).sum(-1)
    return np.asarray(away.argmin(-1) / 127.5 - 1)


def test_neurons_are_the_values_of_the_units_of_the_network() -> None:
    shown = Neurons(side=2).picture(HEIGHT, WIDTH, scene(memory={}))
    tall, wide = (HEIGHT + 1) // 2 - 1, (WIDTH + 1) // 2 - 1
    hidden = painting().layer_values(painting().canvas.resized(height=tall, width=wide).grid())
    for row, units in enumerate(differing_units(painting())):
        largest = np.percentile(np.abs(hidden[row]), 99)
        for column, unit in enumerate(units[:2]):
            top, left = row * (tall + 1), column * (wide + 1)
            inner = np.s_[3:22, 3:-3]  # the corners are rounded, and the label is below
            tile = values_of(shown[top : top + tall, left : left + wide][inner])
            expected = np.clip(hidden[row][..., unit] / largest, -1, 1)[inner]
            np.testing.assert_allclose(tile, expected, atol=0.02)


def test_the_units_that_are_shown_are_those_that_differ_most() -> None:
    """A copy of a unit, and one that is constant, are shown last."""
    weights = painting().weights
    weights["network.layers.0.weight"][3] = weights["network.layers.0.weight"][5]
    weights["network.layers.0.bias"][3] = weights["network.layers.0.bias"][5]
    weights["network.layers.0.weight"][7] = 0
    first = differing_units(painting().with_weights(weights))[0]
    assert sorted(first) == list(range(9))
    assert first[-1] == 7
    assert first[-2] in (3, 5)


def test_units_are_chosen_once_from_the_newest_network() -> None:
    memory: dict[Any, Any] = {}
    overlay = Neurons()
    other = painting(steps=9)
    overlay.picture(HEIGHT, WIDTH, scene(memory=memory, latest=other))
    assert memory[overlay] == differing_units(other)
    overlay.picture(HEIGHT, WIDTH, scene(memory=memory))
    assert memory[overlay] == differing_units(other)


@pytest.mark.parametrize("layers", [1, 2, 3, 6])
def test_the_rows_of_neurons_go_through_the_layers(layers: int) -> None:
    deep = painting(f"siren:hidden_size=9,hidden_layers={layers}")
    frame = Neurons(side=3).picture(HEIGHT, WIDTH, scene(now=deep))
    assert len(np.unique(frame.reshape(-1, 3), axis=0)) > 100


def test_the_spectrum_shows_the_octaves_that_are_learned() -> None:
    shares = detail_learned(scene(blurred(2)))
    assert len(shares) == 6
    assert shares[:2].min() > 0.9
    assert shares[-1] < 0.05
    assert detail_learned(scene(waves())).min() == 1
    mean = waves().mean((0, 1)).round().astype(np.uint8)
    assert detail_learned(scene(np.broadcast_to(mean, waves().shape).copy())).max() < 0.05


def test_a_soft_picture_has_no_fine_octaves_to_learn() -> None:
    """A frame larger than the picture has no bars for detail that was never there."""
    soft = blurred(4)
    at = Scene(Moment(1, 2, 9, [Point(1, 1, 1, 1)]), soft, lambda: soft, Corners(9, 9))
    assert len(detail_learned(at)) < len(detail_learned(scene()))


def test_a_bar_of_the_spectrum_is_as_full_as_its_octave_is_learned() -> None:
    shown = Spectrum().picture(HEIGHT, WIDTH, scene(blurred(2)))
    lit = shown.max(axis=2) > 120
    octaves = len(detail_learned(scene()))
    # The finest bar is nearly empty.
    coarse, fine = np.split(lit.sum(axis=0), [round(WIDTH * (octaves - 1) / octaves)])
    assert coarse.max() > 0.45 * HEIGHT
    assert fine.max() < 0.1 * HEIGHT


def test_the_matrices_of_the_layers_are_shown_first_with_their_sizes() -> None:
    series = painting("fourier:order=4,hidden_size=5,hidden_layers=1")
    found = [(name, matrix.shape) for name, matrix in matrices_of(series)]
    assert found[:3] == [("layer 1", (10, 13)), ("layer 2", (5, 18)), ("layer 3", (3, 23))]
    assert found[3][0] == "series light"


def test_a_large_weight_is_bright_where_it_is() -> None:
    model = painting()
    weights = {name: np.full_like(weight, 0.01) for name, weight in model.weights.items()}
    weights["network.layers.1.weight"][:, 0] = 1
    shown = Weights().picture(HEIGHT, WIDTH, scene(now=model.with_weights(weights)))
    luma = shown.mean(axis=2)
    middle = luma[HEIGHT // 2]  # the second of three matrices is the largest one
    assert middle[:4].min() > 2 * middle[WIDTH // 2 :].max()
    assert tuple(shown[HEIGHT // 2, 2]) in {tuple(colour) for colour in colour_scale(256)}


def test_the_diagram_ends_with_the_colours_of_the_network() -> None:
    height, width = 300, 640
    shown = NetworkDiagram().picture(height, width, scene())
    right = shown[:, -width // 5 :].astype(int)
    for channel in range(3):
        others = np.delete(right, channel, axis=2).max(axis=2)
        assert (right[..., channel] - others > 40).any()


def test_a_line_of_the_diagram_is_as_bright_as_its_weight() -> None:
    height, width = 300, 640
    model = painting()
    weights = model.weights
    quiet = {**weights, "network.layers.1.weight": 0 * weights["network.layers.1.weight"]}
    loud = {**weights, "network.layers.1.weight": 0 * weights["network.layers.1.weight"] + 1}
    between = np.s_[height // 3 : -height // 3, width // 2 - 8 : width // 2 + 8]
    dark, bright = (
        NetworkDiagram().picture(height, width, scene(now=model.with_weights(each)))[between].max()
        for each in (quiet, loud)
    )
    assert dark < 70 < 200 < bright


FACTS = Facts(step=15, psnr=21.0, learned=(1.0, 0.95, 0.6, 0.02, 0.01), edges=0.3)


@pytest.mark.parametrize(
    ("learned", "words"),
    [
        ((0.3, 0.0, 0.0), "not even the largest shapes"),
        ((0.6, 0.0, 0.0), "the largest shapes appear"),
        ((0.95, 0.9, 0.04), "nothing finer than a quarter"),
        ((0.95, 0.9, 0.2), "hardly anything finer than a quarter"),
        ((0.95, 0.9, 0.4), "details of an eighth of the picture arrive"),
        ((0.95, 0.9, 0.9), "even the finest detail"),
        ((0.95,) * 5 + (0.0,), "nothing finer than 1/32"),
        ((0.95, 0.2, 0.9), "all details down to half of the picture"),
    ],
)
def test_a_sentence_about_detail_follows_from_the_octaves(
    learned: tuple[float, ...], words: str
) -> None:
    said = sentence(FACTS._replace(learned=learned), 0)
    assert said.startswith("After 15 steps: ")
    assert words in said


@pytest.mark.parametrize(
    ("psnr", "words"),
    [
        (20.0, "off by 26 of 255 levels (20 dB)"),
        (48.13, "off by about one of 255 levels (48 dB)"),
        (60.0, "less than half a level of 255 (60 dB)"),
        (math.inf, "all colours are exact"),
    ],
)
def test_decibels_are_told_in_levels(psnr: float, words: str) -> None:
    assert words in result(FACTS._replace(psnr=psnr))
    assert words in sentence(FACTS._replace(psnr=psnr), 1)


def test_the_share_of_the_error_on_edges_is_told_where_it_is_most() -> None:
    assert "64 % of the error is on edges, which are 15 %" in sentence(
        FACTS._replace(edges=0.64), 1
    )
    assert "edges" not in sentence(FACTS._replace(edges=0.49), 1)


def test_the_error_on_edges_is_measured() -> None:
    step = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    step[:, WIDTH // 2 :] = 255
    wrong = step.copy()
    wrong[:, WIDTH // 2 - 1 : WIDTH // 2 + 1] = 128  # all of the error is on the edge
    at_edge = Scene(Moment(1, 2, 9, [Point(1, 1, 1, 1)]), wrong, lambda: step, Corners(9, 9))
    assert measured(at_edge).edges == pytest.approx(1)
    elsewhere = step.copy()
    elsewhere[:, :10] = 60
    away = Scene(Moment(1, 2, 9, [Point(1, 1, 1, 1)]), elsewhere, lambda: step, Corners(9, 9))
    assert measured(away).edges < 0.3


def test_before_the_first_step_there_is_no_picture() -> None:
    assert "random" in sentence(FACTS._replace(step=0), 0)


def words_at(spec: str, moments: list[int]) -> list[str]:
    overlay, memory = overlays.parse(spec), dict[Any, Any]()
    return [overlay._words(scene(index=i, step=i, memory=memory)) for i in moments]  # type: ignore[attr-defined]


def test_a_measured_sentence_stays_and_the_last_frame_shows_the_result() -> None:
    said = words_at("caption:seconds=0.1", list(range(11)))  # three shots at 30 a second
    assert said[0] == said[1] == said[2] != said[3] == said[4] == said[5] != said[6]
    assert said[9].startswith("After 9 steps: the colours are off")
    assert said[10].startswith("After 10 steps: the colours are off")


def test_own_words_are_shown_at_their_moments() -> None:
    spec = "caption:text=first|30% second of them|90%third"
    assert (
        words_at(spec, [0, 2, 3, 8, 9, 10])
        == ["first"] * 2 + ["second of them"] * 2 + ["third"] * 2
    )
    assert words_at("caption:text=a|b", [0, 4, 5, 10]) == ["a", "a", "b", "b"]
    assert words_at("caption:text=50% late", [0, 4, 5]) == ["", "", "late"]


@pytest.mark.parametrize("text", ["50% a|20% b", "a|120% b"])
def test_percentages_increase_up_to_100(text: str) -> None:
    with pytest.raises(UsageError, match="must increase, up to 100"):
        overlays.parse(f"caption:text={text}")


def test_a_caption_of_fewer_lines_moves_nothing_that_is_drawn_above_it() -> None:
    def tops_of_the_counter(index: int) -> Any:
        frame = np.full((240, 320, 3), 255, np.uint8)
        at = Scene(scene(index=index, step=7).moment, frame, waves, Corners(240, 320))
        for entry in overlays.parse_list(f"caption:text=one|50% {'so many words ' * 6},steps"):
            entry.draw(frame, at)
        return np.flatnonzero((frame[:, :40] < 200).any(axis=(1, 2)))[:5].tolist()

    assert tops_of_the_counter(0) == tops_of_the_counter(10)
