"""A training step as CUDA graphs: recorded once for each shape of batch, then replayed.

A step is some hundred small kernels, and to launch one takes the host longer than the GPU needs to
run it. A graph is launched as a whole. It repeats what was recorded, with the same addresses and
the same numbers, so whatever changes from step to step has to lie in tensors that stay where they
are: the learning rates, the pull of the moving average, and the lattice, which is copied into its
place.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

import torch

from neuralpaint.training.target import Lattice

__all__ = ["StepGraphs"]

log = logging.getLogger(__name__)

# Steps of a shape that run as they are before one is recorded: libraries set themselves up on first
# use, which a recording cannot hold.
_WARM_UP = 3


class StepGraphs:
    """The graphs of one step, which is recorded as soon as it is warm.

    The step must not wait for the GPU, nor depend on the host but through its tensors. If it cannot
    be recorded, it goes on as it is, with a warning in the log. Nothing is lost: what is being
    recorded does not run. To record is to wait for the GPU, once for each shape of lattice.
    """

    def __init__(self) -> None:
        # Warmed up and recorded on one stream, for what libraries set up belongs to a stream.
        self._stream = torch.cuda.Stream()
        # The graphs run one after another and leave nothing to each other: they share memory.
        self._pool = torch.cuda.graph_pool_handle()
        self._recorded: dict[tuple[int, int], tuple[torch.cuda.CUDAGraph, Lattice]] = {}
        self._warm: Counter[tuple[int, int]] = Counter()
        self._records = True

    def run(self, step: Callable[[Lattice], None], lattice: Lattice) -> None:
        """Make the step, always the same one, on a lattice."""
        shape = len(lattice.rows), len(lattice.columns)
        if self._records and shape not in self._recorded:
            if self._warm[shape] < _WARM_UP:
                self._warm[shape] += 1
                self._run_aside(step, lattice)
                return
            self._record(step, lattice)
        if shape not in self._recorded:
            step(lattice)
            return
        graph, place = self._recorded[shape]
        place.rows.copy_(lattice.rows)
        place.columns.copy_(lattice.columns)
        graph.replay()

    def _run_aside(self, step: Callable[[Lattice], None], lattice: Lattice) -> None:
        """Make one step on the stream of the recordings, in its turn."""
        here = torch.cuda.current_stream()
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            step(lattice)
        here.wait_stream(self._stream)

    def _record(self, step: Callable[[Lattice], None], lattice: Lattice) -> None:
        """Record a step on lattices of one shape, or give up recording."""
        here = torch.cuda.current_stream()
        place = Lattice(lattice.rows.clone(), lattice.columns.clone())
        graph = torch.cuda.CUDAGraph()
        try:
            # Thread-local: what another thread asks of the GPU meanwhile spoils nothing.
            with torch.cuda.graph(
                graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
            ):
                step(place)
        except RuntimeError as error:
            torch.cuda.set_stream(here)  # a failed recording may leave its own behind
            log.warning("training goes on without CUDA graphs: %s", str(error).partition("\n")[0])
            self._records = False
        else:
            self._recorded[len(place.rows), len(place.columns)] = graph, place
