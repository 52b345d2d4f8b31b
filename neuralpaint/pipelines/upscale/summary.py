"""Everything that sums the methods up: what they left is looked at again, and written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from neuralpaint.image.pictures import Picture
from neuralpaint.image.stills import save_still
from neuralpaint.pipelines.compare.folder import Folder
from neuralpaint.pipelines.upscale.folder import SHEET
from neuralpaint.pipelines.upscale.places import disagreement, telling_places
from neuralpaint.pipelines.upscale.result import Restoration, UpscaleResult
from neuralpaint.pipelines.upscale.sheet import Column, crop_side, draw_sheet
from neuralpaint.pipelines.upscale.tables import as_csv, as_json
from neuralpaint.pipelines.upscale.words import degradation, gained, legend
from neuralpaint.video.drawing import Frame

__all__ = ["summarise"]

_PLACES = 3


def summarise(
    result: UpscaleResult,
    original: Picture,
    folder: Folder,
    entered: Sequence[Restoration],
    *,
    stills: Sequence[str],
    elapsed: Callable[[], float],
) -> list[str]:
    """Write the tables and the sheet into the folder and return the names of all files.

    Args:
        result: what was found out.
        original: the picture.
        folder: where it goes.
        entered: the methods in their order, which the sheet keeps.
        stills: files that are there already.
        elapsed: the seconds since the comparison began.

    Raises:
        EncodingError: a file cannot be written.
    """
    shown = [each for each in entered if each.still is not None]
    sheet = _sheet(result, original, shown)
    save_still(sheet, folder.path / SHEET, overwrite=True)
    folder.write("results.csv", as_csv(result))
    files = [*stills, SHEET, "results.csv", "results.json"]
    folder.tidy(made=files, keep=[])
    folder.write("results.json", as_json(result, files=files, seconds=elapsed()))
    return files


def _sheet(result: UpscaleResult, original: Picture, shown: Sequence[Restoration]) -> Frame:
    """Return the sheet. One still at a time is in memory, however large the picture is."""
    # Blocks differ from everything else everywhere, and would choose the places alone.
    smooth = [each for each in shown if each.method.slug != "nearest"]
    side = crop_side(original.height, original.width, border=result.border)
    places = telling_places(
        disagreement(_frames(smooth)), side=side, border=result.border, count=_PLACES
    )
    size = f"{original.width}x{original.height}"
    columns = [Column("original", size, False, [place.of(original.pixels) for place in places])]
    for each, frame in zip(shown, _frames(shown), strict=True):
        blocks = each.method.slug == "nearest"
        columns.append(
            Column(
                f"small, {result.small_width}x{result.small_height}"
                if blocks
                else each.method.name,
                f"{gained(result.gain(each).psnr_y)} dB",
                each is result.winner,
                [place.of(frame) for place in places],
            )
        )
    title, note = result.picture, degradation(result.settings)
    return draw_sheet(columns, title=title, note=note, legend=legend(result))


def _frames(restorations: Sequence[Restoration]) -> Iterator[Frame]:
    """Yield what each method has brought back, as it was saved."""
    for each in restorations:
        yield _read(each.still)


def _read(path: Path | None) -> Frame:
    if path is None:
        raise ValueError("a method that did not finish shows nothing")
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
