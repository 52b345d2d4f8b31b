"""A take as it is written: snapshot after snapshot, each there whole or not at all."""

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
from neuralpaint.storage.saved import model_facts, read_model_facts
from neuralpaint.storage.take.hole import encoded, packed_hole
from neuralpaint.storage.take.log import Log
from neuralpaint.storage.take.records import MAGIC, pack_record, read_places, read_record
from neuralpaint.storage.take.sketch import packed_sketch
from neuralpaint.storage.take.weights import (
    Judge,
    Weights,
    changed,
    halved,
    packed,
    unpacked,
    widened,
)
from neuralpaint.storage.tensors import opened_saved
from neuralpaint.training.learning import Snapshot
from neuralpaint.training.settings import TrainingSettings

__all__ = ["Precision", "TakeWriter"]

Precision = Literal["half", "full"]


class TakeWriter:
    """Records a training under the take's own name; it may be read, and filmed, meanwhile.

        with TakeWriter(path, settings=..., subject=..., steps=..., note={}) as take:
            for snapshot in learn(...):
                snapshot = take.add(snapshot)
            take.finish()

    Left without `finish`, by an error or a kill, it is a take of what had been added.
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
        """Begin a take.

        Args:
            path: the file.
            settings: what is trained, and how.
            subject: what is learned; every pixel of it is kept.
            steps: how many are planned.
            note: whatever JSON can hold, for whoever reads the take.
            precision: `half` stores weights in 16 bits where nobody sees the difference.
            overwrite: replace a file that exists, at once.

        Raises:
            UsageError: the file exists and `overwrite` is false, or cannot be there.
            EncodingError: it cannot be written, or is being written already.
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
                page = {"png": encoded(picture.pixels), **packed_hole(picture)}
                self._log.append(pack_record(b"PICT", page, {"name": picture.name}))
        except BaseException:
            self.__exit__(None, None, None)
            raise

    @classmethod
    def resumed(
        cls, path: str | Path, *, position: int, precision: Precision = "half"
    ) -> TakeWriter:
        """Return the writer of a take as it was at a position; what had been added since is cut.

        Raises:
            UsageError: there is no such file.
            SavedError: it is no take, or was not written so far.
            EncodingError: it cannot be written, or is being written already.
        """
        path = Path(path)
        name = f"{str(path)!r}"
        writer = cls.__new__(cls)
        with opened_saved(path) as file:
            writer._open(path, create=False, precision=precision)
            try:
                found = [place for place in read_places(file, name=name) if place.end <= position]
                if not found or found[-1].end != position or found[-1].mark == b"DONE":
                    raise SavedError(
                        f"{name} does not hold what had been recorded: record the training anew"
                    )
                _, facts = read_record(file, found[0], name=name)
                writer._canvas = read_model_facts(facts, name=name).canvas
                snapshots = [place for place in found if place.mark == b"SNAP"]
                if snapshots:
                    writer._first = unpacked(read_record(file, snapshots[0], name=name)[0])
                    writer._step = snapshots[-1].step
                    _, facts = read_record(file, snapshots[-1], name=name)
                    writer._judge = Judge(facts["judge"])
                writer._log.cut(position)
            except BaseException:
                writer._log.close()
                raise
        writer.count = len(snapshots)
        return writer

    def _open(self, path: Path, *, create: bool, precision: Precision) -> None:
        self._log = Log(path, create=create)
        self._began_here = create
        self._precision = precision
        self._judge = Judge()
        self._first: Weights = {}
        self._step = 0
        self.count = 0
        """Snapshots so far."""

    @property
    def path(self) -> Path:
        """The file."""
        return self._log.path

    @property
    def position(self) -> int:
        """Bytes so far: where `resumed` goes on."""
        return self._log.position

    def add(self, snapshot: Snapshot, *, sketch: NDArray[np.uint8] | None = None) -> Snapshot:
        """Record a snapshot and return it as it will be read again, its weights rounded.

        `sketch` is uint8 (height, width, 3) of the picture's size, kept with it.

        Raises:
            UsageError: it is of another training, or older than the one before.
            EncodingError: the disk is full, or writing fails; the take is as it was before.
        """
        if snapshot.step < self._step:
            raise UsageError(f"a snapshot of step {snapshot.step} follows one of {self._step}")
        painting, weights = self._rounded(snapshot.painting)
        sketched = {} if sketch is None else packed_sketch(sketch, canvas=self._canvas)
        recorded = Snapshot(snapshot.step, snapshot.seconds, snapshot.loss, painting)
        record = pack_record(
            b"SNAP",
            packed(weights) | sketched,
            {"judge": self._judge.state},
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
        """Wait until all that was added is on the disk: before a checkpoint that counts on it.

        Raises:
            EncodingError: it cannot be brought there.
        """
        self._log.sync()

    def finish(self, *, shown: Sequence[int] | None = None) -> None:
        """Mark the end of the training, and close the take.

        `shown` tells which snapshot each shot of a film made meanwhile has shown.

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
        """Return the painting as it will be read again, and the weights that have to be kept."""
        weights = painting.weights
        if not self._first:
            return painting, weights
        check_weights(weights, self._first)
        new = changed(weights, self._first)
        rough = halved(new) if self._precision == "half" else None
        if rough is not None:
            rounded = painting.with_weights(weights | widened(rough, self._first))
            if self._judge.look_alike(painting, rounded):
                return rounded, rough
        return painting, new
