"""Output files: checked before the work starts, complete or unchanged after it."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest
from processes import run

from neuralpaint.errors import EncodingError, UsageError
from neuralpaint.runtime.files import (
    check_output,
    check_output_folder,
    part_file,
    remove_stale_parts,
)

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX only")


@pytest.mark.parametrize("name", ["out.mp4", "-o.mp4", "10:30.mp4", 'été "x".mp4', "a b", ".mp4"])
def test_checking_a_possible_name_creates_no_file(tmp_path: Path, name: str) -> None:
    assert check_output(tmp_path / name) == tmp_path / name
    assert os.listdir(tmp_path) == []


def test_an_existing_output_needs_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_text("old")
    with pytest.raises(UsageError, match=r"out\.mp4' exists: add -y"):
        check_output(path)
    assert check_output(path, overwrite=True) == path
    assert path.read_text() == "old"


def test_unusable_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        check_output(tmp_path, overwrite=True)
    with pytest.raises(UsageError, match=r"nowhere' does not exist: create it first"):
        check_output(tmp_path / "nowhere" / "out.mp4")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is not a folder"):
        check_output(tmp_path / "file" / "out.mp4")


def test_a_folder_that_is_not_writable_is_refused(unprivileged_folder: Path) -> None:
    unprivileged_folder.chmod(0o555)
    with pytest.raises(EncodingError, match=r"cannot be written .*: choose a folder"):
        check_output(unprivileged_folder / "out.mp4")


@posix
def test_a_device_is_refused() -> None:
    with pytest.raises(UsageError, match="not a regular file"):
        check_output(os.devnull, overwrite=True)


@posix
@pytest.mark.parametrize("name", ["x" * 252 + ".mp4", "a\0b.mp4"])
def test_an_impossible_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is not valid"):
        check_output(tmp_path / name)


@posix
def test_the_check_follows_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "out.mp4"
    link.symlink_to("far/real.mp4")
    assert check_output(link) == link
    (tmp_path / "far" / "real.mp4").touch()
    with pytest.raises(UsageError, match="exists"):
        check_output(link)
    (tmp_path / "lost.mp4").symlink_to("nowhere/real.mp4")
    with pytest.raises(UsageError, match="nowhere' does not exist"):
        check_output(tmp_path / "lost.mp4")


@posix
def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    with pytest.raises(UsageError):
        check_output(tmp_path / "loop.mp4", overwrite=True)


def is_number(name: str) -> bool:
    return name.isdecimal()


def test_an_output_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    assert check_output_folder(folder, belongs=is_number) == folder
    folder.mkdir()
    check_output_folder(folder, belongs=is_number)
    (folder / "1").touch()
    with pytest.raises(UsageError, match="exists: add -y"):
        check_output_folder(folder, belongs=is_number)
    check_output_folder(folder, belongs=is_number, overwrite=True)
    (folder / "thesis").touch()
    with pytest.raises(UsageError, match="contains other files"):
        check_output_folder(folder, belongs=is_number, overwrite=True)
    with pytest.raises(UsageError, match="is not a folder"):
        check_output_folder(folder / "1", belongs=is_number, overwrite=True)


def test_an_output_folder_that_is_not_readable_is_refused(unprivileged_folder: Path) -> None:
    (unprivileged_folder / "frames").mkdir(mode=0o300)
    with pytest.raises(EncodingError, match="Permission denied"):
        check_output_folder(unprivileged_folder / "frames", belongs=is_number)


def write(output: Path, text: str) -> None:
    with part_file(output) as part:
        part.path.write_text(text)
        part.publish()


def keep_all(part: Path) -> bool:
    return True


def test_a_part_file_is_hidden_beside_its_output_until_published(tmp_path: Path) -> None:
    with part_file(tmp_path / "out.mp4") as part:
        assert os.listdir(tmp_path) == [f".out.{os.getpid()}.part.mp4"]
        part.path.write_text("new")
        part.publish()
        assert os.listdir(tmp_path) == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_text() == "new"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_output_unchanged(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    path = tmp_path / "out.mp4"
    write(path, "old")

    def write_half() -> None:
        with part_file(path) as part:
            part.path.write_text("half")
            raise failure

    with pytest.raises(failure):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.mp4"]


@posix
def test_publishing_keeps_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "out.mp4"
    link.symlink_to("far/real.mp4")
    write(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "far" / "real.mp4").read_text() == "new"


@posix
@pytest.mark.parametrize("stem", ["x" * 251, "é" * 125, "x" + "é" * 125])
def test_the_longest_names_are_shortened_to_different_names(tmp_path: Path, stem: str) -> None:
    path, other = tmp_path / f"{stem}.mp4", tmp_path / f"{stem[:-1]}y.mp4"
    with part_file(path) as part, part_file(other) as another:
        assert part.path != another.path
        part.path.write_text("new")
        part.publish()
    assert path.read_text() == "new"


def test_writing_one_output_twice_at_once_is_refused(tmp_path: Path) -> None:
    with (
        part_file(tmp_path / "a.png"),
        pytest.raises(EncodingError, match=r"a\.png' is being written already"),
        part_file(tmp_path / "a.png"),
    ):
        pass


def test_a_folder_that_was_deleted_is_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(EncodingError, match=r"a\.png' cannot be written \(No such"),
        part_file(tmp_path / "gone" / "a.png"),
    ):
        pass
    assert remove_stale_parts(tmp_path / "gone" / "a.png") == []


KILLED = """
import os, sys
from pathlib import Path
from neuralpaint.runtime.files import part_file
with part_file(sys.argv[1]) as part:
    part.path.write_text("half")
    os.kill(os.getpid(), 9)
"""


@posix
def test_part_files_of_a_killed_run_are_removed_or_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output = tmp_path / "a.png"
    for _ in range(2):
        run([sys.executable, "-c", KILLED, str(output)])
    assert len(os.listdir(tmp_path)) == 2
    assert remove_stale_parts(output, keep=keep_all) == [
        tmp_path / "a.recovered.png",
        tmp_path / "a.recovered-2.png",
    ]
    assert str(tmp_path / "a.recovered-2.png") in caplog.text
    run([sys.executable, "-c", KILLED, str(output)])
    assert remove_stale_parts(output) == []
    assert sorted(os.listdir(tmp_path)) == ["a.recovered-2.png", "a.recovered.png"]


@posix
def test_locked_part_files_and_other_files_are_skipped(tmp_path: Path) -> None:
    output = tmp_path / "a+[b].mp4"
    others = [".b.1.part.mp4", ".a+[b].1.part.gif", ".a+[b].x.part.mp4", "a+[b].mp4", "c"]
    with part_file(output) as part:
        for name in others:
            (tmp_path / name).write_text("mine")
        assert remove_stale_parts(output) == []
        assert sorted(os.listdir(tmp_path)) == sorted([*others, part.path.name])
    (tmp_path / f".a+[b].{os.getpid()}.part.mp4").touch()  # process numbers are reused
    remove_stale_parts(output)
    assert sorted(os.listdir(tmp_path)) == sorted(others)


@posix
def test_an_old_folder_that_a_killed_run_renamed_is_recovered(tmp_path: Path) -> None:
    aside = tmp_path / ".frames.1.old"
    aside.mkdir()
    (aside / "00001.png").write_text("old")
    assert remove_stale_parts(tmp_path / "frames", keep=keep_all) == [tmp_path / "frames.recovered"]
    assert os.listdir(tmp_path) == ["frames.recovered"]


@posix
def test_part_files_without_permission_are_skipped(
    unprivileged_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    part = unprivileged_folder / ".a.1.part.png"
    part.touch()
    unprivileged_folder.chmod(0o555)
    with caplog.at_level(logging.WARNING):
        assert remove_stale_parts(unprivileged_folder / "a.png", keep=keep_all) == []
    unprivileged_folder.chmod(0o333)
    assert remove_stale_parts(unprivileged_folder / "a.png", keep=keep_all) == []
    unprivileged_folder.chmod(0o777)
    assert os.listdir(unprivileged_folder) == [part.name]
