"""Losses: how far the predicted colours are from the target's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neuralpaint.registry import Registry
from neuralpaint.settings import Settings, setting

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MAE", "MSE", "SSIM", "Charbonnier", "Huber", "Loss", "losses"]


@dataclass(frozen=True)
class Loss(Settings, ABC):
    """A mean over pixels and channels of some distance between two colours."""

    pixelwise: ClassVar[bool] = True
    """Whether a pixel's share of the loss depends on that pixel alone."""

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


@losses.register("mae", also=("l1",))
@dataclass(frozen=True)
class MAE(Loss):
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


@losses.register("charbonnier")
@dataclass(frozen=True)
class Charbonnier(Loss):
    """Absolute but round at zero, so that the gradient never jumps (Charbonnier et al. 1994)."""

    eps: float = setting(0.01, "error at which the line becomes a curve", above=0.0, maximum=1)

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return mean(sqrt(e^2 + eps^2) - eps)."""
        error = prediction - target
        return (error.square() + self.eps**2).sqrt().mean() - self.eps


@losses.register("ssim")
@dataclass(frozen=True)
class SSIM(Loss):
    """Squared error mixed with structural dissimilarity (Wang et al. 2004).

    A batch holds every few rows and columns of the picture: structure is that of the picture
    scaled down so far, in windows of 7 x 7, or of the whole batch where it is smaller.
    """

    mix: float = setting(0.5, "share of the structural part", minimum=0, maximum=1)

    pixelwise: ClassVar[bool] = False

    def __call__(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return (1 - mix) mean(e^2) + mix (1 - SSIM) / 2 of colours (h, w, 3)."""
        error = (prediction - target).square().mean()
        return (1 - self.mix) * error + self.mix * (1 - _ssim(prediction, target)) / 2


_WINDOW = 7
_STABLE = 0.01**2, 0.03**2  # C1 and C2 of the paper, for colours in [0, 1]


def _ssim(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean structural similarity of (h, w, 3) in uniform windows."""
    import torch
    from torch.nn.functional import avg_pool2d

    size = [min(_WINDOW, side) for side in a.shape[:2]]
    pair = torch.stack([a, b, a * a, b * b, a * b]).permute(0, 3, 1, 2)  # (5, 3, h, w)
    mean_a, mean_b, square_a, square_b, product = avg_pool2d(pair, size, stride=1)
    both, squares = mean_a * mean_b, mean_a.square() + mean_b.square()
    c1, c2 = _STABLE
    covariance, variances = product - both, square_a + square_b - squares
    similar = (2 * both + c1) * (2 * covariance + c2)
    quality: Tensor = similar / ((squares + c1) * (variances + c2))
    return quality.mean()
