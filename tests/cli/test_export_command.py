"""`neuralpaint export`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from neuralpaint.cli import export
from neuralpaint.errors import NeuralPaintError
from neuralpaint.image.pictures import load_picture
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.storage.take import TakeWriter, load_take
from neuralpaint.training.learning import learn
from neuralpaint.training.settings import TrainingSettings

SETTINGS = TrainingSettings(
    model="fourier:hidden_size=6,order=3,series=True", steps=8, batch=96, device="cpu", threads=1
)


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(export.command, list(map(str, words)), standalone_mode=False)


def refused(result: Result) -> NeuralPaintError:
    assert isinstance(result.exception, NeuralPaintError)
    assert "\n" not in str(result.exception)
    return result.exception


@pytest.fixture
def saved(folder: Path) -> Path:
    """A painting and a take of three snapshots in one folder; the path of the painting."""
    picture = load_picture(folder / "in.png")
    trained = learner(picture, SETTINGS)
    with TakeWriter(
        folder / "a.take", settings=SETTINGS, subject=picture, steps=8, note={}, precision="full"
    ) as take:
        for snapshot in learn(trained, [0, 4, 8]):
            take.add(snapshot)
        take.finish()
    return trained.painting().save(folder / "a.painting")


def contains(path: Path, painting: Painting) -> bool:
    """Return whether an exported .npz has the weights of this painting."""
    with np.load(path, allow_pickle=False) as file:
        return all(
            np.allclose(file[f"weights/{name}"], weight, atol=1e-6)
            for name, weight in painting.weights.items()
        )


@pytest.mark.parametrize("suffix", ["onnx", "glsl", "npz", "html"])
def test_a_painting_becomes_a_file_for_other_tools(saved: Path, suffix: str) -> None:
    pytest.importorskip("onnx")
    target = saved.with_suffix(f".{suffix}")
    result = run(saved, "-o", target)
    assert (result.exception, result.return_value, result.stdout) == (None, 0, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"wrote {target}  {SETTINGS.model}, ")
    assert target.stat().st_size > 1000


def test_the_last_snapshot_of_a_take_is_exported_or_the_chosen_one(saved: Path) -> None:
    take = load_take(saved.with_name("a.take"))
    for at, step in (((), 8.0), (("--at", "4"), 4.0), (("--at", "75%"), 6.0), (("--at", "0"), 0.0)):
        target = saved.with_name(f"{step}.npz")
        result = run(saved.with_name("a.take"), "-o", target, *at)
        assert result.return_value == 0, result.exception
        assert [contains(target, take.at(other).painting) for other in (0, 4, 6, 8)] == [
            other == step for other in (0, 4, 6, 8)
        ]


def test_a_take_becomes_a_page_that_plays(saved: Path) -> None:
    take, page = saved.with_name("a.take"), saved.with_name("a.html")
    assert run(take, "-o", page, "--with-original").return_value == 0
    whole = page.read_text("utf-8")
    assert whole.count('{"at":') == 3
    assert 'data-part="original"' in whole
    assert run(take, "-o", page, "--at", "4", "--overwrite").return_value == 0
    moment = page.read_text("utf-8")
    assert moment.count('{"at":') == 1
    assert "in 4 steps" in moment
    assert 'data-part="original"' not in moment


def test_json_lists_the_written_files(saved: Path) -> None:
    target = saved.with_suffix(".glsl")
    result = run(saved, "-o", target, "--json")
    start, done = map(json.loads, result.stdout.splitlines())
    assert (start["event"], done["event"], result.stderr) == ("start", "done", "")
    assert (done["output"], done["format"]) == (str(target), "glsl")
    assert done["bytes"] == target.stat().st_size


def test_quiet_prints_nothing(saved: Path) -> None:
    result = run(saved, "-o", saved.with_suffix(".glsl"), "-q")
    assert (result.return_value, result.output) == (0, "")


def test_a_dry_run_writes_nothing_and_reports_errors(saved: Path) -> None:
    before = sorted(saved.parent.iterdir())
    result = run(saved, "-o", saved.with_suffix(".npz"), "--dry-run")
    assert result.return_value == 0
    assert "npz" in result.stdout
    picture = load_picture(saved.with_name("in.png"))
    large = learner(picture, model="siren:hidden_size=128", device="cpu").painting()
    large.save(saved, overwrite=True)
    assert "10,000" in str(refused(run(saved, "-o", saved.with_suffix(".glsl"), "--dry-run")))
    assert sorted(saved.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("missing.painting", "-o", "f.npz"), 2, "missing.painting"),
        (("in.png", "-o", "f.npz"), 1, "in.png"),
        (("a.painting", "-o", "f.obj"), 2, ".obj"),
        (("a.painting", "-o", "there/f.npz"), 2, "there"),
        (("a.painting", "-o", "a.painting.npz", "--at", "3"), 2, "--at needs a take"),
        (("a.take", "-o", "f.npz", "--at", "9"), 2, "--at 9"),
        (("a.take", "-o", "f.npz", "--with-original"), 2, "--with-original is not for .npz"),
        (("a.painting", "-o", "f.html", "--with-original"), 2, "--with-original needs a take"),
        (("a.take", "-o", "f.npz", "--at", "soon"), 2, "--at"),
    ],
)
def test_an_error_is_one_line(
    saved: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(saved.parent)
    before = sorted(saved.parent.iterdir())
    error = refused(run(*words))
    assert error.exit_status == status
    assert message in str(error)
    assert sorted(saved.parent.iterdir()) == before


def test_an_existing_file_is_replaced_only_with_y(saved: Path) -> None:
    target = saved.with_suffix(".npz")
    target.write_bytes(b"mine")
    assert "add -y" in str(refused(run(saved, "-o", target)))
    assert target.read_bytes() == b"mine"
    assert run(saved, "-o", target, "-y").return_value == 0
    assert target.read_bytes() != b"mine"
