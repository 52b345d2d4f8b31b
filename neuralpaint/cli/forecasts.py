"""Forecasts: how long a command is about to take, and how long as a draft."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import click

from neuralpaint.cli.options import chosen_presets, settings_from
from neuralpaint.config.presets import chosen_values
from neuralpaint.config.settings import Settings
from neuralpaint.errors import UsageError
from neuralpaint.pipelines.job import Job
from neuralpaint.rendering.time_estimate import TimeEstimate

__all__ = ["Forecast", "Forecaster", "draft_changes"]

_LONG = 20.0  # seconds from which a draft is suggested
_MUCH_FASTER = 0.7  # of the time: a draft that takes longer than this is not suggested


@dataclass(frozen=True)
class Forecast:
    """The estimate for a job, and that for a draft if it is much faster."""

    estimate: TimeEstimate
    draft: TimeEstimate | None
    limited: bool
    """Whether a time limit, and not a number of steps, ends the training."""

    def facts(self) -> dict[str, Any]:
        """Return the numbers for --json; the names are those of a result where it has them."""
        estimate = self.estimate
        facts = {
            "total_seconds": estimate.seconds,
            "prepare_seconds": estimate.preparing,
            "train_seconds": estimate.training,
            "film_seconds": estimate.filming,
            "write_seconds": estimate.writing,
        }
        if self.draft is not None:
            facts["draft_total_seconds"] = self.draft.seconds
        return {name: round(seconds, 2) for name, seconds in facts.items()} | {
            "steps": estimate.steps,
            "makes_target": estimate.makes_target,
        }

    def __str__(self) -> str:
        text = f"about {_duration(self.estimate.seconds)}"
        if self.estimate.makes_target:
            text += ", and the time to make the target"
        if self.limited:
            text += f" for about {self.estimate.steps:,} steps"
        if self.draft is not None:
            text += f"; --preset draft {_duration(self.draft.seconds)}"
        return text


class Forecaster:
    """Makes the forecast of one job."""

    def __init__(self, job: Job, *, draft: Mapping[str, Any] | None = None) -> None:
        """Take the job, and what `--preset draft` would change in its settings, if anything."""
        self._job, self._draft = job, draft or {}
        self._made = False

    def measured(self) -> Forecast | None:
        """Return the forecast of a job that is not run, which is measured now."""
        return self._forecast(self._job.measure())

    def first(self) -> Forecast | None:
        """Return the forecast of a running job once, when it is known; otherwise None."""
        if self._made:
            return None
        forecast = self._forecast(self._job.estimate())
        self._made = forecast is not None
        return forecast

    def _forecast(self, estimate: TimeEstimate | None) -> Forecast | None:
        if estimate is None:
            return None
        draft = None
        if self._draft and estimate.seconds > _LONG:
            draft = self._job.estimate(self._draft)
        if draft is not None and draft.seconds > _MUCH_FASTER * estimate.seconds:
            draft = None
        return Forecast(estimate, draft, limited=self._job.source.by_clock)


def draft_changes(
    settings: Settings, ctx: click.Context, *, unused: Collection[str] = ()
) -> dict[str, Any]:
    """Return what `--preset draft` would change in the settings; nothing if a preset is chosen.

    A preset does not set the `unused` options.
    """
    if "preset" in chosen_presets(ctx):
        return {}
    values = chosen_values(type(settings), {"preset": "draft"})
    values = {name: value for name, value in values.items() if name not in unused}
    try:
        draft = settings_from(type(settings), ctx, earlier=values, unused=unused).to_dict()
    except UsageError:  # it does not fit the other options
        return {}
    before = settings.to_dict()
    return {name: value for name, value in draft.items() if value != before[name]}


def _duration(seconds: float) -> str:
    if seconds < 99.5:
        return f"{max(1, round(seconds))} s"
    minutes = seconds / 60
    return f"{round(minutes)} min" if minutes < 99.5 else f"{minutes / 60:.1f} h"
