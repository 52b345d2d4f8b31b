"""The comparison of upscalings: which methods, in which order, and what is told on the way."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Source
from neuralpaint.image.typography import text_width
from neuralpaint.pipelines.compare.folder import Folder
from neuralpaint.pipelines.compare.result import MISHAPS
from neuralpaint.pipelines.learner import learner
from neuralpaint.pipelines.upscale.degradation import border_of, cropped, degraded
from neuralpaint.pipelines.upscale.folder import check_folder
from neuralpaint.pipelines.upscale.methods import BASELINE, Method, methods_of
from neuralpaint.pipelines.upscale.restoring import Restorer, Turn
from neuralpaint.pipelines.upscale.result import (
    Restoration,
    UpscaleProgress,
    UpscaleReport,
    UpscaleResult,
    ignore,
)
from neuralpaint.pipelines.upscale.settings import UpscaleSettings
from neuralpaint.runtime.devices import find_device
from neuralpaint.runtime.threads import set_threads

__all__ = ["Upscaling", "compare_upscaling"]


def compare_upscaling(
    source: Source,
    folder: str | Path,
    *,
    settings: UpscaleSettings | None = None,
    overwrite: bool = False,
    report: UpscaleReport = ignore,
    **options: object,
) -> UpscaleResult:
    """Make a picture small, bring it back by every method, and tell which comes nearest.

    The methods are nearest, bicubic and Lanczos resampling, and each network twice: trained on the
    small picture made large by resampling, and on the same enhanced. A `KeyboardInterrupt` ends it
    with those that have finished; the result says so. A training that fails does not stop the
    others.

    Args:
        source: a path, an open binary file, or "-" for standard input.
        folder: where everything goes: tables, crops side by side, and what each brought back.
        settings: how it is made small, and how the networks learn.
        overwrite: whether a comparison in `folder` may be replaced.
        report: called with the progress, several times a second.
        **options: fields of `UpscaleSettings`, in place of `settings`: for example
            `upscale=4, model="fourier,pyramid"`.

    Raises:
        UsageError: an option cannot be used, the folder, or so small a picture.
        PictureError: the picture cannot be read.
        DeviceError: the device is not there.
        EncodingError: a file cannot be written.
    """
    chosen = UpscaleSettings.given(settings, options)
    return Upscaling(source, folder, settings=chosen, overwrite=overwrite).run(report)


class Upscaling:
    """One comparison of upscalings; all that can be checked is checked before it begins."""

    def __init__(
        self,
        source: Source,
        folder: str | Path,
        *,
        settings: UpscaleSettings,
        overwrite: bool = False,
    ) -> None:
        """Read the picture, make it small, and see that every network can be built."""
        self._began = time.perf_counter()
        self.settings = settings
        self.methods = methods_of(settings)
        self.folder = Folder(folder)
        check_folder(self.folder, source, overwrite=overwrite)
        text_width("dB", 20)  # fails where no type can be set
        self.original = cropped(settings.picture.load(source), settings.factor)
        self.small = degraded(self.original, settings)
        self.device = find_device(settings.machine.device).type
        self._sizes = {method.slug: self._size(method) for method in self.methods}

    def _size(self, method: Method) -> tuple[int, int] | None:
        """Return a method's weights and steps, None where it cannot even begin."""
        if method.training is None:
            return 0, 0
        try:
            pupil = learner(self.small, method.training)
        except UsageError:
            raise
        except MISHAPS:  # told in its turn, like one that fails on the way
            return None
        return pupil.weights, pupil.steps

    def facts(self) -> dict[str, Any]:
        """Return what is going to be done, for a person or a program to read."""
        settings, training = self.settings, self.settings.to_dict()
        budget = next((k for k in ("seconds", "epochs", "steps") if training[k] is not None), None)
        return {
            "input": self.original.name,
            "width": self.original.width,
            "height": self.original.height,
            "small_width": self.small.width,
            "small_height": self.small.height,
            "output": str(self.folder.path),
            "upscale": settings.factor,
            "shrink": settings.shrinks_by,
            "kernel": settings.target.kernel,
            "noise": settings.degradation.noise,
            "jpeg": settings.degradation.jpeg,
            "methods": [
                {"name": method.name, "kind": method.kind, "weights": size and size[0],
                 "steps": size and size[1]}
                for method in self.methods for size in [self._sizes[method.slug]]
            ],
            "budget": budget and f"{training[budget]:g} {budget} each",
            "device": self.device,
            "seed": settings.optimization.seed,
        }  # fmt: skip

    def run(self, report: UpscaleReport = ignore) -> UpscaleResult:
        """Let one method after another bring the picture back, and sum them up.

        The first KeyboardInterrupt ends the training, the second the rest.
        """
        from neuralpaint.pipelines.upscale.summary import summarise

        self.folder.make()
        entered: list[Restoration] = []
        interrupted = False
        try:
            restorer = Restorer(self.original, self.small, self.folder, settings=self.settings)
            try:
                for method in self.methods:
                    entered.append(restorer.restored(method, Turn(method, self.methods, report)))
            except KeyboardInterrupt:
                interrupted = True
                if BASELINE not in [each.method for each in entered]:
                    raise
            report(UpscaleProgress("summarise", 1.0, count=len(self.methods)))
            result = self._result(entered, interrupted=interrupted)
            files = summarise(
                result,
                self.original,
                self.folder,
                entered,
                stills=restorer.stills,
                elapsed=self._elapsed,
            )
        finally:
            self.folder.leave()
        return replace(result, files=tuple(files), total_seconds=self._elapsed())

    def _elapsed(self) -> float:
        return time.perf_counter() - self._began

    def _result(self, entered: Sequence[Restoration], *, interrupted: bool) -> UpscaleResult:
        from neuralpaint.pipelines.bench.machine import this_machine

        there = [each.method for each in entered]
        return UpscaleResult(
            folder=self.folder.path,
            picture=self.original.name,
            height=self.original.height,
            width=self.original.width,
            small_height=self.small.height,
            small_width=self.small.width,
            border=border_of(self.settings.factor),
            settings=self.settings,
            restorations=tuple(sorted(entered, key=_rank)),
            machine=this_machine(
                device=self.device, threads=set_threads(self.settings.machine.threads)
            ),
            missing=tuple(each.name for each in self.methods if each not in there),
            interrupted=interrupted,
        )


def _rank(restoration: Restoration) -> tuple[bool, float]:
    """Return by what methods are ordered: those that finished first, and of these the best."""
    return restoration.status != "finished", -restoration.figures.psnr_y
