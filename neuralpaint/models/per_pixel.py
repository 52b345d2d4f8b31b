"""Models whose number of weights grows with the picture: `pyramid`, `morph` and `buttons`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

from neuralpaint.config.settings import setting
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import Codes
from neuralpaint.models.encodings import PlanesSettings, PyramidEncoding, PyramidSettings
from neuralpaint.models.model import Model, models
from neuralpaint.models.networks import ActivationName

if TYPE_CHECKING:
    import torch

    from neuralpaint.models.networks.network import ColourModel, CoordinateModel

__all__ = ["ButtonsModel", "MorphModel", "PyramidModel"]

# Range of the frequencies of the shared waves, in periods along the longer side of the picture.
_LOWEST, _HIGHEST = 1.5, 24.0
_PASSES = 6  # default number of passes over the pictures of a morph


@models.register("pyramid")
@dataclass(frozen=True)
class PyramidModel(PyramidSettings, Model):
    """Learned planes of features at several resolutions and a small network over them."""

    hidden_size: int = setting(32, "width of each hidden layer", minimum=1, maximum=1024)
    hidden_layers: int = setting(2, "hidden layers", minimum=0, maximum=64)

    @property
    def cpu_batch(self) -> int:
        """More pixels than usual, because a step updates whole planes."""
        return 6144

    def learning_rate(self, steps: int) -> float:
        """Return the learning rate of the network; the planes have a multiple of it."""
        return 1e-2

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> CoordinateModel:
        """Return the model with planes for the size of the picture."""
        from neuralpaint.models.networks.mlp import MLP
        from neuralpaint.models.networks.network import CoordinateModel

        shared = {field.name: getattr(self, field.name) for field in fields(PyramidSettings)}
        encoding = PyramidEncoding(**shared).build(canvas, generator, codes)
        network = MLP(
            encoding,
            hidden_size=self.hidden_size,
            hidden_layers=self.hidden_layers,
            generator=generator,
            channels=canvas.channels,
        )
        return CoordinateModel(encoding, network, strip=16_384)


@models.register("morph")
@dataclass(frozen=True)
class MorphModel(PlanesSettings, Model):
    """Learned planes for each picture, shared waves, and sines whose phases the code shifts.

    The planes store the details of each picture. Between two codes the planes are mixed, and the
    waves add details that are in neither picture.
    """

    waves: int = setting(16, "waves in all directions", minimum=1, maximum=4096)
    hidden_size: int = setting(32, "width of each hidden layer", minimum=1, maximum=1024)
    hidden_layers: int = setting(1, "hidden layers after the first", minimum=0, maximum=64)
    activation: ClassVar[ActivationName] = "sine"

    @property
    def cpu_batch(self) -> int:
        """More pixels than usual, because a step updates whole planes."""
        return 16_384

    def learning_rate(self, steps: int) -> float:
        """Return the learning rate of the network; the planes have a multiple of it."""
        return 2e-2

    def default_steps(self, usual: int, epoch_steps: int) -> int:
        """Return the steps of six passes over all pictures, from 0.3 to 1.5 times `usual`."""
        return min(usual * 3 // 2, max(usual * 3 // 10, _PASSES * epoch_steps))

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> CoordinateModel:
        """Return the model with planes for the size and the number of pictures."""
        from neuralpaint.models.encodings.encoding import Concatenation, Conditioned, Encoding
        from neuralpaint.models.encodings.fourier import Waves, draw_frequencies
        from neuralpaint.models.networks.network import CoordinateModel
        from neuralpaint.models.networks.skipconn import SkipConn

        waves = Waves(
            draw_frequencies(self.waves, lowest=_LOWEST, highest=_HIGHEST, generator=generator)
        )
        planes = PyramidEncoding(detail=self.detail, fade=self.fade)
        encoding: Encoding = Concatenation(waves, planes.build_features(canvas, generator, codes))
        if codes is not None:
            encoding = Conditioned(encoding, codes)
        network = SkipConn(
            encoding,
            hidden_size=self.hidden_size,
            hidden_layers=self.hidden_layers,
            activation=self.activation,
            generator=generator,
            channels=canvas.channels,
        )
        return CoordinateModel(encoding, network)


@models.register("buttons")
@dataclass(frozen=True)
class ButtonsModel(Model):
    """A look-up table from codes to whole pictures that also returns one for other codes.

    Sigmoid layers without biases map the code to every pixel. The classical way to train it is
    --optimizer sgd --schedule adaptive-halving.
    """

    hidden_size: int = setting(110, "width of each hidden layer", minimum=1, maximum=8192)
    hidden_layers: int = setting(2, "hidden layers", minimum=0, maximum=64)
    gain: float = setting(
        4.0, "scale of the hidden layers' initial weights; if it is small, all codes look alike",
        above=0.0, maximum=100,
    )  # fmt: skip
    output_gain: float = setting(
        0.1, "scale of the pixels' initial weights; if it is large, pixels stay black or white",
        above=0.0, maximum=100,
    )  # fmt: skip
    needs_all_pixels: ClassVar[bool] = True
    needs_codes: ClassVar[bool] = True

    @property
    def is_clamped(self) -> bool:
        """Always True."""
        return True

    def learning_rate(self, steps: int) -> float:
        """Return a rate measured on eight photographs."""
        return 2e-2 if self.hidden_layers else 5e-2

    def raw_rate(self, steps: int) -> float:
        """Return a rate for the gradient of the sum over the pixels, measured on photographs."""
        return 0.1 / self.hidden_layers if self.hidden_layers else 1.5

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> ColourModel:
        """Return the model with weights for every pixel of the pictures.

        Raises:
            UsageError: the pictures have alpha; or see `check_codes`.
        """
        import torch

        from neuralpaint.models.networks.buttons import Buttons

        if canvas.channels == 4:
            raise UsageError(
                "model buttons learns no alpha: give the pictures a background, or choose another "
                "--model"
            )
        return Buttons(
            torch.from_numpy(self.check_codes(codes)),
            height=canvas.height,
            width=canvas.width,
            hidden_size=self.hidden_size,
            hidden_layers=self.hidden_layers,
            gain=self.gain,
            output_gain=self.output_gain,
            generator=generator,
        )

    def check_codes(self, codes: Codes | None) -> Codes:
        """Return the codes if they can be trained.

        Raises:
            UsageError: there are no codes; or there are no hidden layers and a code is all 0, whose
                picture would stay grey.
        """
        if codes is None:
            raise UsageError(
                "model buttons learns several pictures by their codes, not one: use neuralpaint "
                "morph, or choose another --model"
            )
        if self.hidden_layers == 0 and not codes.any(axis=1).all():
            raise UsageError(
                "without hidden layers, the picture of a code of zeros is always grey: give it "
                "another code, or choose hidden_layers=1"
            )
        return codes
