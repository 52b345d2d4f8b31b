"""The journal: what a training needs to go on after whatever ends it.

Beside the result stand, until it is there, `NAME.checkpoint`, the learner's whole state, written
anew from time to time, and of a film `NAME.rushes`, its snapshots so far. A run that goes on shows
these again and learns from the state, so its film is, frame for frame, the one that an undisturbed
run would have made.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neuralpaint.errors import DivergedError, EncodingError, UsageError
from neuralpaint.models.codes import Subject
from neuralpaint.pipelines.provenance import Note
from neuralpaint.runtime.files import remove_stale_parts
from neuralpaint.storage.checkpoint import save_checkpoint
from neuralpaint.storage.resume.interrupted import Interrupted, load_interrupted
from neuralpaint.storage.resume.keeping import Keeping, checkpoint_of, rushes_of
from neuralpaint.storage.resume.rushes import Rushes, Sketch
from neuralpaint.training.learner import Learner
from neuralpaint.training.learning import Snapshot
from neuralpaint.training.timing import Measurement

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Journal"]

logger = logging.getLogger(__name__)

_EVERY = 60.0  # seconds between two checkpoints
_LARGEST = 2 * 2**30  # bytes of snapshots that are kept without being asked for
_SHORT = 45.0  # seconds: a run of about so many has no checkpoint


class Journal:
    """The files that keep one training from being lost."""

    def __init__(
        self,
        output: Path,
        *,
        learner: Learner,
        subject: Subject,
        every: float | None,
        keeping: Keeping,
        films: bool,
        note: Note,
    ) -> None:
        """Read what an earlier run has left, if it is to go on; nothing is written yet.

        Args:
            output: the result, beside which the journal lies.
            learner: what trains; it is restored where a run goes on.
            subject: what it learns.
            every: seconds between two checkpoints, 0 for none; None for what is usual.
            keeping: what else is kept.
            films: whether a run that goes on has to show the earlier snapshots again.
            note: how the result is made.

        Raises:
            UsageError: the earlier run was another one.
            SavedError: what it has left is damaged.
        """
        self.since: Measurement | None = None
        """The reading at the newest moment."""
        self.elapsed = 0.0
        """Seconds that the earlier run has taken."""
        self.passed = 0
        """Moments that are behind."""
        self._began = self._saved = time.perf_counter()
        self._learner, self._subject, self._films = learner, subject, films
        self._keeping, self._note, self._output = keeping, note, output
        self._path = checkpoint_of(output)
        self._every, self._unasked = _EVERY if every is None else every, every is None
        self.resumed = keeping.resumes(output)
        self._rushes = self._prepared() if keeping.record or films else None
        self._torn = False
        self._early = False  # whether the run was left
        self._ours = self.resumed  # whether the checkpoint is this run's
        self._kept = False  # for a run that goes on
        if self.resumed:
            self._restore()

    def _prepared(self) -> Rushes:
        record = self._keeping.record
        rushes = Rushes(
            record or rushes_of(self._output),
            learner=self._learner,
            subject=self._subject,
            note=self._note.content(),
            recorded=record is not None,
            held=record is None and self._unasked,
        )
        if not (self._every or self.resumed):
            rushes.drop()
        return rushes

    def _restore(self) -> None:
        state, run = load_interrupted(self._output)
        run.check(self._note.settings, record=self._keeping.record, save=self._keeping.save)
        if run.picture != self._digest:
            raise UsageError(
                f"--resume: {self._subject.name!r} is not the picture that the run was begun with: "
                "give that one, or begin anew with -y"
            )
        self.passed, self.since, self.elapsed = run.passed, run.reading, run.elapsed
        if self._rushes is not None:
            self._rushes.restore(shown=run.shown, position=run.position)
        self._learner.restore(state)
        logger.info("going on from step %s", f"{self._learner.step:,}")

    @property
    def last(self) -> Snapshot | None:
        """The newest snapshot, as it came, where they are kept."""
        return None if self._rushes is None else self._rushes.last

    def begin(self, shots: int) -> Iterator[tuple[Snapshot, Sketch | None]]:
        """Begin to keep so many snapshots; yield those that an earlier run has shown.

        Raises:
            SavedError: they are damaged.
            EncodingError: another run is writing them.
        """
        if not self.resumed:
            if self._path.is_file():
                for path in (self._path, rushes_of(self._output)):
                    path.unlink(missing_ok=True)
            self._limit(shots * self._learner.painting().nbytes)
        elif self._rushes is not None:
            for again in self._rushes.again():
                if self._films:
                    yield again

    def _limit(self, size: int) -> None:
        """Do without checkpoints if their snapshots would take too many bytes, unasked."""
        if self._is_unasked and self._films and size > _LARGEST:
            logger.info(
                "no checkpoints: the snapshots of this film would take %.0f GB; --checkpoint 60 "
                "makes them all the same",
                size / 2**30,
            )
            self._give_up()

    @property
    def _is_unasked(self) -> bool:
        """Whether nobody asked for anything that is kept."""
        return self._unasked and not self.resumed and self._keeping.record is None

    def _give_up(self) -> None:
        self._every = 0.0
        if self._rushes is not None:
            self._rushes.drop()

    def write(self, snapshot: Snapshot, *, sketch: Sketch | None) -> Snapshot:
        """Add a snapshot and return it as it will be read; a checkpoint follows if it is due.

        Raises:
            EncodingError: what was asked for cannot be written.
        """
        as_read = snapshot
        with self._excused(), self._undivided():
            if self._rushes is not None:
                as_read = self._rushes.add(snapshot, sketch=sketch)
            self.passed += 1
            self.since = self._learner.newest
        if self._rushes is not None and self._rushes.is_full:
            self._stop_holding(self._rushes)
        self.keep_up()
        return as_read

    def _stop_holding(self, rushes: Rushes) -> None:
        """Bring to the disk what is held, or drop it if the run ends soon anyway."""
        elapsed, learner = time.perf_counter() - self._began, self._learner
        if elapsed * max(1, learner.steps) < _SHORT * learner.step:
            self._give_up()
            return
        with self._excused(), self._undivided():
            rushes.secure()

    @contextlib.contextmanager
    def _undivided(self) -> Iterator[None]:
        """Note what is cut short in the block: what is kept then tells of no one moment."""
        self._torn = True
        yield
        self._torn = False

    @contextlib.contextmanager
    def _excused(self) -> Iterator[None]:
        """Do without checkpoints, from the first that cannot be written, if nobody asked for any.

        A film may fit on a disk that its checkpoints do not.
        """
        try:
            yield
        except EncodingError as error:
            if not self._is_unasked:
                raise
            logger.warning("no more checkpoints: %s", error)
            self._give_up()

    def keep_up(self) -> None:
        """Make a checkpoint if it is time; the learner is between two steps.

        Raises:
            EncodingError: it was asked for and cannot be written.
        """
        if self._every and time.perf_counter() - self._saved >= self._every:
            with self._excused():
                self._save()

    def _save(self) -> None:
        since, rushes, keeping = self.since or Measurement(0), self._rushes, self._keeping
        if rushes is not None:
            with self._undivided():
                rushes.secure()
        run = Interrupted(
            settings=self._note.settings.to_dict(),
            picture=self._digest,
            record=keeping.record.name if keeping.record else None,
            save=keeping.save.name if keeping.save else None,
            passed=self.passed,
            since=(since.step, since.seconds, since.total),
            elapsed=self.elapsed + time.perf_counter() - self._began,
            shown=[] if rushes is None else rushes.shown,
            position=0 if rushes is None else rushes.position,
        )
        save_checkpoint(self._path, self._learner.state(), facts=run.facts())
        self._ours = True
        self._saved = time.perf_counter()

    @cached_property
    def _digest(self) -> str:
        pictures, codes = self._subject.pictures, self._subject.codes
        digest = hashlib.sha256(repr(pictures[0].pixels.shape).encode())
        for picture in pictures:
            digest.update(picture.pixels.data)
            for name, plane in picture.planes.items():
                digest.update(name.encode())
                digest.update(np.ascontiguousarray(plane).data)
        if codes is not None:
            digest.update(codes.data)
        return digest.hexdigest()

    def leave(self, error: BaseException) -> None:
        """Hear that the run ends early; what it needs to go on is kept.

        That is not the case of one that has diverged, nor of one so short that it had no checkpoint
        yet and nobody asked for any.
        """
        self._early = True
        if isinstance(error, DivergedError):
            return
        self._kept = self._ours  # whatever comes while the newest is saved
        young = time.perf_counter() - self._began < self._every and not self._ours
        whole = self._learner.step > 0 and not self._torn
        if self._every and whole and not (self._unasked and young):
            try:
                self._save()
            except EncodingError as failure:
                if not isinstance(error, EncodingError):  # which says the same
                    logger.warning("no checkpoint: %s", failure)
            except (DivergedError, RuntimeError):
                pass  # a step was cut short: the checkpoint before counts
        self._kept = self._ours
        if self._kept:
            logger.info("the same command with --resume goes on from where it was")

    def finish(self, painting: Callable[[], Painting]) -> None:
        """Hear that there is a result, of a whole run or of one that was left.

        Raises:
            EncodingError: the painting, or the end of the take, cannot be written.
        """
        if self._keeping.save is not None:
            painting().save(self._keeping.save, note=self._note.content(), overwrite=True)
        if self._rushes is not None and not self._early:
            self._rushes.finish()

    def close(self) -> None:
        """End it; what was kept for a run that goes on is removed if none has to."""
        if self._rushes is not None:
            self._rushes.close(keep=self._kept)
        if self._ours and not self._kept:
            remove_stale_parts(self._path)
            self._path.unlink(missing_ok=True)
