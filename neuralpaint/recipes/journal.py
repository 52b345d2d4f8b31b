"""The journal: what a training needs to go on after whatever ends it.

Beside the result stand, until it is there, `NAME.checkpoint`, the learner's whole state, written
anew from time to time, and of a film `NAME.take`, its rushes. A run that goes on shows these again
and learns from the state, so its film is, frame for frame, the one that an undisturbed run would
have made.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralpaint.checkpoint import load_checkpoint, save_checkpoint
from neuralpaint.errors import DivergedError, EncodingError, SavedError, UsageError
from neuralpaint.learning import Learner, Reading, Snapshot
from neuralpaint.parts import remove
from neuralpaint.pictures import Picture
from neuralpaint.recipes.keeping import Keeping, beside
from neuralpaint.recipes.provenance import Note
from neuralpaint.recipes.rushes import Rushes, Sketch
from neuralpaint.settings import options

if TYPE_CHECKING:
    from neuralpaint.painting import Painting

__all__ = ["Journal"]

logger = logging.getLogger(__name__)

_EVERY = 60.0  # seconds between two checkpoints
_LARGEST = 2 * 2**30  # bytes of snapshots that are kept without being asked for
_SHORT = 45.0  # seconds: a run of about so many has no checkpoint
# What may be said anew when a run goes on: none of it changes a frame.
_FREE = {"checkpoint", "device", "threads"}


class Journal:
    """The files that keep one training from being lost."""

    def __init__(
        self,
        output: Path,
        *,
        learner: Learner,
        picture: Picture,
        every: float | None,
        keeping: Keeping,
        films: bool,
        note: Note,
    ) -> None:
        """Read what an earlier run has left, if it is to go on; nothing is written yet.

        Args:
            output: the result, beside which the journal lies.
            learner: what trains; it is restored where a run goes on.
            picture: what it learns.
            every: seconds between two checkpoints, 0 for none; None for what is usual.
            keeping: what else is kept.
            films: whether a run that goes on has to show the earlier snapshots again.
            note: how the result is made.

        Raises:
            UsageError: the earlier run was another one, or would be lost.
            SavedError: what it has left is damaged.
        """
        self.since: Reading | None = None
        self.elapsed = 0.0
        self.passed = 0
        """How many moments are behind."""
        self._began = self._saved = time.perf_counter()
        self._learner, self._picture = learner, picture
        self._keeping, self._note = keeping, note
        self._path = beside(output, "checkpoint")
        self._every, self._unasked = _EVERY if every is None else every, every is None
        self._shots = 0
        self._rushes: Rushes | None = None
        keeping.check(output)
        self.resumed = keeping.resumes(output)
        if keeping.record is not None or (films and (self._every or self.resumed)):
            self._rushes = Rushes(
                keeping.record or beside(output, "take"),
                learner=learner,
                picture=picture,
                note=note.content(),
                recorded=keeping.record is not None,
                held=self._unasked,
            )
        self._films = films
        self._left = False  # early
        self._kept = False  # for a run that goes on
        if self.resumed:
            self._restore()

    def _restore(self) -> None:
        state, facts = load_checkpoint(self._path)
        self._compare(facts)
        try:
            self.passed = int(facts["passed"])
            self.elapsed = float(facts["elapsed"])
            step, seconds, total = facts["since"]
            self.since = Reading(int(step), seconds=float(seconds), total=float(total))
        except (KeyError, TypeError, ValueError) as error:
            raise SavedError(f"{str(self._path)!r} is damaged: -y begins anew") from error
        if self._rushes is not None:
            self._rushes.restore(facts.get("rushes", {}))
        self._learner.restore(state)
        logger.info("going on from step %s", f"{self._learner.step:,}")

    def _compare(self, facts: dict[str, Any]) -> None:
        """Raise if the run that was interrupted was another one than this."""
        settings = self._note.settings
        stored, known = facts.get("settings", {}), options(type(settings))
        for name, value in settings.to_dict().items():
            if name not in _FREE and stored.get(name) != value:
                flag = known[name].flag
                raise UsageError(
                    f"--resume: the run was begun with {flag} {stored.get(name)}, not {value}: "
                    f"leave {flag} out, or begin anew with -y"
                )
        record = self._keeping.record
        if facts.get("record") != (record.name if record else None):
            raise UsageError(
                f"--resume: the run was begun with --record {facts['record']}: give it again"
                if facts.get("record")
                else "--resume: the run was begun without --record: leave it out"
            )
        if facts.get("picture") != self._digest:
            raise UsageError(
                f"--resume: {self._picture.name!r} is not the picture that the run was begun with"
            )

    @property
    def last(self) -> Snapshot | None:
        """The newest snapshot, where they are kept."""
        return None if self._rushes is None else self._rushes.last

    def begin(self, shots: int) -> Iterator[tuple[Snapshot, Sketch | None]]:
        """Begin to keep so many snapshots; yield those that an earlier run has shown."""
        self._shots = shots
        if not self.resumed:
            remove(self._path)
            self._limit(shots * self._learner.painting().nbytes)
        elif self._films and self._rushes is not None:
            yield from self._rushes.again()

    def _limit(self, size: int) -> None:
        """Do without checkpoints if their snapshots would take too many bytes, unasked."""
        if self._keeps_for_accidents and size > _LARGEST:
            logger.info(
                "no checkpoints: the snapshots of this film would take %.0f GB; --checkpoint 60 "
                "makes them all the same",
                size / 2**30,
            )
            self._give_up()

    @property
    def _keeps_for_accidents(self) -> bool:
        """Whether there are rushes that nobody has asked for."""
        return self._unasked and self._rushes is not None and not self._rushes.recorded

    def _give_up(self) -> None:
        self._every = 0.0
        if self._keeps_for_accidents and self._rushes is not None:
            self._rushes.drop()

    def write(self, snapshot: Snapshot, *, sketch: Sketch | None) -> Snapshot:
        """Add a snapshot and return it as it will be read; a checkpoint follows if it is due.

        Raises:
            EncodingError: what was asked for cannot be written.
        """
        written = snapshot
        with self._excused():
            if self._rushes is not None:
                written = self._rushes.add(snapshot, sketch=sketch)
        self.passed += 1
        self.since = self._learner.newest
        if self._rushes is not None and self._rushes.is_full:
            self._stop_holding(self._rushes)
        self.keep_up()
        return written

    def _stop_holding(self, rushes: Rushes) -> None:
        """Bring to the disk what is held, or drop it if the run ends soon anyway."""
        if (time.perf_counter() - self._began) * self._shots / self.passed < _SHORT:
            self._give_up()
            return
        with self._excused():
            rushes.state()

    @contextlib.contextmanager
    def _excused(self) -> Iterator[None]:
        """Do without checkpoints, from the first that cannot be written, if nobody asked for any.

        A film may fit on a disk that its checkpoints do not.
        """
        try:
            yield
        except EncodingError as error:
            if not self._unasked or (self._rushes is not None and self._rushes.recorded):
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
        since = self.since or Reading(0)
        facts = {
            "settings": self._note.settings.to_dict(),
            "picture": self._digest,
            "record": self._keeping.record.name if self._keeping.record else None,
            "rushes": {} if self._rushes is None else self._rushes.state(),
            "passed": self.passed,
            "since": [since.step, since.seconds, since.total],
            "elapsed": self.elapsed + time.perf_counter() - self._began,
        }
        save_checkpoint(self._path, self._learner.state(), facts=facts)
        self._saved = time.perf_counter()

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256(repr(self._picture.pixels.shape).encode())
        digest.update(self._picture.pixels.data)
        return digest.hexdigest()

    def leave(self, error: BaseException) -> None:
        """Hear that the run ends early; what it needs to go on is kept.

        That is not the case of one that has diverged, nor of one so short that it had no checkpoint
        yet and nobody asked for any.
        """
        self._left = True
        if isinstance(error, DivergedError):
            return
        there = self._path.exists()
        young = time.perf_counter() - self._began < self._every and not there
        if self._every and self._learner.step > 0 and not (self._unasked and young):
            try:
                self._save()
            except EncodingError as failure:
                logger.warning("no checkpoint: %s", failure)
            except (DivergedError, RuntimeError):
                pass  # a step was cut short: the checkpoint before counts
        self._kept = self._path.exists()
        if self._kept:
            logger.info("the same command with --resume goes on from where it was")

    def finish(self, painting: Callable[[], Painting]) -> None:
        """Hear that there is a result, of a whole run or of one that was left.

        Raises:
            EncodingError: the painting, or the end of the take, cannot be written.
        """
        if self._rushes is not None and not self._left:
            self._rushes.finish()
        if self._keeping.save is not None:
            painting().save(self._keeping.save, note=self._note.content(), overwrite=True)

    def close(self) -> None:
        """End it; what was kept for a run that goes on is removed if none has to."""
        if self._rushes is not None:
            self._rushes.close(keep=self._kept)
        if not self._kept:
            remove(self._path)
