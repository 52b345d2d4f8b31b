"""What the tests of every command need."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a picture in it."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    return tmp_path


@pytest.fixture(autouse=True)
def as_loud_as_before() -> Iterator[None]:
    """Undo what `--quiet` does to the logger of this process."""
    logger = logging.getLogger("neuralpaint")
    level = logger.level
    yield
    logger.setLevel(level)
