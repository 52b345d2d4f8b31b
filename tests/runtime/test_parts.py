"""Parts: published in one step, removed after a failure, and found again after a kill."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from neuralpaint.errors import EncodingError
from neuralpaint.runtime.parts import claimed, sweep

posix = pytest.mark.skipif(os.name == "nt", reason="needs locks")


def write(target: Path, text: str) -> None:
    with claimed(target) as part:
        part.path.write_text(text)
        part.publish()


def keep_all(part: Path) -> bool:
    return True


def test_a_part_lies_hidden_beside_its_target_until_it_is_published(tmp_path: Path) -> None:
    with claimed(tmp_path / "out.mp4") as part:
        assert os.listdir(tmp_path) == [f".out.{os.getpid()}.part.mp4"]
        part.path.write_text("new")
        part.publish()
        assert os.listdir(tmp_path) == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_text() == "new"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_target_as_it_was(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    path = tmp_path / "out.mp4"
    write(path, "old")

    def write_half() -> None:
        with claimed(path) as part:
            part.path.write_text("half")
            raise failure

    with pytest.raises(failure):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.mp4"]


@posix
def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "out.mp4"
    link.symlink_to("far/real.mp4")
    write(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "far" / "real.mp4").read_text() == "new"


@posix
@pytest.mark.parametrize("stem", ["x" * 251, "é" * 125, "x" + "é" * 125])
def test_the_longest_names_can_be_written_and_told_apart(tmp_path: Path, stem: str) -> None:
    path, other = tmp_path / f"{stem}.mp4", tmp_path / f"{stem[:-1]}y.mp4"
    with claimed(path) as part, claimed(other) as another:
        assert part.path != another.path
        part.path.write_text("new")
        part.publish()
    assert path.read_text() == "new"


def test_the_same_target_twice_at_once_is_refused(tmp_path: Path) -> None:
    with (
        claimed(tmp_path / "a.png"),
        pytest.raises(EncodingError, match=r"a\.png' is being written already"),
        claimed(tmp_path / "a.png"),
    ):
        pass


def test_a_folder_that_goes_away(tmp_path: Path) -> None:
    with (
        pytest.raises(EncodingError, match=r"a\.png' cannot be written \(No such"),
        claimed(tmp_path / "gone" / "a.png"),
    ):
        pass
    assert sweep(tmp_path / "gone" / "a.png") == []


KILLED = """
import os, sys
from pathlib import Path
from neuralpaint.runtime.parts import claimed
with claimed(sys.argv[1]) as part:
    part.path.write_text("half")
    os.kill(os.getpid(), 9)
"""


@posix
def test_what_a_killed_run_left_is_removed_or_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = tmp_path / "a.png"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    assert len(os.listdir(tmp_path)) == 2
    assert sweep(target, keep=keep_all) == [
        tmp_path / "a.recovered.png",
        tmp_path / "a.recovered-2.png",
    ]
    assert str(tmp_path / "a.recovered-2.png") in caplog.text
    subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    assert sweep(target) == []
    assert sorted(os.listdir(tmp_path)) == ["a.recovered-2.png", "a.recovered.png"]


@posix
def test_what_is_being_written_and_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "a+[b].mp4"
    others = [".b.1.part.mp4", ".a+[b].1.part.gif", ".a+[b].x.part.mp4", "a+[b].mp4", "c"]
    with claimed(target) as part:
        for name in others:
            (tmp_path / name).write_text("mine")
        assert sweep(target) == []
        assert sorted(os.listdir(tmp_path)) == sorted([*others, part.path.name])
    (tmp_path / f".a+[b].{os.getpid()}.part.mp4").touch()  # numbers come again
    sweep(target)
    assert sorted(os.listdir(tmp_path)) == sorted(others)


@posix
def test_old_frames_that_a_kill_left_aside_are_found(tmp_path: Path) -> None:
    aside = tmp_path / ".frames.1.old"
    aside.mkdir()
    (aside / "00001.png").write_text("old")
    assert sweep(tmp_path / "frames", keep=keep_all) == [tmp_path / "frames.recovered"]
    assert os.listdir(tmp_path) == ["frames.recovered"]


@posix
def test_what_may_not_be_touched_is_no_failure(
    nobodys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    part = nobodys / ".a.1.part.png"
    part.touch()
    nobodys.chmod(0o555)
    with caplog.at_level(logging.WARNING):
        assert sweep(nobodys / "a.png", keep=keep_all) == []
    nobodys.chmod(0o333)
    assert sweep(nobodys / "a.png", keep=keep_all) == []
    nobodys.chmod(0o777)
    assert os.listdir(nobodys) == [part.name]
