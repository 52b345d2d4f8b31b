"""The best PSNR so far: one curve out of several trainings, and of several pictures.

How good a model can be after t seconds depends on what its schedule was fitted to. So each
training, fitted to its own time, gives a few points, and the curve is the best of all points up to
t. Over several pictures it is the mean of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Curve", "best_so_far", "seconds_to"]

Curve = tuple[tuple[float, float], ...]
"""(seconds, PSNR in dB), both rising: from then on it is that good, until the next point."""


def best_so_far(pictures: Sequence[Sequence[tuple[float, float]]]) -> Curve:
    """Return the mean over pictures of the best PSNR so far.

    Args:
        pictures: of each picture its points (seconds, PSNR), in any order. The curve begins where
            every picture has one.
    """
    if not pictures:
        return ()
    points = sorted((*point, number) for number, each in enumerate(pictures) for point in each)
    best: dict[int, float] = {}
    curve: list[tuple[float, float]] = []
    for seconds, psnr, number in points:
        best[number] = max(psnr, best.get(number, psnr))
        mean = sum(best.values()) / len(best)
        if len(best) == len(pictures) and (not curve or mean > curve[-1][1]):
            curve.append((seconds, mean))
    return tuple(curve)


def seconds_to(curve: Curve, psnr: float) -> float | None:
    """Return the earliest time at which a curve is at least so good; None: never."""
    return next((seconds for seconds, reached in curve if reached >= psnr), None)
