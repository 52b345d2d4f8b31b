"""`neuralpaint compare`."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import Typed, command, read_until, run, start

MODEL = "fourier:hidden_size=8,order=4"
OTHER = "skipconn:hidden_size=8,hidden_layers=1"
Compare = Callable[..., tuple[int, str, str]]
QUICK = ("--steps", "8", "--batch", "100", "--device", "cpu", "--threads", "1", "--no-race")


@pytest.fixture
def compare(typed: Typed) -> Compare:
    """Run the command; return its status, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        done = typed("compare", *words)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.slow
def test_the_ranking_is_on_stdout_and_fits_a_terminal(folder: Path, compare: Compare) -> None:
    words = ("in.png", "-o", "out", "--model", MODEL, "--model", OTHER, *QUICK)
    status, stdout, stderr = compare(*words, "--train-on", "every-other")
    assert (status, stderr) == (0, "wrote out/report.html and 7 more files\n")
    lines = stdout.splitlines()
    assert lines[0].split()[:6] == ["contestant", "PSNR", "held", "out", "learned", "all"]
    assert float(lines[1].split()[2]) >= float(lines[2].split()[2])
    assert sorted(line.split()[1] for line in lines[1:]) == ["fourier", "skipconn"]
    assert all(len(line) <= 100 for line in lines)
    status, _, stderr = compare(*words)
    assert status == 2
    assert "--resume" in stderr


def test_json_is_one_object_per_line_and_ends_with_the_ranking(
    folder: Path, compare: Compare
) -> None:
    words = ("in.png", "-o", "out", "--json", "--loss", "mse", "--loss", "huber", *QUICK)
    status, stdout, stderr = compare(*words, "--model", MODEL)
    events = [json.loads(line) for line in stdout.splitlines()]
    assert (status, stderr) == (0, "")
    assert [event["event"] for event in events[:2]] == ["start", "progress"]
    assert [each["name"] for each in events[0]["contestants"]] == ["mse", "huber"]
    last: dict[str, Any] = events[-1]
    assert list(last) == [
        "event", "output", "ranked_by", "winner", "contestants", "missing", "files",
        "total_seconds",
    ]  # fmt: skip
    assert last["event"] == "done"
    assert last["winner"] == last["contestants"][0]["name"]
    assert {each["status"] for each in last["contestants"]} == {"finished"}


def test_a_note_says_that_different_losses_do_not_compare(folder: Path, compare: Compare) -> None:
    words = ("in.png", "-o", "out", "--loss", "mse", "--loss", "huber", "--model", MODEL)
    status, _, stderr = compare(*words, *QUICK)
    assert status == 0
    first, *others = stderr.splitlines()
    assert first.startswith("neuralpaint: the contestants have different losses (")
    assert len(others) == 1


def test_a_preset_sets_options_that_may_be_repeated(folder: Path, compare: Compare) -> None:
    words = ("in.png", "-o", "out", "--preset", "original", "--dry-run", "--json")
    status, stdout, stderr = compare(*words, "--steps", "5")
    assert (status, stderr) == (0, "")
    (contestant,) = json.loads(stdout)["contestants"]
    assert contestant["settings"]["schedule"] == "step"


def test_a_dry_run_lists_the_contestants_and_writes_nothing(folder: Path, compare: Compare) -> None:
    (folder / "rates.toml").write_text(
        'steps = 7\n[sweep]\nlr = [0.1, 0.01]\nmodel = ["pyramid"]\n'
    )
    words = ("in.png", "-o", "out", "--sweep", "rates.toml", "--dry-run")
    status, stdout, _ = compare(*words, "--optimizer", "adam", "--optimizer", "sgd")
    assert status == 0
    assert "budget        7 steps each" in stdout
    assert "contestants   4" in stdout
    assert "sgd, lr 0.01" in stdout
    status, stdout, _ = compare(*words, "--steps", "9", "--model", MODEL)
    assert "budget        9 steps each" in stdout
    assert sorted(path.name for path in folder.iterdir()) == ["in.png", "rates.toml"]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["no.png", "-o", "out"], 2, "no file 'no.png'"),
        (["text.png", "-o", "out"], 1, "not a picture"),
        (["in.png", "-o", "in.png"], 2, "not a folder"),
        (["in.png", "-o", "no/out"], 2, "does not exist"),
        (["in.png", "-o", "out", "--model", "fuorier"], 2, "did you mean 'fourier'?"),
        (["in.png", "-o", "out", "--engine", "nunpy"], 2, "did you mean 'numpy'?"),
        (["in.png", "-o", "out", "--pacing", "even"], 2, "choose from fixed, log"),
        (["in.png", "-o", "out", "--sweep", "none.toml"], 2, "none.toml: there is no such file"),
        (["in.png", "-o", "out", "--sweep", "bad.toml"], 2, "bad.toml: [sweep] lrr: no setting"),
        (["in.png", "-o", "out", "--resume", "-y"], 2, "exclude each other"),
        (["in.png", "-o", "out", "--steps", "3", "--seconds", "3"], 2, "exclude each other"),
    ],
)
def test_an_error_is_one_line(
    folder: Path, compare: Compare, words: list[str], status: int, message: str
) -> None:
    (folder / "text.png").write_text("hello")
    (folder / "bad.toml").write_text("[sweep]\nlrr = [1]\n")
    found, stdout, stderr = compare(*words)
    assert (found, stdout) == (status, "")
    assert message in stderr
    assert len(stderr.splitlines()) == 1
    assert not (folder / "out").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_race_keeps_the_finished_contestants(
    folder: Path, compare: Compare, number: signal.Signals
) -> None:
    (folder / "two.toml").write_text(
        f'[[contestant]]\nname = "a"\nmodel = "{MODEL}"\n'
        f'[[contestant]]\nname = "b"\nmodel = "{OTHER}"\nbatch = 1\n'
    )
    words = ("in.png", "-o", "out", "--sweep", "two.toml", "--epochs", "100", *QUICK[4:])
    short = (*words, "--duration", "0.5")
    process = start(command("compare", *short, "--json"), cwd=folder)
    read_until(process, lambda line: json.loads(line).get("number") == 2)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
    last = json.loads(stdout.splitlines()[-1])
    assert (last["event"], last["winner"], last["missing"]) == ("interrupted", "a", ["b"])
    assert (folder / "out" / "report.html").is_file()
    _, stdout, _ = compare(*short, "--resume", "--dry-run")
    assert "finished earlier" in next(
        line for line in stdout.splitlines() if line.startswith("  a ")
    )
    assert "finished earlier" not in next(
        line for line in stdout.splitlines() if line.startswith("  b ")
    )
    assert not list((folder / "out").rglob(".*"))


def test_help_does_not_load_torch() -> None:
    code = (
        "import sys; from neuralpaint.cli import main\n"
        "sys.argv = ['neuralpaint', 'compare', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, 'torch' in sys.modules)"
    )
    done = run([sys.executable, "-c", code], check=True)
    assert done.stdout.strip().endswith("0 False")
    assert "--sweep" in done.stdout
    assert "pip install 'neuralpaint[plots]'" in " ".join(done.stdout.split())


@pytest.mark.slow
def test_looks_can_be_compared(folder: Path, compare: Compare) -> None:
    words = ("in.png", "-o", "out", "--json", *QUICK)
    looks = ("--look", "brush", "--look", "fold:hidden_size=8", "--look", "focus")
    status, stdout, stderr = compare(*words, *looks)
    assert (status, stderr) == (0, "")
    events = [json.loads(line) for line in stdout.splitlines()]
    names = [each["name"] for each in events[0]["contestants"]]
    assert names == ["brush", "fold:hidden_size=8", "focus"]
    models = [each["settings"].get("model", "fourier") for each in events[0]["contestants"]]
    assert [model.partition(":")[0] for model in models] == ["skipconn", "mlp", "fourier"]
    status, stdout, stderr = compare(*words, "-y", "--dry-run", *looks[:4], "--loss", "huber")
    losses = [each["settings"]["loss"] for each in json.loads(stdout)["contestants"]]
    assert losses == ["huber", "huber"]  # an option overrides a look
    (folder / "looks.toml").write_text('[sweep]\nlook = ["weave", "brush"]\n')
    status, stdout, stderr = compare(*words, "--sweep", "looks.toml", "--dry-run", "-y")
    assert [each["name"] for each in json.loads(stdout)["contestants"]] == ["weave", "brush"]


@pytest.mark.parametrize("words", [
    ("--look", "brush", "--look", "nonsense"), ("--look", "fold", "--look", "fold:wdith=3"),
])  # fmt: skip
def test_a_wrong_look_among_several_is_named(
    folder: Path, compare: Compare, words: tuple[str, ...]
) -> None:
    status, _, stderr = compare("in.png", "-o", "out", *QUICK, *words)
    assert status == 2
    assert "look named 'nonsense'" in stderr or "named 'wdith'" in stderr


@pytest.mark.slow
def test_contestants_train_at_the_same_time(folder: Path, typed: Typed) -> None:
    words = ("--model", MODEL, "--model", "siren:hidden_size=8", "--steps", "8", "--threads", "1",
             "--duration", "1", "--fps", "6", "--device", "cpu", "--json")  # fmt: skip
    found: list[Any] = []
    for name, jobs in (("one", ()), ("two", ("--jobs", "2"))):
        done = typed("compare", "in.png", "-o", name, *words, *jobs)
        assert done.returncode == 0, done.stderr
        last = json.loads(done.stdout.splitlines()[-1])
        found.append([(each["name"], each["psnr"]) for each in last["contestants"]])
        found[-1].append(sorted(path.name for path in (folder / name).rglob("*")))
    assert found[0] == found[1]
    again = typed("compare", "in.png", "-o", "two", *words, "--jobs", "2", "--resume", "--dry-run")
    plan = json.loads(again.stdout)
    assert all(each["resumed"] for each in plan["contestants"])
