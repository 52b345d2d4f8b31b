"""Tiny models and a small canvas, for tests that every model and every encoding must pass."""

from __future__ import annotations

import torch

from neuralpaint.image.canvas import Canvas
from neuralpaint.models import models
from neuralpaint.models.encodings import encodings
from neuralpaint.models.encodings.encoding import Encoding
from neuralpaint.models.networks.network import CoordinateModel

__all__ = ["CANVAS", "SPECS", "WITHOUT_CODES", "Features", "axes", "build", "tiny"]

WITHOUT_CODES = [name for name in models if not models[name].needs_codes]
"""The models that can learn a single picture."""


CANVAS = Canvas.of(height=18, width=26)
_TINY = {
    "fourier": "order=6,hidden_size=12,hidden_layers=1",
    "skipconn": "hidden_size=12,hidden_layers=2",
    "mlp": "hidden_size=16,hidden_layers=2",
    "siren": "hidden_size=16,hidden_layers=2",
    "pyramid": "hidden_size=12,fade=0",
}
_TINY_ENCODING = {
    "positional": ",features=16,sigma=8",
    "gaussian": ",features=16,sigma=2",
    "harmonic": ",order=6",
    "polar": ",order=6,mirrors=2",
    "hash": ",levels=3,table_size=6,coarsest=3",
    "pyramid": ",fade=0",
}
_WAVES = "features=16,sigma=2"
_VARIANTS = [
    *(f"mlp:{_TINY['mlp']},norm={norm},dropout=0.1" for norm in ("none", "layer", "batch")),
    *(f"mlp:{_TINY['mlp']},{_WAVES},activation={f}" for f in ("tanh", "sigmoid", "sine")),
]


def tiny(name: str) -> str:
    """Return a small version of the model."""
    return f"{name}:{_TINY.get(name, '')}"


def _specs(name: str) -> list[str]:
    """Return a small version of the model with each encoding that it can have."""
    if not hasattr(models[name], "encoding"):
        return [tiny(name)]
    return [f"{tiny(name)},encoding={e}{_TINY_ENCODING.get(e, '')}" for e in encodings]


SPECS = [spec for name in WITHOUT_CODES for spec in _specs(name)] + _VARIANTS


def build(spec: str, *, seed: int = 0) -> CoordinateModel:
    """Return the model for the small canvas."""
    model = models.parse(spec).build(CANVAS, torch.Generator().manual_seed(seed))
    assert isinstance(model, CoordinateModel)
    return model


def axes() -> tuple[torch.Tensor, torch.Tensor]:
    """Return x (1, w) and y (h, 1) of the small canvas."""
    x, y = CANVAS.grid()
    return torch.from_numpy(x), torch.from_numpy(y)


class Features(Encoding):
    """An encoding with given widths, for tests that pass features directly to a network."""

    sine_strengths = (1.0, 1.0)

    def __init__(self, *widths: int, deviation: float = 1.0) -> None:
        super().__init__()
        self.widths = widths
        self.spectra = tuple(torch.full((width,), deviation) for width in widths)
