"""What a killed run left is kept where it can be played."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from clip_probe import pattern, probe

from neuralpaint.runtime.files import remove_stale_parts
from neuralpaint.video.formats import formats
from neuralpaint.video.sinks import sink_for
from neuralpaint.video.writer import ClipWriter


def abandon(path: Path, *, kind: str = "part", complete: bool = True) -> Path:
    """Leave what a killed run would leave of `path`."""
    with ClipWriter(path, height=32, width=32, fps=30) as clip:
        for frame in pattern(3, height=32, width=32):
            clip.write(frame)
    part = path.with_name(f".{path.stem}.1.{kind}{path.suffix}")
    raw = path.read_bytes()
    path.unlink()
    part.write_bytes(raw if complete else raw[: len(raw) // 3])
    return part


def recover(target: Path, name: str) -> list[Path]:
    return remove_stale_parts(target, keep=sink_for(formats[name]()).is_playable)


@pytest.mark.parametrize("kind", ["part", "sound"])
def test_a_finished_film_is_kept(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "a.mp4"
    abandon(target, kind=kind)
    (kept,) = recover(target, "mp4")
    assert os.listdir(tmp_path) == [kept.name] == ["a.recovered.mp4"]
    assert probe(kept).frames == 3


@pytest.mark.parametrize("name", ["mp4", "gif"])
def test_what_cannot_be_played_is_removed(tmp_path: Path, name: str) -> None:
    abandon(tmp_path / "a.mp4", complete=False).rename(tmp_path / f".a.1.part.{name}")
    (tmp_path / f".a.2.part.{name}").touch()
    assert recover(tmp_path / f"a.{name}", name) == []
    assert os.listdir(tmp_path) == []


def test_a_folder_keeps_its_whole_frames(tmp_path: Path) -> None:
    part = tmp_path / ".frames.1.part"
    part.mkdir()
    for name in ("00001.png", "00002.png", "00003.part"):
        (part / name).write_bytes(b"frame")
    (tmp_path / ".frames.2.part").mkdir()
    assert recover(tmp_path / "frames", "png") == [tmp_path / "frames.recovered"]
    assert sorted(os.listdir(tmp_path / "frames.recovered")) == ["00001.png", "00002.png"]
    assert os.listdir(tmp_path) == ["frames.recovered"]
