"""The sentences of a comparison's report: each follows from what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.compare.detail import DetailMeter, Original
from neuralpaint.pipelines.compare.evidence import Course, Evidence, levels_of, part_of
from neuralpaint.pipelines.compare.explanation import with_names
from neuralpaint.pipelines.compare.outcome import CurvePoint, RaceOutcome
from neuralpaint.pipelines.compare.reasons import Reason, reasons_of
from neuralpaint.pipelines.compare.variants import Variant
from neuralpaint.training.settings import TrainingSettings

Pixels = NDArray[np.uint8]
HEIGHT, WIDTH = 64, 96


def cosines(n: int) -> NDArray[np.float64]:
    """Return the matrix (n, n) of the orthonormal discrete cosine transform, from its formula."""
    k = np.arange(n)[:, None]
    matrix = np.cos(np.pi * k * (np.arange(n) + 0.5) / n) * math.sqrt(2 / n)
    matrix[0] /= math.sqrt(2)
    return matrix


ROWS, COLUMNS = cosines(HEIGHT), cosines(WIDTH)
CYCLES = np.hypot(np.arange(HEIGHT)[:, None] / 2 * WIDTH / HEIGHT, np.arange(WIDTH) / 2)


def picture_of(waves: NDArray[np.float64]) -> Pixels:
    """Return the grey picture of waves (h, w), which have the frequencies `CYCLES`."""
    grey = 128 + ROWS.T @ waves @ COLUMNS
    return np.rint(np.clip(grey, 0, 255)).astype(np.uint8)[:, :, None].repeat(3, axis=2)


# As much detail in every octave, as in a photograph.
TEXTURE = 900 * np.random.default_rng(0).normal(size=CYCLES.shape) / np.maximum(1, CYCLES)
TEXTURE[0, 0] = 0
PIXELS = picture_of(TEXTURE)
PICTURE = Picture(PIXELS)
METER = DetailMeter(PICTURE)


def below(cycles: float) -> Pixels:
    """Return the picture without waves of higher frequencies."""
    return picture_of(np.where(cycles > CYCLES, TEXTURE, 0))


def noisy(levels: float, *, seed: int = 0) -> Pixels:
    """Return the picture with an error in every pixel."""
    noise = np.random.default_rng(seed).normal(0, levels, PIXELS.shape[:2])
    return np.rint(np.clip(PIXELS + noise[:, :, None], 0, 255)).astype(np.uint8)


def raced(name: str, frames: Sequence[Pixels], *, picture: Picture = PICTURE) -> RaceOutcome:
    """Return the outcome of a training of 100 steps with these frames at equal intervals."""
    meter, curve = DetailMeter(picture), []
    for fraction, frame in zip(np.linspace(0, 1, len(frames)).tolist(), frames, strict=True):
        detail, score = meter.measure(frame), psnr(frame, picture.pixels)
        curve.append(
            CurvePoint(fraction, round(100 * fraction), fraction, 0.1, score, score, None, *detail)
        )
    variant = Variant(name, name, TrainingSettings())
    places = meter.places(frames[-1])
    return RaceOutcome(variant, "finished", steps=100, curve=tuple(curve), places=places)


def told(*outcomes: RaceOutcome, original: Original = METER.original) -> list[Reason]:
    ranked = sorted(outcomes, key=lambda each: each.rank_key)
    return reasons_of(Evidence(ranked, original, lambda fraction: f"step {100 * fraction:.0f}"))


def about(heading: str, reasons: Sequence[Reason]) -> list[str]:
    return [reason.text for reason in reasons if reason.about == heading]


def test_the_squared_errors_of_the_octaves_add_up_to_the_mean_squared_error() -> None:
    frame = noisy(9)
    wrong = METER.measure(frame).wrong
    difference = frame[..., 0] - PIXELS[..., 0].astype(float)
    assert np.square(wrong).sum() == pytest.approx(np.square(difference).mean(), rel=1e-5)


@pytest.mark.parametrize(("cycles", "octave"), [(1.5, 1), (3, 2), (12, 4), (15.5, 4), (16, 5)])
def test_a_wave_is_found_in_its_octave(cycles: float, octave: int) -> None:
    waves = np.zeros_like(CYCLES)
    waves[0, round(2 * cycles)] = 2000
    detail = DetailMeter(Picture(picture_of(waves))).original.detail
    assert int(np.argmax(detail[1:])) + 1 == octave
    assert sum(np.square(detail[1:])) == pytest.approx(detail[octave] ** 2, rel=0.01)


def test_a_large_picture_is_measured_at_some_of_its_pixels() -> None:
    pixels = np.zeros((600, 900, 3), np.uint8)
    pixels[:, :450] = 200
    meter = DetailMeter(Picture(pixels))
    assert meter.stride == 3
    sampled = pixels[::3, ::3]
    assert meter.measure(sampled).wrong == pytest.approx([0] * len(meter.original.octaves))
    # Samples show waves up to 150; what is finer looks like waves above 32, most of it.
    assert meter.original.octaves[-1] == 32


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (2, 3), (17, 16)])
def test_every_size_can_be_measured(shape: tuple[int, int]) -> None:
    meter = DetailMeter(Picture(np.full((*shape, 3), 7, np.uint8)))
    frame = np.full((*shape, 3), 9, np.uint8)
    assert np.square(meter.measure(frame).wrong).sum() == pytest.approx(4)
    assert meter.places(frame).edge_area == 0


def test_the_result_is_stated_in_levels() -> None:
    (text,) = about("The result", told(raced("a", [noisy(3)]), raced("b", [noisy(12)])))
    assert "`a` is the best: its colours are typically 3 of 255 levels off." in text
    assert "`b`, the last, are 12 levels off: 4 times as much" in text
    (text,) = about("The result", told(raced("a", [PIXELS]), raced("b", [noisy(12)])))
    assert "exactly those of the original" in text


def test_differences_within_noise_are_not_explained() -> None:
    frames = [[noisy(30, seed=s), noisy(8, seed=s), noisy(8 + 0.1 * s, seed=s)] for s in range(3)]
    reasons = told(*(raced(f"v{s}", each) for s, each in enumerate(frames)))
    assert "are close" in reasons[0].text
    assert {reason.about for reason in reasons} <= {"The result", "Where it is wrong"}


def test_a_curve_that_wobbles_raises_the_noise() -> None:
    steady = raced("steady", [noisy(8)] * 8)
    gap = [noisy(9.5)] * 8  # 1.5 dB
    assert "`steady` is the best" in told(steady, raced("other", gap))[0].text
    wobbling = [noisy(9.5 if k % 2 else 7) for k in range(8)]
    assert "are close" in told(steady, raced("other", wobbling))[0].text


def test_a_curve_that_still_rises_raises_the_noise() -> None:
    steady = raced("steady", [noisy(8)] * 9)
    assert "`steady` is the best" in told(steady, raced("other", [noisy(10)] * 9))[0].text
    rising = [noisy(26 - 2 * k) for k in range(9)]
    assert "are close" in told(steady, raced("other", rising))[0].text


def test_the_lead_is_where_the_errors_differ() -> None:
    text = about("The lead", told(raced("sharp", [noisy(2)]), raced("soft", [below(8)])))[0]
    assert "`sharp` is ahead of `soft` because of waves shorter than 12 pixels" in text
    large = TEXTURE.copy()
    large[CYCLES < 2] *= 0.2
    text = about("The lead", told(raced("a", [noisy(2)]), raced("b", [picture_of(large)])))[0]
    assert "because of waves longer than 48 pixels" in text


def test_the_part_of_a_difference_has_most_of_it() -> None:
    part = part_of(np.array([0.0, 1, 1, 1, 7]))
    assert part is not None
    assert (part.octave, part.finer, round(part.share, 9)) == (4, True, 0.7)
    part = part_of(np.array([8.0, 1, 1, 0, 0]))
    assert part is not None
    assert (part.octave, part.finer, round(part.share, 9)) == (1, False, 0.8)
    assert part_of(np.array([0.0, 1, -3, 0, 0])) is None


def test_how_fine_each_picture_is() -> None:
    outcomes = [raced("all", [noisy(1)]), raced("half", [below(16)]), raced("few", [below(4)])]
    (text,) = about("How fine", told(*outcomes))
    assert text == (
        "Which waves are more right than wrong: in `all`, those of every length; in `half`, those "
        "down to 6 pixels; in `few`, those down to 24 pixels."
    )
    assert not about("How fine", told(raced("a", [below(16)]), raced("b", [below(16)])))
    half_right = picture_of(TEXTURE * np.where(CYCLES < 16, 1, 1 - math.sqrt(0.5)))
    (text,) = about("How fine", told(*outcomes, raced("unclear", [half_right])))
    assert "unclear" not in text


def test_a_spectrum_that_stays_dark_is_named_only_if_it_does() -> None:
    full, soft = raced("full", [noisy(1)] * 3), raced("soft", [below(8)] * 3)
    (text,) = about("What is missing", told(full, soft))
    assert "`soft` never has fine detail: its spectrum stays dark beyond 8 cycles" in text
    assert "waves shorter than 12 pixels" in text
    for frames in ([noisy(9), below(8), below(8)], [below(8), below(8), noisy(9)]):
        assert not about("What is missing", told(full, raced("soft", frames)))
    # Nobody has it: it may not be there to be learned in this time.
    assert not about("What is missing", told(soft, raced("other", [below(8)] * 3)))


def test_a_pattern_where_the_original_has_nothing_is_not_dark() -> None:
    smooth = Picture(picture_of(np.where(CYCLES < 8, TEXTURE, 0)))
    weave = np.zeros_like(CYCLES)
    weave[0, -4] = 900
    kept = np.where(CYCLES < 4, TEXTURE, 0)
    full = raced("full", [smooth.pixels], picture=smooth)
    for waves, dark in ((kept, True), (kept + weave, False)):
        soft = raced("soft", [picture_of(waves)], picture=smooth)
        reasons = told(full, soft, original=DetailMeter(smooth).original)
        assert bool(about("What is missing", reasons)) == dark


def test_the_start_says_whether_fine_detail_is_right() -> None:
    slow, early = [below(2)] * 20, [below(2), noisy(5), *[noisy(1)] * 18]
    (text,) = about("The start", told(raced("early", early), raced("slow", [*slow, noisy(2)])))
    assert "`early` has fine detail (waves shorter than 6 pixels) from the start: at step 5" in text
    assert "much of it is right. `slow` has hardly any then." in text
    weave = picture_of(np.where(CYCLES >= 16, -TEXTURE, 0))
    (text,) = about("The start", told(raced("early", [below(2), weave, *early[2:]])))
    assert "most of it is a pattern of its own" in text
    assert not about("The start", told(raced("slow", [*slow, noisy(2)])))


def test_who_is_faster() -> None:
    fast = [below(2), *[noisy(2)] * 10]
    slow = [*[below(2)] * 8, *[noisy(2)] * 3]
    (text,) = about("How fast", told(raced("fast", fast), raced("slow", slow)))
    assert "waves of under 3 pixels is right in `fast` from step 5 on, in `slow` only" in text
    assert not about("How fast", told(raced("a", fast), raced("b", fast)))


def test_overtaking_says_when_and_why() -> None:
    soft = [below(2), *[below(12)] * 24]
    weave = picture_of(TEXTURE * np.where(CYCLES >= 16, -0.5, 1))
    sharp = [below(2), *[weave] * 14, *[noisy(2)] * 10]
    (text,) = about("Overtaking", told(raced("sharp", sharp), raced("soft", soft)))
    assert text.startswith(
        "`soft` was ahead of `sharp` until step 59, by up to 2.5 dB; then `sharp`"
    )
    assert (
        "then `sharp` overtook it. Both leads came from waves shorter than 6 pixels: at first"
        in text
    )
    assert "those of `sharp` were more wrong than none at all." in text
    half = [below(2), *[below(8)] * 14, *[noisy(2)] * 10]
    (text,) = about("Overtaking", told(raced("half", half), raced("soft", soft)))
    assert "none at all" not in text
    large = picture_of(TEXTURE * np.where(CYCLES < 4, -0.2, 1))
    soft = [below(2), *[below(24)] * 24]
    late = [below(2), *[large] * 14, *[noisy(2)] * 10]
    (text,) = about("Overtaking", told(raced("late", late), raced("soft", soft)))
    assert "The early lead came from waves longer than 48 pixels" in text
    assert "The final one comes from waves shorter than" in text


def test_a_lead_within_noise_is_not_overtaken() -> None:
    first = [below(2), *[noisy(8)] * 14, *[noisy(5)] * 10]
    second = [below(2), *[noisy(7.9, seed=1)] * 14, *[noisy(6)] * 10]
    assert not about("Overtaking", told(raced("a", first), raced("b", second)))
    ahead = [below(2), *[noisy(5)] * 14, *[noisy(5)] * 10]
    assert not about("Overtaking", told(raced("a", first), raced("b", ahead)))
    further = [below(2), *[noisy(5)] * 14, *[noisy(5.2)] * 10]
    assert not about("Overtaking", told(raced("a", first), raced("b", further)))


def sky_and_houses() -> Pixels:
    """Return a picture with a smooth left half, and walls of 8 pixels in the right half."""
    pixels = np.full((64, 96, 3), 60, np.uint8)
    for left in range(48, 96, 16):
        pixels[:, left : left + 8] = 200
    return pixels


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ((slice(None), slice(47, 49)), "lies along edges"),
        ((slice(20, 40), slice(5, 30)), "lies in the smooth parts"),
        ((slice(None), slice(None)), ""),
    ],
)
def test_where_the_error_is(where: tuple[slice, slice], words: str) -> None:
    picture, frame = Picture(sky_and_houses()), sky_and_houses()
    frame[where] += 30
    original = DetailMeter(picture).original
    reasons = told(raced("a", [frame], picture=picture), original=original)
    texts = about("Where it is wrong", reasons)
    assert [words in text for text in texts] == ([True] if words else [])


def held_out(name: str, scores: Sequence[tuple[float, float]]) -> RaceOutcome:
    curve = [
        CurvePoint(k / 9, 10 * k, k / 9, 0.1, learned, learned, rest)
        for k, (learned, rest) in enumerate(scores)
    ]
    return RaceOutcome(Variant(name, name, TrainingSettings()), "finished", curve=tuple(curve))


def test_overfitting_is_named() -> None:
    rising = [(20 + 2 * k, 20 + min(k, 5) - 0.8 * max(0, k - 5)) for k in range(10)]
    reasons = told(held_out("big", [(float(a), float(b)) for a, b in rising]))
    first, second = about("Learned by heart", reasons)
    assert "by 16.2 dB in `big`" in first
    assert "levels off at the held-out pixels" in about("The result", reasons)[0]
    assert "`big` was best on the held-out pixels at step 56, and has lost 3.2 dB since" in second
    level = [(20.0 + k, 19.9 + k) for k in range(10)]
    assert not about("Learned by heart", told(held_out("small", level)))


def test_who_still_improves() -> None:
    rising, flat = [noisy(20 - 2 * k) for k in range(10)], [below(2), *[noisy(9)] * 9]
    (text,) = about("The end", told(raced("rising", rising), raced("flat", flat)))
    assert "`flat` has hardly changed since step 33" in text
    assert "`rising` was still improving at the end, by" in text


def test_what_did_not_finish_is_not_explained() -> None:
    failed = replace(raced("bad", [noisy(4)]), status="diverged")
    assert told(failed) == []
    assert all("bad" not in reason.text for reason in told(raced("a", [noisy(4)]), failed))


def test_a_record_without_detail_still_has_a_result() -> None:
    (reason,) = told(held_out("old", [(20.0, 20.0), (30.0, 30.0)]))
    assert "`old`" in reason.text
    assert not Course(held_out("old", [(20.0, 20.0)]), METER.original).has_detail


def test_levels_and_decibels() -> None:
    assert levels_of(psnr(noisy(10), PIXELS)) == pytest.approx(10, rel=0.05)


def test_names_in_sentences_are_bold_and_escaped() -> None:
    assert with_names("`<a>` & b") == "<b>&lt;a&gt;</b> &amp; b"
    (text,) = about("The result", told(raced("a`b", [noisy(4)])))
    assert "The colours of `a'b` are" in text
