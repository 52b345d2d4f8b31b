"""How long a training step takes, compared with matrix products, and how long a frame takes.

Only the matrix products of a step are counted. Activations, the loss, the optimizer and the average
of the weights take time too, but are no matrix products. A product (m, k) @ (k, n) is 2 m k n
operations. For a batch of n = h * w pixels, where h rows cross w columns, and a
layer with weights (out, in):

    from hidden units         2 n out hidden                 once forward, twice backward: for the
                                                             weights and for the layer below
    from features of an axis  2 out (h widths_y + w widths_x)    once forward, once backward:
                                                             coordinates need no gradient
    from features of the plane  2 n out width                once forward, once backward

Features of an axis are multiplied once per row or column, because the products of a row and of a
column are added. A series is a product for each row and one for each pixel, twice: forward, and for
its coefficients. Trained features (planes, tables) count as hidden units; reading and training them
is not a matrix product, and is not counted.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import torch

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Frame, Picture
from neuralpaint.models.networks.network import ColourModel, CoordinateModel
from neuralpaint.models.networks.skipconn import SkipConn
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.bench.result import Engines, Speed
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.rendering.render import render
from neuralpaint.runtime.files import temporary_folder
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.training.torch_learner import TorchLearner
from neuralpaint.video.writer import ClipWriter

__all__ = [
    "StepCost",
    "compare_engines",
    "encoding_ms",
    "film",
    "step_cost",
    "synchronize",
    "torch_threads",
    "training_speed",
]

_LEAST_SECONDS = 0.02  # of one measurement: far above the resolution of the clock
_REPEATS = 15

# The network of Tancik et al. 2020: 256 Gaussian frequencies, four layers, 256 wide.
_ENGINE_MODEL = "mlp:encoding=gaussian,features=256,hidden_size=256,hidden_layers=3"
_ENGINE_BATCH = 8192  # pixels
_ENGINE_REPEATS = 7
_ENGINE_SIDE = 512  # pixels of the picture: large enough for whole batches

_FPS = 30
_FILM_FRAMES, _FILM_REPEATS = 24, 3


class StepCost(NamedTuple):
    """The operations of one training step."""

    flops: float
    width: int
    """Units of a hidden layer: the width of most products."""
    whole: bool
    """Whether matrix products are the whole model; False where planes or tables are trained."""


def training_speed(picture: Picture, settings: TrainingSettings, *, threads: int) -> Speed:
    """Return how fast a model trains on a picture, measured over whole training steps."""
    trained = learner(picture, settings)
    assert isinstance(trained, TorchLearner)  # the bench has no setting for the engine
    trained.prepare()

    def train(steps: int) -> None:
        trained.advance(steps)
        _ = trained.loss  # waits for the device

    seconds = _median_seconds(train, device=trained.device)
    pixels = round(picture.height * picture.width / trained.epoch_steps)
    cost = step_cost(trained.model, pixels=pixels, height=picture.height, width=picture.width)
    with torch_threads(threads):
        peaks = _matrix_peaks(batch=pixels, width=cost.width, device=trained.device)
    reached = cost.flops / seconds
    return Speed(
        batch=pixels,
        width=cost.width,
        ms_per_step=1e3 * seconds,
        mpx_per_second=pixels / seconds / 1e6,
        step_gflop=cost.flops / 1e9,
        gflops=reached / 1e9,
        peak_gflops={kind: peak / 1e9 for kind, peak in peaks.items()},
        share=reached / max(peaks.values()),
        whole=cost.whole,
    )


def step_cost(model: ColourModel, *, pixels: int, height: int, width: int) -> StepCost:
    """Return the operations of a step on a batch of `pixels` of a picture (height, width).

    The batch is assumed to have the shape of the picture.

    Raises:
        TypeError: the model is not a network over coordinates.
    """
    if not isinstance(model, CoordinateModel):
        raise TypeError(f"{type(model).__name__} does not take coordinates")
    encoding, network = model.encoding, model.network
    columns, rows = math.sqrt(pixels * width / height), math.sqrt(pixels * height / width)
    trained = any(parameter.requires_grad for parameter in encoding.parameters())
    points = (columns, rows) if encoding.separable else (pixels,) * len(encoding.widths)
    feature_flops = sum(2 * n * f for n, f in zip(points, encoding.widths, strict=True))
    matrices = [weight.shape for weight in network.parameters() if weight.ndim == 2]
    flops = 0.0
    for depth, (out, inputs) in enumerate(matrices):
        has_features = isinstance(network, SkipConn) or depth == 0
        hidden = inputs - sum(encoding.widths) if has_features else inputs
        flops += 3 * 2 * pixels * out * hidden
        if has_features:
            flops += (3 if trained else 2) * out * feature_flops
    if network.series is not None:
        for table in network.series.parameters():
            of_x, channels, of_y = table.shape
            flops += 2 * 2 * of_x * channels * rows * (of_y + columns)
    # The first layer may have several rows per unit.
    widths = [out for out, _ in matrices[1:-1]] or [matrices[0][0]]
    return StepCost(flops, width=max(widths), whole=not trained)


def _matrix_peaks(*, batch: int, width: int, device: str) -> dict[str, float]:
    """Return the FLOP/s of (batch, width) @ (width, width), by the type of its numbers.

    This is the product of a hidden layer. When it is repeated alone, its operands stay in the
    cache, and it reaches the highest speed of the machine at this width. On CUDA, hidden layers are
    trained in bfloat16, so that type is measured too.
    """
    types = [torch.float32, torch.bfloat16] if device == "cuda" else [torch.float32]
    return {
        str(dtype).removeprefix("torch."): _matrix_peak(batch, width, device=device, dtype=dtype)
        for dtype in types
    }


@torch.no_grad()
def _matrix_peak(batch: int, width: int, *, device: str, dtype: torch.dtype) -> float:
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(batch, width, generator=generator).to(device, dtype)
    weights = torch.rand(width, width, generator=generator).to(device, dtype)
    product = torch.empty_like(values)

    def multiply(times: int) -> None:
        for _ in range(times):
            torch.mm(values, weights, out=product)

    return 2 * batch * width * width / _median_seconds(multiply, device=device)


def compare_engines(picture: Picture, *, threads: int | None, seed: int) -> Engines:
    """Return the time of a step of the four-layer network on the CPU with each engine.

    The engines alternate, so that a busy machine slows both.
    """
    picture = picture.covering(height=_ENGINE_SIDE, width=_ENGINE_SIDE)
    learners = {
        engine: learner(
            picture, model=_ENGINE_MODEL, engine=engine, batch=_ENGINE_BATCH, device="cpu",
            threads=threads, seed=seed,
        )
        for engine in ("torch", "numpy")
    }  # fmt: skip
    seconds: dict[str, list[float]] = {engine: [] for engine in learners}
    for _ in range(1 + _ENGINE_REPEATS):
        for engine, each in learners.items():
            began = time.perf_counter()
            each.advance(1)
            seconds[engine].append(time.perf_counter() - began)
    # The first step of each is the warm-up.
    torch_ms, numpy_ms = (1e3 * statistics.median(taken[1:]) for taken in seconds.values())
    return Engines(
        batch=_ENGINE_BATCH, torch_ms=torch_ms, numpy_ms=numpy_ms, ratio=numpy_ms / torch_ms
    )


def film(paintings: Sequence[Painting], canvas: Canvas) -> tuple[list[Frame], float]:
    """Return a frame of each painting, and the median milliseconds to render one."""
    render(paintings[0], canvas)  # the warm-up
    frames, seconds = [], []
    for painting in paintings:
        began = time.perf_counter()
        frames.append(render(painting, canvas))
        seconds.append(time.perf_counter() - began)
    return frames, 1e3 * statistics.median(seconds)


def encoding_ms(frames: Sequence[Frame]) -> float:
    """Return the milliseconds to encode one more frame as MP4, with the settings of `video`.

    The time of a clip of one frame, which starts and finishes ffmpeg, is subtracted.

    Raises:
        EncodingError: ffmpeg is missing or failed.
    """
    with tempfile.TemporaryDirectory(dir=temporary_folder()) as folder:
        path = Path(folder) / "bench.mp4"
        _encode(frames, path, count=1)
        each = []
        for _ in range(_FILM_REPEATS):
            longer = _encode(frames, path, count=_FILM_FRAMES)
            shorter = _encode(frames, path, count=1)
            each.append(max(0.0, longer - shorter) / (_FILM_FRAMES - 1))
    return 1e3 * statistics.median(each)


def _encode(frames: Sequence[Frame], path: Path, *, count: int) -> float:
    """Return the seconds from the first frame to the finished file."""
    height, width, _ = frames[0].shape
    # Forwards and backwards, so that each frame resembles the previous one, as in a clip.
    order = [*frames, *frames[-2:0:-1]]
    began = time.perf_counter()
    with ClipWriter(path, height=height, width=width, fps=_FPS, overwrite=True) as clip:
        for frame in islice(cycle(order), count):
            clip.write(frame)
    return time.perf_counter() - began


def _median_seconds(work: Callable[[int], object], *, device: str) -> float:
    """Return the seconds of one unit of work; `work(n)` does n of them.

    The warm-up doubles n until `work(n)` lasts long enough; then several runs give the median.
    """
    _seconds(work, 1, device)  # sets up whatever is set up on first use
    count = 1
    while (seconds := _seconds(work, count, device)) < _LEAST_SECONDS:
        count *= 2
    again = [_seconds(work, count, device) for _ in range(_REPEATS - 1)]
    return statistics.median([seconds, *again]) / count


def _seconds(work: Callable[[int], object], count: int, device: str) -> float:
    synchronize(device)
    began = time.perf_counter()
    work(count)
    synchronize(device)
    return time.perf_counter() - began


def synchronize(device: str) -> None:
    """Wait until a device has finished all of its queued work."""
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch divide each operation among `count` CPU threads; a learner has set it to 1."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
