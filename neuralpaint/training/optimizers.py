"""Optimizers: settings that build torch's optimizers, and how the optimizers' state is saved."""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.models.networks import ParameterGroup
from neuralpaint.runtime.state import State, merge_states, substate

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from neuralpaint.training.fused_adam import FusedAdam

__all__ = ["LBFGS", "SGD", "Adam", "AdamW", "CombinedOptimizer", "Muon", "Optimizer", "optimizers"]

Groups = Sequence[ParameterGroup]


@dataclass(frozen=True)
class Optimizer(Settings, ABC):
    """Settings from which an optimizer of parameters is built."""

    capturable: ClassVar[bool] = False
    """Whether a CUDA graph can contain its step."""

    lr: float | None = setting(
        None, "learning rate; unset, that of --lr, or one that suits the model", above=0.0,
        maximum=100,
    )  # fmt: skip

    def learning_rate(self, *, adam: float, raw: float) -> float:
        """Return this optimizer's learning rate for a model.

        `adam` is the model's rate for Adam, `raw` its rate for steps that are proportional to the
        gradient, with the usual momentum.
        """
        return adam

    @abstractmethod
    def build(self, groups: Groups) -> CombinedOptimizer:
        """Return the optimizer of `groups` of parameters.

        In its `param_groups`, "rate" is the group's multiple of the learning rate; "lr" is set
        before every step. If a CUDA graph can capture the step, "lr" is a tensor, filled in place.
        """


optimizers: Registry[Optimizer] = Registry("optimizer")


@dataclass(frozen=True)
class _Adam(Optimizer):
    capturable: ClassVar[bool] = True

    beta1: float = setting(0.9, "decay of the mean of gradients", minimum=0, maximum=0.9999)
    beta2: float = setting(0.99, "decay of the mean of their squares", minimum=0, maximum=0.99999)
    eps: float = setting(1e-8, "term that keeps the divisor above 0", above=0.0, maximum=1)

    def _build(self, groups: Groups, **options: float) -> CombinedOptimizer:
        """Return Adam, with torch's fused kernels where there are any; `options`: weight_decay."""
        import torch

        from neuralpaint.training.fused_adam import FusedAdam

        device = groups[0].parameters[0].device.type
        torch_groups = _torch_groups(groups)
        betas = self.beta1, self.beta2
        if device == "cpu":
            adam = FusedAdam(torch_groups, betas=betas, eps=self.eps, **options)
            return CombinedOptimizer({adam: _ADAM})
        on_cuda = device == "cuda"
        if on_cuda:
            for group in torch_groups:
                group["lr"] = torch.zeros((), device=device)
        kind = _optim().AdamW if options else _optim().Adam
        flags = {"fused": on_cuda, "capturable": on_cuda}
        chosen: dict[str, Any] = {"betas": betas, "eps": self.eps, **flags, **options}
        return CombinedOptimizer({kind(torch_groups, **chosen): _ADAM})


@optimizers.register("adam")
@dataclass(frozen=True)
class Adam(_Adam):
    """Adam (Kingma & Ba 2015)."""

    def build(self, groups: Groups) -> CombinedOptimizer:
        """Return Adam."""
        return self._build(groups)


@optimizers.register("adamw")
@dataclass(frozen=True)
class AdamW(_Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    weight_decay: float = setting(
        0.01,
        "share of each weight that a step subtracts, times the learning rate",
        minimum=0,
        maximum=100,
    )

    def build(self, groups: Groups) -> CombinedOptimizer:
        """Return AdamW."""
        return self._build(groups, weight_decay=self.weight_decay)


@optimizers.register("sgd")
@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent with momentum (Polyak 1964), optionally Nesterov's (1983)."""

    momentum: float = setting(
        0.9, "share of the last step that is added to the next", minimum=0, maximum=0.9999
    )
    nesterov: bool = setting(False, "use the gradient at the position after the momentum step")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and not self.momentum:
            raise UsageError("optimizer sgd: nesterov needs a momentum above 0")

    def learning_rate(self, *, adam: float, raw: float) -> float:
        """Return the rate for raw gradients."""
        return raw

    def build(self, groups: Groups) -> CombinedOptimizer:
        """Return `torch.optim.SGD`."""
        groups = [group._replace(rate=group.rate * group.raw_rate) for group in groups]
        sgd = _optim().SGD(_torch_groups(groups), momentum=self.momentum, nesterov=self.nesterov)
        arrays = ("momentum_buffer",) if self.momentum else ()
        return CombinedOptimizer({sgd: StateLayout(arrays=arrays)})


@optimizers.register("muon")
@dataclass(frozen=True)
class Muon(Optimizer):
    """Orthogonalised momentum for matrices (Jordan et al. 2024), Adam for everything else.

    It is made for GPUs: on most CPUs its bfloat16 products take longer than the rest of a step.
    """

    momentum: float = setting(
        0.95, "share of the last step that is added to the next", minimum=0, maximum=0.9999
    )
    weight_decay: float = setting(
        0.0,
        "share of each weight that a step subtracts, times the learning rate",
        minimum=0,
        maximum=100,
    )

    def build(self, groups: Groups) -> CombinedOptimizer:
        """Return `torch.optim.Muon` for weight matrices and Adam for everything else.

        The rate is scaled so that one that suits Adam suits both (Liu et al. 2025).
        """
        matrices, others = _split_matrices(groups)
        layouts: dict[torch.optim.Optimizer | FusedAdam, StateLayout] = {}
        if matrices:
            muon = _optim().Muon(
                _torch_groups(matrices), momentum=self.momentum, weight_decay=self.weight_decay,
                adjust_lr_fn="match_rms_adamw",
            )  # fmt: skip
            layouts[muon] = StateLayout(arrays=("momentum_buffer",))
        if others:
            adam = _optim().Adam(_torch_groups(others), betas=(0.9, 0.99), fused=True)
            layouts[adam] = _ADAM
        return CombinedOptimizer(layouts)


@optimizers.register("lbfgs")
@dataclass(frozen=True)
class LBFGS(Optimizer):
    """Quasi-Newton steps with a line search (Liu & Nocedal 1989), for small pictures as a whole.

    A step evaluates one batch several times, but estimates the curvature from earlier batches. So
    set --batch to the size of the whole picture, and --ema 0.
    """

    history: int = setting(
        20, "past steps from which the curvature is estimated", minimum=1, maximum=1000
    )
    evaluations: int = setting(5, "iterations on each batch", minimum=1, maximum=100)

    def learning_rate(self, *, adam: float, raw: float) -> float:
        """Return 1: the line search determines the length of a step."""
        return 1.0

    def build(self, groups: Groups) -> CombinedOptimizer:
        """Return `torch.optim.LBFGS`, which has one group and so the same rate for all."""
        everything = [parameter for group in groups for parameter in group.parameters]
        lbfgs = _optim().LBFGS(
            _torch_groups([ParameterGroup(everything)]), history_size=self.history,
            max_iter=self.evaluations, line_search_fn="strong_wolfe",
            # The mean over many pixels has small gradients long before it is at its minimum.
            tolerance_grad=0.0, tolerance_change=0.0,
        )  # fmt: skip
        layout = StateLayout(
            numbers=("n_iter", "t", "H_diag", "prev_loss"),
            arrays=("d", "prev_flat_grad"),
            lists=("old_dirs", "old_stps", "ro"),
            flat=True,
        )
        return CombinedOptimizer({lbfgs: layout})


_SMALLEST = 8  # rows and columns: smaller matrices gain nothing from Muon


def _split_matrices(groups: Groups) -> tuple[list[ParameterGroup], list[ParameterGroup]]:
    """Return the weight matrices and all other parameters, each in a separate group."""
    matrices: list[ParameterGroup] = []
    others: list[ParameterGroup] = []
    for group in groups:
        for parameter in group.parameters:
            multiplies = parameter.ndim == 2 and not group.is_table
            kind = matrices if multiplies and min(parameter.shape) >= _SMALLEST else others
            kind.append(group._replace(parameters=[parameter]))
    return matrices, others


def _optim() -> ModuleType:
    """Return `torch.optim`, whose optimizers import torch's compiler.

    That needs a folder for its cache, although nothing is compiled: without one for temporary
    files, any folder will do.
    """
    import torch

    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.sep)
    return torch.optim


def _torch_groups(groups: Groups) -> list[dict[str, Any]]:
    return [{"params": list(group.parameters), "rate": group.rate, "lr": 0.0} for group in groups]


@dataclass(frozen=True)
class StateLayout:
    """The names of the entries in a torch optimizer's state on which its next step depends.

    The entries exist for each parameter or, if `flat`, once for all parameters as one vector.
    """

    numbers: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()  # of the parameter's or the vector's shape
    lists: tuple[str, ...] = ()  # of such arrays or of numbers
    flat: bool = False

    def shapes(self, optimizer: torch.optim.Optimizer | FusedAdam) -> list[tuple[int, ...]]:
        """Return the shape of the arrays for each parameter, or of the one vector."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        if self.flat:
            return [(sum(p.numel() for p in parameters),)]
        return [tuple(p.shape) for p in parameters]

    def read(self, entries: Mapping[str, Any]) -> State:
        """Return torch's entries for one parameter; nothing before its first step."""
        names = [*self.numbers, *self.arrays, *self.lists]
        return {n: _to_array(entries[n]) for n in names} if set(names) <= entries.keys() else {}

    def write(self, state: State) -> dict[str, Any]:
        """Return the state of one parameter as torch's entries.

        Every tensor is a copy with its own memory: its alignment affects the rounding of sums.
        """
        entries: dict[str, Any] = {n: _to_torch(state[n]) for n in (*self.numbers, *self.arrays)}
        return entries | {n: [_to_torch(row) for row in state[n]] for n in self.lists}

    def form(self, state: State, *, shape: tuple[int, ...]) -> State:
        """Return arrays with the names, types and shapes that `state` must have.

        A number may have any of torch's types for it, and a list any length.
        """
        missing = np.zeros(())
        form: State = {name: np.zeros(shape, np.float32) for name in self.arrays}
        for name in self.numbers:
            kind = state.get(name, missing).dtype
            form[name] = np.zeros((), kind if kind in (np.float32, np.int64) else np.float64)
        for name in self.lists:
            given = state.get(name, missing)
            entry = shape if given.ndim > 1 else ()
            form[name] = np.zeros((len(given) if given.ndim else 0, *entry), np.float32)
        return form


class CombinedOptimizer:
    """Several optimizers, each for some of the parameters, used as one."""

    def __init__(self, layouts: Mapping[torch.optim.Optimizer | FusedAdam, StateLayout]) -> None:
        self._layouts = layouts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups; the "lr" of each is set before every step."""
        return [group for optimizer in self._layouts for group in optimizer.param_groups]

    def tensors(self) -> list[Tensor]:
        """Return the tensors of the state, which exist from the first step on."""
        import torch

        states = (optimizer.state_dict()["state"].values() for optimizer in self._layouts)
        values = (value for each in states for entries in each for value in entries.values())
        return [value for value in values if isinstance(value, torch.Tensor)]

    def zero_grad(self) -> None:
        """Clear the gradients."""
        for optimizer in self._layouts:
            optimizer.zero_grad()

    def step(self, closure: Callable[[], Any]) -> Any:
        """Update the parameters; `closure` sets their gradients and returns the loss."""
        if len(self._layouts) == 1:  # L-BFGS calls the closure several times
            return next(iter(self._layouts)).step(closure)
        loss = closure()
        for optimizer in self._layouts:
            optimizer.step(lambda: loss)
        return loss

    def state(self) -> State:
        """Return everything on which the next step depends, except for the groups."""
        parts: dict[str, State] = {}
        for i, (optimizer, layout) in enumerate(self._layouts.items()):
            entries = optimizer.state_dict()["state"]
            arrays = {str(number): layout.read(entries[number]) for number in entries}
            parts[str(i)] = {"moved": np.array(any(arrays.values()))} | merge_states(arrays)
        return merge_states(parts)

    def form(self, state: State) -> State:
        """Return arrays with the names, types and shapes that `state` must have to fit."""
        parts: dict[str, State] = {}
        for i, (optimizer, layout) in enumerate(self._layouts.items()):
            own = substate(state, str(i))
            shapes = layout.shapes(optimizer) if np.any(own.get("moved", False)) else []
            forms = {
                str(number): layout.form(substate(own, str(number)), shape=shape)
                for number, shape in enumerate(shapes)
            }
            parts[str(i)] = {"moved": np.array(True)} | merge_states(forms)
        return merge_states(parts)

    def restore(self, state: State) -> None:
        """Continue from a `state` of the right form. Must be called before the first step."""
        for i, (optimizer, layout) in enumerate(self._layouts.items()):
            own = substate(state, str(i))
            count = len(layout.shapes(optimizer)) if own["moved"] else 0
            entries = {number: layout.write(substate(own, str(number))) for number in range(count)}
            optimizer.load_state_dict(optimizer.state_dict() | {"state": entries})


def _to_array(value: Any) -> NDArray[Any]:
    """Return a tensor, a list of tensors or a number as a new array."""
    if isinstance(value, list):
        return np.stack([_to_array(row) for row in value]) if value else np.empty(0, np.float32)
    return np.array(value) if isinstance(value, (int, float)) else value.numpy(force=True).copy()


def _to_torch(array: NDArray[Any]) -> Tensor | float:
    """Return a tensor, or a Python number: torch's own 0-d tensors are float32."""
    import torch

    return array.item() if array.ndim == 0 and array.dtype != np.float32 else torch.tensor(array)


_ADAM = StateLayout(numbers=("step",), arrays=("exp_avg", "exp_avg_sq"))
