"""Models: what can be trained, under one name each, with everything that shapes it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from neuralpaint.canvas import Canvas
from neuralpaint.encodings.entries import (
    EncodingSettings,
    HarmonicEncoding,
    PlanesSettings,
    PyramidEncoding,
    encodings,
)
from neuralpaint.errors import UsageError
from neuralpaint.registry import Registry
from neuralpaint.settings import Settings, setting

if TYPE_CHECKING:
    import torch

    from neuralpaint.encodings.encoding import Encoding
    from neuralpaint.networks import ColourModel, CoordinateModel

__all__ = [
    "ActivationName",
    "ButtonsModel",
    "Codes",
    "FourierModel",
    "MLPModel",
    "Model",
    "MorphModel",
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
    learns_whole: ClassVar[bool] = False
    """Whether all pixels at once suit it, on every device."""
    needs_codes: ClassVar[bool] = False
    """Whether it can learn an album only."""

    @abstractmethod
    def learning_rate(self, steps: int) -> float:
        """Return the learning rate that suits a training of so many steps, with Adam."""

    def raw_rate(self, steps: int) -> float:
        """Return that for plain gradients, which are small: colours differ by parts of 1."""
        return _RAW * self.learning_rate(steps)

    def usual_steps(self, usual: int, epoch_steps: int) -> int:
        """Return the steps that suit a training in which every pixel is seen once in so many.

        `usual` are those of any other model on the device.
        """
        return usual

    @abstractmethod
    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> ColourModel:
        """Return the model for pictures of the size of `canvas`, its weights freshly drawn.

        `codes` are those of an album, (pictures, k); without them it learns a single picture.
        """


models: Registry[Model] = Registry("model")

Codes = NDArray[np.float32]
_RAW = 100  # times Adam's rate, measured with networks of 64 to 256 units
ActivationName = Literal["leaky_relu", "sine", "relu", "gelu", "silu", "tanh", "sigmoid"]
NormName = Literal["none", "layer", "batch"]

# Pixels rendered at once where a network takes each pixel's features whole: what fits the caches.
_STRIP = 8192
# Frequencies that pictures share, in periods along the longer side: from clouds to leaves.
_LOWEST, _HIGHEST = 1.5, 24.0
_PASSES = 6  # over the pictures of a morph


def _built(
    encoding: EncodingSettings,
    canvas: Canvas,
    generator: torch.Generator,
    codes: Codes | None,
) -> Encoding:
    """Return an encoding of one picture, or of those with `codes`."""
    if codes is None:
        return encoding.build(canvas, generator)
    return encoding.build_coded(canvas, generator, codes)


@dataclass(frozen=True)
class _Encoded(Model):
    """A model whose encoding is chosen by name."""

    encoding: str = setting("none", "how coordinates become features", entries=encodings)

    def __post_init__(self) -> None:
        super().__post_init__()
        # As the registry writes it: two ways to write one encoding are the same settings.
        spec = encodings.spec(encodings.parse(self.encoding))
        object.__setattr__(self, "encoding", spec)

    def _encode(self, canvas: Canvas, generator: torch.Generator, codes: Codes | None) -> Encoding:
        return _built(encodings.parse(self.encoding), canvas, generator, codes)


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

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> CoordinateModel:
        """Return the model with as many harmonics as the picture's size can show."""
        return self._build(
            _built(HarmonicEncoding(self.order), canvas, generator, codes), generator
        )


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

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> CoordinateModel:
        """Return the model over its encoding of the picture's plane."""
        return self._build(self._encode(canvas, generator, codes), generator)


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

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> CoordinateModel:
        """Return the model over its encoding of the picture's plane."""
        import torch

        from neuralpaint.networks import MLP, CoordinateModel

        encoding = self._encode(canvas, generator, codes)
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

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> CoordinateModel:
        """Return the model over its encoding of the picture's plane."""
        from neuralpaint.networks import CoordinateModel, Siren

        encoding = self._encode(canvas, generator, codes)
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

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> CoordinateModel:
        """Return the model with planes for the picture's size."""
        from neuralpaint.networks import MLP, CoordinateModel

        settings = PyramidEncoding(detail=self.detail, fade=self.fade)
        encoding = _built(settings, canvas, generator, codes)
        network = MLP(
            encoding.widths, hidden_size=self.hidden_size, hidden_layers=self.hidden_layers
        )
        network.initialize(generator)
        return CoordinateModel(encoding, network, strip=16_384)


@models.register("morph")
@dataclass(frozen=True)
class MorphModel(PlanesSettings, Model):
    """Learned planes for each picture, waves that all share, and sines whose phases a code shifts.

    The planes make every picture sharp; between the codes they are mixed, and what the waves draw
    there no picture has: leaves, moss, brushwork.
    """

    waves: int = setting(16, "waves in all directions", minimum=1, maximum=4096)
    hidden_size: int = setting(32, "width of each hidden layer", minimum=1, maximum=1024)
    hidden_layers: int = setting(1, "hidden layers after the first", minimum=0, maximum=64)
    activation: ClassVar[ActivationName] = "sine"
    cpu_batch: ClassVar[int] = 16_384  # a step moves the planes of all pictures

    def learning_rate(self, steps: int) -> float:
        """Return the network's rate; the planes' is a multiple of it."""
        return 2e-2

    def usual_steps(self, usual: int, epoch_steps: int) -> int:
        """Return six passes over all pictures, as far as that is sensible."""
        return min(usual * 3 // 2, max(usual * 3 // 10, _PASSES * epoch_steps))

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> CoordinateModel:
        """Return the model with planes for the size and the number of pictures."""
        from neuralpaint.encodings.coded import Coded
        from neuralpaint.encodings.together import Together
        from neuralpaint.encodings.waves import Waves, all_around
        from neuralpaint.networks import CoordinateModel, SkipConn

        frequencies = all_around(self.waves, lowest=_LOWEST, highest=_HIGHEST, generator=generator)
        waves = Waves(frequencies)
        planes = PyramidEncoding(detail=self.detail, fade=self.fade)
        encoding: Encoding
        if codes is None:
            encoding = Together(waves, planes.build(canvas, generator))
        else:
            encoding = Coded(Together(waves, planes.build_pages(canvas, generator, codes)), codes)
        network = SkipConn(
            encoding.widths,
            hidden_size=self.hidden_size,
            hidden_layers=self.hidden_layers,
            activation=self.activation,
        )
        network.initialize_sine(
            encoding.spectra, strengths=encoding.sine_strengths, generator=generator
        )
        return CoordinateModel(encoding, network, strip=_STRIP)


@models.register("buttons")
@dataclass(frozen=True)
class ButtonsModel(Model):
    """A whole picture as the answer to a code: a look-up table, asked for what it never saw.

    Sigmoid layers without biases lead from the code to every pixel. Its classical training is
    --optimizer sgd --schedule adaptive-halving.
    """

    hidden_size: int = setting(110, "width of each hidden layer", minimum=1, maximum=8192)
    hidden_layers: int = setting(2, "hidden layers", minimum=0, maximum=64)
    gain: float = setting(
        4.0, "how strong the hidden layers begin; weaker, and all codes look alike", above=0.0,
        maximum=100,
    )  # fmt: skip
    output_gain: float = setting(
        0.1, "how strong the pixels' weights begin; stronger, and pixels stay black or white",
        above=0.0, maximum=100,
    )  # fmt: skip
    learns_whole: ClassVar[bool] = True
    needs_codes: ClassVar[bool] = True

    def learning_rate(self, steps: int) -> float:
        """Return a rate measured on eight photographs."""
        return 2e-2 if self.hidden_layers else 5e-2

    def raw_rate(self, steps: int) -> float:
        """Return a rate, measured likewise, for the gradient of a sum over the pixels."""
        return 0.1 / self.hidden_layers if self.hidden_layers else 1.5

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> ColourModel:
        """Return the model with weights for every pixel of the pictures.

        Raises:
            UsageError: there are no codes, or one to which nothing can be the answer.
        """
        import torch

        from neuralpaint.networks import Buttons

        network = Buttons(
            torch.from_numpy(self.pressed(codes)),
            height=canvas.height,
            width=canvas.width,
            hidden_size=self.hidden_size,
            hidden_layers=self.hidden_layers,
        )
        network.initialize(generator, gain=self.gain, output_gain=self.output_gain)
        return network

    def pressed(self, codes: Codes | None) -> Codes:
        """Return codes that can be learned.

        Raises:
            UsageError: there are none, or one of zeros, which without hidden layers stays grey.
        """
        if codes is None:
            raise UsageError(
                "model buttons learns several pictures by their codes, not one: use neuralpaint "
                "morph, or choose another --model"
            )
        if self.hidden_layers == 0 and not codes.any(axis=1).all():
            raise UsageError(
                "a code of zeros presses no button, and without hidden layers that is grey for "
                "ever: give that picture another code, or choose hidden_layers=1"
            )
        return codes
