"""The journal: what a training needs to go on after whatever ends it.

Beside the result stand, until it is there, `NAME.checkpoint`, the learner's whole state, written
anew from time to time, and `NAME.take`, every snapshot so far. A run that goes on shows the
snapshots again and learns from the state, so its film is, frame for frame, the one that an
undisturbed run would have made.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.checkpoint import load_checkpoint, save_checkpoint
from neuralpaint.errors import DivergedError, EncodingError, SavedError, UsageError
from neuralpaint.learning import Learner, Reading, Snapshot
from neuralpaint.outputs import check_target
from neuralpaint.parts import remove
from neuralpaint.pictures import Picture
from neuralpaint.settings import Settings, options

if TYPE_CHECKING:
    from neuralpaint.painting import Painting
    from neuralpaint.take import Precision, TakeWriter

__all__ = ["Journal", "Keeping", "interrupted_settings"]

logger = logging.getLogger(__name__)

_EVERY = 60.0  # seconds between two checkpoints
_LARGEST = 2 * 2**30  # bytes of snapshots that are kept without being asked for
# What may be said anew when a run goes on: none of it changes a frame.
_FREE = {"checkpoint", "device", "threads"}


@dataclass(frozen=True)
class Keeping:
    """What is kept beside the result."""

    record: Path | None = None
    """A take of the whole training."""
    save: Path | None = None
    """The painting that the training ends with."""
    resume: bool = False
    """Whether to go on with an interrupted run where there is one."""
    overwrite: bool = False
    """Whether files of these names, or of an interrupted run, may be replaced."""

    @classmethod
    def of(
        cls,
        *,
        record: str | Path | None = None,
        save: str | Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
    ) -> Keeping:
        """Return it for paths of any kind."""
        return cls(
            record=None if record is None else Path(record),
            save=None if save is None else Path(save),
            resume=resume,
            overwrite=overwrite,
        )

    def may_replace(self, output: str | Path) -> bool:
        """Whether the result itself may be: also what an interrupted run has made of it so far.

        Raises:
            UsageError: there is a result and nothing to go on with.
        """
        if not self.resume or self.overwrite:
            return self.overwrite
        there = _beside(Path(output), "checkpoint").exists()
        if not there and Path(output).exists():
            raise UsageError(
                f"nothing to resume: output {str(output)!r} is there already; -y makes it anew"
            )
        return there


class Journal:
    """The files that keep one training from being lost."""

    def __init__(
        self,
        output: Path,
        *,
        learner: Learner,
        picture: Picture,
        settings: Settings,
        every: float | None,
        keeping: Keeping,
        replays: bool,
        note: Mapping[str, Any],
    ) -> None:
        """Read what an earlier run has left, if it is to go on; nothing is written yet.

        Args:
            output: the result, beside which the journal lies.
            learner: what trains; it is restored where a run goes on.
            picture: what it learns.
            settings: everything that shapes the result.
            every: seconds between two checkpoints, 0 for none; None for what is usual.
            keeping: what else is kept.
            replays: whether a run that goes on shows the earlier snapshots again.
            note: how the result is made.

        Raises:
            UsageError: the earlier run was another one, or would be lost.
            SavedError: what it has left is damaged.
        """
        self.shown: list[int] = []
        """Which snapshot of the take each moment so far has shown."""
        self.since: Reading | None = None
        self.elapsed = 0.0
        self.resumed = False
        self._began = self._saved = time.perf_counter()
        self._learner, self._picture, self._settings = learner, picture, settings
        self._keeping, self._note = keeping, dict(note)
        self._path = _beside(output, "checkpoint")
        self._take_path = keeping.record or _beside(output, "take")
        self._every = _EVERY if every is None else every
        self._unasked, self._replays = every is None, replays
        self._position = 0
        self._open = contextlib.ExitStack()
        self._take: TakeWriter | None = None
        self._newest: tuple[Snapshot, Snapshot] | None = None  # as it came, and as it was written
        self._left = False  # early
        self._kept = False  # for a run that goes on
        self._check(output)
        if self.resumed:
            self._restore()

    def _check(self, output: Path) -> None:
        keeping = self._keeping
        self.resumed = keeping.resume and self._path.exists()
        if keeping.save is not None:
            check_target(keeping.save, overwrite=keeping.overwrite or self.resumed)
        if keeping.record is not None:
            check_target(keeping.record, overwrite=keeping.overwrite or self.resumed)
        if self._path.exists() and not (keeping.resume or keeping.overwrite):
            raise UsageError(
                f"an earlier run for {str(output)!r} was interrupted: --resume goes on with it, -y "
                "begins anew"
            )

    def _restore(self) -> None:
        state, facts = load_checkpoint(self._path)
        self._compare(facts)
        try:
            self.shown = [int(index) for index in facts["shown"]]
            self._position = int(facts["position"])
            self.elapsed = float(facts["elapsed"])
            step, seconds, total = facts["since"]
            self.since = Reading(int(step), seconds=float(seconds), total=float(total))
        except (KeyError, TypeError, ValueError) as error:
            raise SavedError(f"{str(self._path)!r} is damaged: -y begins anew") from error
        self._learner.restore(state)
        logger.info("going on from step %s", f"{self._learner.step:,}")

    def _compare(self, facts: dict[str, Any]) -> None:
        """Raise if the run that was interrupted was another one than this."""
        stored, ours = facts.get("settings", {}), self._settings.to_dict()
        known = options(type(self._settings))
        for name, value in ours.items():
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

    def begin(self, shots: int) -> Iterator[tuple[Snapshot, NDArray[np.uint8] | None]]:
        """Begin to keep about so many snapshots.

        Yield what the earlier run has shown, with the sketch of each where there is one.
        """
        if self._replays and self._keeping.record is None:
            self._limit(shots * self._learner.painting().nbytes)
        if not self.resumed:
            remove(self._path)
        if not (self.resumed and self._replays and self._position):
            return
        from neuralpaint.take import load_take

        take = load_take(self._take_path, device=self._learner.settings.device)
        newest, before = None, -1
        for index in self.shown:
            if newest is None or index != before:
                newest, before = take[index], index
                self._newest = newest, newest
            yield newest, take.sketch(index)

    def _limit(self, size: int) -> None:
        """Do without checkpoints if their snapshots would take too many bytes, unasked."""
        if self._unasked and size > _LARGEST:
            self._every = 0.0
            logger.info(
                "no checkpoints: the snapshots of this film would take %.0f GB; --checkpoint 60 "
                "makes them all the same",
                size / 2**30,
            )

    def write(self, snapshot: Snapshot, *, sketch: NDArray[np.uint8] | None) -> Snapshot:
        """Add a snapshot and return it as it will be read; a checkpoint follows if it is due.

        Raises:
            EncodingError: what was asked for cannot be written.
        """
        if self._newest is None or self._newest[0] is not snapshot:
            self._newest = snapshot, self._written(snapshot, sketch)
            self.shown.append(0 if self._take is None else self._take.count - 1)
        else:
            self.shown.append(self.shown[-1])
        self.since = self._learner.newest
        self.keep_up()
        return self._newest[1]

    def _written(self, snapshot: Snapshot, sketch: NDArray[np.uint8] | None) -> Snapshot:
        if self._keeping.record is not None:
            return self._writer().add(snapshot, sketch=sketch)
        if self._replays and self._every:
            with self._excused():
                return self._writer().add(snapshot, sketch=sketch)
        return snapshot

    @contextlib.contextmanager
    def _excused(self) -> Iterator[None]:
        """Do without checkpoints, from the first that cannot be written, if nobody asked for any.

        A film may fit on a disk that its checkpoints do not.
        """
        try:
            yield
        except EncodingError as error:
            if not self._unasked:
                raise
            logger.warning("no more checkpoints: %s", error)
            self._every = 0.0

    @property
    def last(self) -> Snapshot | None:
        """The newest snapshot, as it came."""
        return None if self._newest is None else self._newest[0]

    def _writer(self) -> TakeWriter:
        if self._take is not None:
            return self._take
        from neuralpaint.take import TakeWriter

        precision: Precision = "half" if self._keeping.record is not None else "full"
        if self._position:
            take = TakeWriter.resumed(self._take_path, position=self._position, precision=precision)
        else:
            take = TakeWriter(
                self._take_path,
                settings=self._learner.settings,
                picture=self._picture,
                steps=self._learner.steps,
                note=self._note,
                precision=precision,
                overwrite=True,
            )
        self._take = self._open.enter_context(take)
        return self._take

    def keep_up(self) -> None:
        """Make a checkpoint if it is time; the learner is between two steps.

        Raises:
            EncodingError: it was asked for and cannot be written.
        """
        if self._every and time.perf_counter() - self._saved >= self._every:
            with self._excused():
                self._save()

    def _save(self) -> None:
        position = self._position
        if self._take is not None:
            self._take.sync()
            position = self._take.position
        since = self.since or Reading(0)
        facts = {
            "settings": self._settings.to_dict(),
            "picture": self._digest,
            "record": self._keeping.record.name if self._keeping.record else None,
            "shown": self.shown,
            "position": position,
            "since": [since.step, since.seconds, since.total],
            "elapsed": self.elapsed + time.perf_counter() - self._began,
        }
        save_checkpoint(self._path, self._learner.state(), facts=facts)
        self._saved = time.perf_counter()

    def leave(self, error: BaseException) -> None:
        """Hear that the run ends early; what it needs to go on is kept.

        That is not the case of one that has diverged, nor of one so short that it had no checkpoint
        yet and nobody asked for any.
        """
        self._left = True
        if isinstance(error, DivergedError):
            return
        self._kept = self.resumed
        young = time.perf_counter() - self._began < self._every and not self.resumed
        if not self._every or (self._unasked and young):
            return
        try:
            if self._learner.step > 0:
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
        if self._take is not None and not self._left:
            self._take.finish(shown=self.shown)
        if self._keeping.save is not None:
            painting().save(self._keeping.save, note=self._note, overwrite=True)

    def close(self) -> None:
        """End it; what was kept for a run that goes on is removed if none has to."""
        self._open.close()
        if not self._kept:
            remove(self._path)
            if self._keeping.record is None:
                remove(self._take_path)

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256(repr(self._picture.pixels.shape).encode())
        digest.update(self._picture.pixels.data)
        return digest.hexdigest()


def interrupted_settings(output: str | Path) -> dict[str, Any]:
    """Return the settings of an interrupted run for this output; none where there is no such run.

    Raises:
        SavedError: what it has left is damaged.
    """
    path = _beside(Path(output), "checkpoint")
    if not path.exists():
        return {}
    _, facts = load_checkpoint(path)
    settings = facts.get("settings")
    return settings if isinstance(settings, dict) else {}


def _beside(output: Path, what: str) -> Path:
    return output.with_name(f"{output.name}.{what}")
