"""The reference: the plain training loop that the bench compares the models with.

A torch `Dataset` with one item per pixel, a `DataLoader` that shuffles and collates them, a network
that concatenates the inputs of each layer, autograd, Adam with a step schedule and a clipped
gradient: the usual choices, none of them slow on purpose. Model and loop share no code with the
rest of neuralpaint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from neuralpaint.image.canvas import Grid
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.bench.cost import synchronize, torch_threads
from neuralpaint.pipelines.bench.quality import TrainingCallback, sample_psnr, still_psnr

__all__ = [
    "PixelDataset",
    "PlainFourier",
    "ReferencePoint",
    "pixel_loader",
    "train_reference",
    "train_steps",
]

_ORDER, _HIDDEN, _LAYERS = 32, 100, 7
_BATCH, _LR, _CLIP = 8000, 1e-3, 0.01
_EPOCHS_PER_REDUCTION, _REDUCTION = 3, 0.5
_FRACTIONS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # of the training
_CHUNK = 1 << 12  # pixels rendered at once


class ReferencePoint(NamedTuple):
    """One measurement during the training."""

    clock: float
    """The planned time, in seconds of training."""
    seconds: float
    """The actual time: the end of the step that was running."""
    psnr: float
    """In dB."""


class PixelDataset(Dataset[tuple[Tensor, Tensor]]):
    """Every pixel of a picture: its coordinates (2,) and its colour (3,)."""

    def __init__(self, picture: Picture) -> None:
        self.coordinates = _points(picture.canvas.grid())
        colours = torch.from_numpy(picture.pixels).to(torch.float32) / 255
        self.colours = colours.reshape(-1, 3)

    def __len__(self) -> int:
        return len(self.colours)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.coordinates[index], self.colours[index]


class PlainFourier(nn.Module):
    """Harmonics of x and y, then layers whose input is the last two outputs and the harmonics."""

    orders: Tensor

    def __init__(self) -> None:
        super().__init__()
        features = 2 * (2 * _ORDER + 1)
        self.register_buffer("orders", torch.arange(1, _ORDER + 1))
        sizes = [features] + [features + min(2, i) * _HIDDEN for i in range(1, _LAYERS + 1)]
        self.hidden = nn.ModuleList(nn.Linear(size, _HIDDEN) for size in sizes)
        self.output = nn.Linear(features + 2 * _HIDDEN, 3)
        self.activation = nn.LeakyReLU()

    def forward(self, coordinates: Tensor) -> Tensor:
        """Return the colours (n, 3) in [0, 1] at coordinates (n, 2) in [-1, 1]."""
        angles = math.pi * coordinates
        phases = (angles[:, :, None] * self.orders).flatten(1)
        features = torch.cat([angles, phases.sin(), phases.cos()], dim=1)
        previous = torch.zeros(len(features), 0, device=features.device)
        current = self.activation(self.hidden[0](features))
        for layer in list(self.hidden)[1:]:
            inputs = torch.cat([current, previous, features], dim=1)
            current, previous = self.activation(layer(inputs)), current
        signal = self.output(torch.cat([current, previous, features], dim=1))
        return (torch.tanh(signal) + 1) / 2


def pixel_loader(picture: Picture, *, seed: int) -> DataLoader[tuple[Tensor, Tensor]]:
    """Return batches of all pixels in random order: coordinates (n, 2) and colours (n, 3)."""
    shuffling = torch.Generator().manual_seed(seed)
    return DataLoader(PixelDataset(picture), batch_size=_BATCH, shuffle=True, generator=shuffling)


def train_steps(
    model: nn.Module, loader: DataLoader[tuple[Tensor, Tensor]], *, device: str
) -> Iterator[None]:
    """Train endlessly; each step runs when the next item is requested."""
    optimizer = torch.optim.Adam(model.parameters(), lr=_LR)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, _EPOCHS_PER_REDUCTION, _REDUCTION)
    while True:
        for coordinates, colours in loader:
            optimizer.zero_grad()
            predicted = model(coordinates.to(device))
            loss = nn.functional.mse_loss(predicted, colours.to(device))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
            optimizer.step()
            yield
        schedule.step()


def train_reference(
    picture: Picture,
    *,
    clocks: Sequence[float],
    device: str,
    threads: int,
    seed: int,
    on_progress: TrainingCallback,
) -> Iterator[ReferencePoint]:
    """Train the plain loop until the last of the `clocks`, in seconds, and measure on the way.

    The time of a measurement does not count as training. The last one measures the whole still,
    the others a sample of its pixels.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = PlainFourier()
    training = train_steps(model.to(device), pixel_loader(picture, seed=seed), device=device)
    colours = partial(_colours, model, device=device)
    end = clocks[-1]
    newest: ReferencePoint | None = None
    seconds = 0.0
    with torch_threads(threads):
        for clock in sorted({*clocks, *(fraction * end for fraction in _FRACTIONS)}):
            if newest is not None and seconds >= clock != end:
                yield newest._replace(clock=clock)
                continue
            began, before = time.perf_counter(), seconds
            while seconds < clock:
                next(training)
                seconds = before + time.perf_counter() - began
                on_progress(seconds, newest.psnr if newest else None)
            synchronize(device)
            seconds = before + time.perf_counter() - began
            measure = still_psnr if clock == end else sample_psnr
            newest = ReferencePoint(clock, seconds, measure(colours, picture))
            yield newest


@torch.no_grad()
def _colours(model: nn.Module, grid: Grid, *, device: str) -> NDArray[np.float32]:
    """Return the colours of a grid, float32 (h, w, 3) in [0, 1]."""
    parts = [model(part.to(device)).cpu() for part in _points(grid).split(_CHUNK)]
    colours: NDArray[np.float32] = torch.cat(parts).numpy()
    return colours.reshape(grid.y.shape[0], grid.x.shape[1], 3)


def _points(grid: Grid) -> Tensor:
    """Return x and y of every point of a grid, (n, 2)."""
    x, y = np.broadcast_arrays(grid.x, grid.y)
    return torch.from_numpy(np.stack([x.ravel(), y.ravel()], axis=1))
