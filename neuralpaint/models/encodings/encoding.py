"""The base class of encodings, and encodings composed of others."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = [
    "LEAST_WEIGHT",
    "Concatenation",
    "Conditioned",
    "Encoding",
    "Identity",
    "MixingWeights",
    "is_grid",
    "scaling_of",
]

# How far the phases of a sine differ between two codes at the start of the training, in radians.
# With half this value, pictures between the codes are cross-fades; with twice this value, noise.
_CODE_STRENGTH = 1.2
LEAST_WEIGHT = 1e-4  # smaller mixing weights are rounding errors, and not visible
# Axes along which the codes extend less than this fraction of their largest extent are ignored.
_MIN_EXTENT = 1e-6


def is_grid(x: Tensor, y: Tensor) -> bool:
    """Return whether x is a row (1, w) and y a column (h, 1)."""
    return x.ndim == 2 == y.ndim and x.shape[0] == 1 == y.shape[1]


class Encoding(nn.Module):
    """Maps coordinates to the parts of a feature vector; see `neuralpaint.models.encodings`."""

    rate = 1.0
    """Learning rate of its weights as a multiple of the network's."""
    widths: tuple[int, ...]
    """Number of features of each part."""
    separable = False
    """Whether there are exactly two parts: features of x alone and features of y alone."""
    uses_code = False
    """Whether `forward` takes a code."""
    sine_strengths: tuple[float, float]
    """How strongly the features influence the phases of a sine network, in its first layer and in
    its hidden layers, in radians; measured on photographs."""

    spectra: tuple[Tensor, ...]
    """Standard deviations of a sine network's initial weights at strength 1, (width,) per part.
    With such weights, the sum of all features has a deviation of about 1 over the picture."""

    @property
    def shortest_period(self) -> float:
        """Shortest period of separable features in coordinate units; infinity without waves."""
        return math.inf

    def parts(self, x: Tensor, y: Tensor, code: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the parts at x and y, and at a code (..., k) where the encoding uses it."""
        inputs = (x, y, code) if self.uses_code else (x, y)
        parts: tuple[Tensor, ...] = self(*inputs)
        return parts

    def set_progress(self, progress: float) -> None:
        """Adapt to the progress of the training, in [0, 1]; called before every step."""


class Identity(Encoding):
    """The coordinates themselves, one feature per axis."""

    widths = (1, 1)
    separable = True
    sine_strengths = (40.0, 5.0)
    spectra = (torch.ones(1), torch.ones(1))

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the parts (..., 1) and (..., 1) for x and y of any shape."""
        return x.unsqueeze(-1), y.unsqueeze(-1)


class Concatenation(Encoding):
    """The parts of several encodings."""

    def __init__(self, *encodings: Encoding) -> None:
        """Take the encodings; the rate and strengths of the last one are used."""
        super().__init__()
        self.encodings = nn.ModuleList(encodings)
        self.uses_code = any(encoding.uses_code for encoding in encodings)
        self.rate, self.sine_strengths = encodings[-1].rate, encodings[-1].sine_strengths
        self.widths = tuple(width for encoding in encodings for width in encoding.widths)
        # Scaled to the strength of each encoding in the first layer.
        self.spectra = tuple(
            encoding.sine_strengths[0] / self.sine_strengths[0] * spectrum
            for encoding in encodings
            for spectrum in encoding.spectra
        )

    def set_progress(self, progress: float) -> None:
        """Adapt all encodings to the progress of the training."""
        for encoding in self._each():
            encoding.set_progress(progress)

    def forward(self, x: Tensor, y: Tensor, code: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the parts of all encodings."""
        return tuple(part for encoding in self._each() for part in encoding.parts(x, y, code))

    def _each(self) -> list[Encoding]:
        return [encoding for encoding in self.encodings if isinstance(encoding, Encoding)]


class Conditioned(Encoding):
    """An encoding with the code as additional features.

    The code is centred and divided by the root mean square distance of the trained codes. If the
    code is constant along each row, it is appended to the part of the rows, so that networks can
    use their fast path over grids; otherwise it is a separate part.
    """

    uses_code = True

    _centre: Tensor  # (k,)

    def __init__(self, encoding: Encoding, codes: NDArray[np.floating]) -> None:
        """Take an encoding and the codes (pictures, k) to be trained."""
        super().__init__()
        self.encoding = encoding
        self.rate, self.separable = encoding.rate, encoding.separable
        self.sine_strengths = encoding.sine_strengths
        count = codes.shape[1]
        first, hidden = encoding.sine_strengths
        spectrum = torch.full((count,), _CODE_STRENGTH / math.sqrt(first * hidden))
        self.widths, self.spectra = (*encoding.widths, count), (*encoding.spectra, spectrum)
        if self.separable:
            of_x, of_y = encoding.spectra
            self.widths = (len(of_x), len(of_y) + count)
            self.spectra = (of_x, torch.cat([of_y, spectrum]))
        centre, self._distance = scaling_of(codes)
        self.register_buffer("_centre", torch.from_numpy(centre), persistent=False)

    @property
    def shortest_period(self) -> float:
        """Shortest period of the inner encoding; the code has no waves."""
        return self.encoding.shortest_period

    def set_progress(self, progress: float) -> None:
        """Adapt the encoding to the progress of the training."""
        self.encoding.set_progress(progress)

    def forward(self, x: Tensor, y: Tensor, code: Tensor) -> tuple[Tensor, ...]:
        """Return the parts at x and y for codes (..., k) that broadcast with them."""
        *others, last = self.encoding.parts(x, y, code)
        scaled = (code - self._centre) / self._distance
        if self.separable and _expands_to(scaled, last):
            return (*others, torch.cat([last, scaled.expand(*last.shape[:-1], -1)], -1))
        return (*others, last, scaled)


def scaling_of(codes: NDArray[np.floating]) -> tuple[NDArray[np.float32], float]:
    """Return the mean of codes (pictures, k), and the root mean square distance of two of them."""
    variance = codes.var(axis=0, dtype=float).sum()
    distance = math.sqrt(2 * variance * len(codes) / (len(codes) - 1))
    return codes.mean(axis=0, dtype=float).astype(np.float32), distance


def _expands_to(code: Tensor, rows: Tensor) -> bool:
    return code.ndim == rows.ndim and all(
        own in (1, side) for own, side in zip(code.shape[:-1], rows.shape[:-1], strict=True)
    )


class MixingWeights(nn.Module):
    """Maps a code to one weight per trained picture: at least 0, with the sum 1, continuous.

    At a trained code its picture has the weight 1. In between, the weight of a picture is the
    cardinal function of polyharmonic splines of order 1 (Duchon 1977): the sum of an affine
    function and multiples of the distances to the trained codes that is 1 at the code of the
    picture and 0 at all others. So for mixtures of one-hot codes the weights are the code itself,
    and for codes of one number, such as times, they are linear between neighbours. A code outside
    the affine hull of the trained codes has the weights of the nearest point in it. Negative
    weights, which occur beyond the trained codes, become 0.
    """

    # Buffers, not parameters: they are computed from the codes.
    _centre: Tensor  # (k,)
    _axes: Tensor  # (k, r): an orthonormal basis of the affine hull
    _codes: Tensor  # (pictures, r): the trained codes in this basis
    _cardinals: Tensor  # (pictures + 1 + r, pictures): coefficients of distances, 1 and coordinates

    def __init__(self, codes: NDArray[np.floating]) -> None:
        """Take the trained codes (pictures, k), all of them different."""
        super().__init__()
        centre = codes.mean(axis=0, dtype=float)
        _, lengths, directions = np.linalg.svd(codes - centre, full_matrices=False)
        axes = directions[lengths > _MIN_EXTENT * lengths.max()].T
        places = (codes - centre) @ axes
        buffers = {
            "_centre": centre, "_axes": axes, "_codes": places, "_cardinals": _cardinals(places)
        }  # fmt: skip
        for name, array in buffers.items():
            tensor = torch.from_numpy(array.astype(np.float32))
            self.register_buffer(name, tensor, persistent=False)

    def nearest(self, code: Tensor) -> Tensor:
        """Return the index of the nearest trained code for codes (..., k), int64 (...)."""
        return self._distances(self._place(code)).argmin(-1)

    def forward(self, code: Tensor) -> Tensor:
        """Return the weights (..., pictures) for codes (..., k)."""
        place = self._place(code)
        pictures = len(self._codes)
        affine = place @ self._cardinals[pictures + 1 :] + self._cardinals[pictures]
        weights = affine + self._distances(place) @ self._cardinals[:pictures]
        weights = torch.where(weights > LEAST_WEIGHT, weights, 0)
        return weights / weights.sum(-1, keepdim=True)

    def _place(self, code: Tensor) -> Tensor:
        return (code - self._centre) @ self._axes

    def _distances(self, place: Tensor) -> Tensor:
        """Return the distances to the trained codes (..., pictures)."""
        mode = "donot_use_mm_for_euclid_dist"  # with mm, small distances lose their digits
        flat = place.reshape(-1, place.shape[-1])
        return torch.cdist(flat, self._codes, compute_mode=mode).view(*place.shape[:-1], -1)


def _cardinals(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coefficients of every picture's cardinal function."""
    pictures, dimensions = places.shape
    affine = np.concatenate([np.ones((pictures, 1)), places], axis=1)
    distances = np.linalg.norm(places[:, None] - places, axis=-1)
    corner = np.zeros((1 + dimensions, 1 + dimensions))
    system = np.block([[distances, affine], [affine.T, corner]])
    return np.linalg.pinv(system, rcond=1e-12)[:, :pictures]
