"""Footage: where the snapshots of a film come from.

A film does not care whether a network learns while it is filmed (`live`) or has learned before
(`recorded`): both are a row of snapshots, pulled one by one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.provenance import Note
from neuralpaint.training.learning import Snapshot
from neuralpaint.training.settings import TrainingSettings

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Direction", "Footage"]


@dataclass(frozen=True)
class Direction:
    """What a job says to footage: where to stop, and whom to tell."""

    every: int
    """Only at multiples of so many steps, and at the end."""
    left: Callable[[], float]
    """Asked for the seconds that are left to train, where the time says how long."""
    look: Callable[[float], None]
    """Called about twice a second with the mean loss since the call before."""
    prepare: Callable[[float], None]
    """Called with how much is done of what comes before the first step, in [0, 1]."""


class Footage(ABC):
    """The moments of one training."""

    source: str
    """What it is made from, as a command would name it."""
    note: Note
    """How the result is made, to be kept in it."""
    seed: int
    """That of the training."""
    canvas: Canvas
    """That of the picture, at its own size."""
    picture: Picture | None
    """The original; None where only weights were kept, or where none is shown alone."""
    pictures: Sequence[Picture] = ()
    """All that was learned, as far as it is known."""
    taught: TrainingSettings
    """What was learned of it, and how."""
    device: str
    """The kind of device that renders it, such as "cuda"."""
    resumed: bool = False
    """Whether it goes on with an earlier run."""
    elapsed: float = 0.0
    """Seconds that the earlier run has spent."""

    @property
    @abstractmethod
    def step(self) -> int:
        """The step of what it shows now."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """The step at which the training ends, as far as is known."""

    @property
    @abstractmethod
    def seconds(self) -> float:
        """Time that was trained up to `step`."""

    @property
    def by_clock(self) -> bool:
        """Whether the time says how many steps there are."""
        return False

    @property
    def trains(self) -> bool:
        """Whether it learns while it is filmed."""
        return False

    @property
    def trains_first(self) -> bool:
        """Whether nothing is shown before the training is over."""
        return False

    def likenesses(self) -> tuple[tuple[str, float], ...]:
        """Return how well each picture of an album is known now: its name, and PSNR in dB."""
        return ()

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return what is known before anything is made, for a person or a program to read."""

    @abstractmethod
    def painting(self) -> Painting:
        """Return what the model says now."""

    @abstractmethod
    def snapshots(self, fractions: Sequence[float], direction: Direction) -> Iterator[Snapshot]:
        """Yield a snapshot at each fraction of the training.

        They are in [0, 1] and rise.
        """

    @abstractmethod
    def begin_sketch(self, frame: NDArray[np.uint8]) -> None:
        """Keep a sketch, as `Learner.begin_sketch` does."""

    @abstractmethod
    def sketch(self) -> NDArray[np.uint8]:
        """Return the sketch as it was at the newest snapshot, of the picture's size."""

    @abstractmethod
    def leave(self, error: BaseException) -> None:
        """Hear that the job ends early; what would be lost is kept."""

    @abstractmethod
    def finish(self) -> None:
        """Hear that there is a result, if only of the part before the job was left."""

    @abstractmethod
    def close(self) -> None:
        """Hear that the job is over, with or without a result."""
