"""The experiments in `examples/`: each sweep can be run and is described in their README."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

import pytest
from processes import run

from neuralpaint.pipelines.compare.sweep import read_sweep

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "experiments"
TEXT = (FOLDER / "README.md").read_text(encoding="utf-8")
SWEEPS = sorted(FOLDER.glob("*.toml"))
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
