"""The snapshots of a run so far, in memory or in a take, from which it can be resumed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from neuralpaint.errors import NeuralPaintError, SavedError
from neuralpaint.image.pictures import Frame
from neuralpaint.models.codes import Subject
from neuralpaint.training.learner import Learner
from neuralpaint.training.learning import Snapshot

if TYPE_CHECKING:
    from neuralpaint.storage.take import Precision, TakeWriter

__all__ = ["KeptSnapshots"]

_MAX_HELD_BYTES = 256 * 2**20  # of snapshots in memory


class _Stored(NamedTuple):
    """A snapshot before and after its weights are rounded, and its sketch."""

    made: Snapshot
    read: Snapshot
    sketch: Frame | None


class KeptSnapshots:
    """The snapshots so far: in memory, later in a take.

    The take is the file of --record, or a temporary file. A temporary take is useless before the
    first checkpoint, so its snapshots stay in memory until then; most runs end earlier.

    Records of the take after `position` are ignored, because they may be incomplete.
    """

    def __init__(
        self,
        path: Path,
        *,
        learner: Learner,
        subject: Subject,
        note: Mapping[str, Any],
        is_recording: bool,
        phase: Literal["memory", "disk", "dropped"],
    ) -> None:
        """Store nothing yet; the options are those of the run."""
        self.shown: list[int] = []
        """For each moment, the index of the stored snapshot that it showed."""
        self.position = 0
        """Number of valid bytes of the take."""
        self._path, self._is_recording, self._phase = path, is_recording, phase
        self._learner, self._subject, self._note = learner, subject, note
        self._newest: _Stored | None = None
        self._memory: list[_Stored] = []
        self._take: TakeWriter | None = None
        self._files = contextlib.ExitStack()

    @property
    def last(self) -> Snapshot | None:
        """The newest snapshot with unrounded weights."""
        return None if self._newest is None else self._newest.made

    @property
    def _count(self) -> int:
        return max(self.shown, default=-1) + 1

    def restore(self, *, shown: list[int], position: int) -> None:
        """Continue after the snapshots that a checkpoint lists.

        Raises:
            SavedError: the take does not contain these snapshots.
        """
        self.shown, self.position, self._phase = shown, position, "disk"
        if not position:
            return
        from neuralpaint.storage.take import load_take

        try:
            is_complete = len(load_take(self._path)) >= self._count
        except NeuralPaintError:
            is_complete = False
        if not is_complete:
            raise SavedError(
                f"{str(self._path)!r} lacks snapshots of the interrupted run: -y starts over"
            )

    def replay(self) -> Iterator[tuple[Snapshot, Frame | None]]:
        """Yield the snapshot of each moment shown before, with its sketch if it has one.

        Raises:
            SavedError: the take is damaged.
            EncodingError: another run is writing the take.
        """
        if not self.position:
            return
        from neuralpaint.storage.take import load_take

        self._writer()  # locks the take
        take = load_take(self._path, device=self._learner.settings.machine.device)
        before = -1
        for index in self.shown:
            if self._newest is None or index != before:
                snapshot, before = take[index], index
                self._newest = _Stored(snapshot, snapshot, take.sketch(index))
            yield self._newest.made, self._newest.sketch

    def add(self, snapshot: Snapshot, sketch: Frame | None) -> Snapshot:
        """Store the next snapshot, or the newest one again; return it with its stored weights.

        Raises:
            EncodingError: the take cannot be written.
        """
        if self._newest is not None and snapshot is self._newest.made:
            self.shown.append(self.shown[-1])
            return self._newest.read
        number, as_read = self._count, snapshot
        if self._phase == "disk":
            as_read = self._append(snapshot, sketch)
        self._newest = _Stored(snapshot, as_read, sketch)
        if self._phase == "memory":
            self._memory.append(self._newest)
        self.shown.append(number)
        return as_read

    def write(self) -> None:
        """Write all snapshots to disk, now and from now on.

        Raises:
            EncodingError: the take cannot be written.
        """
        if self._phase == "memory":
            self._phase = "disk"
            for each in self._memory:
                self._append(each.made, each.sketch)
            self._memory.clear()
        if self._take is not None:
            self._take.sync()

    def _append(self, snapshot: Snapshot, sketch: Frame | None) -> Snapshot:
        take = self._writer()
        as_read = take.add(snapshot, sketch=sketch)
        self.position = take.position
        return as_read

    def drop(self) -> None:
        """Store no further snapshots, except with --record."""
        if not self._is_recording:
            self._phase = "dropped"
            self._memory.clear()

    @property
    def is_full(self) -> bool:
        """Whether the snapshots in memory exceed their limit."""
        if not self._memory:
            return False
        first = self._memory[0]
        size = first.made.painting.nbytes + (0 if first.sketch is None else first.sketch.nbytes)
        return size * len(self._memory) > _MAX_HELD_BYTES

    def _writer(self) -> TakeWriter:
        if self._take is None:
            from neuralpaint.storage.take import TakeWriter

            precision: Precision = "half" if self._is_recording else "full"
            if self.position:
                take = TakeWriter.resumed(self._path, position=self.position, precision=precision)
            else:
                take = TakeWriter(
                    self._path,
                    settings=self._learner.settings,
                    subject=self._subject,
                    steps=self._learner.steps,
                    note=self._note,
                    precision=precision,
                    overwrite=True,
                )
            self._take = self._files.enter_context(take)
        return self._take

    def finish(self) -> None:
        """Mark the end of the take of --record.

        Raises:
            EncodingError: the take cannot be written.
        """
        if self._is_recording:
            self._writer().finish(shown=self.shown)
            self._take, self._phase = None, "dropped"

    def close(self, *, keep: bool) -> None:
        """Close the take; delete a temporary take unless `keep` is true."""
        is_ours = self._take is not None or self.position > 0
        self._files.close()
        self._memory.clear()
        if is_ours and not (keep or self._is_recording):
            self._path.unlink(missing_ok=True)
