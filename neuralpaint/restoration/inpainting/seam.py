"""The seam: known pixels put back into what was learned, and nobody sees where.

At the rim of the hole the learned picture is off by some colours. That correction goes on into the
hole as a membrane, Laplace's equation with the rim as its border (Perez, Gangnet, Blake 2003,
Poisson image editing, ACM TOG 22), and fades within a few pixels, beyond which it knows nothing.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from neuralpaint.errors import UsageError
from neuralpaint.restoration.inpainting.holes import steps_into
from neuralpaint.restoration.inpainting.push_pull import spread

__all__ = ["kept"]

Level = TypeVar("Level", np.uint8, np.uint16)

# Pixels within which the correction fades: in between, as deep as the deepest hole.
_SHORTEST, _LONGEST = 3, 8


def kept(
    still: npt.NDArray[Level],
    pixels: npt.NDArray[np.uint8],
    *,
    unknown: npt.NDArray[np.float32] | npt.NDArray[np.bool_],
) -> npt.NDArray[Level]:
    """Return a still (h, w, 3) of 8 or 16 bits with the known pixels, of uint8 (h, w, 3), in it.

    What is known of them is as it was, to the bit. In the hole, with n the still and p the pixels,

        n + c s,    c = the membrane of p - n,   s = smoothstep of the distance to the rim

    and where unknown, (h, w) in [0, 1], is between one half and 1, so much of that and else of p.

    Raises:
        UsageError: the three differ in size, or all is unknown.
    """
    if not still.shape[:2] == pixels.shape[:2] == unknown.shape:
        raise UsageError(
            f"a still of {still.shape[:2]} and a mask of {unknown.shape} are not of a picture of "
            f"{pixels.shape[:2]}: known pixels are kept at the picture's own size"
        )
    share = np.asarray(unknown, np.float32)
    hole = share > 0.5
    if hole.all():
        raise UsageError("all pixels are unknown: there are none to keep")
    scale = int(np.iinfo(still.dtype).max) // 255
    result = (pixels.astype(still.dtype) * still.dtype.type(scale)).astype(still.dtype)
    if not hole.any():
        return result
    with torch.no_grad():
        unknown_there = torch.from_numpy(hole)
        fading = _fading(unknown_there)[hole]
        for channel in range(3):  # one at a time, for the memory's sake
            error = result[..., channel].astype(np.float32) - still[..., channel]
            membrane = spread(torch.from_numpy(error)[None], unknown_there)[0].numpy()[hole]
            inside = still[..., channel][hole] + membrane * fading
            known = result[..., channel][hole]
            mixed = known + share[hole] * (inside - known)
            levels = np.rint(mixed).clip(0, 255 * scale)
            result[..., channel][hole] = levels.astype(still.dtype)
    return result


def _fading(hole: torch.Tensor) -> npt.NDArray[np.float32]:
    """Return what is left of the correction, (h, w): 1 at the rim, 0 beyond its reach."""
    steps = steps_into(hole, _LONGEST)
    reach = min(_LONGEST, max(_SHORTEST, int(steps.max())))
    t = (1 - steps / (reach + 1)).clamp_(min=0)
    return (t * t * (3 - 2 * t)).numpy()
