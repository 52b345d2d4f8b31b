"""The plain loop, as this is usually written: what the bench compares with.

A torch `Dataset` with one item per pixel, a `DataLoader` that shuffles and collates them, a network
that concatenates what each layer sees, autograd, Adam with a step schedule and a clipped gradient.
It is written with care and nothing in it is slow on purpose; each of its choices is just the one
that comes to mind first. It shares no code with the rest of neuralpaint.
"""

from __future__ import annotations

import math
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
from neuralpaint.pipelines.bench.quality import Watch, glance, still_psnr
from neuralpaint.pipelines.bench.timing import Stopwatch, torch_threads

__all__ = [
    "PixelDataset",
    "PlainFourier",
    "ReferenceLook",
    "pixel_loader",
    "train_reference",
    "train_steps",
]

_ORDER, _HIDDEN, _LAYERS = 32, 100, 7
_BATCH, _LR, _CLIP = 8000, 1e-3, 0.01
_EPOCHS_PER_REDUCTION, _REDUCTION = 3, 0.5
_LOOKS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # of the whole time
_CHUNK = 1 << 12  # pixels seen at once


class ReferenceLook(NamedTuple):
    """A moment of the training."""

    clock: float
    """When it was to be looked at, in seconds."""
    seconds: float
    """When it was: after the step that was going on."""
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
    """Harmonics of x and y, then layers that see the current values, the previous, the input."""

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
            seen = torch.cat([current, previous, features], dim=1)
            current, previous = self.activation(layer(seen)), current
        signal = self.output(torch.cat([current, previous, features], dim=1))
        return (torch.tanh(signal) + 1) / 2


def pixel_loader(picture: Picture, *, seed: int) -> DataLoader[tuple[Tensor, Tensor]]:
    """Return batches of all pixels in random order: coordinates (n, 2) and colours (n, 3)."""
    shuffling = torch.Generator().manual_seed(seed)
    return DataLoader(PixelDataset(picture), batch_size=_BATCH, shuffle=True, generator=shuffling)


def train_steps(
    model: nn.Module, loader: DataLoader[tuple[Tensor, Tensor]], *, device: str
) -> Iterator[None]:
    """Train for ever; each step is made when it is asked for."""
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
    picture: Picture, *, clocks: Sequence[float], device: str, threads: int, seed: int, watch: Watch
) -> Iterator[ReferenceLook]:
    """Train the plain loop until the last of some clocks, and look at it on the way.

    Looking does not count as training. At the end it is the whole still that is looked at, before
    that, a part of it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = PlainFourier()
    training = train_steps(model.to(device), pixel_loader(picture, seed=seed), device=device)
    newest: ReferenceLook | None = None
    with torch_threads(threads):
        stopwatch = Stopwatch(device)
        for clock in sorted({*clocks, *(share * clocks[-1] for share in _LOOKS)}):
            if newest is not None and newest.seconds >= clock != clocks[-1]:
                yield newest._replace(clock=clock)
                continue
            stopwatch.go_on()
            while stopwatch.seconds < clock:
                next(training)
                watch(stopwatch.seconds, newest.psnr if newest else None)
            seconds = stopwatch.stop()
            judge = still_psnr if clock == clocks[-1] else glance
            quality = judge(partial(_see, model, device=device), picture)
            newest = ReferenceLook(clock, seconds, quality)
            yield newest


@torch.no_grad()
def _see(model: nn.Module, grid: Grid, *, device: str) -> NDArray[np.float32]:
    """Return the colours of a grid, float32 (h, w, 3) in [0, 1]."""
    parts = [model(part.to(device)).cpu() for part in _points(grid).split(_CHUNK)]
    colours: NDArray[np.float32] = torch.cat(parts).numpy()
    return colours.reshape(grid.y.shape[0], grid.x.shape[1], 3)


def _points(grid: Grid) -> Tensor:
    """Return x and y of every point of a grid, (n, 2)."""
    x, y = np.broadcast_arrays(grid.x, grid.y)
    return torch.from_numpy(np.stack([x.ravel(), y.ravel()], axis=1))
