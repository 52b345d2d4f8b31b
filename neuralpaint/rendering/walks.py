"""Walks: ways through the codes of an album, past pictures that it has and through those between.

A walk goes from code to code in legs. Where it is at a moment is a front, which has reached some
places of the picture and not yet others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.models.codes import Codes, are_buttons, corners, random_codes
from neuralpaint.rendering.transition import Transition

__all__ = [
    "CornersWalk",
    "Loop",
    "PingPong",
    "Play",
    "RandomWalk",
    "Through",
    "Walk",
    "walks",
]

_TRIES = 8  # at another random code


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
    def at(self, fraction: float, stations: Codes) -> Transition:
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

    def at(self, fraction: float, stations: Codes) -> Transition:
        """Return where the walk is; all legs take as long."""
        legs = len(stations) - 1
        leg = min(int(fraction * legs), legs - 1)
        time = fraction * legs - leg
        moving = max(0.0, time - self.rest) / (1 - self.rest)
        return Transition(stations[leg], stations[leg + 1], moving, self.spread, seed=leg)


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

    def at(self, fraction: float, stations: Codes) -> Transition:
        """Return where the walk is; legs take as long as they are long."""
        lengths = np.linalg.norm(np.diff(stations, axis=0), axis=1)
        ends = np.concatenate([[0.0], np.cumsum(lengths, dtype=np.float64)])
        position = np.interp(fraction * ends[-1], ends, np.arange(len(ends)))
        leg = min(int(position), len(stations) - 2)
        time = float(position - leg)
        return Transition(stations[leg], stations[leg + 1], time, 0.0, seed=leg, eased=False)


@walks.register("random-walk")
@dataclass(frozen=True)
class RandomWalk(_Eased):
    """Through codes that were never trained: of buttons any combination, else mixtures."""

    stops: int = setting(8, "codes that are passed", minimum=2, maximum=10_000)
    seed: int = setting(0, "another one, another walk", minimum=0)

    def stations(self, codes: Codes) -> Codes:
        """Return random codes between a first picture's and the same again."""
        draw = np.random.default_rng(self.seed)
        passed = [codes[0]]
        for _ in range(self.stops - 1):
            passed.append(self._next(passed[-1], codes, draw))
        return np.array([*passed, codes[0]], np.float32)

    def _next(self, here: Codes, codes: Codes, draw: np.random.Generator) -> Codes:
        """Return another code than the one before; where there is none but that, a trained one."""
        for _ in range(_TRIES):
            (code,) = random_codes(codes, 1, draw, buttons=are_buttons(codes))
            if not np.array_equal(code, here):
                return np.asarray(code, np.float32)
        return np.asarray(codes[draw.integers(len(codes))], np.float32)


@walks.register("corners")
@dataclass(frozen=True)
class CornersWalk(_Eased):
    """Through every combination of buttons, one pressed or released at a time (Gray code)."""

    def stations(self, codes: Codes) -> Codes:
        """Return all 2^k corners from the first trained one on, and that again at the end."""
        counted = corners(codes.shape[1])
        numbers = np.arange(len(counted))
        order = np.abs(counted[numbers ^ (numbers >> 1)] - (codes[0] > 0.5))
        return np.concatenate([order, order[:1]])
