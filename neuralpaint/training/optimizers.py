"""Optimizers: how a gradient moves the weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.models.networks import ParameterGroup
from neuralpaint.training.movers import Memory, Mover

__all__ = [
    "LBFGS",
    "SGD",
    "Adam",
    "AdamW",
    "Groups",
    "Muon",
    "Optimizer",
    "optimizers",
]


Groups = Sequence[ParameterGroup]


@dataclass(frozen=True)
class Optimizer(Settings, ABC):
    """Settings from which the optimizer of some parameters is built."""

    capturable: ClassVar[bool] = False
    """Whether a CUDA graph can hold its step."""

    lr: float | None = setting(
        None, "learning rate; unset, --lr, and else one that suits the model", above=0.0,
        maximum=100,
    )  # fmt: skip

    def learning_rate(self, *, adam: float, raw: float) -> float:
        """Return the rate that suits a model for which `adam` suits Adam.

        `raw` suits moves as long as the gradient, with as much momentum as is usual.
        """
        return adam

    @abstractmethod
    def build(self, groups: Groups) -> Mover:
        """Return what moves `groups` of parameters, each with its multiple of the rate.

        The multiple becomes the group's "rate"; its "lr" is set before every step. On CUDA that is
        a tensor to be filled where a graph of the step can be captured.
        """


optimizers: Registry[Optimizer] = Registry("optimizer")


_ADAM = Memory(numbers=("step",), arrays=("exp_avg", "exp_avg_sq"))


@dataclass(frozen=True)
class _Adam(Optimizer):
    capturable: ClassVar[bool] = True

    beta1: float = setting(0.9, "decay of the mean of gradients", minimum=0, maximum=0.9999)
    beta2: float = setting(0.99, "decay of the mean of their squares", minimum=0, maximum=0.99999)
    eps: float = setting(1e-8, "keeps the division finite", above=0.0, maximum=1)

    def _options(self, groups: Groups) -> dict[str, Any]:
        """Return the options of torch's Adam, one fused kernel per parameter where there is one."""
        import torch

        device = _device(groups)
        tables = _tables(groups)
        if device == "cuda":
            for table in tables:
                table["lr"] = torch.zeros((), device=device)
        return {
            "params": tables,
            "betas": (self.beta1, self.beta2),
            "eps": self.eps,
            "fused": device in ("cpu", "cuda"),
            "capturable": device == "cuda",
        }


@optimizers.register("adam")
@dataclass(frozen=True)
class Adam(_Adam):
    """Adam (Kingma & Ba 2015)."""

    def build(self, groups: Groups) -> Mover:
        """Return `torch.optim.Adam`."""
        import torch

        return Mover({torch.optim.Adam(**self._options(groups)): _ADAM})


@optimizers.register("adamw")
@dataclass(frozen=True)
class AdamW(_Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    weight_decay: float = setting(
        0.01, "part of each weight taken off, times the learning rate", minimum=0, maximum=100
    )

    def build(self, groups: Groups) -> Mover:
        """Return `torch.optim.AdamW`."""
        import torch

        adamw = torch.optim.AdamW(**self._options(groups), weight_decay=self.weight_decay)
        return Mover({adamw: _ADAM})


@optimizers.register("sgd")
@dataclass(frozen=True)
class SGD(Optimizer):
    """Plain descent, with momentum (Polyak 1964), which may look ahead (Nesterov 1983)."""

    momentum: float = setting(0.9, "what is kept of the last move", minimum=0, maximum=0.9999)
    nesterov: bool = setting(False, "take the gradient where the momentum leads")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and not self.momentum:
            raise UsageError("optimizer sgd: nesterov needs a momentum above 0")

    def learning_rate(self, *, adam: float, raw: float) -> float:
        """Return the rate for raw gradients."""
        return raw

    def build(self, groups: Groups) -> Mover:
        """Return `torch.optim.SGD`."""
        import torch

        groups = [group._replace(rate=group.rate * group.raw_rate) for group in groups]
        sgd = torch.optim.SGD(_tables(groups), momentum=self.momentum, nesterov=self.nesterov)
        return Mover({sgd: Memory(arrays=("momentum_buffer",) if self.momentum else ())})


@optimizers.register("muon")
@dataclass(frozen=True)
class Muon(Optimizer):
    """Matrices move by their orthogonalised momentum (Jordan et al. 2024), the rest by Adam.

    It is made for GPUs: its bfloat16 products take most CPUs far longer than the rest of a step.
    """

    momentum: float = setting(0.95, "what is kept of the last move", minimum=0, maximum=0.9999)
    weight_decay: float = setting(
        0.0, "part of each weight taken off, times the learning rate", minimum=0, maximum=100
    )

    def build(self, groups: Groups) -> Mover:
        """Return `torch.optim.Muon` for weight matrices beside Adam for everything else.

        The rate is scaled so that one that suits Adam suits both (Liu et al. 2025).
        """
        import torch

        matrices, others = _sorted(groups)
        parts: dict[torch.optim.Optimizer, Memory] = {}
        if matrices:
            muon = torch.optim.Muon(
                _tables(matrices), momentum=self.momentum, weight_decay=self.weight_decay,
                adjust_lr_fn="match_rms_adamw",
            )  # fmt: skip
            parts[muon] = Memory(arrays=("momentum_buffer",))
        if others:
            adam = torch.optim.Adam(_tables(others), betas=(0.9, 0.99), fused=True)
            parts[adam] = _ADAM
        return Mover(parts)


@optimizers.register("lbfgs")
@dataclass(frozen=True)
class LBFGS(Optimizer):
    """Quasi-Newton steps with a line search (Liu & Nocedal 1989): for small pictures learnt whole.

    A step evaluates one batch several times, and its memory of curvature is of the batches before:
    give --batch the whole picture, and --ema 0.
    """

    history: int = setting(20, "past steps that tell of the curvature", minimum=1, maximum=1000)
    evaluations: int = setting(5, "iterations on each batch", minimum=1, maximum=100)

    def learning_rate(self, *, adam: float, raw: float) -> float:
        """Return 1: the line search finds the length of a step."""
        return 1.0

    def build(self, groups: Groups) -> Mover:
        """Return `torch.optim.LBFGS`, which knows one group, and so one rate, only."""
        import torch

        everything = [parameter for group in groups for parameter in group.parameters]
        lbfgs = torch.optim.LBFGS(
            _tables([ParameterGroup(everything)]), history_size=self.history,
            max_iter=self.evaluations,
            line_search_fn="strong_wolfe",
            # A mean over many pixels has small gradients long before there is nothing to gain.
            tolerance_grad=0.0, tolerance_change=0.0,
        )  # fmt: skip
        memory = Memory(
            numbers=("n_iter", "t", "H_diag", "prev_loss"),
            arrays=("d", "prev_flat_grad"),
            lists=("old_dirs", "old_stps", "ro"),
            flat=True,
        )
        return Mover({lbfgs: memory})


_SMALLEST = 8  # rows and columns: with fewer, a matrix has no spectrum to balance


def _sorted(groups: Groups) -> tuple[list[ParameterGroup], list[ParameterGroup]]:
    """Return the matrices that multiply something, and everything else."""
    matrices: list[ParameterGroup] = []
    others: list[ParameterGroup] = []
    for group in groups:
        for parameter in group.parameters:
            multiplies = parameter.ndim == 2 and not group.is_table
            kind = matrices if multiplies and min(parameter.shape) >= _SMALLEST else others
            kind.append(group._replace(parameters=[parameter]))
    return matrices, others


def _tables(groups: Groups) -> list[dict[str, Any]]:
    """Return groups as torch takes them; the rate is set before every step."""
    return [{"params": list(group.parameters), "rate": group.rate, "lr": 0.0} for group in groups]


def _device(groups: Groups) -> str:
    return groups[0].parameters[0].device.type
