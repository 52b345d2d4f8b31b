"""The methods: resamplers, and each network, once plain and once enhanced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.compare.names import named
from neuralpaint.pipelines.upscale.settings import UpscaleSettings
from neuralpaint.training.settings import TrainingSettings

__all__ = ["BASELINE", "RESAMPLERS", "Kind", "Method", "methods_of", "resampled"]

Kind = Literal["resampler", "plain", "enhanced"]


@dataclass(frozen=True)
class Method:
    """One way to bring a picture back."""

    name: str
    """Short, unique, one line."""
    slug: str
    """The name as that of a file: lower-case ASCII, unique too."""
    kind: Kind
    training: TrainingSettings | None = None
    """How a network learns the small picture; None of a resampler."""


BASELINE = Method("Lanczos", "lanczos", "resampler")
"""What all the others are measured against."""

RESAMPLERS = (
    Method("nearest", "nearest", "resampler"),
    Method("bicubic", "bicubic", "resampler"),
    BASELINE,
)


def methods_of(settings: UpscaleSettings) -> tuple[Method, ...]:
    """Return every method: the resamplers, then each network plain and enhanced.

    Raises:
        UsageError: the settings exclude a training.
    """
    plain = [settings.training(model, enhance=False) for model in settings.models]
    networks = []
    for training, (name, slug) in zip(plain, named(plain, [None] * len(plain)), strict=True):
        enhanced = settings.training(training.model, enhance=True)
        networks.append(Method(name, slug, "plain", training))
        networks.append(Method(f"{name} enhanced", f"{slug}-enhanced", "enhanced", enhanced))
    return (*RESAMPLERS, *networks)


def resampled(small: Picture, method: Method, *, height: int, width: int) -> NDArray[np.uint8]:
    """Return a small picture as a resampler makes it large, uint8 (height, width, 3)."""
    resampling = Image.Resampling[method.slug.upper()]
    return np.asarray(Image.fromarray(small.pixels).resize((width, height), resampling))
