"""Properties and frames of a finished clip, as ffmpeg reports them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.video.ffmpeg import find_ffmpeg
from neuralpaint.video.formats import formats

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Probe:
    codec: str
    pixels: str  # pixel format and, in brackets, its range and colours
    height: int
    width: int
    fps: float
    frames: int
    seconds: float


def clip_path(folder: Path, name: str) -> Path:
    """Return a path in `folder` whose suffix belongs to the format called `name`."""
    return folder / ("clip" + "".join(formats[name].suffixes[:1]))


def run_ffmpeg(*arguments: str) -> tuple[bytes, str]:
    command = [find_ffmpeg(), "-hide_banner", "-nostdin", *arguments]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return done.stdout, done.stderr.decode(errors="replace")


def source(path: Path) -> list[str]:
    return ["-i", f"file:{path / '%05d.png' if path.is_dir() else path}"]


def probe(path: Path) -> Probe:
    listing, log = run_ffmpeg(
        *source(path), "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framecrc", "-"
    )
    log = log.split("Stream mapping")[0]
    line = re.search(r"Video: (.*)", log)
    assert line is not None, log
    pixels = re.search(r"\b(?:yuv|rgb|bgr|gbr|argb)\w*(?:\([^)]*\))?", line[1])
    size = re.search(r", (\d+)x(\d+)\b", line[1])
    fps = re.search(r"([\d.]+) fps", line[1])
    assert pixels is not None, line[1]
    assert size is not None, line[1]
    assert fps is not None, line[1]
    text = listing.decode()
    base = re.search(r"#tb 0: (\S+)", text)
    assert base is not None
    times = [
        [int(number) for number in row.split(",")[2:4]]
        for row in text.splitlines()
        if row.startswith("0,")
    ]
    seconds = (sum(times[-1]) - times[0][0]) * Fraction(base[1])
    return Probe(
        codec=line[1].split(",")[0].strip(),
        pixels=pixels[0],
        height=int(size[2]),
        width=int(size[1]),
        fps=float(fps[1]),
        frames=len(times),
        seconds=float(seconds),
    )


def decode(path: Path) -> Frames:
    """Return all frames (n, height, width, 3) as a player shows them."""
    if path.is_dir():
        return np.stack([np.asarray(Image.open(name)) for name in sorted(path.iterdir())])
    seen = probe(path)
    convert = "scale=flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
    if seen.pixels.startswith("yuv"):
        convert += ":in_color_matrix=bt709:in_range=tv"
    raw, _ = run_ffmpeg(
        *source(path),
        *["-map", "0:v:0", "-fps_mode", "passthrough", "-vf", f"{convert},format=rgb24"],
        *["-f", "rawvideo", "-"],
    )
    return np.frombuffer(raw, np.uint8).reshape(-1, seen.height, seen.width, 3)


def pattern(count: int, *, height: int, width: int) -> Frames:
    """Return frames (n, height, width, 3) that all differ: a gradient that fades in."""
    rows, columns = np.mgrid[0:height, 0:width]
    picture = np.stack([rows * 255 / height, columns * 255 / width, rows * 0 + 90], axis=-1)
    fade = np.linspace(0.3, 1, count)[:, None, None, None]
    return (picture * fade).round().astype(np.uint8)
