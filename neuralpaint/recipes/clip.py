"""The clip: a film of any footage, from the first frame to the published file."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from neuralpaint.camera import cameras, read_camera
from neuralpaint.canvas import CanvasSettings
from neuralpaint.errors import DeviceError, DivergedError, UsageError
from neuralpaint.pacing import pacings
from neuralpaint.recipes.filming import Filming, FramesFrom
from neuralpaint.recipes.footage import Footage
from neuralpaint.recipes.job import Job, Stopped
from neuralpaint.recipes.report import Report, Result, ignore
from neuralpaint.recipes.stage import Stage
from neuralpaint.settings import setting
from neuralpaint.video.destination import check_clip
from neuralpaint.video.formats import format_for, formats
from neuralpaint.video.overlays import Moment, Point, compose, composed_size, overlays
from neuralpaint.video.playback import PlaybackSettings
from neuralpaint.video.reel import Frame, Reel
from neuralpaint.video.spool import FrameSpool
from neuralpaint.video.writer import ClipWriter

__all__ = ["Clip", "ClipSettings", "check_destination"]

# What a budget sets aside for the end, as measured on two CPU cores.
_ENCODING = 40e-9  # seconds per pixel
_LOOKAHEAD = 60  # frames that an encoder holds back until it has seen more
_PUBLISHING = 0.3  # seconds
_LONGEST = 1920  # pixels of a clip's side where no size is asked for: what every player takes


@dataclass(frozen=True)
class ClipSettings(PlaybackSettings):
    """How footage becomes a clip."""

    section: ClassVar[str] = "Clip"

    pacing: str = setting("fixed", "how training time becomes clip time", entries=pacings)
    frames_from: FramesFrom = setting(
        "auto",
        "render: every frame is a true render; auto: on a CPU, frames that cannot be told from a "
        "blend of true ones are blended; training: what the batches leave on a canvas, almost for "
        "nothing, but a pixel may be two passes over the picture old (200 steps at 768x512) and "
        "shows the weights themselves, noisier than their average",
    )
    camera: str | None = setting(
        None,
        "a move over the picture, every frame rendered at its own detail; or a TOML file of "
        "keyframes",
        entries=cameras,
        read=read_camera,
    )
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
        if self.frames_from == "training" and pacings.parse(self.pacing).trains_first:
            raise UsageError(
                f"--frames-from training films while it trains, and --pacing {self.pacing} after: "
                "choose --pacing fixed or log"
            )


class Clip(Job):
    """One clip to be made."""

    def __init__(
        self,
        output: str | Path,
        *,
        footage: Footage,
        settings: ClipSettings,
        view: CanvasSettings,
        bars: tuple[int, int, int],
        audio: Path | None = None,
        overwrite: bool = False,
        budget: float | None = None,
        began: float | None = None,
    ) -> None:
        """Check and prepare everything.

        Args:
            output: the clip; its suffix chooses the format.
            footage: what is filmed.
            settings: how.
            view: what is shown of the picture, how large.
            bars: the colour of bars.
            audio: a sound file to lay under the clip.
            overwrite: whether `output` may exist.
            budget: seconds that everything may take.
            began: as for `Job`.

        Raises:
            UsageError: the clip cannot be made so, or not there.
        """
        camera = None if settings.camera is None else cameras.parse(settings.camera)
        stage = Stage(
            footage.canvas, view, original=footage.picture, bars=bars, longest=_LONGEST,
            camera=camera,
        )  # fmt: skip
        super().__init__(output, footage=footage, stage=stage, budget=budget, began=began)
        self._settings = settings
        self._audio, self._overwrite = audio, overwrite
        self._format = format_for(output, settings.format)
        self._overlays = overlays.parse_list(settings.overlay)
        self._pacing = pacings.parse(settings.pacing)
        if footage.picture is None and self._overlays:
            raise UsageError(
                "--overlay: a painting holds neither its original nor how it was learned; render "
                "a take, as --record makes it"
            )
        self._check()
        self.playback = settings.playback(None if footage.by_clock else footage.steps)
        self.shots = self.playback.shots
        self._filming = Filming(
            footage,
            stage,
            frames_from=settings.frames_from,
            shots=self.shots,
            interrupted=lambda: self.interrupted,
        )
        self.history: list[Point] = []

    def _check(self) -> None:
        height, width = self._composed
        check_clip(
            self.output,
            self._format,
            height=height,
            width=width,
            fps=self._settings.fps,
            audio=self._audio,
            overwrite=self._overwrite,
        )

    def facts(self) -> dict[str, Any]:
        """Return what is going to be made, for a person or a program to read."""
        height, width = self._composed
        height, width = self._format.padded(height=height, width=width)
        return super().facts() | {
            "width": width,
            "height": height,
            "frames": self.playback.frames,
            "fps": self._settings.fps,
        }

    @property
    def _composed(self) -> tuple[int, int]:
        return composed_size(self._overlays, height=self.stage.height, width=self.stage.width)

    @property
    def done(self) -> float:
        """How much of the work is behind, in [0, 1]."""
        filmed = self.shot / self.shots
        return (super().done + filmed) / 2 if self._pacing.trains_first else filmed

    def work(self, report: Report = ignore) -> Result:
        """Film and write the clip.

        The first KeyboardInterrupt ends the clip with what there is, the second stops at once.
        """
        with ExitStack() as stack:
            writer = stack.enter_context(self._writer())
            spool = None
            if self.playback.looks_back:
                spool = stack.enter_context(FrameSpool(self.output.absolute().parent))
            reel = Reel(writer, self.playback, spool)
            try:
                self._film(reel, report)
            except (KeyboardInterrupt, DivergedError, DeviceError) as error:
                self._end_early(error, writer)
            if self.stopped is not None and reel.shots == 0:
                writer.abort()
                raise self.stopped
            report(self.progress("encode"))
            try:
                reel.finish()
            except KeyboardInterrupt as error:
                self._end_early(error, writer)
                reel.finish()
            self._close(writer)
        if self.stopped is not None and not self.interrupted:
            raise type(self.stopped)(
                f"{self.stopped}; the clip so far is in {str(self.output)!r}"
            ) from self.stopped
        return self.result(
            height=writer.height,
            width=writer.width,
            frames=writer.frames,
            fps=writer.fps,
            psnr=self.stage.fidelity(self._painting, shown=self.history[-1].psnr),
        )

    def _film(self, reel: Reel, report: Report) -> None:
        if self._budget is not None:
            both = self._budget - self.elapsed - self._closing
            self._filming.allow(both / 2, clock=self._overhead)
            self.check_budget()
        fractions = self._pacing.fractions(self.shots)
        snapshots = self.snapshots(fractions, report, every=self._settings.every or 1)
        observed = self._pacing.observe(snapshots, canvas=self.stage.canvas)
        shots = self._pacing.shots(self.until_stopped(observed), shots=self.shots)
        for shot, frame, quality in self._filming.film(shots):
            self._painting, self._psnr = shot.painting, quality
            self.history.append(Point(shot.step, shot.seconds, shot.loss, quality))
            reel.add(self._annotated(frame))
            self.shot += 1
            report(self.progress("film"))

    def ahead(self) -> float:
        """Return about how many seconds filming and writing will still take."""
        return self._filming.ahead() + self._closing

    def _overhead(self) -> float:
        """Return the seconds spent on anything but training."""
        return self.elapsed - self.footage.seconds

    @property
    def _closing(self) -> float:
        """About how many seconds the encoder needs once there is nothing left to train."""
        pixels = self.stage.height * self.stage.width
        later = self.playback.frames if self._pacing.trains_first else self.playback.later
        return _PUBLISHING + (later + _LOOKAHEAD) * pixels * _ENCODING

    def _annotated(self, frame: Frame) -> Frame:
        if not self._overlays:
            return frame
        newest = self.history[-1]
        moment = Moment(
            index=len(self.history) - 1,
            count=self.shots,
            step=newest.step,
            steps=self.footage.steps,
            seconds=newest.seconds,
            loss=newest.loss,
            psnr=newest.psnr,
            history=self.history,
        )
        original = self.stage.original(moment.progress)
        return compose(self._overlays, frame, moment=moment, original=original)

    def _end_early(self, error: Stopped, writer: ClipWriter) -> None:
        """Note why the clip ends early; a second interruption gives it up."""
        if self.interrupted and isinstance(error, KeyboardInterrupt):
            writer.abort()
            raise error
        self.stop(error)

    def _close(self, writer: ClipWriter) -> None:
        try:
            writer.close(patience=0 if self.interrupted else 1)
        except KeyboardInterrupt as error:
            if not writer.finished:
                raise
            self.stopped = error

    def _writer(self) -> ClipWriter:
        height, width = self._composed
        return ClipWriter(
            self.output,
            format=self._format,
            height=height,
            width=width,
            fps=self._settings.fps,
            title=f"{Path(self.footage.note.source).stem}, learned by a neural network",
            tag=self.footage.note.text(),
            audio=self._audio,
            overwrite=self._overwrite,
            rescue=not self.footage.resumed,  # which shows all of it again
        )


def check_destination(
    output: str | Path, settings: ClipSettings, *, audio: Path | None, overwrite: bool
) -> None:
    """Raise what keeps a clip from being written there, before anything large is read.

    Raises:
        UsageError: it cannot be there, or not in that format.
        EncodingError: the folder cannot be written to, or ffmpeg is missing.
    """
    check_clip(output, format_for(output, settings.format), audio=audio, overwrite=overwrite)
