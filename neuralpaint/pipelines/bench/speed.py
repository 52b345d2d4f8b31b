"""How long a training step takes, and which share of the machine's peak that is."""

from __future__ import annotations

from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.bench.demand import demand
from neuralpaint.pipelines.bench.peak import matrix_peaks
from neuralpaint.pipelines.bench.result import Speed
from neuralpaint.pipelines.bench.timing import median_seconds, torch_threads
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.training.torch_learner import TorchLearner

__all__ = ["training_speed"]


def training_speed(picture: Picture, settings: TrainingSettings, *, threads: int) -> Speed:
    """Return how fast a model trains on a picture: whole steps, with all that belongs to them."""
    learner = TorchLearner(picture, settings)

    def train(steps: int) -> None:
        learner.advance(steps)
        _ = learner.loss  # waits for it

    seconds = median_seconds(train, device=learner.device)
    pixels = round(picture.height * picture.width / learner.epoch_steps)
    needed = demand(learner.model, pixels=pixels, height=picture.height, width=picture.width)
    with torch_threads(threads):
        peaks = matrix_peaks(batch=pixels, width=needed.width, device=learner.device)
    reached = needed.flops / seconds
    return Speed(
        batch=pixels,
        width=needed.width,
        ms_per_step=1e3 * seconds,
        mpx_per_second=pixels / seconds / 1e6,
        step_gflop=needed.flops / 1e9,
        gflops=reached / 1e9,
        peak_gflops={kind: peak / 1e9 for kind, peak in peaks.items()},
        share=reached / max(peaks.values()),
        whole=needed.whole,
    )
