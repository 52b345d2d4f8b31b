"""A still comes back as it was saved, with its words, or is not there at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from neuralpaint.errors import EncodingError, UnknownNameError, UsageError
from neuralpaint.pictures import load_picture
from neuralpaint.stills import check_still, save_still, still_formats
from neuralpaint.video.metadata import read_tag

ROWS, COLUMNS = np.mgrid[:48, :64]
SMOOTH = np.stack([4 * COLUMNS, 5 * ROWS, 255 - 2 * (ROWS + COLUMNS)], axis=-1).astype(np.uint8)
WORDS = json.dumps({"command": "neuralpaint paint été.jpg", "seed": 7}, ensure_ascii=False)

SUFFIXES = [suffix for name in still_formats for suffix in still_formats[name].suffixes]
every_suffix = pytest.mark.parametrize("suffix", SUFFIXES)


@every_suffix
def test_a_still_comes_back(tmp_path: Path, suffix: str) -> None:
    path = save_still(SMOOTH, tmp_path / f"out{suffix}")
    error = np.abs(load_picture(path).pixels.astype(int) - SMOOTH)
    lossy = suffix in (".jpg", ".jpeg", ".avif")
    assert error.max() <= (8 if lossy else 0)
    assert error.mean() < 1.5
    assert os.listdir(tmp_path) == [path.name]


@every_suffix
@pytest.mark.parametrize("tag", [WORDS, json.dumps({"seed": 1}), "✓" * 5000, "x", ""])
def test_the_tag_comes_back(tmp_path: Path, suffix: str, tag: str) -> None:
    path = save_still(SMOOTH, tmp_path / f"out{suffix}", tag=tag)
    assert read_tag(path) == (tag or None)
    assert load_picture(path).height == 48


@every_suffix
def test_the_same_still_is_the_same_file(tmp_path: Path, suffix: str) -> None:
    first = save_still(SMOOTH, tmp_path / f"a{suffix}", tag=WORDS).read_bytes()
    assert save_still(SMOOTH, tmp_path / f"b{suffix}", tag=WORDS).read_bytes() == first


@every_suffix
def test_a_still_says_that_it_is_srgb(tmp_path: Path, suffix: str) -> None:
    with Image.open(save_still(SMOOTH, tmp_path / f"out{suffix}")) as image:
        assert "srgb" in image.info if suffix == ".png" else image.info["icc_profile"]


def test_a_jpeg_keeps_its_colours_at_full_size(tmp_path: Path) -> None:
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    path = save_still(stripes, tmp_path / "out.jpg")
    assert np.abs(load_picture(path).pixels.astype(int) - stripes).mean() < 8


@every_suffix
@pytest.mark.parametrize("tag", ["é" * 40_000, "a\0b"])
def test_a_tag_that_cannot_be_kept_is_left_out(
    tmp_path: Path, suffix: str, tag: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = save_still(SMOOTH, tmp_path / f"out{suffix}", tag=tag)
    assert "not kept" in caplog.text
    assert read_tag(path) is None


@every_suffix
def test_a_name_that_is_not_unicode_does_no_harm(tmp_path: Path, suffix: str) -> None:
    path = save_still(SMOOTH, tmp_path / f"out{suffix}", tag=os.fsdecode(b"caf\xe9.jpg"))
    assert read_tag(path) == "caf\ufffd.jpg"


def test_an_unknown_suffix_lists_those_known(tmp_path: Path) -> None:
    for name in ("out.pgn", "out"):
        with pytest.raises(UnknownNameError) as caught:
            check_still(tmp_path / name)
        assert all(suffix in str(caught.value) for suffix in SUFFIXES)
    with pytest.raises(UnknownNameError, match=r"did you mean '\.png'"):
        check_still(tmp_path / "out.pgn")
    assert check_still(tmp_path / "OUT.PNG")


def test_what_would_fail_is_told_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        check_still(tmp_path / "nowhere" / "out.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_still(tmp_path / "folder.png", overwrite=True)
    with pytest.raises(UsageError, match="at most 16383 pixels a side, not 20000"):
        check_still(tmp_path / "out.webp", height=4, width=20_000)


def test_a_still_that_exists_needs_leave(tmp_path: Path) -> None:
    path = save_still(SMOOTH, tmp_path / "out.png")
    with pytest.raises(UsageError, match="-y"):
        save_still(SMOOTH[:8], path)
    assert load_picture(path).height == 48
    save_still(SMOOTH[:8], path, overwrite=True)
    assert load_picture(path).height == 8


@pytest.mark.parametrize("pixels", [SMOOTH[..., 0], SMOOTH / 255, SMOOTH[:0]])
def test_pixels_that_are_no_still(tmp_path: Path, pixels: Any) -> None:
    with pytest.raises(UsageError, match="uint8"):
        save_still(pixels, tmp_path / "out.png")


def test_a_view_is_saved_as_it_looks(tmp_path: Path) -> None:
    path = save_still(SMOOTH[::-1, ::2], tmp_path / "out.png")
    assert (load_picture(path).pixels == SMOOTH[::-1, ::2]).all()


@pytest.mark.skipif(os.name == "nt", reason="needs locks")
def test_the_part_of_a_killed_run_is_removed_unless_it_is_whole(tmp_path: Path) -> None:
    path = save_still(SMOOTH, tmp_path / "out.png")
    whole = path.read_bytes()
    (tmp_path / ".out.1.part.png").write_bytes(whole[:-200])
    (tmp_path / ".out.2.part.png").write_bytes(whole)
    save_still(SMOOTH[:8], path, overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["out.png", "out.recovered.png"]
    assert load_picture(tmp_path / "out.recovered.png").height == 48


FULL_DISK = """
import resource, signal, sys
import numpy as np
from neuralpaint.errors import EncodingError
from neuralpaint.stills import save_still
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
try:
    save_still(noise, sys.argv[1], overwrite=True)
except EncodingError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on file size")
def test_no_room_leaves_nothing_half_written(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"old")
    command = [sys.executable, "-c", FULL_DISK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "out.png' cannot be written (File too large)" in done.stdout
    assert done.stderr == ""
    assert os.listdir(tmp_path) == ["out.png"]
    assert path.read_bytes() == b"old"


def test_an_encoder_that_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("encoder error -2")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(EncodingError, match=r"out\.webp' cannot be written as webp"):
        save_still(SMOOTH, tmp_path / "out.webp")
    assert os.listdir(tmp_path) == []
