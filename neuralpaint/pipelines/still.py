"""The still: one moment of any footage, rendered once, at any size."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.encoders import Depth
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.metrics import psnr_of_mse
from neuralpaint.image.stills import StillWriter, check_still, is_lossless
from neuralpaint.pipelines.development import Development
from neuralpaint.pipelines.footage import Footage
from neuralpaint.pipelines.hole import hole_fidelity, kept, kept_fidelity
from neuralpaint.pipelines.job import Job
from neuralpaint.pipelines.report import Phase, Progress, Report, Result, ignore
from neuralpaint.rendering.stage import Stage

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Still", "StillSettings"]

logger = logging.getLogger(__name__)

_WRITING = 200e-9  # seconds per pixel that a budget sets aside


@dataclass(frozen=True)
class StillSettings(Settings):
    """How a moment becomes a still."""

    section: ClassVar[str] = "Still"

    depth: Literal["8", "16"] = setting("8", "bits per channel; 16 for .png and .tiff", unit="bits")
    match_source: bool = setting(
        True,
        "see to it that a still of the end, at least half as large again as the picture along both "
        "sides, agrees with it when it is made small again; paintings do not hold the picture",
    )
    keep_known: bool = setting(
        False,
        "with a mask, write the known pixels as they were, at the picture's own size, and blend "
        "what is in the hole with them",
    )


class Still(Job):
    """One still to be made."""

    def __init__(
        self,
        output: str | Path,
        *,
        footage: Footage,
        fractions: Sequence[float],
        settings: StillSettings,
        view: CanvasSettings,
        bars: tuple[int, int, int],
        minimises_mse: bool = False,
        overwrite: bool = False,
        budget: float | None = None,
        began: float | None = None,
    ) -> None:
        """Check and prepare everything.

        Args:
            output: the still; its suffix chooses the format.
            footage: what is shown.
            fractions: of the training, at which to look at it; the still is of the last.
            settings: how.
            view: what is shown of the picture, how large.
            bars: the colour of bars.
            minimises_mse: whether the loss tells the PSNR.
            overwrite: whether `output` may exist.
            budget: seconds that everything may take.
            began: as for `Job`.

        Raises:
            UsageError: the still cannot be made so, or not there.
        """
        stage = Stage(
            footage.canvas, view, original=footage.picture, taught=footage.taught.target, bars=bars
        )
        super().__init__(output, footage=footage, stage=stage, budget=budget, began=began)
        self._development = Development(stage)
        self._fractions = fractions
        self._minimises_mse, self._overwrite = minimises_mse, overwrite
        # What is not learned, or not yet, must not be seen either.
        self._match = (
            settings.match_source
            and footage.taught.optimization.train_on == "all"
            and fractions[-1] == 1
        )
        self._depth: Depth = 16 if settings.depth == "16" else 8
        self._keep = settings.keep_known
        if self._keep:
            self._check_known()
        self._ahead: float | None = None
        self._rendered = 0.0
        check_still(
            output,
            overwrite=overwrite,
            height=stage.height,
            width=stage.width,
            depth=self._depth,
        )

    def _check_known(self) -> None:
        picture = self.footage.picture
        if picture is None:
            raise UsageError("--keep-known: a painting does not hold the picture; render a take")
        if picture.unknown is None:
            raise UsageError("--keep-known: nothing of the picture is unknown; it goes with --mask")
        if not self.stage.is_native:
            raise UsageError(
                f"--keep-known: pixels are kept at the picture's own size, {picture.width}x"
                f"{picture.height}, and whole: leave out what asks for others, such as --scale"
            )
        if not is_lossless(self.output):
            logger.warning(
                "--keep-known: %s comes close to every pixel and keeps none as it was; .png does",
                self.output.suffix,
            )

    def facts(self) -> dict[str, Any]:
        """Return what is going to be made, for a person or a program to read."""
        return super().facts() | {"width": self.stage.width, "height": self.stage.height}

    def ahead(self) -> float:
        """Return about how many seconds rendering and writing the still will take."""
        if self._ahead is None:
            pixels = self.stage.height * self.stage.width
            rendering = self.stage.seconds_per_frame(self.footage.painting())
            twice = self._match and self._development.matches_twice
            self._ahead = (2 if twice else 1) * rendering + pixels * _WRITING
        return self._ahead

    @property
    def done(self) -> float:
        """How much of the work is behind, in [0, 1]: of the training, and then of the still."""
        return self._rendered if self._rendered else super().done

    def work(self, report: Report = ignore) -> Result:
        """DoneCallback at the footage up to the moment of the still, render it and write it."""
        self.check_budget()
        painting = None
        for snapshot in self.until_stopped(self.snapshots(self._fractions, report)):
            self._loss, painting = snapshot.loss, snapshot.painting
        if self.stopped is not None and (self.footage.step == 0 or not self.interrupted):
            raise self.stopped
        if painting is None or self.stopped is not None:
            painting = self.footage.painting()
        height, width = self.stage.height, self.stage.width
        with StillWriter(
            self.output,
            height=height,
            width=width,
            depth=self._depth,
            tag=self.footage.note.text(),
            overwrite=self._overwrite,
        ) as still:
            rendered = written = 0

            def tell() -> None:
                self._rendered = (min(rendered, height) + written) / (2 * height)
                report(self.progress("film"))

            def look(rows: int) -> None:
                nonlocal rendered
                rendered += rows  # of a large one that is matched, twice as many as there are
                tell()

            strips, quality = self._strips(painting, look)
            for strip in strips:
                still.write(strip)
                written += len(strip)
                tell()
            report(self.progress("encode"))
        whole, hole = quality()
        return self.result(
            height=height, width=width, frames=1, fps=None, psnr=whole, hole_psnr=hole
        )

    def _strips(
        self, painting: Painting, look: Callable[[int], None]
    ) -> tuple[Iterator[NDArray[Any]], Callable[[], tuple[float, float]]]:
        """Return the still, and what tells its PSNR and that inside the hole."""
        stage, development, picture = self.stage, self._development, self.footage.picture
        if self._keep and picture is not None:
            strips = development.developed(painting, depth=self._depth, look=look)
            still = kept(np.concatenate(list(strips)), picture)
            barred = development.barred([still], depth=self._depth)
            return barred, lambda: kept_fidelity(still, picture)
        match = self._match and self.stopped is None
        strips = development.strips(painting, depth=self._depth, match=match, look=look)
        return strips, lambda: (stage.fidelity(painting), hole_fidelity(painting, picture))

    def progress(self, phase: Phase) -> Progress:
        """Return where the job is; the PSNR is that of the newest batches."""
        if self._minimises_mse:
            self._psnr = psnr_of_mse(self._loss)
        return super().progress(phase)
