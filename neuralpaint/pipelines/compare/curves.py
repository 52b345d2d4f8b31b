"""The curves of a comparison: PSNR and loss over the training of every contestant."""

from __future__ import annotations

import math

from neuralpaint.pipelines.charts import Curve, Panel
from neuralpaint.pipelines.compare.result import CompareResult, CurvePoint, Outcome

__all__ = ["panels_of"]

_MOST_DB = 80.0  # a higher PSNR cannot be seen, and is drawn here


def panels_of(result: CompareResult) -> tuple[Panel, Panel]:
    """Return PSNR and loss over the training; the PSNR of held-out pixels is dashed."""
    by_clock = result.settings.optimization.seconds is not None
    unit = "seconds of training" if by_clock else "steps"

    def time(point: CurvePoint) -> float:
        return point.seconds if by_clock else float(point.step)

    learned, held_out, losses = [], [], []
    for number, outcome in enumerate(result.outcomes):
        points = outcome.curve
        psnr = [(time(point), min(point.psnr_train, _MOST_DB)) for point in points]
        learned.append(Curve(_label(outcome), psnr, number))
        losses.append(Curve(outcome.name, [(time(point), point.loss) for point in points], number))
        if result.splits:
            rest = [
                (time(point), math.nan if point.psnr_held_out is None
                 else min(point.psnr_held_out, _MOST_DB))
                for point in points
            ]  # fmt: skip
            label = f"{outcome.name}, held out"
            held_out.append(Curve(label, rest, number, dashed=True, in_legend=False))
    pixels = "learned pixels; dashed: those held out" if result.splits else "all pixels"
    return (
        Panel(f"PSNR in dB, {pixels}", unit, [*learned, *held_out]),
        Panel("loss while training", unit, losses, logarithmic=True),
    )


def _label(outcome: Outcome) -> str:
    if outcome.status != "finished":
        return f"{outcome.name} ({outcome.verdict})"
    return f"{outcome.name}  {outcome.score:.2f} dB"
