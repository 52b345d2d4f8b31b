"""Races: complete ones, of a small picture and small networks."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from processes import run

from neuralpaint.errors import DeviceError, DivergedError, UsageError
from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture, held_out
from neuralpaint.pipelines.compare.compare import Race, compare
from neuralpaint.pipelines.compare.detail import DetailMeter
from neuralpaint.pipelines.compare.maps import differing_crops, error_scale, exhibit, spectrum
from neuralpaint.pipelines.compare.questions import questions_of
from neuralpaint.pipelines.compare.race import arrange, layout_of
from neuralpaint.pipelines.compare.result import CompareResult
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.pipelines.compare.sweep import Sweep
from neuralpaint.pipelines.compare.training import Evaluator, Scores, _Losses
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.runtime.progress import Progress
from neuralpaint.training.learning import Snapshot
from neuralpaint.training.torch_learner import TorchLearner
from neuralpaint.video.ffmpeg import find_ffmpeg
from neuralpaint.video.overlays import parse_safe
from neuralpaint.video.reader import read_frames, read_tag

SMALL = "fourier:hidden_size=8,order=4"
TWO = f"{SMALL},skipconn:hidden_size=8,hidden_layers=1"
QUICK: dict[str, Any] = {
    "model": TWO, "steps": 12, "batch": 100, "device": "cpu", "threads": 1,
    "duration": 0.5, "fps": 10.0, "hold": 0.2, "train_on": "every-other",
    "no_race": True,
}  # fmt: skip
EVERYTHING = [
    "contestants", "curves.png", "curves.svg", "grid.png", "race.mp4", "report.html",
    "results.csv", "results.json", "stills",
]  # fmt: skip


def soft_pixels(height: int = 24, width: int = 36) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    wave = (np.sin(20 * x) + 1) / 2
    return (255 * np.stack([x, y, wave], axis=-1)).astype(np.uint8)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(soft_pixels()).save(path)
    return path


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> CompareResult:
    """A complete race of two variants."""
    folder = tmp_path_factory.mktemp("compare")
    Image.fromarray(soft_pixels()).save(folder / "photo.png")
    return compare(folder / "photo.png", folder / "out", **QUICK | {"no_race": False})


def decode(path: Path) -> NDArray[np.uint8]:
    return np.stack(list(read_frames(path)))


def rate_of(path: Path) -> float:
    command = [find_ffmpeg(), "-hide_banner", "-i", str(path)]
    printed = run(command).stderr
    found = re.search(r"Video: h264 .* ([\d.]+) fps", printed)
    assert found is not None, printed
    return float(found[1])


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def results_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text("utf-8"))
    return content


def test_all_files_are_written_and_listed(result: CompareResult) -> None:
    assert names_in(result.folder) == EVERYTHING
    assert all((result.folder / name).stat().st_size > 100 for name in result.files)
    assert sorted(result.files) == sorted(
        [*(n for n in EVERYTHING if "." in n), "stills/fourier.png", "stills/skipconn.png"]
    )
    assert not result.interrupted
    assert result.missing == ()


def test_the_variant_with_the_higher_psnr_is_first(result: CompareResult) -> None:
    first, second = result.outcomes
    assert first.psnr > second.psnr > 8
    assert result.winner is first
    for outcome in result.outcomes:
        assert outcome.steps == 12
        assert outcome.weights > 50
        assert outcome.ms_per_step == pytest.approx(1e3 * outcome.train_seconds / 12)


def test_the_reported_psnr_is_that_of_the_still(result: CompareResult) -> None:
    picture = Picture(soft_pixels())
    out = held_out(picture, "every-other")
    for outcome in result.outcomes:
        with Image.open(result.folder / "stills" / f"{outcome.slug}.png") as image:
            frame = np.asarray(image.convert("RGB"))
        last = outcome.curve[-1]
        assert last.psnr == pytest.approx(psnr(frame, picture.pixels))
        mse = np.square((frame[out] - picture.pixels[out].astype(float)) / 255).mean()
        assert last.psnr_held_out == pytest.approx(-10 * math.log10(mse))
        assert last.psnr_train != last.psnr_held_out


def test_curves_begin_at_the_first_step_and_end_at_the_last(result: CompareResult) -> None:
    for outcome in result.outcomes:
        steps = [point.step for point in outcome.curve]
        assert (steps[0], steps[-1]) == (0, 12)
        assert steps == sorted(steps)
        assert math.isnan(outcome.curve[0].loss)
        assert all(point.loss > 0 for point in outcome.curve[1:])
        assert outcome.curve[-1].psnr > outcome.curve[0].psnr


@pytest.mark.slow
def test_each_painting_is_measured_once(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    estimate = Evaluator.estimate

    def recorded(self: Evaluator, painting: Any) -> Scores:
        seen.append(id(painting))
        return estimate(self, painting)

    monkeypatch.setattr(Evaluator, "estimate", recorded)
    options = QUICK | {"model": SMALL, "steps": 5, "no_race": False, "duration": 3.0}
    (outcome,) = compare(photo, tmp_path / "out", **options).outcomes
    assert len(outcome.fractions) == 28
    assert [point.step for point in outcome.curve] == [0, 1, 2, 3, 4, 5]
    assert len(seen) <= 6


def test_fewer_points_are_measured_if_time_is_short_but_the_first_and_the_last(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = QUICK | {"model": SMALL, "steps": 60}
    (relaxed,) = compare(photo, tmp_path / "relaxed", **options).outcomes
    monkeypatch.setattr("neuralpaint.pipelines.compare.training._GRACE", -1e9)
    (hurried,) = compare(photo, tmp_path / "hurried", **options).outcomes
    steps = [point.step for point in hurried.curve]
    assert 3 < len(steps) < len(relaxed.curve) / 2
    assert (steps[0], steps[-1]) == (0, 60)
    assert hurried.last.psnr == relaxed.last.psnr


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 3, 47])
def test_the_final_loss_is_the_mean_over_the_last_steps(
    photo: Path, tmp_path: Path, steps: int
) -> None:
    options = QUICK | {"model": SMALL, "steps": steps}
    (plain,) = compare(photo, tmp_path / "plain", **options).outcomes
    (filmed,) = compare(photo, tmp_path / "filmed", **options | {"no_race": False}).outcomes
    network = learner(Picture(soft_pixels()), plain.settings)
    tail = {1: 0, 3: 2, 47: 42}[steps]
    if tail:
        network.advance(tail)
    before = network.newest
    network.advance(steps - tail)
    expected = network.newest.mean_since(before)
    assert plain.last.loss == pytest.approx(expected, rel=1e-5)
    assert filmed.last.loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("split", [True, False])
def test_the_held_out_pixels_decide_the_ranking(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: bool
) -> None:
    evaluate = Evaluator.evaluate
    scores = iter([Scores(30.0, 50.0, 10.0), Scores(20.0, 20.0, 21.5)])

    def scored(self: Evaluator, frame: NDArray[np.uint8]) -> Scores:
        assert math.isfinite(evaluate(self, frame).all)
        each = next(scores)
        return each if split else each._replace(held_out=None)

    monkeypatch.setattr(Evaluator, "evaluate", scored)
    given = QUICK | {"train_on": "every-other" if split else "all", "no_race": False}
    found = compare(photo, tmp_path / "out", **given)
    best = "skipconn" if split else "fourier"
    assert found.winner is found.outcomes[0]
    assert found.winner.name == best
    page = Page((tmp_path / "out" / "report.html").read_text("utf-8"))
    content = results_of(tmp_path / "out")
    if split:
        assert "skipconn with 21.50 dB (PSNR of the held-out pixels), 11.50 dB ahead" in page.text
        assert content["ranked_by"] == "psnr_held_out"
    else:
        assert "fourier with 30.00 dB (PSNR), 10.00 dB ahead of skipconn." in page.text
        assert content["ranked_by"] == "psnr"
    assert content["winner"] == best
    # Its cell has the golden rim in the last frame of the race.
    frame = decode(tmp_path / "out" / "race.mp4")[-1].astype(int)
    layout = arrange(3, height=24, width=36)
    rims = []
    for index in (1, 2):
        top, left, _, width = layout.box(index)
        rims.append(frame[top - 2, left : left + width].mean())
    assert rims.index(max(rims)) == (1 if split else 0)


def test_a_lead_that_another_seed_may_change_is_called_that(photo: Path, tmp_path: Path) -> None:
    twins = [{"name": name, "model": SMALL} for name in ("one", "two")]
    compare(photo, tmp_path / "out", contestants=twins, **QUICK | {"model": SMALL})
    page = Page((tmp_path / "out" / "report.html").read_text("utf-8"))
    assert (
        "0.00 dB ahead of two; the order is not settled, another seed may change it." in page.text
    )
    assert "one and two are close" in page.text


def test_a_note_says_that_different_losses_do_not_compare(
    photo: Path, tmp_path: Path, result: CompareResult
) -> None:
    words = "the contestants have different losses"
    options = QUICK | {"model": SMALL, "loss": "mse,mae"}
    compare(photo, tmp_path / "out", **options)
    assert f"{words} (m" in (tmp_path / "out" / "report.html").read_text("utf-8")
    assert words not in (result.folder / "report.html").read_text("utf-8")


def test_csv_and_json_agree(result: CompareResult) -> None:
    with (result.folder / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    content = results_of(result.folder)
    assert [row["name"] for row in rows] == [each["name"] for each in content["contestants"]]
    assert content["winner"] == rows[0]["name"]
    for row, each in zip(rows, content["contestants"], strict=True):
        for key in ("psnr", "psnr_train", "psnr_held_out", "train_loss", "train_seconds"):
            assert float(row[key]) == pytest.approx(each[key])
        assert int(row["weights"]) == each["weights"]
        assert row["model"] == each["settings"]["model"]
        assert (result.folder / row["still"]).is_file()
        assert each["curve"][-1]["psnr"] == each["psnr"]
    assert sorted(content["files"]) == sorted(result.files)


def test_the_race_has_the_chosen_duration_and_rate(result: CompareResult) -> None:
    frames = decode(result.folder / "race.mp4")
    layout = arrange(3, height=24, width=36)
    assert frames.shape == (5, layout.height, layout.width, 3)
    assert rate_of(result.folder / "race.mp4") == 10.0


def test_the_last_frame_of_the_race_shows_the_original_and_the_final_pictures(
    result: CompareResult,
) -> None:
    frames = decode(result.folder / "race.mp4")
    layout = arrange(3, height=24, width=36)
    stills = [soft_pixels()]
    order = sorted(
        result.outcomes, key=lambda outcome: outcome.name
    )  # the order in which they were given
    for outcome in order:
        with Image.open(result.folder / "stills" / f"{outcome.slug}.png") as image:
            stills.append(np.asarray(image.convert("RGB")))
    for index, still in enumerate(stills):
        top, left, height, width = layout.box(index)
        cell = frames[-1][top + height // 2 : top + height, left : left + width]
        times = height // 24
        large = still.repeat(times, axis=0).repeat(times, axis=1)[height // 2 :]
        assert np.abs(cell.astype(int) - large).mean() < 4


def test_each_still_contains_the_settings_that_paint_it(result: CompareResult) -> None:
    for outcome in result.outcomes:
        note = json.loads(read_tag(result.folder / "stills" / f"{outcome.slug}.png") or "")
        assert note["recipe"] == "paint"
        assert note["settings"]["model"] == outcome.settings.model
        assert note["output"] == f"{outcome.slug}.png"


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report_needs_no_network_and_no_other_file_but_the_race(result: CompareResult) -> None:
    page = Page((result.folder / "report.html").read_text("utf-8"))
    sources = {
        value for _, attributes in page.tags for key, value in attributes.items()
        if key in ("src", "href") and value and not value.startswith("data:image/")
    }  # fmt: skip
    assert sources == {"race.mp4", "curves.png", "curves.svg"}
    assert [tag for tag, _ in page.tags].count("svg") == 2
    assert all(tag != "link" for tag, _ in page.tags)
    for outcome in result.outcomes:
        assert outcome.name in page.text
        assert f"{outcome.psnr:.2f}" in page.text


def test_the_report_says_why_what_psnr_is_and_poses_questions(result: CompareResult) -> None:
    page = Page((result.folder / "report.html").read_text("utf-8"))
    reasons = results_of(result.folder)["reasons"]
    assert reasons[0]["about"] == "The result"
    for each in reasons:
        assert each["text"].replace("`", "") in page.text
    order = ["The ranking", "Why?", "What is PSNR?", "Questions for the class", "The settings"]
    places = [page.text.index(heading) for heading in order]
    assert places == sorted(places)
    assert f"255 / 10^({result.outcomes[0].score:.1f}/20)" in page.text
    questions = questions_of(result)
    assert [tag for tag, _ in page.tags].count("details") == 3 + len(result.outcomes)
    for question in questions:
        assert question.text.replace("`", "") in page.text
        assert question.answer.replace("`", "") in page.text


def test_every_number_of_the_report_is_in_results_json(result: CompareResult) -> None:
    content = results_of(result.folder)
    meter = DetailMeter(Picture(soft_pixels()))
    assert content["octaves"] == list(meter.original.octaves)
    assert content["detail"] == pytest.approx(meter.original.detail)
    for outcome, each in zip(result.outcomes, content["contestants"], strict=True):
        with Image.open(result.folder / "stills" / f"{outcome.slug}.png") as image:
            frame = np.asarray(image.convert("RGB"))
        last = each["curve"][-1]
        measured = meter.measure(frame)
        assert last["detail"] == pytest.approx(measured.shown)
        assert last["detail_error"] == pytest.approx(measured.wrong)
        assert each["error_places"] == pytest.approx(meter.places(frame)._asdict())


def test_a_record_without_detail_is_resumed(photo: Path, tmp_path: Path) -> None:
    options = QUICK | {"model": SMALL}
    compare(photo, tmp_path / "out", **options)
    (kept,) = (tmp_path / "out" / "contestants").glob("*/record.json")
    record = json.loads(kept.read_text("utf-8"))
    del record["places"]
    for point in record["curve"]:
        del point["detail"], point["detail_error"]
    kept.write_text(json.dumps(record), "utf-8")
    found = compare(photo, tmp_path / "out", resume=True, **options)
    assert [outcome.resumed for outcome in found.outcomes] == [True]
    assert "What is PSNR?" in (tmp_path / "out" / "report.html").read_text("utf-8")


@pytest.mark.slow
def test_resume_trains_only_variants_that_are_not_finished(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    filmed = QUICK | {"no_race": False}
    first = compare(photo, out, **filmed | {"model": SMALL})
    trained: list[str] = []
    advance = TorchLearner.advance

    def recorded(self: TorchLearner, steps: int) -> None:
        trained.append(self.settings.model)
        advance(self, steps)

    monkeypatch.setattr(TorchLearner, "advance", recorded)
    both = compare(photo, out, resume=True, **filmed)
    assert set(trained) == {"skipconn:hidden_size=8,hidden_layers=1"}
    resumed = {outcome.settings.model: outcome.resumed for outcome in both.outcomes}
    assert resumed == {SMALL: True, "skipconn:hidden_size=8,hidden_layers=1": False}
    (old,) = [each for each in both.outcomes if each.resumed]
    assert old.curve[1:] == first.outcomes[0].curve[1:]
    assert old.places == first.outcomes[0].places is not None
    assert names_in(out / "stills") == ["fourier.png", "skipconn.png"]
    # A longer race needs more frames than there are, a shorter one does not.
    trained.clear()
    longer = compare(photo, out, resume=True, **filmed | {"duration": 1.0})
    assert len(set(trained)) == 2
    assert [len(outcome.fractions) for outcome in longer.outcomes] == [8, 8]
    assert len(decode(out / "race.mp4")) == 10
    trained.clear()
    shorter = compare(photo, out, resume=True, **filmed)
    assert not trained
    assert all(outcome.resumed for outcome in shorter.outcomes)
    assert len(decode(out / "race.mp4")) == 5
    # Other settings do, and another picture.
    compare(photo, out, resume=True, **QUICK | {"model": SMALL, "seed": 1})
    assert set(trained) == {f"{SMALL},series=True"}
    trained.clear()
    Image.fromarray(255 - soft_pixels()).save(photo)
    compare(photo, out, resume=True, **QUICK | {"model": SMALL})
    assert set(trained) == {f"{SMALL},series=True"}


def test_only_own_files_are_replaced_and_only_with_overwrite(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    compare(photo, out, **QUICK)
    (out / "notes.txt").write_text("precious")
    (out / "stills" / "mine.png").write_text("precious")
    before = (out / "results.json").read_bytes()
    with pytest.raises(UsageError, match=r"contains a comparison .*--resume .*-y"):
        compare(photo, out, **QUICK)
    assert (out / "results.json").read_bytes() == before
    compare(photo, out, overwrite=True, **QUICK | {"model": "pyramid"})
    assert (out / "notes.txt").read_text() == "precious"
    assert names_in(out / "stills") == ["mine.png", "pyramid.png"]
    assert len(names_in(out / "contestants")) == 1
    with pytest.raises(UsageError, match="exclude each other"):
        compare(photo, out, overwrite=True, resume=True, **QUICK)


@pytest.mark.slow
def test_a_variant_that_fails_does_not_stop_the_others(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = TorchLearner.advance

    def fragile(self: TorchLearner, steps: int) -> None:
        advance(self, steps)
        if self.settings.optimization.lr == 99 and self.step > 3:
            raise DivergedError("the loss became nan")
        if self.settings.optimization.lr == 98 and self.step > 3:
            raise DeviceError("out of memory: lower --batch")

    monkeypatch.setattr(TorchLearner, "advance", fragile)
    contestants: list[dict[str, Any]] = [
        {"name": "hot", "lr": 99},
        {"name": "large", "lr": 98},
        {"name": "good"},
    ]
    options = QUICK | {"model": SMALL, "duration": 1.0, "no_race": False}
    found = compare(photo, tmp_path / "out", contestants=contestants, **options)
    assert found.outcomes[0].name == "good"
    status = {outcome.name: outcome.status for outcome in found.outcomes}
    assert status == {"good": "finished", "hot": "diverged", "large": "failed"}
    hot = next(outcome for outcome in found.outcomes if outcome.name == "hot")
    assert re.fullmatch(r"diverged at step \d+", hot.verdict)
    assert 0 < len(hot.fractions) < 8
    frames = decode(tmp_path / "out" / "race.mp4")
    assert len(frames) == 10
    layout = arrange(4, height=24, width=36)
    spread = {}  # how far the channels are apart: grey has none
    for index, name in enumerate(("hot", "large", "good"), 1):
        top, left, height, width = layout.box(index)
        below = frames[-1][top + 3 * height // 4 : top + height, left : left + width]
        spread[name] = float(np.ptp(below.astype(int), axis=2).mean())
    assert spread["hot"] < 10
    assert spread["large"] < 10
    assert spread["good"] > 30
    with (tmp_path / "out" / "results.csv").open(newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert (rows["hot"]["rank"], rows["hot"]["status"]) == ("", "diverged")
    assert rows["hot"]["message"] == "the loss became nan"
    page = Page((tmp_path / "out" / "report.html").read_text("utf-8"))
    assert hot.verdict in page.text
    # A diverged variant would diverge again; one without enough memory may have more now.
    monkeypatch.setattr(TorchLearner, "advance", advance)
    again = compare(photo, tmp_path / "out", resume=True, contestants=contestants, **options)
    taken = {outcome.name: outcome.resumed for outcome in again.outcomes}
    assert taken == {"good": True, "hot": True, "large": False}


def test_an_unforeseen_error_ends_the_comparison_and_keeps_the_finished_variants(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = TorchLearner.advance

    def fragile(self: TorchLearner, steps: int) -> None:
        advance(self, steps)
        if self.settings.optimization.lr == 99 and self.step > 3:
            raise RuntimeError("a mistake in the code")

    monkeypatch.setattr(TorchLearner, "advance", fragile)
    contestants: list[dict[str, Any]] = [{"name": "good"}, {"name": "broken", "lr": 99}]
    options = QUICK | {"model": SMALL, "no_race": False}
    with pytest.raises(RuntimeError, match="a mistake in the code"):
        compare(photo, tmp_path / "out", contestants=contestants, **options)
    (kept,) = (tmp_path / "out" / "contestants").iterdir()
    assert json.loads((kept / "record.json").read_text("utf-8"))["name"] == "good"


def test_no_unfinished_variant_is_kept_after_an_error(photo: Path, tmp_path: Path) -> None:
    def lose(progress: Progress) -> None:
        if progress.details["number"] == 2 and progress.step > 2:
            raise OSError("the terminal is gone")

    with pytest.raises(OSError, match="the terminal is gone"):
        compare(photo, tmp_path / "out", report=lose, **QUICK | {"no_race": False})
    (kept,) = (tmp_path / "out" / "contestants").iterdir()
    assert (kept / "record.json").is_file()


def test_a_network_that_is_too_large_is_a_failed_variant(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = TorchLearner.__init__

    def small_machine(self: TorchLearner, picture: Any, settings: Any) -> None:
        if settings.lr == 99:
            raise DeviceError("out of memory: lower --batch")
        begin(self, picture, settings)

    monkeypatch.setattr(TorchLearner, "__init__", small_machine)
    options = QUICK | {"model": SMALL, "no_race": False}
    found = compare(photo, tmp_path / "out", contestants=[{"lr": 99}, {}], **options)
    assert [outcome.status for outcome in found.outcomes] == ["finished", "failed"]
    assert names_in(tmp_path / "out" / "stills") == [f"{found.outcomes[0].slug}.png"]
    assert len(decode(tmp_path / "out" / "race.mp4")) == 5


def test_a_race_of_which_no_variant_finishes_has_a_report(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(self: TorchLearner, picture: Any, settings: Any) -> None:
        raise DeviceError("out of memory: lower --batch")

    monkeypatch.setattr(TorchLearner, "__init__", no_memory)
    found = compare(photo, tmp_path / "out", **QUICK | {"no_race": False})
    assert found.winner is None
    assert [outcome.verdict for outcome in found.outcomes] == ["failed at step 0"] * 2
    assert {outcome.message for outcome in found.outcomes} == {"out of memory: lower --batch"}
    page = Page((tmp_path / "out" / "report.html").read_text("utf-8"))
    assert "None of them finished." in page.text


@pytest.mark.slow
def test_an_interrupted_race_reports_the_finished_variants(photo: Path, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.details["number"] == 2 and progress.step > 2:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    filmed = QUICK | {"no_race": False}
    found = compare(photo, out, report=interrupt, **filmed)
    assert found.interrupted
    assert [outcome.name for outcome in found.outcomes] == ["fourier"]
    assert found.missing == ("skipconn",)
    assert names_in(out) == EVERYTHING
    assert len(names_in(out / "contestants")) == 1
    assert results_of(out)["missing"] == ["skipconn"]
    whole = compare(photo, out, resume=True, **filmed)
    assert {o.name: o.resumed for o in whole.outcomes} == {"fourier": True, "skipconn": False}


def test_an_interruption_before_the_first_variant_finishes_leaves_no_file(
    photo: Path, tmp_path: Path
) -> None:
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(photo, tmp_path / "out", report=interrupt, **QUICK)
    assert names_in(tmp_path) == ["photo.png"]


def test_wrong_settings_of_the_last_variant_are_refused_before_the_first_is_trained(
    photo: Path, tmp_path: Path
) -> None:
    def never(progress: Progress) -> None:
        raise AssertionError("a training has begun")

    for bad in ({"model": "fuorier"}, {"lr": 0}, {"batsch": 3}):
        with pytest.raises(UsageError):
            compare(photo, tmp_path / "out", contestants=[{}, bad], report=never, **QUICK)
    for options in ({"pacing": "even"}, {"steps": 3, "seconds": 3}, {"device": "cdua"}):
        with pytest.raises(UsageError):
            compare(photo, tmp_path / "out", report=never, **QUICK | options)
    with pytest.raises(UsageError, match="does not exist"):
        compare(photo, tmp_path / "no" / "out", report=never, **QUICK)
    assert names_in(tmp_path) == ["photo.png"]


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    Image.fromarray(soft_pixels()).save(tmp_path / "grid.png")
    with pytest.raises(UsageError, match=r"the results would replace the input .*grid\.png"):
        compare(tmp_path / "grid.png", tmp_path, overwrite=True, **QUICK)


def test_names_are_escaped(photo: Path, tmp_path: Path) -> None:
    hostile = [
        "<script>alert(1)</script>", '" onload="x', "../../up", "=1+1", "$\\frac{", "_hidden",
        "`<img>`", "\u2603 \u96ea\u4eba",
    ]  # fmt: skip
    contestants = [{"name": name, "seed": number} for number, name in enumerate(hostile)]
    options = QUICK | {"model": SMALL, "steps": 2}
    found = compare(photo, tmp_path / "out", contestants=contestants, **options)
    assert {outcome.name for outcome in found.outcomes} == set(hostile)
    assert names_in(tmp_path) == ["out", "photo.png"]
    assert len(names_in(tmp_path / "out" / "stills")) == len(hostile)
    page = Page((tmp_path / "out" / "report.html").read_text("utf-8"))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert all("src" in attributes for tag, attributes in page.tags if tag == "img")
    assert all(name in page.text for name in hostile)
    cells = (tmp_path / "out" / "results.csv").read_text("utf-8")
    assert "'=1+1" in cells


def test_all_files_but_the_curves_are_written_without_matplotlib(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    compare(photo, tmp_path / "out", **QUICK)
    missing = {"curves.png", "curves.svg", "race.mp4"}
    assert names_in(tmp_path / "out") == [name for name in EVERYTHING if name not in missing]
    (line,) = [record.message for record in caplog.records]
    assert "pip install 'neuralpaint[plots]'" in line


def test_a_dry_run_does_not_warn_about_matplotlib(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert Race(photo, tmp_path / "out", chosen=QUICK, sweep=Sweep()).facts()
    assert not caplog.records


def test_all_variants_get_the_same_seconds(photo: Path, tmp_path: Path) -> None:
    options = {key: value for key, value in QUICK.items() if key != "steps"} | {"seconds": 0.1}
    found = compare(photo, tmp_path / "out", **options)
    for outcome in found.outcomes:
        assert outcome.train_seconds == pytest.approx(0.1, rel=0.9)
        assert outcome.curve[-1].step == outcome.steps


def test_a_variant_with_a_damaged_record_is_trained_again(
    photo: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = QUICK | {"model": SMALL}
    compare(photo, tmp_path / "out", **options)
    (kept,) = (tmp_path / "out" / "contestants").iterdir()
    (kept / "record.json").write_text("{")
    found = compare(photo, tmp_path / "out", resume=True, **options)
    assert [outcome.resumed for outcome in found.outcomes] == [False]
    assert "damaged" in caplog.text


@pytest.mark.parametrize(
    ("count", "height", "width"),
    [
        (1, 512, 768),
        (2, 512, 768),
        (5, 512, 512),
        (5, 32, 32),
        (16, 768, 512),
        (64, 100, 300),
        (3, 1, 900),
    ],
)
def test_cells_do_not_overlap_within_1920x1080(count: int, height: int, width: int) -> None:
    layout = arrange(count, height=height, width=width)
    assert layout.width <= 1920
    assert layout.height <= 1080
    assert layout.height % 2 == layout.width % 2 == 0
    taken = np.zeros((layout.height, layout.width), int)
    for index in range(count):
        top, left, tall, wide = layout.box(index)
        assert top + tall <= layout.line[0]
        taken[top : top + tall, left : left + wide] += 1
    assert taken.max() == 1
    assert taken.sum() == count * layout.cell[0] * layout.cell[1]
    assert layout.film[0] <= height
    assert layout.film[1] <= width


def test_crops_are_where_the_variants_differ(result: CompareResult) -> None:
    pixels = np.full((120, 180, 3), 128, np.uint8)
    picture = Picture(pixels)
    one, other = pixels.copy(), pixels.copy()
    one[10:40] += 20  # wrong in the same way: no difference
    other[10:40] += 20
    other[80:90, 100:110] += 90
    both = [exhibit(result.outcomes[0], frame, picture) for frame in (one, other)]
    (crop,) = differing_crops(picture, both, count=1)
    assert crop.top <= 80
    assert crop.top + crop.height >= 90
    assert crop.left <= 100
    assert crop.left + crop.width >= 110
    assert error_scale(both) == 20


def test_a_spectrum_shows_the_wave_that_is_there() -> None:
    x = np.arange(64)
    wave = 128 + 100 * np.sin(2 * np.pi * 12 * x / 64)
    frame = np.broadcast_to(wave[None, :, None], (64, 64, 3)).astype(np.uint8)
    levels = spectrum(frame)
    levels[30:35, 30:35] = -9
    row, column = np.unravel_index(int(levels.argmax()), levels.shape)
    assert (int(row), abs(int(column) - 32)) == (32, 12)


def test_no_temporary_file_is_left(result: CompareResult) -> None:
    left = [
        name for _, _, files in os.walk(result.folder) for name in files if name.startswith(".")
    ]
    assert left == []


def test_a_loss_is_read_when_the_next_snapshot_has_been_queued() -> None:
    read: list[int] = []

    def snapshot(step: int) -> Snapshot:
        def loss() -> float:
            read.append(step)
            return step / 10

        return Snapshot.lazy(step, seconds=pytest.fail, loss=loss, painting=pytest.fail)

    losses, queued = _Losses(), [snapshot(step) for step in (1, 2, 3)]
    for each in queued:
        losses.add(each)
    assert read == [1, 2]
    assert losses.since(1) == pytest.approx(0.25)
    assert read == [1, 2, 3]


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (1080, 1080)])
@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_race_for_a_place_fills_its_safe_area(size: tuple[int, int], count: int) -> None:
    picture = Picture(np.zeros((512, 768, 3), np.uint8))
    settings = CompareSettings(size=f"{size[1]}x{size[0]}", safe="14,12,35,6", no_original=True)
    layout = layout_of(picture, settings, variants=count)
    assert (layout.height, layout.width) == size
    top, _, height, _ = parse_safe("14,12,35,6").box(*size)
    for box in (*map(layout.box, range(count)), layout.line):
        assert top <= box[0] < box[0] + box[2] <= top + height
        assert 0 < box[1] < box[1] + box[3] < size[1]
    cells = sum(cell[2] * cell[3] for cell in map(layout.box, range(count)))
    assert cells > 0.3 * height * size[1]


def test_a_race_has_the_size_and_the_cover_that_are_asked_for(photo: Path, tmp_path: Path) -> None:
    options = QUICK | {"no_race": False, "size": "300x200", "cover": True}
    result = compare(photo, tmp_path / "out", **options)
    assert "race.cover.jpg" in result.files
    frames = decode(tmp_path / "out" / "race.mp4")
    assert frames.shape[1:] == (200, 300, 3)
    with Image.open(tmp_path / "out" / "race.cover.jpg") as image:
        assert np.abs(np.asarray(image, float) - frames[-1]).mean() < 4
    again = compare(photo, tmp_path / "out", overwrite=True, **(QUICK | {"no_race": True}))
    assert not (tmp_path / "out" / "race.cover.jpg").exists()
    assert "race.cover.jpg" not in again.files


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "300"}, "a size must be"),
        ({"safe": "1,1,1,1"}, "--safe has no effect without --size"),
        ({"size": "12x300"}, "have no room"),
    ],
)
def test_a_race_that_cannot_have_its_size_is_refused(
    photo: Path, tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        compare(photo, tmp_path / "out", **(QUICK | {"no_race": False} | options))
