"""The tables of a comparison: a row for each contestant as CSV, and everything as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict
from typing import Any

from neuralpaint._version import __version__
from neuralpaint.pipelines.compare.records import plain
from neuralpaint.pipelines.compare.result import CompareResult, Outcome
from neuralpaint.pipelines.compare.settings import FIXED

__all__ = ["as_csv", "as_json"]

_COLUMNS = (
    "rank", "name", "status", "psnr", "psnr_train", "psnr_held_out", "train_loss", "steps",
    "train_seconds", "ms_per_step", "weights", "still", "message",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@")


def as_csv(result: CompareResult) -> str:
    """Return a row for each contestant, the best first; what there is not is left empty."""
    own = [name for name in result.settings.training().to_dict() if name not in FIXED]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_COLUMNS, *own])
    for rank, outcome in enumerate(result.outcomes, 1):
        facts = _facts(outcome, rank) | {"still": f"stills/{outcome.slug}.png"}
        if outcome.still is None:
            facts["still"] = None
        settings = outcome.settings.to_dict()
        cells = [*(facts[name] for name in _COLUMNS), *(settings[name] for name in own)]
        writer.writerow([_cell(cell) for cell in cells])
    return text.getvalue()


def as_json(result: CompareResult, *, files: list[str], seconds: float) -> str:
    """Return everything that was found out, the curves included."""
    shared = result.settings.to_dict()
    content = {
        "neuralpaint": __version__,
        "input": result.picture,
        "width": result.width,
        "height": result.height,
        "settings": shared,
        "machine": asdict(result.machine),
        "ranked_by": "psnr_held_out" if result.splits else "psnr",
        "winner": result.winner.name if result.winner else None,
        "contestants": [
            _facts(outcome, rank)
            | {
                "still": f"stills/{outcome.slug}.png" if outcome.still else None,
                "settings": outcome.settings.to_dict(),
                "resumed": outcome.resumed,
                "curve": [asdict(point) for point in outcome.curve],
            }
            for rank, outcome in enumerate(result.outcomes, 1)
        ],
        "missing": result.missing,
        "interrupted": result.interrupted,
        "total_seconds": seconds,
        "files": files,
    }
    return json.dumps(plain(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _facts(outcome: Outcome, rank: int) -> dict[str, Any]:
    last = outcome.last
    return {
        "rank": rank if outcome.status == "finished" else None,
        "name": outcome.name,
        "status": outcome.status,
        "psnr": last.psnr,
        "psnr_train": last.psnr_train,
        "psnr_held_out": last.psnr_held_out,
        "train_loss": last.loss,
        "steps": outcome.steps,
        "train_seconds": outcome.train_seconds,
        "ms_per_step": outcome.ms_per_step,
        "weights": outcome.weights,
        "message": outcome.message,
    }


def _cell(value: Any) -> str:
    """Return a value as a spreadsheet is to read it: text is never taken for a formula."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
