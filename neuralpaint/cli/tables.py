"""A bench as tables for a terminal, 80 columns wide where the models have short names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import click

from neuralpaint.pipelines.bench.result import REFERENCE, BenchResult, ModelResult, Speed

__all__ = ["tables"]

_CELL = 9  # characters
_NONE = "-"


def tables(result: BenchResult) -> Iterator[str]:
    """Yield the lines; what was not measured before an interruption is left out, or a dash."""
    name = max(len(each) for each in (REFERENCE, *(model.model for model in result.models)))
    yield from _facts(result)
    for heading, rows, notes in (_speed(result), _quality(result), _times(result)):
        if rows:
            yield ""
            yield click.style(_row(*heading, name), bold=True)
            yield from (_row(*row, name) for row in rows)
            yield from (click.style(note, dim=True) for note in notes)
    yield ""
    minutes, seconds = divmod(round(result.total_seconds), 60)
    verb = "interrupted after" if result.interrupted else "measured in"
    yield f"{verb} {minutes}:{seconds:02d}"


_Row = tuple[str, Sequence[str]]
_Table = tuple[_Row, list[_Row], list[str]]
"""Heading, rows, and notes under them."""


def _facts(result: BenchResult) -> Iterator[str]:
    machine = result.machine
    threads = f"{machine.threads} thread{'s' * (machine.threads > 1)}"
    gpu = [machine.gpu] if machine.gpu else []
    yield ", ".join([*gpu, machine.cpu, threads, machine.device, f"torch {machine.torch}"])
    pictures = ", ".join(result.pictures)
    if len(result.pictures) > 2:
        pictures = f"mean of {len(result.pictures)} pictures; speed of {result.pictures[0]}"
    yield f"{pictures}, {result.width}x{result.height}, seed {result.seed}"


def _speed(result: BenchResult) -> _Table:
    heading = ("batch", "ms/step", "Mpx/s", "GFLOP/s", "peak", "share", "ms/frame")
    measured = [(model, model.speed) for model in result.models if model.speed is not None]
    rows: list[_Row] = [(m.model, _speed_cells(m, speed)) for m, speed in measured]
    notes = ["share: what a step's matrix products need, over what the step takes, of the peak"]
    notes += [
        f"peak of {model.model}, GFLOP/s: {_by_type(speed.peak_gflops)}"
        for model, speed in measured
        if len(speed.peak_gflops) > 1
    ]
    if any(not speed.whole for _, speed in measured):
        notes.append("in brackets: only the network is counted, not the planes it reads")
    if (engines := result.engines) is not None:
        notes.append(
            f"numpy engine: {_figure(engines.numpy_ms)} ms/step for the four-layer network, "
            f"{_figure(engines.ratio)} times torch"
        )
    if result.encode_ms is not None:
        size = f"{result.frame_width}x{result.frame_height}"
        notes.append(f"a frame of {size} takes {_figure(result.encode_ms)} ms to encode as MP4")
    return ("speed", heading), rows, notes


def _speed_cells(model: ModelResult, speed: Speed) -> list[str]:
    share = f"{speed.share:.0%}"
    return [
        f"{speed.batch:,}",
        _figure(speed.ms_per_step),
        _figure(speed.mpx_per_second),
        _figure(speed.gflops),
        _figure(max(speed.peak_gflops.values())),
        share if speed.whole else f"({share})",
        _figure(model.render_ms),
    ]


def _quality(result: BenchResult) -> _Table:
    known: list[tuple[str, Mapping[float, float]]] = [(m.model, m.psnr) for m in result.models]
    if result.reference is not None:
        known.append((REFERENCE, result.reference.psnr))
    clocks = sorted({clock for _, psnr in known for clock in psnr})
    rows: list[_Row] = [
        (name, [f"{psnr[clock]:.2f}" if clock in psnr else _NONE for clock in clocks])
        for name, psnr in known
        if psnr
    ]
    notes = ["each from a training whose schedule ends there"]
    if result.reference is not None:
        notes[0] += f"; the {REFERENCE} is one training"
    return ("PSNR, dB", [f"{clock:g} s" for clock in clocks]), rows, notes


def _times(result: BenchResult) -> _Table:
    measured = [model for model in result.models if model.curve]
    levels = sorted({level for model in measured for level in model.reached})
    heading, notes = [f"{level:g} dB" for level in levels], []
    if (reference := result.reference) is not None:
        end = f"{reference.psnr[reference.seconds]:.1f} dB"
        heading += [end, "sooner"]
        notes.append(f"sooner: than the {REFERENCE}, which took {reference.seconds:g} s to {end}")
    rows: list[_Row] = []
    for model in measured:
        cells = [_figure(model.reached[level]) for level in levels]
        if reference is not None:
            ratio = _NONE if model.ratio is None else f"{_figure(model.ratio)}x"
            cells += [_figure(model.match_seconds), ratio]
        rows.append((model.model, cells))
    return ("seconds to", heading), rows, notes


def _row(title: str, cells: Sequence[str], name: int) -> str:
    return f"{title:<{name + 1}}" + "".join(f"{cell:>{_CELL}}" for cell in cells)


def _by_type(peaks: Mapping[str, float]) -> str:
    return ", ".join(f"{kind} {_figure(peak)}" for kind, peak in peaks.items())


def _figure(value: float | None) -> str:
    """Return about three digits of a number."""
    if value is None:
        return _NONE
    decimals = next((2 - n for n, limit in enumerate((10, 100)) if abs(value) < limit), 0)
    return f"{value:,.{decimals + (abs(value) < 1)}f}"
