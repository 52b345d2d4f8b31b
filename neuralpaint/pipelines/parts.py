"""Parts: a clip or a still of a saved network, rendered by several processes or machines.

A clip is cut into parts of two seconds, wherever they are filmed: each process renders and encodes
the frames of one, and the encoded parts are joined. A still is rendered in strips, which are
written in their order as they arrive. Frames and strips are those that one process renders.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.encoders import Depth
from neuralpaint.pipelines.clip import Clip
from neuralpaint.pipelines.executors import PlacementSettings
from neuralpaint.pipelines.job import Job, Result
from neuralpaint.pipelines.render import RenderSettings, prepare_render
from neuralpaint.pipelines.still import Still
from neuralpaint.rendering.render import strips_of
from neuralpaint.runtime.files import part_file, remove_stale_parts, temporary_folder
from neuralpaint.runtime.progress import Progress, Report, ignore
from neuralpaint.runtime.tasks import Event, Reported, Task, TaskPool, results_in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from neuralpaint.models.painting import Painting

__all__ = ["RenderInParts"]

_SECONDS = 2.0  # of a part of a clip
_MEMORY = 700 * 2**20  # bytes of a process that renders
_FRAMES = 12  # of the size of the output, which such a process has in memory besides


class RenderInParts:
    """A job of `render` whose work is divided into tasks."""

    def __init__(
        self,
        job: Job,
        *,
        saved: str | Path,
        settings: RenderSettings,
        audio: Path | None,
        placement: PlacementSettings,
    ) -> None:
        """Divide a job that `prepare_render` has made of the file `saved` and of these settings."""
        self._job, self._placement = job, placement
        # The name of a folder keeps its slash.
        name = os.path.basename(str(job.source.note.output).rstrip("/"))
        self._arguments = (name, job.source.note.output.endswith("/"), settings.to_dict())
        self._inputs = {"saved": Path(saved), **({} if audio is None else {"audio": audio})}
        self._device = settings.machine.device

    def facts(self) -> dict[str, Any]:
        """Return the plan, for --dry-run and --json."""
        return self._job.facts() | {"parts": self._count, "on": self._placement.on}

    @property
    def _count(self) -> int:
        if isinstance(self._job, Clip):
            return len(_parts_of(self._job))
        return len(strips_of(self._job.viewport.canvas))

    def run(self, report: Report = ignore) -> Result:
        """Make the file.

        Raises:
            NeuralPaintError: as in the job; or a task has failed, and no file is written.
            KeyboardInterrupt: the run was interrupted, and no file is written.
        """
        pixels = self._job.viewport.height * self._job.viewport.width
        memory = _MEMORY
        if isinstance(self._job, Clip):
            memory += _FRAMES * 3 * pixels
        with self._placement.pool(device=self._device, memory=memory, tasks=self._count) as pool:
            if isinstance(self._job, Clip):
                return self._film(self._job, pool, report)
            assert isinstance(self._job, Still)
            self._job.use_strips(_Strips(pool, self._arguments, self._inputs))
            return self._job.run(report)

    def _film(self, clip: Clip, pool: TaskPool, report: Report) -> Result:
        parts = _parts_of(clip)
        progress = _FilmProgress(clip, report)
        remove_stale_parts(clip.output)
        with part_file(clip.output, folder=True, kind="parts") as folder:
            files = [folder.path / f"{n:05}{clip.part_suffix}" for n in range(len(parts))]
            cover = folder.path / "cover.jpg"
            newest = next(n for n, frames in enumerate(parts) if clip.shows_result(frames))
            tasks = [
                Task(
                    _key(frames),
                    film_part,
                    (*self._arguments, frames.start, frames.stop),
                    inputs=self._inputs,
                    outputs={"part": file, **({"cover": cover} if number == newest else {})},
                )
                for number, (frames, file) in enumerate(zip(parts, files, strict=True))
            ]
            results = list(results_in_order(pool, tasks, on_event=progress.update))
            report(Progress("encode", 1.0))
            lengths = [len(frames) for frames in parts]
            return clip.join_parts(
                list(zip(files, lengths, strict=True)), results[newest], cover=cover
            )


def _parts_of(clip: Clip) -> list[range]:
    """Return the frames of each part; they depend on the clip alone, and so does its file."""
    length = max(1, round(_SECONDS * clip.fps))
    # A rest of less than half a part belongs to the last one: an encoder needs some frames.
    count = max(1, math.floor(clip.frames / length + 0.5))
    stops = [*(number * length for number in range(1, count)), clip.frames]
    return [range(start, stop) for start, stop in pairwise([0, *stops])]


def _key(frames: range) -> str:
    return f"frames {frames.start + 1} to {frames.stop}"


class _FilmProgress:
    """The progress of a clip from that of its parts."""

    def __init__(self, clip: Clip, report: Report) -> None:
        self._lengths = {_key(frames): len(frames) for frames in _parts_of(clip)}
        self._done: dict[str, float] = {}
        self._clip, self._report = clip, report

    def update(self, event: Event) -> None:
        if isinstance(event, Reported):
            self._done[event.key] = event.progress.done
        done = sum(self._lengths[key] * part for key, part in self._done.items())
        fraction = min(1.0, done / self._clip.frames)
        shots = self._clip.shots
        steps = self._clip.source.steps
        self._report(
            Progress("film", fraction, steps, steps, shot=round(fraction * shots), shots=shots)
        )


class _Strips:
    """Renders the strips of a still in other processes, see `render_strips`."""

    def __init__(
        self, pool: TaskPool, arguments: tuple[Any, ...], inputs: Mapping[str, Path]
    ) -> None:
        self._pool, self._arguments, self._inputs = pool, arguments, inputs

    def __call__(
        self, painting: Painting, canvas: Canvas, *, depth: Depth
    ) -> Iterator[NDArray[Any]]:
        strips = strips_of(canvas)
        tasks = [
            Task(
                f"rows {rows.start + 1} to {rows.stop}",
                render_strip,
                (*self._arguments, rows, depth),
                inputs=self._inputs,
            )
            for rows in strips
        ]
        pixels = (strips[0].stop - strips[0].start) * canvas.width
        size = pixels * canvas.channels * (depth // 8)
        return results_in_order(self._pool, tasks, window=self._pool.window(size))


def film_part(
    name: str,
    is_folder: bool,
    values: Mapping[str, Any],
    first: int,
    stop: int,
    *,
    files: Mapping[str, Path],
    report: Report,
) -> Result:
    """Film some frames of a clip; the function of a task."""
    clip = _prepare(name, is_folder, values, files)
    assert isinstance(clip, Clip)
    return clip.film_part(
        range(first, stop), files["part"], cover=files.get("cover"), report=report
    )


def render_strip(
    name: str,
    is_folder: bool,
    values: Mapping[str, Any],
    rows: slice,
    depth: Depth,
    *,
    files: Mapping[str, Path],
    report: Report,
) -> NDArray[Any]:
    """Render a strip of a still, see `Still.strip`; the function of a task."""
    saved = files["saved"]
    status = saved.stat()
    still = _still(str(saved), status.st_mtime_ns, name, json.dumps(dict(values)))
    return np.ascontiguousarray(still.strip(rows, depth=depth))


@lru_cache(maxsize=1)
def _still(saved: str, modified: int, name: str, values: str) -> Still:
    """Return the job of a still; cached, because a worker renders many strips of one."""
    still = _prepare(name, False, json.loads(values), {"saved": Path(saved)})
    assert isinstance(still, Still)
    return still


def _prepare(
    name: str, is_folder: bool, values: Mapping[str, Any], files: Mapping[str, Path]
) -> Job:
    # Nothing is written there: the name decides what the job is.
    folder = files["part"].parent if "part" in files else temporary_folder()
    output = f"{folder / name}{'/' if is_folder else ''}"
    return prepare_render(
        files["saved"],
        output,
        settings=RenderSettings.from_dict(values),
        audio=files.get("audio"),
        overwrite=True,
    )
