"""Shares: how much of each trained picture a code asks for."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["Shares"]

_NOTHING = 1e-4  # a share: less than rounding could make of it, and no colour would tell
_FLAT = 1e-6  # of the codes' spread: a direction in which they hardly differ is none


class Shares(nn.Module):
    """Shares of pictures, which are at least 0 and add up to 1, continuous in the code.

    At a trained code it is all that picture's. Elsewhere picture p has the value at the code of its
    cardinal function: that combination of the distances to the trained codes and of an affine
    function which is 1 at the picture's own code and 0 at all others (polyharmonic splines of order
    1, Duchon 1977). So the shares of one-hot codes are the code itself, and those of times are
    linear from one to the next. A code outside the affine hull of the trained ones has the shares
    of the nearest in it. What is below 0, beyond the trained codes, counts as nothing: pictures are
    mixed, never subtracted.
    """

    _centre: Tensor  # (k,): of the trained codes
    _axes: Tensor  # (k, r): an orthonormal basis of their affine hull
    _codes: Tensor  # (pictures, r): where they are in it
    _cardinals: Tensor  # (pictures + 1 + r, pictures): of distances, 1 and the place in the hull

    def __init__(self, codes: NDArray[np.floating]) -> None:
        """Take the trained codes (pictures, k), no two of which are the same."""
        super().__init__()
        centre, axes = _hull(codes)
        places = (codes - centre) @ axes
        # Not weights: the codes already say it.
        for name, array in {
            "_centre": centre,
            "_axes": axes,
            "_codes": places,
            "_cardinals": _cardinals(places),
        }.items():
            tensor = torch.from_numpy(array.astype(np.float32))
            self.register_buffer(name, tensor, persistent=False)

    def nearest(self, code: Tensor) -> Tensor:
        """Return the number of the trained code that is nearest to each (..., k), int64 (...)."""
        return self._distances(self._place(code)).argmin(-1)

    def forward(self, code: Tensor) -> Tensor:
        """Return the shares (..., pictures) at codes (..., k)."""
        place = self._place(code)
        pictures = len(self._codes)
        affine = place @ self._cardinals[pictures + 1 :] + self._cardinals[pictures]
        shares = affine + self._distances(place) @ self._cardinals[:pictures]
        shares = torch.where(shares > _NOTHING, shares, 0)
        return shares / shares.sum(-1, keepdim=True)

    def _place(self, code: Tensor) -> Tensor:
        return (code - self._centre) @ self._axes

    def _distances(self, place: Tensor) -> Tensor:
        """Return those to the trained codes (..., pictures): products would lose their digits."""
        mode = "donot_use_mm_for_euclid_dist"
        flat = place.reshape(-1, place.shape[-1])
        return torch.cdist(flat, self._codes, compute_mode=mode).view(*place.shape[:-1], -1)


def _hull(codes: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centre (k,) and an orthonormal basis (k, r) of the codes' affine hull."""
    centre = codes.mean(axis=0, dtype=float)
    _, lengths, directions = np.linalg.svd(codes - centre, full_matrices=False)
    return centre, directions[lengths > _FLAT * lengths.max()].T


def _cardinals(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coefficients of every picture's function, (pictures + 1 + r, pictures)."""
    pictures, dimensions = places.shape
    affine = np.concatenate([np.ones((pictures, 1)), places], axis=1)
    distances = np.linalg.norm(places[:, None] - places, axis=-1)
    corner = np.zeros((1 + dimensions, 1 + dimensions))
    system = np.block([[distances, affine], [affine.T, corner]])
    return np.linalg.pinv(system, rcond=1e-12)[:, :pictures]
