"""`batch`: one command on many pictures. Each is a task; the manifest has a line for each."""

from __future__ import annotations

import contextlib
import logging
import os
import string
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from neuralpaint.config.presets import expanded
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.pipelines.batch.checks import (
    check_folder,
    check_names,
    check_nothing_is_replaced,
    check_options,
)
from neuralpaint.pipelines.batch.inputs import Row, read_inputs
from neuralpaint.pipelines.batch.item import KINDS, Item, size_of
from neuralpaint.pipelines.batch.manifest import (
    NAME,
    Manifest,
    digest_of_file,
    is_unchanged,
    read_manifest,
)
from neuralpaint.pipelines.executors import TRAINING_MEMORY, PlacementSettings
from neuralpaint.pipelines.inpaint import unused_options
from neuralpaint.pipelines.outputs import not_preset
from neuralpaint.runtime.files import write_error
from neuralpaint.runtime.progress import Progress, Report, ignore
from neuralpaint.runtime.tasks import (
    Cancelled,
    Ended,
    Failed,
    Finished,
    Logged,
    Reported,
    Started,
    Task,
    TaskPool,
    TaskRun,
)

__all__ = ["Batch", "BatchResult", "BatchSettings", "batch", "items_of", "unused_for"]

_log = logging.getLogger(__name__)

_FIELDS = ("stem", "name", "folder", "number")


@dataclass(frozen=True)
class BatchSettings(Settings):
    """What is done with each picture, and the names of the results."""

    section: ClassVar[str] = "Output"

    do: Literal["video", "paint", "inpaint"] = setting(
        "video", "what is done with each picture: this command, whose options can all be given"
    )
    name: str | None = setting(
        None,
        "the name of each result in FOLDER, from the name of its picture: {stem} without its "
        "suffix, {name} with it, {folder} that of its folder, {number} its place in the list; "
        "unset, {stem}.mp4 for video and {stem}.png for the others",
        unit="PATTERN",
    )

    @property
    def pattern(self) -> str:
        """The pattern of names."""
        return f"{{stem}}{KINDS[self.do].suffix}" if self.name is None else self.name


@dataclass(frozen=True)
class BatchResult:
    """What has been made, and what is missing."""

    folder: Path
    manifest: Path
    pictures: int
    done: int
    """Made by this run."""
    failed: int
    skipped: int
    """Made by an earlier run, and unchanged since."""
    missing: int
    """Not made, because the run was interrupted."""
    total_seconds: float
    interrupted: bool


def batch(
    pictures: Sequence[str | Path] | str | Path,
    folder: str | Path,
    *,
    do: str = "video",
    name: str | None = None,
    settings: Settings | None = None,
    audio: str | Path | None = None,
    record: str | None = None,
    save: str | None = None,
    placement: PlacementSettings | None = None,
    resume: bool = False,
    overwrite: bool = False,
    report: Report = ignore,
    **options: object,
) -> BatchResult:
    """Run `video`, `paint` or `inpaint` on many pictures, several at the same time.

    A picture that fails stops no other one: `BatchResult.failed` counts them, and
    `FOLDER/manifest.jsonl` has the reasons. A KeyboardInterrupt finishes what is nearly done.

    Worker processes import the main module of a script: call this under
    `if __name__ == "__main__":`.

    Args:
        pictures: files, folders, patterns such as `in/*.jpg`; tables of them without options.
        folder: for the results; it is created.
        do: the command.
        name: the pattern of the results' names, see `BatchSettings`.
        settings: all settings of the command.
        audio: a sound file for each clip.
        record: the pattern of names for a take of each training; None: no takes.
        save: the pattern of names for a painting of each training; None: no paintings.
        placement: where the tasks run, and how many at once.
        resume: whether only what is missing in `folder`, or has changed, is made.
        overwrite: whether an earlier batch in `folder` is replaced.
        report: called with the progress of all; and after each picture with the phase "picture" and
            its entry of the manifest in `details`.
        **options: fields of the settings of the command, instead of `settings`; or `jobs`, `on`,
            `task_cpus` and `task_gpus`, instead of `placement`.

    Raises:
        UsageError: an option cannot be used, or two results have one name.
        EncodingError: the folder cannot be written.
    """
    words = [pictures] if isinstance(pictures, str | Path) else pictures
    chosen = BatchSettings(do=do, name=name)  # type: ignore[arg-type]
    placed = {k: v for k, v in options.items() if k in PlacementSettings.__annotations__}
    given = {k: v for k, v in options.items() if k not in placed}
    rows = read_inputs(words, results=folder)
    if any(row.options for row in rows):
        raise UsageError("a table with options is read by the command line: give settings")
    cls = KINDS[do].settings

    def settings_of(row: Row, output: str) -> tuple[Settings, str | None]:
        unused = unused_for(do, output, given)
        made = cls.given(settings, expanded(cls, given, unused=unused))
        return made, None if audio is None else str(audio)

    items = items_of(rows, chosen, settings_of=settings_of, record=record, save=save)
    place = PlacementSettings.given(placement, placed)
    job = Batch(items, folder, placement=place, resume=resume, overwrite=overwrite)
    return job.run(report)


def unused_for(do: str, output: str, given: Collection[str]) -> set[str]:
    """Return the options that a look or a preset does not set for this output."""
    unused = set(not_preset(output))
    return unused | unused_options(output, given) if do == "inpaint" else unused


def items_of(
    rows: Sequence[Row],
    settings: BatchSettings,
    *,
    settings_of: Callable[[Row, str], tuple[Settings, str | None]],
    record: str | None = None,
    save: str | None = None,
) -> list[Item]:
    """Return the items of a batch.

    Args:
        rows: the pictures.
        settings: what is done, and the pattern of names.
        settings_of: called with a row and the name of its result; returns the settings of the
            command and the path of a sound, or None.
        record: the pattern of names for takes.
        save: the pattern of names for paintings.

    Raises:
        UsageError: a pattern or a name cannot be used.
    """
    items = []
    for number, row in enumerate(rows, 1):
        name = row.output or _named(settings.pattern, row, number=number, flag="--name")
        chosen, audio = settings_of(row, name)
        items.append(
            Item(
                row.source,
                _checked(name, row),
                settings.do,
                chosen,
                audio,
                record and _checked(_named(record, row, number=number, flag="--record"), row),
                save and _checked(_named(save, row, number=number, flag="--save"), row),
            )
        )
    return items


def _named(pattern: str, row: Row, *, number: int, flag: str) -> str:
    source = Path(row.source)
    folder = Path(os.path.abspath(row.source)).parent.name
    values = {"stem": source.stem, "name": source.name, "folder": folder, "number": number}
    try:
        used = [field for _, field, _, _ in string.Formatter().parse(pattern) if field is not None]
        if not set(used) <= set(_FIELDS):
            raise KeyError
        return pattern.format_map(values)
    except (KeyError, ValueError, IndexError):
        fields = ", ".join(f"{{{field}}}" for field in _FIELDS)
        raise UsageError(f"{flag} {pattern!r}: in braces there may be {fields}") from None


def _checked(name: str, row: Row) -> str:
    """Return the name of a file inside the folder."""
    path = Path(name)
    is_named = path.name.casefold() not in ("", NAME)
    if path.is_absolute() or ".." in path.parts or not is_named:
        where = f"{row.where}: " if row.where else ""
        raise UsageError(f"{where}{name!r} is not the name of a result in the folder: give another")
    return name


class Batch:
    """A batch; everything that can be checked is checked before the first picture."""

    def __init__(
        self,
        items: Sequence[Item],
        folder: str | Path,
        *,
        placement: PlacementSettings,
        resume: bool = False,
        overwrite: bool = False,
    ) -> None:
        """Prepare a batch of items into a folder; see `batch`.

        Raises:
            UsageError: two results have one name, the folder contains an earlier batch, or the
                options of an item cannot be used.
            EncodingError: the folder cannot be written.
        """
        self._began = time.perf_counter()
        self.folder = Path(folder)
        self.manifest = self.folder / NAME
        self._items, self._placement = items, placement
        self._resume, self._overwrite = resume, overwrite
        if resume and overwrite:
            raise UsageError("--resume and -y exclude each other: give one of them")
        check_names(items, self.folder)
        check_folder(self.folder)
        if not (resume or overwrite):
            check_nothing_is_replaced(items, self.folder)
        check_options(items, self.folder)
        self._digests: dict[tuple[Settings, str | None], str] = {}
        entries = read_manifest(self.manifest) if resume else {}
        self._todo = [item for item in items if not self._is_made(item, entries)]
        self._counts = {"done": 0, "failed": 0, "skipped": len(items) - len(self._todo)}
        self._running: dict[str, Progress] = {}
        self._stats: dict[str, os.stat_result] = {}
        self._by_name = {item.name: item for item in self._todo}

    def _is_made(self, item: Item, entries: Mapping[str, Mapping[str, Any]]) -> bool:
        entry = entries.get(item.name)
        return (
            entry is not None
            and entry.get("status") == "done"
            and entry.get("options") == self._options(item)
            and all(os.path.exists(self.folder / name) for name in item.names.values())
            and entry.get("bytes") == size_of(self.folder / item.name)
            and is_unchanged(entry, item.source)
        )

    def _options(self, item: Item) -> str:
        """Return `item.options()`; files that many items share are read once."""
        key = item.settings, item.audio
        if key not in self._digests:
            self._digests[key] = item.options()
        return self._digests[key]

    def facts(self) -> dict[str, Any]:
        """Return the plan, for --dry-run and --json."""
        todo = {item.name for item in self._todo}
        return {
            "do": self._items[0].do,
            "folder": str(self.folder),
            "on": self._placement.on,
            "jobs": self._placement.jobs,
            "skipped": self._counts["skipped"],
            "pictures": [
                {
                    "input": item.source,
                    "output": str(self.folder / item.name),
                    "skipped": item.name not in todo,
                }
                for item in self._items
            ],
        }

    def run(self, report: Report = ignore) -> BatchResult:
        """Make all results that are missing; `report` is called with the progress of all.

        After a first KeyboardInterrupt, what is nearly done is finished; a second one stops at
        once.
        """
        with contextlib.ExitStack() as stack:
            # Without a pool, nothing is written: an earlier manifest stays as it is.
            pool = stack.enter_context(self._pool()) if self._todo else None
            self._make_folder()
            manifest = stack.enter_context(Manifest(self.manifest, starts_over=not self._resume))
            interrupted = pool is not None and self._run(pool, manifest, report)
        made = sum(self._counts.values())
        return BatchResult(
            folder=self.folder,
            manifest=self.manifest,
            pictures=len(self._items),
            missing=len(self._items) - made,
            total_seconds=round(time.perf_counter() - self._began, 3),
            interrupted=interrupted and made < len(self._items),
            **self._counts,
        )

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise write_error(self.folder, error) from error

    def _run(self, pool: TaskPool, manifest: Manifest, report: Report) -> bool:
        """Run the tasks; return whether they were interrupted."""
        self._slots = pool.slots
        run = TaskRun(pool, self._tasks())
        for event in run.events():
            item = self._by_name[event.key]
            if isinstance(event, Started):
                self._running[item.name] = Progress("start", 0.0)
            elif isinstance(event, Reported):
                self._running[item.name] = event.progress
            elif isinstance(event, Logged):
                if event.level >= logging.WARNING:
                    _log.warning("%s: %s", item.source, event.text)
                continue
            elif isinstance(event, Ended):
                self._end(item, event, manifest, report)
            report(self._progress("batch"))
        return run.interrupted

    def _pool(self) -> TaskPool:
        first = self._todo[0].settings.to_dict()
        return self._placement.pool(
            device=str(first["device"]), memory=TRAINING_MEMORY, tasks=len(self._todo)
        )

    def _tasks(self) -> Iterator[Task]:
        for item in self._todo:
            with contextlib.suppress(OSError):
                self._stats[item.name] = os.stat(item.source)
            yield item.task(self.folder)

    def _end(self, item: Item, event: Ended, manifest: Manifest, report: Report) -> None:
        self._running.pop(item.name, None)
        status = self._stats.pop(item.name, None)
        if isinstance(event, Cancelled):
            return
        facts: Mapping[str, Any] = event.result if isinstance(event, Finished) else {}
        entry = {
            "input": item.source,
            "sha256": facts.get("sha256") or digest_of_file(item.source),
            "output": str(self.folder / item.name),
            "status": "done" if isinstance(event, Finished) else "failed",
            "psnr": facts.get("psnr"),
            "seconds": facts.get("seconds"),
            "error": event.message if isinstance(event, Failed) else None,
            "name": item.name,
            "options": self._options(item),
            "size": None if status is None else status.st_size,
            "modified": None if status is None else status.st_mtime_ns,
        }
        manifest.append(entry | {k: v for k, v in facts.items() if k not in entry})
        self._counts[str(entry["status"])] += 1
        report(replace(self._progress("picture"), details=entry))

    def _progress(self, phase: str) -> Progress:
        """Return the progress of the whole batch."""
        made = sum(self._counts.values())
        partly = sum(progress.done for progress in self._running.values())
        details = {
            "made": self._counts["done"],
            "failed": self._counts["failed"],
            "skipped": self._counts["skipped"],
            "pictures": len(self._items),
            "slots": self._slots,
            "running": dict(self._running),
        }
        return Progress(phase, (made + partly) / len(self._items), details=details)
