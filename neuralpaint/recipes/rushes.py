"""Rushes: the snapshots of a training so far, from which a film is shown again.

As in a studio they are what was shot, uncut. They go into a take, either the one that was asked for
or one that is there in case the run is interrupted. Of the latter nobody has a use before there is
a checkpoint, so it is held in memory at first: most runs end sooner.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import SavedError
from neuralpaint.learning import Learner, Snapshot
from neuralpaint.parts import remove
from neuralpaint.pictures import Picture

if TYPE_CHECKING:
    from neuralpaint.take import Precision, TakeWriter

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
        picture: Picture,
        note: Mapping[str, Any],
        recorded: bool,
        held: bool,
    ) -> None:
        """Prepare a take; nothing is written yet.

        Args:
            path: where the take is.
            learner: what trains.
            picture: what it learns.
            note: how the film is made.
            recorded: whether the take was asked for, and stays.
            held: whether it may be held in memory at first.
        """
        self.path, self.recorded = path, recorded
        self.shown: list[int] = []
        """Which snapshot each moment so far has shown."""
        self.last: Snapshot | None = None
        """The newest, as it came."""
        self._learner, self._picture, self._note = learner, picture, dict(note)
        self._holds, self._dropped = held and not recorded, False
        self._held: list[tuple[Snapshot, Sketch | None]] = []
        self._written: Snapshot | None = None
        self._count = self._position = 0
        self._take: TakeWriter | None = None
        self._open = contextlib.ExitStack()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state`.

        Raises:
            SavedError: it is none.
        """
        try:
            self.shown = [int(index) for index in state["shown"]]
            self._position = int(state["position"])
        except (KeyError, TypeError, ValueError) as error:
            raise SavedError("the checkpoint is incomplete: -y begins anew") from error
        self._count = max(self.shown, default=-1) + 1
        self._holds = False

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, as JSON can hold it, once everything is on the disk.

        Raises:
            EncodingError: it cannot be written.
        """
        self._holds = False
        held, self._held = self._held, []
        for snapshot, sketch in held:
            self._writer().add(snapshot, sketch=sketch)
        if self._take is not None:
            self._take.sync()
            self._position = self._take.position
        return {"shown": self.shown, "position": self._position}

    def again(self) -> Iterator[tuple[Snapshot, Sketch | None]]:
        """Yield what has been shown before, with the sketch of each where there is one.

        Raises:
            SavedError: the take is damaged, or gone.
        """
        if not self.shown:
            return
        from neuralpaint.take import load_take

        take = load_take(self.path, device=self._learner.settings.device)
        if len(take) < self._count:
            raise SavedError(f"{str(self.path)!r} is cut short: -y begins anew")
        before = -1
        for index in self.shown:
            if self.last is None or index != before:
                self.last = self._written = take[index]
                before = index
            yield self.last, take.sketch(index)

    def add(self, snapshot: Snapshot, *, sketch: Sketch | None) -> Snapshot:
        """Keep the next one and return it as it will be read again; the same may come twice.

        Raises:
            EncodingError: it cannot be written.
        """
        if snapshot is not self.last or self._written is None:
            self._written = self._kept(snapshot, sketch)
            self.last = snapshot
            self._count += 1
        self.shown.append(self._count - 1)
        return self._written

    def _kept(self, snapshot: Snapshot, sketch: Sketch | None) -> Snapshot:
        if self._dropped:
            return snapshot
        if not self._holds:
            return self._writer().add(snapshot, sketch=sketch)
        self._held.append((snapshot, sketch))
        return snapshot

    def drop(self) -> None:
        """Keep nothing from now on."""
        self._dropped = True
        self._held.clear()

    @property
    def is_full(self) -> bool:
        """Whether as much is held as may be."""
        held = sum(s.painting.nbytes + (0 if k is None else k.nbytes) for s, k in self._held[:1])
        return held * len(self._held) > _HELD

    def _writer(self) -> TakeWriter:
        if self._take is not None:
            return self._take
        from neuralpaint.take import TakeWriter

        precision: Precision = "half" if self.recorded else "full"
        if self._position:
            take = TakeWriter.resumed(self.path, position=self._position, precision=precision)
        else:
            take = TakeWriter(
                self.path,
                settings=self._learner.settings,
                picture=self._picture,
                steps=self._learner.steps,
                note=self._note,
                precision=precision,
                overwrite=True,
            )
        self._take = self._open.enter_context(take)
        return self._take

    def finish(self) -> None:
        """Mark the end of a take that was asked for.

        Raises:
            EncodingError: it cannot be written.
        """
        if self._take is not None and self.recorded:
            self._take.finish(shown=self.shown)

    def close(self, *, keep: bool) -> None:
        """End the take; without `keep`, one that was not asked for is removed."""
        self._open.close()
        self._held.clear()
        if not (keep or self.recorded):
            remove(self.path)
