"""Adam on the CPU, with the kernel and the results of `torch.optim.Adam(fused=True)`.

Torch's own optimizers import its compiler when they are first used. That takes a second, as long as
importing the rest of torch, and needs a folder for temporary files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

__all__ = ["FusedAdam"]


class FusedAdam:
    """Adam (Kingma & Ba 2015) or, with a weight decay, AdamW (Loshchilov & Hutter 2019)."""

    def __init__(
        self,
        params: list[dict[str, Any]],
        *,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float | None = None,
    ) -> None:
        """Take groups of parameters, each with its "params" and its learning rate "lr"."""
        self.param_groups = params
        self._betas, self._eps, self._decay = betas, eps, weight_decay
        self._state: dict[Tensor, dict[str, Tensor]] = {}  # of the parameters that have moved

    def zero_grad(self) -> None:
        """Clear the gradients."""
        for parameter in self._parameters():
            parameter.grad = None

    def step(self, closure: Callable[[], Any]) -> Any:
        """Update the parameters; `closure` sets their gradients and returns the loss."""
        loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                self._update(group)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return {"state": ...}, the entries of each parameter by its number, as torch does."""
        numbered = enumerate(self._parameters())
        return {"state": {i: self._state[p] for i, p in numbered if p in self._state}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from the state of another one with the same parameters."""
        parameters = list(self._parameters())
        self._state = {parameters[i]: entries for i, entries in state_dict["state"].items()}

    def _parameters(self) -> list[Tensor]:
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def _update(self, group: Mapping[str, Any]) -> None:
        moving = [parameter for parameter in group["params"] if parameter.grad is not None]
        if not moving:  # the kernels refuse an empty list
            return
        entries = [self._entries(parameter) for parameter in moving]
        steps = [each["step"] for each in entries]
        torch._foreach_add_(steps, 1)
        update = torch._fused_adam_ if self._decay is None else torch._fused_adamw_
        update(
            moving,
            [parameter.grad for parameter in moving],
            [each["exp_avg"] for each in entries],
            [each["exp_avg_sq"] for each in entries],
            [],
            steps,
            lr=group["lr"],
            beta1=self._betas[0],
            beta2=self._betas[1],
            weight_decay=self._decay or 0.0,
            eps=self._eps,
            amsgrad=False,
            maximize=False,
        )

    def _entries(self, parameter: Tensor) -> dict[str, Tensor]:
        if parameter not in self._state:
            self._state[parameter] = {
                "step": torch.zeros(()),
                "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
                "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
            }
        return self._state[parameter]
