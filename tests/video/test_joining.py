"""Parts of a clip that are joined."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from clip_probe import decode, pattern, probe, run_ffmpeg

from neuralpaint.errors import EncodingError
from neuralpaint.video.formats import formats
from neuralpaint.video.joining import join_clips
from neuralpaint.video.streams import list_packets
from neuralpaint.video.writer import ClipWriter

FPS = 7.1  # two frames last for 281.69 ms
FRAMES = pattern(52, height=64, width=72)


def write(path: Path, name: str, first: int, stop: int, *, is_part: bool) -> None:
    with ClipWriter(path, height=64, width=72, fps=FPS, format=name, is_part=is_part) as writer:
        for frame in FRAMES[first:stop]:
            writer.write(frame)


def duration(path: Path) -> str:
    """Return the length of a file, as its header says."""
    _, log = run_ffmpeg("-i", f"file:{path}", "-f", "null", "-")
    found = re.search(r"Duration: [\d:.]+", log)
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("name", "length"),
    [("mp4", 2), ("mp4", 13), ("webm:codec=vp9", 2), ("mkv", 2), ("mov", 2), ("webm", 13)],
)
def test_no_part_is_longer_than_its_frames(tmp_path: Path, name: str, length: int) -> None:
    """The file of a part is a little longer, or its length is rounded: that must not add up."""
    format_ = formats.parse(name)
    suffix = format_.suffixes[0]
    starts = range(0, len(FRAMES), length)
    parts = [(tmp_path / f"{start:05}{suffix}", length) for start in starts]
    for start, (part, _) in zip(starts, parts, strict=True):
        write(part, name, start, start + length, is_part=True)
    whole, joined = (tmp_path / f"{each}{suffix}" for each in ("whole", "joined"))
    write(whole, name, 0, len(FRAMES), is_part=False)
    join_clips(parts, joined, format=format_, height=64, width=72, fps=FPS)
    assert probe(joined) == probe(whole)
    assert duration(joined) == duration(whole)
    times = []
    for path in (joined, whole):
        stream = list_packets(path, max_pixels=10_000)
        assert stream is not None
        times.append(stream.starts)
    np.testing.assert_allclose(times[0], times[1], atol=0.0011)
    assert np.abs(decode(joined).astype(int) - decode(whole)).mean() < 2


def test_a_missing_part_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(EncodingError, match=r"joined\.mkv"):
        join_clips(
            [(tmp_path / "0.mkv", 1)], tmp_path / "joined.mkv", format=formats.parse("mkv"),
            height=64, width=72, fps=FPS,
        )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["parts.ffconcat"]
