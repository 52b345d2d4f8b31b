"""Restoring: one method after another brings the picture back, is measured and is saved."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from pathlib import Path

from neuralpaint.errors import DivergedError
from neuralpaint.image.pictures import Picture
from neuralpaint.image.stills import save_still
from neuralpaint.pipelines.compare.folder import Folder
from neuralpaint.pipelines.compare.result import MISHAPS, Status, mishap
from neuralpaint.pipelines.learner import learner
from neuralpaint.pipelines.note import Note
from neuralpaint.pipelines.paint import PaintSettings
from neuralpaint.pipelines.upscale.degradation import border_of
from neuralpaint.pipelines.upscale.figures import NOTHING, measure
from neuralpaint.pipelines.upscale.methods import Method, resampled
from neuralpaint.pipelines.upscale.result import (
    Phase,
    Restoration,
    UpscaleProgress,
    UpscaleReport,
    ignore,
)
from neuralpaint.pipelines.upscale.settings import UpscaleSettings
from neuralpaint.pipelines.upscale.training import bring_back, size_of
from neuralpaint.training.learner import Learner
from neuralpaint.video.drawing import Frame

__all__ = ["Restorer", "Turn"]

_log = logging.getLogger(__name__)

# About how much of a network's time is over when its target is made, and when it is trained.
_MILESTONES = {"plain": (0.05, 0.95), "enhanced": (0.25, 0.96)}


class Restorer:
    """Lets methods bring one picture back; what each makes is measured and saved."""

    def __init__(
        self, original: Picture, small: Picture, folder: Folder, *, settings: UpscaleSettings
    ) -> None:
        """Save the picture and the small one, from which all begin."""
        self._original, self._small, self._folder = original, small, folder
        self._border = border_of(settings.factor)
        self.stills: list[str] = []
        """The files that have been saved, as they are called in the folder."""
        self._save(original.pixels, "original")
        self._save(small.pixels, "small")

    def restored(self, method: Method, turn: Turn) -> Restoration:
        """Return what becomes of a method, however it ends.

        Raises:
            EncodingError: what it made cannot be saved.
        """
        began, began_cpu = time.perf_counter(), time.process_time()
        frame, status, message = self._tried(method, turn)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
        figures, still = NOTHING, None
        if frame is None:
            _log.warning("%s: %s (%s)", method.name, status, message)
        else:
            figures = measure(frame, self._original.pixels, border=self._border)
            still = self._save(frame, method.slug, tag=self._tag(method))
        pupil = turn.pupil
        return Restoration(
            method=method,
            status=status,
            message=message,
            figures=figures,
            steps=pupil.step if pupil else 0,
            weights=pupil.weights if pupil else 0,
            seconds=seconds,
            cpu_seconds=cpu_seconds,
            still=still,
        )

    def _tried(self, method: Method, turn: Turn) -> tuple[Frame | None, Status, str]:
        """Return what a method makes of the small picture, how it ended, and why so."""
        try:
            return self._bring_back(method, turn), "finished", ""
        except DivergedError as error:
            return None, "diverged", mishap(error)
        except MISHAPS as error:
            return None, "failed", mishap(error)

    def _bring_back(self, method: Method, turn: Turn) -> Frame:
        height, width = self._original.height, self._original.width
        if method.training is None:
            turn("resample", 0.0)
            return resampled(self._small, method, height=height, width=width)
        turn("prepare", 0.0)
        turn.pupil = pupil = learner(self._small, method.training)
        return bring_back(self._small, pupil, height=height, width=width, watch=turn)

    def _save(self, frame: Frame, slug: str, *, tag: str = "") -> Path:
        still = save_still(frame, self._folder.still(slug), tag=tag, overwrite=True)
        self.stills.append(still.relative_to(self._folder.path).as_posix())
        return still

    def _tag(self, method: Method) -> str:
        """Return how a still is made of the small picture by itself, to be kept in its file."""
        if method.training is None:
            return ""
        size = size_of(self._original.height, self._original.width).to_dict()
        settings = PaintSettings.from_dict(size | method.training.to_dict())
        return Note("paint", "small.png", f"{method.slug}.png", settings).text()


class Turn:
    """One method's: it hears how far that is, and reports how far the whole comparison is."""

    def __init__(
        self, method: Method, methods: Sequence[Method], report: UpscaleReport = ignore
    ) -> None:
        """Begin the turn of one of the methods."""
        index = methods.index(method)
        self._method, self._number = method, index + 1
        self._count, self._report = len(methods), report
        # Resamplers take no time worth telling.
        networks = [method.training is not None for method in methods]
        self._behind, self._networks = sum(networks[:index]), sum(networks)
        self.pupil: Learner | None = None

    def __call__(self, phase: Phase, done: float, loss: float = math.nan) -> None:
        """Hear how much of a phase is done, in [0, 1], and the loss."""
        pupil = self.pupil
        self._report(
            UpscaleProgress(
                phase=phase,
                done=(self._behind + self._share(phase, done)) / max(1, self._networks),
                method=self._method.name,
                number=self._number,
                count=self._count,
                step=pupil.step if pupil else 0,
                steps=pupil.steps if pupil else 0,
                train_seconds=pupil.seconds if pupil else 0.0,
                loss=loss,
            )
        )

    def _share(self, phase: Phase, done: float) -> float:
        """Return how much of this method's time is over, in [0, 1]."""
        if self._method.kind == "resampler":
            return 0.0
        prepared, trained = _MILESTONES[self._method.kind]
        begin, end = {
            "prepare": (0.0, prepared), "train": (prepared, trained), "render": (trained, 1.0)
        }[phase]  # fmt: skip
        return begin + done * (end - begin)
