"""The page that plays a training: its contents, and what it says about itself."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.export.html.layout import Layout
from neuralpaint.export.html.page import asset, image_uri, render_page
from neuralpaint.export.html.reduction import (
    Effort,
    Reduction,
    colours_at,
    points_of,
    reduce_moments,
)
from neuralpaint.export.moments import Moments
from neuralpaint.image.metrics import psnr_of_mse
from neuralpaint.image.pictures import Picture
from neuralpaint.models.painting import Painting
from neuralpaint.rendering.render import render

__all__ = ["FILE", "QUICK", "write_film"]

FILE = Effort(candidates=60, moments=40, points=60_000)
"""For a file."""
QUICK = Effort(candidates=14, moments=12, points=1_500)
"""For a notebook, where nobody wants to wait."""

_STILL = 640  # pixels of the longer side of the still
_SECONDS = 10.0  # of the film at normal speed
_REST = 60_000  # bytes of the page beside the weights, the images and the modules
_MODULES = ("view.js", "weights.js", "network.js", "player.js")


def write_film(
    moments: Moments,
    *,
    with_original: bool = False,
    most_bytes: int = 3_000_000,
    effort: Effort = FILE,
) -> str:
    """Return the page, which needs no other file.

    Args:
        moments: of one training.
        with_original: put the picture that was learned into the page.
        most_bytes: the size of the page; it has at least the first and the last moment.
        effort: how much is computed to choose and round the moments.

    Raises:
        UsageError: the model cannot be written as a formula; or there is no original.
    """
    from markupsafe import Markup

    painting, pictures = moments.painting, moments.pictures()
    if with_original:
        _check_original(painting, pictures)
    still = image_uri(_frame(painting))
    original = image_uri(pictures[0].pixels) if with_original else None
    script = "\n".join(map(_inlined, _MODULES))
    rest = _REST + len(script) + len(still) + len(original or "")
    reduction = reduce_moments(moments, most_bytes=(most_bytes - rest) * 3 // 4, effort=effort)
    facts = _facts(reduction, painting, pictures)
    return render_page(
        __package__,
        "film.html",
        still=still,
        original=original,
        title=f"{pictures[0].name} - neuralpaint" if len(pictures) == 1 else "neuralpaint",
        css=Markup(asset("film.css")),
        script=Markup(script),
        digest=base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode(),
        film=Markup(json.dumps(facts, separators=(",", ":")).replace("<", "\\u003c")),
        weights=base64.b64encode(b"".join(reduction.packed.streams)).decode(),
        line=_line(painting, moments),
        notes=_notes(painting, moments, reduction),
        aspect=painting.canvas.width / painting.canvas.height,
        curve=_curve(facts["moments"]),
        moments=len(reduction.places),
        codes=0 if painting.codes is None else len(painting.codes),
    )


def _check_original(painting: Painting, pictures: Sequence[Picture]) -> None:
    """Raise UsageError if there is not one original that can be shown."""
    if not pictures:
        raise UsageError(
            "--with-original needs a take: a painting does not contain the picture it has learned"
        )
    if painting.codes is not None:
        raise UsageError("--with-original is for one picture, but this network learned several")


def _facts(reduction: Reduction, painting: Painting, pictures: Sequence[Picture]) -> dict[str, Any]:
    """Return what the player needs to know, as JSON values."""
    layout, psnrs = reduction.layout, _psnrs(reduction, pictures)
    facts: dict[str, Any] = {
        "width": painting.canvas.width,
        "height": painting.canvas.height,
        "seconds": _SECONDS,
        "network": layout.describe(),
        "weights": {
            "lengths": [len(stream) for stream in reduction.packed.streams],
            "width": reduction.packed.width,
            "size": layout.size,
            "steps": [
                [section.end, reduction.steps[section.name]] for section in layout.sections.values()
            ],
        },
        "moments": [
            {"at": round(place, 5), "step": step, "psnr": psnr}
            for place, step, psnr in zip(reduction.places, reduction.numbers, psnrs, strict=True)
        ],
    }
    if painting.codes is not None:
        facts["code"] = _code(layout, pictures)
    return facts


def _psnrs(reduction: Reduction, pictures: Sequence[Picture]) -> list[float | None]:
    """Return the PSNR of each moment's frame against the pictures; None if it is not known."""
    if not pictures or any(each.channels == 4 or each.unknown is not None for each in pictures):
        return [None] * len(reduction.vectors)
    layout = reduction.layout
    points, stride = points_of(pictures[0].canvas, layout.formula, most=FILE.points)
    truth = np.concatenate([each.pixels[::stride, ::stride] for each in pictures]) / 255.0
    found = []
    for vector in reduction.vectors:
        frame = np.round(255 * colours_at(points, vector, layout=layout)) / 255
        psnr = psnr_of_mse(float(np.square(frame - truth).mean()))
        found.append(round(psnr, 2) if math.isfinite(psnr) else None)
    return found


def _code(layout: Layout, pictures: Sequence[Picture]) -> dict[str, Any]:
    """Return what the player needs to know about the code, as JSON values."""
    code = layout.formula.code
    assert code is not None
    names = [picture.name for picture in pictures]
    return {
        "codes": code.codes.tolist(),
        "centre": code.centre.tolist(),
        "distance": code.distance,
        "names": names or [f"picture {i}" for i in range(1, len(code.codes) + 1)],
        "mixing": {name: values.tolist() for name, values in code.mixing_arrays().items()},
    }


def _frame(painting: Painting) -> NDArray[np.uint8]:
    longer = max(painting.canvas.height, painting.canvas.width)
    return render(painting, painting.canvas.scaled(min(1.0, _STILL / longer)))


def _inlined(name: str) -> str:
    """Return a module without its imports and exports, as a part of one script."""
    source = re.sub(r"^import .*\n", "", asset(name), flags=re.MULTILINE)
    return re.sub(r"^export ", "", source, flags=re.MULTILINE)


def _curve(moments: Sequence[dict[str, Any]]) -> str:
    """Return the PSNR of the moments as the outline of an area, 1000 wide and 100 high."""
    psnrs = [moment["psnr"] for moment in moments]
    if None in psnrs or max(psnrs) == min(psnrs):
        return "M0 100V70H1000V100Z"
    low, high = min(psnrs), max(psnrs)
    points = (
        f"{1000 * moment['at']:.1f} {94 - 90 * (psnr - low) / (high - low):.1f}"
        for moment, psnr in zip(moments, psnrs, strict=True)
    )
    return f"M0 100L{'L'.join(points)}V100Z"


def _line(painting: Painting, moments: Moments) -> str:
    """Return the sentence that says what one sees."""
    trained = sum(painting.weights[name].size for name in painting.trained)
    model = painting.settings.model.partition(":")[0]
    what = "this picture" if painting.codes is None else f"{len(painting.codes)} pictures"
    steps = f" in {moments.snapshots[-1].step:,} steps" if moments.has_steps else ""
    return (
        f"A neural network ({model}, {trained:,} weights) learned {what}{steps}. What you see is "
        "not a video but the network itself, evaluated by your GPU at every pixel: zoom in."
    )


def _notes(painting: Painting, moments: Moments, reduction: Reduction) -> list[tuple[str, str]]:
    """Return the facts about how the page was made."""
    canvas, last = painting.canvas, moments.snapshots[-1]
    notes = [
        ("Model", painting.settings.model),
        ("Learned from", f"{canvas.width} x {canvas.height} pixels"),
    ]
    if moments.has_steps:
        notes.append(("Training", f"{last.step:,} steps in {last.seconds:.1f} seconds"))
    if len(reduction.places) > 1:
        notes.append(
            (
                "Moments",
                f"{len(reduction.places)} of {len(moments.snapshots)}; between them the weights "
                f"are blended, which differs from the training by {reduction.blended:.1f} of 255 "
                "levels or less (root mean square)",
            )
        )
    notes.append(
        (
            "Rounding",
            "the weights are rounded so that no colour of these moments moves by more than "
            f"{max(0.1, reduction.moved):.1f} of 255 levels",
        )
    )
    return notes
