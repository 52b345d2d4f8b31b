"""Clips and stills that are rendered in parts: the same frames as in one piece."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clip_probe import probe
from films import QUICK, frames_of, save_photo
from PIL import Image
from sounds import noise, save_wav

import neuralpaint as npaint
from neuralpaint.errors import NeuralPaintError
from neuralpaint.pipelines.clip import Clip
from neuralpaint.pipelines.executors import PlacementSettings
from neuralpaint.pipelines.parts import RenderInParts
from neuralpaint.pipelines.render import RenderSettings, prepare_render
from neuralpaint.rendering.viewport import Viewport
from neuralpaint.runtime.progress import Progress, Report, ignore
from neuralpaint.runtime.tasks import Event, Failed, Finished, Started, Task, TaskPool, run_task
from neuralpaint.video.reader import read_tag


class Inline(TaskPool):
    """Runs each task in this process, the newest first."""

    slots = 3

    def __init__(self, fails: str = "") -> None:
        self.tasks: list[Task] = []
        self._fails = fails

    @property
    def room(self) -> int:
        return self.slots - len(self.tasks)

    def window(self, result_bytes: int) -> int:
        return self.slots

    def submit(self, task: Task) -> None:
        self.tasks.append(task)

    def wait(self, seconds: float) -> Sequence[Event]:
        task = self.tasks.pop()
        if task.key == self._fails:
            return [Failed(task.key, "its machine has died")]
        messages: deque[Any] = deque()
        result = run_task(task, messages.append)
        return [Started(task.key), Finished(task.key, lambda: result)]

    def cancel(self, key: str) -> None:
        raise AssertionError

    def close(self) -> None:
        self.tasks.clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the take and the painting of a film, and a sound."""
    folder = tmp_path_factory.mktemp("parts")
    photo = save_photo(folder / "photo.png")
    npaint.timelapse(
        photo, folder / "film.mkv", record=folder / "film.take", save=folder / "it.painting",
        **QUICK,
    )  # fmt: skip
    save_wav(folder / "noise.wav", noise(seconds=3.0))
    return folder


def in_parts(
    saved: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    audio: Path | None = None,
    pool: Inline | None = None,
    report: Report = ignore,
    **options: Any,
) -> npaint.Result:
    opened = pool or Inline()
    monkeypatch.setattr(PlacementSettings, "pool", lambda self, **need: opened)
    settings = RenderSettings(device="cpu", **options)
    job = prepare_render(saved, output, settings=settings, audio=audio)
    parts = RenderInParts(
        job, saved=saved, settings=settings, audio=audio, placement=PlacementSettings(jobs=3)
    )
    return parts.run(report)


LONG: dict[str, Any] = {"duration": 6.0, "fps": 6.0}  # three parts of twelve frames


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"size": "240x160", "overlay": "curve"},
        {"size": "240x160", "overlay": "caption"},
        {"overlay": "neurons,steps,title:text=Hello", "pacing": "fixed", "size": "240x160"},
        {"boomerang": True},
        {"reverse": True, "hold": 2.5},
        {"camera": "zoom-in:rest=0.5", "scale": 2.0},
        {"frames_from": "render"},
        {"every": 3},
        {"beats": 120.0},
    ],
    ids=str,
)
def test_the_frames_are_those_of_one_piece(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    options = LONG | options
    whole = npaint.render_saved(
        folder / "film.take", tmp_path / "whole.mkv", device="cpu", **options
    )
    result = in_parts(folder / "film.take", tmp_path / "parts.mkv", monkeypatch, **options)
    first, second = frames_of(tmp_path / "whole.mkv"), frames_of(tmp_path / "parts.mkv")
    assert first.shape == second.shape
    assert (first == second).all()
    same = ("width", "height", "frames", "fps", "steps", "train_seconds", "psnr")
    assert [getattr(result, name) for name in same] == [getattr(whole, name) for name in same]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts.mkv", "whole.mkv"]


@pytest.mark.parametrize("suffix", [".mkv", ".mov", ".gif", ".webp", "/"])
def test_lossless_formats_and_those_that_do_not_join_are_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    names: Any = [f"{tmp_path / name}{suffix}" for name in ("whole", "parts")]
    npaint.render_saved(folder / "film.take", names[0], device="cpu", **LONG)
    in_parts(folder / "film.take", names[1], monkeypatch, **LONG)
    whole, parts = map(Path, names)
    if suffix == "/":
        assert [path.name for path in sorted(parts.iterdir())] == [
            path.name for path in sorted(whole.iterdir())
        ]
        whole, parts = whole / "00030.png", parts / "00030.png"
        assert (np.asarray(Image.open(whole)) == np.asarray(Image.open(parts))).all()
        parts = parts.with_name("00001.png")
    elif suffix == ".webp":
        sizes = [path.stat().st_size for path in (whole, parts)]
        assert sizes[0] == sizes[1]
    else:
        assert (frames_of(whole) == frames_of(parts)).all()
    assert '"recipe": "render"' in (read_tag(parts) or "")


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize("fps", [7.3, 29.97])
def test_a_clip_with_sound_is_as_long_and_plays_at_the_same_times(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, fps: float
) -> None:
    options: dict[str, Any] = {"duration": 3.0, "fps": fps, "size": "72x64"}
    audio = folder / "noise.wav"
    names = [tmp_path / f"{name}{suffix}" for name in ("whole", "parts")]
    npaint.render_saved(folder / "film.take", names[0], audio=audio, device="cpu", **options)
    in_parts(folder / "film.take", names[1], monkeypatch, audio=audio, **options)
    assert probe(names[0]) == probe(names[1])
    # Both are lossy: each part begins with a key frame.
    apart = np.abs(frames_of(names[0]).astype(int) - frames_of(names[1]))
    assert apart.mean() < 1.5


def test_a_painting_is_filmed_and_has_a_cover(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = LONG | {"camera": "ken-burns", "cover": True}
    saved, whole, parts = folder / "it.painting", tmp_path / "whole.mkv", tmp_path / "parts.mkv"
    npaint.render_saved(saved, whole, device="cpu", **options)
    result = in_parts(saved, parts, monkeypatch, **options)
    assert result.stills == (tmp_path / "parts.cover.jpg",)
    assert (frames_of(tmp_path / "whole.mkv") == frames_of(tmp_path / "parts.mkv")).all()
    covers = [np.asarray(Image.open(tmp_path / f"{n}.cover.jpg")) for n in ("whole", "parts")]
    assert (covers[0] == covers[1]).all()


@pytest.mark.parametrize("saved", ["film.take", "it.painting"])
@pytest.mark.parametrize(
    "options", [{"size": "1500x1000"}, {"size": "1500x1000", "depth": "16"}], ids=str
)
def test_a_still_is_rendered_in_strips(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    saved: str,
    options: dict[str, Any],
) -> None:
    npaint.render_saved(folder / saved, tmp_path / "whole.png", device="cpu", **options)
    in_parts(folder / saved, tmp_path / "parts.png", monkeypatch, **options)
    whole, parts = (np.asarray(Image.open(tmp_path / f"{n}.png")) for n in ("whole", "parts"))
    assert (whole == parts).all()


def test_only_the_shots_of_a_part_are_rendered(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = RenderSettings(device="cpu", frames_from="render", hold=0, **LONG)
    clip = prepare_render(folder / "film.take", tmp_path / "a.mkv", settings=settings)
    assert isinstance(clip, Clip)
    begin, rendered = Viewport.begin_render, []

    def counted(*words: Any, **options: Any) -> Any:
        rendered.append(words)
        return begin(*words, **options)

    monkeypatch.setattr(Viewport, "begin_render", counted)
    result = clip.film_part(range(12, 24), tmp_path / "part.mkv")
    assert (len(rendered), result.frames) == (12, 12)


def test_the_progress_rises_to_its_end(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Progress] = []
    in_parts(folder / "film.take", tmp_path / "a.mkv", monkeypatch, report=seen.append, **LONG)
    done = [progress.done for progress in seen]
    assert done == sorted(done)
    assert done[-1] == 1


def test_a_part_that_fails_leaves_no_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Inline(fails="frames 13 to 24")
    with pytest.raises(NeuralPaintError, match="frames 13 to 24: its machine has died"):
        in_parts(folder / "film.take", tmp_path / "a.mkv", monkeypatch, pool=pool, **LONG)
    assert list(tmp_path.iterdir()) == []
