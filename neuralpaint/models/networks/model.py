"""What a learner and a painting ask of a model, whatever it is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from neuralpaint.training.optimizers import Group

__all__ = ["ColourModel"]


class ColourModel(nn.Module, ABC):
    """f(x, y) -> (r, g, b), or f(x, y, code) where it learns several pictures."""

    @property
    @abstractmethod
    def in_parts(self) -> bool:
        """Whether rows of a batch may be learned by several threads side by side."""

    @abstractmethod
    def groups(self) -> list[Group]:
        """Return what is learned, in groups."""

    @abstractmethod
    def pace(self, progress: float) -> None:
        """Hear how far the training has come, in [0, 1]."""

    @abstractmethod
    def forward(self, x: Tensor, y: Tensor, code: Tensor | None = None) -> Tensor:
        """Return the colours at x and y.

        Args:
            x: float32 of any shape that broadcasts with `y`. A row (1, w) and a column (h, 1) make
                a grid; two (n,) make points.
            y: likewise.
            code: float32 (..., k), whose leading shape broadcasts with those; None where a single
                picture is learned.

        Returns:
            Colours in [0, 1], of the broadcast shape and 3 channels: (h, w, 3) or (n, 3).
        """
