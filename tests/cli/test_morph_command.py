"""`neuralpaint morph` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import neuralpaint

QUICK = (
    "--model", "pyramid:hidden_size=4", "--steps", "8", "--seconds-each", "0.3", "--fps", "10",
    "--threads", "1", "--device", "cpu",
)  # fmt: skip


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    for number, name in enumerate(("10.png", "01.png")):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    return tmp_path


def test_a_morph_is_made_told_of_and_replayed(pages: Path) -> None:
    done = neuralpaint("morph", "10.png", "01.png", "-o", "out.mp4", *QUICK, cwd=pages)
    assert (done.returncode, done.stdout) == (0, "")
    assert "10.png" in done.stderr
    assert "dB" in done.stderr
    told = neuralpaint("replay", "out.mp4", cwd=pages).stdout
    assert told.startswith("neuralpaint morph 10.png 01.png -o out.mp4")
    again = ("replay", "out.mp4", "01.png", "10.png", "-o", "again.mp4")
    assert neuralpaint(*again, cwd=pages).returncode == 0
    assert (pages / "again.mp4").exists()
    refused = neuralpaint("replay", "out.mp4", "01.png", "-o", "one.mp4", cwd=pages)
    assert refused.returncode == 2
    assert "two pictures or more" in refused.stderr


def test_json_tells_of_every_picture(pages: Path) -> None:
    words = ("morph", ".", "-o", "out.mp4", "--sample", "1", "--json", *QUICK)
    done = neuralpaint(*words, cwd=pages)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["pictures"] == 2
    last = events[-1]
    assert [name for name, _ in last["pictures"]] == ["01.png", "10.png"]
    assert len(last["stills"]) == 2


def test_only_a_morph_has_several_inputs(pages: Path) -> None:
    words = ("paint", "10.png", "-o", "a.png", "--steps", "2", "--device", "cpu")
    assert neuralpaint(*words, cwd=pages).returncode == 0
    refused = neuralpaint("replay", "a.png", "10.png", "01.png", "-o", "b.png", cwd=pages)
    assert refused.returncode == 2
    assert "made of one INPUT, not of 2" in refused.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("10.png",), "a morph needs two pictures or more"),
        (("10.png", "gone.png"), "no file or folder 'gone.png'"),
        (("10.png", "text.jpg"), "'text.jpg'"),
        (("10.png", "01.png", "--overlay", "steps"), "--overlay"),
    ],
)
def test_what_cannot_be_is_one_line(pages: Path, words: tuple[str, ...], message: str) -> None:
    (pages / "text.jpg").write_text("no picture")
    done = neuralpaint("morph", *words, "-o", "out.mp4", cwd=pages)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (pages / "out.mp4").exists()


def test_a_length_may_be_typed_in_any_way(pages: Path) -> None:
    for words in (("--frames", "5"), ("--duration", "1", "--frames", "4"), ("--seconds", "0.1")):
        typed = [word for word in QUICK if word not in ("--steps", "8")]
        done = neuralpaint("morph", ".", "-o", "o.mp4", "--dry-run", *typed, *words, cwd=pages)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["video", "paint", "inpaint", "morph", "render", "compare"])
def test_no_section_of_the_help_is_left_for_last(command: str, pages: Path) -> None:
    text = neuralpaint(command, "--help", cwd=pages).stdout
    headings = [line for line in text.splitlines() if line.endswith(":") and line[0].isupper()]
    assert headings[0] == "Output:"
    assert headings[-1] in ("Picture:", "Device:", "Other:")
    if command == "morph":
        assert headings[1] == "Walk:"
