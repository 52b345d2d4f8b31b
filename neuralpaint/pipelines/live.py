"""Live footage: a training that is filmed while it goes on, and what keeps it from being lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuralpaint.config.settings import Settings, setting
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture, Source
from neuralpaint.models import models
from neuralpaint.models.codes import Subject
from neuralpaint.pipelines.detail import target_scale
from neuralpaint.pipelines.footage import Direction, Footage
from neuralpaint.pipelines.learner import learner
from neuralpaint.pipelines.provenance import Note
from neuralpaint.storage.resume.journal import Journal
from neuralpaint.storage.resume.keeping import Keeping
from neuralpaint.storage.resume.patience import Patience
from neuralpaint.training.learning import Snapshot, learn, stops_at, stops_by_clock
from neuralpaint.training.settings import TrainingSettings

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Live", "RunSettings"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunSettings(Settings):
    """How long a whole run may take, and how often its state is saved."""

    section: ClassVar[str] = "Training"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("steps", "seconds", "epochs", "budget"),)

    budget: float | None = setting(
        None,
        "finish everything in this time, from the start of the command to the file: train as long "
        "as reading, rendering and writing leave",
        unit="seconds",
        above=0.0,
    )
    checkpoint: float | None = setting(
        None,
        "write what --resume needs every so many seconds; 0 never; unset, every minute, but not of "
        "a film whose snapshots would take more than 2 GB",
        unit="seconds",
        minimum=0,
    )


class Live(Footage):
    """A training as it happens."""

    def __init__(
        self,
        source: Source,
        output: str | Path,
        *,
        subject: Subject,
        training: TrainingSettings,
        run: RunSettings,
        settings: Settings,
        recipe: str,
        keeping: Keeping,
        detail: Callable[[Canvas], float],
        films: bool = False,
        audio: Path | None = None,
        others: Sequence[str] = (),
        pace: Mapping[str, Any] | None = None,
    ) -> None:
        """Create the learner; resume an earlier run where that is asked for.

        Args:
            source: the picture.
            output: what is made of it, beside which is kept what an interrupted run needs.
            subject: the picture or pictures to learn.
            training: how to train.
            run: how long, and how often to save the state.
            settings: all settings of the command.
            recipe: what makes it, by the name of its command.
            keeping: what is kept beside the result.
            detail: how many pixels of the result there are to one of a picture, at most.
            films: whether a run that goes on yields the snapshots of the earlier one again.
            audio: the sound that goes with the result.
            others: the sources beside the first that it was made of.
            pace: of what moves, as `Note` has it.

        Raises:
            UsageError: the source is the output, or there is nothing that fits to go on with.
            PictureError: the picture cannot be read.
            DeviceError: the device is not there or has too little memory.
        """
        self._optimization, self._run = training.optimization, run
        self.pictures, self.canvas = subject.pictures, subject.canvas
        self.picture = subject if isinstance(subject, Picture) else None
        # As a command would name it.
        named = source == "-" or self.picture is None
        self.source = str(source) if named else self.pictures[0].name
        self.seed = training.optimization.seed
        self.note = Note(
            recipe,
            self.source,
            str(output),
            settings,
            audio=None if audio is None else audio.name,
            others=tuple(others),
            pace=pace,
        )
        shown = detail(self.canvas)
        if training.target.enhance and shown <= 1 and keeping.record is keeping.save is None:
            logger.info(
                "what --enhance adds is seen in frames larger than the picture: add --scale 2, or "
                "--record a take for such frames"
            )
        # What has a weight for every pixel knows nothing between them.
        whole = models.parse(training.model).needs_all_pixels
        target, train_on = training.target, training.optimization.train_on
        if target.target_scale is None and train_on == "all" and not whole:
            scale = target_scale(self.canvas, shown, least=target.factor)
            training = training.replaced(target_scale=scale)
        self.learner = learner(subject, training)
        self.taught = self.learner.settings
        self.device = self.learner.device
        self._sketching = False
        self._sketch: NDArray[np.uint8] | None = None
        self._journal = Journal(
            Path(output),
            learner=self.learner,
            subject=subject,
            every=run.checkpoint,
            keeping=keeping,
            films=films,
            note=self.note,
        )
        self.resumed, self.elapsed = self._journal.resumed, self._journal.elapsed

    @property
    def step(self) -> int:
        """Steps trained so far."""
        return self.learner.step

    @property
    def steps(self) -> int:
        """The step at which the schedule ends."""
        return self.learner.steps

    @property
    def seconds(self) -> float:
        """Time that training took so far."""
        return self.learner.seconds

    @property
    def trains(self) -> bool:
        """It does."""
        return True

    @property
    def by_clock(self) -> bool:
        """Whether the time says how long to train."""
        return self._optimization.seconds is not None or self._run.budget is not None

    def facts(self) -> dict[str, Any]:
        """Return what is going to be trained."""
        picture = self.pictures[0]
        horizon: dict[str, Any] = {"steps": self.learner.steps}
        if self.by_clock:
            times = (("seconds", self._optimization.seconds), ("budget", self._run.budget))
            horizon = {name: seconds for name, seconds in times if seconds}
        learned = picture.canvas.scaled(self.taught.target.factor)
        hidden = (
            {} if picture.known is None else {"unknown": round(1 - float(picture.known.mean()), 4)}
        )
        finer = {"target_width": learned.width, "target_height": learned.height}
        return {
            "input": self.source,
            "input_width": picture.width,
            "input_height": picture.height,
            **({"pictures": len(self.pictures)} if len(self.pictures) > 1 else {}),
            **(finer if self.taught.target.factor > 1 else {}),
            **hidden,
            **horizon,
            "model": self.taught.model,
            "weights": self.learner.weights,
            "device": self.learner.device,
            "seed": self.seed,
        }

    def painting(self) -> Painting:
        """Return what the model says now."""
        return self.learner.painting()

    def snapshots(self, fractions: Sequence[float], direction: Direction) -> Iterator[Snapshot]:
        """Yield a snapshot at each fraction: those of an earlier run again, then new ones."""
        self.learner.prepare(direction.prepare)
        journal, learner, patience = self._journal, self.learner, Patience()
        for earlier, self._sketch in journal.begin(len(fractions)):
            yield earlier
        passed = journal.passed

        def look_around(loss: float) -> None:
            # Here the learner is between two steps: what is kept can be gone on from.
            patience.give_in()
            journal.keep_up()
            direction.look(loss)

        stops: Iterable[int] = (
            stops_by_clock(learner, fractions[passed:], left=self._left or direction.left)
            if self.by_clock
            else stops_at(fractions, steps=learner.steps, every=direction.every)[passed:]
        )
        learned = learn(learner, stops, look=look_around, since=journal.since, last=journal.last)
        kept = self._kept(learned)
        while (snapshot := patience.wait_for(kept)) is not None:
            patience.give_in()
            yield snapshot

    def _kept(self, learned: Iterator[Snapshot]) -> Iterator[Snapshot]:
        """Yield each snapshot once it is kept: an interruption waits for both."""
        for snapshot in learned:
            if self._sketching:
                self._sketch = self.learner.sketch()
            yield self._journal.write(snapshot, sketch=self._sketch)

    @property
    def _left(self) -> Callable[[], float] | None:
        """Where it is the training alone that has a time: how to tell what is left of it."""
        seconds = self._optimization.seconds
        return None if seconds is None else lambda: seconds - self.learner.seconds

    def begin_sketch(self, frame: NDArray[np.uint8]) -> None:
        """Keep what the model says of each batch, on a canvas that begins as `frame`."""
        self._sketching = True
        if not self._journal.resumed:
            self.learner.begin_sketch(frame)

    def sketch(self) -> NDArray[np.uint8]:
        """Return that canvas as it was at the newest snapshot."""
        if self._sketch is None:
            raise RuntimeError("begin_sketch has not been called")
        return self._sketch

    def leave(self, error: BaseException) -> None:
        """Keep what a later run needs to go on, unless the training itself has failed."""
        self._journal.leave(error)

    def finish(self) -> None:
        """Write the end of what is kept beside the result."""
        self._journal.finish(self.learner.painting)

    def close(self) -> None:
        """Remove what was kept for an accident, unless there was one."""
        self._journal.close()
