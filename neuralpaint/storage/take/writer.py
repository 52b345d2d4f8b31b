"""Writing a take: snapshots are appended; each one is complete or absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from neuralpaint._version import __version__
from neuralpaint.errors import SavedError, UsageError
from neuralpaint.models.codes import Subject
from neuralpaint.models.painting import Painting, check_weights
from neuralpaint.runtime.files import check_output, remove
from neuralpaint.storage.painting_file import model_facts, read_model_facts
from neuralpaint.storage.take.contents import (
    RoundingTest,
    Weights,
    changed_weights,
    pack_picture,
    pack_sketch,
    pack_weights,
    round_to_half,
    unpack_weights,
    widen,
)
from neuralpaint.storage.take.records import (
    MAGIC,
    RecordFile,
    pack_record,
    read_places,
    read_record,
)
from neuralpaint.storage.tensors import open_saved
from neuralpaint.training.learning import Snapshot
from neuralpaint.training.settings import TrainingSettings

__all__ = ["Precision", "TakeWriter"]

Precision = Literal["half", "full"]


class TakeWriter:
    """Records a training; the take can be read and filmed while it is written.

        with TakeWriter(path, settings=..., subject=..., steps=..., note={}) as take:
            for snapshot in learn(...):
                snapshot = take.add(snapshot)
            take.finish()

    Without `finish`, after an error or a kill, the take contains the snapshots so far.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        settings: TrainingSettings,
        subject: Subject,
        steps: int,
        note: Mapping[str, Any],
        precision: Precision = "half",
        overwrite: bool = False,
    ) -> None:
        """Start a take.

        Args:
            path: the file.
            settings: how the network is trained.
            subject: the picture or pictures, which are stored losslessly.
            steps: the planned number of steps.
            note: JSON values; `Take.note` returns them.
            precision: `half` rounds weights to 16 bits if the difference is invisible.
            overwrite: whether to replace an existing file, immediately.

        Raises:
            UsageError: the file exists and `overwrite` is false, or it cannot be created there.
            EncodingError: the file cannot be written, or another process is writing it.
        """
        self._open(check_output(path, overwrite=overwrite), create=True, precision=precision)
        self._canvas = subject.canvas
        head = {
            **model_facts(settings, subject.canvas, subject.codes),
            "steps": steps,
            "note": dict(note),
            "neuralpaint": __version__,
        }
        try:
            self._log.cut(0)
            self._log.append([MAGIC])
            self._log.append(pack_record(b"HEAD", {}, head))
            for picture in subject.pictures:
                page = pack_picture(picture)
                self._log.append(pack_record(b"PICT", page, {"name": picture.name}))
        except BaseException:
            self.__exit__(None, None, None)
            raise

    @classmethod
    def resumed(
        cls, path: str | Path, *, position: int, precision: Precision = "half"
    ) -> TakeWriter:
        """Return a writer that continues a take at a position; later records are removed.

        Raises:
            UsageError: the file does not exist.
            SavedError: it is not a take, or no record ends at the position.
            EncodingError: it cannot be written, or another process is writing it.
        """
        path = Path(path)
        name = f"{str(path)!r}"
        writer = cls.__new__(cls)
        with open_saved(path) as file:
            writer._open(path, create=False, precision=precision)
            try:
                found = [place for place in read_places(file, name=name) if place.end <= position]
                if not found or found[-1].end != position or found[-1].mark == b"DONE":
                    raise SavedError(
                        f"{name} lacks snapshots that were recorded: record the training again"
                    )
                _, facts = read_record(file, found[0], name=name)
                writer._canvas = read_model_facts(facts, name=name).canvas
                snapshots = [place for place in found if place.mark == b"SNAP"]
                if snapshots:
                    writer._first = unpack_weights(read_record(file, snapshots[0], name=name)[0])
                    writer._step = snapshots[-1].step
                    _, facts = read_record(file, snapshots[-1], name=name)
                    writer._rounding = RoundingTest(facts["judge"])
                writer._log.cut(position)
            except BaseException:
                writer._log.close()
                raise
        writer.count = len(snapshots)
        return writer

    def _open(self, path: Path, *, create: bool, precision: Precision) -> None:
        self._log = RecordFile(path, create=create)
        self._began_here = create
        self._precision = precision
        self._rounding = RoundingTest()
        self._first: Weights = {}
        self._step = 0
        self.count = 0
        """Number of snapshots so far."""

    @property
    def path(self) -> Path:
        """The file."""
        return self._log.path

    @property
    def position(self) -> int:
        """Length of the file in bytes, where `resumed` can continue."""
        return self._log.position

    def add(self, snapshot: Snapshot, *, sketch: NDArray[np.uint8] | None = None) -> Snapshot:
        """Record a snapshot and return it with its stored weights, which may be rounded.

        `sketch` is its sketch, at the picture's size.

        Raises:
            UsageError: it belongs to a different training, or is older than the previous one.
            EncodingError: the disk is full, or writing fails; the take is unchanged.
        """
        if snapshot.step < self._step:
            raise UsageError(f"a snapshot of step {snapshot.step} cannot follow step {self._step}")
        painting, weights = self._rounded(snapshot.painting)
        sketched = {} if sketch is None else pack_sketch(sketch, canvas=self._canvas)
        recorded = Snapshot(snapshot.step, snapshot.seconds, snapshot.loss, painting)
        record = pack_record(
            b"SNAP",
            pack_weights(weights) | sketched,
            {"judge": self._rounding.state},
            step=recorded.step,
            seconds=recorded.seconds,
            loss=recorded.loss,
        )
        self._log.append(record)
        self._first = self._first or weights
        self._step = recorded.step
        self.count += 1
        return recorded

    def sync(self) -> None:
        """Wait until all snapshots are on disk; call it before a checkpoint refers to them.

        Raises:
            EncodingError: writing fails.
        """
        self._log.sync()

    def finish(self, *, shown: Sequence[int] | None = None) -> None:
        """Mark the end of the training, and close the take.

        `shown` is stored as `Take.shown`.

        Raises:
            EncodingError: the disk is full, or writing fails.
        """
        self._log.append(pack_record(b"DONE", {}, {} if shown is None else {"shown": list(shown)}))
        self._log.sync()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._began_here and self.count == 0 and not self._log.closed:
            remove(self.path)  # nothing was recorded
        self._log.close()

    def _rounded(self, painting: Painting) -> tuple[Painting, Weights]:
        """Return the painting with its stored weights, and the weights that must be stored."""
        if not self._first:
            return painting, painting.weights
        weights = painting.read_weights()
        check_weights(weights, self._first)
        new = changed_weights(weights, self._first)
        rough = round_to_half(new) if self._precision == "half" else None
        if rough is not None:
            rounded = painting.adopt_weights(weights | widen(rough, self._first))
            if self._rounding.passes(painting, rounded):
                return rounded, rough
        return painting, new
