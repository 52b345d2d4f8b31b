"""`neuralpaint compare --upscale`."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from processes import Typed, command, read_until, start

from neuralpaint.cli import neuralpaint

MODEL = "fourier:hidden_size=8,order=4"
OTHER = "skipconn:hidden_size=8,hidden_layers=1"
Compare = Callable[..., tuple[int, str, str]]
QUICK = ("--steps", "4", "--batch", "100", "--device", "cpu", "--threads", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a picture in it."""
    pixels = np.random.default_rng(0).integers(0, 256, (33, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    return tmp_path


@pytest.fixture
def compare(typed: Typed) -> Compare:
    """Run the command; return its status, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        done = typed("compare", "in.png", "-o", "out", *words)
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_ranking_is_on_stdout_and_fits_a_terminal(folder: Path, compare: Compare) -> None:
    status, stdout, stderr = compare("--upscale", "2", "--model", MODEL, *QUICK)
    assert (status, stderr) == (0, "wrote out/crops.png and 9 more files\n")
    heading, *rows = stdout.splitlines()
    assert heading.split() == [
        "method", "PSNR", "Y", "gain", "RGB", "gain", "SSIM", "gain", "seconds",
    ]  # fmt: skip
    cells = [re.split(r" {2,}", row) for row in rows]
    names = [name for _, name, *_ in cells]
    assert sorted(names) == ["Lanczos", "bicubic", "fourier", "fourier enhanced", "nearest"]
    best = [float(psnr) for _, _, psnr, *_ in cells]
    assert best == sorted(best, reverse=True)
    lanczos = cells[names.index("Lanczos")]
    assert lanczos[3:8:2] == ["+0.00", "+0.00", "+0.0000"]
    assert all(len(line) <= 100 for line in stdout.splitlines())


def test_json_is_one_object_per_line_and_ends_with_the_ranking(
    folder: Path, compare: Compare
) -> None:
    words = ("--upscale", "1.5", "--noise", "2", "--json", "--model", MODEL, "--model", OTHER)
    status, stdout, stderr = compare(*words, *QUICK)
    events = [json.loads(line) for line in stdout.splitlines()]
    assert (status, stderr) == (0, "")
    assert events[0]["event"] == "start"
    assert [each["name"] for each in events[0]["methods"]] == [
        "nearest", "bicubic", "Lanczos", "fourier", "fourier enhanced", "skipconn",
        "skipconn enhanced",
    ]  # fmt: skip
    assert (events[0]["upscale"], events[0]["noise"]) == (1.5, 2)
    last: dict[str, Any] = events[-1]
    assert list(last) == [
        "event", "output", "ranked_by", "winner", "methods", "missing", "files", "total_seconds",
    ]  # fmt: skip
    assert last["event"] == "done"
    assert last["winner"] == last["methods"][0]["name"]
    content = json.loads((folder / "out/results.json").read_text("utf-8"))
    assert content["methods"] == last["methods"]
    kinds = {each["name"]: each["kind"] for each in last["methods"]}
    assert kinds["Lanczos"] == "resampler"
    assert (kinds["skipconn"], kinds["skipconn enhanced"]) == ("plain", "enhanced")


def plan(*words: str) -> str:
    """Return the output of a dry run."""
    done = CliRunner().invoke(
        neuralpaint, ["compare", "in.png", "-o", "out", "--upscale", "2", "--dry-run", *words]
    )
    assert done.exit_code == 0, done.output
    return done.output


def test_a_dry_run_lists_the_methods_and_writes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert plan("--quiet") == ""
    lines = [line.split() for line in plan("--jpeg", "90", "--shrink", "bicubic").splitlines()]
    for words in (
        ["shrink", "bicubic"],
        ["kernel", "box"],
        ["jpeg", "90"],
        ["small", "width", "24"],
        ["small", "height", "16"],
        ["methods", "9"],
    ):
        assert words in lines
    assert any(line[:2] == ["fourier", "enhanced"] for line in lines)
    assert sorted(path.name for path in folder.iterdir()) == ["in.png"]


def test_options_take_precedence_over_a_preset(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    words = ("--json", "--preset", "draft", "--model", MODEL)
    assert json.loads(plan(*words))["budget"] == "400 steps each"
    assert json.loads(plan(*words, "--seconds", "9"))["budget"] == "9 seconds each"


def test_the_default_is_three_models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    methods = json.loads(plan("--json"))["methods"]
    assert [each["name"] for each in methods[3:]] == [
        "fourier", "fourier enhanced", "skipconn", "skipconn enhanced", "pyramid",
        "pyramid enhanced",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--upscale", "2", "-o", "."], "add -y to replace it"),
        (["--upscale", "1"], "--upscale must be above 1"),
        (["--upscale", "two"], "--upscale must be a number"),
        (["--upscale", "5"], "too small to be made 5 times smaller"),
        (
            ["--upscale", "2", "--duration", "3"],
            "leave out --duration: with --upscale there is no race",
        ),
        (["--upscale", "2", "--no-race", "--fps", "9"], "leave out --fps and --no-race:"),
        (["--upscale", "2", "--resume"], "leave out --resume:"),
        (["--upscale", "2", "--jobs", "2", "--on", "ray"], "leave out --on and --jobs:"),
        (["--upscale", "2", "--sweep", "x.toml"], "leave out --sweep:"),
        (["--upscale", "2", "--enhance"], "leave out --enhance: --upscale sets it itself"),
        (["--upscale", "2", "--no-enhance"], "leave out --enhance:"),
        (["--upscale", "2", "--target-scale", "2"], "leave out --target-scale:"),
        (["--upscale", "2", "--loss", "mse", "--loss", "mae"], "but one --loss only"),
        (["--upscale", "2", "--jpeg", "101"], "--jpeg must be at most 100"),
        (["--upscale", "2", "--shrink", "nearest"], "choose from bicubic, box, lanczos"),
        (["--upscale", "2", "--train-on", "every-other"], "leave out --train-on: --upscale sets"),
        (["--upscale", "2", "--model", "fuorier"], "did you mean 'fourier'?"),
        (["--noise", "2"], "leave out --noise, or add --upscale: a race has no small picture"),
        (["--jpeg", "50", "--shrink", "box"], "leave out --shrink and --jpeg, or add --upscale"),
    ],
)
def test_an_error_is_one_line(
    folder: Path, compare: Compare, words: list[str], message: str
) -> None:
    status, stdout, stderr = compare(*words)
    assert (status, stdout) == (2, "")
    assert message in stderr
    assert len(stderr.splitlines()) == 1
    assert not (folder / "out").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_comparison_keeps_the_finished_methods(
    folder: Path, number: signal.Signals
) -> None:
    words = ("--upscale", "2", "--json", "--model", MODEL, "--steps", "100000000", *QUICK[2:])
    process = start(command("compare", "in.png", "-o", "out", *words), cwd=folder)
    read_until(process, lambda line: json.loads(line).get("step", 0) > 0)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
    last = json.loads(stdout.splitlines()[-1])
    assert (last["event"], last["missing"]) == ("interrupted", ["fourier", "fourier enhanced"])
    assert [each["kind"] for each in last["methods"]] == 3 * ["resampler"]
    assert (folder / "out/crops.png").is_file()
    assert not list((folder / "out").rglob(".*"))
