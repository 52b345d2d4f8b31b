"""One training step, fast on each device: rows in parallel on CPUs, recorded graphs on CUDA.

On a CPU, threads compute the gradients of some rows of a batch each. On CUDA a step is some hundred
small kernels, and launching one takes the host longer than the GPU needs to run it, so a step is
recorded as a graph for each shape of batch and launched as a whole. A graph repeats what was
recorded, with the same addresses and numbers. So everything that changes from step to step is in
tensors that are overwritten in place: learning rates, the weight of the moving average, the
lattice.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor

from neuralpaint.models.networks.network import ColourModel
from neuralpaint.runtime.threads import ensure_threads, parallel_map
from neuralpaint.training.batches import Batch, Lattice
from neuralpaint.training.losses import LEAST_WEIGHT, Loss

__all__ = ["StepGraphs", "add_penalties", "backpropagate"]

_log = logging.getLogger(__name__)

_MIN_PART = 512  # pixels: with smaller parts, threads spend more time waiting than computing
_MAX_PART = 2048  # pixels: the hidden values of larger parts do not fit into the caches
_WARM_UP = 3  # steps of a shape before its recording: libraries initialise themselves on first use


def backpropagate(
    model: ColourModel, batch: Batch, *, loss: Loss, parameters: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """Set the gradients of the parameters; return the loss and the predicted colours (h, w, 3).

    If the model and the loss treat each pixel independently, the threads of the CPU each compute
    the gradients of some rows, which are then added.
    """
    cuts = _cuts(batch) if model.is_splittable and loss.pixelwise else []
    if len(cuts) <= 2:
        prediction = model(batch.x, batch.y, batch.code)
        value = loss(prediction, batch.colours, weights=batch.weights)
        value.backward()
        return value.detach(), prediction.detach()

    def gradients_of(rows: slice) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        part = batch.rows(rows)
        with torch.enable_grad():
            prediction = model(part.x, part.y, part.code)
            value = loss(prediction, part.colours, weights=part.weights)
            value = _share(part, batch) * value
            gradients = torch.autograd.grad(value, parameters)
        return value.detach(), prediction.detach(), gradients

    values, predictions, gradients = zip(
        *parallel_map(gradients_of, [slice(*cut) for cut in pairwise(cuts)]), strict=True
    )
    for parameter, parts in zip(parameters, zip(*gradients, strict=True), strict=True):
        parameter.grad = torch.stack(parts).sum(0)
    return torch.stack(values).sum(), torch.cat(predictions)


def _share(part: Batch, whole: Batch) -> Tensor | float:
    """Return the weight of a part's mean loss in the mean loss of the whole batch."""
    if part.weights is None or whole.weights is None:
        return len(part.y) / len(whole.y)
    return part.weights.sum() / whole.weights.sum().clamp(min=LEAST_WEIGHT)


def _cuts(batch: Batch) -> list[int]:
    """Return the first row of each part, followed by the number of rows."""
    rows, width = batch.colours.shape[:2]
    parts = 1
    if batch.y.device.type == "cpu":
        pixels = rows * width
        parts = max(ensure_threads(), -(-pixels // _MAX_PART))
        parts = max(1, min(parts, rows, pixels // _MIN_PART))
    return [rows * i // parts for i in range(parts + 1)]


def add_penalties(parameters: Sequence[Tensor], *, l1: float, l2: float) -> Tensor | float:
    """Add the gradients of the penalties on the weights; return what they add to the loss.

    The penalty is l1 |w| + l2 w^2 / 2, summed over the weights, without biases.
    """
    penalty: Tensor | float = 0.0
    for parameter in parameters if l1 or l2 else ():
        if parameter.ndim < 2 or parameter.grad is None:
            continue
        weight = parameter.detach()
        if l1:
            parameter.grad.add_(weight.sign(), alpha=l1)
            penalty = penalty + l1 * weight.abs().sum()
        if l2:
            parameter.grad.add_(weight, alpha=l2)
            penalty = penalty + l2 / 2 * weight.square().sum()
    return penalty


class StepGraphs:
    """The CUDA graphs of one step, which is recorded after a few warm-up steps for each shape.

    The step must not wait for the GPU and must depend on the host through its tensors only. If the
    last warm-up step waits, or the recording fails, a warning is logged, and this process records
    no further graphs: a failed recording changes no weight, because kernels do not run while they
    are recorded, but torch does not recover from it completely. Recording waits for the GPU, once
    for each shape of lattice.
    """

    fault: ClassVar[str] = ""
    """Why this process records no graphs; "" if it does."""

    uses_until_recorded: ClassVar[int] = _WARM_UP + 1
    """How often a shape of lattice is used until its step is recorded."""

    def __init__(self) -> None:
        # One stream for warm-up and recording, because libraries initialise themselves per stream.
        self._stream = torch.cuda.Stream()
        # Graphs run one after another and exchange no temporary tensors, so they share memory.
        self._pool = torch.cuda.graph_pool_handle()
        self._recorded: dict[tuple[int, int], tuple[torch.cuda.CUDAGraph, Lattice]] = {}
        self._warm: Counter[tuple[int, int]] = Counter()

    def run(self, step: Callable[[Lattice], None], lattice: Lattice) -> None:
        """Run the step, which must be the same in every call, on a lattice."""
        shape = len(lattice.rows), len(lattice.columns)
        if not self.fault and shape not in self._recorded:
            if self._warm[shape] < _WARM_UP:
                self._warm[shape] += 1
                self._warm_up(step, lattice, watched=self._warm[shape] == _WARM_UP)
                return
            self._record(step, lattice)
        if shape not in self._recorded:
            step(lattice)
            return
        graph, inputs = self._recorded[shape]
        inputs.rows.copy_(lattice.rows)
        inputs.columns.copy_(lattice.columns)
        graph.replay()

    def _warm_up(self, step: Callable[[Lattice], None], lattice: Lattice, *, watched: bool) -> None:
        """Run the step on the stream of the recordings, after all work queued so far.

        If it is `watched`, and waits for the GPU, it is not recorded.
        """
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream), _waits(watched=watched) as waits:
            step(lattice)
        current.wait_stream(self._stream)
        if waits:
            self._give_up(f"a step waits for the GPU: {waits[0]}")

    def _record(self, step: Callable[[Lattice], None], lattice: Lattice) -> None:
        current = torch.cuda.current_stream()
        inputs = Lattice(lattice.rows.clone(), lattice.columns.clone())
        graph = torch.cuda.CUDAGraph()
        try:
            # Thread-local: the work of other threads on the GPU does not disturb the recording.
            with torch.cuda.graph(
                graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
            ):
                step(inputs)
        except RuntimeError as error:
            torch.cuda.set_stream(current)  # a failed recording may leave its own stream set
            self._close_pool()
            self._give_up(str(error).partition("\n")[0])
        else:
            self._recorded[len(inputs.rows), len(inputs.columns)] = graph, inputs

    def _close_pool(self) -> None:
        """Let the allocator leave the pool of a failed recording.

        Torch does not do that, and would assert later, when it needs memory.
        """
        with contextlib.suppress(RuntimeError, AttributeError):  # it may have been left already
            torch._C._cuda_endAllocateToPool(torch.cuda.current_device(), self._pool)

    @classmethod
    def _give_up(cls, fault: str) -> None:
        cls.fault = fault
        _log.warning("training without CUDA graphs: %s", fault)


@contextmanager
def _waits(*, watched: bool) -> Iterator[list[str]]:
    """Yield a list of the warnings of operations in the block that wait for the GPU.

    It is filled at the end of the block, and stays empty if it is not watched.
    """
    found: list[str] = []
    if not watched:
        yield found
        return
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            torch.cuda.set_sync_debug_mode(before)
    messages = (str(warning.message).partition("\n")[0] for warning in caught)
    # The first use of the mode warns that it is a prototype.
    found += [message for message in messages if "called a synchronizing" in message]
