"""The timelapse: train on a picture and film it. The main job."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from neuralpaint.canvas import Canvas, CanvasSettings
from neuralpaint.errors import DeviceError, DivergedError, UsageError
from neuralpaint.learning import Snapshot, TrainingSettings, learn, learner, stops_by_clock
from neuralpaint.metrics import psnr
from neuralpaint.pacing import pacings, stops_at
from neuralpaint.pictures import Picture, PictureSettings, Source, load_picture
from neuralpaint.recipes.provenance import Note
from neuralpaint.recipes.report import (
    Phase,
    Progress,
    Report,
    Result,
    ignore,
    peak_memory_mb,
    training_facts,
)
from neuralpaint.rendering import fidelity, letterbox, render, view
from neuralpaint.settings import setting
from neuralpaint.video.destination import check_clip
from neuralpaint.video.formats import format_for, formats
from neuralpaint.video.overlays import Moment, Point, compose, composed_size, overlays
from neuralpaint.video.playback import PlaybackSettings
from neuralpaint.video.reel import Reel
from neuralpaint.video.spool import FrameSpool
from neuralpaint.video.writer import ClipWriter

__all__ = ["Timelapse", "VideoSettings", "timelapse"]

_LONGEST = 1920  # pixels of a clip's side where no size is asked for: what every player takes

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class VideoSettings(PlaybackSettings, CanvasSettings, TrainingSettings, PictureSettings):
    """Everything that shapes a clip."""

    section: ClassVar[str] = "Clip"

    pacing: str = setting("fixed", "how training time becomes clip time", entries=pacings)
    overlay: str = setting(
        "",
        "what to draw on the clip; may be given several times",
        entries=overlays,
        repeatable=True,
    )
    format: str | None = setting(
        None, "kind of file, with settings; unset, by the suffix", entries=formats
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every is None:
            self.playback(steps=None)  # says now if the clip has no room for what was asked
        elif self.seconds is not None:
            raise UsageError("--every needs to know the steps: give --steps instead of --seconds")


def timelapse(
    source: Source,
    output: str | Path,
    *,
    settings: VideoSettings | None = None,
    audio: str | Path | None = None,
    overwrite: bool = False,
    report: Report = ignore,
    **options: object,
) -> Result:
    """Train on a picture and film it.

    A `KeyboardInterrupt` while it works finishes the clip with what has been filmed; the result
    says so.

    Args:
        source: a path, an open binary file, or "-" for standard input.
        output: the clip; its suffix chooses the format.
        settings: everything that shapes the clip.
        audio: a sound file to lay under the clip.
        overwrite: whether `output` may exist.
        report: called with the progress, several times a second.
        **options: fields of `VideoSettings`, in place of `settings`: for example `steps=3000`.

    Raises:
        UsageError: an option cannot be used, or the output exists or cannot be there.
        PictureError: the picture cannot be read.
        DeviceError: the device is not there or has too little memory.
        DivergedError: the loss became NaN; the clip so far has been written.
        EncodingError: the clip cannot be written.
    """
    settings = settings or VideoSettings.from_dict(options)
    job = Timelapse(source, output, settings=settings, audio=audio, overwrite=overwrite)
    return job.run(report)


class Timelapse:
    """One clip to be made: everything that can be checked has been when it is constructed."""

    def __init__(
        self,
        source: Source,
        output: str | Path,
        *,
        settings: VideoSettings,
        audio: str | Path | None = None,
        overwrite: bool = False,
    ) -> None:
        self._began = time.perf_counter()
        self.output = Path(output)
        self.settings = settings
        self._audio = None if audio is None else Path(audio)
        self._format = format_for(output, settings.format)
        check_clip(output, self._format, audio=self._audio, overwrite=overwrite)
        self._overwrite = overwrite
        self.picture = load_picture(
            source, background=settings.background, max_pixels=settings.max_pixels
        )
        self._stage = _Stage(self.picture, settings)
        self.learner = learner(self.picture, settings)
        steps = None if settings.seconds is not None else self.learner.steps
        self.playback = settings.playback(steps)

    def facts(self) -> dict[str, Any]:
        """Return what is going to be made, for a person or a program to read."""
        height, width = self._size()
        return {
            "input": self.picture.name,
            "input_width": self.picture.width,
            "input_height": self.picture.height,
            "output": str(self.output),
            "width": width,
            "height": height,
            "frames": self.playback.frames,
            "fps": self.settings.fps,
            **training_facts(self.learner, self.settings),
        }

    def run(self, report: Report = ignore) -> Result:
        """Train, film and write the clip."""
        stopped: KeyboardInterrupt | DivergedError | DeviceError | None = None
        shots = self.playback.shots
        with ExitStack() as stack:
            writer = stack.enter_context(self._writer())
            spool = None
            if self.playback.looks_back:
                spool = stack.enter_context(FrameSpool(self.output.absolute().parent))
            reel = Reel(writer, self.playback, spool)
            try:
                for shot in self._shots(report):
                    reel.add(self._stage.shoot(shot, steps=self.learner.steps, shots=shots))
                    report(self._progress("film", loss=shot.loss))
            except (KeyboardInterrupt, DivergedError, DeviceError) as error:
                if reel.shots == 0:
                    writer.abort()
                    raise
                stopped = error
            report(self._progress("encode", loss=self._stage.history[-1].loss))
            reel.finish()
            # The first Ctrl-C has had its effect by now: one more stops at once.
            writer.close(patience=0 if stopped else 1)
            frames = writer.frames
        if isinstance(stopped, (DivergedError, DeviceError)):
            raise type(stopped)(f"{stopped}; the clip so far is in {str(self.output)!r}")
        return self._result(frames, interrupted=stopped is not None)

    def _shots(self, report: Report) -> Iterator[Snapshot]:
        """Yield the moments to film; training goes on as they are asked for."""
        settings = self.settings
        pacing = pacings.parse(settings.pacing)
        fractions = pacing.fractions(self.playback.shots)
        stops = (
            stops_by_clock(self.learner, fractions, seconds=settings.seconds)
            if settings.seconds is not None
            else stops_at(fractions, steps=self.learner.steps, every=settings.every or 1)
        )
        snapshots = learn(
            self.learner, stops, look=lambda loss: report(self._progress("train", loss=loss))
        )
        return pacing.shots(snapshots, shots=self.playback.shots, canvas=self._stage.canvas)

    def _progress(self, phase: Phase, *, loss: float) -> Progress:
        history = self._stage.history
        return Progress(
            phase,
            step=self.learner.step,
            steps=self.learner.steps,
            train_seconds=self.learner.seconds,
            loss=loss,
            psnr=history[-1].psnr if history else None,
            shot=len(history),
            shots=self.playback.shots,
        )

    def _writer(self) -> ClipWriter:
        height, width = self._stage.size
        name = self.picture.name
        return ClipWriter(
            self.output,
            format=self._format,
            height=height,
            width=width,
            fps=self.settings.fps,
            title=f"{name}, learned by a neural network",
            tag=Note("video", name, self.output.name, self.settings).text(),
            audio=self._audio,
            overwrite=self._overwrite,
        )

    def _size(self) -> tuple[int, int]:
        """Return the (height, width) of the file, which some formats want to be even."""
        height, width = self._stage.size
        return self._format.padded(height=height, width=width)

    def _result(self, frames: int, *, interrupted: bool) -> Result:
        height, width = self._size()
        return Result(
            output=self.output,
            width=width,
            height=height,
            frames=frames,
            fps=self.settings.fps,
            steps=self.learner.step,
            train_seconds=self.learner.seconds,
            total_seconds=time.perf_counter() - self._began,
            psnr=self._stage.fidelity(),
            device=self.learner.device,
            seed=self.settings.seed,
            peak_memory_mb=peak_memory_mb(),
            interrupted=interrupted,
        )


class _Stage:
    """What all shots of one clip share: the view, the bars, the original, the overlays."""

    def __init__(self, picture: Picture, settings: VideoSettings) -> None:
        whole = Canvas.of(height=picture.height, width=picture.width)
        self.picture = picture
        self.canvas, self._frame = settings.views(whole, longest=_LONGEST)
        self._native = self.canvas == whole
        red, green, blue = ImageColor.getrgb(settings.background)[:3]
        self._bars = (red, green, blue)
        self._reference = view(picture, self.canvas)
        self._original = self._boxed(self._reference)
        self._overlays = overlays.parse_list(settings.overlay)
        self.size = composed_size(
            self._overlays, height=self._frame.height, width=self._frame.width
        )
        self.history: list[Point] = []
        self._seen: tuple[Snapshot, Frame] | None = None

    def shoot(self, shot: Snapshot, *, steps: int, shots: int) -> Frame:
        """Return the frame of a shot, uint8 of `size`."""
        if self._seen is None or self._seen[0] is not shot:
            self._seen = shot, render(shot.painting, self.canvas)
        frame = self._seen[1]
        quality = psnr(frame, self._reference)
        self.history.append(Point(shot.step, shot.seconds, shot.loss, quality))
        frame = self._boxed(frame)
        if not self._overlays:
            return frame
        moment = Moment(
            index=len(self.history) - 1,
            count=shots,
            step=shot.step,
            steps=steps,
            seconds=shot.seconds,
            loss=shot.loss,
            psnr=quality,
            history=self.history,
        )
        return compose(self._overlays, frame, moment=moment, original=self._original)

    def fidelity(self) -> float:
        """Return the PSNR in dB of the newest shot against the picture at its own pixels."""
        if self._seen is None:
            return math.nan
        shot, _ = self._seen
        return self.history[-1].psnr if self._native else fidelity(shot.painting, self.picture)

    def _boxed(self, frame: Frame) -> Frame:
        height, width = self._frame.height, self._frame.width
        return letterbox(frame, height=height, width=width, colour=self._bars)
