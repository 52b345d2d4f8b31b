"""Losses: the distance of the predicted colours from the target's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "LEAST_WEIGHT",
    "MAE",
    "MSE",
    "SSIM",
    "Charbonnier",
    "Huber",
    "Loss",
    "PixelwiseLoss",
    "losses",
]

LEAST_WEIGHT = 1e-12
"""Lower bound of the sum of weights by which a loss is divided; the sum can be 0 in a batch."""


@dataclass(frozen=True)
class Loss(Settings, ABC):
    """A measure of the distance between predicted colours and those of the target.

    A loss whose terms are computed for each pixel alone subclasses `PixelwiseLoss`: its batch can
    then be split among CPU threads.
    """

    pixelwise: ClassVar[bool] = False
    """Whether a pixel's term in the loss depends on that pixel alone."""

    @abstractmethod
    def __call__(
        self, prediction: Tensor, target: Tensor, *, weights: Tensor | None = None
    ) -> Tensor:
        """Return the scalar loss of predicted against target colours, both (..., 3) in [0, 1].

        With `weights` (...), at least 0, it is a weighted mean over the pixels.
        """


class PixelwiseLoss(Loss):
    """The mean of a distance that is computed for each pixel independently."""

    pixelwise: ClassVar[bool] = True

    @abstractmethod
    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the distance of the colours (..., 3), entry by entry."""

    def __call__(
        self, prediction: Tensor, target: Tensor, *, weights: Tensor | None = None
    ) -> Tensor:
        """Return mean(distance), or sum(w distance) / (3 sum(w))."""
        return _mean(self.distance(prediction, target), weights)


losses: Registry[Loss] = Registry("loss")


@losses.register("mse")
@dataclass(frozen=True)
class MSE(PixelwiseLoss):
    """Mean squared error: minimising it maximises PSNR."""

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return (prediction - target)^2."""
        return (prediction - target).square()


@losses.register("mae", aliases=("l1",))
@dataclass(frozen=True)
class MAE(PixelwiseLoss):
    """Mean absolute error: edges are a little sharper, outliers have less influence."""

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return |prediction - target|."""
        return (prediction - target).abs()


@losses.register("huber")
@dataclass(frozen=True)
class Huber(PixelwiseLoss):
    """Squared near zero, absolute beyond delta (Huber 1964)."""

    delta: float = setting(0.1, "error above which it is linear", above=0.0, maximum=1)

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return e^2 / 2 where |e| <= delta, and delta (|e| - delta / 2) elsewhere."""
        error = (prediction - target).abs()
        near = error.clamp(max=self.delta)
        return near * (error - near / 2)


@losses.register("charbonnier")
@dataclass(frozen=True)
class Charbonnier(PixelwiseLoss):
    """Absolute but smooth at zero, so that the gradient is continuous (Charbonnier et al. 1994)."""

    eps: float = setting(0.01, "error below which it is quadratic", above=0.0, maximum=1)

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return sqrt(e^2 + eps^2) - eps."""
        error = prediction - target
        return (error.square() + self.eps**2).sqrt() - self.eps


@losses.register("ssim")
@dataclass(frozen=True)
class SSIM(Loss):
    """Squared error mixed with structural dissimilarity (Wang et al. 2004).

    A batch consists of every n-th row and column of the picture, so the structure of the picture is
    compared at this reduced size, in windows of 7 x 7, or of the whole batch if it is smaller.
    """

    mix: float = setting(0.5, "weight of the structural part", minimum=0, maximum=1)

    def __call__(
        self, prediction: Tensor, target: Tensor, *, weights: Tensor | None = None
    ) -> Tensor:
        """Return (1 - mix) mean(e^2) + mix (1 - SSIM) / 2 of colours (h, w, 3).

        With weights both means are weighted. Where a weight is 0, the target is replaced by the
        prediction, so that these pixels do not affect the structure in the windows.
        """
        if weights is not None:
            target = target.where((weights > 0)[..., None], prediction.detach())
        error = _mean((prediction - target).square(), weights)
        similar = _ssim(prediction, target, weights)
        return (1 - self.mix) * error + self.mix * (1 - similar) / 2


_WINDOW = 7
_STABLE = 0.01**2, 0.03**2  # C1 and C2 of the paper, for colours in [0, 1]


def _mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean of values (..., 3), weighted by (...); 0 if all weights are 0."""
    if weights is None:
        return values.mean()
    total = values.shape[-1] * weights.sum()
    return (values * weights[..., None]).sum() / total.clamp(min=LEAST_WEIGHT)


def _ssim(a: Tensor, b: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean structural similarity of (h, w, 3) in uniform windows.

    With weights (h, w), a window has the mean weight of its pixels. It is 1 if all weights are 0.
    """
    import torch
    from torch.nn.functional import avg_pool2d

    size = [min(_WINDOW, side) for side in a.shape[:2]]
    images = torch.stack([a, b, a * a, b * b, a * b]).permute(0, 3, 1, 2)  # (5, 3, h, w)
    mean_a, mean_b, square_a, square_b, product = avg_pool2d(images, size, stride=1)
    both, squares = mean_a * mean_b, mean_a.square() + mean_b.square()
    c1, c2 = _STABLE
    covariance, variances = product - both, square_a + square_b - squares
    numerator = (2 * both + c1) * (2 * covariance + c2)
    quality: Tensor = numerator / ((squares + c1) * (variances + c2))
    if weights is None:
        return quality.mean()
    window_weights = avg_pool2d(weights[None, None], size, stride=1)[0, 0]
    return 1 - _mean(1 - quality.permute(1, 2, 0), window_weights)
