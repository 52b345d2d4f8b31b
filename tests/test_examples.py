"""The experiments in `examples/`: each is a sweep that can be run, told about where they stand."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

import pytest
from processes import run

from neuralpaint.pipelines.compare.sweep import read_sweep

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "experiments"
SWEEPS = sorted(FOLDER.glob("*.toml"))
SECTION = re.compile(r"^## ", re.MULTILINE)


def told_of(sweep: Path) -> str:
    """Return the section of the README whose command runs a sweep."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    sections: list[str] = [
        each for each in SECTION.split(text) if f"--sweep {named(sweep)} " in each
    ]
    assert len(sections) == 1, f"{sweep.name} has {len(sections)} sections"
    return sections[0]


def named(sweep: Path) -> str:
    return f"examples/experiments/{sweep.name}"


def contestants_told(section: str) -> set[str]:
    """Return what stands in the first column of the section's tables."""
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")]
    return {row for row in rows if row not in ("", "contestant")}


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda path: path.stem)
def test_the_readme_tells_of_every_contestant(sweep: Path) -> None:
    content = read_sweep(sweep)
    names = {each.name for each in content.variants(content.settings({}), {})}
    assert contestants_told(told_of(sweep)) == names


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda path: path.stem)
def test_the_command_stands_in_the_file_as_in_the_readme(sweep: Path) -> None:
    command = re.search(r"neuralpaint compare \S+ --sweep .*", sweep.read_text(encoding="utf-8"))
    assert command is not None
    assert command[0] in told_of(sweep)


def test_every_picture_of_the_readme_is_there() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", text)
    assert sorted(pictures) == sorted(path.name for path in FOLDER.glob("*.jpg"))


def test_an_experiment_runs(tmp_path: Path) -> None:
    picture, out = FOLDER.parent / "cat.jpg", tmp_path / "out"
    words = ["compare", str(picture), "--sweep", str(FOLDER / "low-resolution.toml")]
    quick = ["--steps", "2", "--input-size", "16x16", "--no-race", "--threads", "1"]
    command = [sys.executable, "-m", "neuralpaint", *words, "-o", str(out), *quick]
    done = run(command)
    assert done.returncode == 0, done.stderr
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        results = list(csv.DictReader(file))
    assert {each["status"] for each in results} == {"finished"}
    assert len(results) == 6
