"""`neuralpaint bench`."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from processes import Typed, command, read_until, start

MODEL = "fourier:hidden_size=8,hidden_layers=2,order=4"
QUICK = ("--model", MODEL, "--seconds", "0.2", "--device", "cpu", "--threads", "1")


@pytest.fixture(scope="module", autouse=True)
def quick_comparisons() -> Iterator[None]:
    """Compare the engines on small batches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neuralpaint.pipelines.bench.cost._ENGINE_BATCH", 256)
        patch.setattr("neuralpaint.pipelines.bench.cost._ENGINE_REPEATS", 1)
        yield


@pytest.mark.slow
def test_the_tables_are_on_stdout_and_fit_a_terminal(folder: Path, typed: Typed) -> None:
    words = ("in.png", *QUICK, "--model", "pyramid", "-o", "curves.png")
    done = typed("bench", *words)
    assert (done.returncode, done.stderr) == (0, "wrote curves.png\n")
    lines = done.stdout.splitlines()
    assert lines[1] == "in.png, 24x16, seed 0"
    starts = [line.split()[0] for line in lines if line]
    assert starts.count("pyramid") == 3
    assert [line for line in lines if line.startswith("PSNR, dB")]
    assert any(line.startswith("plain loop") for line in lines)
    assert all(len(line) <= 100 + len(MODEL) - len("fourier") for line in lines)
    with Image.open(folder / "curves.png") as image:
        assert image.size == (1600, 1000)


@pytest.mark.slow
def test_json_is_one_object_per_line_and_ends_with_the_result(folder: Path, typed: Typed) -> None:
    done = typed("bench", "in.png", "--json", *QUICK)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert [event["event"] for event in events[:2]] == ["start", "progress"]
    last = events[-1]
    assert list(last) == [
        "event", "machine", "pictures", "height", "width", "seconds", "seed", "models",
        "reference", "frame_height", "frame_width", "encode_ms", "engines", "output",
        "total_seconds",
    ]  # fmt: skip
    assert (last["event"], last["pictures"], last["output"]) == ("done", ["in.png"], None)
    assert list(last["machine"]) == ["cpu", "threads", "device", "gpu", "torch"]
    (model,) = last["models"]
    assert list(model) == [
        "model", "speed", "render_ms", "psnr", "reached", "match_seconds", "ratio", "curve",
    ]  # fmt: skip
    assert list(model["psnr"]) == list(last["reference"]["psnr"]) == ["0.2"]
    assert list(model["reached"]) == ["25", "28", "30", "32", "35"]
    assert list(model["speed"]["peak_gflops"]) == ["float32"]


def test_a_dry_run_prints_the_expected_time_and_measures_nothing(
    folder: Path, typed: Typed
) -> None:
    done = typed("bench", "in.png", "in.png", "--dry-run", "-o", "curves.png")
    assert done.returncode == 0
    assert "trainings      0.3 s, 1 s, 5 s, 10 s" in done.stdout
    assert "fourier, skipconn, pyramid" in done.stdout
    assert [path.name for path in folder.iterdir()] == ["in.png"]


@pytest.mark.slow
def test_quiet_and_without_a_picture(typed: Typed) -> None:
    words = ("--quiet", "--no-reference", "--seconds", "0.05", "--model", MODEL, "--threads", "1")
    done = typed("bench", *words, "--device", "cpu")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["no.jpg"], 2, "no file 'no.jpg'"),
        (["text.jpg"], 1, "not a picture"),
        (["in.png", "text.jpg"], 1, "not a picture"),
        (["in.png", "-o", "in.png", "-y"], 2, "is an input"),
        (["in.png", "-o", "there.png"], 2, "-y"),
        (["in.png", "-o", "clip.mp4"], 2, ".png"),
        (["in.png", "--model", "fuorier"], 2, "did you mean 'fourier'?"),
        (["in.png", "--seconds", "0"], 2, "--seconds must be above 0"),
        (["in.png", "--device", "cdua"], 2, "did you mean 'cuda'?"),
    ],
)
def test_an_error_is_one_line(
    folder: Path, typed: Typed, words: list[str], status: int, message: str
) -> None:
    (folder / "text.jpg").write_text("hello")
    (folder / "there.png").write_text("precious")
    done = typed("bench", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (folder / "there.png").read_text() == "precious"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_prints_the_measurements(folder: Path, number: signal.Signals) -> None:
    words = ("in.png", "--json", "--model", MODEL, "--seconds", "600", "-o", "curves.png")
    process = start(command("bench", *words, "--device", "cpu", "--threads", "1"), cwd=folder)
    read_until(process, lambda line: json.loads(line).get("psnr") is not None)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
    last = json.loads(stdout.splitlines()[-1])
    assert last["event"] == "interrupted"
    assert last["models"][0]["speed"]["ms_per_step"] > 0
    assert last["models"][0]["curve"]
    with Image.open(folder / "curves.png") as image:
        assert image.size == (1600, 1000)
