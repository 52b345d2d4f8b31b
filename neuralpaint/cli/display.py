"""The display of every command: a live line and tables for a person, JSON lines for a program.

Results are printed on stdout; progress and remarks on stderr, the live line only on a terminal.
Rich is imported when it is first needed, so that `--help` does not load it.
"""

from __future__ import annotations

import io
import json
import math
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

    from neuralpaint.cli.forecasts import Forecast
    from neuralpaint.pipelines.job import Result
    from neuralpaint.runtime.progress import Progress

__all__ = [
    "Display",
    "FileDisplay",
    "Finished",
    "live_line",
    "print_table",
    "print_text",
    "remark",
    "remark_written",
]

_INTERVAL, _JSON_INTERVAL = 0.1, 1.0  # seconds between two updates
_LEAST_DONE = 0.02  # fraction of the work before the time left is shown
_WORTH_TELLING = 5.0  # seconds that a job takes
_BAR = 24  # columns
_ENDLESS = 10_000  # columns where the output is not a terminal, so that no row is wrapped
_MOST_PICTURES = 16  # of a morph; more are not listed one by one
_PHASES = {
    "fill": "filling the hole",
    "enhance": "making the target",
    "prepare": "making the target",
    "resample": "resampling",
    "speed": "timing",
    "train": "training",
    "film": "filming",
    "render": "rendering",
    "encode": "writing",
    "summarise": "summing up",
}


class Finished(Protocol):
    """The result of a job; a dataclass."""

    @property
    def interrupted(self) -> bool:
        """Whether the job was ended early."""
        ...


R = TypeVar("R", bound=Finished)


class Display(ABC, Generic[R]):
    """Shows one job from its plan to its result; each kind of result has its own subclass."""

    fields: ClassVar[tuple[str, ...]] = (
        "phase", "done", "step", "steps", "train_seconds", "loss", "psnr", "shot", "shots",
    )  # fmt: skip
    """Fields and details of the progress that are printed as JSON."""

    def __init__(self, *, quiet: bool, as_json: bool) -> None:
        self._quiet, self._json = quiet, as_json
        self._is_live = sys.stderr.isatty() and not quiet and not as_json
        self._live: Live | None = None
        self._updated, self._section = -math.inf, ""
        self._first: tuple[float, float] | None = None  # the first fraction done, and its time

    @abstractmethod
    def show(self, result: R) -> None:
        """Print the result as text."""

    def facts(self, result: R) -> dict[str, Any]:
        """Return the result as --json prints it."""
        return {k: v for k, v in asdict(result).items() if k != "interrupted"}  # type: ignore[call-overload]

    def show_plan(self, facts: dict[str, Any]) -> None:
        """Print the plan as text."""
        given = [(name, str(fact)) for name, fact in facts.items() if fact is not None]
        print_table([(name.replace("_", " "), fact) for name, fact in given], widths=(12,))

    def start(self, facts: dict[str, Any], *, dry_run: bool) -> None:
        """Print the plan: as JSON, or in a dry run as text."""
        if self._json:
            _print_json(event="plan" if dry_run else "start", **facts)
        elif dry_run and not self._quiet:
            self.show_plan(facts)

    def show_live(self, address: str) -> None:
        """Show where the training can be watched."""
        if self._json:
            _print_json(event="live", address=address)
        else:
            remark(f"watch it at {address}")

    def show_forecast(self, forecast: Forecast) -> None:
        """Show how long the job is about to take: a short one only as JSON."""
        if self._json:
            _print_json(event="estimate", **forecast.facts())
        elif self._is_live and forecast.estimate.seconds >= _WORTH_TELLING:
            remark(str(forecast))

    def update(self, progress: Progress) -> None:
        """Show the progress: ten times a second (JSON: once) at most, and at changes of phase."""
        if not (self._is_live or self._json):
            return
        facts = self.facts_of(progress)
        # Training and filming alternate many times a second.
        filming = progress.phase == "train" and progress.shot > 0
        phase = "film" if filming else progress.phase
        now, section = time.perf_counter(), f"{phase} {facts.get('number', '')}"
        interval = _JSON_INTERVAL if self._json else _INTERVAL
        if now - self._updated < interval and section == self._section:
            return
        self._updated, self._section = now, section
        if self._json:
            self.print_event("progress", **{name: facts[name] for name in self.fields})
            return
        if self._live is None:
            from rich.live import Live

            self._live = Live(
                console=_stderr(), auto_refresh=False, transient=True,
                redirect_stdout=False, redirect_stderr=False,
            )  # fmt: skip
            self._live.start()
        live = self.live(_PHASES.get(phase, phase), facts, left=self._left(facts["done"], now))
        self._live.update(live, refresh=True)

    def facts_of(self, progress: Progress) -> dict[str, Any]:
        """Return the progress as --json prints it, as far as `fields` names it."""
        return progress.to_dict()

    def live(self, phase: str, facts: Mapping[str, Any], *, left: float | None) -> RenderableType:
        """Return what is shown on a terminal while the job runs; `left` are the seconds left."""
        return live_line(phase, facts, _facts(facts), left=left)

    def print_event(self, event: str, **facts: Any) -> None:
        """Print an event as JSON."""
        _print_json(event=event, **facts)

    def failed(self, result: R) -> bool:
        """Return whether the command has failed, although there is a result."""
        return False

    def _left(self, done: float, now: float) -> float | None:
        """Return the seconds left at the pace since the work began; None if that is not known.

        What comes before, imports and reading, would make the first seconds look slow.
        """
        if self._first is None and done > 0:
            self._first = done, now
        since, began = self._first or (done, now)
        if done - since < _LEAST_DONE or done >= 1:
            return None
        return (now - began) * (1 - done) / (done - since)

    def clear(self) -> None:
        """Remove the live line."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def done(self, result: R) -> None:
        """Print the result."""
        if self._json:
            event = "interrupted" if result.interrupted else "done"
            _print_json(event=event, **self.facts(result))
        elif not self._quiet:
            self.show(result)


class FileDisplay(Display["Result"]):
    """Shows a job that makes a clip or a still."""

    def show(self, result: Result) -> None:
        """Print the names, sizes and PSNR of the written files."""
        size = f"{result.width}x{result.height}"
        if result.fps is not None:
            size += f", {result.frames} frames, {result.frames / result.fps:.1f} s"
        facts = [size]
        if math.isfinite(result.psnr):
            facts.append(f"{result.psnr:.2f} dB")
        if math.isfinite(result.hole_psnr):
            facts.append(f"inside the hole {result.hole_psnr:.2f} dB")
        if result.train_seconds > 0:
            trained = f"{result.steps:,} steps in {result.train_seconds:.1f} s"
            facts.append(f"{trained} on {result.device}")
        rest = f"  {'  '.join(facts)}, {result.total_seconds:.1f} s in all"
        remark_written(str(result.output), rest, interrupted=result.interrupted)
        pictures = list(result.pictures)
        if len(pictures) > _MOST_PICTURES:
            name, lowest = min(pictures, key=lambda each: each[1])
            pictures = [(f"{name}, the lowest of {len(pictures)}", lowest)]
        for name, psnr in pictures:
            remark(f"{psnr:8.2f} dB  {name}")
        if len(result.stills) == 1:
            remark_written(str(result.stills[0]))
        elif result.stills:
            remark(f"wrote {len(result.stills)} stills in {result.stills[0].parent}")

    def facts(self, result: Result) -> dict[str, Any]:
        """Return the result without empty tuples, which only a morph fills."""
        return {name: value for name, value in super().facts(result).items() if value != ()}


def remark(text: str) -> None:
    """Print a line on stderr, above the live line where there is one."""
    if sys.stderr.isatty():
        from rich.text import Text

        _stderr().print(Text(text), soft_wrap=True)
    else:
        click.echo(text, err=True)


def remark_written(name: str, rest: str = "", *, interrupted: bool = False) -> None:
    """Print on stderr that a file was written, and the `rest` of the sentence."""
    verb = "interrupted: wrote" if interrupted else "wrote"
    click.echo(f"{verb} {click.style(name, bold=True)}{rest}", err=True)


def print_table(
    rows: Iterable[Sequence[str]],
    *,
    headings: Sequence[str] = (),
    left: Sequence[int] = (0, 1),
    widths: Sequence[int] = (),
    indent: int = 0,
    best: int | None = None,
    style: str = "",
) -> None:
    """Print a table on stdout. On a terminal, text is wrapped to its width; elsewhere it is not.

    Args:
        rows: the cells of each row.
        headings: the headings of the columns, if there are any.
        left: the columns of text; the others are numbers, aligned to the right and never wrapped.
        widths: the minimum widths of the first columns.
        indent: spaces before each row.
        best: the row to highlight, counted from 0.
        style: the Rich style of the first column.
    """
    from rich.cells import cell_len
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    if not rows:
        return
    lines = [headings, *rows] if headings else rows
    table = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=bool(headings),
        header_style="bold",
    )  # fmt: skip
    for column, cells in enumerate(zip(*lines, strict=True)):
        is_text = column in left
        least = widths[column] if column < len(widths) else 0
        table.add_column(
            Text(cells[0]) if headings else "",
            justify="left" if is_text else "right",
            overflow="fold",
            no_wrap=not is_text,
            min_width=least if is_text else max(least, *map(cell_len, cells)),
            style=style if column == 0 else "",
        )
    for number, row in enumerate(rows):
        table.add_row(*map(Text, row), style="bold green" if number == best else None)
    _print(Padding(table, (0, 0, 0, indent)))


def print_text(text: str = "", *, style: str = "") -> None:
    """Print a line, or a paragraph, on stdout in a style of Rich such as "bold" or "dim"."""
    from rich.text import Text

    _print(Text(text, style=style))


def _print(content: RenderableType) -> None:
    """Print on stdout without trailing spaces; without colours where it is not a terminal."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    width = None if terminal else _ENDLESS
    console = Console(file=io.StringIO(), force_terminal=terminal, width=width, highlight=False)
    console.print(content)
    for line in console.file.getvalue().splitlines():  # type: ignore[attr-defined]
        click.echo(line.rstrip())


@cache
def _stderr() -> Console:
    """Return the console of stderr, which keeps the live line below everything else."""
    from rich.console import Console

    return Console(stderr=True, force_terminal=True, highlight=False)


def live_line(
    phase: str,
    facts: Mapping[str, Any],
    words: Iterable[tuple[str, str]],
    *,
    left: float | None,
) -> RenderableType:
    """Return the live line: the phase, a bar, the percentage done, the time left, and words.

    Each of the words has its style.
    """
    from rich.constrain import Constrain
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    done = min(1.0, max(0.0, facts["done"]))
    time_left = "" if left is None else f"{_clock(left)} left"
    shown = Text("  ").join(
        Text(word, style=style) for word, style in ((time_left, "cyan"), *words) if word
    )
    width = _stderr().width
    line = Table.grid(padding=(0, 1), expand=True)
    line.add_column(no_wrap=True)
    line.add_column(width=max(6, min(_BAR, width // 5)))
    line.add_column(no_wrap=True, justify="right", width=4)
    line.add_column(no_wrap=True, ratio=1, overflow="ellipsis")
    bar = ProgressBar(completed=done, total=1, complete_style="cyan", finished_style="green")
    line.add_row(Text(phase, style="bold"), bar, f"{done:.0%}", Text(" ") + shown)
    # Leaves room for the ^C that a terminal prints behind the line.
    return Constrain(line, width - 3)


def _facts(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the facts of the progress, each with its style."""
    name = next((facts[key] for key in ("contestant", "method", "subject") if key in facts), "")
    if name:
        yield (f"{facts['number']}/{facts['count']} {name}" if "number" in facts else name), "bold"
    if facts["phase"] in ("fill", "enhance"):
        return
    if facts.get("steps"):
        yield f"step {facts['step']:,}/{facts['steps']:,}", ""
    if facts.get("seconds") is not None:  # the training is limited by time
        yield f"{facts['train_seconds'] or 0:.1f} of {facts['seconds']:g} s", ""
    psnr = facts.get("psnr")
    if psnr is not None and math.isfinite(psnr):
        yield f"{psnr:.1f} dB", "green"
    if name:
        return
    if facts.get("train_seconds"):
        yield f"{facts['step'] / facts['train_seconds']:.0f} steps/s", "dim"
    if facts.get("shot"):
        yield f"shot {facts['shot']}/{facts['shots']}", "dim"
    if math.isfinite(facts.get("loss", math.nan)):
        yield f"loss {facts['loss']:.5f}", "dim"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"


def _print_json(**facts: Any) -> None:
    click.echo(json.dumps(_plain(facts), ensure_ascii=False))


def _plain(value: Any) -> Any:
    """Return a value that JSON can represent: no NaN, no infinity, and keys of text."""
    if isinstance(value, dict):
        return {f"{k:g}" if isinstance(k, float) else k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
