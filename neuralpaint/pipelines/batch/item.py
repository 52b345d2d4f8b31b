"""One picture of a batch: what is made of it, and the task that makes it in another process."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralpaint.config.settings import Settings
from neuralpaint.errors import SavedError, UsageError
from neuralpaint.pipelines.batch.manifest import digest_of_file
from neuralpaint.pipelines.inpaint import InpaintSettings, prepare_inpaint
from neuralpaint.pipelines.job import Job, Result
from neuralpaint.pipelines.outputs import check_is_clip, check_is_still, cover_of, makes_still
from neuralpaint.pipelines.paint import PaintSettings, prepare_paint
from neuralpaint.pipelines.video import VideoSettings, prepare_video
from neuralpaint.runtime.files import remove_stale_parts
from neuralpaint.runtime.progress import Report
from neuralpaint.runtime.tasks import CancelledError, Task
from neuralpaint.storage.resume import Resume
from neuralpaint.video.formats import format_for
from neuralpaint.video.sinks import check_clip_format

__all__ = ["KINDS", "Item", "Kind", "make", "size_of"]

# They change how a picture is computed, not what is made of it.
_ELSEWHERE = {"threads", "checkpoint"}
_WRITTEN = ("output", "record", "save", "cover")


@dataclass(frozen=True)
class Kind:
    """A command that can be run on many pictures."""

    settings: type[Settings]
    prepare: Callable[..., Job]
    suffix: str
    """Of the results, unless the user chooses one."""
    accepts_audio: bool = True


KINDS = {
    "video": Kind(VideoSettings, prepare_video, ".mp4"),
    "paint": Kind(PaintSettings, prepare_paint, ".png", accepts_audio=False),
    "inpaint": Kind(InpaintSettings, prepare_inpaint, ".png"),
}


@dataclass(frozen=True, slots=True)
class Item:
    """A picture and what is made of it. Names are those of files in the folder of the batch."""

    source: str
    name: str
    do: str
    settings: Settings
    audio: str | None = None
    record: str | None = None
    save: str | None = None

    @property
    def names(self) -> dict[str, str]:
        """The names of the files that are made, by their role."""
        has_cover = self.settings.to_dict().get("cover")
        cover = str(cover_of(self.name)) if has_cover else None
        named = {"output": self.name, "record": self.record, "save": self.save, "cover": cover}
        return {role: name for role, name in named.items() if name is not None}

    @property
    def inputs(self) -> dict[str, str]:
        """The paths of the files that are read, by their role or option."""
        audio = {} if self.audio is None else {"audio": self.audio}
        return {"source": self.source, **audio, **self.settings.files()}

    def options(self) -> str:
        """Return a digest of all options, and of the files that they name."""
        values = {k: v for k, v in self.settings.to_dict().items() if k not in _ELSEWHERE}
        named = {name: path for name, path in self.inputs.items() if name != "source"}
        files = {name: digest_of_file(path) for name, path in named.items()}
        content = {"do": self.do, "settings": values | files, "audio": files.get("audio")}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]

    def check(self, folder: Path) -> None:
        """Check what can be checked without the picture and without the folder.

        Raises:
            UsageError: the options do not fit together, or the name does not fit to them.
            EncodingError: ffmpeg or its encoder is missing.
        """
        output = os.path.join(folder, self.name)  # a Path would drop the slash of a folder
        if self.do == "paint" or (self.do == "inpaint" and makes_still(output, ambiguous=True)):
            check_is_still(output)
            if self.audio is not None:
                raise UsageError("--audio: a still has no sound")
            return
        name = self.settings.to_dict()["format"]
        if name is None:
            check_is_clip(output)
        check_clip_format(format_for(output, name), audio=self.audio)

    def task(self, folder: Path) -> Task:
        """Return the task that makes the files in the folder."""
        inputs = {name: Path(path) for name, path in self.inputs.items()}
        outputs = {role: folder / name for role, name in self.names.items()}
        is_folder = self.name.endswith("/")
        arguments = (self.do, self.settings.to_dict(), tuple(self.settings.files()), is_folder)
        return Task(self.name, make, arguments, inputs=inputs, outputs=outputs)


def size_of(path: Path) -> int | None:
    """Return the bytes of a file; None if there is none, or a folder."""
    return path.stat().st_size if os.path.isfile(path) else None


def make(
    do: str,
    values: Mapping[str, Any],
    paths: Sequence[str],
    is_folder: bool,
    *,
    files: Mapping[str, Path],
    report: Report,
) -> dict[str, Any]:
    """Make the result of one picture; return the fields of its entry in the manifest.

    The files of an earlier run that was killed are removed, or continued if they can be.

    Args:
        do: the command.
        values: its settings.
        paths: those of them that are paths; `files` has the paths on this machine.
        is_folder: whether the result is a folder of frames.
        files: the paths of the inputs and outputs of an item, by name.
        report: called with the progress.

    Raises:
        NeuralPaintError: as in the command.
    """
    began = time.perf_counter()
    digest = digest_of_file(files["source"])
    for path in (files[role] for role in _WRITTEN if role in files):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_stale_parts(path)
    kind = KINDS[do]
    settings = kind.settings.from_dict({**values, **{name: str(files[name]) for name in paths}})
    job = _prepare(kind, settings, files, is_folder=is_folder)
    result = job.run(report)
    if result.interrupted:
        raise CancelledError
    return {
        "sha256": digest,
        "psnr": _finite(result.psnr),
        "seconds": round(time.perf_counter() - began, 3),
        **_facts(result, files["output"]),
    }


def _prepare(kind: Kind, settings: Settings, files: Mapping[str, Path], *, is_folder: bool) -> Job:
    """Return the job; it continues an interrupted one if that had the same settings."""
    source, output = files["source"], f"{files['output']}{'/' if is_folder else ''}"
    audio = {"audio": files["audio"]} if "audio" in files else {}

    def prepared(*, resume: bool) -> Job:
        resumed = Resume(
            output,
            record=files.get("record"),
            save=files.get("save"),
            resume=resume,
            overwrite=True,
        )
        return kind.prepare(source, output, settings=settings, resume=resumed, **audio)

    if Resume.checkpoint_path(output).exists():
        try:
            return prepared(resume=True)
        except (UsageError, SavedError):
            pass  # that run had other settings, or another picture
    return prepared(resume=False)


def _facts(result: Result, output: Path) -> dict[str, Any]:
    return {
        "width": result.width,
        "height": result.height,
        "frames": result.frames,
        "steps": result.steps,
        "hole_psnr": _finite(result.hole_psnr),
        "device": result.device,
        "bytes": size_of(output),
        "peak_memory_mb": _finite(result.peak_memory_mb),
    }


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
