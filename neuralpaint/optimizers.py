"""Optimizers: how a gradient moves the weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuralpaint.registry import Registry
from neuralpaint.settings import Settings, setting

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer as TorchOptimizer

__all__ = ["Adam", "Optimizer", "optimizers"]


@dataclass(frozen=True)
class Optimizer(Settings, ABC):
    """Settings from which the optimizer of some parameters is built."""

    lr: float | None = setting(
        None, "learning rate; unset, --lr, and else the model's own", above=0.0, maximum=100
    )

    @abstractmethod
    def build(self, groups: Sequence[tuple[Sequence[Tensor], float]]) -> TorchOptimizer:
        """Return the torch optimizer of `groups` of parameters, each with its multiple of the rate.

        The multiple becomes the group's "rate"; its "lr" is set before every step.
        """


optimizers: Registry[Optimizer] = Registry("optimizer")


@optimizers.register("adam")
@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma & Ba 2015)."""

    beta1: float = setting(0.9, "decay of the mean of gradients", minimum=0, maximum=0.9999)
    beta2: float = setting(0.99, "decay of the mean of their squares", minimum=0, maximum=0.99999)
    eps: float = setting(1e-8, "keeps the division finite", above=0.0, maximum=1)

    def build(self, groups: Sequence[tuple[Sequence[Tensor], float]]) -> TorchOptimizer:
        """Return `torch.optim.Adam`, one fused kernel per parameter where the device has it."""
        from torch.optim import Adam as TorchAdam

        fused = all(p.device.type in ("cpu", "cuda") for params, _ in groups for p in params)
        options = [{"params": list(params), "rate": rate} for params, rate in groups]
        betas = (self.beta1, self.beta2)
        return TorchAdam(options, betas=betas, eps=self.eps, fused=fused)
