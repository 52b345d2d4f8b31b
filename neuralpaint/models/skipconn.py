"""SkipConn over harmonics of each axis (`fourier`) and over any encoding (`skipconn`)."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from neuralpaint.config.settings import setting
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture
from neuralpaint.models.codes import Codes, Subject
from neuralpaint.models.encodings import usual_order
from neuralpaint.models.model import EncodedModel, Model, models
from neuralpaint.models.networks import ActivationName

if TYPE_CHECKING:
    import torch

    from neuralpaint.models.encodings.encoding import Encoding
    from neuralpaint.models.encodings.fourier import Cosine
    from neuralpaint.models.networks.network import CoordinateModel
    from neuralpaint.models.networks.series import Series

__all__ = ["FourierModel", "SkipConnModel"]


@dataclass(frozen=True)
class _SkipConnSettings(Model):
    hidden_size: int | None = setting(None, "width of each hidden layer", minimum=1, maximum=8192)
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

    @property
    @abstractmethod
    def units(self) -> int:
        """The width of each hidden layer."""

    def _build(
        self,
        encoding: Encoding,
        generator: torch.Generator,
        *,
        channels: int,
        series: Series | None = None,
    ) -> CoordinateModel:
        from neuralpaint.models.networks.network import CoordinateModel
        from neuralpaint.models.networks.skipconn import SkipConn

        network = SkipConn(
            encoding,
            hidden_size=self.units,
            hidden_layers=self.hidden_layers,
            activation=self.activation,
            channels=channels,
            factors=self.first_factors,
            series=series,
            generator=generator,
        )
        return CoordinateModel(encoding, network)


@models.register("fourier")
@dataclass(frozen=True)
class FourierModel(_SkipConnSettings):
    """SkipConn over harmonics of each axis, which open from low to high while it learns.

    For a single picture a cosine series is added, which learns the detail, and one hidden layer of
    32 units is enough. Without a series the network is wide and shallow, because that renders
    faster: one hidden layer of 128 units takes 0.7 times as long as two of 96, and is about as good
    after 5 to 10 seconds of training on a CPU.
    """

    hidden_size: int | None = setting(
        None, "width of each hidden layer; unset, 32 with a series, 128 without", minimum=1,
        maximum=8192,
    )  # fmt: skip
    hidden_layers: int = setting(1, "hidden layers after the first", minimum=1, maximum=512)
    order: int | None = setting(
        None,
        "harmonics per axis; unset, one per 2.05 pixels of the longer side, from 16 to 374 "
        "(without series: per 2.4, to 320; without mirror: per 3, to 256)",
        minimum=1,
        maximum=4096,
    )
    mirror: bool = setting(
        True,
        "cosines of half periods: beyond its edges the picture continues as its mirror image; "
        "false: sines and cosines of whole periods, which repeat it",
    )
    anneal: float = setting(
        0.5, "fraction of the training in which the harmonics open, from low to high; 0: all are "
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

    series: bool | None = setting(
        None, "whether a series of the products of all cosines of x and of y is added to the "
        "network; unset, yes for a single picture with mirror",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.series and not self.mirror:
            raise UsageError(
                "model fourier: series=yes multiplies cosines, but mirror=no: leave one of them out"
            )
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

    @property
    def units(self) -> int:
        """The width of each hidden layer."""
        return self.hidden_size or (32 if self.series else 128)

    @property
    def cpu_batch(self) -> int:
        """More pixels than usual with a series, whose cost hardly depends on their number."""
        return 12_288 if self.series else super().cpu_batch

    def default_steps(self, usual: int, epoch_steps: int) -> int:
        """Return 0.6 times `usual` with a series, which needs fewer steps: 47 dB of kodim23."""
        return usual * 3 // 5 if self.series else usual

    def placed(self, subject: Subject) -> Self:
        """Return this model with or without a series.

        Unset, `series` is chosen here and not in `build`, because files that were saved without it
        contain networks without a series.
        """
        if self.series is not None:
            return self
        return replace(self, series=self.mirror and isinstance(subject, Picture))

    def order_for(self, canvas: Canvas) -> int:
        """Return the number of harmonics per axis for pictures of the size of `canvas`."""
        pixels = 2.05 if self.series else 2.4 if self.mirror else 3.0
        return self.order or usual_order(canvas, pixels=pixels)

    def cosines(self, canvas: Canvas) -> Cosine:
        """Return the features with `mirror`, which a series multiplies."""
        from neuralpaint.models.encodings.fourier import Cosine

        return Cosine(self.order_for(canvas), span=canvas.span, **self._amplitudes)

    @property
    def _amplitudes(self) -> dict[str, float]:
        return {"anneal": self.anneal, "decay": self.decay, "strength": self.strength}

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> CoordinateModel:
        """Return the model with the harmonics that a picture of this size needs."""
        from neuralpaint.models.encodings.encoding import Conditioned
        from neuralpaint.models.encodings.fourier import Cosine, Harmonic
        from neuralpaint.models.networks.series import Series

        encoding: Encoding = (
            self.cosines(canvas)
            if self.mirror
            else Harmonic(self.order_for(canvas), **self._amplitudes)
        )
        series = None
        if self.series and isinstance(encoding, Cosine):
            if codes is not None:
                raise UsageError(
                    "model fourier: series=yes is for a single picture, but there are several: "
                    "leave it out"
                )
            series = Series(encoding, channels=canvas.channels)
        if codes is not None:
            encoding = Conditioned(encoding, codes)
        return self._build(encoding, generator, channels=canvas.channels, series=series)


@models.register("skipconn")
@dataclass(frozen=True)
class SkipConnModel(EncodedModel, _SkipConnSettings):
    """Every hidden layer receives the outputs of the two previous layers and the features."""

    hidden_size: int = setting(64, "width of each hidden layer", minimum=1, maximum=8192)

    @property
    def units(self) -> int:
        """The width of each hidden layer."""
        return self.hidden_size

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
        encoding = self._encode(canvas, generator, codes)
        return self._build(encoding, generator, channels=canvas.channels)
