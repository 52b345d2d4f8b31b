"""`neuralpaint batch`: one command on many pictures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from neuralpaint.cli.display import Display, live_line, print_table, remark, remark_written
from neuralpaint.cli.jobs import run
from neuralpaint.cli.options import (
    SectionedCommand,
    SectionedOption,
    common_options,
    output_option,
    settings_from,
    settings_options,
    typed_options,
)
from neuralpaint.config.settings import Settings, options
from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.pipelines.batch.batch import (
    Batch,
    BatchResult,
    BatchSettings,
    items_of,
    unused_for,
)
from neuralpaint.pipelines.batch.inputs import Row, read_inputs
from neuralpaint.pipelines.batch.item import KINDS
from neuralpaint.pipelines.executors import PlacementSettings
from neuralpaint.runtime.progress import Progress

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])

_NEWEST = 5  # results in the live table
_MOST_ROWS = 16  # running tasks in the live table


class _BatchCommand(SectionedCommand):
    """A command that has, besides its own options, those of the command that `--do` names."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[__name__] = list(args)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        taken = {flag for parameter in own for flag in parameter.opts}
        inner = _inner(_given_do(ctx.meta.get(__name__, [])))
        return own + [each for each in inner if taken.isdisjoint(each.opts)]


def _given_do(args: Sequence[str]) -> str:
    """Return what is done, before the options are parsed; a wrong value is reported later."""
    words = list(args[: args.index("--")]) if "--" in args else list(args)
    chosen = ""  # by the last of them
    for word, following in pairwise([*words, ""]):
        if word == "--do":
            chosen = following
        elif word.startswith("--do="):
            chosen = word.removeprefix("--do=")
    return chosen if chosen in KINDS else BatchSettings().do


@cache
def _inner(do: str) -> list[click.Option]:
    """Return the options of a command."""
    from importlib import import_module

    inner: click.Command = import_module(f"neuralpaint.cli.{do}").command
    options = [each for each in inner.params if isinstance(each, click.Option)]
    return [each for each in options if each.name != "live"]  # it watches one training


def _pattern_option(name: str, what: str) -> Callable[[F], F]:
    return click.option(
        f"--{name}",
        cls=SectionedOption,
        metavar="PATTERN",
        help=f"{what} of each training too, under a name in FOLDER such as '{{stem}}.{name}'",
    )


@click.command("batch", cls=_BatchCommand)
@click.argument("pictures", metavar="PICTURES...", nargs=-1, required=True, type=click.Path())
@output_option("the folder of the results; it is created", metavar="FOLDER")
@settings_options(BatchSettings)
@click.option(
    "--resume",
    cls=SectionedOption,
    is_flag=True,
    help="make only what is missing in FOLDER, or has failed, or has another picture or options",
)
@_pattern_option("record", "write a take")
@_pattern_option("save", "write a painting")
@settings_options(PlacementSettings)
@common_options
@click.pass_context
def command(ctx: click.Context, /, pictures: tuple[str, ...], output: str, **_: object) -> int:
    """Run a command on many PICTURES: files, folders, patterns such as 'photos/*.jpg', or tables.

    --do chooses video, paint or inpaint; all options of that command can be given. As many pictures
    as cores, memory and GPUs allow are made at the same time (--jobs). A picture that fails stops
    no other one; the exit status is 1 if any has failed. FOLDER/manifest.jsonl has a line for each:
    input, sha256, output, status, psnr, seconds, error. After Ctrl-C, what is nearly done is
    finished.

    A table is a .csv with a column input, and optionally output and columns named like options
    (steps, model, ...), or a .toml with [[picture]]: each picture has its own options. Paths in it
    are relative to it.

    \b
    neuralpaint batch photos/ -o films --preset draft
    neuralpaint batch 'in/*.jpg' -o painted --do paint --steps 500 --name '{stem}-painted.png'
    neuralpaint batch list.csv -o films --jobs 4 --resume
    """
    values = {n: ctx.params[n] for n in options(BatchSettings)}
    chosen = BatchSettings.from_dict(values)
    words = ctx.meta[__name__]
    items = items_of(
        read_inputs(pictures, results=output),
        chosen,
        settings_of=_RowSettings(ctx, chosen.do, words),
        record=ctx.params["record"],
        save=ctx.params["save"],
    )
    job = Batch(
        items,
        output,
        placement=settings_from(PlacementSettings, ctx),
        resume=ctx.params["resume"],
        overwrite=ctx.params["overwrite"],
    )
    return run(job, ctx, _BatchDisplay)


class _RowSettings:
    """The settings of each row of a table: its options are parsed as if typed after the others."""

    def __init__(self, ctx: click.Context, do: str, words: Sequence[str]) -> None:
        self._ctx, self._do = ctx, do
        end = words.index("--") if "--" in words else len(words)
        self._before, self._after = list(words[:end]), list(words[end:])
        self._flags = {each.opts[0]: each for each in _inner(do)}
        self._made: dict[tuple[Any, ...], tuple[Settings, str | None]] = {}

    def __call__(self, row: Row, output: str) -> tuple[Settings, str | None]:
        key = (tuple(row.options.items()), Path(output).suffix, row.folder if row.options else "")
        if key not in self._made:
            try:
                self._made[key] = self._settings(row, output)
            except (UsageError, click.UsageError) as error:
                if not row.options:
                    raise
                message = error.message if isinstance(error, click.UsageError) else str(error)
                raise UsageError(f"{row.where}: {message}") from None
        return self._made[key]

    def _settings(self, row: Row, output: str) -> tuple[Settings, str | None]:
        ctx = self._ctx
        if row.options:
            words = [
                word for name, value in row.options.items() for word in self._words(name, value)
            ]
            ctx = ctx.command.make_context(
                "batch", [*self._before, *words, *self._after], obj=ctx.obj
            )
        unused = unused_for(self._do, output, typed_options(ctx))
        settings = settings_from(KINDS[self._do].settings, ctx, unused=unused)
        files = {n: p for n, p in settings.files().items() if n.replace("_", "-") in row.options}
        settings = settings.replaced(**{n: str(Path(row.folder, p)) for n, p in files.items()})
        audio = ctx.params.get("audio")
        if audio is not None and "audio" in row.options:
            audio = Path(row.folder, audio)
        return settings, None if audio is None else str(audio)

    def _words(self, name: str, value: str) -> list[str]:
        """Return an option of a row as it is typed."""
        flag = f"--{name}"
        option = self._flags.get(flag)
        if option is None or flag in ("--resume", "--output", "--record", "--save"):
            known = [known.removeprefix("--") for known in self._flags if known.startswith("--")]
            raise UnknownNameError(f"option of {self._do}", name, known)
        if not option.is_flag:
            return [flag, value]
        if value.lower() in ("yes", "true", "on", "1"):
            return [flag]
        if value.lower() in ("no", "false", "off", "0") and option.secondary_opts:
            return [option.secondary_opts[0]]
        raise UsageError(f"{flag} must be yes or no, not {value!r}")


class _BatchDisplay(Display[BatchResult]):
    """A table of the pictures that are being made; in a pipe, a line for each that is made."""

    fields = ("phase", "done", "made", "failed", "skipped", "pictures", "running")

    def __init__(self, *, quiet: bool, as_json: bool) -> None:
        super().__init__(quiet=quiet, as_json=as_json)
        self._began = time.perf_counter()
        self._newest: list[dict[str, Any]] = []
        self._running: dict[str, Progress] = {}

    def show_plan(self, facts: dict[str, Any]) -> None:
        """Print the plan, and the pictures in a list at the end."""
        pictures = facts["pictures"]
        super().show_plan(facts | {"pictures": len(pictures)})
        rows = [
            (each["input"], each["output"], "made earlier" if each["skipped"] else "")
            for each in pictures
        ]
        print_table(rows, left=(0, 1, 2), indent=2)

    def update(self, progress: Progress) -> None:
        """Show the progress of all, or a line about a picture that has been made."""
        if progress.phase != "picture":
            super().update(progress)
            return
        entry = dict(progress.details)
        if self._json:
            self.print_event("picture", **entry)
        elif self._is_live:
            self._newest = [*self._newest, entry][-_NEWEST:]
            if entry["status"] == "failed":
                remark(_line(entry))
        elif not self._quiet:
            remark(_line(entry))

    def facts_of(self, progress: Progress) -> dict[str, Any]:
        """Return the progress as --json prints it: what runs, and how much of it is done."""
        facts = progress.to_dict()
        self._running = facts["running"]
        running = {name: round(each.done, 3) for name, each in self._running.items()}
        return facts | {"running": running}

    def live(self, phase: str, facts: Mapping[str, Any], *, left: float | None) -> RenderableType:
        """Return a table of what runs, above a line about all."""
        from rich.console import Group

        made = facts["made"] + facts["skipped"]
        words = [(f"{made} of {facts['pictures']} pictures", "bold")]
        if facts["failed"]:
            words.append((f"{facts['failed']} failed", "red"))
        minutes = (time.perf_counter() - self._began) / 60
        if facts["made"]:
            words.append((f"{facts['made'] / minutes:.3g} a minute", "dim"))
        return Group(
            _table(self._running, self._newest), live_line("making", facts, words, left=left)
        )

    def show(self, result: BatchResult) -> None:
        """Print what was made."""
        minutes = max(1e-9, result.total_seconds / 60)
        facts = [f"{result.done} done"]
        if result.skipped:
            facts.append(f"{result.skipped} made earlier")
        if result.failed:
            facts.append(f"{result.failed} failed")
        rest = f"  {', '.join(facts)} of {result.pictures}, {result.total_seconds:.1f} s"
        if result.done:
            rest += f", {result.done / minutes:.3g} pictures a minute"
        remark_written(str(result.manifest), rest, interrupted=result.interrupted)
        if result.interrupted:
            remark(
                f"neuralpaint: interrupted: {result.missing} of {result.pictures} are not done; to "
                "continue, run the command again with --resume"
            )

    def failed(self, result: BatchResult) -> bool:
        """Return whether a picture has failed."""
        return result.failed > 0


def _line(entry: dict[str, Any]) -> str:
    if entry["status"] == "failed":
        named = "" if entry["input"] in entry["error"] else f"{entry['input']}: "
        return f"failed {named}{entry['error']}"
    return f"done   {entry['output']}  {'  '.join(_numbers(entry))}"


def _numbers(entry: dict[str, Any]) -> list[str]:
    psnr = entry["psnr"]
    found = [] if psnr is None or not math.isfinite(psnr) else [f"{psnr:.2f} dB"]
    return [*found, f"{entry['seconds']:.1f} s"]


def _table(running: Mapping[str, Progress], newest: Sequence[dict[str, Any]]) -> RenderableType:
    """Return the newest results, and the pictures that are being made."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, overflow="ellipsis", min_width=16, max_width=40)
    table.add_column(no_wrap=True, width=12)
    table.add_column(no_wrap=True)
    for entry in newest:
        failed = entry["status"] == "failed"
        table.add_row(
            Text(entry["name"], style="red" if failed else "green"),
            Text("failed" if failed else "done", style="dim"),
            Text("" if failed else "  ".join(_numbers(entry)), style="dim"),
        )
    for name, each in list(running.items())[:_MOST_ROWS]:
        psnr = "" if each.psnr is None or not math.isfinite(each.psnr) else f"{each.psnr:.1f} dB"
        steps = f"step {each.step:,}/{each.steps:,}" if each.steps else each.phase
        bar = ProgressBar(completed=each.done, total=1, width=12, complete_style="cyan")
        table.add_row(Text(name), bar, Text(f"{steps}  {psnr}".strip(), style="dim"))
    if len(running) > _MOST_ROWS:
        table.add_row(Text(f"and {len(running) - _MOST_ROWS} more", style="dim"), "", "")
    return table
