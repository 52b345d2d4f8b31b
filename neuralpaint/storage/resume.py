"""Resume: the files from which an interrupted run continues.

Until the output is complete, there are two files next to it: `NAME.checkpoint`, the state of the
learner, rewritten from time to time, and for a clip `NAME.rushes`, a take of its snapshots so far.
A resumed run shows these snapshots again and continues from the state, so its clip equals the clip
of an uninterrupted run, frame for frame. A take requested with --record replaces the second file.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from neuralpaint.config.settings import Settings
from neuralpaint.errors import (
    DivergedError,
    EncodingError,
    NeuralPaintError,
    SavedError,
    UsageError,
)
from neuralpaint.image.pictures import Frame
from neuralpaint.models.codes import Subject
from neuralpaint.runtime.files import check_output, remove_stale_parts, sibling
from neuralpaint.runtime.state import State
from neuralpaint.storage.checkpoint import RunFacts, load_checkpoint, save_checkpoint
from neuralpaint.storage.kept_snapshots import KeptSnapshots
from neuralpaint.training.learner import Learner
from neuralpaint.training.learning import Snapshot
from neuralpaint.training.timing import Measurement

__all__ = ["Resume"]

logger = logging.getLogger(__name__)

_INTERVAL = 60.0  # seconds between two checkpoints, unless --checkpoint sets it
_MAX_BYTES = 2 * 2**30  # of snapshots on disk, without --checkpoint and --record
_SHORT_SECONDS = 45.0  # shorter runs save no checkpoint


class Resume:
    """Saves the files from which a run can be resumed, and resumes an earlier run."""

    def __init__(
        self,
        output: str | Path,
        *,
        record: str | Path | None = None,
        save: str | Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
    ) -> None:
        """Set the paths of the files; nothing is read or written yet.

        Args:
            output: the clip or still.
            record: where to write a take of the whole training.
            save: where to write the painting at the end of the training.
            resume: whether to resume an interrupted run of `output`, if there is one.
            overwrite: whether these files, or the files of an interrupted run, may be replaced.
        """
        self.output = Path(output)
        self.record = None if record is None else Path(record)
        self.save = None if save is None else Path(save)
        self.resumed = resume and self.checkpoint_path(output).exists()
        """Whether this run resumes an earlier one."""
        self.elapsed = 0.0
        """Seconds of the earlier run."""
        self.passed = 0
        """Number of moments that have been shown."""
        self.since: Measurement | None = None
        """The measurement at the newest moment."""
        self.advice = "add --resume to the command"
        """How the user can continue after an early end."""
        self._resume, self._overwrite = resume, overwrite
        self._checkpoint = self.checkpoint_path(output)
        self._began = self._saved = time.perf_counter()
        self._interval, self._is_automatic = 0.0, True
        self._snapshots: KeptSnapshots | None = None
        self._incomplete = False  # whether a snapshot is being written, or was written in part
        self._left = False  # whether the run ended early
        self._owns_checkpoint = self.resumed
        self._keeps_files = False  # whether a later run needs the files

    @staticmethod
    def checkpoint_path(output: str | Path) -> Path:
        """Return the path where a run of `output` saves the state of its learner."""
        return sibling(Path(output), "checkpoint")

    def settings(self) -> dict[str, Any]:
        """Return the settings of the run that will be resumed; empty if there is none.

        Raises:
            SavedError: the checkpoint is damaged.
        """
        return self._load()[1].settings if self.resumed else {}

    def may_replace_output(self) -> bool:
        """Return whether the output may be replaced; a resumed run replaces its own.

        Raises:
            UsageError: the output is complete and there is no run to resume.
        """
        if self._resume and not (self.resumed or self._overwrite) and self.output.exists():
            raise UsageError(
                f"nothing to resume: output {str(self.output)!r} exists; -y replaces it"
            )
        return self._overwrite or self.resumed

    def check(self, source: object) -> None:
        """Check that no file is used twice or would be replaced without permission.

        Raises:
            UsageError: a file exists, cannot be created there, or has two uses.
            EncodingError: a folder is not writable.
        """
        self._check_distinct(source)
        if self.record is not None:
            continued = self.resumed or (self._resume and _is_unfinished(self.record))
            check_output(self.record, overwrite=self._overwrite or continued)
        if self.save is not None:
            check_output(self.save, overwrite=self._overwrite or self.resumed)
        if self._checkpoint.exists() and not (self._overwrite or self.resumed):
            raise UsageError(
                f"an earlier run for {str(self.output)!r} was interrupted: --resume continues it, "
                "-y starts over"
            )

    def _check_distinct(self, source: object) -> None:
        named = {
            "the input": source if isinstance(source, (str, Path)) else None,
            "the output": self.output,
            "--record": self.record,
            "--save": self.save,
            "the checkpoint": self._checkpoint,
            "the rushes": self._rushes,
        }
        paths = [(name, os.path.realpath(path)) for name, path in named.items() if path is not None]
        for (first, path), (second, other) in combinations(paths, 2):
            if path == other:
                raise UsageError(
                    f"{first} and {second} are one file, {path!r}: choose another name"
                )

    @property
    def _rushes(self) -> Path:
        return sibling(self.output, "rushes")

    def start(
        self,
        learner: Learner,
        subject: Subject,
        *,
        settings: Settings,
        note: Mapping[str, Any],
        interval: float | None,
        shows_earlier: bool,
    ) -> None:
        """Prepare to save the training; restore the learner if an earlier run is resumed.

        Args:
            learner: the learner of this run, before its first step.
            subject: the picture or pictures that it learns.
            settings: all settings of the command, which a resumed run must have too.
            note: how the output is made, for the take.
            interval: seconds between two checkpoints; 0 for none, None for the default.
            shows_earlier: whether a resumed run shows the snapshots of the earlier run again.

        Raises:
            UsageError: the earlier run had different settings or a different picture.
            SavedError: the files of the earlier run are damaged.
        """
        self._learner, self._subject, self._settings = learner, subject, settings
        self._note, self._shows_earlier = note, shows_earlier
        self._interval = _INTERVAL if interval is None else interval
        self._is_automatic = interval is None
        if self.record is not None or shows_earlier:
            self._snapshots = KeptSnapshots(
                self.record or self._rushes,
                learner=learner,
                subject=subject,
                note=note,
                is_recording=self.record is not None,
                phase="memory" if self.record is None and self._is_automatic else "disk",
            )
            if not (self._interval or self.resumed):
                self._snapshots.drop()
        if self.resumed:
            self._restore()

    def _restore(self) -> None:
        state, run = self._load()
        run.check(self._settings, record=self.record, save=self.save)
        if run.picture != self._fingerprint:
            raise UsageError(
                f"--resume: the run was started with a different picture, not "
                f"{self._subject.name!r}: give the original one, or start over with -y"
            )
        self.passed, self.since, self.elapsed = run.passed, run.measurement, run.elapsed
        if self._snapshots is not None:
            self._snapshots.restore(shown=run.shown, position=run.position)
        self._learner.restore(state)
        logger.info("resuming at step %s", f"{self._learner.step:,}")

    def _load(self) -> tuple[State, RunFacts]:
        try:
            state, facts = load_checkpoint(self._checkpoint)
            return state, RunFacts.from_facts(facts)
        except SavedError as error:
            raise SavedError(f"{error}; -y instead of --resume starts over") from error

    @property
    def last(self) -> Snapshot | None:
        """The newest snapshot with unrounded weights, if snapshots are stored."""
        return None if self._snapshots is None else self._snapshots.last

    def begin(self, shots: int) -> None:
        """Delete the files of an earlier run that is not resumed; limit those of this one.

        `shots` is the number of snapshots of the whole run.
        """
        if self.resumed:
            return
        if self._checkpoint.is_file():
            for path in (self._checkpoint, self._rushes):
                path.unlink(missing_ok=True)
        self._limit(shots * self._learner.painting().nbytes)

    def earlier(self) -> Iterator[tuple[Snapshot, Frame | None]]:
        """Yield the snapshots that the earlier run has shown, each with its sketch.

        Raises:
            SavedError: the file of snapshots is damaged.
            EncodingError: another run is writing this file.
        """
        if self.resumed and self._snapshots is not None:
            for again in self._snapshots.replay():
                if self._shows_earlier:
                    yield again

    def _limit(self, size: int) -> None:
        """Switch off automatic checkpoints if their snapshots would take too many bytes."""
        if self._is_optional and self._shows_earlier and size > _MAX_BYTES:
            logger.info(
                "no checkpoints: the snapshots of this clip would take %.0f GB; --checkpoint 60 "
                "enables them",
                size / 2**30,
            )
            self._give_up()

    @property
    def _is_optional(self) -> bool:
        """Whether no option requested one of the files."""
        return self._is_automatic and not self.resumed and self.record is None

    def _give_up(self) -> None:
        self._interval = 0.0
        if self._snapshots is not None:
            self._snapshots.drop()

    def keep(self, snapshot: Snapshot, sketch: Frame | None = None) -> Snapshot:
        """Store a snapshot and return it with its stored weights; save a checkpoint if it is due.

        Raises:
            EncodingError: a requested file cannot be written.
        """
        as_read = snapshot
        with self._optional(), self._atomic():
            if self._snapshots is not None:
                as_read = self._snapshots.add(snapshot, sketch)
            self.passed += 1
            self.since = self._learner.newest
        if self._snapshots is not None and self._snapshots.is_full:
            self._empty_memory(self._snapshots)
        self.save_if_due()
        return as_read

    def _empty_memory(self, snapshots: KeptSnapshots) -> None:
        """Write the snapshots in memory to disk, or drop them if the run will end soon."""
        elapsed, learner = time.perf_counter() - self._began, self._learner
        if elapsed * max(1, learner.steps) < _SHORT_SECONDS * learner.step:
            self._give_up()
            return
        with self._optional(), self._atomic():
            snapshots.write()

    @contextlib.contextmanager
    def _atomic(self) -> Iterator[None]:
        """Mark the files as incomplete if the block raises an exception."""
        self._incomplete = True
        yield
        self._incomplete = False

    @contextlib.contextmanager
    def _optional(self) -> Iterator[None]:
        """After a write error, stop writing checkpoints that no option requested.

        The disk may have space for the clip, but not for its checkpoints.
        """
        try:
            yield
        except EncodingError as error:
            if not self._is_optional:
                raise
            logger.warning("no further checkpoints: %s", error)
            self._give_up()

    def save_if_due(self) -> None:
        """Save a checkpoint if it is due; must be called between two training steps.

        Raises:
            EncodingError: checkpoints were requested and cannot be written.
        """
        if self._interval and time.perf_counter() - self._saved >= self._interval:
            with self._optional():
                self._save_checkpoint()

    def _save_checkpoint(self) -> None:
        since, snapshots = self.since or Measurement(0), self._snapshots
        if snapshots is not None:
            with self._atomic():
                snapshots.write()
        run = RunFacts(
            settings=self._settings.to_dict(),
            picture=self._fingerprint,
            record=self.record.name if self.record else None,
            save=self.save.name if self.save else None,
            passed=self.passed,
            since=(since.step, since.seconds, since.total),
            elapsed=self.elapsed + time.perf_counter() - self._began,
            shown=[] if snapshots is None else snapshots.shown,
            position=0 if snapshots is None else snapshots.position,
        )
        save_checkpoint(self._checkpoint, self._learner.state(), facts=asdict(run))
        self._owns_checkpoint = True
        self._saved = time.perf_counter()

    @cached_property
    def _fingerprint(self) -> str:
        """The SHA-256 digest of the pictures, masks and codes that are learned."""
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
        """Called when the run ends early: save a checkpoint, so that it can be resumed.

        None is saved after divergence, or in the first seconds of a run without --checkpoint.
        """
        self._left = True
        if isinstance(error, DivergedError):
            return
        self._keeps_files = self._owns_checkpoint  # even if the new checkpoint cannot be saved
        is_young = time.perf_counter() - self._began < self._interval and not self._owns_checkpoint
        is_consistent = self._learner.step > 0 and not self._incomplete
        if self._interval and is_consistent and not (self._is_automatic and is_young):
            try:
                self._save_checkpoint()
            except EncodingError as failure:
                if not isinstance(error, EncodingError):  # otherwise one error is enough
                    logger.warning("no checkpoint: %s", failure)
            except (DivergedError, RuntimeError):
                pass  # a training step was interrupted: keep the previous checkpoint
        self._keeps_files = self._owns_checkpoint
        if self._keeps_files:
            logger.info("to continue from here, %s", self.advice)

    def finish(self) -> None:
        """Called when the output is complete: write the painting and the end of the take.

        Raises:
            EncodingError: one of the files cannot be written.
        """
        if self.save is not None:
            self._learner.painting().save(self.save, note=self._note, overwrite=True)
        if self._snapshots is not None and not self._left:
            self._snapshots.finish()

    def close(self) -> None:
        """Close the files, and delete them unless the run was interrupted and can be resumed."""
        if self._snapshots is not None:
            self._snapshots.close(keep=self._keeps_files)
        if self._owns_checkpoint and not self._keeps_files:
            remove_stale_parts(self._checkpoint)
            self._checkpoint.unlink(missing_ok=True)


def _is_unfinished(record: Path) -> bool:
    """Return whether a file is the take of an interrupted run."""
    from neuralpaint.storage.take import load_take

    try:
        return not load_take(record).finished
    except NeuralPaintError:
        return False
