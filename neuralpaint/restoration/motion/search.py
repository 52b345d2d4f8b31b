"""Search: motion that is too fast to be followed, found by trying every shift of every window.

It is done once, in small pictures. What is found there is believed only where it is much better
than what has been followed so far, and where the way back leads home.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from neuralpaint.restoration.motion.variational import calmed
from neuralpaint.restoration.motion.warping import warped

__all__ = ["dominant", "mismatch", "steadied", "with_leaps"]

_REACH = 0.1  # of the longer side: farther nothing leaps
_BIAS = 0.0005  # of white, for each pixel of shift: what is the same everywhere has not moved
_HOME = 1.5  # pixels
_BETTER, _CLEARLY = 0.6, 0.005  # a leap must miss by less than so much of what was missed
_AS_GOOD, _NEARLY = 1.1, 0.003  # and the whole picture's motion may miss by so much more
_FITS = 10
_WIDEST, _NARROWEST = 8.0, 0.25  # pixels: what a fit takes for its own, first and last
_THIN = 3  # every third row and column says enough


def with_leaps(flow: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return the flow (2, h, w) from a (3, h, w) to b with the leaps that it has missed."""
    reach = max(4, round(max(a.shape) * _REACH))
    there, back = _best_shifts(a, b, reach), _best_shifts(b, a, reach)
    home = (warped(back, there) + there).square().sum(0) < _HOME**2
    better = mismatch(a, b, there) < _BETTER * mismatch(a, b, flow) - _CLEARLY
    return calmed(torch.where(home & better, there, flow))


def steadied(flow: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return the flow with the whole picture's motion wherever that is as good.

    Where a pattern repeats itself, a shift by its period cannot be told from none by looking there.
    """
    whole = dominant(flow)
    as_good = mismatch(a, b, whole) <= _AS_GOOD * mismatch(a, b, flow) + _NEARLY
    return torch.where(as_good, whole, flow)


def mismatch(a: Tensor, b: Tensor, flow: Tensor) -> Tensor:
    """Return by how much windows of a and b differ along a flow, (h, w) in [0, 1.5]."""
    return _over_windows((warped(b, flow) - a).abs_().mean(0, keepdim=True))[0]


def dominant(flow: Tensor) -> Tensor:
    """Return the affine flow (2, h, w) that most of a flow obeys.

    It is fitted by least squares that count what is far away less and less (Holland and Welsch
    1977, Robust regression using iteratively reweighted least-squares).
    """
    h, w = flow.shape[1:]
    x, y = torch.linspace(-1, 1, w).expand(h, w), torch.linspace(-1, 1, h)[:, None].expand(h, w)
    basis = torch.stack([torch.ones(h, w), x, y])
    rows, wanted = (f[:, ::_THIN, ::_THIN].flatten(1).T for f in (basis, flow))
    fit = torch.cat([wanted.median(0).values[None], torch.zeros(2, 2)])
    for i in range(_FITS):
        width = max(_NARROWEST, _WIDEST / 2**i)
        weights = 1 / (1 + (rows @ fit - wanted).square().sum(1, keepdim=True) / width**2)
        normal = rows.T @ (weights * rows) + 1e-6 * torch.eye(3)
        fit = torch.linalg.solve(normal, rows.T @ (weights * wanted))
    return torch.einsum("khw,kc->chw", basis, fit)


def _best_shifts(a: Tensor, b: Tensor, reach: int) -> Tensor:
    """Return for each window of a (3, h, w) the whole shift to where b is most like it."""
    h, w = a.shape[1:]
    padded = functional.pad(b[None], (reach,) * 4, mode="replicate")[0]
    across = torch.arange(-reach, reach + 1.0)
    least, best = torch.full((h, w), torch.inf), torch.zeros(2, h, w)
    for down in sorted(range(-reach, reach + 1), key=abs):
        rows = padded[:, reach + down : reach + down + h].unfold(2, w, 1)  # (3, h, shifts, w)
        apart = sum((rows[c].transpose(0, 1) - a[c]).abs_() for c in range(3))
        assert isinstance(apart, Tensor)
        cost = _over_windows(apart / 3)  # (shifts, h, w)
        cost += _BIAS * (across.square() + down**2).sqrt_()[:, None, None]
        cheapest, which = cost.min(0)
        better = cheapest < least
        least = torch.where(better, cheapest, least)
        best[0] = torch.where(better, across[which], best[0])
        best[1].masked_fill_(better, down)
    return best


def _over_windows(planes: Tensor) -> Tensor:
    """Return means over 5 x 5 pixels and, at half the weight, over a wider window of planes."""
    near = _means_of_five(planes)
    return near.add_(_means_of_five(near), alpha=0.5)


def _means_of_five(planes: Tensor) -> Tensor:
    # Slices are added, which is ten times as quick as a pooling layer.
    for axis in (2, 1):
        size = planes.shape[axis]
        margin = (2, 2, 0, 0) if axis == 2 else (0, 0, 2, 2)
        padded = functional.pad(planes[None], margin, mode="replicate")[0]
        parts = [padded.narrow(axis, i, size) for i in range(5)]
        planes = parts[0] + parts[1]
        for part in parts[2:]:
            planes += part
    return planes.div_(25)
