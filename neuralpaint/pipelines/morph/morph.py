"""The morph: one network learns several pictures, and a film walks through what lies between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.models.codes import Album
from neuralpaint.pipelines.clip import Clip
from neuralpaint.pipelines.detail import LONGEST_CLIP, detail_of
from neuralpaint.pipelines.live import Live
from neuralpaint.pipelines.morph.gathering import files_of, gather
from neuralpaint.pipelines.morph.moving import Pace, gather_frames, timed
from neuralpaint.pipelines.morph.samples import Samples
from neuralpaint.pipelines.morph.settings import MorphSettings
from neuralpaint.pipelines.morph.walking import WalkFootage
from neuralpaint.pipelines.report import Report, Result, ignore
from neuralpaint.rendering.camera import cameras
from neuralpaint.rendering.pacing import pacings
from neuralpaint.rendering.paths import code_paths
from neuralpaint.storage.resume.keeping import Keeping
from neuralpaint.training.learning import Snapshot
from neuralpaint.video.formats import format_for
from neuralpaint.video.sinks import check_clip

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting
    from neuralpaint.video.drawing import Frame

__all__ = ["MorphClip", "morph", "prepare_morph"]


class MorphClip(Clip):
    """A clip of a walk, and what else was asked of the network."""

    def __init__(self, output: str | Path, *, live: Live, samples: Samples, **options: object):
        super().__init__(output, **options)  # type: ignore[arg-type]
        self._live, self._samples = live, samples

    def work(self, report: Report = ignore) -> Result:
        """Film the walk, then write the samples."""
        result = super().work(report)
        if not self._samples or result.interrupted:
            return result
        show, tag = partial(self._seen, self._live.painting()), self.footage.note.text()
        return replace(result, stills=tuple(self._samples.write(show, tag=tag)))

    def _seen(self, painting: Painting, code: NDArray[np.float32]) -> Frame:
        """Return what the first frame of the clip would be at a code."""
        live = self._live
        shot = Snapshot(live.step, live.seconds, float("nan"), painting.at(code))
        return self.stage.show(shot).frame


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
    """Train one network on several pictures, and film a walk through what lies between them.

    Args:
        sources: the pictures, or folders of them; all get the size of the first.
        output: the clip; its suffix chooses the format.
        settings: everything that shapes the morph.
        audio: a sound file to lay under the clip.
        record: a take of the training to be written.
        save: where to save the painting, which `render` shows at any code.
        resume: whether to go on with an interrupted run for `output`, if there is one.
        overwrite: whether `output`, `record` and `save` may exist.
        report: called with the progress, several times a second.
        **options: fields of `MorphSettings`, in place of `settings`: for example `path="corners"`.

    Raises:
        UsageError: an option cannot be used, or the output exists or cannot be there.
        PictureError: a picture cannot be read.
        DeviceError: the device is not there or has too little memory.
        DivergedError: the loss became NaN.
        EncodingError: the clip cannot be written.
        SavedError: what an interrupted run has left is damaged.
    """
    keeping = Keeping.of(record=record, save=save, resume=resume, overwrite=overwrite)
    chosen = MorphSettings.given(settings, options)
    return prepare_morph(sources, output, settings=chosen, audio=audio, keeping=keeping).run(report)


def prepare_morph(
    sources: Sequence[str | Path],
    output: str | Path,
    *,
    settings: MorphSettings,
    audio: str | Path | None = None,
    keeping: Keeping | None = None,
    began: float | None = None,
) -> MorphClip:
    """Return the job that `morph` does; all that can be checked is checked.

    Raises:
        NeuralPaintError: as `morph` says.
    """
    keeping = keeping or Keeping()
    sound = None if audio is None else Path(audio)
    overwrite = keeping.may_replace(output)
    check_clip(output, format_for(output, settings.video.format), audio=sound, overwrite=overwrite)
    album, pace = _gathered(sources, output, settings=settings, keeping=keeping)
    walk = code_paths.parse(settings.walk.path or "loop")
    if pace is not None:
        walk = pace.walk(None if settings.walk.path is None else walk)
    settings = settings.replaced(path=code_paths.spec(walk))
    playback, learning = timed(settings.playback, settings.walk, walk, album.codes, pace)
    samples = Samples(
        Path(output),
        codes=album.codes,
        buttons=settings.codes == "from-names",
        count=settings.sample,
        grid=settings.grid,
        seed=settings.training.optimization.seed,
    )
    samples.check(overwrite=overwrite)
    camera = None if settings.video.camera is None else cameras.parse(settings.video.camera)
    named = [f"{source}/" if Path(source).is_dir() else str(source) for source in sources]
    live = Live(
        named[0],
        output,
        subject=album,
        training=settings.training,
        run=settings.run,
        settings=settings,
        recipe="morph",
        keeping=keeping,
        detail=partial(detail_of, view=settings.view, longest=LONGEST_CLIP, camera=camera),
        films=settings.walk.learn,
        audio=sound,
        others=named[1:],
        pace=None if pace is None else pace._asdict(),
    )
    footage = WalkFootage(
        live, walk, learning=learning, pacing=pacings.parse(settings.video.pacing)
    )
    return MorphClip(
        output,
        live=live,
        samples=samples,
        footage=footage,
        playback=playback,
        settings=settings.video,
        view=settings.view,
        bars=settings.picture.background_colour,
        audio=sound,
        overwrite=overwrite,
        budget=settings.run.budget,
        began=began,
    )


def _gathered(
    sources: Sequence[str | Path], output: str | Path, *, settings: MorphSettings, keeping: Keeping
) -> tuple[Album, Pace | None]:
    """Return what is learned, and how it moves, if it does."""
    if settings.moving.frames_in is None:
        files = files_of(sources)
        for file in files:
            keeping.check(file, output)
        return gather(files, settings), None
    source, *others = sources
    if others:
        raise UsageError(
            f"--frames-in is about one input that moves, not {len(sources)}: give one, or leave it "
            "out"
        )
    keeping.check(source, output)
    return gather_frames(source, settings.picture, settings.moving)
