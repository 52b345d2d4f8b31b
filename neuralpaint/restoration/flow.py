"""Dense optical flow from one picture to another, coarse to fine.

At each pyramid level, `variational` refines the flow of the level before. It cannot follow fast
motion, so every shift of every window is tried once, at a small size. OpenCV's DIS flow is much
faster and as good for slow motion, but frames interpolated with it are 4 to 7 dB worse for moving
objects, at the borders of a pan, and for small objects that move far.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neuralpaint.restoration.variational import edge_weights, median, refine, resize, warp
from neuralpaint.runtime.progress import DoneCallback, ignore, part_of

__all__ = ["Motion", "dominant_flow", "estimate_flow", "estimate_motion", "to_planes"]

Pixels = NDArray[np.uint8]
Flow = NDArray[np.float32]

_LUMA = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
_SMALLEST = 32  # pixels of the shorter side: smaller pictures are not halved
_SEARCH_SIZE = 90  # pixels of the longer side: the search runs at the first level above this
_MOST_PIXELS = 300_000  # larger pictures are reduced: three times as fast
_TEXTURE_RADIUS = 4  # the local mean of brightness is subtracted, so lighting does not matter
_CONSISTENT = 1.5  # pixels: the largest allowed difference of forward and backward flow
_SAME_COLOUR = 0.15  # difference of colours in [0, 1]

_REACH = 0.1  # of the longer side: the largest shift that is tried
_BIAS = 0.0005  # cost per pixel of shift: uniform areas have not moved
# With m the mismatch of the flow, a shift replaces the flow where its mismatch is below
# factor * m - offset, and the dominant flow where its mismatch is at most factor * m + offset.
_SHIFT_FACTOR, _SHIFT_OFFSET = 0.6, 0.005
_DOMINANT_FACTOR, _DOMINANT_OFFSET = 1.1, 0.003
_FITS = 10
_WIDEST_FIT, _NARROWEST_FIT = 8.0, 0.25  # pixels: scale of the robust weights, first and last
_FIT_STRIDE = 3  # rows and columns: every third is enough for a fit


class Motion(NamedTuple):
    """The flows between two pictures, float32 (h, w, 2) in pixels, x before y."""

    forward: Flow
    backward: Flow
    consistency: float = 1.0
    """Fraction of pixels whose forward and backward flow agree and whose colours match."""

    def distance(self, quantile: float = 0.98) -> float:
        """Return this quantile of the lengths in pixels; of both flows, the larger one."""
        lengths = [np.hypot(each[..., 0], each[..., 1]) for each in (self.forward, self.backward)]
        return float(np.quantile(lengths, quantile, axis=(1, 2)).max())


def estimate_motion(a: Pixels, b: Pixels, *, on_done: DoneCallback = ignore) -> Motion:
    """Return the flows from a to b and from b to a, both uint8 (h, w, 3); see `estimate_flow`."""
    forward = estimate_flow(a, b, on_done=part_of(on_done, first=0.0, last=0.5))
    backward = estimate_flow(b, a, on_done=part_of(on_done, first=0.5, last=1.0))
    with torch.no_grad():
        flow, back = (torch.from_numpy(each).permute(2, 0, 1) for each in (forward, backward))
        consistent = _agree(flow, back)
        consistent &= _mismatch(to_planes(a), to_planes(b), flow) < _SAME_COLOUR
        return Motion(forward, backward, float(consistent.float().mean()))


def estimate_flow(a: Pixels, b: Pixels, *, on_done: DoneCallback = ignore) -> Flow:
    """Return the dense optical flow from a to b, both uint8 (h, w, 3), as float32 (h, w, 2).

    The pixel (x, y) of a is at (x, y) + flow in b. Slow changes of brightness are ignored.
    `on_done` is called several times a second.

    Raises:
        ValueError: the pictures have different sizes.
    """
    if a.shape != b.shape:
        raise ValueError(f"the pictures have different sizes, {a.shape} and {b.shape}")
    h, w = a.shape[:2]
    with torch.no_grad():
        first, second = to_planes(a), to_planes(b)
        sizes = _pyramid_sizes(h, w)
        flow = torch.zeros(2, *sizes[0])
        done, total, searched = 0, sum(math.prod(size) for size in sizes), False
        for size in sizes:
            flow = _scaled(flow, size)
            pair = _resized(first, size), _resized(second, size)
            if max(size) > _SEARCH_SIZE:
                flow = flow if searched else _with_best_shifts(flow, *pair)
                flow, searched = _with_dominant_flow(flow, *pair), True
            flow = refine(
                _texture(pair[0]),
                _texture(pair[1]),
                flow,
                weights=edge_weights(_luma(pair[0])),
                on_done=part_of(on_done, first=done / total, last=(done + math.prod(size)) / total),
            )
            done += math.prod(size)
        return _scaled(flow, (h, w)).permute(1, 2, 0).contiguous().numpy()


def to_planes(pixels: Pixels) -> Tensor:
    """Return uint8 pixels (h, w, 3) as float32 (3, h, w) in [0, 1]."""
    # PyTorch warns about read-only arrays.
    shared = np.require(pixels, requirements=["C", "W"])
    return torch.from_numpy(shared).permute(2, 0, 1).float().div_(255)


def dominant_flow(flow: Tensor) -> Tensor:
    """Return the affine flow (2, h, w) that fits most of a flow (2, h, w).

    It is fitted by iteratively reweighted least squares (Holland and Welsch 1977, Robust
    regression using iteratively reweighted least-squares).
    """
    h, w = flow.shape[1:]
    x, y = torch.linspace(-1, 1, w).expand(h, w), torch.linspace(-1, 1, h)[:, None].expand(h, w)
    basis = torch.stack([torch.ones(h, w), x, y])
    rows, wanted = (f[:, ::_FIT_STRIDE, ::_FIT_STRIDE].flatten(1).T for f in (basis, flow))
    fit = torch.cat([wanted.median(0).values[None], torch.zeros(2, 2)])
    for i in range(_FITS):
        width = max(_NARROWEST_FIT, _WIDEST_FIT / 2**i)
        weights = 1 / (1 + (rows @ fit - wanted).square().sum(1, keepdim=True) / width**2)
        normal = rows.T @ (weights * rows) + 1e-6 * torch.eye(3)
        fit = torch.linalg.solve(normal, rows.T @ (weights * wanted))
    return torch.einsum("khw,kc->chw", basis, fit)


def _agree(forward: Tensor, backward: Tensor) -> Tensor:
    """Return where `backward` is the inverse of `forward`, both (2, h, w), as bool (h, w)."""
    return (warp(backward, forward) + forward).square().sum(0) < _CONSISTENT**2


def _pyramid_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return the sizes of the pyramid, smallest first; each is about half the next one."""
    scale = min(1.0, math.sqrt(_MOST_PIXELS / (height * width)))
    height, width = max(1, round(height * scale)), max(1, round(width * scale))
    sizes = [(height, width)]
    while min(sizes[0]) >= _SMALLEST:
        sizes.insert(0, (round(sizes[0][0] / 2), round(sizes[0][1] / 2)))
    return sizes


def _resized(planes: Tensor, size: tuple[int, int]) -> Tensor:
    height, width = size
    return planes if planes.shape[1:] == size else resize(planes, height=height, width=width)


def _scaled(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a flow and convert it to pixels of the new size."""
    if flow.shape[1:] == size:
        return flow
    scale = torch.tensor([size[1] / flow.shape[2], size[0] / flow.shape[1]])
    return _resized(flow, size) * scale.view(2, 1, 1)


def _luma(planes: Tensor) -> Tensor:
    return (planes * _LUMA).sum(0, keepdim=True)


def _texture(planes: Tensor) -> Tensor:
    """Return the brightness (1, h, w) minus its local mean."""
    luma = _luma(planes)
    padded = functional.pad(luma[None], (_TEXTURE_RADIUS,) * 4, mode="replicate")[0]
    return luma - functional.avg_pool2d(padded, 2 * _TEXTURE_RADIUS + 1, 1)


def _with_best_shifts(flow: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return the flow (2, h, w), replaced by the best shift where it matches clearly better."""
    reach = max(4, round(max(a.shape) * _REACH))
    forward, backward = _best_shifts(a, b, reach), _best_shifts(b, a, reach)
    consistent = _agree(forward, backward)
    better = _mismatch(a, b, forward) < _SHIFT_FACTOR * _mismatch(a, b, flow) - _SHIFT_OFFSET
    return median(torch.where(consistent & better, forward, flow))


def _with_dominant_flow(flow: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return the flow (2, h, w), replaced by its dominant flow where the match is as good.

    In a repeating pattern, a shift by one period matches as well as no shift; the surroundings then
    decide.
    """
    dominant = dominant_flow(flow)
    limit = _DOMINANT_FACTOR * _mismatch(a, b, flow) + _DOMINANT_OFFSET
    return torch.where(_mismatch(a, b, dominant) <= limit, dominant, flow)


def _mismatch(a: Tensor, b: Tensor, flow: Tensor) -> Tensor:
    """Return the difference of windows of a and b along a flow, (h, w) in [0, 1.5]."""
    return _window_means((warp(b, flow) - a).abs_().mean(0, keepdim=True))[0]


def _best_shifts(a: Tensor, b: Tensor, reach: int) -> Tensor:
    """Return the integer shift (2, h, w) to the most similar window of b, for each pixel of a."""
    h, w = a.shape[1:]
    padded = functional.pad(b[None], (reach,) * 4, mode="replicate")[0]
    across = torch.arange(-reach, reach + 1.0)
    least, best = torch.full((h, w), torch.inf), torch.zeros(2, h, w)
    for down in sorted(range(-reach, reach + 1), key=abs):
        rows = padded[:, reach + down : reach + down + h].unfold(2, w, 1)  # (3, h, shifts, w)
        difference = sum((rows[c].transpose(0, 1) - a[c]).abs_() for c in range(3))
        assert isinstance(difference, Tensor)
        cost = _window_means(difference / 3)  # (shifts, h, w)
        cost += _BIAS * (across.square() + down**2).sqrt_()[:, None, None]
        cheapest, which = cost.min(0)
        better = cheapest < least
        least = torch.where(better, cheapest, least)
        best[0] = torch.where(better, across[which], best[0])
        best[1].masked_fill_(better, down)
    return best


def _window_means(planes: Tensor) -> Tensor:
    """Return means over 5 x 5 pixels, plus means over a wider window with half the weight."""
    near = _means_of_five(planes)
    return near.add_(_means_of_five(near), alpha=0.5)


def _means_of_five(planes: Tensor) -> Tensor:
    # Adding slices is ten times as fast as a pooling layer.
    for axis in (2, 1):
        size = planes.shape[axis]
        margin = (2, 2, 0, 0) if axis == 2 else (0, 0, 2, 2)
        padded = functional.pad(planes[None], margin, mode="replicate")[0]
        parts = [padded.narrow(axis, i, size) for i in range(5)]
        planes = parts[0] + parts[1]
        for part in parts[2:]:
            planes += part
    return planes.div_(25)
