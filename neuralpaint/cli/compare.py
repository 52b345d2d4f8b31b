"""`neuralpaint compare`: several ways to learn one picture, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neuralpaint.cli.display import Display, print_table, remark, remark_written
from neuralpaint.cli.options import (
    SectionedCommand,
    SectionedOption,
    common_options,
    output_option,
    preset_option,
    settings_from,
    settings_options,
)
from neuralpaint.cli.running import run
from neuralpaint.cli.upscaling import check_race, is_upscaling, upscale
from neuralpaint.pipelines.compare.compare import Compare
from neuralpaint.pipelines.compare.result import CompareResult, Outcome
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.pipelines.compare.sweep import Sweep, read_sweep
from neuralpaint.pipelines.compare.words import notes, table
from neuralpaint.pipelines.upscale.settings import DegradationSettings

__all__ = ["command"]


@click.command("compare", cls=SectionedCommand)
@click.argument("source", metavar="INPUT", type=click.Path())
@output_option("the folder for everything that is made; it is made too", metavar="FOLDER")
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
    help="go on in the same folder: whoever has finished is taken as it is, unless the race needs "
    "more frames than were filmed; what was trained otherwise stays in FOLDER/contestants until -y",
)
@preset_option(CompareSettings)
@settings_options(CompareSettings)
@settings_options(DegradationSettings)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    source: str,
    output: str,
    sweep: Path | None,
    resume: bool,
    overwrite: bool,
    **_: object,
) -> int:
    """Train several networks on the picture INPUT and tell which learns it best.

    All have the same seed and the same budget. --model, --loss, --optimizer, --schedule and
    --engine may be given several times: every combination is a contestant. One that diverges does
    not stop the others.

    FOLDER gets report.html, a page of its own, race.mp4, in which all learn at once, results.csv
    and .json, curves.png and .svg (for these, pip install 'neuralpaint[plots]'), grid.png with
    error maps and spectra, and the stills. Films and results of each stay in FOLDER/contestants,
    for --resume. With --train-on every-other the pixels held out decide who is best.

    \b
    neuralpaint compare photo.jpg -o race --model fourier --model skipconn --model pyramid
    neuralpaint compare photo.jpg -o rates --sweep rates.toml --seconds 20 --train-on every-other

    A sweep is written in TOML; what is typed goes before it:

    \b
    steps = 1000                          # what all share
    [sweep]                               # every combination is a contestant
    optimizer = ["adam", "sgd"]
    "model.hidden_size" = [64, 128, 256]  # a setting inside the model
    [[contestant]]                        # and one more
    name = "the odd one"
    model = "pyramid"

    With --upscale it is another comparison: the picture is made small and brought back by nearest,
    bicubic and Lanczos resampling and by each --model (fourier, skipconn and pyramid), plain and
    with --enhance. FOLDER gets results.csv and .json with PSNR on Y and RGB and SSIM, crops.png
    with details side by side, and the stills. --noise, --jpeg and a --kernel that is not that of
    --shrink make it harder.

    \b
    neuralpaint compare photo.jpg -o upscaled --upscale 2
    neuralpaint compare photo.jpg -o rough --upscale 4 --model pyramid --noise 2 --jpeg 90
    """
    if is_upscaling(ctx):
        return upscale(ctx, source=source, output=output, overwrite=overwrite)
    check_race(ctx)
    settings = settings_from(CompareSettings, ctx)
    job = Compare(
        source,
        output,
        chosen=_chosen(settings, ctx),
        sweep=Sweep() if sweep is None else read_sweep(sweep),
        resume=resume,
        overwrite=overwrite,
    )
    return run(job, ctx, _CompareDisplay)


class _CompareDisplay(Display[CompareResult]):
    fields = (
        "phase", "done", "contestant", "number", "count", "step", "steps", "train_seconds", "loss",
        "psnr",
    )  # fmt: skip

    def show_plan(self, facts: dict[str, Any]) -> None:
        contestants = facts["contestants"]
        shown = {k: fact for k, fact in facts.items() if k != "contestants" and fact}
        super().show_plan(shown | {"contestants": len(contestants)})
        rows = []
        for each in contestants:
            weights = "too many" if each["weights"] is None else format(each["weights"], ",")
            there = "there already" if each["resumed"] else ""
            rows.append((each["name"], f"{weights} weights", there))
        print_table(rows, left=(0, 2), indent=2)

    def show(self, result: CompareResult) -> None:
        headings, rows = table(result)
        cells = [[shown for shown, _ in row] for row in rows]
        print_table(cells, headings=headings, left=(1,), best=0 if result.winner else None)
        for note in notes(result):
            remark(f"neuralpaint: {note}")
        remark_written(f"{result.folder}/report.html", f" and {len(result.files) - 1} more files")
        if result.interrupted:
            left = len(result.missing)
            remark(
                f"neuralpaint: interrupted: {left} of {left + len(result.outcomes)} are left, "
                "the same command with --resume continues"
            )

    def facts(self, result: CompareResult) -> dict[str, Any]:
        return {
            "output": str(result.folder),
            "ranked_by": "psnr_held_out" if result.splits else "psnr",
            "winner": result.winner.name if result.winner else None,
            "contestants": [_facts_of(outcome) for outcome in result.outcomes],
            "missing": list(result.missing),
            "files": list(result.files),
            "total_seconds": result.total_seconds,
        }


def _facts_of(outcome: Outcome) -> dict[str, Any]:
    last = outcome.last
    return {
        "name": outcome.name,
        "status": outcome.status,
        "message": outcome.message,
        "psnr": outcome.psnr,
        "psnr_train": last.psnr_train,
        "psnr_held_out": last.psnr_held_out,
        "weights": outcome.weights,
        "steps": outcome.steps,
        "train_seconds": outcome.train_seconds,
        "resumed": outcome.resumed,
    }


def _chosen(settings: CompareSettings, ctx: click.Context) -> dict[str, Any]:
    """Return what was typed, or comes from a preset; what is left to its default is not chosen."""
    default = click.core.ParameterSource.DEFAULT
    return {
        name: value
        for name, value in settings.to_dict().items()
        if ctx.get_parameter_source(name) is not default
    }
