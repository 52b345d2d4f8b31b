"""Buttons: a whole picture as the answer to a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neuralpaint.config.settings import setting
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import Codes
from neuralpaint.models.model import Model, models

if TYPE_CHECKING:
    import torch

    from neuralpaint.models.networks import ColourModel

__all__ = ["ButtonsModel"]


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

        from neuralpaint.models.networks import Buttons

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
