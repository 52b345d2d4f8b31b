"""Texture fill: a large hole is filled with patches of the known part of the picture.

Two steps alternate, from a coarse size of the picture to its own:

    s(p) <- the known patch that is closest to the patch at p, for every p that touches the hole
    x    <- weighted mean of the patches s(p) that overlap a pixel                       in the hole

(Wexler, Shechtman, Irani 2007, Space-time completion of video, IEEE TPAMI 29.) The closest patches
are found by propagation from neighbours and by random search (Barnes et al. 2009, PatchMatch, ACM
TOG 28). As in Newson et al. 2014 (Video inpainting of complex scenes, SIAM J. Imaging Sciences 7),
the coarsest size begins with a fill that grows from the rim, and the strength of the texture around
each pixel is compared too. Finally, the gradients of the patches are integrated, with the known
pixels as boundary values, so that there is no seam (Darabi et al. 2012, Image melding, ACM TOG 31).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neuralpaint.restoration.gradient_fill import integrate
from neuralpaint.restoration.smooth_fill import distance
from neuralpaint.runtime.progress import DoneCallback, ignore, part_of

__all__ = ["fill_texture", "textured_part"]

_SIDE = 7  # pixels of a patch
_RADIUS = _SIDE // 2
_LEAST_DEPTH = 5  # pixels: a narrower hole has no room for a texture
_COARSE_DEPTH = 10  # pixels from the rim to the middle, at the coarsest size; 14: fewer long lines
_LEAST_SOURCES = 200  # at the coarsest size
_SEARCHED_PIXELS = 1 << 20  # larger pictures are searched at a smaller size
_STRIP_PIXELS = 1 << 20  # assembled at once
_STRIP_OVERLAP = 64  # rows

_ROUNDS = (20, 10, 6, 4)  # of both steps, from the coarsest size on; the last for all finer sizes
_TRIES = 2  # at the coarsest size
_FIRST_SEARCHES = 10  # in the first round of the coarsest size; in all others it is one
_JUMPS = (1, 4)  # pixels to the neighbours from which sources are propagated
_DRAWS = 8  # random sources, within a radius that is halved each time

_FEATURES = 32  # principal components of a patch that are compared: 90 to 97 % of the variance
_GRADIENT = 1.0  # weight of the differences of neighbouring pixels
_STRENGTH = 2.0  # weight of the strength of the texture; 0: some textures become smooth
_STRENGTH_SIDE = 9  # pixels over which it is averaged
_FIT_PATCHES = 20_000  # from which the components are computed, at most
_GROW_PATCHES = 8_000  # among which the first fill is searched, at most

_CONFIDENCE = 1.3  # a patch has so many times the weight of one that is a pixel deeper in the hole
_MOST_DEPTH = 40  # pixels; all deeper patches have the same weight
_TYPICAL = 0.75  # quantile of the squared distances: at this one the weight is exp(-1/2)
_SHARPNESS = 20.0  # the last weights fall so many times faster, so that nothing is blurred
_SEARCH_SHARE = 0.9  # of the work
_LEAST_WEIGHT, _EPSILON = 1e-20, 1e-30

_Size = tuple[Tensor, Tensor]
"""Planes (c, h, w) and the hole, bool (h, w)."""


def textured_part(hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a hole, bool (h, w), that a texture can fill: its wide parts.

    There are none if no whole patch is known.
    """
    height, width = hole.shape
    wide, margin = np.empty_like(hole), 3 * _LEAST_DEPTH
    at_once = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, at_once):
        first = max(0, top - margin)
        strip = torch.from_numpy(hole[first : top + at_once + margin])
        deep = distance(strip, _LEAST_DEPTH) >= _LEAST_DEPTH
        for _ in range(2 * _LEAST_DEPTH):  # back to the rim
            deep = (functional.max_pool2d(deep.float()[None], 3, 1, 1)[0] > 0) & strip
        wide[top : top + at_once] = deep[top - first :][:at_once].numpy()
    factor = _factor(hole)
    searched = _shrunk(np.zeros((*hole.shape, 3), np.uint8), wide, factor)[1]
    is_possible = min(searched.shape) >= _SIDE and not _touching(searched).all()
    return wide if is_possible else np.zeros_like(hole)


def fill_texture(
    pixels: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    *,
    seed: int = 0,
    on_done: DoneCallback = ignore,
) -> NDArray[np.uint8]:
    """Return `pixels`, uint8 (h, w, 3), with a hole from `textured_part`, bool (h, w), filled.

    The CPU computes it. `on_done` is called on this thread several times a second. Memory beyond
    the result stays below 2 GB.
    """
    with torch.no_grad():
        on_done(0.0)
        factor, rng = _factor(hole), np.random.default_rng(seed)
        sizes = _pyramid(*_shrunk(pixels, hole, factor))
        work = np.array([_rounds(i) * int(unknown.sum()) for i, (_, unknown) in enumerate(sizes)])
        ends = [0.0, *(_SEARCH_SHARE * work.cumsum() / work.sum()).tolist()]
        reports = [part_of(on_done, first=first, last=last) for first, last in pairwise(ends)]
        field = _Level(*sizes[0], rng, reports[0]).start()
        for i, size in enumerate(sizes[1:], 1):
            field = _Level(*size, rng, reports[i]).refine(field, _rounds(i))
        report = part_of(on_done, first=_SEARCH_SHARE, last=1)
        return _assemble(pixels, hole, field, factor, report)


def _factor(hole: NDArray[np.bool_]) -> int:
    """Return by how much a picture is shrunk before the search: 1, 2, 4, ..."""
    factor = 1
    while hole.size > factor**2 * _SEARCHED_PIXELS:
        factor *= 2
    return factor


def _rounds(level: int) -> int:
    return _ROUNDS[min(level, len(_ROUNDS) - 1)]


def _touching(hole: Tensor) -> Tensor:
    """Return whether a patch contains pixels of the hole, by its first row and column."""
    return functional.max_pool2d(hole.float()[None], _SIDE, 1)[0] > 0


def _shrunk(pixels: NDArray[np.uint8], hole: NDArray[np.bool_], factor: int) -> _Size:
    """Return colours (3, h, w) in [0, 1] and the hole, bool (h, w), shrunk by a whole factor."""
    shape = [-(-side // factor) for side in hole.shape]
    x, unknown = torch.empty(3, *shape), torch.empty(shape, dtype=torch.bool)
    for row in range(shape[0]):
        rows = slice(row * factor, (row + 1) * factor)
        strip = torch.from_numpy(pixels[rows]).permute(2, 0, 1).float().div_(255)
        x[:, row : row + 1], unknown[row : row + 1] = _halved(
            strip, torch.from_numpy(hole[rows]), factor
        )
    return x, unknown


def _halved(x: Tensor, hole: Tensor, factor: int = 2) -> _Size:
    """Return the means of x (c, h, w) over squares; a square in the hole is unknown as a whole."""
    height, width = hole.shape
    border = (0, -width % factor, 0, -height % factor)
    means = functional.avg_pool2d(functional.pad(x, border, mode="replicate"), factor)
    known = functional.max_pool2d(functional.pad(hole.float()[None], border), factor)
    return means, known[0] > 0


def _pyramid(x: Tensor, hole: Tensor) -> list[_Size]:
    """Return planes (5, h, w), the colours and the strength, and the hole, coarsest first."""
    levels = [(torch.cat([x, _strength(x, hole)]), hole)]
    while distance(levels[0][1], _COARSE_DEPTH).max() > _COARSE_DEPTH:
        coarse = _halved(*levels[0])
        if min(coarse[1].shape) < _SIDE or (~_touching(coarse[1])).sum() < _LEAST_SOURCES:
            break
        levels.insert(0, coarse)
    return levels


def _strength(x: Tensor, hole: Tensor) -> Tensor:
    """Return the mean difference to the pixel on the right and below, (2, h, w)."""
    grey, known = x.mean(0, keepdim=True), (~hole).float()[None]
    means = []
    for axis in (2, 1):
        pair = known.narrow(axis, 1, known.shape[axis] - 1)
        pair = pair * known.narrow(axis, 0, known.shape[axis] - 1)
        border = (0, 1, 0, 0) if axis == 2 else (0, 0, 0, 1)
        both = torch.stack([grey.diff(dim=axis).abs() * pair, pair])
        mean = functional.avg_pool2d(
            functional.pad(both, border), _STRENGTH_SIDE, 1, _STRENGTH_SIDE // 2
        )
        means.append(mean[0] / mean[1].clamp_min(_EPSILON))
    return torch.cat(means)


@dataclass(frozen=True)
class _Field:
    """The source and the weight of each patch at one size, by the place of its first pixel."""

    shape: tuple[int, int]
    sources: Tensor  # int64 (n,): row * shape[1] + column
    weights: Tensor  # (n,), 0 for patches that do not touch the hole

    def enlarged(self, rows: Tensor, columns: Tensor, factor: int) -> tuple[Tensor, ...]:
        """Return the row and column of the sources, and the weights, at a multiple of the size."""
        height, width = self.shape
        row = ((rows + _RADIUS) // factor - _RADIUS).clamp_(0, height - 1)
        column = ((columns + _RADIUS) // factor - _RADIUS).clamp_(0, width - 1)
        places = row * width + column
        sources = self.sources[places]
        # A source covers `factor` times its pixels, so that these are in the picture and known.
        down, across = sources // width - row, sources % width - column
        return rows + factor * down, columns + factor * across, self.weights[places]


class _Level:
    """The picture at one size, with the patches that are searched and compared."""

    def __init__(
        self, planes: Tensor, hole: Tensor, rng: np.random.Generator, on_done: DoneCallback
    ) -> None:
        self._hole, self._rng, self._on_done = hole, rng, on_done
        self._known = planes.masked_fill(hole, 0)
        touching = _touching(hole)
        self._shape = (touching.shape[0], touching.shape[1])
        self._is_target = touching.flatten()
        self._targets = self._is_target.nonzero()[:, 0]
        self._possible = (~self._is_target).nonzero()[:, 0]
        self._row, self._column = self._split(self._targets)
        self._projection = self._principal_components()
        self._described = self._describe(self._known)
        depth = distance(hole, _MOST_DEPTH)[_RADIUS:, _RADIUS:]
        depth = depth[: self._shape[0], : self._shape[1]].flatten()[self._targets]
        self._confidence = _CONFIDENCE**-depth

    def start(self) -> _Field:
        """Return the field of the coarsest size: the best of some tries from random sources."""
        grown, tries = self._grown(), []
        for i in range(_TRIES):
            drawn = self._rng.integers(0, len(self._possible), len(self._targets))
            sources = self._possible[torch.from_numpy(drawn)]
            done = part_of(self._on_done, first=i / _TRIES, last=(i + 1) / _TRIES)
            tries.append(self._alternate(grown, sources, _ROUNDS[0], done, _FIRST_SEARCHES))
        return min(tries, key=lambda found: found[1])[0]

    def refine(self, coarse: _Field, rounds: int) -> _Field:
        """Return the field of this size, from the field of half the size."""
        row, column, weights = coarse.enlarged(self._row, self._column, 2)
        sources = row * self._shape[1] + column
        report = part_of(self._on_done, first=0, last=1 / (rounds + 1))
        x = self._vote(sources, weights, report)
        report = part_of(self._on_done, first=1 / (rounds + 1), last=1)
        return self._alternate(x, sources, rounds, report)[0]

    def _alternate(
        self, x: Tensor, sources: Tensor, rounds: int, on_done: DoneCallback, searches: int = 1
    ) -> tuple[_Field, float]:
        """Search and vote alternately; return the field and the weighted mean of its distances."""
        for i in range(rounds):
            searching = part_of(on_done, first=i / rounds, last=(i + 0.7) / rounds)
            voting = part_of(on_done, first=(i + 0.7) / rounds, last=(i + 1) / rounds)
            sources, distances = self._search(x, sources, searches if i == 0 else 1, searching)
            sample = distances[:: 1 + len(distances) // _FIT_PATCHES]
            relative = distances / (-2 * torch.quantile(sample, _TYPICAL) - _EPSILON)
            if i < rounds - 1:
                x = self._vote(sources, self._weights(relative), voting)
        mean = (self._confidence * distances).sum() / self._confidence.sum()
        everywhere = torch.zeros(len(self._is_target), dtype=torch.int64)
        field = _Field(
            self._shape,
            everywhere.index_copy(0, self._targets, sources),
            torch.zeros(len(everywhere)).index_copy_(
                0, self._targets, self._weights(_SHARPNESS * relative)
            ),
        )
        return field, float(mean)

    def _weights(self, exponents: Tensor) -> Tensor:
        return (self._confidence * exponents.exp()).clamp_min_(_LEAST_WEIGHT)

    def _split(self, places: Tensor) -> tuple[Tensor, Tensor]:
        return places // self._shape[1], places % self._shape[1]

    def _cut(self, planes: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """Return the patches (n, c * _SIDE^2) of planes (c, h, w) at some places."""
        side = torch.arange(_SIDE)
        patches = planes[:, row[:, None, None] + side[:, None], column[:, None, None] + side]
        return patches.transpose(0, 1).flatten(1)

    def _sample(self, most: int) -> Tensor:
        """Return at most so many possible sources, drawn at random."""
        if len(self._possible) <= most:
            return self._possible
        drawn = self._rng.choice(len(self._possible), most, replace=False, shuffle=False)
        return self._possible[torch.from_numpy(np.sort(drawn))]

    def _principal_components(self) -> Tensor:
        """Return the projection of a patch, (_FEATURES, 3, _SIDE, _SIDE).

        Distances of projected patches are about sum (p - q)^2 + _GRADIENT sum (grad (p - q))^2.
        """
        patches = self._cut(self._known[:3], *self._split(self._sample(_FIT_PATCHES)))
        one = torch.eye(_SIDE)
        slope = math.sqrt(_GRADIENT) * one.diff(dim=0)
        plane = torch.cat([torch.eye(_SIDE**2), torch.kron(slope, one), torch.kron(one, slope)])
        metric = torch.block_diag(plane, plane, plane).double()
        deviations = patches - patches.mean(0)
        _, axes = torch.linalg.eigh(metric @ (deviations.T @ deviations).double() @ metric.T)
        projection: Tensor = axes[:, -_FEATURES:].T @ metric
        return projection.float().view(-1, 3, _SIDE, _SIDE)

    def _describe(self, x: Tensor) -> Tensor:
        """Return what is compared of each patch of planes (5, h, w), (patches, features)."""
        scale = _STRENGTH * _SIDE * math.sqrt(3)  # as if it were compared at each pixel
        strength = x[3:, _RADIUS:-_RADIUS, _RADIUS:-_RADIUS] * scale
        features: Tensor = torch.cat([functional.conv2d(x[:3], self._projection), strength])
        return features.flatten(1).T.contiguous()

    def _grown(self) -> Tensor:
        """Return the planes (5, h, w) with the hole filled pixel by pixel, from the rim inwards.

        Each pixel is that of the patch whose known pixels are closest (Efros, Leung 1999, Texture
        synthesis by non-parametric sampling, ICCV).
        """
        x, left = self._known.clone(), self._hole.clone()
        row, column = self._split(self._sample(_GROW_PATCHES))
        patches = self._cut(x, row, column)
        squares = patches.square().T.contiguous()
        while left.any():
            known = (~left).float()[None]
            rim = left & (functional.max_pool2d(known, 3, 1, 1)[0] > 0)
            y, x_ = rim.nonzero().T
            top = (y - _RADIUS).clamp_(0, self._shape[0] - 1)
            start = (x_ - _RADIUS).clamp_(0, self._shape[1] - 1)
            shown = self._cut(known, top, start).repeat(1, len(x))
            seen = self._cut(x, top, start) * shown
            best = (shown @ squares - 2 * seen @ patches.T).argmin(1)
            x[:, y, x_] = self._known[:, row[best] + y - top, column[best] + x_ - start]
            left &= ~rim
        return x

    def _search(
        self, x: Tensor, sources: Tensor, rounds: int, on_done: DoneCallback
    ) -> tuple[Tensor, Tensor]:
        """Return better sources of the patches of x, and their squared distances."""
        wanted = self._describe(x)[self._targets]
        distances = self._distances(wanted, sources)
        field = torch.zeros(len(self._is_target), dtype=torch.int64)
        height, width = self._shape
        neighbours = [
            offset for jump in _JUMPS for offset in ((jump, 0), (-jump, 0), (0, jump), (0, -jump))
        ]
        for i in range(rounds):
            for down, across in neighbours:
                on_done(i / rounds)
                field[self._targets] = sources
                row, column = self._row + down, self._column + across
                inside = self._is_inside(row, column)
                beside = (row * width + column).clamp_(0, len(field) - 1)
                row, column = self._split(field[beside])
                valid = inside & self._is_target[beside]
                sources, distances = self._better(
                    wanted, sources, distances, row - down, column - across, valid
                )
            for k in range(_DRAWS):
                on_done((i + 0.5) / rounds)
                radius = max(1.0, max(height, width) * 0.5**k)
                drawn = self._rng.random((2, len(sources)), dtype=np.float32) * 2 - 1
                down, across = torch.from_numpy(np.rint(radius * drawn).astype(np.int64))
                row, column = self._split(sources)
                sources, distances = self._better(
                    wanted, sources, distances, row + down, column + across
                )
        return sources, distances

    def _is_inside(self, row: Tensor, column: Tensor) -> Tensor:
        height, width = self._shape
        inside: Tensor = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return inside

    def _better(
        self,
        wanted: Tensor,
        sources: Tensor,
        distances: Tensor,
        row: Tensor,
        column: Tensor,
        valid: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the better one of the sources and of other places, and its distance."""
        places = (row * self._shape[1] + column).clamp_(0, len(self._is_target) - 1)
        usable = self._is_inside(row, column) & ~self._is_target[places]
        if valid is not None:
            usable &= valid
        chosen = usable.nonzero()[:, 0]
        found = self._distances(wanted[chosen], places[chosen])
        better = found < distances[chosen]
        chosen = chosen[better]
        return (
            sources.index_copy(0, chosen, places[chosen]),
            distances.index_copy(0, chosen, found[better]),
        )

    def _distances(self, wanted: Tensor, sources: Tensor) -> Tensor:
        return self._described[sources].sub_(wanted).square_().sum(1)

    def _vote(self, sources: Tensor, weights: Tensor, on_done: DoneCallback) -> Tensor:
        """Return the planes with the hole filled by the weighted mean of overlapping patches."""
        count, height, width = self._known.shape
        colours = self._known.flatten(1).T.contiguous()
        row, column = self._split(sources)
        total, weight = torch.zeros(height * width, count), torch.zeros(height * width, 1)
        for down in range(_SIDE):
            on_done(down / _SIDE)
            for across in range(_SIDE):
                target = (self._row + down) * width + self._column + across
                total[target] += colours[(row + down) * width + column + across] * weights[:, None]
                weight[target, 0] += weights
        mean = total.div_(weight.clamp_min_(_EPSILON)).T.view(count, height, width)
        return torch.where(self._hole, mean, self._known)


def _assemble(
    pixels: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    field: _Field,
    factor: int,
    on_done: DoneCallback,
) -> NDArray[np.uint8]:
    """Return the pixels with the hole filled from the sources at a shrunk size, in strips."""
    height, width = hole.shape
    result = pixels.copy()
    at_once = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, at_once):
        rows = slice(max(0, top - _SIDE), min(height, top + at_once + _STRIP_OVERLAP))
        unknown = torch.from_numpy(hole[rows].copy())
        unknown[: top - rows.start] = False  # filled by the strip above
        if unknown.any():
            x = torch.from_numpy(result[rows]).permute(2, 0, 1).float().div_(255)
            done = [min(height, top + i * at_once / 2) / height for i in range(3)]
            before, after = (part_of(on_done, first=a, last=b) for a, b in pairwise(done))
            means = _vote_for_gradients(pixels, hole, rows, field, factor, before)
            levels = integrate(x, unknown, means, after)
            levels = levels.mul_(255).round_().clamp_(0, 255).byte()
            unknown[top - rows.start + at_once :] = False
            result[rows][unknown.numpy()] = levels.permute(1, 2, 0)[unknown].numpy()
    on_done(1.0)
    return result


def _vote_for_gradients(
    pixels: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    rows: slice,
    field: _Field,
    factor: int,
    on_done: DoneCallback,
) -> list[Tensor]:
    """Return the weighted means of the patches over each pixel of some rows, each (3, h, w).

    These are the colour, and its difference to the pixel on the right and to the pixel below.
    """
    height, width = hole.shape
    first, last = max(0, rows.start - _SIDE + 1), min(height, rows.stop + _SIDE - 1)
    row, column = _touching(torch.from_numpy(hole[first:last])).nonzero().T
    row += first
    source_row, source_column, weights = field.enlarged(row, column, factor)
    source, target = source_row * width + source_column, (row - first) * width + column
    colours = torch.from_numpy(pixels.reshape(-1, 3))
    shape = (last - first) * width, 3
    means: list[Tensor] = []
    for step, most_down, most_across in (
        (0, _SIDE, _SIDE),
        (1, _SIDE, _SIDE - 1),
        (width, _SIDE - 1, _SIDE),
    ):
        total, weight = torch.zeros(shape), torch.zeros(shape[0], 1)
        for down in range(most_down):
            on_done((len(means) + down / most_down) / 3)
            for across in range(most_across):
                offset = down * width + across
                value = colours[source + offset].float()
                if step:
                    value = colours[source + offset + step].float() - value
                total[target + offset] += value * weights[:, None]
                weight[target + offset, 0] += weights
        mean = total.div_(weight.clamp_min_(_EPSILON).mul_(255)).T.view(3, last - first, width)
        means.append(mean[:, rows.start - first : rows.stop - first])
    return means
