"""Losses: how far the predicted colours are from the target's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LEAST_WEIGHT", "MAE", "MSE", "SSIM", "Charbonnier", "Huber", "Loss", "losses"]

LEAST_WEIGHT = 1e-12
"""By which is divided where nothing in a batch counts."""


@dataclass(frozen=True)
class Loss(Settings, ABC):
    """A mean over pixels and channels of some distance between two colours."""

    pixelwise: ClassVar[bool] = True
    """Whether a pixel's share of the loss depends on that pixel alone."""

    @abstractmethod
    def __call__(
        self, prediction: Tensor, target: Tensor, *, weights: Tensor | None = None
    ) -> Tensor:
        """Return the scalar loss of predicted against target colours, both (..., 3) in [0, 1].

        With `weights` (...), from 0, how much each pixel counts, it is their weighted mean.
        """


class _Pixelwise(Loss):
    """The mean of what every pixel has by itself."""

    @abstractmethod
    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return how far apart the colours (..., 3) are, entry by entry."""

    def __call__(
        self, prediction: Tensor, target: Tensor, *, weights: Tensor | None = None
    ) -> Tensor:
        """Return mean(distance), or sum(w distance) / (3 sum(w))."""
        return _mean(self.distance(prediction, target), weights)


losses: Registry[Loss] = Registry("loss")


@losses.register("mse")
@dataclass(frozen=True)
class MSE(_Pixelwise):
    """Mean squared error: minimising it maximises PSNR."""

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return (prediction - target)^2."""
        return (prediction - target).square()


@losses.register("mae", aliases=("l1",))
@dataclass(frozen=True)
class MAE(_Pixelwise):
    """Mean absolute error: keeps edges a little crisper and forgives outliers."""

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return |prediction - target|."""
        return (prediction - target).abs()


@losses.register("huber")
@dataclass(frozen=True)
class Huber(_Pixelwise):
    """Squared near zero, absolute beyond delta (Huber 1964)."""

    delta: float = setting(0.1, "error at which the square becomes a line", above=0.0, maximum=1)

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return e^2 / 2 where |e| <= delta, and delta (|e| - delta / 2) elsewhere."""
        error = (prediction - target).abs()
        near = error.clamp(max=self.delta)
        return near * (error - near / 2)


@losses.register("charbonnier")
@dataclass(frozen=True)
class Charbonnier(_Pixelwise):
    """Absolute but round at zero, so that the gradient never jumps (Charbonnier et al. 1994)."""

    eps: float = setting(0.01, "error at which the line becomes a curve", above=0.0, maximum=1)

    def distance(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return sqrt(e^2 + eps^2) - eps."""
        error = prediction - target
        return (error.square() + self.eps**2).sqrt() - self.eps


@losses.register("ssim")
@dataclass(frozen=True)
class SSIM(Loss):
    """Squared error mixed with structural dissimilarity (Wang et al. 2004).

    A batch holds every few rows and columns of the picture: structure is that of the picture
    scaled down so far, in windows of 7 x 7, or of the whole batch where it is smaller.
    """

    mix: float = setting(0.5, "share of the structural part", minimum=0, maximum=1)

    pixelwise: ClassVar[bool] = False

    def __call__(
        self, prediction: Tensor, target: Tensor, *, weights: Tensor | None = None
    ) -> Tensor:
        """Return (1 - mix) mean(e^2) + mix (1 - SSIM) / 2 of colours (h, w, 3).

        With weights both means are weighted, and where they are 0 the windows see what was
        predicted: there it has no structure to follow.
        """
        if weights is not None:
            target = target.where((weights > 0)[..., None], prediction.detach())
        error = _mean((prediction - target).square(), weights)
        similar = _ssim(prediction, target, weights)
        return (1 - self.mix) * error + self.mix * (1 - similar) / 2


_WINDOW = 7
_STABLE = 0.01**2, 0.03**2  # C1 and C2 of the paper, for colours in [0, 1]


def _mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean of values (..., 3), each pixel's by its weight (...); 0 where none counts."""
    if weights is None:
        return values.mean()
    total = values.shape[-1] * weights.sum()
    return (values * weights[..., None]).sum() / total.clamp(min=LEAST_WEIGHT)


def _ssim(a: Tensor, b: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean structural similarity of (h, w, 3) in uniform windows.

    With weights (h, w) that of each window counts as much as its pixels do; 1 where none does.
    """
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
    if weights is None:
        return quality.mean()
    counts = avg_pool2d(weights[None, None], size, stride=1)[0, 0]
    return 1 - _mean(1 - quality.permute(1, 2, 0), counts)
