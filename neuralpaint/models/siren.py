"""SIREN: sines all the way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuralpaint.config.settings import setting
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import Codes
from neuralpaint.models.model import STRIP, Encoded, models

if TYPE_CHECKING:
    import torch

    from neuralpaint.models.networks import CoordinateModel

__all__ = ["SirenModel"]


@models.register("siren")
@dataclass(frozen=True)
class SirenModel(Encoded):
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
        from neuralpaint.models.networks import CoordinateModel, Siren

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
        return CoordinateModel(encoding, network, strip=STRIP, in_parts=network.in_parts)
