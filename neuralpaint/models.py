"""Models: what can be trained, under one name each, with everything that shapes it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from neuralpaint.canvas import Canvas
from neuralpaint.registry import Registry
from neuralpaint.settings import Settings, setting

if TYPE_CHECKING:
    import torch

    from neuralpaint.encodings import Harmonic, Identity
    from neuralpaint.networks import CoordinateModel

__all__ = ["ActivationName", "FourierModel", "Model", "PyramidModel", "SkipConnModel", "models"]


@dataclass(frozen=True)
class Model(Settings, ABC):
    """Settings from which a coordinate model is built."""

    cpu_batch: ClassVar[int] = 4096
    """Pixels per step that suit the model on a CPU: 10 x 10 lattices of a 768x512 picture."""

    @abstractmethod
    def learning_rate(self, steps: int) -> float:
        """Return the learning rate that suits a training of so many steps."""

    @abstractmethod
    def build(self, canvas: Canvas, generator: torch.Generator) -> CoordinateModel:
        """Return the model for a picture of the size of `canvas`, its weights freshly drawn."""


models: Registry[Model] = Registry("model")

ActivationName = Literal["leaky_relu", "sine", "relu", "gelu", "silu"]


@dataclass(frozen=True)
class _SkipConnSettings(Model):
    hidden_size: int = setting(64, "width of each hidden layer", minimum=1, maximum=8192)
    hidden_layers: int = setting(4, "hidden layers after the first", minimum=1, maximum=512)
    activation: ActivationName = setting("sine", "activation of every hidden layer")

    def learning_rate(self, steps: int) -> float:
        """Return a rate that falls with the square root of the steps: a longer training can afford
        to go slower, and ends nearer to the picture.
        """
        return self._lr * math.sqrt(1200 / max(1200, steps))

    @property
    @abstractmethod
    def _lr(self) -> float: ...

    def _build(self, encoding: Harmonic | Identity, generator: torch.Generator) -> CoordinateModel:
        from neuralpaint.networks import CoordinateModel, SkipConn

        network = SkipConn(
            encoding.widths,
            hidden_size=self.hidden_size,
            hidden_layers=self.hidden_layers,
            activation=self.activation,
        )
        if self.activation == "sine":
            network.initialize_sine(
                encoding.spectra, strengths=encoding.strengths, generator=generator
            )
        else:
            network.initialize(generator)
        return CoordinateModel(encoding, network)


@models.register("fourier")
@dataclass(frozen=True)
class FourierModel(_SkipConnSettings):
    """SkipConn over the harmonics sin(kx), cos(kx) of each axis.

    Wide and shallow by default, for the film's sake: one hidden layer of 128 renders a frame in 0.7
    of the time of two of 96. It learns about as well in 5 to 10 seconds on a CPU, and is half a
    decibel behind in 30.
    """

    hidden_size: int = setting(128, "width of each hidden layer", minimum=1, maximum=8192)
    hidden_layers: int = setting(1, "hidden layers after the first", minimum=1, maximum=512)
    order: int | None = setting(
        None,
        "harmonics per axis; unset, one per 3 pixels of the longer side, from 16 to 256",
        minimum=1,
        maximum=4096,
    )

    @property
    def _lr(self) -> float:
        return 3e-3 if self.activation == "sine" else 1e-2

    def build(self, canvas: Canvas, generator: torch.Generator) -> CoordinateModel:
        """Return the model with as many harmonics as the picture's size can show."""
        from neuralpaint.encodings import Harmonic

        longer = max(canvas.height, canvas.width)
        return self._build(Harmonic(self.order or min(256, max(16, longer // 3))), generator)


@models.register("skipconn")
@dataclass(frozen=True)
class SkipConnModel(_SkipConnSettings):
    """Every hidden layer sees the current and previous one and the coordinates."""

    @property
    def _lr(self) -> float:
        return 1.5e-2 if self.activation == "sine" else 1e-2

    def build(self, canvas: Canvas, generator: torch.Generator) -> CoordinateModel:
        """Return the model; the picture's size does not matter to it."""
        from neuralpaint.encodings import Identity

        return self._build(Identity(), generator)


@models.register("pyramid")
@dataclass(frozen=True)
class PyramidModel(Model):
    """Learned planes of features at several resolutions and a small network over them."""

    hidden_size: int = setting(32, "width of each hidden layer", minimum=1, maximum=1024)
    hidden_layers: int = setting(2, "hidden layers", minimum=0, maximum=64)
    detail: float = setting(
        1.0, "pixels per node of the finest plane; 2 quarters the weights", minimum=0.5, maximum=64
    )
    fade: float = setting(
        0.3,
        "part of the training over which the planes come in, coarsest first, for the film's sake",
        minimum=0,
        maximum=1,
    )
    cpu_batch: ClassVar[int] = 6144  # a step over the planes has a price of its own
    # Pixels per node, features per node: measured on photographs.
    planes: ClassVar[tuple[tuple[float, int], ...]] = ((1, 1), (2, 4), (8, 8))

    def learning_rate(self, steps: int) -> float:
        """Return the network's rate; the planes' is a multiple of it."""
        return 1e-2

    def build(self, canvas: Canvas, generator: torch.Generator) -> CoordinateModel:
        """Return the model with planes for the picture's size."""
        from neuralpaint.encodings import Pyramid, plane_sizes
        from neuralpaint.networks import MLP, CoordinateModel

        planes = [(pixels * self.detail, channels) for pixels, channels in self.planes]
        sizes = plane_sizes(planes, height=canvas.height, width=canvas.width)
        encoding = Pyramid(sizes, span=canvas.span, fade=self.fade)
        network = MLP(
            encoding.width, hidden_size=self.hidden_size, hidden_layers=self.hidden_layers
        )
        encoding.initialize(generator)
        network.initialize(generator)
        return CoordinateModel(encoding, network, strip=16_384)
