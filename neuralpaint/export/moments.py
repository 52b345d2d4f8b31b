"""What is exported: the moments of a take, one of them, or a painting alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuralpaint.errors import UsageError
from neuralpaint.training.learning import Snapshot

if TYPE_CHECKING:
    from neuralpaint.image.pictures import Picture
    from neuralpaint.models.painting import Painting
    from neuralpaint.storage.take import Take

__all__ = ["Moments"]


@dataclass(frozen=True)
class Moments:
    """Snapshots of one training, in the order of their steps."""

    snapshots: Sequence[Snapshot]
    clip: Sequence[int]
    """Index of the snapshot for each frame of the clip, in ascending order."""
    pictures: Callable[[], Sequence[Picture]]
    """Returns the pictures that were learned; none if only a painting is known."""
    has_steps: bool = True
    """Whether the steps of the snapshots are known."""

    @classmethod
    def of_painting(cls, painting: Painting) -> Moments:
        """Return the one moment of a painting."""
        return cls([Snapshot(0, 0.0, math.nan, painting)], [0], tuple, has_steps=False)

    @classmethod
    def of_take(cls, take: Take, *, fraction: float | None = None) -> Moments:
        """Return all moments of a take, or the one at a fraction of its training.

        Raises:
            UsageError: the take has no snapshots.
            SavedError: a snapshot is damaged.
        """
        last = take.at(math.inf).step  # raises if the take has no snapshots
        if fraction is not None:
            return cls([take.at(last * fraction)], [0], lambda: take.pictures)
        clip = range(len(take)) if take.shown is None else sorted(take.shown)
        return cls(take, clip, lambda: take.pictures)

    @property
    def painting(self) -> Painting:
        """The painting of the last moment.

        Raises:
            UsageError: there is no moment.
        """
        if not self.snapshots:
            raise UsageError("there is no moment to export")
        return self.snapshots[-1].painting
