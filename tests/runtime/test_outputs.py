"""A target is checked before the work, and is complete or untouched after it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from neuralpaint.errors import EncodingError, UsageError
from neuralpaint.runtime.outputs import check_target, check_target_folder

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX only")


@pytest.mark.parametrize("name", ["out.mp4", "-o.mp4", "10:30.mp4", 'été "x".mp4', "a b", ".mp4"])
def test_any_name_will_do_and_nothing_is_left_behind(tmp_path: Path, name: str) -> None:
    assert check_target(tmp_path / name) == tmp_path / name
    assert os.listdir(tmp_path) == []


def test_a_target_that_exists_needs_leave(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_text("old")
    with pytest.raises(UsageError, match=r"out\.mp4' exists: add -y"):
        check_target(path)
    assert check_target(path, overwrite=True) == path
    assert path.read_text() == "old"


def test_folders_that_will_not_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        check_target(tmp_path, overwrite=True)
    with pytest.raises(UsageError, match=r"nowhere' does not exist: make it first"):
        check_target(tmp_path / "nowhere" / "out.mp4")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is not a folder"):
        check_target(tmp_path / "file" / "out.mp4")


def test_a_folder_that_cannot_be_written_to(nobodys: Path) -> None:
    nobodys.chmod(0o555)
    with pytest.raises(EncodingError, match=r"cannot be written .*: choose a folder"):
        check_target(nobodys / "out.mp4")


@posix
def test_a_device_is_not_replaced() -> None:
    with pytest.raises(UsageError, match="not a regular file"):
        check_target(os.devnull, overwrite=True)


@posix
@pytest.mark.parametrize("name", ["x" * 252 + ".mp4", "a\0b.mp4"])
def test_a_name_that_is_not_possible(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="not possible"):
        check_target(tmp_path / name)


@posix
def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "out.mp4"
    link.symlink_to("far/real.mp4")
    assert check_target(link) == link
    (tmp_path / "far" / "real.mp4").touch()
    with pytest.raises(UsageError, match="exists"):
        check_target(link)
    (tmp_path / "lost.mp4").symlink_to("nowhere/real.mp4")
    with pytest.raises(UsageError, match="nowhere' does not exist"):
        check_target(tmp_path / "lost.mp4")


@posix
def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    with pytest.raises(UsageError):
        check_target(tmp_path / "loop.mp4", overwrite=True)


def is_number(name: str) -> bool:
    return name.isdecimal()


def test_a_folder_holds_nothing_but_what_belongs_there(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    assert check_target_folder(folder, belongs=is_number) == folder
    folder.mkdir()
    check_target_folder(folder, belongs=is_number)
    (folder / "1").touch()
    with pytest.raises(UsageError, match="exists: add -y"):
        check_target_folder(folder, belongs=is_number)
    check_target_folder(folder, belongs=is_number, overwrite=True)
    (folder / "thesis").touch()
    with pytest.raises(UsageError, match="holds more"):
        check_target_folder(folder, belongs=is_number, overwrite=True)
    with pytest.raises(UsageError, match="is not a folder"):
        check_target_folder(folder / "1", belongs=is_number, overwrite=True)


def test_a_folder_that_may_not_be_looked_into(nobodys: Path) -> None:
    (nobodys / "frames").mkdir(mode=0o300)
    with pytest.raises(EncodingError, match="Permission denied"):
        check_target_folder(nobodys / "frames", belongs=is_number)
