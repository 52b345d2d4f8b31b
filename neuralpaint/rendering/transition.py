"""The transition from one picture to another: each point starts and ends at its own time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuralpaint.models.codes import Codes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Transition"]

_WAVES = 6
_SLOWEST, _FASTEST = 2.0, 5.0  # wave numbers, in radians per half of the longer side
_QUANTILES = 65


@dataclass(frozen=True, eq=False)
class Transition:
    """A code field between two codes (k,), in which each point has a progress of its own.

    With the time t, the spread s and a smooth random field phi(x, y) in [0, 1], the progress is

        u = smoothstep((t - s phi) / (1 - s)),

    linear instead where `eased` is false. With s = 0 all points have the same progress.
    """

    start: Codes
    end: Codes
    time: float
    spread: float
    seed: int
    eased: bool = True

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the codes (..., k) at coordinates that broadcast to (...)."""
        import torch

        start, end = (torch.from_numpy(code).to(x.device) for code in (self.start, self.end))
        if self.spread == 0 or not 0 < self.time < 1:
            # One code for all points is faster than equal codes for each.
            progress = torch.full([1] * x.ndim, self.time, device=x.device)
        else:
            progress = (self.time - self.spread * self._field(x, y)) / (1 - self.spread)
        progress = progress.clamp(0, 1)
        if self.eased:
            progress = progress * progress * (3 - 2 * progress)
        return torch.lerp(start, end, progress[..., None])

    def _field(self, x: Tensor, y: Tensor) -> Tensor:
        """Return phi (...): the height of the waves as a quantile over the picture, in [0, 1]."""
        import torch

        heights = self._heights(x, y)
        known = torch.from_numpy(self._quantiles).to(x.device)
        above = torch.searchsorted(known, heights.contiguous()).clamp(1, len(known) - 1)
        low, high = known[above - 1], known[above]
        share = ((heights - low) / (high - low)).clamp(0, 1)
        rank: Tensor = (above - 1 + share) / (len(known) - 1)
        return rank

    def _heights(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the sum of the waves, (...)."""
        import torch

        total = torch.zeros((), device=x.device)
        for across, down, phase in self._waves:
            total = total + torch.sin(across * x + down * y + phase)
        return total

    @cached_property
    def _quantiles(self) -> NDArray[np.float32]:
        """Quantiles of the heights over a picture with a common aspect ratio."""
        import torch

        x, y = torch.linspace(-1, 1, 48)[None], torch.linspace(-0.65, 0.65, 32)[:, None]
        heights = self._heights(x, y).numpy()
        return np.asarray(np.quantile(heights, np.linspace(0, 1, _QUANTILES)), np.float32)

    @cached_property
    def _waves(self) -> list[tuple[float, float, float]]:
        """Wave numbers along x and y and the phase of each wave."""
        draw = np.random.default_rng(self.seed)
        speeds = draw.uniform(_SLOWEST, _FASTEST, _WAVES)
        ways, phases = draw.uniform(0, 2 * math.pi, (2, _WAVES))
        waves = zip(speeds * np.cos(ways), speeds * np.sin(ways), phases, strict=True)
        return [(float(across), float(down), float(phase)) for across, down, phase in waves]
