"""A model as settings: what a network over pictures, or over codes, is built from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import Codes
from neuralpaint.models.encodings.entries import EncodingSettings, encodings

if TYPE_CHECKING:
    import torch

    from neuralpaint.models.encodings.encoding import Encoding
    from neuralpaint.models.networks import ColourModel

__all__ = ["STRIP", "ActivationName", "Encoded", "Model", "NormName", "built", "models"]

ActivationName = Literal["leaky_relu", "sine", "relu", "gelu", "silu", "tanh", "sigmoid"]
NormName = Literal["none", "layer", "batch"]

STRIP = 8192
"""Pixels rendered at once where a network takes each one's features whole: they fit the caches."""

_RAW = 100  # times Adam's rate, measured with networks of 64 to 256 units


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


def built(
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
class Encoded(Model):
    """A model whose encoding is chosen by name."""

    encoding: str = setting("none", "how coordinates become features", entries=encodings)

    def __post_init__(self) -> None:
        super().__post_init__()
        # As the registry writes it: two ways to write one encoding are the same settings.
        spec = encodings.spec(encodings.parse(self.encoding))
        object.__setattr__(self, "encoding", spec)

    def _encode(self, canvas: Canvas, generator: torch.Generator, codes: Codes | None) -> Encoding:
        return built(encodings.parse(self.encoding), canvas, generator, codes)
