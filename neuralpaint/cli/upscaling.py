"""`neuralpaint compare --upscale`: the part of the command that is no race."""

from __future__ import annotations

from typing import Any

import click

from neuralpaint.cli.display import Display, print_table, remark, remark_written
from neuralpaint.cli.options import settings_from, typed_options
from neuralpaint.cli.running import run
from neuralpaint.config.settings import options
from neuralpaint.errors import UsageError
from neuralpaint.pipelines.compare.settings import AXES, CompareSettings
from neuralpaint.pipelines.upscale.folder import SHEET
from neuralpaint.pipelines.upscale.result import UpscaleResult
from neuralpaint.pipelines.upscale.settings import OWN, DegradationSettings, UpscaleSettings
from neuralpaint.pipelines.upscale.tables import facts as facts_of
from neuralpaint.pipelines.upscale.words import table

__all__ = ["check_race", "is_upscaling", "upscale"]

_RACE = {"sweep", "resume"}  # beside the settings that only a race has


def is_upscaling(ctx: click.Context) -> bool:
    """Say whether the command is about upscaling, and not a race."""
    return ctx.params["upscale"] is not None


def check_race(ctx: click.Context) -> None:
    """Check that a race was given nothing that belongs to upscaling.

    Raises:
        UsageError: it was.
    """
    given = typed_options(ctx) & options(DegradationSettings).keys()
    if given:
        raise UsageError(
            f"leave out {_flags(ctx, given)}, or add --upscale: a race makes nothing small"
        )


def upscale(ctx: click.Context, *, source: str, output: str, overwrite: bool) -> int:
    """Compare upscalings as the command was told to.

    Raises:
        UsageError: an option belongs to the race, or cannot be used.
    """
    from neuralpaint.pipelines.upscale.upscaling import Upscaling

    job = Upscaling(source, output, settings=_settings(ctx), overwrite=overwrite)
    return run(job, ctx, _UpscaleDisplay)


class _UpscaleDisplay(Display[UpscaleResult]):
    fields = (
        "phase", "done", "method", "number", "count", "step", "steps", "train_seconds", "loss",
    )  # fmt: skip

    def show_plan(self, facts: dict[str, Any]) -> None:
        methods = facts["methods"]
        shown = {k: fact for k, fact in facts.items() if k != "methods" and fact}
        super().show_plan(shown | {"methods": len(methods)})
        rows = []
        for each in methods:
            weights = "too many" if each["weights"] is None else format(each["weights"], ",")
            rows.append((each["name"], "" if each["kind"] == "resampler" else f"{weights} weights"))
        print_table(rows, left=(0,), indent=2)

    def show(self, result: UpscaleResult) -> None:
        headings, rows = table(result)
        print_table(rows, headings=headings, left=(1,), best=0)
        remark_written(f"{result.folder / SHEET}", f" and {len(result.files) - 1} more files")
        if result.interrupted:
            left, count = len(result.missing), len(result.missing) + len(result.restorations)
            remark(f"neuralpaint: interrupted: {left} of {count} methods are left")

    def facts(self, result: UpscaleResult) -> dict[str, Any]:
        return {
            "output": str(result.folder),
            "ranked_by": "psnr_y",
            "winner": result.winner.method.name,
            "methods": [
                facts_of(each, rank, result) for rank, each in enumerate(result.restorations, 1)
            ],
            "missing": list(result.missing),
            "files": list(result.files),
            "total_seconds": result.total_seconds,
        }


def _settings(ctx: click.Context) -> UpscaleSettings:
    typed = typed_options(ctx)
    racing = typed & (_RACE | options(CompareSettings).keys() - options(UpscaleSettings).keys())
    if racing:
        raise UsageError(f"leave out {_flags(ctx, racing)}: with --upscale there is no race")
    if own := typed.intersection(OWN):
        raise UsageError(f"leave out {_flags(ctx, own)}: --upscale sees to that itself")
    for name in AXES:
        if name == "model":
            continue
        values = ctx.params[name]
        if len(values) > 1:
            raise UsageError(f"with --upscale there may be several --model, but one --{name} only")
        (ctx.params[name],) = values
    if ctx.get_parameter_source("model") is click.core.ParameterSource.DEFAULT:
        ctx.params["model"] = UpscaleSettings().models  # not the one of a race
    return settings_from(UpscaleSettings, ctx)


def _flags(ctx: click.Context, names: set[str]) -> str:
    """Return options as they are typed, in the order of the help."""
    flags = [parameter.opts[0] for parameter in ctx.command.params if parameter.name in names]
    return " and ".join(flags)
