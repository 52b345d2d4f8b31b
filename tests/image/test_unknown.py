from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neuralpaint.config.settings import Settings, options, setting
from neuralpaint.errors import NeuralPaintError, PictureError, UsageError
from neuralpaint.image.masks import CentreMask, mask_names, masks, parse_mask, unknown_pixels


@dataclass(frozen=True)
class Masked(Settings):
    mask: str | None = setting(None, "what is unknown", entries=mask_names)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mask_file(path: Path, levels: Any) -> Path:
    Image.fromarray(np.asarray(levels, np.uint8)).save(path)
    return path


def refusal(text: str, **values: Any) -> str:
    with pytest.raises(NeuralPaintError) as caught:
        unknown_pixels(text, height=6, width=8, **values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_name_is_drawn_and_a_file_is_read(folder: Path) -> None:
    assert parse_mask("centre:fraction=0.2") == CentreMask(fraction=0.2)
    file = mask_file(folder / "hole.png", [[255, 0]])
    assert parse_mask("hole.png") == Path("hole.png")
    assert parse_mask(str(file)) == file


def test_a_name_wins_over_a_file_which_is_meant_by_its_folder(folder: Path) -> None:
    mask_file(folder / "centre.png", [[255, 0]]).rename(folder / "centre")
    assert parse_mask("centre") == CentreMask()
    unknown = unknown_pixels("./centre", height=1, width=2)
    assert unknown.tolist() == [[1, 0]]


def test_a_file_without_a_suffix_is_one_where_it_exists(folder: Path) -> None:
    mask_file(folder / "hole.png", [[255, 0]]).rename(folder / "hole")
    assert parse_mask("hole") == Path("hole")


def test_a_file_is_not_looked_for_before_it_is_read(folder: Path) -> None:
    assert Masked(mask="nowhere.png").mask == "nowhere.png"


@pytest.mark.parametrize("text", ["centr", "center2:fraction=0.1"])
def test_what_is_neither_is_told_the_closest_and_all_names(text: str, folder: Path) -> None:
    message = refusal(text)
    assert "did you mean 'centre'?" in message
    assert all(name in message for name in masks)


@pytest.mark.parametrize("text", ["hold.png", f"hol{os.sep}hole.png"])
def test_a_missing_file_is_told_as_one(text: str, folder: Path) -> None:
    mask_file(folder / "hole.png", [[255, 0]])
    message = refusal(text)
    assert f"no mask file {text!r}" in message
    assert ("did you mean 'hole.png'" in message) == (text == "hold.png")
    assert "checkerboard" in message


def test_words_may_be_longer_than_the_name_of_a_file(folder: Path) -> None:
    spec = f"text:words={'long' * 100}"
    assert parse_mask(spec) == masks.parse(spec)


@pytest.mark.parametrize("text", ["", " ", ":", ".", "\0"])
def test_nothing_is_no_mask(text: str, folder: Path) -> None:
    refusal(text)


def test_a_wrong_setting_is_told(folder: Path) -> None:
    assert "did you mean 'fraction'?" in refusal("centre:fracton=0.1")
    assert "must be above 0" in refusal("random:fraction=0")


def test_a_setting_takes_both(folder: Path) -> None:
    file = mask_file(folder / "a,b.png", [[255, 0]])
    assert Masked(mask=str(file)).mask == str(file)
    assert Masked(mask="text:words=hello").mask == "text:words=hello"
    assert Masked().mask is None
    with pytest.raises(UsageError, match="no mask"):
        Masked(mask="nowhere")
    assert list(options(Masked)["mask"].entries or ()) == list(masks)


def test_invert_changes_known_and_unknown(folder: Path) -> None:
    for text in ("checkerboard:block=2", str(mask_file(folder / "m.png", [[255, 0, 0, 0]] * 3))):
        plain = unknown_pixels(text, height=6, width=8)
        inverted = unknown_pixels(text, height=6, width=8, invert=True)
        assert np.array_equal(inverted, 1 - plain)
        assert inverted.dtype == np.float32


def test_alpha_is_that_of_the_picture(folder: Path) -> None:
    pixels = np.full((6, 8, 4), 255, np.uint8)
    pixels[2:4, 3:, 3] = 0
    file = mask_file(folder / "cut.png", pixels)
    unknown = unknown_pixels("alpha", height=6, width=8, source=file)
    assert np.array_equal(unknown, pixels[..., 3] == 0)


def test_a_mask_that_hides_nothing_or_all_is_refused(folder: Path) -> None:
    black = str(mask_file(folder / "black.png", np.zeros((6, 8))))
    white = str(mask_file(folder / "white.png", np.full((6, 8), 255)))
    advice = {
        False: "make the pixels to be filled in white or transparent",
        True: "make the pixels to be filled in black or transparent",
    }
    for text, invert in ((black, False), (white, True)):
        message = refusal(text, invert=invert)
        assert "hides nothing of 8x6 pixels" in message
        assert advice[invert] in message
    for text, invert in ((white, False), (black, True)):
        message = refusal(text, invert=invert)
        assert "hides all of 8x6 pixels" in message
        assert f"leave the pixels to be learned {'white' if invert else 'black'}" in message
    with pytest.raises(UsageError, match="hides nothing of 1x1 pixels: choose another share"):
        unknown_pixels("random:fraction=0.01", height=1, width=1)


def test_a_damaged_file_is_refused(folder: Path) -> None:
    (folder / "mask.png").write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"'mask\.png' is not a picture"):
        unknown_pixels("mask.png", height=6, width=8)
