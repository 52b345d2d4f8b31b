"""How long a command is about to take, in a dry run and while it runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from processes import QUICK, Typed

from neuralpaint.cli.display import FileDisplay
from neuralpaint.cli.forecasts import Forecast
from neuralpaint.pipelines.snapshot_sources import FromTraining
from neuralpaint.rendering.time_estimate import TimeEstimate

STEP = 0.5  # seconds
SMALL = (*QUICK[:2], "--device", "cpu")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training step takes half a second, as far as an estimate knows."""
    monkeypatch.setattr(FromTraining, "seconds_per_step", lambda self, trial=False: STEP)


def dry_run(typed: Typed, *words: str) -> dict[str, Any]:
    done = typed("video", "in.png", "-o", "out.mp4", "--dry-run", "--json", *SMALL, *words)
    assert done.returncode == 0, done.stderr
    estimate: dict[str, Any] = json.loads(done.stdout)["estimate"]
    return estimate


def estimate(seconds: float, *, makes_target: bool = False) -> TimeEstimate:
    return TimeEstimate(0, seconds, 0, 0, 1200, makes_target)


def test_a_dry_run_measures_the_time(folder: Path, typed: Typed) -> None:
    known = dry_run(typed, "--steps", "8")
    assert 0 < known["train_seconds"] < known["total_seconds"] < 60
    parts = ("prepare_seconds", "train_seconds", "film_seconds", "write_seconds")
    assert sum(known[part] for part in parts) == pytest.approx(known["total_seconds"], abs=0.1)
    assert known["steps"] == 8
    assert [path.name for path in folder.iterdir()] == ["in.png"]


@pytest.mark.usefixtures("slow")
def test_a_dry_run_prints_the_time(folder: Path, typed: Typed) -> None:
    done = typed("video", "in.png", "-o", "out.mp4", "--dry-run", *SMALL)
    assert "estimate      about 10 min; --preset draft 3 min" in done.stdout
    done = typed("paint", "in.png", "-o", "out.png", "--dry-run", *SMALL, "--seconds", "60")
    assert "for about 120 steps" in done.stdout


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize(
    ("words", "steps", "draft"),
    [
        ((), 1200, 400),
        (("--look", "focus"), 1200, 400),
        (("--epochs", "4000"), 4000, None),  # a draft leaves them
        (("--duration", "8"), 1200, 400),
        (("--preset", "draft"), 400, None),
        (("--preset", "original"), 20, None),
        (("--steps", "1000"), 1000, None),  # a draft has fewer frames, but these take little
        (("--steps", "10"), 10, None),
        (("--hold", "7"), 1200, None),  # longer than a draft
    ],
)
def test_a_draft_is_suggested_where_it_helps(
    folder: Path, typed: Typed, words: tuple[str, ...], steps: int, draft: int | None
) -> None:
    known = dry_run(typed, *words)
    assert (known["steps"], known["train_seconds"]) == (steps, steps * STEP)
    assert ("draft_total_seconds" in known) == (draft is not None)
    if draft is not None:
        rest = known["draft_total_seconds"] - draft * STEP
        assert 0 < rest < known["total_seconds"] - known["train_seconds"]


@pytest.mark.usefixtures("slow")
def test_the_steps_of_a_draft_replace_the_epochs_of_a_look(folder: Path, typed: Typed) -> None:
    known = dry_run(typed, "--look", "original", "--input-size", "800x600")
    assert known["steps"] > 1000  # 20 epochs, with a frame for every other step
    assert 400 * STEP < known["draft_total_seconds"] < 700 * STEP


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("command", ["video", "paint"])
def test_a_running_command_reports_the_time_once(folder: Path, typed: Typed, command: str) -> None:
    out = "out.mp4" if command == "video" else "out.png"
    done = typed(command, "in.png", "-o", out, "--json", *SMALL, "--steps", "8")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    names = [event["event"] for event in events]
    assert names.count("estimate") == 1
    assert names.index("start") < names.index("estimate") < names.index("done")
    assert events[names.index("estimate")]["train_seconds"] == 8 * STEP


@pytest.mark.parametrize(
    ("forecast", "text"),
    [
        (Forecast(estimate(50.4), None, limited=False), "about 50 s"),
        (Forecast(estimate(0.2), None, limited=False), "about 1 s"),
        (Forecast(estimate(170), estimate(31), limited=False), "about 3 min; --preset draft 31 s"),
        (Forecast(estimate(9000), None, limited=True), "about 2.5 h for about 1,200 steps"),
        (
            Forecast(estimate(8, makes_target=True), None, limited=False),
            "about 8 s, and the time to make the target",
        ),
    ],
)
def test_the_time_in_words(forecast: Forecast, text: str) -> None:
    assert str(forecast) == text


@pytest.mark.parametrize(
    ("seconds", "on_terminal", "printed"), [(50, True, 1), (2, True, 0), (50, False, 0)]
)
def test_only_a_terminal_shows_the_time_of_a_long_job(
    monkeypatch: pytest.MonkeyPatch, seconds: float, on_terminal: bool, printed: int
) -> None:
    lines: list[str] = []
    monkeypatch.setattr("neuralpaint.cli.display.remark", lines.append)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: on_terminal)
    shown = FileDisplay(quiet=False, as_json=False)
    shown.show_forecast(Forecast(estimate(seconds), None, limited=False))
    assert lines == ["about 50 s"] * printed
