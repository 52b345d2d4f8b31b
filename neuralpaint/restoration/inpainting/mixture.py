"""The mixture: a picture's patches as drawn from a few dozen Gaussians, and so freed of noise.

A patch p with noise of deviation e is most likely of the Gaussian k of

    max  log n_k - log det(C_k + e^2) / 2 - (p - m_k)^T (C_k + e^2)^-1 (p - m_k) / 2

and under that one its expectation without the noise is Wiener's filter

    m_k + C_k (C_k + e^2)^-1 (p - m_k) = m_k + V diag(l / (l + e^2)) V^T (p - m_k)

with C_k = V diag(l) V^T. Kin: Yu, Sapiro, Mallat 2012 (Solving inverse problems with piecewise
linear estimators, IEEE TIP 21) and Zoran, Weiss 2011 (From learning models of natural image patches
to whole image restoration, ICCV). Here the Gaussians are those of the picture itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from neuralpaint.restoration.inpainting.patches import SIDE, SIZE

__all__ = ["Filter", "Mixture"]

_FEWEST = SIZE // 2  # patches that make a Gaussian of their own
_LEAST = 1e-8  # variance, far below what rounding makes: of next to none, eigenvectors are NaN
_CHROMA = 2  # blocks along a side, of which only the mean colour tells


def _sketch() -> Tensor:
    """Return what of a patch tells its Gaussian, (SIZE, 44): all its greys, and few of its colours.

    Colour is smooth where grey is not. To tell by all 108 numbers takes three times as long and is
    no better, by greys alone loses half a decibel. Opponent axes are those of Dabov et al. 2007.
    """
    grey, *chroma = torch.tensor([[1.0, 1, 1], [1, 0, -1], [0.5, -1, 0.5]])
    block = torch.arange(SIDE) * _CHROMA // SIDE
    of = one_hot((block[:, None] * _CHROMA + block).flatten(), _CHROMA**2).float()
    blocks = of / of.square().sum(0).sqrt()
    parts = [torch.kron((grey / grey.norm())[:, None], torch.eye(SIDE**2))]
    parts += [torch.kron((axis / axis.norm())[:, None], blocks) for axis in chroma]
    return torch.cat(parts, 1)


_SKETCH: Tensor = _sketch()


@dataclass(frozen=True)
class Mixture:
    """K Gaussians of patches, and of the sketches of these by which they are told apart."""

    sketch: Tensor  # (SIZE, s)
    log_counts: Tensor  # (K,)
    means: Tensor  # (K, SIZE)
    variances: Tensor  # (K, SIZE), along the axes
    axes: Tensor  # (K, SIZE, SIZE), one per column
    sketch_variances: Tensor  # (K, s)
    sketch_axes: Tensor  # (K, s, s)

    @classmethod
    def fitted(cls, patches: Tensor, labels: Tensor) -> Self:
        """Return the Gaussians of patches (n, SIZE) that bear the same of n labels.

        Of labels with too few patches there are none; where all have too few, there is one of all.
        """
        groups = [patches[labels == label] for label in labels.unique().tolist()]
        groups = [group for group in groups if len(group) >= _FEWEST] or [patches]
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
            *_principal(covariances),
            *_principal(sketch.T @ covariances @ sketch),
        )

    def against(self, noise: float) -> Filter:
        """Return what frees patches of noise of that standard deviation."""
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
    """What K Gaussians make of patches with noise of one strength."""

    sketch: Tensor  # (SIZE, s)
    biases: Tensor  # (K,)
    whitening: Tensor  # (K, s, s)
    white_means: Tensor  # (K, s, 1)
    matrices: Tensor  # (K, SIZE, SIZE), symmetric
    offsets: Tensor  # (K, SIZE)

    def labels(self, patches: Tensor) -> Tensor:
        """Return the most likely Gaussian of each patch (n, SIZE), int64 (n,)."""
        sketches = (patches @ self.sketch).T.contiguous()  # sums over rows are quicker
        distances = torch.empty(len(self.biases), len(patches), device=patches.device)
        for mean, matrix, distance in zip(self.white_means, self.whitening, distances, strict=True):
            white = torch.addmm(mean, matrix, sketches, beta=-1)
            torch.sum(white.square_(), 0, out=distance)
        return (self.biases[:, None] - distances / 2).argmax(0)

    def __call__(self, patches: Tensor) -> Tensor:
        """Return patches (n, SIZE) without the noise."""
        labels = self.labels(patches)
        counts = torch.bincount(labels, minlength=len(self.biases)).tolist()
        # Sorted, the patches of a Gaussian are one matrix.
        order = labels.argsort(stable=True)
        groups = patches[order].split(counts)
        clean = [
            torch.addmm(offset, group, matrix)
            for offset, matrix, group in zip(self.offsets, self.matrices, groups, strict=True)
        ]
        return torch.empty_like(patches).index_copy_(0, order, torch.cat(clean))


def _covariance(deviations: Tensor) -> Tensor:
    covariance = deviations.T @ deviations / len(deviations)
    covariance.diagonal().add_(_LEAST)
    return covariance


def _principal(covariances: Tensor) -> tuple[Tensor, Tensor]:
    """Return variances (K, n) along axes (K, n, n)."""
    variances, axes = torch.linalg.eigh(covariances)
    return variances.clamp_(min=0), axes
