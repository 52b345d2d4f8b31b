"""`neuralpaint bench`: this machine's speed, and the quality after seconds of training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import click

from neuralpaint.cli.display import Display, print_table, print_text, remark_written
from neuralpaint.cli.jobs import confirm_overwrite, run
from neuralpaint.cli.options import (
    SectionedCommand,
    common_options,
    output_option,
    settings_from,
    settings_options,
)
from neuralpaint.pipelines.bench.bench import Bench, BenchSettings
from neuralpaint.pipelines.bench.result import REFERENCE, BenchResult, ModelResult, Speed

__all__ = ["command"]

_CELL = 7  # columns of a number, at least
_NONE = "-"


@click.command("bench", cls=SectionedCommand)
@click.argument("sources", metavar="[INPUT]...", nargs=-1, type=click.Path())
@output_option(
    "draw PSNR over training time into this still (.png, .jpg, ...); for this, pip install "
    "'neuralpaint[plots]'",
    required=False,
)
@settings_options(BenchSettings)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    output: str | None,
    overwrite: bool,
    **_: object,
) -> int:
    """Measure this machine: training, filming, and the quality after seconds of training.

    Every number is measured in this run: how fast each model trains, also as a share of the
    machine's peak for matrix products; how long a frame takes to render and to encode; the PSNR
    after 1, 5 and 10 seconds of training; and how much sooner than with a plain training loop a
    PSNR is reached.

    INPUT are pictures to learn, by default a photograph that is installed with neuralpaint. PSNR is
    averaged over the pictures. Three models and one picture take a minute and a half; the time
    grows with --seconds and with the number of models and pictures. --dry-run prints the expected
    time.

    \b
    neuralpaint bench
    neuralpaint bench photo.jpg --model pyramid --seconds 60 -o curves.png
    neuralpaint bench kodak/*.png --seconds 30 --no-reference
    """
    settings = settings_from(BenchSettings, ctx)
    if output is not None:
        overwrite = confirm_overwrite(output, overwrite=overwrite)
    job = Bench(*sources, output=output, settings=settings, overwrite=overwrite)
    return run(job, ctx, _BenchDisplay)


class _Table(NamedTuple):
    headings: list[str]
    rows: list[list[str]]
    notes: list[str]


class _BenchDisplay(Display[BenchResult]):
    fields = ("phase", "done", "subject", "picture", "seconds", "train_seconds", "psnr")

    def show(self, result: BenchResult) -> None:
        """Print the tables, with dashes for numbers not measured because of an interruption."""
        _print_machine(result)
        name = max(len(each) for each in (REFERENCE, *(model.model for model in result.models)))
        for table in (_speed(result), _quality(result), _times(result)):
            if table.rows:
                print_text()
                widths = (name, *(len(table.headings) - 1) * [_CELL])
                print_table(table.rows, headings=table.headings, left=(0,), widths=widths)
                for note in table.notes:
                    print_text(note, style="dim")
        print_text()
        minutes, seconds = divmod(round(result.total_seconds), 60)
        verb = "interrupted after" if result.interrupted else "measured in"
        print_text(f"{verb} {minutes}:{seconds:02d}")
        if result.output is not None:
            remark_written(str(result.output))


def _print_machine(result: BenchResult) -> None:
    machine = result.machine
    threads = f"{machine.threads} thread{'s' * (machine.threads > 1)}"
    gpu = [machine.gpu] if machine.gpu else []
    print_text(", ".join([*gpu, machine.cpu, threads, machine.device, f"torch {machine.torch}"]))
    pictures = ", ".join(result.pictures)
    if len(result.pictures) > 2:
        pictures = f"mean of {len(result.pictures)} pictures; speed of {result.pictures[0]}"
    print_text(f"{pictures}, {result.width}x{result.height}, seed {result.seed}")


def _speed(result: BenchResult) -> _Table:
    headings = ["speed", "batch", "ms/step", "Mpx/s", "GFLOP/s", "peak", "share", "ms/frame"]
    measured = [(model, model.speed) for model in result.models if model.speed is not None]
    notes = ["share: GFLOP/s of the matrix products of a step, relative to the peak"]
    notes += [
        f"peak of {model.model}, GFLOP/s: {_by_type(speed.peak_gflops)}"
        for model, speed in measured
        if len(speed.peak_gflops) > 1
    ]
    if any(not speed.whole for _, speed in measured):
        notes.append(
            "in brackets: only the network's operations are counted, not reading its feature planes"
        )
    if (engines := result.engines) is not None:
        notes.append(
            f"numpy engine: {_number(engines.numpy_ms)} ms/step for the four-layer network, "
            f"{_number(engines.ratio)} times torch"
        )
    if result.encode_ms is not None:
        size = f"{result.frame_width}x{result.frame_height}"
        notes.append(f"a frame of {size} takes {_number(result.encode_ms)} ms to encode as MP4")
    return _Table(headings, [_speed_row(model, speed) for model, speed in measured], notes)


def _speed_row(model: ModelResult, speed: Speed) -> list[str]:
    share = f"{speed.share:.0%}"
    return [
        model.model,
        f"{speed.batch:,}",
        _number(speed.ms_per_step),
        _number(speed.mpx_per_second),
        _number(speed.gflops),
        _number(max(speed.peak_gflops.values())),
        share if speed.whole else f"({share})",
        _number(model.render_ms),
    ]


def _quality(result: BenchResult) -> _Table:
    measured: list[tuple[str, Mapping[float, float]]] = [(m.model, m.psnr) for m in result.models]
    if result.reference is not None:
        measured.append((REFERENCE, result.reference.psnr))
    clocks = sorted({clock for _, psnr in measured for clock in psnr})
    rows = [
        [name, *(f"{psnr[clock]:.2f}" if clock in psnr else _NONE for clock in clocks)]
        for name, psnr in measured
        if psnr
    ]
    notes = ["each value: a training of its own, whose schedule ends at that time"]
    if result.reference is not None:
        notes[0] += f"; the {REFERENCE}: one training"
    return _Table(["PSNR, dB", *(f"{clock:g} s" for clock in clocks)], rows, notes)


def _times(result: BenchResult) -> _Table:
    measured = [model for model in result.models if model.curve]
    levels = sorted({level for model in measured for level in model.reached})
    headings, notes = ["seconds to", *(f"{level:g} dB" for level in levels)], []
    if (reference := result.reference) is not None:
        end = f"{reference.psnr[reference.seconds]:.1f} dB"
        headings += [end, "sooner"]
        notes.append(
            f"sooner: how many times sooner than the {REFERENCE}, which took "
            f"{reference.seconds:g} s to reach {end}"
        )
    rows = []
    for model in measured:
        row = [model.model, *(_number(model.reached[level]) for level in levels)]
        if reference is not None:
            ratio = _NONE if model.ratio is None else f"{_number(model.ratio)}x"
            row += [_number(model.match_seconds), ratio]
        rows.append(row)
    return _Table(headings, rows, notes)


def _by_type(peaks: Mapping[str, float]) -> str:
    return ", ".join(f"{kind} {_number(peak)}" for kind, peak in peaks.items())


def _number(value: float | None) -> str:
    """Format a number with about three digits; None as a dash."""
    if value is None:
        return _NONE
    decimals = next((2 - n for n, limit in enumerate((10, 100)) if abs(value) < limit), 0)
    return f"{value:,.{decimals + (abs(value) < 1)}f}"
