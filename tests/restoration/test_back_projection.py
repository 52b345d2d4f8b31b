"""Back-projection at many scales."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from neuralpaint.image.pictures import Picture
from neuralpaint.image.resampling import Kernel
from neuralpaint.image.resampling_kernels import Axis
from neuralpaint.restoration.back_projection import BackProjection
from neuralpaint.restoration.observation import observe
from neuralpaint.restoration.settings import TargetSettings


@pytest.mark.parametrize("kernel", get_args(Kernel))
@pytest.mark.parametrize("scale", [1.02, 1.3, 2, 3.7])
def test_it_converges_at_every_scale(scale: float, kernel: Kernel) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    known = observe(Picture(pixels), settings=TargetSettings(kernel=kernel, denoise=0))
    rows, columns = (Axis.whole(side, round(side * scale)) for side in pixels.shape[:2])
    projection = BackProjection(rows, columns, known=known)
    y = known.planes(slice(0, 50), slice(0, 60))

    def residual(times: int) -> float:
        x = projection.project(projection.up(y), y, times=times)
        return float(torch.sqrt((y - projection.down(x)).square().mean()))

    assert residual(5) > residual(40)
    assert residual(1) > residual(5)
