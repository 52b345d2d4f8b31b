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
from neuralpaint.pipelines.compare.outcome import Figures, Outcome, RaceOutcome, UpscaleOutcome
from neuralpaint.pipelines.compare.settings import FIXED, OWN, CompareSettings, UpscaleSettings
from neuralpaint.pipelines.compare.variants import BASELINE

if TYPE_CHECKING:
    from neuralpaint.runtime.machine import Machine

__all__ = ["CompareResult", "Comparison", "Table", "UpscaleResult", "format_gain"]


class Table(NamedTuple):
    """A table for the terminal and for a page."""

    headings: list[str]
    rows: list[list[tuple[str, str]]]
    """Each cell as it is shown, and the value that it is sorted by."""


_COLUMNS = (
    "rank", "name", "status", "psnr", "psnr_train", "psnr_held_out", "train_loss", "steps",
    "train_seconds", "ms_per_step", "weights", "still", "message",
)  # fmt: skip

O = TypeVar("O", bound=Outcome, covariant=True)  # noqa: E741 - of outcome


@dataclass(frozen=True, kw_only=True)
class Comparison(ABC, Generic[O]):
    """The results of a comparison, the best variant first."""

    main_file: ClassVar[str]
    """The file to look at first."""

    folder: Path
    picture: str
    height: int
    width: int
    outcomes: tuple[O, ...]  # those that finished by score, then the others
    machine: Machine
    files: tuple[str, ...] = ()  # that were made, relative to the folder
    missing: tuple[str, ...] = ()  # names of the variants that were not tried
    total_seconds: float = 0.0
    interrupted: bool = False

    @property
    def winner(self) -> O | None:
        """The best outcome that finished."""
        first = self.outcomes[0] if self.outcomes else None
        return first if first and first.status == "finished" else None

    def ranked(self) -> Iterator[tuple[int | None, O]]:
        """Yield each outcome with its rank from 1; None where it did not finish."""
        for rank, outcome in enumerate(self.outcomes, 1):
            yield (rank if outcome.status == "finished" else None), outcome

    @abstractmethod
    def table(self) -> Table:
        """Return the ranking."""

    def notes(self) -> list[str]:
        """Return warnings that belong to the table."""
        return []

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return the summary that `--json` prints."""

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of results.csv."""

    @abstractmethod
    def content(self) -> dict[str, Any]:
        """Return the content of results.json."""

    def _content(self, settings: dict[str, Any]) -> dict[str, Any]:
        return {
            "neuralpaint": __version__,
            "input": self.picture,
            "width": self.width,
            "height": self.height,
            "settings": settings,
            "machine": asdict(self.machine),
            "winner": self.winner.name if self.winner else None,
            "missing": self.missing,
            "interrupted": self.interrupted,
            "total_seconds": self.total_seconds,
            "files": self.files,
        }


@dataclass(frozen=True, kw_only=True)
class CompareResult(Comparison[RaceOutcome]):
    """The results of a race."""

    main_file: ClassVar[str] = "report.html"

    settings: CompareSettings

    @property
    def splits(self) -> bool:
        """Whether some pixels were held out."""
        return self.settings.optimization.train_on != "all"

    @property
    def ranked_by(self) -> str:
        """The name of the number that ranks."""
        return "psnr_held_out" if self.splits else "psnr"

    def table(self) -> Table:
        """Return the ranking."""
        scores = ["PSNR held out", "learned", "all"] if self.splits else ["PSNR"]
        headings = ["", "contestant", *scores, "loss", "weights", "steps", "seconds", "ms/step"]
        return Table(headings, [self._row(outcome) for outcome in self.outcomes])

    def _row(self, outcome: RaceOutcome) -> list[tuple[str, str]]:
        rank, last = self.outcomes.index(outcome) + 1, outcome.last
        finished = outcome.status == "finished"
        scores = [(format_psnr(last.score), f"{last.score:.6f}")]
        if not finished:
            scores = [(outcome.verdict, "-inf")]
        if self.splits:
            scores += [(format_psnr(x), f"{x:.6f}") for x in (last.psnr_train, last.psnr)]
        return [
            (str(rank) if finished else "-", str(rank)),
            (outcome.name, outcome.name),
            *scores,
            (_digits(last.loss), f"{last.loss:.9g}"),
            (f"{outcome.weights:,}", str(outcome.weights)),
            (f"{outcome.steps:,}", str(outcome.steps)),
            (f"{outcome.train_seconds:.1f}", f"{outcome.train_seconds:.6f}"),
            (_digits(outcome.ms_per_step), f"{outcome.ms_per_step:.6f}"),
        ]

    def notes(self) -> list[str]:
        """Return warnings that belong to the table."""
        losses = list(dict.fromkeys(outcome.settings.loss for outcome in self.outcomes))
        if len(losses) < 2:
            return []
        kinds = ", ".join(losses)
        return [f"the losses are not of one kind ({kinds}): their column does not compare"]

    def facts(self) -> dict[str, Any]:
        """Return the summary that `--json` prints."""
        return {
            "output": str(self.folder),
            "ranked_by": self.ranked_by,
            "winner": self.winner.name if self.winner else None,
            "contestants": [each.facts() | {"resumed": each.resumed} for each in self.outcomes],
            "missing": list(self.missing),
            "files": list(self.files),
            "total_seconds": self.total_seconds,
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of results.csv, with the settings in which variants may differ."""
        rows = []
        for numbers, outcome in zip(self._numbers(), self.outcomes, strict=True):
            # The target first and the engine last, as in version 0.1.
            own = outcome.settings.target.to_dict() | outcome.settings.to_dict()
            own["engine"] = own.pop("engine")
            own = {name: value for name, value in own.items() if name not in FIXED}
            rows.append({name: numbers[name] for name in _COLUMNS} | own)
        return rows

    def content(self) -> dict[str, Any]:
        """Return the content of results.json."""
        variants = [
            numbers
            | {
                "settings": outcome.settings.to_dict(),
                "resumed": outcome.resumed,
                "curve": [asdict(point) for point in outcome.curve],
            }
            for numbers, outcome in zip(self._numbers(), self.outcomes, strict=True)
        ]
        own = {"ranked_by": self.ranked_by, "contestants": variants}
        return self._content(self.settings.to_dict()) | own

    def _numbers(self) -> list[dict[str, Any]]:
        return [
            {
                "rank": rank,
                **outcome.facts(),
                "train_loss": outcome.last.loss,
                "ms_per_step": outcome.ms_per_step,
                "still": f"stills/{outcome.slug}.png" if outcome.still else None,
            }
            for rank, outcome in self.ranked()
        ]


@dataclass(frozen=True, kw_only=True)
class UpscaleResult(Comparison[UpscaleOutcome]):
    """The results of a comparison of upscalings; `height` and `width` are those of the original.

    The sides of the original are cropped to multiples of a whole factor.
    """

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

    @cached_property
    def baseline(self) -> Figures:
        """The figures of Lanczos."""
        return next(each.figures for each in self.outcomes if each.variant == BASELINE)

    def gain(self, outcome: UpscaleOutcome) -> Figures:
        """Return how much better a method is than Lanczos."""
        return outcome.figures.over(self.baseline)

    def table(self) -> Table:
        """Return the ranking."""
        headings = ["", "method", "PSNR Y", "gain", "RGB", "gain", "SSIM", "gain", "seconds"]
        rows = []
        for rank, outcome in self.ranked():
            figures, gain = outcome.figures, self.gain(outcome)
            cells = [outcome.status, *[""] * 5]
            if rank is not None:
                cells = [
                    format_psnr(figures.psnr_y), format_gain(gain.psnr_y),
                    format_psnr(figures.psnr_rgb), format_gain(gain.psnr_rgb),
                    f"{figures.ssim:.4f}", format_gain(gain.ssim, digits=4),
                ]  # fmt: skip
            cells = [str(rank or "-"), outcome.name, *cells, f"{outcome.seconds:.1f}"]
            rows.append([(cell, cell) for cell in cells])
        return Table(headings, rows)

    def facts(self) -> dict[str, Any]:
        """Return the summary that `--json` prints."""
        return {
            "output": str(self.folder),
            "ranked_by": "psnr_y",
            "winner": self.winner.name,
            "methods": self.rows(),
            "missing": list(self.missing),
            "files": list(self.files),
            "total_seconds": self.total_seconds,
        }

    def content(self) -> dict[str, Any]:
        """Return the content of results.json."""
        settings = {k: v for k, v in self.settings.to_dict().items() if k not in OWN}
        return self._content(settings) | {
            "small_width": self.small_width,
            "small_height": self.small_height,
            "border": self.border,
            "ranked_by": "psnr_y",
            "methods": self.rows(),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of results.csv; every gain is over Lanczos."""
        return [
            {
                "rank": rank,
                "name": each.name,
                "kind": each.kind,
                "model": None if each.kind == "resampler" else each.settings.model,
                "status": each.status,
                **each.figures._asdict(),
                **{f"gain_{k}": value for k, value in self.gain(each)._asdict().items()},
                "steps": each.steps,
                "weights": each.weights,
                "seconds": each.seconds,
                "cpu_seconds": each.cpu_seconds,
                "still": None if each.still is None else f"stills/{each.still.name}",
                "message": each.message,
            }
            for rank, each in self.ranked()
        ]


def format_gain(value: float, *, digits: int = 2) -> str:
    """Return a difference with its sign; "-" where it is not finite."""
    return f"{value:+.{digits}f}" if math.isfinite(value) else "-"


def _digits(value: float) -> str:
    """Return about three digits of a number; "-" where it is not finite."""
    if not math.isfinite(value):
        return "-"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
