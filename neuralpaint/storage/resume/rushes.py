"""Rushes: the snapshots of a training so far, from which a film is shown again.

As in a studio they are what was shot, uncut. They go into a take, either the one that was asked for
or one that is there in case the run is interrupted. Of the latter nobody has a use before there is
a checkpoint, so it is held in memory at first: most runs end sooner.

Snapshots are numbered as they come; what the take holds beyond the newest number, because writing
was cut short, does not count.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import NeuralPaintError, SavedError
from neuralpaint.models.codes import Subject
from neuralpaint.training.learner import Learner
from neuralpaint.training.learning import Snapshot

if TYPE_CHECKING:
    from neuralpaint.storage.take import Precision, TakeWriter

__all__ = ["Rushes", "Sketch"]

Sketch = NDArray[np.uint8]

_HELD = 256 * 2**20  # bytes of weights in memory


class Rushes:
    """What has been shown of one training."""

    def __init__(
        self,
        path: Path,
        *,
        learner: Learner,
        subject: Subject,
        note: Mapping[str, Any],
        recorded: bool,
        held: bool,
    ) -> None:
        """Prepare a take; nothing is written yet.

        Args:
            path: where the take is.
            learner: what trains.
            subject: what it learns.
            note: how the film is made.
            recorded: whether the take was asked for, and stays.
            held: whether it may be held in memory at first.
        """
        self.path, self.recorded = path, recorded
        self.shown: list[int] = []
        """Which snapshot each moment so far has shown."""
        self.position = 0
        """Bytes of the take that count."""
        self.last: Snapshot | None = None
        """The newest snapshot, as it came; `add` returns it as it will be read again."""
        self._learner, self._subject, self._note = learner, subject, dict(note)
        self._phase: Literal["held", "written", "dropped"] = "held" if held else "written"
        self._held: list[tuple[Snapshot, Sketch | None]] = []
        self._as_read: Snapshot | None = None
        self._take: TakeWriter | None = None
        self._open = contextlib.ExitStack()

    @property
    def _count(self) -> int:
        return max(self.shown, default=-1) + 1

    def restore(self, *, shown: list[int], position: int) -> None:
        """Go on from there.

        Raises:
            SavedError: the take does not hold it.
            EncodingError: the take is being written already.
        """
        self.shown, self.position, self._phase = shown, position, "written"
        if not position:
            return
        from neuralpaint.storage.take import load_take

        try:
            whole = len(load_take(self.path)) >= self._count
        except NeuralPaintError:
            whole = False
        if not whole:
            raise SavedError(
                f"{str(self.path)!r} does not hold what the run has shown: -y begins anew"
            )

    def again(self) -> Iterator[tuple[Snapshot, Sketch | None]]:
        """Yield what has been shown before, with the sketch of each where there is one.

        Raises:
            SavedError: the take is damaged.
            EncodingError: it is being written already.
        """
        if not self.position:
            return
        from neuralpaint.storage.take import load_take

        self._writer()  # from now on it is ours
        take = load_take(self.path, device=self._learner.settings.machine.device)
        sketch: Sketch | None = None
        before = -1
        for index in self.shown:
            if self.last is None or index != before:
                self.last = self._as_read = take[index]
                sketch, before = take.sketch(index), index
            yield self.last, sketch

    def add(self, snapshot: Snapshot, *, sketch: Sketch | None) -> Snapshot:
        """Keep the next one and return it as it will be read again; the same may come twice.

        Raises:
            EncodingError: it cannot be written.
        """
        if snapshot is self.last and self._as_read is not None:
            self.shown.append(self.shown[-1])
            return self._as_read
        as_read, number = snapshot, self._count
        if self._phase == "held":
            self._held.append((snapshot, sketch))
        elif self._phase == "written":
            as_read = self._write(snapshot, sketch)
        self.last, self._as_read = snapshot, as_read
        self.shown.append(number)
        return as_read

    def secure(self) -> None:
        """Bring to the disk all that counts; nothing is held from now on.

        Raises:
            EncodingError: it cannot be written.
        """
        if self._phase == "held":
            self._phase = "written"
            for snapshot, sketch in self._held:
                self._write(snapshot, sketch)
            self._held.clear()
        if self._take is not None:
            self._take.sync()

    def _write(self, snapshot: Snapshot, sketch: Sketch | None) -> Snapshot:
        take = self._writer()
        as_read = take.add(snapshot, sketch=sketch)
        self.position = take.position
        return as_read

    def drop(self) -> None:
        """Keep nothing from now on, unless it was asked for."""
        if not self.recorded:
            self._phase = "dropped"
            self._held.clear()

    @property
    def is_full(self) -> bool:
        """Whether as much is held as may be."""
        if not self._held:
            return False
        snapshot, sketch = self._held[0]
        each = snapshot.painting.nbytes + (0 if sketch is None else sketch.nbytes)
        return each * len(self._held) > _HELD

    def _writer(self) -> TakeWriter:
        if self._take is not None:
            return self._take
        from neuralpaint.storage.take import TakeWriter

        precision: Precision = "half" if self.recorded else "full"
        if self.position:
            take = TakeWriter.resumed(self.path, position=self.position, precision=precision)
        else:
            take = TakeWriter(
                self.path,
                settings=self._learner.settings,
                subject=self._subject,
                steps=self._learner.steps,
                note=self._note,
                precision=precision,
                overwrite=True,
            )
        self._take = self._open.enter_context(take)
        return self._take

    def finish(self) -> None:
        """Mark the end of a take that was asked for; nothing comes after it.

        Raises:
            EncodingError: it cannot be written.
        """
        if self.recorded:
            self._writer().finish(shown=self.shown)
            self._take, self._phase = None, "dropped"

    def close(self, *, keep: bool) -> None:
        """End the take; without `keep`, one that is this run's and was not asked for is removed."""
        ours = self._take is not None or self.position > 0
        self._open.close()
        self._held.clear()
        if ours and not (keep or self.recorded):
            self.path.unlink(missing_ok=True)
