"""Optimizers: how a gradient moves the weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

        The multiple becomes the group's "rate"; its "lr" is set before every step. On CUDA that is
        a tensor to be filled, so that a graph of the step can be captured.
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
        import torch

        device = groups[0][0][0].device
        options: list[dict[str, Any]] = [
            {"params": list(params), "rate": rate, "lr": 0.0} for params, rate in groups
        ]
        if device.type == "cuda":
            for group in options:
                group["lr"] = torch.zeros((), device=device)
        return torch.optim.Adam(
            options,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
            fused=device.type in ("cpu", "cuda"),
            capturable=device.type == "cuda",
        )
