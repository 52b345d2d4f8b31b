"""A picture between two others: both moved along their flows to one time, and mixed.

Three flows are tried for every pixel of the new picture: what the first picture's flow carries
there, what the second's does, and the motion of the whole. Each of them says from where in both
pictures to take the colour; what is covered in one of them is taken from the other. They count the
more, the better both pictures agree there, and a plain blend stands beside them.
(Baker et al. 2011, A database and evaluation methodology for optical flow, describe the carrying.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from neuralpaint.restoration.motion.flow import Motion, Pixels, colours
from neuralpaint.restoration.motion.search import dominant
from neuralpaint.restoration.motion.warping import carried, inside, resized, warped

__all__ = ["between"]

# In decibels of in-betweens of eight clips, mean:
_SOFT = 0.01  # of white: how much better one is that counts e times as much
_UNSEEN = 0.06  # of white: what both pictures cannot tell is as bad as this difference
_NOWHERE = 0.02  # of white, more, where neither picture shows it: with 0.1, 0.5 dB less
_BLEND = 0.1  # of white, more, for a blend: in flat places it would wash out what moves
_AGREE = 2.0  # pixels by which flows of one thing differ
_LITTLE = 1e-3  # a picture that sees a place, but something else there
_HOME, _ALIKE = 1.0, 0.05  # pixels, of white: how much flows and colours miss that are right
_LEAST = 1e-6
_FEW, _WIDE, _LOST = 0.3, 16, 1.0  # of the pixels within so many, of white: a flow that failed
_FILL = 0.02  # a weight as small as this is half filled from around


def between(a: Pixels, b: Pixels, motion: Motion, *, u: float) -> Pixels:
    """Return the picture at the time u in [0, 1] between a (0) and b (1), uint8 (h, w, 3)."""
    with torch.no_grad():
        first, second = colours(a), colours(b)
        there, back = (torch.from_numpy(each).permute(2, 0, 1) for each in motion[:2])
        right = _right(there, back, first, second)
        flows = [
            _filled(*carried(there, u * there, weights=right)),
            -_filled(*carried(back, (1 - u) * back, weights=_right(back, there, second, first))),
            dominant(there),
        ]
        made = [_Candidate(first, second, there, back, flow=flow, u=u) for flow in flows]
        pictures = [each.picture for each in made]
        lost = _lost(torch.where(inside(there), right, 1.0))
        costs = [each.cost + lost for each in made]
        pictures.append(torch.lerp(first, second, u))
        costs.append(_window((first - second).abs().mean(0, keepdim=True)) + _BLEND)
        shares = torch.softmax(torch.stack(costs).div_(-_SOFT), 0)  # (4, 1, h, w)
        mixed = (torch.stack(pictures) * shares).sum(0)
        levels = mixed.mul_(255).round_().clamp_(0, 255).byte()
        return levels.permute(1, 2, 0).contiguous().numpy()


def _right(there: Tensor, back: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return how sure the flow from a to b is at each pixel of a, (h, w) in (0, 1]."""
    missed = (there + warped(back, there)).square().sum(0) / _HOME**2
    apart = (warped(b, there) - a).abs().mean(0).div_(_ALIKE).square_()
    return torch.exp(-(missed + apart)).clamp_min_(_LEAST)


def _lost(right: Tensor) -> Tensor:
    """Return how much worse than a blend what moves is where hardly any flow is right, (h, w)."""
    h, w = right.shape
    around = resized(right[None], height=math.ceil(h / _WIDE), width=math.ceil(w / _WIDE))
    return _LOST * (_FEW - resized(around, height=h, width=w)).clamp_min_(0)


def _filled(flow: Tensor, weights: Tensor) -> Tensor:
    """Return a flow whose holes are filled from around, by means over ever larger squares."""
    counts = weights.clamp(max=1)[None]
    sums = flow * counts
    if min(counts.shape[1:]) > 1:
        half = [_halved(each) for each in (sums, counts)]
        around = _filled(half[0] / half[1].clamp_min(_LEAST**2), half[1][0])
    else:
        around = (sums.sum((1, 2)) / counts.sum().clamp_min(_LEAST**2)).view(2, 1, 1)
    wide = functional.interpolate(
        around[None], size=counts.shape[1:], mode="bilinear", align_corners=False
    )[0]
    return (sums + _FILL * wide) / (counts + _FILL)


def _halved(planes: Tensor) -> Tensor:
    return functional.avg_pool2d(planes[None], 2, ceil_mode=True)[0]


class _Candidate:
    """The picture (3, h, w) that one flow makes, and how much each place is in doubt, (1, h, w)."""

    def __init__(
        self, a: Tensor, b: Tensor, there: Tensor, back: Tensor, *, flow: Tensor, u: float
    ) -> None:
        come, go = -u * flow, (1 - u) * flow
        from_a, from_b = (warped(a, come, mode="bicubic"), warped(b, go, mode="bicubic"))
        seen_a, seen_b = _seen(there, flow, come), _seen(-back, flow, go)
        share_a, share_b = (1 - u) * (seen_a + _LEAST), u * (seen_b + _LEAST)
        self.picture = (from_a * share_a + from_b * share_b) / (share_a + share_b)
        both = seen_a * seen_b
        apart = (from_a - from_b).abs().mean(0, keepdim=True)
        nowhere = 1 - torch.maximum(seen_a, seen_b)
        self.cost = _window(torch.lerp(torch.full_like(apart, _UNSEEN), apart, both))
        self.cost += _NOWHERE * nowhere


def _seen(own: Tensor, flow: Tensor, way: Tensor) -> Tensor:
    """Return how much a picture shows what moves with the flow, (1, h, w) in [0, 1].

    It does where its `own` flow, at the end of the `way` there, is the same.
    """
    differs = (warped(own, way) - flow).square().sum(0, keepdim=True)
    return (torch.exp(differs / -(_AGREE**2)) + _LITTLE) / (1 + _LITTLE) * inside(way)


def _window(plane: Tensor) -> Tensor:
    """Return the means over 5 x 5 pixels of a plane (1, h, w)."""
    padded = functional.pad(plane[None], (2, 2, 2, 2), mode="replicate")
    means: Tensor = functional.avg_pool2d(padded, 5, 1)[0]
    return means
