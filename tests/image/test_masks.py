"""Masks by name or file: drawn, read, refused, and used as a hole or as a focus."""

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
from neuralpaint.image.masks import (
    CentreMask,
    focus_weights,
    mask_names,
    masks,
    parse_mask,
    unknown_pixels,
)
from neuralpaint.image.pictures import Plane

DRAWN = [name for name in masks if name != "alpha"]


def drawn(spec: str, *, height: int = 96, width: int = 160) -> Plane:
    unknown = masks.parse(spec).draw((height, width))
    assert unknown.shape == (height, width)
    assert unknown.dtype == np.float32
    assert set(np.unique(unknown)) <= {0, 1}
    return unknown


@pytest.mark.parametrize("name", DRAWN)
def test_every_mask_hides_some_pixels_and_always_the_same(name: str) -> None:
    unknown = drawn(name)
    assert 0.02 < unknown.mean() < 0.6
    assert np.array_equal(drawn(name), unknown)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (3, 2)])
def test_masks_of_the_smallest_pictures(name: str, size: tuple[int, int]) -> None:
    drawn(name, height=size[0], width=size[1])


@pytest.mark.parametrize("name", ["random", "centre", "checkerboard"])
@pytest.mark.parametrize("fraction", [0.1, 0.37, 0.5, 0.8])
def test_a_mask_hides_the_requested_share(name: str, fraction: float) -> None:
    unknown = drawn(f"{name}:fraction={fraction}", height=192, width=320)
    assert unknown.mean() == pytest.approx(fraction, abs=0.03)


@pytest.mark.parametrize("name", ["random", "lines"])
def test_another_seed_hides_other_pixels(name: str) -> None:
    assert not np.array_equal(drawn(f"{name}:seed=1"), drawn(name))


def test_random_pixels_come_from_the_seeded_generator() -> None:
    assert np.array_equal(drawn("random:seed=3"), np.random.default_rng(3).random((96, 160)) < 0.5)


def test_the_disc_is_round_and_centred() -> None:
    disc = drawn("centre", height=101, width=151)
    rows, columns = np.nonzero(disc)
    assert (rows.mean(), columns.mean()) == (50, 75)
    assert np.ptp(rows) == np.ptp(columns)
    assert disc[50, 75] == 1
    assert disc[0, 0] == 0
    assert drawn("centre", height=1, width=3).tolist() == [[0, 1, 0]]


def test_the_fields_of_the_checkerboard_alternate() -> None:
    board = drawn("checkerboard:block=8")
    assert not board[:8, :8].any()
    assert board[:8, 8:16].all()
    assert board[8:16, :8].all()
    assert np.array_equal(board, 1 - np.roll(board, 8, axis=0))


def test_lines_have_the_requested_width_and_spacing() -> None:
    thin = drawn("lines:width=2,spacing=40", height=400, width=600).mean()
    assert thin == pytest.approx(2 / 40, rel=0.4)
    assert drawn("lines:width=6,spacing=40", height=400, width=600).mean() > 2 * thin
    assert drawn("lines:width=2,spacing=20", height=400, width=600).mean() > 1.4 * thin


def test_text_is_repeated_over_the_picture() -> None:
    size = 20
    tall = drawn(f"text:words=III,size={size}", height=25, width=200)
    assert 0.1 < tall.mean() < 0.6
    assert drawn("text:words=-,size=20", height=25, width=200).mean() < tall.mean() / 2
    # Written from left to right: the bar of the letter is on its left.
    letter = drawn("text:words=E,size=60", height=75, width=46)
    columns = letter.sum(0)
    assert columns.argmax() < np.flatnonzero(columns).mean()


def test_lines_of_text_do_not_touch() -> None:
    rows = drawn("text:words=HHHH,size=20", height=100, width=100).any(1)
    assert 2 * np.abs(np.diff(rows.astype(int))).sum() >= 4 * 2 * 2 - 4  # on and off, 4 times


@pytest.mark.parametrize("spec", ["text:words=", "text:words=  "])
def test_no_words_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="no words to write"):
        masks.parse(spec).draw((20, 20))


@pytest.mark.parametrize(
    "spec", ["random:fraction=0", "random:fraction=1", "checkerboard:block=0", "lines:width=0"]
)
def test_settings_out_of_range_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="must be"):
        masks.parse(spec)


def test_alpha_needs_a_file() -> None:
    with pytest.raises(UsageError, match="give another mask"):
        masks.parse("alpha").draw((4, 4))


def test_center_is_an_alias_of_centre() -> None:
    assert masks.parse("center") == masks.parse("centre")


@dataclass(frozen=True)
class Masked(Settings):
    mask: str | None = setting(None, "what is unknown", entries=mask_names)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mask_file(path: Path, levels: Any) -> Path:
    Image.fromarray(np.asarray(levels, np.uint8)).save(path)
    return path


def refusal(text: str, **values: Any) -> str:
    with pytest.raises(NeuralPaintError) as caught:
        unknown_pixels(text, (6, 8), **values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_mask_is_parsed_as_a_name_or_a_file(folder: Path) -> None:
    assert parse_mask("centre:fraction=0.2") == CentreMask(fraction=0.2)
    file = mask_file(folder / "hole.png", [[255, 0]])
    assert parse_mask("hole.png") == Path("hole.png")
    assert parse_mask(str(file)) == file


def test_a_name_takes_precedence_over_a_file_without_a_folder(folder: Path) -> None:
    mask_file(folder / "centre.png", [[255, 0]]).rename(folder / "centre")
    assert parse_mask("centre") == CentreMask()
    unknown = unknown_pixels("./centre", (1, 2))
    assert unknown.tolist() == [[1, 0]]


def test_a_file_without_a_suffix_must_exist(folder: Path) -> None:
    mask_file(folder / "hole.png", [[255, 0]]).rename(folder / "hole")
    assert parse_mask("hole") == Path("hole")


def test_a_file_is_not_opened_when_settings_are_made(folder: Path) -> None:
    assert Masked(mask="nowhere.png").mask == "nowhere.png"


@pytest.mark.parametrize("text", ["centr", "center2:fraction=0.1"])
def test_an_unknown_name_lists_the_closest_and_all_names(text: str, folder: Path) -> None:
    message = refusal(text)
    assert "did you mean 'centre'?" in message
    assert all(name in message for name in masks)


@pytest.mark.parametrize("text", ["hold.png", f"hol{os.sep}hole.png"])
def test_a_missing_file_is_reported(text: str, folder: Path) -> None:
    mask_file(folder / "hole.png", [[255, 0]])
    message = refusal(text)
    assert f"no mask file {text!r}" in message
    assert ("did you mean 'hole.png'" in message) == (text == "hold.png")
    assert "checkerboard" in message


def test_words_may_be_longer_than_a_file_name(folder: Path) -> None:
    spec = f"text:words={'long' * 100}"
    assert parse_mask(spec) == masks.parse(spec)


@pytest.mark.parametrize("text", ["", " ", ":", ".", "\0"])
def test_an_empty_mask_is_refused(text: str, folder: Path) -> None:
    refusal(text)


def test_a_wrong_setting_is_reported(folder: Path) -> None:
    assert "did you mean 'fraction'?" in refusal("centre:fracton=0.1")
    assert "must be above 0" in refusal("random:fraction=0")


def test_a_setting_accepts_names_and_files(folder: Path) -> None:
    file = mask_file(folder / "a,b.png", [[255, 0]])
    assert Masked(mask=str(file)).mask == str(file)
    assert Masked(mask="text:words=hello").mask == "text:words=hello"
    assert Masked().mask is None
    with pytest.raises(UsageError, match="no mask"):
        Masked(mask="nowhere")
    assert list(options(Masked)["mask"].entries or ()) == list(masks)


def test_invert_exchanges_known_and_unknown(folder: Path) -> None:
    for text in ("checkerboard:block=2", str(mask_file(folder / "m.png", [[255, 0, 0, 0]] * 3))):
        plain = unknown_pixels(text, (6, 8))
        inverted = unknown_pixels(text, (6, 8), invert=True)
        assert np.array_equal(inverted, 1 - plain)
        assert inverted.dtype == np.float32


def test_alpha_reads_the_picture_file(folder: Path) -> None:
    pixels = np.full((6, 8, 4), 255, np.uint8)
    pixels[2:4, 3:, 3] = 0
    file = mask_file(folder / "cut.png", pixels)
    unknown = unknown_pixels("alpha", (6, 8), source=file)
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
        unknown_pixels("random:fraction=0.01", (1, 1))


def test_a_damaged_file_is_refused(folder: Path) -> None:
    (folder / "mask.png").write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"'mask\.png' is not a picture"):
        unknown_pixels("mask.png", (6, 8))


def test_white_has_the_weight_and_the_rest_has_one() -> None:
    weights = focus_weights("centre:fraction=0.25", (20, 20), weight=8)
    assert weights.dtype == np.float32
    assert weights[10, 10] == 8
    assert weights[0, 0] == 1
    assert np.mean(weights == 8) == pytest.approx(0.25, abs=0.05)


def test_grey_has_a_weight_in_between(tmp_path: Path) -> None:
    levels = np.linspace(0, 255, 16, dtype=np.uint8)[None].repeat(4, 0)
    Image.fromarray(levels).save(tmp_path / "face.png")
    weights = focus_weights(str(tmp_path / "face.png"), (4, 16), weight=5)
    assert (weights.min(), weights.max()) == (1, 5)
    assert (np.diff(weights[0]) >= 0).all()
    assert 2 < weights[0, 8] < 4


def test_a_focus_on_the_whole_picture_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 255, np.uint8)).save(tmp_path / "all.png")
    with pytest.raises(UsageError, match="the same everywhere on 4x4 pixels"):
        focus_weights(str(tmp_path / "all.png"), (4, 4), weight=8)


def test_an_error_names_the_focus() -> None:
    with pytest.raises(UsageError, match=r"no focus file 'face\.png'"):
        focus_weights("face.png", (4, 4), weight=8)
