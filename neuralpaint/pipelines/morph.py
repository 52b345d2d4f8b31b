"""Morph: one network learns several pictures, and the clip follows a path between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuralpaint.config.presets import expanded
from neuralpaint.config.settings import ComposedSettings, group, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import Frame, PictureSettings
from neuralpaint.models.codes import Album
from neuralpaint.pipelines.album_sources import AlongPath
from neuralpaint.pipelines.beats import bar_seconds, check_beat
from neuralpaint.pipelines.clip import Clip
from neuralpaint.pipelines.code_samples import Samples
from neuralpaint.pipelines.job import Result
from neuralpaint.pipelines.masking import MaskSettings
from neuralpaint.pipelines.moving_input import (
    MovingSettings,
    Pace,
    check_moving,
    load_moving,
    timed,
)
from neuralpaint.pipelines.note import Note
from neuralpaint.pipelines.outputs import not_preset
from neuralpaint.pipelines.picture_sets import CodesFrom, load_album, picture_files
from neuralpaint.pipelines.settings import ClipSettings, PathSettings, RunSettings
from neuralpaint.pipelines.snapshot_sources import FromTraining, Run
from neuralpaint.rendering.paths import code_paths
from neuralpaint.rendering.viewport import LONGEST_CLIP, detail_of
from neuralpaint.runtime.progress import Report, ignore
from neuralpaint.runtime.threads import set_threads
from neuralpaint.storage.resume import Resume
from neuralpaint.training.learning import Snapshot
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.video.formats import format_for
from neuralpaint.video.playback import PlaybackSettings
from neuralpaint.video.sinks import check_clip

__all__ = ["NOT_PRESET", "MorphSettings", "morph", "prepare_morph"]

NOT_PRESET = ("pacing", "duration")
"""The options that no look, preset or place sets: this clip is as long and as even as its path."""


@dataclass(frozen=True, init=False)
class MorphSettings(ComposedSettings):
    """All settings of `morph`."""

    section: ClassVar[str] = "Path"
    overrides: ClassVar[dict[str, dict[str, Any]]] = {
        "model": {"default": "morph"},
        "path": {"help": "the path through the codes; unset, loop, and play for input that moves"},
        "duration": {"help": "length of the clip; unset, the sum of the path's segments"},
        "hold": {"help": "how long the last frame is held; unset, not at all"},
    }

    paths: PathSettings = group(PathSettings)
    playback: PlaybackSettings = group(PlaybackSettings)
    video: ClipSettings = group(ClipSettings)
    view: CanvasSettings = group(CanvasSettings)
    training: TrainingSettings = group(TrainingSettings)
    run: RunSettings = group(RunSettings)
    masking: MaskSettings = group(MaskSettings)
    moving: MovingSettings = group(MovingSettings)
    picture: PictureSettings = group(PictureSettings)

    codes: CodesFrom = setting(
        "one-hot",
        "the code of each picture; one-hot: one number per picture, which is 1 for that picture; "
        "from-names: the digits in its file's name, one per button, as in 10110000.png",
    )
    sample: int = setting(
        0,
        "also write this many stills at codes that were not trained, and a contact sheet of them, "
        "into a folder beside the clip",
        minimum=0,
        maximum=1000,
    )
    grid: bool = setting(
        False, "also write a sheet of all combinations of up to 8 buttons into that folder"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_moving(self.moving, self.changes())
        self.playback.playback()  # raises if the settings leave no time for a frame
        if self.video.frames_from == "training":
            raise UsageError(
                "--frames-from training works with a single picture only: choose auto or render"
            )
        if not self.paths.learn and "pacing" in self.changes():
            raise UsageError("--pacing has no effect without --learn: add it")


def morph(
    sources: Sequence[str | Path],
    output: str | Path,
    *,
    settings: MorphSettings | None = None,
    audio: str | Path | None = None,
    record: str | Path | None = None,
    save: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    report: Report = ignore,
    **options: object,
) -> Result:
    """Train one network on several pictures, and film a path between them.

    `sources` are pictures or folders of them, which all get the size of the first; `options` are
    fields of `MorphSettings`, for example `path="corners"`, instead of `settings`. All other
    arguments are as in `timelapse`.

    Raises:
        NeuralPaintError: as in `timelapse`.
    """
    files = Resume(output, record=record, save=save, resume=resume, overwrite=overwrite)
    values = expanded(MorphSettings, options, unused={*NOT_PRESET, *not_preset(output)})
    chosen = MorphSettings.given(settings, values)
    return prepare_morph(sources, output, settings=chosen, audio=audio, resume=files).run(report)


def prepare_morph(
    sources: Sequence[str | Path],
    output: str | Path,
    *,
    settings: MorphSettings,
    audio: str | Path | None = None,
    resume: Resume | None = None,
    began: float | None = None,
) -> Clip:
    """Return the job that `morph` runs, after all checks.

    Raises:
        NeuralPaintError: as in `morph`.
    """
    set_threads(settings.training.machine.threads)
    resume = resume or Resume(output)
    sound = None if audio is None else Path(audio)
    overwrite = resume.may_replace_output()
    check_clip(output, format_for(output, settings.video.format), audio=sound, overwrite=overwrite)
    check_beat(settings.video, audio=sound, has_path=True)
    album, pace = _load(sources, settings, resume)
    path = code_paths.parse(settings.paths.path or "loop")
    if pace is not None:
        path = pace.path(None if settings.paths.path is None else path)
    settings = settings.replaced(path=code_paths.spec(path))
    bar = bar_seconds(settings.video, audio=sound)
    playback, learning = timed(settings.playback, settings.paths, path, album.codes, pace, bar=bar)
    samples = Samples(
        Path(output),
        codes=album.codes,
        buttons=settings.codes == "from-names",
        count=settings.sample,
        grid=settings.grid,
        seed=settings.training.optimization.seed,
    )
    samples.check(overwrite=overwrite)
    named = [f"{source}/" if Path(source).is_dir() else str(source) for source in sources]
    camera = settings.video.camera_move
    training = FromTraining(
        album,
        settings.training,
        limits=settings.run,
        note=Note(
            "morph",
            named[0],
            str(output),
            settings,
            audio=None if sound is None else sound.name,
            others=tuple(named[1:]),
            pace=None if pace is None else pace._asdict(),
        ),
        resume=resume,
        detail=lambda canvas: detail_of(canvas, settings.view, longest=LONGEST_CLIP, camera=camera),
        shows_earlier=settings.paths.learn,
    )
    return _MorphClip(
        output,
        training=training,
        samples=samples,
        source=AlongPath(training, path, learning=learning),
        playback=playback,
        video=settings.video,
        view=settings.view,
        bars=settings.picture.bar_colour,
        audio=sound,
        overwrite=overwrite,
        budget=settings.run.budget,
        began=began,
    )


def _load(
    sources: Sequence[str | Path], settings: MorphSettings, resume: Resume
) -> tuple[Album, Pace | None]:
    """Return the album to learn, and its pace if the input moves."""
    if settings.moving.frames_in is None:
        files = picture_files(sources)
        for file in files:
            resume.check(file)
        album = load_album(
            files,
            picture=settings.picture,
            masking=settings.masking,
            model=settings.training.model,
            codes=settings.codes,
        )
        return album, None
    if len(sources) > 1:
        raise UsageError(
            f"--frames-in needs one input that moves, not {len(sources)}: give one, or leave out "
            "--frames-in"
        )
    resume.check(sources[0])
    return load_moving(sources[0], settings.picture, settings.moving)


class _MorphClip(Clip):
    """Makes the clip of a path, and stills at other codes."""

    def __init__(
        self, output: str | Path, *, training: FromTraining, samples: Samples, **options: Any
    ) -> None:
        super().__init__(output, **options)
        self._training_source, self._samples = training, samples

    def _make(self, run: Run) -> Result:
        result = super()._make(run)
        if not self._samples or result.interrupted:
            return result
        stills = self._samples.write(self._at_code, tag=self.source.note.text())
        return replace(result, stills=tuple(stills))

    def _at_code(self, code: NDArray[np.float32]) -> Frame:
        """Return the frame of the trained network at a code."""
        source = self._training_source
        painting = source.painting().at(code)
        snapshot = Snapshot(source.step, source.seconds, float("nan"), painting)
        return self.viewport.render(snapshot).frame
