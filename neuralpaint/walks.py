"""Walks: ways through the codes of an album, past pictures that it has and through those between.

A walk goes from code to code in legs of the same length. On a leg every place of the picture makes
the same way in a time of its own: where it begins late is told by a field of a few random waves. So
a picture grows into the next one along a front, and is itself, to the bit, at both ends.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.registry import Registry
from neuralpaint.settings import Settings, setting

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Codes",
    "CornersWalk",
    "Front",
    "Loop",
    "PingPong",
    "Play",
    "RandomWalk",
    "Through",
    "Walk",
    "are_buttons",
    "corners",
    "random_codes",
    "walks",
]

Codes = NDArray[np.float32]

_WAVES = 6
_SLOWEST, _FASTEST = 2.0, 5.0  # of the waves, in radians per half of the longer side
_QUANTILES = 65
_MOST_BITS = 10


@dataclass(frozen=True, eq=False)
class Front:
    """Between two codes (k,), where every place has come as far as its own time says.

    With t the time, s the spread and phi(x, y) in [0, 1] the field of the seed, a place has gone

        u = smoothstep((t - s phi) / (1 - s))

    of the way. With s = 0 all places go together.
    """

    here: Codes
    there: Codes
    time: float
    spread: float
    seed: int
    eased: bool = True

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the codes (..., k) at coordinates that broadcast to (...)."""
        import torch

        here, there = (torch.from_numpy(code).to(x.device) for code in (self.here, self.there))
        if self.spread == 0 or not 0 < self.time < 1:
            # One code for all places, which is quicker than as many equal ones.
            progress = torch.full([1] * x.ndim, self.time, device=x.device)
        else:
            progress = (self.time - self.spread * self._field(x, y)) / (1 - self.spread)
        progress = progress.clamp(0, 1)
        gone = _smoothstep(progress) if self.eased else progress
        return torch.lerp(here, there, gone[..., None])

    def _field(self, x: Tensor, y: Tensor) -> Tensor:
        """Return phi (...), the rank of a place's height among those of all places, in [0, 1]."""
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
        """Heights between which equally many places lie, over a picture of usual shape."""
        import torch

        x, y = torch.linspace(-1, 1, 48)[None], torch.linspace(-0.65, 0.65, 32)[:, None]
        heights = self._heights(x, y).numpy()
        return np.asarray(np.quantile(heights, np.linspace(0, 1, _QUANTILES)), np.float32)

    @cached_property
    def _waves(self) -> list[tuple[float, float, float]]:
        draw = np.random.default_rng(self.seed)
        speeds = draw.uniform(_SLOWEST, _FASTEST, _WAVES)
        ways, phases = draw.uniform(0, 2 * math.pi, (2, _WAVES))
        waves = zip(speeds * np.cos(ways), speeds * np.sin(ways), phases, strict=True)
        return [(float(across), float(down), float(phase)) for across, down, phase in waves]


def _smoothstep(t: Tensor) -> Tensor:
    return t * t * (3 - 2 * t)


@dataclass(frozen=True)
class Walk(Settings, ABC):
    """A way from code to code."""

    @abstractmethod
    def stations(self, codes: Codes) -> Codes:
        """Return the codes (n, k) that the walk passes, n >= 2, for the trained ones (pictures, k).

        Raises:
            UsageError: there is no such walk through these codes.
        """

    @property
    def is_closed(self) -> bool:
        """Whether it ends where it began: the last frame is the one before the first."""
        return True

    def legs(self, codes: Codes) -> int:
        """Return how many legs it has."""
        return len(self.stations(codes)) - 1

    @abstractmethod
    def at(self, fraction: float, stations: Codes) -> Front:
        """Return where the walk is after a part of its time, in [0, 1]."""


@dataclass(frozen=True)
class _Eased(Walk):
    """A walk that rests at every code and leaves it along a front."""

    rest: float = setting(
        0.15, "share of each leg for which its first picture stands still", minimum=0, maximum=0.95
    )
    spread: float = setting(
        0.7,
        "share of each leg by which the last places set out later than the first; 0: all together",
        minimum=0,
        maximum=0.95,
    )

    def at(self, fraction: float, stations: Codes) -> Front:
        """Return where the walk is; all legs take as long."""
        legs = len(stations) - 1
        leg = min(int(fraction * legs), legs - 1)
        time = fraction * legs - leg
        moving = max(0.0, time - self.rest) / (1 - self.rest)
        return Front(stations[leg], stations[leg + 1], moving, self.spread, seed=leg)


walks: Registry[Walk] = Registry("walk")


@walks.register("loop")
@dataclass(frozen=True)
class Loop(_Eased):
    """From picture to picture and back to the first: a clip that can be repeated for ever."""

    def stations(self, codes: Codes) -> Codes:
        """Return all codes, and the first again."""
        return np.concatenate([codes, codes[:1]])


@walks.register("ping-pong")
@dataclass(frozen=True)
class PingPong(_Eased):
    """From the first picture to the last and the same way back."""

    def stations(self, codes: Codes) -> Codes:
        """Return all codes, forwards and backwards."""
        return np.concatenate([codes, codes[-2::-1]])


@walks.register("through")
@dataclass(frozen=True)
class Through(_Eased):
    """From the first picture to the last, once."""

    def stations(self, codes: Codes) -> Codes:
        """Return all codes."""
        return codes

    @property
    def is_closed(self) -> bool:
        """It is not."""
        return False


@walks.register("play")
@dataclass(frozen=True)
class Play(Walk):
    """From the first to the last at an even speed: frames, whose codes are times, as they were."""

    closed: bool = setting(False, "the last is the first again, and is not shown twice")

    def stations(self, codes: Codes) -> Codes:
        """Return all codes."""
        return codes

    @property
    def is_closed(self) -> bool:
        """As was said."""
        return self.closed

    def at(self, fraction: float, stations: Codes) -> Front:
        """Return where the walk is; legs take as long as they are long."""
        lengths = np.linalg.norm(np.diff(stations, axis=0), axis=1)
        ends = np.concatenate([[0.0], np.cumsum(lengths, dtype=np.float64)])
        position = np.interp(fraction * ends[-1], ends, np.arange(len(ends)))
        leg = min(int(position), len(stations) - 2)
        time = float(position - leg)
        return Front(stations[leg], stations[leg + 1], time, 0.0, seed=leg, eased=False)


@walks.register("random-walk")
@dataclass(frozen=True)
class RandomWalk(_Eased):
    """Through codes that were never trained: of buttons any combination, else mixtures."""

    stops: int = setting(8, "codes that are passed", minimum=2, maximum=10_000)
    seed: int = setting(0, "another one, another walk", minimum=0)

    def stations(self, codes: Codes) -> Codes:
        """Return random codes between a first picture's and the same again."""
        draw = np.random.default_rng(self.seed)
        between = [random_codes(codes, 1, draw) for _ in range(self.stops - 1)]
        return np.concatenate([codes[:1], *between, codes[:1]])


@walks.register("corners")
@dataclass(frozen=True)
class CornersWalk(_Eased):
    """Through every combination of buttons, one pressed or released at a time (Gray code)."""

    def stations(self, codes: Codes) -> Codes:
        """Return all 2^k corners, the first again at the end."""
        numbers = np.arange(2 ** min(codes.shape[1], _MOST_BITS))
        order = corners(codes.shape[1])[numbers ^ (numbers >> 1)]
        return np.concatenate([order, order[:1]])


def random_codes(codes: Codes, count: int, draw: np.random.Generator) -> Codes:
    """Return so many different codes (count, k), none of which is a trained one (pictures, k).

    Of buttons they are other combinations; else, or where all of these are trained, mixtures of
    the trained codes, uniform over their simplex.

    Raises:
        UsageError: there are not so many combinations.
    """
    bits = codes.shape[1]
    unseen = 2**bits - len(codes) if are_buttons(codes) else 0
    if not unseen:
        return np.asarray(draw.dirichlet(np.ones(len(codes)), count) @ codes, np.float32)
    if count > unseen:
        raise UsageError(
            f"{bits} buttons have {unseen} combinations that were not trained, not {count}: ask "
            "for fewer"
        )
    seen = {code.tobytes() for code in codes}
    found: list[Codes] = []
    while len(found) < count:
        code: Codes = np.asarray(draw.integers(0, 2, bits), np.float32)
        if code.tobytes() not in seen:
            seen.add(code.tobytes())
            found.append(code)
    return np.array(found, np.float32).reshape(count, bits)


def are_buttons(codes: Codes) -> bool:
    """Say whether codes are combinations of 0 and 1, and not merely a number for each picture."""
    on_off = bool(np.isin(codes, (0, 1)).all())
    one_hot = codes.shape[0] == codes.shape[1] and bool((codes.sum(1) == 1).all())
    return on_off and not one_hot


def corners(bits: int) -> Codes:
    """Return the 2^k corners of a cube, (2^k, k), counted in binary: the last number changes first.

    Raises:
        UsageError: there are too many to look at.
    """
    if bits > _MOST_BITS:
        raise UsageError(
            f"codes of {bits} numbers have 2^{bits} corners: at most {_MOST_BITS} numbers are "
            "walked; choose random-walk"
        )
    numbers = np.arange(2**bits)
    return np.asarray(numbers[:, None] >> np.arange(bits)[::-1] & 1, np.float32)
