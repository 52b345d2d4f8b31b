"""Small learners, which train quickly."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.training.learner import Learner
from neuralpaint.training.settings import TrainingSettings

SMALL = ":hidden_size=16,hidden_layers=2"


def picture(height: int = 24, width: int = 36) -> Picture:
    """Return a smooth picture, which a small network learns quickly."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    colours = np.stack([x, y, 0.5 + 0.5 * np.sin(6 * x + 4 * y)], axis=-1)
    return Picture.from_array(colours.clip(0, 1))


def small(name: str = "fourier", **options: Any) -> Learner:
    options = {"model": name + SMALL, "steps": 200, "batch": 200, "device": "cpu"} | options
    return learner(picture(), TrainingSettings.from_dict(options))
