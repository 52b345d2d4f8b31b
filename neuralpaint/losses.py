"""Losses: how far the predicted colours are from the target's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuralpaint.registry import Registry
from neuralpaint.settings import Settings, setting

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["L1", "MSE", "Huber", "Loss", "losses"]


@dataclass(frozen=True)
class Loss(Settings, ABC):
    """A mean over pixels and channels of some distance between two colours."""

    @abstractmethod
    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the scalar loss of predicted against target colours, both (..., 3) in [0, 1]."""


losses: Registry[Loss] = Registry("loss")


@losses.register("mse")
@dataclass(frozen=True)
class MSE(Loss):
    """Mean squared error: minimising it maximises PSNR."""

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return mean((prediction - target)^2)."""
        return (prediction - target).square().mean()


@losses.register("l1")
@dataclass(frozen=True)
class L1(Loss):
    """Mean absolute error: keeps edges a little crisper and forgives outliers."""

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return mean(|prediction - target|)."""
        return (prediction - target).abs().mean()


@losses.register("huber")
@dataclass(frozen=True)
class Huber(Loss):
    """Squared near zero, absolute beyond delta (Huber 1964)."""

    delta: float = setting(0.1, "error at which the square becomes a line", above=0.0, maximum=1)

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the mean of e^2 / 2 where |e| <= delta, of delta (|e| - delta / 2) elsewhere."""
        error = (prediction - target).abs()
        near = error.clamp(max=self.delta)
        return (near * (error - near / 2)).mean()
