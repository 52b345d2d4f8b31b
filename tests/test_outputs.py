"""A target is checked before the work, and is complete or untouched after it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from neuralpaint.errors import EncodingError, UsageError
from neuralpaint.outputs import (
    check_folder,
    check_target,
    part_path,
    replace,
    stale_parts,
    written_whole,
)

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
@pytest.mark.parametrize("stem", ["x" * 251, "é" * 125, "x" + "é" * 125])
def test_the_part_of_the_longest_name_can_be_written(tmp_path: Path, stem: str) -> None:
    path = check_target(tmp_path / f"{stem}.mp4")
    with written_whole(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"
    assert part_path(path) != part_path(tmp_path / f"{stem[:-1]}y.mp4")


def test_a_part_lies_beside_its_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    part = part_path("out.mp4")
    assert part.parent == Path(os.path.realpath(tmp_path))
    assert part.name == f".out.{os.getpid()}.part.mp4"


@posix
def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "out.mp4"
    link.symlink_to("far/real.mp4")
    with written_whole(check_target(link)) as part:
        assert part.parent.name == "far"
        part.write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "far" / "real.mp4").read_text() == "new"
    with pytest.raises(UsageError, match="exists"):
        check_target(link)


@posix
def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    with pytest.raises(UsageError):
        check_target(tmp_path / "loop.mp4", overwrite=True)


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_target_as_it_was(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    path = tmp_path / "out.mp4"
    path.write_text("old")

    def write_half() -> None:
        with written_whole(path) as part:
            part.write_text("half")
            raise failure

    with pytest.raises(failure):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.mp4"]


def test_a_folder_that_goes_away(tmp_path: Path) -> None:
    with (
        pytest.raises(EncodingError, match="cannot be written"),
        written_whole(tmp_path / "gone" / "out.mp4") as part,
    ):
        part.write_text("new")
    with pytest.raises(EncodingError, match="cannot be written"):
        replace(tmp_path / "no part", tmp_path / "out.mp4")
    with pytest.raises(UsageError, match="does not exist"):
        check_folder(tmp_path / "gone")


@posix
def test_only_parts_of_ended_processes_are_stale(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    stale = tmp_path / f".out.{ended.pid}.part.mp4"
    for path in (
        stale,
        part_path(tmp_path / "out.mp4"),
        tmp_path / f".other.{ended.pid}.part.mp4",
        tmp_path / f".out.{ended.pid}.part.webm",
        tmp_path / "out.mp4",
    ):
        path.touch()
    assert stale_parts(tmp_path / "out.mp4") == [Path(os.path.realpath(stale))]
