"""A rough flow made exact: little change of brightness along it, and a smooth field but for edges.

With the flow v, a picture a, the gradient s of b where v points, and rho(v) what is left between
a and b along v, linear in v, the minimum of

    sum g |grad v|_Huber + lambda |rho(v)|                             over all pixels

is found by the primal-dual steps of Chambolle and Pock (2011, A first-order primal-dual algorithm
for convex problems with applications to imaging). It is TV-L1 flow (Zach, Pock and Bischof 2007, A
duality based approach for realtime TV-L1 optical flow) with the Huber norm and the weights g that
are small at edges of a (Werlberger et al. 2009, Anisotropic Huber-L1 optical flow).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from neuralpaint.restoration.motion.warping import inside, warped

__all__ = ["calmed", "edge_weights", "refined"]

# In decibels of in-betweens of eight clips, mean:
_STRENGTH = 20.0  # lambda; with 50, 0.6 dB less
_HUBER = 0.1  # of a pixel: smaller differences of flow cost their squares
_WARPS = 3  # with more it is no better
_ITERATIONS = 20
_STEP = 8**-0.5  # of both kinds: the gradient's norm squared is 8
_EDGES, _EDGE_POWER, _LEAST_EDGE = 8.0, 0.8, 0.05
_FLAT = 1e-6  # squared slope: below it brightness says nothing


def refined(
    a: Tensor,
    b: Tensor,
    flow: Tensor,
    *,
    weights: Tensor,
    look: Callable[[float], None] = lambda done: None,
) -> Tensor:
    """Return the flow (2, h, w) from a (1, h, w) to b, begun from a rough one.

    `weights` (1, h, w) in (0, 1] say how much a difference of flow costs. `look` is told how much
    is done, in [0, 1].
    """
    ours, theirs = _slopes(a), torch.cat([b, _slopes(b)])
    dual = torch.zeros(2, *flow.shape)  # across, down
    for i in range(_WARPS):
        read = warped(theirs, flow)
        slopes = (read[1:] + ours) / 2
        left = read[:1] - a - (slopes * flow).sum(0, keepdim=True)
        flow = _minimum(flow, slopes, left, dual, weights=weights)
        # A median frees the flow of what single pixels think (Wedel et al. 2009).
        flow = calmed(flow)
        look((i + 1) / _WARPS)
    return flow


def edge_weights(a: Tensor) -> Tensor:
    """Return how much a difference of flow costs at each pixel of a picture (1, h, w)."""
    slope = _slopes(functional.avg_pool2d(_edged(a, 1), 3, 1)).square().sum(0, keepdim=True)
    return slope.pow_(_EDGE_POWER / 2).mul_(-_EDGES).exp_().clamp_min_(_LEAST_EDGE)


def calmed(flow: Tensor) -> Tensor:
    """Return the median of five along each row, then along each column, of planes (c, h, w)."""
    for axis in (2, 1):
        size = flow.shape[axis]
        padded = _edged(flow, 2 if axis == 2 else 0, 2 if axis == 1 else 0)
        flow = _middle(*(padded.narrow(axis, i, size) for i in range(5)))
    return flow


def _minimum(
    flow: Tensor, slopes: Tensor, left: Tensor, dual: Tensor, *, weights: Tensor
) -> Tensor:
    """Return the flow at the minimum where rho(v) = slopes . v + left; `dual` goes on with it."""
    steep = slopes.square().sum(0, keepdim=True).add_(_FLAT)
    reach = steep * inside(flow) * (_STEP * _STRENGTH)
    bar, gradient = flow, torch.zeros_like(dual)
    for _ in range(_ITERATIONS):
        torch.sub(bar[..., 1:], bar[..., :-1], out=gradient[0, ..., :-1])
        torch.sub(bar[:, 1:], bar[:, :-1], out=gradient[1, :, :-1])
        dual.add_(gradient * weights, alpha=_STEP).div_(1 + _STEP * _HUBER)
        dual.mul_(dual.square().sum(0).clamp_min_(1).rsqrt_())
        moved = torch.add(flow, _divergence(dual * weights), alpha=_STEP)
        rho = (slopes * moved).sum(0, keepdim=True).add_(left)
        rho = torch.minimum(torch.maximum(rho, -reach), reach).div_(steep)
        moved.addcmul_(slopes, rho, value=-1)
        bar = torch.sub(moved, flow).add_(moved)
        flow = moved
    return flow


def _divergence(field: Tensor) -> Tensor:
    """Return the divergence of a field (2, c, h, w), the negative adjoint of the gradient."""
    across, down = field
    total: Tensor = across + down
    total[..., 1:] -= across[..., :-1]
    total[:, 1:] -= down[:, :-1]
    return total


def _slopes(plane: Tensor) -> Tensor:
    """Return the slopes of a plane (1, h, w) across and down, (2, h, w), to the fourth order."""
    h, w = plane.shape[1:]
    across, down = _edged(plane, 2, 0), _edged(plane, 0, 2)
    x = [across[..., i : i + w] for i in (0, 1, 3, 4)]
    y = [down[:, i : i + h] for i in (0, 1, 3, 4)]
    return torch.cat([(p - 8 * q + 8 * r - s) / 12 for p, q, r, s in (x, y)])


def _edged(planes: Tensor, across: int, down: int | None = None) -> Tensor:
    """Return planes (c, h, w) whose outermost pixels go on."""
    down = across if down is None else down
    return functional.pad(planes[None], (across, across, down, down), mode="replicate")[0]


def _middle(a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor) -> Tensor:
    """Return the median of five: of pairs, the lesser of the least and the greater of the most go.

    A sorting network is fifty times as quick as `Tensor.median`.
    """
    a, b = torch.minimum(a, b), torch.maximum(a, b)
    d, e = torch.minimum(d, e), torch.maximum(d, e)
    low, high = torch.maximum(a, d), torch.minimum(b, e)
    low, high = torch.minimum(low, high), torch.maximum(low, high)
    return torch.maximum(low, torch.minimum(high, c))
