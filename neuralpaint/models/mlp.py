"""Plain networks over any encoding: `mlp` and `siren`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuralpaint.config.settings import setting
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import Codes
from neuralpaint.models.encodings import encodings
from neuralpaint.models.model import EncodedModel, models
from neuralpaint.models.networks import ActivationName, NormName

if TYPE_CHECKING:
    import torch

    from neuralpaint.models.networks.network import CoordinateModel

__all__ = ["MLPModel", "SirenModel"]


@models.register("mlp")
@dataclass(frozen=True)
class MLPModel(EncodedModel):
    """A plain multilayer perceptron, by default the network of Tancik et al. 2020."""

    encoding: str = setting("gaussian", "how coordinates become features", entries=encodings)
    hidden_size: int = setting(256, "width of each hidden layer", minimum=1, maximum=8192)
    hidden_layers: int = setting(3, "hidden layers", minimum=0, maximum=512)
    activation: ActivationName = setting("relu", "activation of every hidden layer")
    norm: NormName = setting("none", "normalisation before every activation")
    dropout: float = setting(
        0.0,
        "fraction of the hidden values set to 0 at random while training",
        minimum=0,
        maximum=0.95,
    )

    @property
    def cpu_batch(self) -> int:
        """Half of the usual pixels: 0.5 dB better after 10 seconds."""
        return 2048

    def learning_rate(self, steps: int) -> float:
        """Return a rate proportional to 1 / sqrt(steps) and, for wide layers, to 1 / width.

        With 2000 steps and 256 units it is 1e-3, as in Tancik et al. 2020. With 120 steps, a rate
        four times as high gains 2 dB.
        """
        return 1e-3 * math.sqrt(2000 / max(125, steps)) * min(4, 256 / self.hidden_size)

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> CoordinateModel:
        """Return the model over its encoding."""
        from neuralpaint.models.networks.mlp import MLP
        from neuralpaint.models.networks.network import CoordinateModel

        encoding = self._encode(canvas, generator, codes)
        network = MLP(
            encoding,
            hidden_size=self.hidden_size,
            hidden_layers=self.hidden_layers,
            generator=generator,
            channels=canvas.channels,
            activation=self.activation,
            norm=self.norm,
            dropout=self.dropout,
        )
        return CoordinateModel(encoding, network)


@models.register("siren")
@dataclass(frozen=True)
class SirenModel(EncodedModel):
    """Sine layers whose frequencies are scaled by omega (Sitzmann et al. 2020)."""

    hidden_size: int = setting(128, "width of each hidden layer", minimum=1, maximum=8192)
    hidden_layers: int = setting(3, "hidden layers", minimum=1, maximum=512)
    omega_0: float = setting(
        30.0, "scale of the first layer's frequencies", above=0.0, maximum=10_000
    )
    omega: float = setting(
        30.0, "scale of the other layers' frequencies", above=0.0, maximum=10_000
    )

    def learning_rate(self, steps: int) -> float:
        """Return a rate proportional to 1 / sqrt(steps) and, for wide layers, to 1 / width.

        Measured on photographs. At three times this rate, the network learns nothing.
        """
        return 3e-3 * math.sqrt(500 / max(500, steps)) * min(1, 128 / self.hidden_size)

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> CoordinateModel:
        """Return the model over its encoding."""
        from neuralpaint.models.networks.mlp import Siren
        from neuralpaint.models.networks.network import CoordinateModel

        encoding = self._encode(canvas, generator, codes)
        network = Siren(
            encoding,
            hidden_size=self.hidden_size,
            hidden_layers=self.hidden_layers,
            omega_0=self.omega_0,
            omega=self.omega,
            generator=generator,
            channels=canvas.channels,
            use_spectrum=self.encoding != "none",
        )
        return CoordinateModel(encoding, network)
