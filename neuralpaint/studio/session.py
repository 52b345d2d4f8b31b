"""The session: does what the tabs of the studio ask for, one thing at a time, in the main thread.

A training is `neuralpaint video` with a take, and everything that is made of it afterwards is
`neuralpaint render` or `export`. The tabs' requests wait in a queue. It is emptied between two
training steps and two frames, so a request is answered soon, and nothing else touches the network.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralpaint.config.settings import options
from neuralpaint.errors import NeuralPaintError, UsageError
from neuralpaint.image.pictures import load_picture
from neuralpaint.pipelines.export import Export
from neuralpaint.pipelines.render import prepare_render
from neuralpaint.pipelines.settings import MomentSettings
from neuralpaint.pipelines.video import VideoSettings, prepare_video
from neuralpaint.runtime.files import remove
from neuralpaint.runtime.progress import Progress
from neuralpaint.storage.resume import Resume
from neuralpaint.storage.take import load_take
from neuralpaint.studio.command_lines import (
    as_still,
    render_settings,
    resume_line,
    video_line,
    video_settings,
)
from neuralpaint.studio.control import Control
from neuralpaint.studio.folder import MadeFolder
from neuralpaint.studio.requests import Request, Requests
from neuralpaint.studio.session_api import Reply
from neuralpaint.studio.stage import Stage
from neuralpaint.studio.training import Training

if TYPE_CHECKING:
    from neuralpaint.pipelines.clip import Clip
    from neuralpaint.pipelines.job import Job
    from neuralpaint.storage.take import Take

__all__ = ["Session"]

_log = logging.getLogger(__name__)

_POINTS = 32  # of the curve of a recorded training
_CHECKPOINT = 20.0  # seconds between two states of a training that are kept


class Session(Stage):
    """One person's studio: what is on the stage, and the folder of what was made."""

    mode = "studio"
    folder: MadeFolder

    def __init__(self, folder: MadeFolder) -> None:
        """Prepare the session; nothing is done before `run`."""
        super().__init__()
        self.folder = folder
        self.was_interrupted = False
        """Whether a training has been ended by a signal."""
        self._requests = Requests()
        self._take: Take | None = None  # on the stage
        self._cancelled = False

    def offer(self, path: str | Path) -> None:
        """Put a picture of this machine on the page, to be started with.

        Raises:
            NeuralPaintError: it cannot be read.
        """
        if str(path) == "-":
            raise UsageError("the studio reads no standard input: name a file")
        load_picture(path, alpha=True)  # raises
        with self.folder.uploads.receive(Path(path).name) as incoming:
            incoming.write(Path(path).read_bytes())
            upload = self.folder.uploads.keep_picture(incoming)
        facts = {name: getattr(upload, name) for name in ("id", "name", "width", "height", "alpha")}
        self.publish(offered=facts)

    def command(self, message: Mapping[str, Any], reply: Reply) -> None:
        """Queue what a tab asks for."""
        self._requests.put(Request(message, reply))
        self.awake.set()

    def run(self) -> None:
        """Do what the tabs ask for.

        Raises:
            KeyboardInterrupt: it is to end; what was learned has been saved.
        """
        while True:
            for request in self._requests:
                self._do(request)
            self.rest()

    def _do(self, request: Request) -> None:
        action = self._ACTIONS.get(request.do)
        if action is None:
            request.refuse("nothing is being trained or made")
            return
        try:
            action(self, request.message)
        except NeuralPaintError as error:
            self._fail(request, str(error))
        except Exception as error:  # a fault in one request must not end the studio
            _log.exception("the request %r has failed", request.do)
            self._fail(request, f"unexpected {type(error).__name__}: {error}; this is a bug")

    def _fail(self, request: Request, message: str) -> None:
        request.refuse(message)
        if self._state["phase"] in ("preparing", "training", "paused", "filming"):
            self.publish(phase="failed", error=message)

    # What can be asked for while nothing runs.

    def _start(self, message: Mapping[str, Any]) -> None:
        """Train on a picture and film it."""
        uploads, settings = self.folder.uploads, message["settings"]
        picture = uploads.picture(message["picture"])
        sound = None if message["sound"] is None else uploads.sound(message["sound"])
        chosen = video_settings(settings).replaced(checkpoint=_CHECKPOINT)
        training = self.folder.begin(picture, settings, sound=sound)
        try:
            job = _prepared(training, chosen)
        except BaseException:
            training.close()
            remove(training.path)
            raise
        self._train(job, training)

    def _resume(self, message: Mapping[str, Any]) -> None:
        """Continue an interrupted training."""
        training = self.folder.open(message["made"])
        try:
            resume = Resume(training.clip, resume=True)
            if not resume.resumed:
                raise UsageError(f"{training.title!r} was not interrupted: open it instead")
            earlier, known = resume.settings(), options(VideoSettings)
            kept = {name: value for name, value in earlier.items() if name in known}
            job = _prepared(training, VideoSettings.from_dict(kept), resume=True)
        except BaseException:
            training.close()
            raise
        self._train(job, training)

    def _train(self, job: Clip, training: Training) -> None:
        """Run a training to its end, and put its take on the stage."""
        self._take, self.picture = None, job.source.picture
        control = Control(self, self._requests, training.add_change)
        self.live.show(job.source.painting)
        self.begin(
            training.title,
            job.source.canvas,
            steps=job.source.steps,
            rate=training.rate,
            lines=_lines(training),
        )
        interrupted = True
        try:
            result = job.run(control.report, control)
            interrupted = result.interrupted
            training.update(steps=result.steps, psnr=result.psnr)
        except KeyboardInterrupt:
            pass  # before anything could be filmed
        finally:
            training.close()
            self.folder.refresh()
        if interrupted and not control.stopped:
            self.was_interrupted = True
            raise KeyboardInterrupt
        if self.folder.has(training.id):
            self._show(training)
        else:
            remove(training.path)
            self._close({})

    def _open(self, message: Mapping[str, Any]) -> None:
        """Put a recorded training on the stage."""
        with contextlib.closing(self.folder.open(message["made"])) as training:
            self._show(training)

    def _show(self, training: Training) -> None:
        """Show the end of a take and the curve of its training."""
        take = load_take(training.take)
        self._take, self.picture = take, take.picture
        last = take.at(math.inf)
        interrupted = Resume.checkpoint_path(training.clip).exists()
        failed = not interrupted and not take.finished and not training.clip.exists()
        self.begin(
            training.title,
            take.canvas,
            phase="interrupted" if interrupted else "failed" if failed else "done",
            error=f"the training has failed at step {last.step:,}" if failed else None,
            rate=training.rate,
            message="; ".join(training.changes) or None,
            made=training.id,
            step=last.step,
            steps=last.step,
            seconds=last.seconds,
            done=1.0,
            lines=_lines(training, interrupted=interrupted),
        )
        self._show_moment(1.0)
        psnr = None
        for index in sorted({round(i * (len(take) - 1) / _POINTS) for i in range(_POINTS + 1)}):
            psnr = self.measure(take[index].step, take[index].painting)
        self.publish(psnr=psnr)

    def _moment(self, message: Mapping[str, Any]) -> None:
        """Show another moment of the take."""
        if self._take is None:
            raise UsageError("no training is open")
        self._show_moment(message["fraction"])

    def _show_moment(self, fraction: float) -> None:
        assert self._take is not None
        snapshot = self._take.at(fraction * self._take.at(math.inf).step)
        painting = snapshot.painting
        self.live.show(lambda: painting, step=snapshot.step)
        self.publish(fraction=fraction, step=snapshot.step, seconds=snapshot.seconds)

    def _close(self, message: Mapping[str, Any]) -> None:
        """Clear the stage."""
        self._take = self.picture = None
        self.live.show(None)
        self.clear()

    def _film(self, message: Mapping[str, Any]) -> None:
        """Film a take again."""
        self._render(message, still=False)

    def _still(self, message: Mapping[str, Any]) -> None:
        """Render a moment of a take."""
        self._render({**message, "sound": None}, still=True)

    def _render(self, message: Mapping[str, Any], *, still: bool) -> None:
        sound = message["sound"]
        audio = None if sound is None else self.folder.uploads.sound(sound).path
        with contextlib.closing(self.folder.open(message["made"])) as training:
            take = load_take(training.take)
            suffix, values = message["suffix"], message["settings"]
            values = as_still(values, suffix) if still else values
            output = training.output(suffix, still=still)
            settings = render_settings(take, output, values, audio=audio)
            self._make(
                lambda: prepare_render(
                    take, output, settings=settings, source=training.take.name, audio=audio
                ),
                output,
                kind="still" if still else "clip",
            )

    def _page(self, message: Mapping[str, Any]) -> None:
        """Export a take as a page."""
        with contextlib.closing(self.folder.open(message["made"])) as training:
            output = training.output(".html")
            self._make(
                lambda: Export(training.take, output, settings=MomentSettings(), overwrite=False),
                output,
                kind="page",
            )

    def _make(self, prepare: Callable[[], Job | Export], output: Path, *, kind: str) -> None:
        """Run a job that makes one file, while the stage stays as it is."""
        self._cancelled = False
        self.publish(job={"kind": kind, "name": output.name, "done": 0.0})
        try:
            interrupted = prepare().run(self._report_job).interrupted
        except KeyboardInterrupt:
            interrupted = True
        finally:
            self.folder.refresh()
            self.publish(job=None)
        if interrupted and not self._cancelled:
            self.was_interrupted = True
            raise KeyboardInterrupt

    def _report_job(self, progress: Progress) -> None:
        """Show the progress of a file that is made of a take."""
        self.publish(job=self._state["job"] | {"done": progress.done})
        self.live.refresh()
        for request in self._requests:
            if request.do == "cancel":
                self._cancelled = True
            elif request.do == "moment" and self._take is not None:
                self._moment(request.message)
            else:
                request.refuse("a file is being made: wait until it is done, or cancel it")
        if self._cancelled:
            raise KeyboardInterrupt

    _ACTIONS: Mapping[str, Callable[[Session, Mapping[str, Any]], None]] = {
        "start": _start, "resume": _resume, "open": _open, "moment": _moment, "close": _close,
        "film": _film, "still": _still, "page": _page,
    }  # fmt: skip


def _lines(training: Training, *, interrupted: bool = False) -> list[str]:
    """Return the commands that make the same, to be run in the folder of the training."""
    picture = "PICTURE" if training.picture is None else training.picture.name
    sound = None if training.sound is None else training.sound.name
    lines = [video_line(training.settings, picture=picture, sound=sound)]
    lines += [f"# {change}" for change in training.changes]
    return [*lines, resume_line(picture=picture, sound=sound)] if interrupted else lines


def _prepared(training: Training, settings: VideoSettings, *, resume: bool = False) -> Clip:
    """Return the job that trains, films and records a training."""
    if training.picture is None:
        raise UsageError(f"{training.id} has lost its picture: put it back into {training.path}")
    files = Resume(
        training.clip,
        record=training.take,
        save=training.painting,
        resume=resume,
        overwrite=not resume,
    )
    files.advice = "start the studio again, and choose Continue the training"
    return prepare_video(
        training.picture, training.clip, settings=settings, audio=training.sound, resume=files
    )
