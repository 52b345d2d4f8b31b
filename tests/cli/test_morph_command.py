"""`neuralpaint morph` in real processes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import Typed

QUICK = (
    "--model", "pyramid:hidden_size=4", "--steps", "8", "--seconds-each", "0.3", "--fps", "10",
    "--threads", "1", "--device", "cpu",
)  # fmt: skip


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number, name in enumerate(("10.png", "01.png")):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    return tmp_path


@pytest.mark.slow
def test_a_morph_is_made_and_replayed(pictures: Path, typed: Typed) -> None:
    done = typed("morph", "10.png", "01.png", "-o", "out.mp4", *QUICK)
    assert (done.returncode, done.stdout) == (0, "")
    assert "10.png" in done.stderr
    assert "dB" in done.stderr
    printed = typed("replay", "out.mp4").stdout
    assert printed.startswith("neuralpaint morph 10.png 01.png -o out.mp4")
    again = ("replay", "out.mp4", "01.png", "10.png", "-o", "again.mp4")
    assert typed(*again).returncode == 0
    assert (pictures / "again.mp4").exists()
    refused = typed("replay", "out.mp4", "01.png", "-o", "one.mp4")
    assert refused.returncode == 2
    assert "two pictures or more" in refused.stderr


@pytest.mark.slow
def test_json_has_every_picture(pictures: Path, typed: Typed) -> None:
    words = ("morph", ".", "-o", "out.mp4", "--sample", "1", "--json", *QUICK)
    done = typed(*words)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["pictures"] == 2
    last = events[-1]
    assert [name for name, _ in last["pictures"]] == ["01.png", "10.png"]
    assert len(last["stills"]) == 2


@pytest.mark.slow
def test_only_a_morph_has_several_inputs(pictures: Path, typed: Typed) -> None:
    words = ("paint", "10.png", "-o", "a.png", "--steps", "2", "--device", "cpu")
    assert typed(*words).returncode == 0
    refused = typed("replay", "a.png", "10.png", "01.png", "-o", "b.png")
    assert refused.returncode == 2
    assert "made from one INPUT, not 2" in refused.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("10.png",), "a morph needs two pictures or more"),
        (("10.png", "gone.png"), "no file or folder 'gone.png'"),
        (("10.png", "text.jpg"), "'text.jpg'"),
        (("10.png", "01.png", "--overlay", "steps"), "--overlay"),
    ],
)
def test_an_error_is_one_line(
    pictures: Path, typed: Typed, words: tuple[str, ...], message: str
) -> None:
    (pictures / "text.jpg").write_text("no picture")
    done = typed("morph", *words, "-o", "out.mp4")
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (pictures / "out.mp4").exists()


def test_a_length_can_be_given_in_any_way(pictures: Path, typed: Typed) -> None:
    for words in (("--frames", "5"), ("--duration", "1", "--frames", "4"), ("--seconds", "0.1")):
        rest = [w for w in QUICK if w not in ("--steps", "8", "--seconds-each", "0.3")]
        done = typed("morph", ".", "-o", "o.mp4", "--dry-run", *rest, *words)
        assert done.returncode == 0, done.stderr


def test_a_picture_that_is_given_twice_is_named(pictures: Path, typed: Typed) -> None:
    name = next(path.name for path in pictures.iterdir() if path.suffix == ".png")
    done = typed("morph", name, name, "-o", "o.mp4", *QUICK)
    assert done.returncode == 0
    first, second = done.stderr.splitlines()[-2:]
    folder = pictures.name
    assert first.endswith(f"dB  {folder}/{name} (1)")
    assert second.endswith(f"dB  {folder}/{name} (2)")


@pytest.mark.parametrize("length", [("--duration", "1"), ("--frames", "5")])
def test_two_lengths_are_refused(pictures: Path, typed: Typed, length: tuple[str, ...]) -> None:
    done = typed("morph", ".", "-o", "o.mp4", "--dry-run", *QUICK, *length)
    assert done.returncode == 2
    assert f"{length[0]} and --seconds-each exclude each other" in done.stderr
