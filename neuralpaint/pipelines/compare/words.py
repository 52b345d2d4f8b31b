"""What a report and a table say, in words and figures."""

from __future__ import annotations

import math
from collections.abc import Iterator

from neuralpaint.config.settings import options
from neuralpaint.pipelines.compare.result import CompareResult, Outcome
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.pipelines.note import Note
from neuralpaint.pipelines.paint import PaintSettings
from neuralpaint.training.settings import TrainingSettings

__all__ = [
    "budget",
    "command",
    "decibels",
    "figure",
    "lead",
    "measure",
    "notes",
    "own_settings",
    "paint_note",
    "shared_settings",
    "table",
]

_Cell = tuple[str, str]
"""What is shown, and what it is sorted by."""


def budget(result: CompareResult) -> str:
    """Return what everybody was given."""
    unit, amount = result.settings.budget
    words = {"seconds": "seconds of training", "epochs": "epochs", "steps": "steps"}
    return f"after {amount or 0:,g} {words[unit]}"


def measure(result: CompareResult) -> str:
    """Return by what all are ranked."""
    return "PSNR of the pixels held out" if result.splits else "PSNR"


def notes(result: CompareResult) -> Iterator[str]:
    """Yield what is to be known before the table is read."""
    losses = list(dict.fromkeys(outcome.settings.loss for outcome in result.outcomes))
    if len(losses) > 1:
        yield f"the losses are not of one kind ({', '.join(losses)}): their column does not compare"


def lead(result: CompareResult) -> Iterator[str]:
    """Yield what was asked, and what came out."""
    count = len(result.outcomes)
    who = f"these {count} ways" if count > 1 else "this way"
    pixels = "every second pixel in x and y" if result.splits else "all pixels"
    yield (
        f"How well is the picture learned in {who}? All had the same seed, learned {pixels} and "
        f"were looked at {budget(result)}."
    )
    winner = result.winner
    if winner is None:
        yield "None of them came to an end."
    else:
        others = [each for each in result.outcomes[1:] if each.status == "finished"]
        ahead = ""
        if others and math.isfinite(gap := winner.score - others[0].score):
            ahead = f", {gap:.2f} dB ahead of {others[0].name}"
        best = f"{decibels(winner.score)} dB ({measure(result)})"
        yield f"Best is {winner.name} with {best}{ahead}."
    fallen = [
        f"{each.name} {each.verdict} ({each.message})" for each in result.outcomes if each.message
    ]
    if fallen:
        yield f"Not in the ranking: {'; '.join(fallen)}."
    if result.missing:
        yield f"Not trained, because it was interrupted: {', '.join(result.missing)}."


def table(result: CompareResult) -> tuple[list[str], list[list[_Cell]]]:
    """Return the heading and the rows of the ranking, the best first."""
    heading = ["", "contestant"]
    heading += ["PSNR held out", "learned", "all"] if result.splits else ["PSNR"]
    heading += ["loss", "weights", "steps", "seconds", "ms/step"]
    return heading, [_row(outcome, rank, result) for rank, outcome in enumerate(result.outcomes, 1)]


def _row(outcome: Outcome, rank: int, result: CompareResult) -> list[_Cell]:
    finished = outcome.status == "finished"
    last = outcome.last
    scores = [last.score, *((last.psnr_train, last.psnr) if result.splits else ())]
    cells: list[_Cell] = [
        (str(rank) if finished else "-", str(rank)),
        (outcome.name, outcome.name),
        *((decibels(score), f"{score:.6f}") for score in scores),
    ]
    if not finished:
        cells[2] = (outcome.verdict, "-inf")
    return [
        *cells,
        (figure(last.loss), f"{last.loss:.9g}"),
        (f"{outcome.weights:,}", str(outcome.weights)),
        (f"{outcome.steps:,}", str(outcome.steps)),
        (f"{outcome.train_seconds:.1f}", f"{outcome.train_seconds:.6f}"),
        (figure(outcome.ms_per_step), f"{outcome.ms_per_step:.6f}"),
    ]


def decibels(psnr: float) -> str:
    """Return a PSNR with two decimals, and a dash where there is none."""
    if math.isnan(psnr):
        return "-"
    return "exact" if psnr == math.inf else f"{psnr:.2f}"


def figure(value: float) -> str:
    """Return about three digits of a number, and a dash where there is none."""
    if not math.isfinite(value):
        return "-"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def shared_settings(result: CompareResult) -> Iterator[tuple[str, str]]:
    """Yield what all had in common, by name."""
    trainings = [outcome.settings.to_dict() for outcome in result.outcomes]
    for name, value in result.settings.training().to_dict().items():
        if all(training[name] == trainings[0][name] for training in trainings):
            value = trainings[0][name]
            if value is not None:
                yield name.replace("_", " "), _shown(value)


def own_settings(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Yield all settings of a contestant that are not left to the program, by name."""
    for name, value in outcome.settings.to_dict().items():
        if value is not None:
            yield name.replace("_", " "), _shown(value)


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def command(result: CompareResult, outcome: Outcome) -> str:
    """Return the command line that makes the final picture of a contestant again."""
    note = paint_note(result.settings, outcome.settings, picture=result.picture, slug=outcome.slug)
    return note.command()


def paint_note(
    settings: CompareSettings, training: TrainingSettings, *, picture: str, slug: str
) -> Note:
    """Return how the final picture of a contestant is made, by itself."""
    shared = settings.to_dict()
    values = {name: shared[name] for name in options(PaintSettings) if name in shared}
    own = PaintSettings.from_dict(values | training.to_dict())
    return Note("paint", picture, f"{slug}.png", own)
