"""A viewer: looks at a network while it learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuralpaint.training.learner import Learner

__all__ = ["Viewer"]


class Viewer:
    """Visits a learner between its steps. This base class visits seldom and changes nothing.

    A subclass may render what has been learned, make the training wait, or change the learner's
    rate and length.
    """

    def interval(self) -> float:
        """Return after how many seconds of training to call `visit` again."""
        return 0.5

    def visit(self, learner: Learner, *, name: str = "") -> bool:
        """Look at a learner, which is between two steps.

        Args:
            learner: what trains.
            name: of this training, if there are several one after another.

        Returns:
            Whether the training has to wait. Then `visit` is called again at once, and it may block
            for a moment.

        Raises:
            KeyboardInterrupt: the training is to end here.
        """
        return False
