"""Small paintings of any model, after a few steps of training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from neuralpaint.image.pictures import Picture
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.training.settings import Engine


@pytest.fixture(scope="session")
def painted() -> Callable[..., Painting]:
    """Return the painting of a model in the middle of a training, where no weight is 0 or 1."""
    y, x = np.mgrid[0:16, 0:24] / 24
    picture = Picture.from_array(np.stack([x, y, 0.5 + 0.5 * np.sin(9 * x + 4 * y)], -1))

    def paint(model: str, *, engine: Engine = "torch", enhance: bool = False) -> Painting:
        trained = learner(
            picture,
            model=model,
            engine=engine,
            enhance=enhance,
            batch=128,
            steps=60,
            device="cpu",
            threads=1,
        )
        trained.advance(12)
        return trained.painting()

    return paint
