"""`neuralpaint compare`: several ways to learn or to upscale one picture, side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

from neuralpaint.cli.display import Display, print_table, remark, remark_written
from neuralpaint.cli.jobs import run
from neuralpaint.cli.options import (
    SectionedCommand,
    SectionedOption,
    common_options,
    live_option,
    output_option,
    preset_options,
    settings_from,
    settings_options,
    several_looks_of,
    typed_options,
)
from neuralpaint.config.settings import options
from neuralpaint.errors import UsageError
from neuralpaint.pipelines.compare.settings import (
    AXES,
    FIXED,
    OWN,
    CompareSettings,
    DegradationSettings,
    UpscaleSettings,
)
from neuralpaint.pipelines.executors import PlacementSettings
from neuralpaint.training.settings import TrainingSettings

if TYPE_CHECKING:
    from neuralpaint.pipelines.compare.compare import Race
    from neuralpaint.pipelines.compare.result import Comparison

__all__ = ["command"]


@click.command("compare", cls=SectionedCommand)
@click.argument("source", metavar="INPUT", type=click.Path())
@output_option("the output folder; it is created", metavar="FOLDER")
@click.option(
    "--sweep",
    cls=SectionedOption,
    section="Training",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="a TOML file of contestants, as above",
)
@click.option(
    "--resume",
    cls=SectionedOption,
    is_flag=True,
    help="continue in the same folder: finished contestants are not trained again, unless the race "
    "needs more frames than were filmed; files of contestants with other settings are kept",
)
@preset_options(CompareSettings, several_looks=True)
@settings_options(CompareSettings)
@settings_options(DegradationSettings)
@live_option
@settings_options(PlacementSettings)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    source: str,
    output: str,
    overwrite: bool,
    **_: object,
) -> int:
    """Train several networks on the picture INPUT and rank them.

    All have the same seed and the same budget. --model, --loss, --optimizer, --schedule and
    --engine may be given several times: every combination is a contestant. Several --look are
    contestants too. A contestant that diverges does not stop the others.

    Written into FOLDER: report.html, with the reasons for the ranking; race.mp4, which shows all
    contestants while they learn; results.csv and results.json; curves.png and curves.svg (these
    need pip install 'neuralpaint[plots]'); grid.png with error maps and spectra; and the final
    pictures. FOLDER/contestants contains the film and the results of each contestant, for --resume.
    With --train-on every-other, contestants are ranked by the PSNR of the held-out pixels. With
    --jobs or --on, several contestants train at the same time, each on its share of the cores.

    \b
    neuralpaint compare photo.jpg -o race --model fourier --model skipconn --model pyramid
    neuralpaint compare photo.jpg -o rates --sweep rates.toml --seconds 20 --train-on every-other

    A sweep is a TOML file; options on the command line take precedence over it:

    \b
    steps = 1000                          # settings that all share
    [sweep]                               # every combination is a contestant
    optimizer = ["adam", "sgd"]
    "model.hidden_size" = [64, 128, 256]  # a setting inside the model
    [[contestant]]                        # one more contestant
    name = "the odd one"
    model = "pyramid"

    With --upscale, the picture is made smaller, then enlarged again by nearest, bicubic and Lanczos
    resampling and by each --model (default: fourier, skipconn and pyramid), plain and with
    --enhance. Written into FOLDER: results.csv and results.json with the PSNR of Y and of RGB and
    the SSIM; crops.png with details side by side; and the enlarged pictures. --noise, --jpeg, or a
    --kernel that differs from --shrink make it harder.

    \b
    neuralpaint compare photo.jpg -o upscaled --upscale 2
    neuralpaint compare photo.jpg -o rough --upscale 4 --model pyramid --noise 2 --jpeg 90
    """
    if ctx.params["upscale"] is not None:
        from neuralpaint.pipelines.compare.upscaling import Upscaling

        settings = _upscale_settings(ctx)
        job = Upscaling(source, output, settings=settings, overwrite=overwrite)
        return run(job, ctx, _UpscaleDisplay)
    return run(_race(ctx, source, output), ctx, _RaceDisplay)


def _race(ctx: click.Context, source: str, output: str) -> Race:
    from neuralpaint.pipelines.compare.compare import Race
    from neuralpaint.pipelines.compare.sweep import Sweep, read_sweep

    if given := typed_options(ctx) & options(DegradationSettings).keys():
        raise UsageError(
            f"leave out {_flags(ctx, given)}, or add --upscale: a race has no small picture"
        )
    placement = settings_from(PlacementSettings, ctx)
    if placement.divides and ctx.params["live"] is not None:
        raise UsageError("leave out --live: with --jobs and --on, other processes train")
    default = click.core.ParameterSource.DEFAULT
    values = settings_from(CompareSettings, ctx).to_dict()
    given_sweep = ctx.params["sweep"]
    sweep = Sweep() if given_sweep is None else read_sweep(given_sweep)
    typed = {  # which override those of a look
        name: values[name]
        for name in typed_options(ctx) & options(TrainingSettings).keys() - {*FIXED}
        if name not in AXES or len(ctx.params[name]) == 1
    }
    looks = tuple({"name": each, "look": each, **typed} for each in several_looks_of(ctx))
    return Race(
        source,
        output,
        # Options at their defaults must not take precedence over the sweep.
        chosen={k: v for k, v in values.items() if ctx.get_parameter_source(k) is not default},
        sweep=replace(sweep, singles=(*sweep.singles, *looks)),
        resume=ctx.params["resume"],
        overwrite=ctx.params["overwrite"],
        placement=placement,
    )


def _upscale_settings(ctx: click.Context) -> UpscaleSettings:
    typed = typed_options(ctx)
    if several_looks_of(ctx):
        raise UsageError("with --upscale there may be one --look only: give several --model")
    only_race = options(CompareSettings).keys() - options(UpscaleSettings).keys()
    if given := typed & (only_race | options(PlacementSettings).keys() | {"sweep", "resume"}):
        raise UsageError(f"leave out {_flags(ctx, given)}: with --upscale there is no race")
    if own := typed.intersection(OWN):
        raise UsageError(f"leave out {_flags(ctx, own)}: --upscale sets it itself")
    for name in (axis for axis in AXES if axis != "model"):
        values = ctx.params[name]
        if len(values) > 1:
            raise UsageError(f"with --upscale there may be several --model, but one --{name} only")
        (ctx.params[name],) = values
    if ctx.get_parameter_source("model") is click.core.ParameterSource.DEFAULT:
        ctx.params["model"] = UpscaleSettings().models  # not the default of a race
    return settings_from(UpscaleSettings, ctx)


def _flags(ctx: click.Context, names: set[str]) -> str:
    """Return options as they are typed, in the order of the help."""
    flags = [parameter.opts[0] for parameter in ctx.command.params if parameter.name in names]
    return " and ".join(flags)


class _ComparisonDisplay(Display["Comparison[Any]"]):
    role: ClassVar[str]
    """The word for a variant, in the plan."""
    resumes: ClassVar[str] = ""
    """How to continue after an interruption; the end of a message."""

    def show_plan(self, facts: dict[str, Any]) -> None:
        """Print the plan, and the variants in a list at the end."""
        variants = facts[f"{self.role}s"]
        shown = {name: fact for name, fact in facts.items() if fact and fact is not variants}
        super().show_plan(shown | {f"{self.role}s": len(variants)})
        rows = []
        for each in variants:
            weights = "too many" if each["weights"] is None else format(each["weights"], ",")
            weights = "" if each.get("kind") == "resampler" else f"{weights} weights"
            rows.append((each["name"], weights, "finished earlier" if each.get("resumed") else ""))
        print_table(rows, left=(0, 2), indent=2)

    def show(self, result: Comparison[Any]) -> None:
        """Print the ranking, and what was written."""
        table = result.table()
        best = 0 if result.winner else None
        print_table(table.rows, headings=table.headings, left=(1,), best=best)
        for note in result.notes():
            remark(f"neuralpaint: {note}")
        remark_written(
            str(result.folder / result.main_file), f" and {len(result.files) - 1} more files"
        )
        if result.interrupted:
            left = len(result.missing)
            count = left + len(result.outcomes)
            remark(f"neuralpaint: interrupted: {left} of {count} are not done{self.resumes}")

    def facts(self, result: Comparison[Any]) -> dict[str, Any]:
        """Return the summary; results.json has everything."""
        return result.facts()


class _RaceDisplay(_ComparisonDisplay):
    role = "contestant"
    resumes = "; to continue, run the command again with --resume"
    fields = (
        "phase", "done", "contestant", "number", "count", "step", "steps", "train_seconds", "loss",
        "psnr",
    )  # fmt: skip


class _UpscaleDisplay(_ComparisonDisplay):
    role = "method"
    fields = (
        "phase", "done", "method", "number", "count", "step", "steps", "train_seconds", "loss",
    )  # fmt: skip
