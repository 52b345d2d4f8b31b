"""Error filters: what an enlargement of the picture's own shrunk copy lacks is learned from it.

The picture is shrunk, and the copy is enlarged as the picture will be. There the true pixels are
known: a linear filter per class of pixels predicts the error of the enlargement from it and from
the interpolation it started with. The classes are strength, direction and coherence of the edges.
See Timofte, De Smet, Van Gool 2013 (Anchored neighborhood regression, ICCV), Romano, Isidoro,
Milanfar 2017 (RAISR, IEEE TCI 3) and, for the shrunk copy, Glasner, Bagon, Irani 2009
(Super-resolution from a single image, ICCV). With features f and errors e of class k, the filter is

    w_k = (F_k + s C)^-1 g_k,   F_k = sum of f f^T,   g_k = sum of f e

where C is the mean of f f^T over all pixels. Turning and mirroring the picture permutes features
and classes, so all eight positions are added by permuting F and g, without computing them again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["ErrorFilters"]

# Chosen by the mean PSNR of twelve photographs, enlarged to two to four times their size:
_RADII = 2, 1  # of the patches of the enlargement and of its difference from the interpolation
_DIRECTIONS = 8  # of the structure tensor; a multiple of 4
_COHERENCES = 0.35, 0.65
_STRENGTHS = 0.3, 0.55, 0.8  # quantiles of the edges' strength
_SAMPLES = 16_384  # s, in pixels of all eight positions; 8192: 0.03 dB worse on small pictures
_STRUCTURE = 2  # radius of the square in which a pixel's edges are examined
_BORDER = 8  # pixels along the edges, from which nothing is learned: they have errors of their own
_EPSILON = 1e-7
_LEAST = 1e-6  # of the features' variances: rounding errors

_ROWS = 1 << 16  # pixels at a time


@dataclass(frozen=True)
class ErrorFilters:
    """A filter for each class of pixels."""

    limits: Tensor  # (strengths - 1,)
    weights: Tensor  # (classes, features)

    @classmethod
    def fit(cls, truth: Tensor, *, enlarged: Tensor, interpolated: Tensor) -> Self:
        """Fit the filters to an enlargement whose true luma is known; all are (h, w)."""
        strength, direction, coherence = _structure(enlarged)
        shares = torch.tensor(_STRENGTHS, device=truth.device)
        limits = torch.quantile(_sampled(strength), shares)
        labels = _labels(strength, direction, coherence, limits).flatten()
        count = _label_count(len(limits) + 1)
        errors = (truth - enlarged).flatten()
        inner = torch.zeros_like(truth, dtype=torch.bool)
        inner[_BORDER:-_BORDER, _BORDER:-_BORDER] = True
        labels = torch.where(inner.flatten(), labels, count)
        size = sum((2 * r + 1) ** 2 for r in _RADII)
        squares = truth.new_zeros(count, size, size)
        products = truth.new_zeros(count, size)
        width = truth.shape[1]
        for rows in _bands(*truth.shape):
            features = _features(enlarged, interpolated, rows)
            part = slice(rows.start * width, rows.stop * width)
            order = labels[part].argsort(stable=True)
            sizes = torch.bincount(labels[part], minlength=count + 1).tolist()
            groups = features[order].split(sizes), errors[part][order].split(sizes)
            for k, (f, e) in enumerate(zip(*(group[:count] for group in groups), strict=True)):
                squares[k] += f.T @ f
                products[k] += f.T @ e
        squares, products = _symmetric(squares, products)
        total = squares.sum(0)
        prior = total * (_SAMPLES / (8 * truth.numel()))
        prior = prior + torch.diag(total.diagonal() * _LEAST + _EPSILON)
        # Small matrices, and not every GPU can solve them in double precision.
        solved = torch.linalg.solve((squares + prior).cpu().double(), products.cpu().double())
        return cls(limits, solved.to(truth))

    def __call__(self, enlarged: Tensor, *, interpolated: Tensor) -> Tensor:
        """Return the expected error of an enlargement's luma; all are (h, w)."""
        labels = _labels(*_structure(enlarged), self.limits)
        out = torch.empty_like(enlarged)
        for rows in _bands(*enlarged.shape):
            features = _features(enlarged, interpolated, rows)
            weights = self.weights[labels[rows].flatten()]
            out[rows] = (features * weights).sum(1).view_as(out[rows])
        return out


def _bands(height: int, width: int) -> list[slice]:
    rows = max(1, _ROWS // width)
    return [slice(top, min(height, top + rows)) for top in range(0, height, rows)]


def _padded(x: Tensor, radius: int) -> Tensor:
    return functional.pad(x[None, None], (radius,) * 4, mode="replicate")[0]


def _features(enlarged: Tensor, interpolated: Tensor, rows: slice) -> Tensor:
    """Return the features (pixels, n) of some rows: patches, of the enlargement less its mean."""
    parts = []
    for plane, radius in zip((enlarged, interpolated - enlarged), _RADII, strict=True):
        part = _padded(plane, radius)[:, rows.start : rows.stop + 2 * radius]
        parts.append(functional.unfold(part[None], 2 * radius + 1)[0].T)
    parts[0] = parts[0] - parts[0].mean(1, keepdim=True)
    return torch.cat(parts, 1)


def _structure(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the strength, direction (int64) and coherence of the edges around each pixel of x.

    They are those of the structure tensor, see `patch_mixture.structure_classes`.
    """
    padded = _padded(x, 1)[0]
    down = padded[2:, 1:-1] - padded[:-2, 1:-1]
    across = padded[1:-1, 2:] - padded[1:-1, :-2]
    products = torch.stack([down * down, across * across, down * across])[:, None]
    padded = functional.pad(products, (_STRUCTURE,) * 4, mode="replicate")
    yy, xx, xy = functional.avg_pool2d(padded, 2 * _STRUCTURE + 1, 1)[:, 0]
    strength = yy + xx
    coherence = torch.hypot(yy - xx, 2 * xy) / (strength + _EPSILON)
    turns = torch.atan2(2 * xy, yy - xx) / (2 * math.pi)
    return strength, (turns * _DIRECTIONS).round().long() % _DIRECTIONS, coherence


def _labels(strength: Tensor, direction: Tensor, coherence: Tensor, limits: Tensor) -> Tensor:
    """Return the class of each pixel: per strength one without direction, and the directions."""
    level = torch.bucketize(strength, limits)
    clear = torch.bucketize(coherence, coherence.new_tensor(_COHERENCES))
    directed = 1 + (clear - 1) * _DIRECTIONS + direction
    return level * _label_count(1) + torch.where(clear > 0, directed, 0)


def _label_count(strengths: int) -> int:
    return strengths * (1 + len(_COHERENCES) * _DIRECTIONS)


def _symmetric(squares: Tensor, products: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sums over the eight positions of the picture.

    Mirroring columns negates the direction's double angle; transposing subtracts it from pi.
    """
    turns = torch.arange(_DIRECTIONS)
    count = len(products)
    for dims, turned in (((1,), -turns), ((0,), -turns), (None, _DIRECTIONS // 2 - turns)):
        places, start = [], 0
        for radius in _RADII:
            side = 2 * radius + 1
            square = start + torch.arange(side * side).view(side, side)
            moved = square.T if dims is None else square.flip(dims)
            places.append(moved.flatten())
            start += side * side
        place = torch.cat(places).to(squares.device)
        blocks = [1 + i * _DIRECTIONS + turned % _DIRECTIONS for i in range(len(_COHERENCES))]
        block = torch.cat([torch.zeros(1, dtype=torch.int64), *blocks])
        step = _label_count(1)
        label = (torch.arange(0, count, step)[:, None] + block).flatten().to(squares.device)
        squares = squares + squares[label][:, place][:, :, place]
        products = products + products[label][:, place]
    return squares, products


def _sampled(x: Tensor) -> Tensor:
    """Return some of the values, at most as many as `torch.quantile` takes."""
    return x.flatten()[:: 1 + x.numel() // (1 << 20)]
