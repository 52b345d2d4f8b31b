"""The clip: from the snapshots of any source to the finished file, as a chain of generators."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from neuralpaint.config.settings import options
from neuralpaint.errors import UsageError
from neuralpaint.image.alpha import over
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.framing import CanvasSettings, parse_size
from neuralpaint.image.pictures import Frame
from neuralpaint.image.still_files import check_still, save_still
from neuralpaint.pipelines.beats import read_rhythm
from neuralpaint.pipelines.job import (
    TRAINING_LENGTH,
    Job,
    Result,
    peak_memory_mb,
    training_done,
)
from neuralpaint.pipelines.kept_place import keeping_what_matters
from neuralpaint.pipelines.outputs import cover_of
from neuralpaint.pipelines.settings import ClipSettings, TimelapseSettings
from neuralpaint.pipelines.snapshot_sources import Run, SnapshotSource
from neuralpaint.pipelines.transparency import WHITE, paper_for
from neuralpaint.rendering.film import SKIPPED, film, film_sketches, filming_cost
from neuralpaint.rendering.render import render
from neuralpaint.rendering.still_renderer import hole_psnr_of
from neuralpaint.rendering.time_estimate import seconds_of
from neuralpaint.rendering.viewport import LONGEST_CLIP, Shot, Viewport
from neuralpaint.runtime.files import write_file
from neuralpaint.runtime.interruption import STOPS, Interruption
from neuralpaint.runtime.progress import Progress, ProgressTracker, Report, ignore
from neuralpaint.training.learning import Snapshot
from neuralpaint.training.viewer import Viewer
from neuralpaint.video.formats import Format, Mkv, format_for
from neuralpaint.video.joining import join_clips
from neuralpaint.video.overlays import (
    Arrangement,
    Moment,
    Overlay,
    Point,
    compose,
    draw_on_clip,
    fitting,
    growing,
    overlays,
)
from neuralpaint.video.playback import ClipFrames, Playback, PlaybackSettings
from neuralpaint.video.sinks import check_clip
from neuralpaint.video.timetable import Timetable
from neuralpaint.video.writer import ClipWriter

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Clip", "with_panels"]

S = TypeVar("S", PlaybackSettings, TimelapseSettings)

_LOOKAHEAD = 60  # frames that an encoder buffers
_CLOSING = 0.3  # seconds to finish the file


class _Costs(NamedTuple):
    """The measured costs of shots, in seconds."""

    choosing: Callable[[int], float]  # of so many shots of the training
    filming: Callable[[int], float]  # likewise
    moving: float  # of a shot in which the camera moves after the training
    drawing: float  # of the overlays of any shot

    def training(self, shots: int) -> float:
        """Return the seconds of so many shots of the training."""
        return self.choosing(shots) + self.filming(shots) + shots * self.drawing

    def moving_after(self, shots: int) -> float:
        """Return the seconds of so many shots in which the camera moves after the training."""
        return shots * (self.moving + self.drawing)


class _Schedule(NamedTuple):
    """The shots of a clip."""

    playback: Playback
    training: int  # shots that show the training; in the others, the camera moves over the last one
    evenly: int  # likewise, if the shots were evenly spaced
    places: Sequence[Sequence[float]] | None = None  # see `Timetable`; None: evenly spaced
    moments: Sequence[float] = ()


class Clip(Job):
    """Makes one clip."""

    def __init__(
        self,
        output: str | Path,
        *,
        source: SnapshotSource,
        playback: PlaybackSettings,
        video: ClipSettings,
        view: CanvasSettings,
        bars: tuple[int, int, int],
        paper: tuple[int, int, int] | None = None,
        timelapse: TimelapseSettings | None = None,
        audio: Path | None = None,
        overwrite: bool = False,
        budget: float | None = None,
        began: float | None = None,
    ) -> None:
        """Check and prepare everything.

        Args:
            output: the clip; its suffix chooses the format.
            source: yields the snapshots.
            playback: the length of the clip and the order of its frames.
            video: how snapshots become frames, and the format.
            view: the part of the picture that is shown, and the size of the frames.
            bars: the colour of bars, sRGB.
            paper: the colour behind transparent parts; None: they stay transparent if the format
                stores that, and are white if not.
            timelapse: snapshots every few steps, and overlays; None: neither.
            audio: a sound file for the clip.
            overwrite: whether `output` may exist.
            budget: seconds that the whole run may take; None for no limit.
            began: as for `Job`.

        Raises:
            UsageError: the options do not fit together, or the output cannot be written.
        """
        timelapse = timelapse or TimelapseSettings()
        chosen = overlays.parse_list(timelapse.overlay)
        self._overlays = [overlay for overlay in chosen if not overlay.on_clip]
        self._on_clip = [overlay for overlay in chosen if overlay.on_clip]
        self._safe = timelapse.safe_area
        view = keeping_what_matters(view, source)
        view, arrangement = with_panels(view, timelapse, source.canvas)
        camera = video.camera_move
        camera = camera and camera.resting(shows_training=not source.is_static)
        self.source, self._rest = source, 1.0 if camera is None else camera.rest or 0.0
        self._playback_settings, self._timelapse_settings = playback, timelapse
        self._fps, self._audio, self._overwrite = playback.fps, audio, overwrite
        seconds = self._evenly_after({}).frames / playback.fps
        self._beat, self._rhythm = video.follows, read_rhythm(video, audio=audio, seconds=seconds)
        self._schedule = self._schedule_after({})
        self._playback, self._training_shots = self._schedule.playback, self._schedule.training
        self.shots = self._playback.shots
        transparent = source.canvas.channels == 4 and paper is None
        self._format = format_for(output, video.format, alpha=transparent)
        viewport = Viewport(
            source.canvas,
            view,
            picture=source.picture,
            target=source.settings.target,
            bars=bars,
            paper=paper_for(source, paper, stores_alpha=self._format.stores_alpha),
            longest=LONGEST_CLIP,
            camera=camera,
            moments=self._schedule.moments,
        )
        super().__init__(output, source=source, viewport=viewport, budget=budget, began=began)
        self._arrangement = arrangement or growing(
            timelapse.panels, height=viewport.height, width=viewport.width
        )
        self._background = None if arrangement is None else bars
        self._every = timelapse.every or 1
        self._pacing, self._frames_from = video.paced(timelapse), video.frames_from
        self._cover = cover_of(output) if video.cover else None
        self._last: Frame | None = None  # the newest shot with its overlays, for the cover
        self._history: list[Point] = []
        self._memory: dict[Overlay, Any] = {}
        self._newest: Shot | None = None
        self._costs: _Costs | None = None  # once measured
        self._reached = 0.0  # fraction of the work that was done at the newest report
        self._wanted: set[int] | None = None  # the shots that are rendered; None: all
        self._check()

    def _evenly_after(self, changes: Mapping[str, Any]) -> Playback:
        """Return the playback of evenly spaced shots, after changes of the settings."""
        steps = None if self.source.by_clock else changes.get("steps", self.source.steps)
        snapshots = _changed(self._timelapse_settings, changes).snapshots(steps)
        shots = None if snapshots is None else round(snapshots / (self._rest or 1.0))
        return _changed(self._playback_settings, changes).playback(shots)

    def _schedule_after(self, changes: Mapping[str, Any]) -> _Schedule:
        """Return the shots of the clip, after changes of the settings."""
        evenly = self._evenly_after(changes)
        training = max(1, round((self._rest or 1.0) * evenly.shots))
        if self._rhythm is None or self._beat is None:
            return _Schedule(evenly, training, training)
        timetable = Timetable.of(
            evenly,
            self.source.parts(training),
            self._rhythm,
            self._beat,
            fps=self._fps,
            rest=self._rest,
        )
        moving, places = timetable.playback, timetable.places
        return _Schedule(moving, sum(map(len, places)), training, places, timetable.moments)

    def _check(self) -> None:
        leaves_picture = self.viewport.rest == 0 and self.viewport.shows_beyond
        if leaves_picture and self._frames_from == "training":
            raise UsageError(
                "--frames-from training shows the picture's own pixels, and the camera leaves the "
                "picture: choose --frames-from auto, or a camera with rest=0.5"
            )
        compared = [overlay for overlay in self._overlays if overlay.needs_picture]
        if self.source.picture is None and compared:
            raise UsageError(
                f"--overlay {overlays.name_of(compared[0])}: there is no picture to compare the "
                "frames with: a painting does not contain it, and a path shows several; film the "
                "training of one picture, or render a take of one"
            )
        needs_mask = [overlay for overlay in self._overlays if overlay.needs_mask]
        if needs_mask and self.viewport.unknown() is None:
            name = overlays.name_of(needs_mask[0])
            raise UsageError(f"--overlay {name}: all pixels of the picture are known; add --mask")
        for overlay in self._overlays:
            if overlay.needs_layers:
                _check_layers(self.source.painting(), overlays.name_of(overlay))
        check_clip(
            self.output,
            self._format,
            height=self._arrangement.height,
            width=self._arrangement.width,
            fps=self._fps,
            alpha=self.viewport.channels == 4,
            audio=self._audio,
            overwrite=self._overwrite,
        )
        if self._cover is not None:
            check_still(self._cover, overwrite=self._overwrite)

    def facts(self) -> dict[str, Any]:
        """Return the plan of the job, for --dry-run and --json."""
        height, width = self._arrangement.height, self._arrangement.width
        height, width = self._format.padded(height=height, width=width)
        facts = super().facts() | {
            "width": width,
            "height": height,
            "frames": self._playback.frames,
            "fps": self._fps,
        }
        return facts if self._rhythm is None else facts | self._rhythm.facts()

    @property
    def _trains_first(self) -> bool:
        return self.source.trains and (self._pacing.trains_first or self.source.trains_first)

    def _done(self, progress: Progress) -> float:
        filmed = progress.shot / self.shots
        if not self._trains_first:
            return filmed
        estimate, trained = self.estimate(), training_done(progress)
        done = (
            (trained + filmed) / 2
            if estimate is None
            else estimate.done(trained=trained, filmed=filmed)
        )
        self._reached = max(self._reached, done)  # it does not fall when the estimate is known
        return self._reached

    def _make(self, run: Run) -> Result:
        folder = self.output.absolute().parent
        with (
            self._writer() as writer,
            ClipFrames(self._draw_frames(run), self._playback, folder=folder) as frames,
        ):
            try:
                self._write(frames, writer, run)
                writer.close(patience=0)
            except KeyboardInterrupt:
                writer.abort()
                raise
        stop = run.interruption.stop
        if stop is not None and not isinstance(stop, KeyboardInterrupt):
            raise type(stop)(f"{stop}; the clip so far is in {str(self.output)!r}") from stop
        cover = None if self._cover is None else self._write_cover(self._cover)
        stills = () if cover is None else (cover,)
        return replace(self._clip_result(run, writer), stills=stills)

    @property
    def frames(self) -> int:
        """The number of frames of the clip."""
        return self._playback.frames

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self._fps

    @property
    def format(self) -> Format:
        """The format of the file."""
        return self._format

    def film_part(
        self, frames: range, path: Path, *, cover: Path | None = None, report: Report = ignore
    ) -> Result:
        """Write some frames into a clip of their own, without sound: the same ones as in the clip.

        Only the shots that they show are rendered, and those before them if an overlay needs these.
        The format is that of the clip if its parts can be joined, otherwise it is lossless. With
        `cover`, the newest of them is written there as a still.

        Raises:
            NeuralPaintError: as `run`.
        """
        self._wanted = self._shots_for(frames)
        written = 0
        with Interruption() as interruption:
            progress = ProgressTracker(
                report, done=lambda _: written / len(frames), shots=self.shots
            )
            run = Run(progress, interruption, self._budget, Viewer())
            drawn = ClipFrames(
                self._draw_shots(run), self._playback, folder=path.absolute().parent, part=frames
            )
            with self._part_writer(path) as writer, drawn:
                for number, frame in zip(frames, drawn, strict=False):
                    writer.write(self._titled(frame, number))
                    written += 1
                    progress.update("film")
                if written < len(frames):
                    writer.abort()
                    raise interruption.stop or RuntimeError("a part has too few frames")
        if cover is not None:
            self._write_cover(cover)
        return self._clip_result(run, writer)

    def shows_result(self, frames: range) -> bool:
        """Return whether some of the frames show the last shot."""
        order = self._playback.order()
        return any(order[number] == self.shots - 1 for number in frames)

    def _shots_for(self, frames: range) -> set[int]:
        """Return the shots that must be rendered for some frames."""
        order = self._playback.order()
        wanted = {order[number] for number in frames}
        if any(overlay.needs_history for overlay in self._overlays):
            wanted.update(range(max(wanted)))
        if any(overlay.needs_layers for overlay in self._overlays):
            wanted.add(0)  # the units that are shown are chosen in the first shot
        return wanted

    def _part_writer(self, path: Path) -> ClipWriter:
        return ClipWriter(
            path,
            format=self._format if self._format.joins else Mkv(),
            height=self._arrangement.height,
            width=self._arrangement.width,
            fps=self._fps,
            channels=self.viewport.channels,
            overwrite=True,
            rescue=False,
            is_part=True,
        )

    @property
    def part_suffix(self) -> str:
        """The suffix of the file of a part; "" for a folder."""
        if not self._format.joins:
            return Mkv.suffixes[0]
        return self.output.suffix if self._format.suffixes else ""

    def join_parts(
        self, parts: Sequence[tuple[Path, int]], shown: Result, *, cover: Path | None = None
    ) -> Result:
        """Make the clip of the files of `film_part` and their numbers of frames.

        Returns its result, from that of a part that `shows_result`; `cover` is the still of that.

        Raises:
            EncodingError: the clip cannot be written.
        """
        height, width = self._arrangement.height, self._arrangement.width
        join_clips(
            parts,
            self.output,
            format=self._format,
            height=height,
            width=width,
            fps=self._fps,
            alpha=self.viewport.channels == 4,
            title=self._title,
            tag=self.source.note.text(),
            audio=self._audio,
            overwrite=self._overwrite,
        )
        stills: tuple[Path, ...] = ()
        if self._cover is not None and cover is not None:
            write_file(self._cover, cover.read_bytes())
            stills = (self._cover,)
        return replace(
            shown,
            output=self.output,
            frames=self.frames,
            total_seconds=self._budget.elapsed,
            peak_memory_mb=peak_memory_mb(),
            stills=stills,
        )

    @property
    def _title(self) -> str:
        return f"{Path(self.source.note.source).stem}, learned by a neural network"

    def _write_cover(self, path: Path) -> Path | None:
        """Write the last shot as a still, and return its path."""
        if self._last is None:
            return None
        tag = self.source.note.text()
        return save_still(over(self._last, WHITE), path, tag=tag, overwrite=self._overwrite)

    def _clip_result(self, run: Run, writer: ClipWriter) -> Result:
        """Return the result; its steps and its PSNR are those of the last shot."""
        assert self._newest is not None  # otherwise the job has raised
        snapshot = self._newest.snapshot
        pictures = self.source.psnr_per_picture()
        mean = sum(psnr for _, psnr in pictures) / max(1, len(pictures))
        return self._result(
            run,
            height=writer.height,
            width=writer.width,
            frames=writer.frames,
            fps=writer.fps,
            steps=snapshot.step,
            train_seconds=snapshot.seconds,
            psnr=mean if pictures else self._newest.psnr,
            hole_psnr=hole_psnr_of(snapshot.painting, self.source.picture),
            pictures=pictures,
        )

    def _write(self, frames: ClipFrames, writer: ClipWriter, run: Run) -> None:
        """Write all frames; if the training stops early, those of the snapshots so far."""
        number = 0
        while True:
            try:
                for frame in frames:
                    writer.write(self._titled(frame, number))
                    number += 1
                break
            except STOPS as stop:
                run.interruption.record(stop)
                frames.end()
        if run.interruption.stop is not None and frames.shots == 0:
            writer.abort()
            raise run.interruption.stop

    def _draw_frames(self, run: Run) -> Iterator[Frame]:
        """Yield each shot with its overlays."""
        self._plan()
        yield from self._draw_shots(run)

    def _draw_shots(self, run: Run) -> Iterator[Frame]:
        snapshots = self.source.shots(
            self._pacing,
            run,
            count=self._schedule.evenly,
            every=self._every,
            canvas=self.viewport.canvas,
            places=self._schedule.places,
        )
        snapshots = run.interruption.until_stopped(snapshots)
        for shot in self._measured(self._film(snapshots, run), run):
            self._newest = shot
            self._last = self._draw(shot)
            yield self._last
        run.progress.update("encode", psnr=None if self._newest is None else self._newest.psnr)

    def _measured(self, shots: Iterator[Shot], run: Run) -> Iterator[Shot]:
        """Yield each shot when the next one is there; the last one with the PSNR of the result.

        So the last frame shows the numbers that are reported, also when the job ends early.
        """
        newest: Shot | None = None
        try:
            for number, shot in enumerate(shots, 1):
                if newest is not None:
                    yield newest
                newest = shot
                run.budget.count_shot()
                run.progress.update("film", shot=number, psnr=shot.psnr, **self._training_fields())
        except STOPS as stop:
            run.interruption.record(stop)
        if newest is not None and newest.frame is not SKIPPED:
            painting = newest.snapshot.painting
            newest = newest._replace(psnr=self.viewport.psnr(painting, shown=newest.psnr))
        if newest is not None:
            yield newest

    def _film(self, snapshots: Iterator[Snapshot], run: Run) -> Iterator[Shot]:
        """Yield the shots of the snapshots, then those of the camera's move over the last one."""
        newest: Snapshot | None = None
        for shot in self._film_training(snapshots, run):
            newest = shot.snapshot
            yield shot
        moving = self.shots - self._training_shots
        if newest is not None and moving and run.interruption.stop is None:
            # Loaded once: the painting of a take is read from the file at each request.
            last = Snapshot(newest.step, newest.seconds, newest.loss, newest.painting)
            yield from film(
                run.interruption.until_stopped(repeat(last, moving)),
                self.viewport,
                count=self.shots,
                blends=False,
                interpolates=self._interpolates,
                first=self._training_shots,
                wanted=self._wanted,
            )

    def _film_training(self, snapshots: Iterator[Snapshot], run: Run) -> Iterator[Shot]:
        if self._frames_from == "training":
            source = self.source
            source.begin_sketch(render(source.painting(), self.viewport.native))
            return film_sketches(
                snapshots, self.viewport, source.sketch, count=self.shots, wanted=self._wanted
            )

        def hurries() -> bool:
            return self._may_blend and (run.interruption.requested or run.budget.is_short)

        return film(
            snapshots,
            self.viewport,
            count=self.shots,
            blends=self._blends,
            interpolates=self._interpolates,
            hurries=hurries,
            wanted=self._wanted,
        )

    @property
    def _may_blend(self) -> bool:
        return self._frames_from == "auto" and self.viewport.rest > 0

    @property
    def _blends(self) -> bool:
        """Whether shots are blended where that cannot be seen."""
        # A GPU renders a frame faster than the CPU blends one.
        return self._may_blend and self.source.device == "cpu"

    @property
    def _interpolates(self) -> bool:
        """Whether smooth shots are rendered at some of their pixels; a GPU renders all of them."""
        return self._frames_from == "auto"

    def _draw(self, shot: Shot) -> Frame:
        """Return the frame of a shot with its overlays."""
        if self._overlays:  # reading the loss of a snapshot takes time on a GPU
            self._history.append(_point(shot))
        if shot.frame is SKIPPED:
            return SKIPPED
        index = len(self._history) - 1
        return self._compose(shot, self._history, index=index, memory=self._memory)

    def _compose(
        self,
        shot: Shot,
        history: Sequence[Point],
        *,
        index: int,
        memory: dict[Overlay, Any],
    ) -> Frame:
        if not self._overlays:
            return shot.frame
        rate = self._fps * self.shots / self._playback.first_pass  # a shot may be several frames
        moment = Moment(index, self.shots, self.source.steps, history, rate)
        # Functions: with a camera each frame has its own, computed only if an overlay needs it.
        return compose(
            self._overlays,
            shot.frame,
            moment=moment,
            original=lambda: self.viewport.original(moment.progress),
            unknown=lambda: self.viewport.unknown(moment.progress),
            without_truth=lambda: self.viewport.without_truth(moment.progress),
            painting=lambda: shot.snapshot.painting,
            latest=self.source.painting,
            memory=memory,
            arrangement=self._arrangement,
            background=self._background,
            safe=self._safe,
        )

    def _titled(self, frame: Frame, number: int) -> Frame:
        """Return a frame of the clip with the overlays that are drawn on the whole clip."""
        count = self._playback.frames
        moment = Moment(number, count, self.source.steps, self._history, self._fps)
        return draw_on_clip(self._on_clip, frame, moment, safe=self._safe)

    def _plan(self) -> None:
        self._costs = costs = self._measured_costs()
        if self._budget.seconds is not None:
            later = self._playback.frames if self._trains_first else self._playback.later
            shown = self._training_shots
            writing = self._writing_seconds(later + _LOOKAHEAD)
            self._budget.reserve(writing=writing + costs.moving_after(self.shots - shown))
            self._budget.plan_rendering(shown, seconds_per_shot=costs.training(shown) / shown)
        self._budget.end_preparation()

    def _measured_costs(self) -> _Costs:
        painting, viewport, source = self.source.painting(), self.viewport, self.source
        size = viewport.canvas.height, viewport.canvas.width, source.canvas.channels
        blank = np.zeros(size, np.uint8)
        snapshot = Snapshot(0, 0.0, math.nan, painting)

        def draw() -> None:
            shot = viewport.shot(blank, snapshot, painting=painting)
            self._compose(shot, [_point(shot)], index=self.shots // 2, memory={})

        shown = self._training_shots
        return _Costs(
            choosing=self._pacing.choosing_cost(painting, viewport.canvas),
            filming=filming_cost(
                painting,
                viewport,
                frames_from=self._frames_from,
                blends=self._blends,
                moment=0.5 * shown / self.shots,
            ),
            moving=viewport.seconds_per_frame(painting, 1.0) if self.shots > shown else 0.0,
            drawing=seconds_of(draw),
        )

    def _writing_seconds(self, frames: int) -> float:
        pixels = self._arrangement.height * self._arrangement.width
        return _CLOSING + self._format.encoding_seconds(frames * pixels)

    def _after_training(self, changes: Mapping[str, Any]) -> tuple[float, float] | None:
        known = {*TRAINING_LENGTH, "every", *options(PlaybackSettings)}
        costs = self._costs
        if costs is None or not changes.keys() <= known:
            return None
        schedule = self._schedule_after(changes) if changes else self._schedule
        playback, shown = schedule.playback, schedule.training
        filming = costs.training(shown) + costs.moving_after(playback.shots - shown)
        writing = self._writing_seconds(playback.frames)
        if self.source.device != "cpu":  # the CPU encodes while the GPU renders
            writing = max(0.0, writing - filming)
        return filming, writing

    def _writer(self) -> ClipWriter:
        resume = self.source.resume
        return ClipWriter(
            self.output,
            format=self._format,
            height=self._arrangement.height,
            width=self._arrangement.width,
            fps=self._fps,
            channels=self.viewport.channels,
            title=self._title,
            tag=self.source.note.text(),
            audio=self._audio,
            overwrite=self._overwrite,
            # A resumed run films all shots again, so the partial clip of a killed run is not kept.
            rescue=resume is None or not resume.resumed,
        )


def _check_layers(painting: Painting, overlay: str) -> None:
    grid = painting.canvas.grid()
    try:
        *hidden, _ = painting.layer_values(grid.thinned(max(grid.shape)))
    except UsageError as error:
        raise UsageError(f"--overlay {overlay}: {error}; choose another --model") from error
    if not hidden:
        raise UsageError(f"--overlay {overlay}: the model has no hidden layer; choose another one")


def _changed(settings: S, changes: Mapping[str, Any]) -> S:
    """Return the settings with those of the changes that are theirs."""
    return replace(settings, **{k: v for k, v in changes.items() if k in options(type(settings))})


def _point(shot: Shot) -> Point:
    """Return what overlays show of a shot."""
    snapshot = shot.snapshot
    return Point(snapshot.step, snapshot.seconds, snapshot.loss, shot.psnr)


def with_panels(
    view: CanvasSettings, timelapse: TimelapseSettings, picture: Canvas
) -> tuple[CanvasSettings, Arrangement | None]:
    """Return the view of the network's picture in a frame of `view.size` that includes panels.

    Also returns the arrangement of that frame; without a size or panels, the same view and None.

    Raises:
        UsageError: there is no room for the panels, or they disagree about the layout.
    """
    panels = timelapse.panels
    if view.size is None or not panels:
        return view, None
    height, width = parse_size(view.size)

    def shape(height: int, width: int) -> tuple[int, int]:
        canvas, _ = replace(view, size=f"{width}x{height}").views(picture)
        return canvas.height, canvas.width

    whole, _ = replace(view, size=None, scale=None, fit="contain").views(picture)
    arrangement = fitting(
        panels, shape, height=height, width=width, aspect=whole.width / whole.height
    )
    # Bars surround all pictures together: no picture has bars of its own.
    fit = "stretch" if view.fit == "contain" else view.fit
    height, width = arrangement.picture
    return replace(view, size=f"{width}x{height}", fit=fit), arrangement
