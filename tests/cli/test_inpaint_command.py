"""`neuralpaint inpaint`, and masks with the other commands, in real processes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import QUICK, Typed

STILL = QUICK[:4]


@pytest.fixture
def masked(folder: Path) -> Path:
    """The folder with a mask, in a folder of its own, of the picture in it."""
    (folder / "masks").mkdir()
    levels = np.zeros((16, 24), np.uint8)
    levels[4:8, 4:12] = 255
    Image.fromarray(levels).save(folder / "masks" / "hole.png")
    return folder


@pytest.mark.slow
def test_a_still_is_written_and_the_psnr_in_its_hole_is_printed(masked: Path, typed: Typed) -> None:
    done = typed("inpaint", "in.png", "--mask", "random", "-o", "out.png", *STILL)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("wrote out.png  24x16  ")
    assert " dB  inside the hole " in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("preset", [("--preset", "draft"), ("--look", "weave")])
def test_a_preset_does_not_set_options_of_clips_for_a_still(
    masked: Path, typed: Typed, preset: tuple[str, str]
) -> None:
    words = ("inpaint", "in.png", "--mask", "random", *preset, "--dry-run")
    for output in ("out.png", "out.mp4"):
        done = typed(*words, "-o", output)
        assert (done.returncode, done.stderr) == (0, "")
    done = typed(*words, "-o", "out.png", "--fps", "5")
    assert "--fps cannot be used for a still" in done.stderr


@pytest.mark.slow
def test_json_has_the_psnr_in_the_hole_or_null_if_it_is_unknown(masked: Path, typed: Typed) -> None:
    for mask, known in (("random", True), ("masks/hole.png", False)):
        words = ("--mask", mask, "-o", "out.png", "-y", "--json", *STILL)
        done = typed("inpaint", "in.png", *words)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert isinstance(events[-1]["hole_psnr"], float if known else type(None))
        assert isinstance(events[-1]["psnr"], float)
        assert 0 < events[0]["unknown"] < 1
        assert events[1]["phase"] == "fill"


@pytest.mark.slow
def test_a_clip_is_made_again_with_the_same_mask_file(masked: Path, typed: Typed) -> None:
    words = ("--mask", "masks/hole.png", "--overlay", "mask", *QUICK)
    done = typed("inpaint", "in.png", "-o", "out.mp4", *words)
    assert done.returncode == 0, done.stderr
    printed = typed("replay", "out.mp4")
    assert printed.stdout.startswith("neuralpaint video in.png -o out.mp4 ")
    assert "--mask hole.png" in printed.stdout

    again = ("replay", "out.mp4", "in.png", "-o", "again.mp4")
    refused = typed(*again)
    assert refused.returncode == 2
    assert "the file was made with --mask hole.png" in refused.stderr
    done = typed(*again, "--mask", "masks/hole.png")
    assert done.returncode == 0, done.stderr
    sizes = [(masked / name).stat().st_size for name in ("out.mp4", "again.mp4")]
    assert sizes[0] == pytest.approx(sizes[1], abs=20)


@pytest.mark.slow
def test_a_generated_mask_needs_no_file_to_be_made_again(masked: Path, typed: Typed) -> None:
    words = ("--mask", "centre", "--order", "left-to-right", *STILL)
    assert typed("paint", "in.png", "-o", "a.png", *words).returncode == 0
    again = ("replay", "a.png", "in.png", "-o", "b.png")
    refused = typed(*again, "--mask", "masks/hole.png")
    assert "--mask: the file was made without it" in refused.stderr
    assert typed(*again).returncode == 0
    first, second = (np.array(Image.open(masked / name)) for name in ("a.png", "b.png"))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["inpaint", "in.png", "-o", "o.png"], "give --mask"),
        (
            ["inpaint", "in.png", "-o", "o.mp4", "--mask", "random", "--keep-known"],
            "for a clip: make",
        ),
        (
            ["inpaint", "in.png", "-o", "o.png", "--mask", "random", "--fps", "5"],
            "for a still: make",
        ),
        (["paint", "in.png", "-o", "o.png", "--invert"], "--invert has no effect without --mask"),
        (
            ["video", "in.png", "-o", "o.mp4", "--overlay", "mask"],
            "pixels of the picture are",
        ),
    ],
    ids=lambda words: " ".join(words[3:]) if isinstance(words, list) else "",
)
def test_an_error_is_one_line(words: list[str], message: str, masked: Path, typed: Typed) -> None:
    done = typed(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "--debug" not in done.stderr
