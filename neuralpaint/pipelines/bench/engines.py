"""The two engines on one network: what it costs to have the mathematics where it can be read."""

from __future__ import annotations

import statistics
import time

from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.bench.result import Engines
from neuralpaint.pipelines.learner import learner

__all__ = ["compare_engines"]

# The network of Tancik et al. 2020: 256 Gaussian frequencies, four layers, 256 wide.
_MODEL = "mlp:encoding=gaussian,features=256,hidden_size=256,hidden_layers=3"
_BATCH = 8192  # pixels
_REPEATS = 7
_SIDE = 512  # pixels of the picture that is learned: large enough for whole batches


def compare_engines(picture: Picture, *, threads: int | None, seed: int) -> Engines:
    """Return what a step of the four-layer network takes on the CPU with each engine.

    They take turns, so that a machine that is busy for a while is busy for both.
    """
    picture = picture.covering(height=_SIDE, width=_SIDE)
    students = {
        engine: learner(
            picture, model=_MODEL, engine=engine, batch=_BATCH, device="cpu", threads=threads,
            seed=seed,
        )
        for engine in ("torch", "numpy")
    }  # fmt: skip
    seconds: dict[str, list[float]] = {engine: [] for engine in students}
    for _ in range(1 + _REPEATS):
        for engine, student in students.items():
            began = time.perf_counter()
            student.advance(1)
            seconds[engine].append(time.perf_counter() - began)
    # The first of each is for what is set up on first use.
    torch_ms, numpy_ms = (1e3 * statistics.median(taken[1:]) for taken in seconds.values())
    return Engines(batch=_BATCH, torch_ms=torch_ms, numpy_ms=numpy_ms, ratio=numpy_ms / torch_ms)
