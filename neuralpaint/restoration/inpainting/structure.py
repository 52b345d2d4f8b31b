"""Structure: a first guess of which patches are alike, by the strength and way of their edges.

With g = (g_y, g_x) the gradient of a patch's mean colour, the structure tensor is J = mean(g g^T).
Its trace is how strong the edges are; where its eigenvalues differ, its first eigenvector is their
direction (Bigun, Granlund 1987, Optimal orientation detection of linear symmetry, ICCV).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from neuralpaint.restoration.inpainting.patches import SIDE

__all__ = ["structures"]

# Of flat patches one class, of each strength 1 + ways others: (4, 2) loses 0.2 dB, (6, 3) 0.05.
_WAYS = 8
_STRENGTHS = 4
_COHERENT = 0.5  # (a - b) / (a + b) of the eigenvalues, from which there is a direction
_STILL = 1e-9


def structures(patches: Tensor) -> Tensor:
    """Return the class of each patch (n, SIZE), int64 (n,)."""
    grey = patches.view(len(patches), -1, SIDE, SIDE).mean(1)
    down = grey[:, 1:, :-1] - grey[:, :-1, :-1]
    across = grey[:, :-1, 1:] - grey[:, :-1, :-1]
    yy, xx = down.square().mean((1, 2)), across.square().mean((1, 2))
    xy = (down * across).mean((1, 2))
    trace = yy + xx
    coherence = torch.hypot(yy - xx, 2 * xy) / (trace + _STILL)
    turn = torch.atan2(2 * xy, yy - xx) / (2 * math.pi) % 1  # twice the direction's angle
    way = (turn * _WAYS).long().clamp_(max=_WAYS - 1)
    levels = torch.linspace(0, 1, _STRENGTHS + 2, device=trace.device)[1:-1]
    strength = torch.bucketize(trace, torch.quantile(trace, levels))
    directed = 1 + _STRENGTHS + (strength - 1) * _WAYS + way
    return torch.where((strength > 0) & (coherence > _COHERENT), directed, strength)
