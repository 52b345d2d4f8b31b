"""Loading frames of animations made by Pillow and of clips made by ffmpeg."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clip_probe import run_ffmpeg
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.errors import PictureError, UsageError
from neuralpaint.video.frames import Frames, Timeline, is_animated, load_frames
from neuralpaint.video.writer import ClipWriter

COLOURS = [(200, 40, 30), (30, 180, 60), (40, 60, 220), (128, 128, 128)]  # of the quarters
ANIMATIONS = [".gif", ".apng", ".webp"]


def quarters(level: int = 128, *, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """Return a picture whose last quarter has a level."""
    frame = np.empty((height, width, 3), np.uint8)
    top, left = height // 2, width // 2
    frame[:top, :left], frame[:top, left:] = COLOURS[:2]
    frame[top:, :left], frame[top:, left:] = COLOURS[2], level
    return frame


def clip(path: Path, *, count: int = 9, height: int = 48, width: int = 64) -> Path:
    """Write a clip of 10 frames per second whose n-th has the level 20 n."""
    with ClipWriter(path, height=height, width=width, fps=10) as writer:
        for i in range(count):
            writer.write(quarters(20 * i, height=height, width=width))
    return path


def animation(path: Path, durations: list[int], **options: Any) -> Path:
    first, *rest = [Image.fromarray(quarters(20 * i)) for i in range(len(durations))]
    lossless: dict[str, Any] = {"lossless": True} if path.suffix == ".webp" else {}
    if path.suffix == ".avif":
        lossless = {"quality": 100, "subsampling": "4:4:4"}
    options = {"loop": 0, **lossless, **options}
    form = "PNG" if path.suffix == ".apng" else None
    first.save(path, form, save_all=True, append_images=rest, duration=durations, **options)
    return path


def shown(frames: Frames) -> list[int]:
    """Return the indices of the frames in `clip` or `animation`."""
    return [round(float(picture.pixels[-9:, -9:].mean()) / 20) for picture in frames.pictures]


def max_error(pixels: NDArray[np.uint8], expected: NDArray[np.uint8]) -> int:
    """Return the largest error in the middle of a quarter, in levels."""
    height, width = pixels.shape[0] // 4, pixels.shape[1] // 4
    middles = np.s_[height :: 2 * height, width :: 2 * width]
    return int(np.abs(pixels[middles].astype(int) - expected[middles]).max())


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov", ".mkv"])
def test_a_clip_is_loaded_with_correct_colours(tmp_path: Path, suffix: str) -> None:
    frames = load_frames(clip(tmp_path / f"a{suffix}"), count=5)
    assert shown(frames) == [0, 2, 4, 6, 8]
    assert frames.times == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert frames.seconds == pytest.approx(0.8)
    assert frames.loops is False
    for i, picture in zip(shown(frames), frames.pictures, strict=True):
        assert max_error(picture.pixels, quarters(20 * i)) <= 2


@pytest.mark.parametrize("suffix", ANIMATIONS)
def test_frames_are_spread_over_time_and_not_over_indices(tmp_path: Path, suffix: str) -> None:
    path = animation(tmp_path / f"a{suffix}", [200, 200, 50, 50, 50, 50, 200])
    frames = load_frames(path, count=4)
    assert shown(frames) == [0, 1, 2, 6]
    assert frames.seconds == pytest.approx(0.8)
    assert frames.loops is True
    assert frames.times == pytest.approx([0, 0.25, 0.5, 0.75])
    assert np.array_equal(frames.pictures[1].pixels, quarters(20))


def test_an_animated_avif(tmp_path: Path) -> None:
    frames = load_frames(animation(tmp_path / "a.avif", [200, 50, 50, 200]), count=3)
    assert shown(frames) == [0, 1, 3]
    assert frames.times == pytest.approx([0, 2 / 3, 1])
    assert max_error(frames.pictures[1].pixels, quarters(20)) <= 3


def test_all_frames_are_loaded_if_there_are_few(tmp_path: Path) -> None:
    path = animation(tmp_path / "a.gif", [100, 300, 100], loop=None)
    frames = load_frames(path, count=50)
    assert shown(frames) == [0, 1, 2]
    assert frames.times == pytest.approx([0, 0.25, 1])
    assert frames.seconds == pytest.approx(0.4)
    assert frames.loops is False


def test_short_gif_delays_are_those_of_browsers(tmp_path: Path) -> None:
    frames = load_frames(animation(tmp_path / "a.gif", [10, 10, 100]), count=3)
    assert frames.seconds == pytest.approx(0.3)


def test_frames_are_composed_with_the_previous_frame(tmp_path: Path) -> None:
    whole = Image.new("RGBA", (16, 16), (200, 0, 0, 255))
    part = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    part.paste((0, 0, 200, 255), (8, 8, 16, 16))
    options: dict[str, Any] = {"save_all": True, "append_images": [part], "duration": 100}
    whole.save(tmp_path / "over.png", disposal=0, blend=1, **options)
    whole.save(tmp_path / "apart.png", disposal=1, blend=0, **options)
    over = load_frames(tmp_path / "over.png", count=2).pictures[1].pixels
    apart = load_frames(tmp_path / "apart.png", count=2, background="#00ff00").pictures[1].pixels
    assert (over[2, 2].tolist(), over[12, 12].tolist()) == ([200, 0, 0], [0, 0, 200])
    assert (apart[2, 2].tolist(), apart[12, 12].tolist()) == ([0, 255, 0], [0, 0, 200])


def test_the_default_image_of_an_apng_is_not_a_frame(tmp_path: Path) -> None:
    path = animation(tmp_path / "a.apng", [100, 100], default_image=True)
    with Image.open(path) as image:
        assert image.default_image  # type: ignore[attr-defined]
    first, *rest = [Image.fromarray(quarters(20 * i)) for i in range(4)]
    first.save(path, "PNG", save_all=True, append_images=rest, duration=100, default_image=True)
    assert shown(load_frames(path, count=9)) == [1, 2, 3]


def test_an_animation_is_read_from_stdin_and_from_an_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = animation(tmp_path / "a.gif", [100, 100, 200]).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(encoded)))
    assert not is_animated("-")
    assert shown(load_frames("-", count=2)) == [0, 2]
    assert len(load_frames(io.BytesIO(encoded), count=3).pictures) == 3


def test_a_rotated_clip_is_loaded_upright(tmp_path: Path) -> None:
    path, turned = clip(tmp_path / "a.mp4"), tmp_path / "turned.mp4"
    run_ffmpeg("-display_rotation", "90", "-i", str(path), "-c", "copy", str(turned))
    pixels = load_frames(turned, count=2).pictures[0].pixels
    assert pixels.shape == (64, 48, 3)
    assert max_error(pixels, np.rot90(quarters(0))) <= 2


def test_pixels_are_scaled_to_squares(tmp_path: Path) -> None:
    path, wide = clip(tmp_path / "a.mp4"), tmp_path / "wide.mp4"
    run_ffmpeg("-i", str(path), "-vf", "setsar=2", str(wide))
    assert load_frames(wide, count=2).pictures[0].pixels.shape == (48, 128, 3)


@pytest.mark.parametrize(("height", "matrix"), [(720, "bt709"), (480, "smpte170m")])
def test_the_matrix_of_an_unlabelled_clip_depends_on_its_height(
    tmp_path: Path, height: int, matrix: str
) -> None:
    path = tmp_path / "silent.mkv"
    still = tmp_path / "a.png"
    Image.fromarray(quarters(height=height, width=64)).save(still)
    unlabelled = "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown"
    filters = f"scale=out_color_matrix={matrix}:out_range=tv,format=yuv444p,{unlabelled}"
    run_ffmpeg("-loop", "1", "-i", str(still), "-frames:v", "2", "-vf", filters, str(path))
    pixels = load_frames(path, count=2).pictures[0].pixels
    for colour, corner in zip(COLOURS, [(0, 0), (0, -1), (-1, 0), (-1, -1)], strict=True):
        assert np.abs(pixels[corner].astype(int) - colour).max() <= 4


def test_frames_of_a_long_clip(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    made = "color=black:size=64x48:rate=2:duration=90,geq=lum='16+2*T':cb=128:cr=128"
    run_ffmpeg("-f", "lavfi", "-i", made, "-g", "4", "-pix_fmt", "yuv420p", str(path))
    frames = load_frames(path, count=4)
    levels = [picture.pixels.mean() for picture in frames.pictures]
    expected = [2 * 89.5 * time * 255 / 219 for time in frames.times]
    assert levels == pytest.approx(expected, abs=3)
    assert frames.times == pytest.approx([0, 1 / 3, 2 / 3, 1], abs=0.005)


def test_the_readable_frames_of_a_damaged_clip_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.mpg"
    made = "color=black:size=64x48:rate=25:duration=2,geq=lum='16+80*T':cb=128:cr=128"
    run_ffmpeg("-f", "lavfi", "-i", made, "-g", "4", str(path))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = load_frames(path, count=4)
    assert 2 <= len(frames.pictures) <= 4
    assert frames.times[-1] == 1


def test_too_many_pixels_are_refused(tmp_path: Path) -> None:
    for path in (clip(tmp_path / "a.mp4"), animation(tmp_path / "a.gif", [50] * 9)):
        assert len(load_frames(path, count=3, max_pixels=3 * 48 * 64).pictures) == 3
        with pytest.raises(PictureError, match=r"4 frames of 'a\..* 12,288 pixels, .*--max-pixels"):
            load_frames(path, count=4, max_pixels=3 * 48 * 64)


def file_without_frames(folder: Path, name: str) -> Path:
    """Create a file that has no frames to load."""
    path = folder / name
    if name.startswith("still"):
        Image.fromarray(quarters()).save(path)
    elif name == "one.mkv":
        clip(path, count=1)
    elif name == "sound.mp4":
        run_ffmpeg("-f", "lavfi", "-i", "sine=duration=0.2", str(path))
    elif name == "pages.tiff":
        pages = [Image.fromarray(quarters(i)) for i in (0, 20)]
        pages[0].save(path, save_all=True, append_images=pages[1:])
    elif name == "half.mp4":
        path.write_bytes(clip(folder / "a.mp4").read_bytes()[:-300])
    elif name == "half.gif":
        noise = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), dtype=np.uint8)
        first, *rest = map(Image.fromarray, noise)
        first.save(path, save_all=True, append_images=rest)
        path.write_bytes(path.read_bytes()[:-2000])
    elif name == "empty.mp4":
        path.write_bytes(b"")
    elif name == "folder.mp4":
        path.mkdir()
    elif name == "playlist.mp4":
        clip(folder / "a.mp4")
        path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.mp4\n#EXT-X-ENDLIST\n")
    elif not name.startswith("nowhere"):
        path.write_text("hello\n" * 100)
    return path


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("still.png", UsageError, "does not move"),
        ("still.jpg", UsageError, "does not move"),
        ("pages.tiff", UsageError, "does not move"),
        ("one.mkv", UsageError, "does not move"),
        ("nowhere.mp4", UsageError, "no file"),
        ("nowhere.gif", UsageError, "no file"),
        ("folder.mp4", UsageError, "is a folder"),
        ("text.mp4", PictureError, "not a readable clip"),
        ("text.gif", PictureError, "not a picture"),
        ("text.ts", PictureError, "not a readable clip"),
        ("empty.mp4", PictureError, "not a readable clip"),
        ("playlist.mp4", PictureError, "not a readable clip"),
        ("half.mp4", PictureError, "damaged"),
        ("half.gif", PictureError, "damaged"),
        ("sound.mp4", PictureError, "no moving picture"),
    ],
)
def test_the_error_for_a_file_without_frames_is_one_line(
    tmp_path: Path, name: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        load_frames(file_without_frames(tmp_path, name), count=3)
    assert type(caught.value) is kind
    assert len(str(caught.value).splitlines()) == 1


def test_a_count_of_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 2 frames"):
        load_frames(tmp_path / "a.gif", count=1)


def test_is_animated(tmp_path: Path) -> None:
    for suffix in ANIMATIONS:
        assert is_animated(str(animation(tmp_path / f"a{suffix}", [100, 100])))
    assert is_animated(tmp_path / "called-like-a-clip.MP4")
    for name in ("still.png", "still.gif", "text.gif", "pages.tiff", "nowhere.gif"):
        assert not is_animated(file_without_frames(tmp_path, name))
    assert not is_animated(tmp_path)
    with (tmp_path / "a.gif").open("rb") as file:
        assert not is_animated(file)
        assert file.tell() == 0


@pytest.mark.parametrize("loops", [False, True])
@pytest.mark.parametrize("count", [2, 3, 7, 10])
def test_selected_indices_increase(loops: bool, count: int) -> None:
    rng = np.random.default_rng(count)
    for _ in range(50):
        durations = rng.choice([0.01, 0.1, 3.0], 10)
        ends = np.cumsum(durations)
        taken = Timeline(ends - durations, float(ends[-1]), loops).evenly(count)
        assert len(taken) == count
        assert taken[0] == 0
        assert (np.diff(taken) > 0).all()
        assert taken[-1] < 10


def test_frames_of_equal_duration_are_selected_evenly() -> None:
    assert Timeline(np.arange(9) / 10, 0.9).evenly(5) == [0, 2, 4, 6, 8]
    assert Timeline(np.arange(9) / 10, 0.9, loops=True).evenly(3) == [0, 3, 6]
