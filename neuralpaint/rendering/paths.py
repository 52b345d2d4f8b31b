"""Code paths: morphs through the codes of several pictures.

A path is a sequence of segments between waypoints (codes). Each moment is a `Transition` between
two codes, in which the points of the picture can have different progress.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.models.codes import Codes, are_buttons, corners, random_codes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CodePath", "Play", "Transition", "code_paths"]

_TRIES = 8  # to draw a random code that differs from the current one

# The field that delays the points of a transition is a sum of waves.
_WAVES = 6
_SLOWEST, _FASTEST = 2.0, 5.0  # wave numbers, in radians per half of the longer side
_QUANTILES = 65


@dataclass(frozen=True, eq=False)
class Transition:
    """A code field between two codes (k,), in which the points can have different progress.

    With the time t, the spread s and a smooth random field phi(x, y) in [0, 1], the progress is

        u = smoothstep((t - s phi) / (1 - s)),

    without smoothstep if `eased` is false. With s = 0, all points have equal progress.
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
            # A single code is faster than a field of equal codes.
            progress = torch.full([1] * x.ndim, self.time, device=x.device)
        else:
            progress = (self.time - self.spread * self._field(x, y)) / (1 - self.spread)
        progress = progress.clamp(0, 1)
        if self.eased:
            progress = progress * progress * (3 - 2 * progress)
        return torch.lerp(start, end, progress[..., None])

    def _field(self, x: Tensor, y: Tensor) -> Tensor:
        """Return phi (...): the quantile of the waves' height within the picture, in [0, 1]."""
        import torch

        heights = self._heights(x, y)
        known = torch.from_numpy(self._quantiles).to(x.device)
        above = torch.searchsorted(known, heights.contiguous()).clamp(1, len(known) - 1)
        low, high = known[above - 1], known[above]
        share = ((heights - low) / (high - low)).clamp(0, 1)
        rank: Tensor = (above - 1 + share) / (len(known) - 1)
        return rank

    def _heights(self, x: Tensor, y: Tensor) -> Tensor:
        import torch

        total = torch.zeros((), device=x.device)
        for across, down, phase in self._waves:
            total = total + torch.sin(across * x + down * y + phase)
        return total

    @cached_property
    def _quantiles(self) -> NDArray[np.float32]:
        """Quantiles of the heights in a picture with a typical aspect ratio."""
        import torch

        x, y = torch.linspace(-1, 1, 48)[None], torch.linspace(-0.65, 0.65, 32)[:, None]
        heights = self._heights(x, y).numpy()
        return np.asarray(np.quantile(heights, np.linspace(0, 1, _QUANTILES)), np.float32)

    @cached_property
    def _waves(self) -> list[tuple[float, float, float]]:
        """Wave number along x, wave number along y, and phase of each wave."""
        generator = np.random.default_rng(self.seed)
        numbers = generator.uniform(_SLOWEST, _FASTEST, _WAVES)
        angles, phases = generator.uniform(0, 2 * math.pi, (2, _WAVES))
        waves = zip(numbers * np.cos(angles), numbers * np.sin(angles), phases, strict=True)
        return [(float(across), float(down), float(phase)) for across, down, phase in waves]


@dataclass(frozen=True)
class CodePath(Settings, ABC):
    """A path from code to code."""

    @abstractmethod
    def waypoints(self, codes: Codes) -> Codes:
        """Return the codes (n, k) on the path, n >= 2, for the trained codes (pictures, k).

        Raises:
            UsageError: this path does not exist for these codes.
        """

    @property
    def is_closed(self) -> bool:
        """Whether the path ends at its start, so that the clip loops."""
        return True

    def segments(self, codes: Codes) -> int:
        """Return the number of segments."""
        return len(self.waypoints(codes)) - 1

    @abstractmethod
    def at(self, fraction: float, waypoints: Codes) -> Transition:
        """Return the transition at a fraction of the path's time, in [0, 1]."""

    def steadily_at(self, fraction: float, waypoints: Codes) -> Transition:
        """Return the transition at a fraction of the path's change, in [0, 1].

        Equal fractions change the picture equally: for a path with pauses, they are left out.
        """
        return self.at(fraction, waypoints)


code_paths: Registry[CodePath] = Registry("path")


@dataclass(frozen=True)
class _Eased(CodePath):
    """A path that pauses at each code; all segments take equal time."""

    rest: float = setting(
        0.15,
        "fraction of each segment during which its first picture does not change",
        minimum=0,
        maximum=0.95,
    )
    spread: float = setting(
        0.7,
        "fraction of each segment between the start of the first and of the last points; 0: all "
        "points change together",
        minimum=0,
        maximum=0.95,
    )

    def at(self, fraction: float, waypoints: Codes) -> Transition:
        segments = len(waypoints) - 1
        i = min(int(fraction * segments), segments - 1)
        time = fraction * segments - i
        moving = max(0.0, time - self.rest) / (1 - self.rest)
        return Transition(waypoints[i], waypoints[i + 1], moving, self.spread, seed=i)

    def steadily_at(self, fraction: float, waypoints: Codes) -> Transition:
        segments = len(waypoints) - 1
        i = min(int(fraction * segments), segments - 1)
        times, progress = self._mean_progress
        time = float(np.interp(fraction * segments - i, progress, times))
        return Transition(waypoints[i], waypoints[i + 1], time, self.spread, seed=i)

    @cached_property
    def _mean_progress(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Times (n,) of a transition and the progress of a mean point at each, both in [0, 1]."""
        times = np.linspace(0, 1, _QUANTILES)
        delays = self.spread * np.linspace(0, 1, _QUANTILES)
        progress = ((times[:, None] - delays) / (1 - self.spread)).clip(0, 1)
        return times, (progress**2 * (3 - 2 * progress)).mean(1)


@code_paths.register("loop")
@dataclass(frozen=True)
class Loop(_Eased):
    """From picture to picture and back to the first: a clip that loops."""

    def waypoints(self, codes: Codes) -> Codes:
        return np.concatenate([codes, codes[:1]])


@code_paths.register("ping-pong")
@dataclass(frozen=True)
class PingPong(_Eased):
    """From the first picture to the last and back the same way."""

    def waypoints(self, codes: Codes) -> Codes:
        return np.concatenate([codes, codes[-2::-1]])


@code_paths.register("through")
@dataclass(frozen=True)
class Through(_Eased):
    """From the first picture to the last, once."""

    def waypoints(self, codes: Codes) -> Codes:
        return codes

    @property
    def is_closed(self) -> bool:
        return False


@code_paths.register("play")
@dataclass(frozen=True)
class Play(CodePath):
    """From first to last at constant speed, for animations, whose codes are times."""

    closed: bool | None = setting(
        None,
        "the last frame equals the first and is not shown twice; unset, if the input is a loop",
    )

    def waypoints(self, codes: Codes) -> Codes:
        """Return all codes."""
        return codes

    @property
    def is_closed(self) -> bool:
        """Whether `closed` is set."""
        return bool(self.closed)

    def at(self, fraction: float, waypoints: Codes) -> Transition:
        """Return the transition; the time of a segment is proportional to its length."""
        lengths = np.linalg.norm(np.diff(waypoints, axis=0), axis=1)
        ends = np.concatenate([[0.0], np.cumsum(lengths, dtype=np.float64)])
        position = np.interp(fraction * ends[-1], ends, np.arange(len(ends)))
        i = min(int(position), len(waypoints) - 2)
        time = float(position - i)
        return Transition(waypoints[i], waypoints[i + 1], time, 0.0, seed=i, eased=False)


@code_paths.register("random-walk")
@dataclass(frozen=True)
class RandomWalk(_Eased):
    """Through codes that were not trained: combinations of buttons, or mixtures of codes."""

    stops: int = setting(8, "number of codes to pass", minimum=2, maximum=10_000)
    seed: int = setting(0, "seed of the random codes", minimum=0)

    def waypoints(self, codes: Codes) -> Codes:
        """Return random codes, with the code of the first picture at the start and at the end."""
        generator = np.random.default_rng(self.seed)
        passed = [codes[0]]
        for _ in range(self.stops - 1):
            passed.append(self._next(passed[-1], codes, generator))
        return np.array([*passed, codes[0]], np.float32)

    def _next(self, current: Codes, codes: Codes, generator: np.random.Generator) -> Codes:
        """Return a random code that differs from `current`, or a trained code if none is found."""
        for _ in range(_TRIES):
            (code,) = random_codes(codes, 1, generator, buttons=are_buttons(codes))
            if not np.array_equal(code, current):
                return np.asarray(code, np.float32)
        return np.asarray(codes[generator.integers(len(codes))], np.float32)


@code_paths.register("corners")
@dataclass(frozen=True)
class Corners(_Eased):
    """Through every combination of buttons, changing one button at a time (Gray code)."""

    def waypoints(self, codes: Codes) -> Codes:
        """Return all 2^k corners, starting and ending at the first trained code."""
        counted = corners(codes.shape[1])
        numbers = np.arange(len(counted))
        order = np.abs(counted[numbers ^ (numbers >> 1)] - (codes[0] > 0.5))
        return np.concatenate([order, order[:1]])
