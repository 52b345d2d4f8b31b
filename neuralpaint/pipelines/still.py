"""The still: one moment of any snapshot source, rendered once, at any size."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.image.encoders import Depth
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.still_files import StillWriter, check_still, is_lossless, stores_alpha
from neuralpaint.pipelines.job import TRAINING_LENGTH, Job, Result, training_done
from neuralpaint.pipelines.kept_place import keeping_what_matters
from neuralpaint.pipelines.settings import StillSettings
from neuralpaint.pipelines.snapshot_sources import Run, SnapshotSource
from neuralpaint.pipelines.transparency import paper_for
from neuralpaint.rendering.render import PendingFrame
from neuralpaint.rendering.still_renderer import (
    StillRenderer,
    Strips,
    hole_psnr_of,
    with_known_pixels,
    with_known_pixels_psnr,
)
from neuralpaint.rendering.viewport import Viewport
from neuralpaint.runtime.interruption import Interruption
from neuralpaint.runtime.progress import Progress, ProgressTracker, ignore
from neuralpaint.training.viewer import Viewer

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Still"]

logger = logging.getLogger(__name__)

_WRITING = 200e-9  # seconds per pixel


class Still(Job):
    """Makes one still."""

    def __init__(
        self,
        output: str | Path,
        *,
        source: SnapshotSource,
        fractions: Sequence[float],
        still: StillSettings,
        view: CanvasSettings,
        bars: tuple[int, int, int],
        paper: tuple[int, int, int] | None = None,
        overwrite: bool = False,
        budget: float | None = None,
        began: float | None = None,
    ) -> None:
        """Check and prepare everything.

        Args:
            output: the still; its suffix chooses the format.
            source: yields the snapshots.
            fractions: moments of the training; the still shows the last of them.
            still: how it is rendered.
            view: the part of the picture that is shown, and the size of the still.
            bars: the colour of bars, sRGB.
            paper: the colour behind transparent parts; None: they stay transparent if the format
                stores that, and are white if not.
            overwrite: whether `output` may exist.
            budget: seconds that the whole run may take; None for no limit.
            began: as for `Job`.

        Raises:
            UsageError: the options do not fit together, or the output cannot be written.
        """
        view = keeping_what_matters(view, source)
        viewport = Viewport(
            source.canvas,
            view,
            picture=source.picture,
            target=source.settings.target,
            bars=bars,
            paper=paper_for(source, paper, stores_alpha=stores_alpha(output)),
        )
        super().__init__(output, source=source, viewport=viewport, budget=budget, began=began)
        self._renderer = StillRenderer(viewport)
        self._fractions = fractions
        self._overwrite = overwrite
        # Matching would show pixels that are held out, or that are not learned yet.
        learns_all = source.settings.optimization.train_on == "all"
        self._match = still.match_source and learns_all and fractions[-1] == 1
        self._depth: Depth = 16 if still.depth == "16" else 8
        self._keep_known = still.keep_known
        if self._keep_known:
            self._check_known()
        self._painting: Painting | None = None  # of `strip`
        self._is_measured = True  # whether this process renders, and measures how fast it is
        self._rendering: float | None = None  # seconds, once measured
        self._rendered = 0.0  # fraction of the still that is rendered and written
        check_still(
            output,
            overwrite=overwrite,
            height=viewport.height,
            width=viewport.width,
            depth=self._depth,
            channels=viewport.channels,
        )

    def _check_known(self) -> None:
        picture = self.source.picture
        if picture is None:
            raise UsageError("--keep-known: a painting does not contain the picture; render a take")
        if picture.unknown is None:
            raise UsageError("--keep-known: all pixels of the picture are known; add --mask")
        if not self.viewport.is_native:
            raise UsageError(
                f"--keep-known needs a still of the whole picture at its own size, {picture.width}x"
                f"{picture.height}: leave out options that change this, such as --scale"
            )
        if not is_lossless(self.output):
            logger.warning(
                "--keep-known: %s changes every pixel a little; .png does not", self.output.suffix
            )

    def facts(self) -> dict[str, Any]:
        """Return the plan of the job, for --dry-run and --json."""
        return super().facts() | {"width": self.viewport.width, "height": self.viewport.height}

    def use_strips(self, strips: Strips) -> None:
        """Let another function than `render_strips` render the still."""
        self._renderer = StillRenderer(self.viewport, strips=strips)
        self._is_measured = False

    def strip(self, rows: slice, *, depth: Depth) -> NDArray[Any]:
        """Return some rows of the canvas, one of `strips_of`, as `render_strips` yields them."""
        if self._painting is None:
            with Interruption() as interruption:
                progress = ProgressTracker(ignore, done=self._done)
                self._painting = self._train(Run(progress, interruption, self._budget, Viewer()))
        return PendingFrame(self._painting, self.viewport.canvas, rows=rows, depth=depth).frame()

    def _done(self, progress: Progress) -> float:
        return self._rendered if self._rendered else training_done(progress)

    def _make(self, run: Run) -> Result:
        if self._is_measured:
            self._plan()
        painting = self._train(run)
        height, width = self.viewport.height, self.viewport.width
        with StillWriter(
            self.output,
            height=height,
            width=width,
            depth=self._depth,
            channels=self.viewport.channels,
            tag=self.source.note.text(),
            overwrite=self._overwrite,
        ) as still:
            rendered = written = 0

            def report() -> None:
                run.interruption.check()
                self._rendered = (min(rendered, height) + written) / (2 * height)
                run.progress.update("film", **self._training_fields())

            def on_rows(rows: int) -> None:
                nonlocal rendered
                rendered += rows  # a large still that is corrected is rendered twice
                report()

            strips, psnrs = self._strips(painting, run.interruption, on_rows)
            for strip in strips:
                still.write(strip)
                written += len(strip)
                report()
            run.progress.update("encode")
        whole, hole = psnrs()
        return self._result(
            run,
            height=height,
            width=width,
            frames=1,
            fps=None,
            steps=self.source.step,
            train_seconds=self.source.seconds,
            psnr=whole,
            hole_psnr=hole,
        )

    def _train(self, run: Run) -> Painting:
        """Return the painting to be rendered; after an interruption, the newest one."""
        painting = None
        snapshots = self.source.snapshots(self._fractions, run, every=1)
        for snapshot in run.interruption.until_stopped(snapshots):
            painting = snapshot.painting
            _ = snapshot.loss  # raises if the training has diverged
        stop = run.interruption.stop
        if stop is None and painting is not None:
            return painting
        if stop is not None and (self.source.step == 0 or not isinstance(stop, KeyboardInterrupt)):
            raise stop
        return self.source.painting()

    def _plan(self) -> None:
        rendering = self.viewport.seconds_per_frame(self.source.painting())
        self._rendering = (2 if self._match and self._renderer.matches_twice else 1) * rendering
        if self._budget.seconds is not None:
            self._budget.reserve(writing=self._rendering + self._writing)
        self._budget.end_preparation()

    @property
    def _writing(self) -> float:
        return self.viewport.height * self.viewport.width * _WRITING

    def _after_training(self, changes: Mapping[str, Any]) -> tuple[float, float] | None:
        if self._rendering is None or not changes.keys() <= TRAINING_LENGTH:
            return None
        return self._rendering, self._writing

    def _strips(
        self, painting: Painting, interruption: Interruption, on_rows: Callable[[int], None]
    ) -> tuple[Iterator[NDArray[Any]], Callable[[], tuple[float, float]]]:
        """Return the still, and a function that returns its PSNR and the PSNR inside the hole."""
        viewport, renderer, picture = self.viewport, self._renderer, self.source.picture
        if self._keep_known and picture is not None:
            strips = renderer.without_bars(painting, depth=self._depth, on_rows=on_rows)
            still = with_known_pixels(np.concatenate(list(strips)), picture)
            barred = renderer.with_bars([still], depth=self._depth)
            return barred, lambda: with_known_pixels_psnr(still, picture)
        match = self._match and interruption.stop is None
        strips = renderer.strips(painting, depth=self._depth, match=match, on_rows=on_rows)
        return strips, lambda: (viewport.psnr(painting), hole_psnr_of(painting, picture))
