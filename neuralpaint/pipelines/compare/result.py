"""The results of a comparison: its outcomes ranked, as tables for the terminal and for files."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from neuralpaint._version import __version__
from neuralpaint.image.metrics import format_psnr
from neuralpaint.pipelines.compare.detail import Original
from neuralpaint.pipelines.compare.evidence import Evidence
from neuralpaint.pipelines.compare.outcome import Figures, Outcome, RaceOutcome, UpscaleOutcome
from neuralpaint.pipelines.compare.reasons import reasons_of
from neuralpaint.pipelines.compare.settings import (
    OWN,
    CompareSettings,
    UpscaleSettings,
    varying,
)
from neuralpaint.pipelines.compare.variants import BASELINE

if TYPE_CHECKING:
    from neuralpaint.runtime.devices import Machine

__all__ = ["CompareResult", "Comparison", "Table", "UpscaleResult", "format_gain"]


class Table(NamedTuple):
    """A ranking as text, for the terminal and for a page."""

    headings: list[str]
    rows: list[list[str]]


_COLUMNS = (
    "rank", "name", "status", "psnr", "psnr_train", "psnr_held_out", "train_loss", "steps",
    "train_seconds", "ms_per_step", "weights", "still", "message",
)  # fmt: skip

O = TypeVar("O", bound=Outcome, covariant=True)  # noqa: E741 - of outcome


@dataclass(frozen=True, kw_only=True)
class Comparison(ABC, Generic[O]):
    """The results of a comparison, the best variant first."""

    role: ClassVar[str]
    """The word for a variant in JSON."""
    main_file: ClassVar[str]
    """The file to look at first."""

    folder: Path
    picture: str
    height: int
    width: int
    outcomes: tuple[O, ...]  # those that finished by score, then the others
    machine: Machine
    files: tuple[str, ...] = ()  # all that were written, relative to the folder
    missing: tuple[str, ...] = ()  # names of the variants that were not tried
    total_seconds: float = 0.0
    interrupted: bool = False

    @property
    def winner(self) -> O | None:
        """The best outcome that finished."""
        first = self.outcomes[0] if self.outcomes else None
        return first if first and first.status == "finished" else None

    @property
    @abstractmethod
    def ranked_by(self) -> str:
        """The name of the number by which outcomes are ranked."""

    @abstractmethod
    def table(self) -> Table:
        """Return the ranking."""

    def notes(self) -> list[str]:
        """Return warnings that belong to the table."""
        return []

    def facts(self) -> dict[str, Any]:
        """Return the summary that `--json` prints."""
        return {
            "output": str(self.folder),
            "ranked_by": self.ranked_by,
            "winner": self.winner.name if self.winner else None,
            f"{self.role}s": self._summaries(),
            "missing": list(self.missing),
            "files": list(self.files),
            "total_seconds": self.total_seconds,
        }

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of results.csv."""

    def content(self) -> dict[str, Any]:
        """Return the content of results.json."""
        return {
            "neuralpaint": __version__,
            "input": self.picture,
            "width": self.width,
            "height": self.height,
            "machine": asdict(self.machine),
            "interrupted": self.interrupted,
            **{name: value for name, value in self.facts().items() if name != "output"},
        }

    @abstractmethod
    def _summaries(self) -> list[dict[str, Any]]: ...

    def _ranked(self) -> Iterator[tuple[int | None, O]]:
        """Yield each outcome with its rank from 1; None where it did not finish."""
        for rank, outcome in enumerate(self.outcomes, 1):
            yield (rank if outcome.status == "finished" else None), outcome


@dataclass(frozen=True, kw_only=True)
class CompareResult(Comparison[RaceOutcome]):
    """The results of a race."""

    role: ClassVar[str] = "contestant"
    main_file: ClassVar[str] = "report.html"

    settings: CompareSettings
    original: Original

    @cached_property
    def evidence(self) -> Evidence:
        """What explains the ranking."""
        return Evidence(self.outcomes, self.original, self.moment)

    def moment(self, fraction: float) -> str:
        """Return the name of a moment of the training, such as "step 40"."""
        unit, amount = self.settings.budget
        now = fraction * (amount or 0)
        return f"step {now:,.0f}" if unit == "steps" else f"{unit.removesuffix('s')} {now:.1f}"

    @property
    def splits(self) -> bool:
        """Whether some pixels were held out."""
        return self.settings.optimization.train_on != "all"

    @property
    def ranked_by(self) -> str:
        """The name of the number by which outcomes are ranked."""
        return "psnr_held_out" if self.splits else "psnr"

    def table(self) -> Table:
        """Return the ranking."""
        scores = ["PSNR held out", "learned", "all"] if self.splits else ["PSNR"]
        headings = ["", "contestant", *scores, "loss", "weights", "steps", "seconds", "ms/step"]
        rows = []
        for rank, outcome in self._ranked():
            last = outcome.last
            others = (last.psnr_train, last.psnr) if self.splits else ()
            rows.append(
                [
                    str(rank or "-"),
                    outcome.name,
                    format_psnr(last.score) if rank else outcome.verdict,
                    *map(format_psnr, others),
                    _three_digits(last.loss),
                    f"{outcome.weights:,}",
                    f"{outcome.steps:,}",
                    f"{outcome.train_seconds:.1f}",
                    _three_digits(outcome.ms_per_step),
                ]
            )
        return Table(headings, rows)

    def notes(self) -> list[str]:
        """Return warnings that belong to the table."""
        losses = list(dict.fromkeys(outcome.settings.loss for outcome in self.outcomes))
        if len(losses) < 2:
            return []
        kinds = ", ".join(losses)
        return [f"the contestants have different losses ({kinds}): their values cannot be compared"]

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of results.csv, with the settings in which variants may differ."""
        rows = []
        for numbers, outcome in zip(self._numbers(), self.outcomes, strict=True):
            rows.append({name: numbers[name] for name in _COLUMNS} | varying(outcome.settings))
        return rows

    def content(self) -> dict[str, Any]:
        """Return the content of results.json, with the curves."""
        variants = [
            numbers
            | {
                "settings": outcome.settings.to_dict(),
                "resumed": outcome.resumed,
                "error_places": outcome.places and outcome.places._asdict(),
                "curve": [asdict(point) for point in outcome.curve],
            }
            for numbers, outcome in zip(self._numbers(), self.outcomes, strict=True)
        ]
        return super().content() | {
            "settings": self.settings.to_dict(),
            "octaves": self.original.octaves,
            "detail": self.original.detail,
            "reasons": [reason._asdict() for reason in reasons_of(self.evidence)],
            "contestants": variants,
        }

    def _summaries(self) -> list[dict[str, Any]]:
        return [each.facts() | {"resumed": each.resumed} for each in self.outcomes]

    def _numbers(self) -> list[dict[str, Any]]:
        return [
            {
                "rank": rank,
                **outcome.facts(),
                "train_loss": outcome.last.loss,
                "ms_per_step": outcome.ms_per_step,
                "still": f"stills/{outcome.slug}.png" if outcome.still else None,
            }
            for rank, outcome in self._ranked()
        ]


@dataclass(frozen=True, kw_only=True)
class UpscaleResult(Comparison[UpscaleOutcome]):
    """The results of a comparison of upscalings; `height` and `width` are the original's.

    The sides of the original are cropped to multiples of a whole factor.
    """

    role: ClassVar[str] = "method"
    main_file: ClassVar[str] = "crops.png"

    small_height: int
    small_width: int
    border: int  # pixels along each edge that are not measured
    settings: UpscaleSettings

    @property
    def restorations(self) -> tuple[UpscaleOutcome, ...]:
        """The outcomes, under their name of version 0.1."""
        return self.outcomes

    @property
    def winner(self) -> UpscaleOutcome:
        """The best method; the resamplers always finish."""
        return self.outcomes[0]

    @property
    def ranked_by(self) -> str:
        """The name of the number by which outcomes are ranked."""
        return "psnr_y"

    @cached_property
    def baseline(self) -> Figures:
        """The figures of Lanczos."""
        return next(each.figures for each in self.outcomes if each.variant == BASELINE)

    def gain(self, outcome: UpscaleOutcome) -> Figures:
        """Return the figures of a method minus the figures of Lanczos."""
        return outcome.figures.over(self.baseline)

    def table(self) -> Table:
        """Return the ranking."""
        headings = ["", "method", "PSNR Y", "gain", "RGB", "gain", "SSIM", "gain", "seconds"]
        rows = []
        for rank, outcome in self._ranked():
            figures, gain = outcome.figures, self.gain(outcome)
            cells = [outcome.status, *[""] * 5]
            if rank is not None:
                cells = [
                    format_psnr(figures.psnr_y), format_gain(gain.psnr_y),
                    format_psnr(figures.psnr_rgb), format_gain(gain.psnr_rgb),
                    f"{figures.ssim:.4f}", format_gain(gain.ssim, digits=4),
                ]  # fmt: skip
            rows.append([str(rank or "-"), outcome.name, *cells, f"{outcome.seconds:.1f}"])
        return Table(headings, rows)

    def content(self) -> dict[str, Any]:
        """Return the content of results.json."""
        return super().content() | {
            "settings": {k: v for k, v in self.settings.to_dict().items() if k not in OWN},
            "small_width": self.small_width,
            "small_height": self.small_height,
            "border": self.border,
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of results.csv; every gain is over Lanczos."""
        return [
            {
                "rank": rank,
                "name": each.name,
                "kind": each.variant.kind,
                "model": each.variant.training and each.variant.training.model,
                "status": each.status,
                **each.figures._asdict(),
                **{f"gain_{k}": value for k, value in self.gain(each)._asdict().items()},
                "steps": each.steps,
                "weights": each.weights,
                "seconds": each.seconds,
                "cpu_seconds": each.cpu_seconds,
                "still": each.still and f"stills/{each.still.name}",
                "message": each.message,
            }
            for rank, each in self._ranked()
        ]

    def _summaries(self) -> list[dict[str, Any]]:
        return self.rows()


def format_gain(value: float, *, digits: int = 2) -> str:
    """Return a difference with its sign; "-" where it is not finite."""
    return f"{value:+.{digits}f}" if math.isfinite(value) else "-"


def _three_digits(value: float) -> str:
    """Return about three digits of a number; "-" where it is not finite."""
    if not math.isfinite(value):
        return "-"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
