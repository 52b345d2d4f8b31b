"""One picture of a batch: what is made of it, and the task that makes it in another process."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
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
from neuralpaint.video.sinks import check_clip

__all__ = ["KINDS", "Item", "Kind"]

# They change how a picture is computed, not what is made of it.
_ELSEWHERE = {"threads", "checkpoint"}


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
        named = {"output": self.name, "record": self.record, "save": self.save}
        return {role: name for role, name in named.items() if name is not None}

    def options(self) -> str:
        """Return a digest of all options, and of the files that they name."""
        return _digest(self.do, self.settings, self.audio)

    def check(self, folder: Path) -> None:
        """Check what can be checked without the picture.

        Raises:
            UsageError: the options do not fit together, or the name does not fit to them.
        """
        output = folder / self.name
        if self.do == "paint" or (self.do == "inpaint" and makes_still(output, ambiguous=True)):
            check_is_still(output)
            if self.audio is not None:
                raise UsageError("--audio: a still has no sound")
            return
        name = self.settings.to_dict()["format"]
        if name is None:
            check_is_clip(output)
        form = format_for(output, name)
        check_clip(folder.with_suffix(".clip"), form, audio=self.audio, overwrite=True)

    def task(self, folder: Path) -> Task:
        """Return the task that makes the files in the folder."""
        inputs = {"source": Path(self.source)}
        if self.audio is not None:
            inputs["audio"] = Path(self.audio)
        inputs |= {name: Path(path) for name, path in self.settings.files().items()}
        outputs = {role: folder / name for role, name in self.names.items()}
        if self.settings.to_dict().get("cover"):
            outputs["cover"] = cover_of(outputs["output"])
        arguments = (self.do, self.settings.to_dict())
        return Task(self.name, make, arguments, inputs=inputs, outputs=outputs)


@cache
def _digest(do: str, settings: Settings, audio: str | None) -> str:
    values = {k: v for k, v in settings.to_dict().items() if k not in _ELSEWHERE}
    paths = {**settings.files(), **({"audio": audio} if audio else {})}
    files = {name: digest_of_file(path) for name, path in paths.items()}
    content = {"do": do, "settings": values | files, "audio": files.get("audio")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]


def make(
    do: str, values: Mapping[str, Any], *, files: Mapping[str, Path], report: Report
) -> dict[str, Any]:
    """Make the result of one picture; return the fields of its entry in the manifest.

    The files of an earlier run that was killed are removed, or continued if they can be.

    Raises:
        NeuralPaintError: as in the command.
    """
    began = time.perf_counter()
    source, output = files["source"], files["output"]
    digest = digest_of_file(source)
    for path in (files[role] for role in ("output", "record", "save") if role in files):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_stale_parts(path)
    kind = KINDS[do]
    chosen = {**values, **{name: str(files[name]) for name in files if name in values}}
    settings = kind.settings.from_dict(chosen)
    job = _prepare(kind, settings, files)
    result = job.run(report)
    if result.interrupted:
        raise CancelledError
    return {
        "sha256": digest,
        "psnr": _finite(result.psnr),
        "seconds": round(time.perf_counter() - began, 3),
        **_facts(result, output),
    }


def _prepare(kind: Kind, settings: Settings, files: Mapping[str, Path]) -> Job:
    """Return the job; it continues an interrupted one if that had the same settings."""
    source, output = files["source"], files["output"]
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
        "bytes": output.stat().st_size if output.is_file() else None,
        "peak_memory_mb": _finite(result.peak_memory_mb),
    }


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
