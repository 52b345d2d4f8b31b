"""Models: what can be trained, under one name each, with everything that shapes it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from neuralpaint.canvas import Canvas
from neuralpaint.encodings.entries import (
    HarmonicEncoding,
    PlanesSettings,
    PyramidEncoding,
    encodings,
)
from neuralpaint.registry import Registry
from neuralpaint.settings import Settings, setting

if TYPE_CHECKING:
    import torch

    from neuralpaint.encodings.encoding import Encoding
    from neuralpaint.networks import CoordinateModel

__all__ = [
    "ActivationName",
    "FourierModel",
    "MLPModel",
    "Model",
    "NormName",
    "PyramidModel",
    "SirenModel",
    "SkipConnModel",
    "models",
]


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

ActivationName = Literal["leaky_relu", "sine", "relu", "gelu", "silu", "tanh", "sigmoid"]
NormName = Literal["none", "layer", "batch"]

# Pixels rendered at once where a network takes each pixel's features whole: what fits the caches.
_STRIP = 8192


@dataclass(frozen=True)
class _Encoded(Model):
    """A model whose encoding is chosen by name."""

    encoding: str = setting("none", "how coordinates become features", entries=encodings)

    def __post_init__(self) -> None:
        super().__post_init__()
        # As the registry writes it: two ways to write one encoding are the same settings.
        spec = encodings.spec(encodings.parse(self.encoding))
        object.__setattr__(self, "encoding", spec)

    def _encode(self, canvas: Canvas, generator: torch.Generator) -> Encoding:
        return encodings.parse(self.encoding).build(canvas, generator)


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

    def _build(self, encoding: Encoding, generator: torch.Generator) -> CoordinateModel:
        from neuralpaint.networks import CoordinateModel, SkipConn

        network = SkipConn(
            encoding.widths,
            hidden_size=self.hidden_size,
            hidden_layers=self.hidden_layers,
            activation=self.activation,
        )
        if self.activation == "sine":
            network.initialize_sine(
                encoding.spectra, strengths=encoding.sine_strengths, generator=generator
            )
        else:
            network.initialize(generator)
        # Over rows and columns the network has threads, and strips, of its own.
        apart = not encoding.separable
        return CoordinateModel(encoding, network, strip=_STRIP if apart else None, in_parts=apart)


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
        return self._build(HarmonicEncoding(self.order).build(canvas, generator), generator)


@models.register("skipconn")
@dataclass(frozen=True)
class SkipConnModel(_Encoded, _SkipConnSettings):
    """Every hidden layer sees the current and previous one and the coordinates."""

    @property
    def _lr(self) -> float:
        if self.activation != "sine":
            return 1e-2
        name = self.encoding.partition(":")[0]
        return {"none": 1.5e-2, "harmonic": 3e-3}.get(name, 8e-3)

    def build(self, canvas: Canvas, generator: torch.Generator) -> CoordinateModel:
        """Return the model over its encoding of the picture's plane."""
        return self._build(self._encode(canvas, generator), generator)


@models.register("mlp")
@dataclass(frozen=True)
class MLPModel(_Encoded):
    """The plain network, one layer after another: by default that of Tancik et al. 2020."""

    encoding: str = setting("gaussian", "how coordinates become features", entries=encodings)
    hidden_size: int = setting(256, "width of each hidden layer", minimum=1, maximum=8192)
    hidden_layers: int = setting(3, "hidden layers", minimum=0, maximum=512)
    activation: ActivationName = setting("relu", "activation of every hidden layer")
    norm: NormName = setting("none", "normalisation before every activation")
    dropout: float = setting(
        0.0, "part of the hidden values left out at random while training", minimum=0, maximum=0.95
    )
    cpu_batch: ClassVar[int] = 2048  # half a decibel more in 10 seconds than with twice as many

    def learning_rate(self, steps: int) -> float:
        """Return a rate that falls with the square root of the steps and with the width.

        After 2000 steps of 256 units it is that of Tancik et al. 2020, 1e-3; in a training of 120
        one four times as high is 2 dB better.
        """
        return 1e-3 * math.sqrt(2000 / max(125, steps)) * min(4, 256 / self.hidden_size)

    def build(self, canvas: Canvas, generator: torch.Generator) -> CoordinateModel:
        """Return the model over its encoding of the picture's plane."""
        import torch

        from neuralpaint.networks import MLP, CoordinateModel

        encoding = self._encode(canvas, generator)
        network = MLP(
            encoding.widths,
            hidden_size=self.hidden_size,
            hidden_layers=self.hidden_layers,
            activation=self.activation,
            norm=self.norm,
            dropout=self.dropout,
        )
        spectrum = encoding.sine_strengths[0] * torch.cat(encoding.spectra)
        network.initialize(generator, spectrum=spectrum)
        return CoordinateModel(encoding, network, strip=_STRIP, in_parts=network.in_parts)


@models.register("siren")
@dataclass(frozen=True)
class SirenModel(_Encoded):
    """Sines all the way, their frequencies scaled by omega (Sitzmann et al. 2020)."""

    hidden_size: int = setting(128, "width of each hidden layer", minimum=1, maximum=8192)
    hidden_layers: int = setting(3, "hidden layers", minimum=1, maximum=512)
    omega_0: float = setting(
        30.0, "scale of the first layer's frequencies", above=0.0, maximum=10_000
    )
    omega: float = setting(30.0, "scale of the other layers'", above=0.0, maximum=10_000)

    def learning_rate(self, steps: int) -> float:
        """Return a rate, measured on photographs, that falls like SkipConn's and with the width.

        Three times as high and nothing is learned.
        """
        return 3e-3 * math.sqrt(500 / max(500, steps)) * min(1, 128 / self.hidden_size)

    def build(self, canvas: Canvas, generator: torch.Generator) -> CoordinateModel:
        """Return the model over its encoding of the picture's plane."""
        from neuralpaint.networks import CoordinateModel, Siren

        encoding = self._encode(canvas, generator)
        network = Siren(
            encoding.widths,
            hidden_size=self.hidden_size,
            hidden_layers=self.hidden_layers,
            omega_0=self.omega_0,
            omega=self.omega,
        )
        deviations = None
        if self.encoding != "none":
            strength = encoding.sine_strengths[0]
            deviations = [strength * spectrum for spectrum in encoding.spectra]
        network.initialize(generator, deviations=deviations)
        return CoordinateModel(encoding, network, strip=_STRIP, in_parts=network.in_parts)


@models.register("pyramid")
@dataclass(frozen=True)
class PyramidModel(PlanesSettings, Model):
    """Learned planes of features at several resolutions and a small network over them."""

    hidden_size: int = setting(32, "width of each hidden layer", minimum=1, maximum=1024)
    hidden_layers: int = setting(2, "hidden layers", minimum=0, maximum=64)
    cpu_batch: ClassVar[int] = 6144  # a step over the planes has a price of its own

    def learning_rate(self, steps: int) -> float:
        """Return the network's rate; the planes' is a multiple of it."""
        return 1e-2

    def build(self, canvas: Canvas, generator: torch.Generator) -> CoordinateModel:
        """Return the model with planes for the picture's size."""
        from neuralpaint.networks import MLP, CoordinateModel

        encoding = PyramidEncoding(detail=self.detail, fade=self.fade).build(canvas, generator)
        network = MLP(
            encoding.widths, hidden_size=self.hidden_size, hidden_layers=self.hidden_layers
        )
        network.initialize(generator)
        return CoordinateModel(encoding, network, strip=16_384)
