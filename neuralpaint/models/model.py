"""The settings from which a model is built, and the registry of models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import Codes, Subject
from neuralpaint.models.encodings import encodings

if TYPE_CHECKING:
    import torch

    from neuralpaint.models.encodings.encoding import Encoding
    from neuralpaint.models.networks.network import ColourModel

__all__ = ["EncodedModel", "Model", "models"]

_SGD_FACTOR = 100  # SGD rate / Adam rate, measured on networks with 64 to 256 units per layer


@dataclass(frozen=True)
class Model(Settings, ABC):
    """Settings from which a model is built."""

    needs_all_pixels: ClassVar[bool] = False
    """Whether every step trains all pixels, and the output has the size of the target."""
    needs_codes: ClassVar[bool] = False
    """Whether it can only be trained with an album."""

    @property
    def cpu_batch(self) -> int:
        """Pixels per step on a CPU: about every 10th row and column of a 768x512 picture."""
        return 4096

    @property
    def is_clamped(self) -> bool:
        """Whether it repeats the outermost colours beyond the picture."""
        return False

    @abstractmethod
    def learning_rate(self, steps: int) -> float:
        """Return the learning rate for a training of `steps` steps with Adam."""

    def raw_rate(self, steps: int) -> float:
        """Return the learning rate for SGD.

        It is larger than Adam's, because the gradients of colours in [0, 1] are small.
        """
        return _SGD_FACTOR * self.learning_rate(steps)

    def default_steps(self, usual: int, epoch_steps: int) -> int:
        """Return the default number of steps.

        Args:
            usual: the default number of steps of most models on this device.
            epoch_steps: the number of steps in which every pixel is used once.
        """
        return usual

    def placed(self, subject: Subject) -> Self:
        """Return this model with the settings that depend on the picture or album, before `build`.

        Takes, paintings and checkpoints contain these settings.
        """
        return self

    @abstractmethod
    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> ColourModel:
        """Return the model for pictures of the size of `canvas`, with random weights.

        `codes` (pictures, k) are the codes of an album; None for a single picture.
        """


models: Registry[Model] = Registry("model")


@dataclass(frozen=True)
class EncodedModel(Model):
    """A model with any encoding."""

    encoding: str = setting("none", "how coordinates become features", entries=encodings)

    def __post_init__(self) -> None:
        super().__post_init__()
        # Normalised, so that two spellings of one encoding give equal settings.
        spec = encodings.spec(encodings.parse(self.encoding))
        object.__setattr__(self, "encoding", spec)

    @property
    def is_clamped(self) -> bool:
        """Whether its encoding repeats the outermost features beyond the picture."""
        return encodings.parse(self.encoding).is_clamped

    def placed(self, subject: Subject) -> Self:
        """Return this model with the settings of its encoding that depend on the subject."""
        encoding = encodings.parse(self.encoding).placed(subject)
        return replace(self, encoding=encodings.spec(encoding))

    def _encode(self, canvas: Canvas, generator: torch.Generator, codes: Codes | None) -> Encoding:
        return encodings.parse(self.encoding).build(canvas, generator, codes)
