"""Patches of a picture, and a mixture of Gaussians fitted to them that removes their noise.

For a patch p with noise of standard deviation e, the most likely Gaussian k is

    argmax  log n_k - log det(C_k + e^2) / 2 - (p - m_k)^T (C_k + e^2)^-1 (p - m_k) / 2

and given k, the expected patch without noise is Wiener's filter

    m_k + C_k (C_k + e^2)^-1 (p - m_k) = m_k + V diag(l / (l + e^2)) V^T (p - m_k)

with C_k = V diag(l) V^T. See Yu, Sapiro, Mallat 2012 (Solving inverse problems with piecewise
linear estimators, IEEE TIP 21) and Zoran, Weiss 2011 (From learning models of natural image patches
to whole image restoration, ICCV). Here the Gaussians are fitted to the picture itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["SIDE", "SIZE", "Filter", "Mixture", "Patches", "Shift", "structure_classes"]

SIDE = 6  # pixels; 5: 0.17 dB worse, 8: 0.05 dB better but twice as slow
SIZE = 3 * SIDE**2
"""Number of values of a patch: all reds row by row, then all greens, then all blues."""

_LEAST_PATCHES = SIZE // 2  # to fit a Gaussian
_LEAST_VARIANCE = 1e-8  # far below rounding errors; near 0, eigenvectors become NaN
_CHROMA_BLOCKS = 2  # along a side; only the mean colour of each block is compared

# Chosen by PSNR: (4, 2) is 0.2 dB worse than (8, 4), (6, 3) is 0.05 dB worse.
_DIRECTIONS = 8
_STRENGTHS = 4
_COHERENT = 0.5  # (a - b) / (a + b) of the eigenvalues above which a patch has a direction
_EPSILON = 1e-9


class Shift(NamedTuple):
    """The offset of the patch grid, in pixels from the corner of the padded picture."""

    down: int
    across: int

    @classmethod
    def draw(cls, share: float, generator: np.random.Generator) -> list[Shift]:
        """Return a random share of the SIDE x SIDE different shifts."""
        chosen = generator.permutation(SIDE * SIDE)[: round(share * SIDE * SIDE)]
        return [cls(*divmod(i, SIDE)) for i in chosen.tolist()]


class Patches:
    """The patches of pictures of one size: a grid without overlap for each shift."""

    def __init__(self, height: int, width: int) -> None:
        self._height, self._width = height, width
        self.rows, self.columns = (-(-side // SIDE) + 1 for side in (height, width))
        """Size of the grid, in patches."""

    def pad(self, x: Tensor, *, fill: float | None = None) -> Tensor:
        """Return x (c, h, w) with a mirrored or filled border, for the patches at the edges."""
        below, right = self.rows * SIDE - self._height, self.columns * SIDE - self._width
        border = (SIDE, right, SIDE, below)
        if fill is not None:
            return functional.pad(x, border, value=fill)
        mirrors = max(border) < min(self._height, self._width)
        return functional.pad(x[None], border, mode="reflect" if mirrors else "replicate")[0]

    def crop(self, padded: Tensor) -> Tensor:
        """Return the picture (c, h, w) without the border from `pad`."""
        return padded[:, SIDE : SIDE + self._height, SIDE : SIDE + self._width]

    def cut(self, padded: Tensor, shift: Shift) -> Tensor:
        """Return the patches as a writable view (rows, columns, c, SIDE, SIDE)."""
        part = self._part(padded, shift)
        grid: Tensor = part.unflatten(1, (self.rows, SIDE)).unflatten(3, (self.columns, SIDE))
        return grid.permute(1, 3, 0, 2, 4)

    def means(self, padded: Tensor, shift: Shift) -> Tensor:
        """Return the mean (rows, columns) of each patch of a padded plane (1, ...)."""
        return functional.avg_pool2d(self._part(padded, shift), SIDE)[0]

    def _part(self, padded: Tensor, shift: Shift) -> Tensor:
        down = slice(shift.down, shift.down + self.rows * SIDE)
        across = slice(shift.across, shift.across + self.columns * SIDE)
        return padded[:, down, across]


def structure_classes(patches: Tensor) -> Tensor:
    """Group patches (n, SIZE) by strength and direction of their edges; return int64 (n,).

    With g the gradient of a patch's mean colour, the structure tensor is J = mean(g g^T). Its
    trace is the strength of the edges; if its eigenvalues differ, the first eigenvector is their
    direction (Bigun, Granlund 1987, Optimal orientation detection of linear symmetry, ICCV).
    """
    grey = patches.view(len(patches), -1, SIDE, SIDE).mean(1)
    down = grey[:, 1:, :-1] - grey[:, :-1, :-1]
    across = grey[:, :-1, 1:] - grey[:, :-1, :-1]
    yy, xx = down.square().mean((1, 2)), across.square().mean((1, 2))
    xy = (down * across).mean((1, 2))
    trace = yy + xx
    coherence = torch.hypot(yy - xx, 2 * xy) / (trace + _EPSILON)
    turns = torch.atan2(2 * xy, yy - xx) / (2 * math.pi) % 1  # twice the direction's angle
    direction = (turns * _DIRECTIONS).long().clamp_(max=_DIRECTIONS - 1)
    levels = torch.linspace(0, 1, _STRENGTHS + 2, device=trace.device)[1:-1]
    strength = torch.bucketize(trace, torch.quantile(trace, levels))
    directed = 1 + _STRENGTHS + (strength - 1) * _DIRECTIONS + direction
    return torch.where((strength > 0) & (coherence > _COHERENT), directed, strength)


def _make_sketch() -> Tensor:
    """Return the projection (SIZE, 44) of a patch from which its Gaussian is chosen.

    It keeps all grey values but few colour values, because colour is smoother. With all 108 values
    the result is no better and takes three times as long; with grey values only, it is 0.5 dB
    worse. The opponent axes are from Dabov et al. 2007.
    """
    grey, *chroma = torch.tensor([[1.0, 1, 1], [1, 0, -1], [0.5, -1, 0.5]])
    block = torch.arange(SIDE) * _CHROMA_BLOCKS // SIDE
    index = (block[:, None] * _CHROMA_BLOCKS + block).flatten()
    member = functional.one_hot(index, _CHROMA_BLOCKS**2).float()
    blocks = member / member.square().sum(0).sqrt()
    parts = [torch.kron((grey / grey.norm())[:, None], torch.eye(SIDE**2))]
    parts += [torch.kron((axis / axis.norm())[:, None], blocks) for axis in chroma]
    return torch.cat(parts, 1)


_SKETCH: Tensor = _make_sketch()


@dataclass(frozen=True)
class Mixture:
    """K Gaussians of patches, and of the sketches that assign a patch to a Gaussian."""

    sketch: Tensor  # (SIZE, s)
    log_counts: Tensor  # (K,)
    means: Tensor  # (K, SIZE)
    variances: Tensor  # (K, SIZE), along the axes
    axes: Tensor  # (K, SIZE, SIZE), one per column
    sketch_variances: Tensor  # (K, s)
    sketch_axes: Tensor  # (K, s, s)

    @classmethod
    def fit(cls, patches: Tensor, labels: Tensor) -> Self:
        """Fit one Gaussian to each group of patches (n, SIZE) with equal labels (n,).

        Groups with too few patches are left out. If all groups are too small, one Gaussian is
        fitted to all patches.
        """
        groups = [patches[labels == label] for label in labels.unique().tolist()]
        groups = [group for group in groups if len(group) >= _LEAST_PATCHES] or [patches]
        means = torch.stack([group.mean(0) for group in groups])
        covariances = torch.stack(
            [_covariance(group - mean) for group, mean in zip(groups, means, strict=True)]
        )
        sketch = _SKETCH.to(patches.device)
        counts = torch.tensor([float(len(group)) for group in groups], device=patches.device)
        return cls(
            sketch,
            counts.log(),
            means,
            *_principal_axes(covariances),
            *_principal_axes(sketch.T @ covariances @ sketch),
        )

    def filter(self, noise: float) -> Filter:
        """Return the filter that removes noise of this standard deviation from patches."""
        gains = self.variances / (self.variances + noise**2)
        matrices = (self.axes * gains[:, None]) @ self.axes.mT
        spread = self.sketch_variances + noise**2
        whitening = (self.sketch_axes * spread.rsqrt()[:, None]).mT.contiguous()
        return Filter(
            self.sketch,
            biases=self.log_counts - spread.log().sum(1) / 2,
            whitening=whitening,
            white_means=whitening @ (self.means @ self.sketch)[:, :, None],
            matrices=matrices,
            offsets=self.means - (matrices @ self.means[:, :, None])[:, :, 0],
        )


@dataclass(frozen=True)
class Filter:
    """Wiener's filters for K Gaussians and one level of noise."""

    sketch: Tensor  # (SIZE, s)
    biases: Tensor  # (K,)
    whitening: Tensor  # (K, s, s)
    white_means: Tensor  # (K, s, 1)
    matrices: Tensor  # (K, SIZE, SIZE), symmetric
    offsets: Tensor  # (K, SIZE)

    def labels(self, patches: Tensor) -> Tensor:
        """Return the most likely Gaussian of each patch (n, SIZE), int64 (n,)."""
        sketches = (patches @ self.sketch).T.contiguous()  # sums over rows are faster
        distances = torch.empty(len(self.biases), len(patches), device=patches.device)
        for mean, matrix, distance in zip(self.white_means, self.whitening, distances, strict=True):
            white = torch.addmm(mean, matrix, sketches, beta=-1)
            torch.sum(white.square_(), 0, out=distance)
        return (self.biases[:, None] - distances / 2).argmax(0)

    def __call__(self, patches: Tensor) -> Tensor:
        """Return patches (n, SIZE) without the noise."""
        labels = self.labels(patches)
        counts = torch.bincount(labels, minlength=len(self.biases)).tolist()
        # Sorted by label, so that the patches of each Gaussian are one matrix.
        order = labels.argsort(stable=True)
        groups = patches[order].split(counts)
        clean = [
            torch.addmm(offset, group, matrix)
            for offset, matrix, group in zip(self.offsets, self.matrices, groups, strict=True)
        ]
        return torch.empty_like(patches).index_copy_(0, order, torch.cat(clean))


def _covariance(deviations: Tensor) -> Tensor:
    covariance = deviations.T @ deviations / len(deviations)
    covariance.diagonal().add_(_LEAST_VARIANCE)
    return covariance


def _principal_axes(covariances: Tensor) -> tuple[Tensor, Tensor]:
    """Return variances (K, n) along axes (K, n, n)."""
    device = covariances.device
    # MPS has no kernel for it.
    on_host = covariances.cpu() if device.type == "mps" else covariances
    variances, axes = (each.to(device) for each in torch.linalg.eigh(on_host))
    return variances.clamp_(min=0), axes
