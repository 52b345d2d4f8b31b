"""Everything that sums a comparison up, made anew each time from what its contestants have left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from neuralpaint.errors import NeuralPaintError
from neuralpaint.image.pictures import Picture
from neuralpaint.image.stills import save_still
from neuralpaint.pipelines.charts import draw_figure
from neuralpaint.pipelines.compare.curves import panels_of
from neuralpaint.pipelines.compare.folder import Folder
from neuralpaint.pipelines.compare.grid import draw_grid
from neuralpaint.pipelines.compare.maps import Exhibit, exhibit
from neuralpaint.pipelines.compare.page import write_page
from neuralpaint.pipelines.compare.race import film_race
from neuralpaint.pipelines.compare.result import CompareResult, Outcome
from neuralpaint.pipelines.compare.tables import as_csv, as_json
from neuralpaint.video.drawing import Frame

__all__ = ["summarise"]

_log = logging.getLogger(__name__)


def summarise(
    result: CompareResult,
    picture: Picture,
    folder: Folder,
    entered: Sequence[Outcome],
    *,
    plots: bool,
    keep: Sequence[str] | None,
    elapsed: Callable[[], float],
) -> list[str]:
    """Write everything into the folder and return the names of the files.

    Args:
        result: what was found out.
        picture: what was learned.
        folder: where it goes.
        entered: the outcomes in the order in which they entered, which the race keeps.
        plots: whether there is a matplotlib to draw the curves with.
        keep: the contestants, by digest, whose files stay in the folder; None for all.
        elapsed: the seconds since the comparison began.

    Raises:
        EncodingError: a file cannot be written.
    """
    files = []
    for outcome in result.outcomes:
        if outcome.still is not None:
            folder.write(f"stills/{outcome.slug}.png", outcome.still.read_bytes())
            files.append(f"stills/{outcome.slug}.png")
    exhibits = [exhibit(outcome, _still(outcome, picture), picture) for outcome in result.outcomes]
    files += _draw(result, picture, folder, exhibits, plots=plots)
    if not result.settings.no_race and any(outcome.film for outcome in entered):
        film_race(
            folder.path / "race.mp4",
            picture,
            outcomes=entered,
            winner=result.winner,
            settings=result.settings,
        )
        files.append("race.mp4")
    files += ["report.html", "results.csv", "results.json"]
    folder.write("report.html", write_page(result, picture, exhibits, files=files))
    folder.write("results.csv", as_csv(result))
    folder.tidy(made=files, keep=keep)
    folder.write("results.json", as_json(result, files=files, seconds=elapsed()))
    return files


def _draw(
    result: CompareResult,
    picture: Picture,
    folder: Folder,
    exhibits: Sequence[Exhibit],
    *,
    plots: bool,
) -> list[str]:
    files = ["grid.png"]
    save_still(draw_grid(picture, exhibits), folder.path / "grid.png", overwrite=True)
    if plots:
        title = f"{result.picture}, {result.width}x{result.height}"
        for kind, content in draw_figure(panels_of(result), title=title).items():
            folder.write(f"curves.{kind}", content)
            files.append(f"curves.{kind}")
    return files


def _still(outcome: Outcome, picture: Picture) -> Frame | None:
    """Return the final picture of a contestant, None where there is none."""
    if outcome.still is None:
        return None
    try:
        with Image.open(outcome.still) as image:
            frame: Frame = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError) as error:
        raise NeuralPaintError(
            f"{str(outcome.still)!r} is damaged ({error}): remove it and compare with --resume"
        ) from error
    if frame.shape != picture.pixels.shape:
        raise NeuralPaintError(
            f"{str(outcome.still)!r} has another size than the picture: remove it and compare "
            "with --resume"
        )
    return frame
