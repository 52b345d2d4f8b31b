"""Learned planes of features: for one picture, and for each of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neuralpaint.config.settings import setting
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import Codes
from neuralpaint.models.encodings.entries import PlanesSettings, PyramidEncoding
from neuralpaint.models.model import STRIP, ActivationName, Model, built, models

if TYPE_CHECKING:
    import torch

    from neuralpaint.models.encodings.encoding import Encoding
    from neuralpaint.models.networks import CoordinateModel

__all__ = ["MorphModel", "PyramidModel"]

# Frequencies that pictures share, in periods along the longer side: from clouds to leaves.
_LOWEST, _HIGHEST = 1.5, 24.0
_PASSES = 6  # over the pictures of a morph


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
        from neuralpaint.models.networks import MLP, CoordinateModel

        settings = PyramidEncoding(detail=self.detail, fade=self.fade)
        encoding = built(settings, canvas, generator, codes)
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
        from neuralpaint.models.encodings.coded import Coded
        from neuralpaint.models.encodings.together import Together
        from neuralpaint.models.encodings.waves import Waves, all_around
        from neuralpaint.models.networks import CoordinateModel, SkipConn

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
        return CoordinateModel(encoding, network, strip=STRIP)
