from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralpaint.errors import UsageError
from neuralpaint.image.masks import focus_weights


def test_what_is_white_counts_more_and_the_rest_once() -> None:
    weights = focus_weights("centre:fraction=0.25", height=20, width=20, weight=8)
    assert weights.dtype == np.float32
    assert weights[10, 10] == 8
    assert weights[0, 0] == 1
    assert np.mean(weights == 8) == pytest.approx(0.25, abs=0.05)


def test_grey_counts_in_between(tmp_path: Path) -> None:
    levels = np.linspace(0, 255, 16, dtype=np.uint8)[None].repeat(4, 0)
    Image.fromarray(levels).save(tmp_path / "face.png")
    weights = focus_weights(str(tmp_path / "face.png"), height=4, width=16, weight=5)
    assert (weights.min(), weights.max()) == (1, 5)
    assert (np.diff(weights[0]) >= 0).all()
    assert 2 < weights[0, 8] < 4


def test_a_focus_on_everything_is_on_nothing(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 255, np.uint8)).save(tmp_path / "all.png")
    with pytest.raises(UsageError, match="the same everywhere on 4x4 pixels"):
        focus_weights(str(tmp_path / "all.png"), height=4, width=4, weight=8)


def test_an_error_is_about_the_focus() -> None:
    with pytest.raises(UsageError, match=r"no focus file 'face\.png'"):
        focus_weights("face.png", height=4, width=4, weight=8)
