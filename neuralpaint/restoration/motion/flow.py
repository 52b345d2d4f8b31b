"""Flow: for every pixel of one picture, where it is in another; followed from coarse to fine."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neuralpaint.restoration.motion.search import mismatch, steadied, with_leaps
from neuralpaint.restoration.motion.variational import edge_weights, refined
from neuralpaint.restoration.motion.warping import resized, warped
from neuralpaint.runtime.progress import DoneCallback, part_of

__all__ = ["Motion", "colours", "flow", "motion"]

Pixels = NDArray[np.uint8]
Field = NDArray[np.float32]

_LUMA = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
_SMALLEST = 32  # pixels of the shorter side: no smaller picture is halved
_SEARCHED = 90  # pixels of the longer side from which on leaps are searched for, once
_MOST = 300_000  # pixels: of a larger picture the flow is that of a smaller one, a third as slow
_TEXTURE = 4  # radius: brightness counts as its difference from what is around
_HOME, _ALIKE = 1.5, 0.15  # pixels, of white: what going there and coming back may miss


class Motion(NamedTuple):
    """The flows between two pictures, there and back; float32 (h, w, 2), pixels, x before y.

    `trust` is the share of pixels, in [0, 1], for which the way back leads home to the same colour.
    """

    there: Field
    back: Field
    trust: float = 1.0

    def distance(self, share: float = 0.98) -> float:
        """Return how many pixels at most a share of each picture moves by."""
        lengths = [np.hypot(each[..., 0], each[..., 1]) for each in (self.there, self.back)]
        return float(np.quantile(lengths, share, axis=(1, 2)).max())


def motion(a: Pixels, b: Pixels, *, look: DoneCallback = lambda done: None) -> Motion:
    """Return the flows from a to b and back, uint8 (h, w, 3) both; see `flow`."""
    there = flow(a, b, look=lambda done: look(done / 2))
    back = flow(b, a, look=lambda done: look((1 + done) / 2))
    with torch.no_grad():
        out, home = (torch.from_numpy(each).permute(2, 0, 1) for each in (there, back))
        right = (warped(home, out) + out).square().sum(0) < _HOME**2
        right &= mismatch(colours(a), colours(b), out) < _ALIKE
        return Motion(there, back, float(right.float().mean()))


def flow(a: Pixels, b: Pixels, *, look: DoneCallback = lambda done: None) -> Field:
    """Return the dense optical flow from a to b, uint8 (h, w, 3) both, as float32 (h, w, 2).

    What is at (x, y) in a is at (x, y) + flow in b, in pixels. Every size of a pyramid begins with
    the flow of the one before, `search` adds what is faster, `variational` makes it exact. A change
    of brightness that is even over some pixels does not matter. `look` is told how much is done,
    in [0, 1], several times a second; what it raises ends the work.

    Raises:
        ValueError: the pictures have different sizes.
    """
    if a.shape != b.shape:
        raise ValueError(f"the pictures have different sizes, {a.shape} and {b.shape}")
    h, w = a.shape[:2]
    with torch.no_grad():
        first, second = colours(a), colours(b)
        sizes = _sizes(h, w)
        found = torch.zeros(2, *sizes[0])
        done, total, searched = 0, sum(math.prod(size) for size in sizes), False
        for size in sizes:
            found = _enlarged(found, size)
            pair = _at(first, size), _at(second, size)
            if max(size) > _SEARCHED:
                found = found if searched else with_leaps(found, *pair)
                found, searched = steadied(found, *pair), True
            found = refined(
                _textured(pair[0]),
                _textured(pair[1]),
                found,
                weights=edge_weights(_luma(pair[0])),
                look=part_of(look, first=done / total, last=(done + math.prod(size)) / total),
            )
            done += math.prod(size)
        return _enlarged(found, (h, w)).permute(1, 2, 0).contiguous().numpy()


def colours(pixels: Pixels) -> Tensor:
    """Return uint8 pixels (h, w, 3) as float32 (3, h, w) in [0, 1]."""
    # Torch warns of arrays that are read-only.
    shared = np.require(pixels, requirements=["C", "W"])
    return torch.from_numpy(shared).permute(2, 0, 1).float().div_(255)


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return the sizes of the pyramid, smallest first, each about half the next."""
    scale = min(1.0, math.sqrt(_MOST / (height * width)))
    height, width = max(1, round(height * scale)), max(1, round(width * scale))
    sizes = [(height, width)]
    while min(sizes[0]) >= _SMALLEST:
        sizes.insert(0, (round(sizes[0][0] / 2), round(sizes[0][1] / 2)))
    return sizes


def _at(planes: Tensor, size: tuple[int, int]) -> Tensor:
    height, width = size
    return planes if planes.shape[1:] == size else resized(planes, height=height, width=width)


def _enlarged(field: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a flow at another size, in pixels of that size."""
    if field.shape[1:] == size:
        return field
    scale = torch.tensor([size[1] / field.shape[2], size[0] / field.shape[1]])
    return _at(field, size) * scale.view(2, 1, 1)


def _luma(planes: Tensor) -> Tensor:
    return (planes * _LUMA).sum(0, keepdim=True)


def _textured(planes: Tensor) -> Tensor:
    """Return the brightness (1, h, w) without what is even over some pixels."""
    luma = _luma(planes)
    padded = functional.pad(luma[None], (_TEXTURE,) * 4, mode="replicate")[0]
    return luma - functional.avg_pool2d(padded, 2 * _TEXTURE + 1, 1)
