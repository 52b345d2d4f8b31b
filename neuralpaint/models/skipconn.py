"""SkipConn over harmonics of each axis (`fourier`) and over any encoding (`skipconn`)."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuralpaint.config.settings import setting
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import Codes
from neuralpaint.models.encodings import usual_order
from neuralpaint.models.model import EncodedModel, Model, models
from neuralpaint.models.networks import ActivationName

if TYPE_CHECKING:
    import torch

    from neuralpaint.models.encodings.encoding import Encoding
    from neuralpaint.models.networks.network import CoordinateModel

__all__ = ["FourierModel", "SkipConnModel"]


@dataclass(frozen=True)
class _SkipConnSettings(Model):
    hidden_size: int = setting(64, "width of each hidden layer", minimum=1, maximum=8192)
    hidden_layers: int = setting(4, "hidden layers after the first", minimum=1, maximum=512)
    activation: ActivationName = setting("sine", "activation of every hidden layer")

    def learning_rate(self, steps: int) -> float:
        """Return a rate that falls with the square root of the steps.

        With more steps, a lower rate reaches a lower error.
        """
        return self._lr * math.sqrt(1200 / max(1200, steps))

    @property
    @abstractmethod
    def _lr(self) -> float:
        """The rate for up to 1200 steps."""

    @property
    def first_factors(self) -> int:
        """The number of factors of a unit of the first layer."""
        return 1

    def _build(self, encoding: Encoding, generator: torch.Generator) -> CoordinateModel:
        from neuralpaint.models.networks.network import CoordinateModel
        from neuralpaint.models.networks.skipconn import SkipConn

        network = SkipConn(
            encoding,
            hidden_size=self.hidden_size,
            hidden_layers=self.hidden_layers,
            activation=self.activation,
            factors=self.first_factors,
            generator=generator,
        )
        return CoordinateModel(encoding, network)


@models.register("fourier")
@dataclass(frozen=True)
class FourierModel(_SkipConnSettings):
    """SkipConn over harmonics of each axis, which open from low to high while it learns.

    By default it is wide and shallow, because that renders faster: one hidden layer of 128 units
    takes 0.7 times as long as two of 96. On a CPU it is about as good after 5 to 10 seconds of
    training, and half a decibel worse after 30.
    """

    hidden_size: int = setting(128, "width of each hidden layer", minimum=1, maximum=8192)
    hidden_layers: int = setting(1, "hidden layers after the first", minimum=1, maximum=512)
    order: int | None = setting(
        None,
        "harmonics per axis; unset, one per 2.4 pixels of the longer side, from 16 to 320 (without "
        "mirror: per 3 pixels, to 256)",
        minimum=1,
        maximum=4096,
    )
    mirror: bool = setting(
        True,
        "cosines of half periods: beyond its edges the picture continues as its mirror image; "
        "false: sines and cosines of whole periods, which repeat it",
    )
    anneal: float = setting(
        0.35, "fraction of the training in which the harmonics open, from low to high; 0: all are "
        "open from the start", minimum=0, maximum=1,
    )  # fmt: skip
    decay: float = setting(
        1.0, "the amplitude of harmonic k, and with it the rate at which it is learned, is "
        "proportional to k^-decay", minimum=0, maximum=4,
    )  # fmt: skip
    strength: float = setting(
        1.0, "how far the phases of the first layer's sines vary over the picture at the start",
        unit="radians", above=0.0, maximum=100,
    )  # fmt: skip
    factors: int | None = setting(
        None, "waves whose product is a unit of the first layer, 1 or 2; unset, 2 for sines, and "
        "1 for another activation", minimum=1, maximum=2,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.factors == 2 and self.activation != "sine":
            raise UsageError(
                f"model fourier: factors=2 multiplies sines, but activation={self.activation}: "
                "choose factors=1"
            )

    @property
    def _lr(self) -> float:
        return 3e-3 if self.activation == "sine" else 1e-2

    @property
    def first_factors(self) -> int:
        """The number of factors of a unit of the first layer."""
        return self.factors or (2 if self.activation == "sine" else 1)

    def order_for(self, canvas: Canvas) -> int:
        """Return the number of harmonics per axis for pictures of the size of `canvas`."""
        return self.order or usual_order(canvas, pixels=2.4 if self.mirror else 3.0)

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> CoordinateModel:
        """Return the model with the harmonics that a picture of this size needs."""
        from neuralpaint.models.encodings.encoding import Conditioned
        from neuralpaint.models.encodings.fourier import Cosine, Harmonic

        order = self.order_for(canvas)
        options = {"anneal": self.anneal, "decay": self.decay, "strength": self.strength}
        encoding: Encoding = (
            Cosine(order, span=canvas.span, **options)
            if self.mirror
            else Harmonic(order, **options)
        )
        if codes is not None:
            encoding = Conditioned(encoding, codes)
        return self._build(encoding, generator)


@models.register("skipconn")
@dataclass(frozen=True)
class SkipConnModel(EncodedModel, _SkipConnSettings):
    """Every hidden layer receives the outputs of the two previous layers and the features."""

    @property
    def _lr(self) -> float:
        if self.activation != "sine":
            return 1e-2
        name = self.encoding.partition(":")[0]
        return {"none": 1.5e-2, "harmonic": 3e-3}.get(name, 8e-3)

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> CoordinateModel:
        """Return the model over its encoding."""
        return self._build(self._encode(canvas, generator, codes), generator)
