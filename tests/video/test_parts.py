from __future__ import annotations

import os
from pathlib import Path

import pytest
from clip_probe import pattern, probe

from neuralpaint.video.parts import claim_part, recover, sound_part
from neuralpaint.video.writer import ClipWriter


def abandon(path: Path, *, pid: int, complete: bool = True) -> Path:
    """Leave what a killed run would leave of `path`."""
    with ClipWriter(path, height=32, width=32, fps=30) as clip:
        for frame in pattern(3, height=32, width=32):
            clip.write(frame)
    part = path.with_name(f".{path.stem}.{pid}.part{path.suffix}")
    raw = path.read_bytes()
    path.unlink()
    part.write_bytes(raw if complete else raw[: len(raw) // 3])
    return part


def test_each_finished_part_is_kept_under_a_name_of_its_own(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    for _ in range(3):
        abandon(target, pid=1)
        recover(target)
    names = ["a.recovered-2.mp4", "a.recovered-3.mp4", "a.recovered.mp4"]
    assert sorted(os.listdir(tmp_path)) == names
    assert all(probe(tmp_path / name).frames == 3 for name in names)


def test_a_part_of_a_process_with_our_own_number_is_kept_too(tmp_path: Path) -> None:
    abandon(tmp_path / "a.mp4", pid=os.getpid())
    assert recover(tmp_path / "a.mp4") == [tmp_path / "a.recovered.mp4"]


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_what_cannot_be_played_is_removed(tmp_path: Path, suffix: str) -> None:
    abandon(tmp_path / "a.mp4", pid=1, complete=False).rename(tmp_path / f".a.1.part{suffix}")
    (tmp_path / f".a.2.part{suffix}").touch()
    assert recover(tmp_path / f"a{suffix}") == []
    assert os.listdir(tmp_path) == []


def test_a_folder_keeps_its_whole_frames(tmp_path: Path) -> None:
    part = tmp_path / ".frames.1.part"
    part.mkdir()
    for name in ("00001.png", "00002.png", "00003.part"):
        (part / name).write_bytes(b"frame")
    (tmp_path / ".frames.2.part").mkdir()
    assert recover(tmp_path / "frames") == [tmp_path / "frames.recovered"]
    assert sorted(os.listdir(tmp_path / "frames.recovered")) == ["00001.png", "00002.png"]
    assert os.listdir(tmp_path) == ["frames.recovered"]


def test_a_film_that_was_getting_its_sound_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    abandon(target, pid=1).rename(sound_part(target))
    assert recover(target) == [tmp_path / "a.recovered.mp4"]


def test_what_is_being_written_and_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "a+[b].mp4"
    part, lock = claim_part(target)
    others = [".b.1.part.mp4", ".a+[b].1.part.gif", ".a+[b].x.part.mp4", "a+[b].mp4", "c"]
    for name in others:
        (tmp_path / name).write_text("mine")
    assert recover(target) == []
    assert sorted(os.listdir(tmp_path)) == sorted([*others, part.name])
    os.close(lock)
    recover(target)
    assert sorted(os.listdir(tmp_path)) == sorted(others)
