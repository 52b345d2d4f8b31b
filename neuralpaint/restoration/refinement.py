"""Refinement of a smooth fill, which gets the structure of the known part of the picture.

    x <- mean of x's overlapping patches, denoised at level e with the mixture fitted to x
    x <- known pixels restored                                            with e falling

Errors in the hole are treated as noise, strong at first and then weaker. Because each step restores
the known pixels, the steps at one e converge to the expected value of the unknown pixels given the
known ones, without solving a linear system per patch. Momentum (Polyak 1964) is as good as twice
the number of steps.
"""

from __future__ import annotations

import threading

import numpy as np
import torch
from torch import Tensor

from neuralpaint.restoration.patch_mixture import (
    SIZE,
    Filter,
    Mixture,
    Patches,
    Shift,
    structure_classes,
)
from neuralpaint.runtime.progress import DoneCallback, ignore
from neuralpaint.runtime.threads import parallel_map

__all__ = ["Noise", "refine"]

Noise = tuple[float, float]
"""Standard deviation in the first and in the last step, for colours in [0, 1]."""

# Chosen with half the pixels unknown: these values are 3.1 dB better than linear interpolation.
_STEPS = 80  # 40 with twice the share: 0.1 dB worse, 160 with half of it: the same
_MOMENTUM = 0.8  # 0: 0.3 dB worse, 0.6 and 0.9: 0.1 dB worse
_FITS = 8  # of the mixture; 4: 0.1 dB worse
_SHARE = 0.0625  # of all shifts, redrawn in each step
_FIT_SHARE = 0.25  # of all shifts, for the patches to which the mixture is fitted
_FIT_PATCHES = 60_000  # at most
_LEAST_KNOWN = 0.25  # of a patch used for fitting, so that the blur of a large hole is not used
_SEED = 0

_CPU_BATCH, _GPU_BATCH = 1024, 1 << 17  # patches at once, which fit into the caches


def refine(x: Tensor, unknown: Tensor, *, noise: Noise, on_done: DoneCallback = ignore) -> Tensor:
    """Return x (3, h, w) in [0, 1] with more detail in the unknown pixels, bool (h, w).

    `on_done` is called on this thread.
    """
    return _Refinement(x, unknown, on_done).run(noise)


class _Refinement:
    def __init__(self, x: Tensor, unknown: Tensor, on_done: DoneCallback) -> None:
        self._start, self._unknown, self._on_done = x, unknown, on_done
        self._patches = Patches(*unknown.shape)
        self._hidden = self._patches.pad(unknown.float()[None], fill=0)
        self._mirrored_hidden = self._patches.pad(unknown.float()[None])
        self._generator = np.random.default_rng(_SEED)

    def run(self, noise: Noise) -> Tensor:
        x = before = self._start
        self._on_done(0)
        denoise: Filter | None = None
        for i, e in enumerate(np.geomspace(*noise, _STEPS).tolist()):
            if i % (_STEPS // _FITS) == 0:
                mixture = self._fit_mixture(x, denoise)
                self._on_done(i / _STEPS)
            denoise = mixture.filter(e)
            ahead = self._patches.pad(torch.lerp(before, x, 1 + _MOMENTUM))
            mean = self._denoised(ahead, denoise, step=i)
            before, x = x, torch.where(self._unknown, mean, self._start)
        return x

    def _fit_mixture(self, x: Tensor, before: Filter | None) -> Mixture:
        """Fit a mixture to a sample of patches, grouped by the filter of the step before."""
        padded = self._patches.pad(x)
        shifts = Shift.draw(_FIT_SHARE, self._generator)
        hidden = torch.stack([self._patches.means(self._mirrored_hidden, s) for s in shifts])
        known = 1 - hidden.flatten()
        enough = min(_LEAST_KNOWN, float(known.median()), float(known.max()))
        chosen = (known >= enough).nonzero()[:, 0]
        if len(chosen) > _FIT_PATCHES:
            kept = self._generator.choice(len(chosen), _FIT_PATCHES, replace=False, shuffle=False)
            chosen = chosen[torch.from_numpy(np.sort(kept)).to(chosen.device)]
        per_shift = hidden[0].numel()
        parts = []
        for i, shift in enumerate(shifts):
            places = chosen[chosen // per_shift == i] % per_shift
            row, column = places // self._patches.columns, places % self._patches.columns
            parts.append(self._patches.cut(padded, shift)[row, column].flatten(1))
        sample = torch.cat(parts)
        return Mixture.fit(sample, before.labels(sample) if before else structure_classes(sample))

    def _denoised(self, padded: Tensor, denoise: Filter, *, step: int) -> Tensor:
        """Return the denoised picture, a mean over some shifts; only unknown pixels are valid."""
        total = torch.zeros_like(padded)
        shifts = Shift.draw(_SHARE, self._generator)
        for i, shift in enumerate(shifts):
            done = (step + i / len(shifts)) / _STEPS
            self._add_denoised(total, padded, shift, denoise, done)
        return self._patches.crop(total.div_(len(shifts)))

    def _add_denoised(
        self, total: Tensor, padded: Tensor, shift: Shift, denoise: Filter, done: float
    ) -> None:
        """Add the denoised patches of one shift to a sum, where they contain unknown pixels."""
        noisy, sums = self._patches.cut(padded, shift), self._patches.cut(total, shift)
        touched = self._patches.means(self._hidden, shift) > 0
        caller = threading.get_ident()

        def denoise_rows(rows: slice) -> None:
            places = touched[rows].flatten().nonzero()[:, 0]
            if len(places):
                patches = noisy[rows].reshape(-1, SIZE)
                clean = torch.zeros_like(patches)
                clean[places] = denoise(patches[places])
                # Patches of one shift do not overlap: no other thread writes to these rows.
                sums[rows] += clean.view_as(noisy[rows])
            if threading.get_ident() == caller:
                self._on_done(done)

        most = _CPU_BATCH if padded.device.type == "cpu" else _GPU_BATCH
        at_once = max(1, most // self._patches.columns)
        bands = [slice(top, top + at_once) for top in range(0, self._patches.rows, at_once)]
        parallel_map(denoise_rows, bands, device=padded.device)
