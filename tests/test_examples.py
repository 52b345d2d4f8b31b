"""The experiments and the lesson in `examples/`: they run, and say what is true."""

from __future__ import annotations

import ast
import csv
import json
import re
import shutil
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from processes import run

from neuralpaint.pipelines.compare.sweep import read_sweep

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "experiments"
TEXT = (FOLDER / "README.md").read_text(encoding="utf-8")
SWEEPS = sorted(FOLDER.glob("*.toml"))
LESSON = FOLDER.parent / "lesson.ipynb"
every_sweep = pytest.mark.parametrize("sweep", SWEEPS, ids=lambda path: path.stem)


def section_of(sweep: Path) -> str:
    """Return the section of the README that has the command of a sweep."""
    option = f"--sweep examples/experiments/{sweep.name} "
    (section,) = (each for each in re.split(r"^## ", TEXT, flags=re.MULTILINE) if option in each)
    return section


def first_column(section: str) -> set[str]:
    """Return the first column of the section's tables, without the headings."""
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")]
    return {row for row in rows if row != "contestant"}


@every_sweep
def test_the_readme_lists_every_contestant(sweep: Path) -> None:
    content = read_sweep(sweep)
    names = {each.name for each in content.variants(content.settings({}), {})}
    assert first_column(section_of(sweep)) == names


@every_sweep
def test_the_command_in_the_file_is_that_of_the_readme(sweep: Path) -> None:
    command = re.search(r"neuralpaint compare \S+ --sweep .*", sweep.read_text(encoding="utf-8"))
    assert command is not None
    assert command[0] in section_of(sweep)


def test_the_readme_shows_every_picture() -> None:
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", TEXT)
    assert sorted(pictures) == sorted(path.name for path in FOLDER.glob("*.jpg"))


@pytest.mark.slow
def test_an_experiment_runs(tmp_path: Path) -> None:
    picture, out = FOLDER.parent / "cat.jpg", tmp_path / "out"
    words = ["compare", str(picture), "--sweep", str(FOLDER / "low-resolution.toml")]
    quick = ["--steps", "2", "--input-size", "16x16", "--no-race", "--threads", "1"]
    done = run([sys.executable, "-m", "neuralpaint", *words, "-o", str(out), *quick])
    assert done.returncode == 0, done.stderr
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        results = list(csv.DictReader(file))
    assert {each["status"] for each in results} == {"finished"}
    assert len(results) == 6


def cells_of(notebook: Path) -> list[dict[str, Any]]:
    """Return the cells of a notebook, with their source as one text."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell | {"source": "".join(cell["source"])} for cell in cells]


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Run a code cell, and return the value of its last line if that is an expression."""
    tree = ast.parse(source)
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        tree.body.pop()
    exec(compile(tree, "cell", "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_the_lesson_asks_before_each_answer_and_has_no_outputs() -> None:
    cells = cells_of(LESSON)
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    pairs = [(a, b) for a, b in pairwise(cells) if b["cell_type"] == "code"][1:-1]
    assert len(pairs) > 10
    for text, _ in pairs:
        assert "**Question.**" in text["source"]
    for link in re.findall(r"\]\((.*?)\)", "".join(cell["source"] for cell in cells)):
        assert (LESSON.parent / link).exists(), link


@pytest.mark.slow
def test_the_lesson_runs_and_its_answers_are_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "examples"
    folder.mkdir()
    (tmp_path / "outputs").mkdir()
    shutil.copy(LESSON.parent / "cat.jpg", folder)
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    values = [run_cell(cell["source"], names) for cell in cells_of(LESSON)
              if cell["cell_type"] == "code"]  # fmt: skip
    shown = [value for value in values if value is not None]
    for value in shown[:-2]:
        assert value._repr_png_().startswith(b"\x89PNG")
    assert "lesson.take" in shown[-2]._repr_html_()
    assert "<video" in shown[-1]._repr_html_()
    printed = capsys.readouterr().out
    numbers = re.findall(r"(?:formula|quotient) +(0\.\d{15})\b", printed)
    assert float(numbers[0]) == pytest.approx(float(numbers[1]), rel=1e-8)
    plain, waves = map(float, found(r"none ([\d.]+) dB, gaussian ([\d.]+) dB", printed))
    assert waves == pytest.approx(plain + 13, abs=3)
    numpy, torch = map(float, found(r"numpy: ([\d.]+) dB\ntorch: ([\d.]+) dB", printed))
    assert numpy == pytest.approx(torch, abs=1)
    pattern = r"([\d.]+) dB on the learned pixels, ([\d.]+) dB on the others"
    (known, unknown), (fine, invented) = re.findall(pattern, printed)
    assert min(float(known), float(fine)) > 35
    assert float(unknown) > float(invented) + 5


def found(pattern: str, text: str) -> tuple[str, ...]:
    """Return the groups of a pattern that is in the text."""
    match = re.search(pattern, text)
    assert match is not None, pattern
    return match.groups()
