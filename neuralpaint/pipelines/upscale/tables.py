"""The tables of a comparison of upscalings: a row for each method as CSV, everything as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict
from typing import Any

from neuralpaint._version import __version__
from neuralpaint.pipelines.compare.records import plain
from neuralpaint.pipelines.upscale.result import Restoration, UpscaleResult
from neuralpaint.pipelines.upscale.settings import OWN

__all__ = ["as_csv", "as_json", "facts"]


def as_csv(result: UpscaleResult) -> str:
    """Return a row for each method, the best first; what there is not is left empty."""
    rows = [facts(each, rank, result) for rank, each in enumerate(result.restorations, 1)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return text.getvalue()


def as_json(result: UpscaleResult, *, files: list[str], seconds: float) -> str:
    """Return everything that was found out, and how."""
    content = {
        "neuralpaint": __version__,
        "input": result.picture,
        "width": result.width,
        "height": result.height,
        "small_width": result.small_width,
        "small_height": result.small_height,
        "border": result.border,
        "settings": {k: v for k, v in result.settings.to_dict().items() if k not in OWN},
        "machine": asdict(result.machine),
        "ranked_by": "psnr_y",
        "winner": result.winner.method.name,
        "methods": [facts(each, rank, result) for rank, each in enumerate(result.restorations, 1)],
        "missing": result.missing,
        "interrupted": result.interrupted,
        "total_seconds": seconds,
        "files": files,
    }
    return json.dumps(plain(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def facts(restoration: Restoration, rank: int, result: UpscaleResult) -> dict[str, Any]:
    """Return what is known of a method; every gain is over Lanczos."""
    method, figures, gain = restoration.method, restoration.figures, result.gain(restoration)
    return {
        "rank": rank if restoration.status == "finished" else None,
        "name": method.name,
        "kind": method.kind,
        "model": None if method.training is None else method.training.model,
        "status": restoration.status,
        **figures._asdict(),
        **{f"gain_{name}": value for name, value in gain._asdict().items()},
        "steps": restoration.steps,
        "weights": restoration.weights,
        "seconds": restoration.seconds,
        "cpu_seconds": restoration.cpu_seconds,
        "still": None if restoration.still is None else f"stills/{restoration.still.name}",
        "message": restoration.message,
    }


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
