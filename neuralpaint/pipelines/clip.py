"""The clip: a film of any footage, from the first frame to the published file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from neuralpaint.errors import DeviceError, DivergedError, UsageError
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import Frame
from neuralpaint.pipelines.annotations import Annotations
from neuralpaint.pipelines.clip_settings import ClipSettings, TimelapseSettings
from neuralpaint.pipelines.detail import LONGEST_CLIP
from neuralpaint.pipelines.footage import Footage
from neuralpaint.pipelines.hole import hole_fidelity
from neuralpaint.pipelines.job import Job, Stopped
from neuralpaint.pipelines.report import Report, Result, ignore
from neuralpaint.rendering.camera import cameras
from neuralpaint.rendering.filming import Filming
from neuralpaint.rendering.pacing import pacings
from neuralpaint.rendering.stage import Filmed, Stage
from neuralpaint.video.formats import format_for
from neuralpaint.video.overlays import overlays
from neuralpaint.video.playback import ClipFrames, PlaybackSettings
from neuralpaint.video.sinks import check_clip
from neuralpaint.video.writer import ClipWriter

__all__ = ["Clip"]

# What a budget sets aside for the end, as measured on two CPU cores.
_ENCODING = 40e-9  # seconds per pixel
_LOOKAHEAD = 60  # frames that an encoder holds back until it has seen more
_PUBLISHING = 0.3  # seconds


class Clip(Job):
    """One clip to be made."""

    def __init__(
        self,
        output: str | Path,
        *,
        footage: Footage,
        playback: PlaybackSettings,
        settings: ClipSettings,
        timelapse: TimelapseSettings | None = None,
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
            playback: how long it is, and in which order its frames are shown.
            settings: how its frames are made.
            timelapse: what only the clip of one picture has.
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
            footage.canvas,
            view,
            original=footage.picture,
            taught=footage.taught.target,
            bars=bars,
            longest=LONGEST_CLIP,
            camera=camera,
        )
        super().__init__(output, footage=footage, stage=stage, budget=budget, began=began)
        self._settings, self._fps = settings, playback.fps
        self._timelapse = TimelapseSettings() if timelapse is None else timelapse
        self._audio, self._overwrite = audio, overwrite
        self._format = format_for(output, settings.format)
        self._annotations = Annotations(overlays.parse_list(self._timelapse.overlay), stage)
        self._pacing = pacings.parse(settings.pacing)
        self._newest: Filmed | None = None
        self._check()
        snapshots = self._timelapse.snapshots(None if footage.by_clock else footage.steps)
        self.playback = playback.playback(snapshots)
        self.shots = self.playback.shots
        self._filming = Filming(
            footage,
            stage,
            frames_from=settings.frames_from,
            shots=self.shots,
            interrupted=lambda: self.interrupted,
        )

    def _check(self) -> None:
        if self.footage.picture is None and self._timelapse.overlay:
            raise UsageError(
                "--overlay: there is no picture here to hold the frames against: a painting holds "
                "none, and a walk lies between several; film a learning, or render a take of one"
            )
        if self._annotations.shows_hole and self.stage.unknown() is None:
            raise UsageError(
                "--overlay mask: nothing of the picture is unknown; it goes with --mask"
            )
        height, width = self._annotations.size
        check_clip(
            self.output,
            self._format,
            height=height,
            width=width,
            fps=self._fps,
            audio=self._audio,
            overwrite=self._overwrite,
        )

    def facts(self) -> dict[str, Any]:
        """Return what is going to be made, for a person or a program to read."""
        height, width = self._annotations.size
        height, width = self._format.padded(height=height, width=width)
        return super().facts() | {
            "width": width,
            "height": height,
            "frames": self.playback.frames,
            "fps": self._fps,
        }

    @property
    def done(self) -> float:
        """How much of the work is behind, in [0, 1]."""
        filmed = self.shot / self.shots
        return (super().done + filmed) / 2 if self._trains_first else filmed

    @property
    def _trains_first(self) -> bool:
        return self._pacing.trains_first or self.footage.trains_first

    def work(self, report: Report = ignore) -> Result:
        """Film and write the clip.

        The first KeyboardInterrupt ends the clip with what there is, the second stops at once.
        """
        folder = self.output.absolute().parent
        with (
            self._writer() as writer,
            ClipFrames(self._draw(report), self.playback, folder=folder) as frames,
        ):
            while True:
                try:
                    for frame in frames:
                        writer.write(frame)
                    break
                except (KeyboardInterrupt, DivergedError, DeviceError) as error:
                    self._end_early(error, writer)
                    frames.end()
            if self.stopped is not None and frames.shots == 0:
                writer.abort()
                raise self.stopped
            self._close(writer)
        if self.stopped is not None and not self.interrupted:
            raise type(self.stopped)(
                f"{self.stopped}; the clip so far is in {str(self.output)!r}"
            ) from self.stopped
        whole, hole = self._quality()
        likenesses = self.footage.likenesses()
        return self.result(
            height=writer.height,
            width=writer.width,
            frames=writer.frames,
            fps=writer.fps,
            psnr=_mean(likenesses) if likenesses else whole,
            hole_psnr=hole,
            pictures=likenesses,
        )

    def _draw(self, report: Report) -> Iterator[Frame]:
        """Yield each shot with its overlays."""
        if self._budget is not None:
            both = self._budget - self.elapsed - self._closing
            self._filming.allow(max(0.0, both / 2), clock=self._overhead)
            self.check_budget()
        fractions = self._pacing.fractions(self.shots)
        snapshots = self.snapshots(fractions, report, every=self._timelapse.every or 1)
        observed = self._pacing.observe(snapshots, canvas=self.stage.canvas)
        shots = self._pacing.shots(self.until_stopped(observed), shots=self.shots)
        for filmed in self._filming.film(shots):
            self._newest, self._psnr = filmed, filmed.psnr
            steps = self.footage.steps
            drawn = self._annotations.draw(filmed, steps=steps, shots=self.shots)
            self.shot += 1
            report(self.progress("film"))
            yield drawn
        report(self.progress("encode"))

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
        later = self.playback.frames if self._trains_first else self.playback.later
        return _PUBLISHING + (later + _LOOKAHEAD) * pixels * _ENCODING

    def _quality(self) -> tuple[float, float]:
        """Return the PSNR of the last shot at the picture's own pixels, and inside its hole."""
        if self._newest is None:
            return math.nan, math.nan
        painting = self._newest.shot.painting
        whole = self.stage.fidelity(painting, shown=self._newest.psnr)
        return whole, hole_fidelity(painting, self.footage.picture)

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
        height, width = self._annotations.size
        return ClipWriter(
            self.output,
            format=self._format,
            height=height,
            width=width,
            fps=self._fps,
            title=f"{Path(self.footage.note.source).stem}, learned by a neural network",
            tag=self.footage.note.text(),
            audio=self._audio,
            overwrite=self._overwrite,
            rescue=not self.footage.resumed,  # which shows all of it again
        )


def _mean(likenesses: Sequence[tuple[str, float]]) -> float:
    """Return the mean PSNR of some pictures."""
    return sum(psnr for _, psnr in likenesses) / len(likenesses)
