"""Runs the job of a command: confirms overwriting, shows the progress, returns the exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import click

from neuralpaint.cli import INTERRUPTED
from neuralpaint.cli.display import Display, FileDisplay, Finished
from neuralpaint.cli.forecasts import Forecaster, draft_changes
from neuralpaint.cli.live import Watchable, run_live
from neuralpaint.cli.options import settings_from
from neuralpaint.config.settings import Settings
from neuralpaint.pipelines.job import Job
from neuralpaint.pipelines.outputs import not_preset
from neuralpaint.storage.resume import Resume

__all__ = ["confirm_overwrite", "resume_of", "run", "train"]

R = TypeVar("R", bound=Finished)
R_co = TypeVar("R_co", bound=Finished, covariant=True)


class _Job(Protocol[R_co]):
    def facts(self) -> dict[str, Any]: ...

    def run(self, report: Callable[[Any], None]) -> R_co: ...


def run(
    job: _Job[R],
    ctx: click.Context,
    display: type[Display[R]],
    *,
    forecaster: Forecaster | None = None,
) -> int:
    """Run a job, or with --dry-run only print its plan, and return the exit status.

    `forecaster` estimates how long the job takes.
    """
    shown = display(quiet=ctx.params["quiet"], as_json=ctx.params["as_json"])
    facts = job.facts()
    dry_run = ctx.params["dry_run"]
    if dry_run and forecaster and (forecast := forecaster.measured()):
        facts["estimate"] = forecast.facts() if ctx.params["as_json"] else str(forecast)
    shown.start(facts, dry_run=dry_run)
    if dry_run:
        return 0

    def report(progress: Any) -> None:
        shown.update(progress)
        if forecaster and (forecast := forecaster.first()):
            shown.show_forecast(forecast)

    try:
        port = ctx.params.get("live")
        if port is None:
            result = job.run(report)
        else:
            result = run_live(
                cast("Watchable[R]", job), report, facts=facts, port=port, display=shown
            )
    finally:
        shown.clear()
    shown.done(result)
    return INTERRUPTED if result.interrupted else int(shown.failed(result))


def train(
    prepare: Callable[..., Job],
    source: object,
    ctx: click.Context,
    settings: type[Settings],
    *,
    unused: Collection[str] = (),
) -> int:
    """Run a command whose options were added by `training_options`; return the exit status.

    A look or a preset does not set the `unused` options.
    """
    params = ctx.params
    output = params["output"]
    files = {name: params[name] for name in ("record", "save", "resume", "overwrite")}
    resume = resume_of(output, **files)
    earlier = resume.settings()
    unused = {*unused, *not_preset(output)}
    chosen = settings_from(settings, ctx, earlier=earlier, unused=unused)
    job = prepare(
        source,
        output,
        settings=chosen,
        resume=resume,
        began=ctx.obj,
        **({"audio": params["audio"]} if "audio" in params else {}),
    )
    draft = None if earlier else draft_changes(chosen, ctx, unused=unused)
    return run(job, ctx, FileDisplay, forecaster=Forecaster(job, draft=draft))


def resume_of(
    output: str,
    *,
    record: Path | None = None,
    save: Path | None = None,
    resume: bool = False,
    overwrite: bool,
) -> Resume:
    """Return the files of a run, after the user has confirmed replacing existing ones."""
    if not resume:
        interrupted = Resume.checkpoint_path(output).exists()
        also = f"an interrupted run for {output}, which --resume continues," if interrupted else ""
        overwrite = confirm_overwrite(output, record, save, overwrite=overwrite, also=also)
    return Resume(output, record=record, save=save, resume=resume, overwrite=overwrite)


def confirm_overwrite(*paths: str | Path | None, overwrite: bool, also: str = "") -> bool:
    """Return whether existing files may be replaced; on a terminal, let the user confirm it.

    `also` names what else would be lost.
    """
    existing = [str(path) for path in paths if path is not None and Path(path).exists()]
    on_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if overwrite or not existing or not on_terminal:
        return overwrite
    exist, them = ("exists", "it") if len(existing) == 1 else ("exist", "them")
    lost = f", and {also} would be lost" if also else ""
    question = f"{' and '.join(existing)} {exist}{lost}. Replace {them}?"
    return click.confirm(question, err=True, abort=True)
