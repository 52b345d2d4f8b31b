"""Light: its encoding as sRGB, and the tone mapping of PQ and HLG, which reach far above white.

Light is relative to the diffuse white of ITU-R BT.2408, 203 cd/m2. Up to 0.9 of it the picture
is shown as it is. Above, the brightest of red, green and blue is compressed and reaches 1 at
1000 cd/m2; the other two keep their ratio to it, so that hues do not change. Clips are mapped in
the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neuralpaint.image.colour_spaces import Transfer

__all__ = ["KNEE", "PEAK", "WHITE", "encoded", "light", "tone_mapped"]

Floats = npt.NDArray[np.floating[Any]]

WHITE, PEAK = 203.0, 1000.0
"""cd/m2 of diffuse white, and of the brightest highlight that is distinguished."""
KNEE = 0.9
"""The fraction of white up to which colours stay as they are."""
# SMPTE ST 2084
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# ARIB STD-B67, on the display of 1000 cd/m2 of ITU-R BT.2100
_A, _B, _C, _HLG_GAMMA = 0.17883277, 0.28466892, 0.55991073, 1.2
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)


def light(signal: Floats, transfer: Transfer) -> Floats:
    """Return the linear light of a signal in [0, 1], (..., 3); 1 is diffuse white."""
    signal = signal.clip(0, 1)
    if transfer == "PQ":
        root = signal ** np.float32(1 / _M2)
        linear = (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)
        return np.asarray(linear * (10_000 / WHITE), np.float32)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)
    luma = np.maximum(scene @ _LUMA_2020, 1e-6)[..., None]
    return np.asarray(scene * luma ** (_HLG_GAMMA - 1) * (PEAK / WHITE), np.float32)


def tone_mapped(linear: Floats) -> Floats:
    """Compress linear light (..., 3), in the primaries of sRGB: what is 1000 cd/m2 becomes 1."""
    brightest = np.maximum(linear.max(axis=-1, keepdims=True), 1e-6)
    # A hyperbola that continues the straight line with its slope and reaches 1 at the peak.
    over = np.maximum(brightest - KNEE, 0)
    bend = 1 / (1 - KNEE) - 1 / (PEAK / WHITE - KNEE)
    mapped = np.minimum(brightest, KNEE) + over / (1 + bend * over)
    return np.asarray(linear * (mapped / brightest))


def encoded(linear: Floats, gamma: float | None = None) -> Floats:
    """Return levels, in [0, 255], of linear light in sRGB; with `gamma`, instead of its curve."""
    linear = linear.clip(0, 1)
    if gamma is not None:
        return 255 * linear ** np.float32(1 / gamma)
    power = 1.055 * linear ** np.float32(1 / 2.4) - 0.055
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, power)
