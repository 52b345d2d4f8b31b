"""What every network answers beside its signal: where features enter, and what follows from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from torch import Tensor, nn

__all__ = ["Network"]


class Network(nn.Module, ABC):
    """Turns the parts of a feature vector into a signal of 3 channels.

    A layer's input term is what it makes of the features alone, with its bias; what earlier layers
    say is added to it.
    """

    @abstractmethod
    def input_layers(self) -> list[nn.Linear]:
        """Return the layers that see the features, which meet the last columns of their weights."""

    @abstractmethod
    def forward_terms(self, terms: Iterable[Tensor]) -> Tensor:
        """Return the signal (n, 3) of the input terms (n, units) of those layers, in their order.

        Each term is taken when its layer's turn comes, and may be overwritten.
        """
