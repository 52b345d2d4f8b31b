"""`compare --upscale`: the picture is made small, and every method enlarges it again."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.config.presets import expanded
from neuralpaint.errors import UsageError
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.metrics import SSIM_WINDOW, luma_psnr, psnr, ssim
from neuralpaint.image.pictures import Picture, Source
from neuralpaint.image.resampling_kernels import Axis
from neuralpaint.image.still_files import save_still
from neuralpaint.pipelines.compare.compare import Job, read_still
from neuralpaint.pipelines.compare.maps import crop_side, disagreement, places_of
from neuralpaint.pipelines.compare.outcome import FAILURES, Figures, UpscaleOutcome, failure_of
from neuralpaint.pipelines.compare.result import UpscaleResult, format_gain
from neuralpaint.pipelines.compare.settings import UpscaleSettings
from neuralpaint.pipelines.compare.training import stops_of, training_progress
from neuralpaint.pipelines.compare.variants import BASELINE, Variant, methods_of
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.pipelines.note import Note
from neuralpaint.pipelines.paint import PaintSettings
from neuralpaint.pipelines.sheets import Column, draw_columns
from neuralpaint.rendering.still_renderer import StillRenderer
from neuralpaint.rendering.viewport import Viewport
from neuralpaint.runtime.devices import find_device
from neuralpaint.runtime.progress import Progress, Report, ignore
from neuralpaint.runtime.threads import set_threads
from neuralpaint.training.learner import Learner
from neuralpaint.training.learning import learn
from neuralpaint.training.viewer import Viewer
from neuralpaint.video.drawing import Frame

__all__ = ["Upscaling", "compare_upscaling", "degraded"]

_LEAST = 8  # pixels of a side of the small picture
_STOPS = 100  # at which the plan of a training limited by the clock is updated

# The fractions of a network's time after which its target is ready, and its training ends.
_MILESTONES = {"plain": (0.05, 0.95), "enhanced": (0.25, 0.96)}


def compare_upscaling(
    source: Source,
    folder: str | Path,
    *,
    settings: UpscaleSettings | None = None,
    overwrite: bool = False,
    report: Report = ignore,
    **options: object,
) -> UpscaleResult:
    """Make a picture small, enlarge it by every method, and compare with the original.

    The methods are nearest, bicubic and Lanczos resampling, and each network twice: trained on the
    small picture enlarged by resampling, and on the same enhanced. A `KeyboardInterrupt` ends it;
    the result contains the methods that have finished. A training that fails does not stop the
    others.

    Args:
        source: a path, an open binary file, or "-" for standard input.
        folder: the output folder, for tables, crops side by side, and the restored pictures.
        settings: how the picture is made small, and how the networks learn.
        overwrite: whether a comparison in `folder` may be replaced.
        report: called with the progress, several times a second.
        **options: fields of `UpscaleSettings`, in place of `settings`: for example
            `upscale=4, model="fourier,pyramid"`.

    Raises:
        UsageError: an option or the folder cannot be used, or the picture is too small.
        PictureError: the picture cannot be read.
        DeviceError: the device does not exist.
        EncodingError: a file cannot be written.
    """
    chosen = UpscaleSettings.given(settings, expanded(UpscaleSettings, options))
    return Upscaling(source, folder, settings=chosen, overwrite=overwrite).run(report)


class Upscaling(Job[UpscaleOutcome, UpscaleResult]):
    """A comparison of ways to enlarge a picture that was made small."""

    role = "method"

    def __init__(
        self,
        source: Source,
        folder: str | Path,
        *,
        settings: UpscaleSettings,
        overwrite: bool = False,
    ) -> None:
        super().__init__(folder)
        set_threads(settings.machine.threads)
        self.settings = settings
        self.variants = methods_of(settings)
        self.folder.check(source, resume=False, overwrite=overwrite, empty=True)
        self.original = cropped(settings.picture.load(source), settings.factor)
        self.picture = degraded(self.original, settings)
        self.border = border_of(settings.factor)
        self.device = find_device(settings.machine.device).type
        self._sizes = [self._size(each, self.picture) for each in self.variants]

    def facts(self) -> dict[str, Any]:
        """Return the plan of the comparison, for --dry-run and --json."""
        settings, training = self.settings, self.settings.to_dict()
        budget = next((k for k in ("seconds", "epochs", "steps") if training[k] is not None), None)
        return {
            "input": self.original.name,
            "width": self.original.width,
            "height": self.original.height,
            "small_width": self.picture.width,
            "small_height": self.picture.height,
            "output": str(self.folder.path),
            "upscale": settings.factor,
            "shrink": settings.shrinks_by,
            "kernel": settings.target.kernel,
            "noise": settings.degradation.noise,
            "jpeg": settings.degradation.jpeg,
            "methods": [
                {"name": variant.name, "kind": variant.kind, "weights": size and size[0],
                 "steps": size and size[1]}
                for variant, size in zip(self.variants, self._sizes, strict=True)
            ],
            "budget": budget and f"{training[budget]:g} {budget} each",
            "device": self.device,
            "seed": settings.optimization.seed,
        }  # fmt: skip

    def _begin(self) -> None:
        for picture, name in ((self.original, "original"), (self.picture, "small")):
            save_still(picture.pixels, self.folder.still(name), overwrite=True)

    def _attempt(self, variant: Variant, report: Report, viewer: Viewer) -> UpscaleOutcome:
        began, began_cpu = time.perf_counter(), time.process_time()
        outcome = UpscaleOutcome(variant, "finished")
        network: Learner | None = None
        frame: Frame | None = None
        try:
            if variant.training is None:
                report(Progress("resample", 0.0))
                resampling = Image.Resampling[variant.slug.upper()]
                size = (self.original.width, self.original.height)
                frame = np.asarray(Image.fromarray(self.picture.pixels).resize(size, resampling))
            else:
                report(Progress("prepare", 0.0))
                network = learner(self.picture, variant.training)
                frame = self._enlarged(network, variant, report, viewer)
        except FAILURES as error:
            status, message = failure_of(error)
            outcome = replace(outcome, status=status, message=message)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
        if network is not None:
            outcome = replace(outcome, weights=network.weights, steps=network.step)
        if frame is not None:
            path = self.folder.still(variant.slug)
            still = save_still(frame, path, tag=self._tag(variant), overwrite=True)
            inner = slice(self.border, -self.border)
            own, other = frame[inner, inner], self.original.pixels[inner, inner]
            figures = Figures(luma_psnr(own, other), psnr(own, other), ssim(own, other))
            outcome = replace(outcome, figures=figures, still=still)
        return replace(outcome, seconds=seconds, cpu_seconds=cpu_seconds)

    def _enlarged(
        self, network: Learner, variant: Variant, report: Report, viewer: Viewer
    ) -> Frame:
        """Train a network on the small picture and return it rendered at the original's size.

        It is rendered as by `neuralpaint paint`: made small again, it equals the small picture.

        Raises:
            DivergedError: the loss became NaN or infinite.
            DeviceError: the device is out of memory.
        """
        prepared, trained = _MILESTONES[variant.kind]

        def show(phase: str, done: float, loss: float = math.nan) -> None:
            report(replace(training_progress(network, loss=loss), phase=phase, done=done))

        def look(loss: float) -> None:
            done = training_progress(network, loss=loss).done
            show("train", prepared + done * (trained - prepared), loss)
            while viewer.visit(network, name=variant.name):
                pass

        network.prepare(lambda done: show("prepare", prepared * done))
        by_clock = network.settings.optimization.seconds is not None
        fractions = [i / _STOPS for i in range(_STOPS + 1)] if by_clock else [1.0]
        stops = stops_of(network, fractions)
        *_, last = learn(network, stops, look=look, interval=viewer.interval)
        show("train", trained, last.loss)  # reading the loss raises if it has diverged on a GPU

        target = network.settings.target
        viewport = Viewport(
            self.picture.canvas, self._view, picture=self.picture, target=target, bars=(0, 0, 0)
        )
        rendered = 0

        def add(rows: int) -> None:
            nonlocal rendered
            rendered += rows
            show("render", trained + min(1.0, rendered / viewport.height) * (1 - trained))

        strips = StillRenderer(viewport).strips(last.painting, depth=8, match=True, on_rows=add)
        return np.concatenate([*strips])

    @property
    def _view(self) -> CanvasSettings:
        """The view of the small picture that has the size of the original."""
        return CanvasSettings(size=f"{self.original.width}x{self.original.height}", fit="stretch")

    def _tag(self, variant: Variant) -> str:
        """Return the metadata from which `replay` makes the still out of small.png."""
        if variant.training is None:
            return ""
        settings = PaintSettings.from_dict(self._view.to_dict() | variant.training.to_dict())
        return Note("paint", "small.png", f"{variant.slug}.png", settings).text()

    def _has_results(self, outcomes: Mapping[str, UpscaleOutcome]) -> bool:
        return BASELINE.slug in outcomes

    def _result(self, outcomes: tuple[UpscaleOutcome, ...]) -> UpscaleResult:
        return UpscaleResult(
            folder=self.folder.path,
            picture=self.original.name,
            height=self.original.height,
            width=self.original.width,
            small_height=self.picture.height,
            small_width=self.picture.width,
            border=self.border,
            settings=self.settings,
            outcomes=outcomes,
            machine=self._machine(self.settings.machine),
        )

    def _draw(self, result: UpscaleResult, tried: Sequence[UpscaleOutcome]) -> list[str]:
        """Write crops.png: places where the methods differ most, side by side."""
        stills = {each: each.still for each in tried if each.still is not None}
        # Nearest differs from all others everywhere, and alone would determine the places.
        smooth = [path for each, path in stills.items() if each.slug != "nearest"]
        side = crop_side(result.height, result.width, border=self.border, most=64)
        interest = disagreement(map(read_still, smooth))  # one still at a time is in memory
        places = places_of(interest, side=side, border=self.border, count=3)
        size = f"{result.width}x{result.height}"
        columns = [Column("original", size, [p.of(self.original.pixels) for p in places])]
        for each, path in stills.items():
            frame = read_still(path)
            small = f"small, {result.small_width}x{result.small_height}"
            name = small if each.slug == "nearest" else each.name
            note = f"{format_gain(result.gain(each).psnr_y)} dB"
            tiles = [place.of(frame) for place in places]
            columns.append(Column(name, note, tiles, best=each is result.winner))
        legend = (
            f"dB: PSNR of the luma minus that of {BASELINE.name}, without {self.border} pixels "
            "along the edges. Crops: where the methods differ most, each pixel a square."
        )
        sheet = draw_columns(
            columns,
            title=result.picture,
            note=degradation_text(self.settings),
            legend=legend,
        )
        save_still(sheet, self.folder.path / "crops.png", overwrite=True)
        made = ["original", "small", *(each.slug for each in stills)]
        return [*(f"stills/{name}.png" for name in made), "crops.png"]


def degradation_text(settings: UpscaleSettings) -> str:
    """Return a description of how the picture is made small."""
    words = [f"{settings.factor:g} times smaller by {settings.shrinks_by}"]
    if settings.degradation.noise:
        words.append(f"noise of {settings.degradation.noise:g} levels")
    if settings.degradation.jpeg is not None:
        words.append(f"JPEG quality {settings.degradation.jpeg}")
    if settings.target.kernel == "auto":
        words.append("methods estimate how")
    elif settings.shrinks_by != settings.target.kernel:
        words.append(f"methods assume {settings.target.kernel}")
    return ", ".join(words)


def border_of(factor: float) -> int:
    """Return how many pixels along each edge are not measured: they have neighbours on one side."""
    return math.ceil(factor)


def cropped(picture: Picture, factor: float) -> Picture:
    """Return the picture without the last rows and columns that a whole factor does not divide.

    Raises:
        UsageError: the picture is too small to be made smaller and measured.
    """
    height, width = picture.height, picture.width
    if factor.is_integer():
        height, width = (side - side % int(factor) for side in (height, width))
    small = min(height, width) / factor
    measured = min(height, width) - 2 * border_of(factor)
    if small < _LEAST or measured < SSIM_WINDOW:
        raise UsageError(
            f"the picture, {picture.width}x{picture.height}, is too small to be made {factor:g} "
            "times smaller: lower --upscale, or give a larger picture"
        )
    if (height, width) == (picture.height, picture.width):
        return picture
    return replace(picture, pixels=picture.pixels[:height, :width])


def degraded(picture: Picture, settings: UpscaleSettings) -> Picture:
    """Return the picture made small, with noise and JPEG compression if they are set."""
    pixels = _shrunk(picture.pixels, settings)
    degradation = settings.degradation
    if degradation.noise > 0:
        rng = np.random.default_rng(settings.optimization.seed)
        noisy = pixels + rng.normal(0, degradation.noise, pixels.shape)
        pixels = np.rint(np.clip(noisy, 0, 255)).astype(np.uint8)
    if degradation.jpeg is not None:
        encoded = io.BytesIO()
        image = Image.fromarray(pixels)
        image.save(encoded, "JPEG", quality=degradation.jpeg, subsampling="4:2:0")
        with Image.open(encoded) as image:
            pixels = np.asarray(image.convert("RGB"))
    return Picture(pixels, name=picture.name)


def _shrunk(pixels: NDArray[np.uint8], settings: UpscaleSettings) -> NDArray[np.uint8]:
    factor, kernel = settings.factor, settings.shrinks_by
    height, width = (round(side / factor) for side in pixels.shape[:2])
    if kernel != "box" or factor.is_integer():
        resampling = Image.Resampling[kernel.upper()]
        return np.asarray(Image.fromarray(pixels).resize((width, height), resampling))
    # Pillow's box filter uses only whole pixels, so it does not average over an area.
    rows, columns = (
        Axis.whole(low, high).down("box")
        for low, high in zip((height, width), pixels.shape[:2], strict=True)
    )
    x = torch.tensor(pixels, dtype=torch.float32).permute(2, 0, 1)  # (3, h, w)
    means = columns.along_columns(rows.along_rows(x)).round_().byte()
    return means.permute(1, 2, 0).contiguous().numpy()
