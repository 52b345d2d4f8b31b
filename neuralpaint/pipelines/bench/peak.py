"""How fast the machine multiplies matrices of the model's width: the limit a step is held against.

A hidden layer multiplies the values of all pixels of a batch, (batch, H), with its weights, (H, H).
Nothing else being done, with everything in the nearest cache, this product alone runs as fast as
the machine can at this width.
"""

from __future__ import annotations

import torch

from neuralpaint.pipelines.bench.timing import median_seconds

__all__ = ["matrix_peaks"]


def matrix_peaks(*, batch: int, width: int, device: str) -> dict[str, float]:
    """Return the FLOP/s of (batch, width) @ (width, width), by the type of its numbers.

    That is float32; and on CUDA, where hidden products are made in it, bfloat16 too.
    """
    types = [torch.float32, torch.bfloat16] if device == "cuda" else [torch.float32]
    return {
        str(dtype).removeprefix("torch."): _peak(batch, width, device=device, dtype=dtype)
        for dtype in types
    }


@torch.no_grad()
def _peak(batch: int, width: int, *, device: str, dtype: torch.dtype) -> float:
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(batch, width, generator=generator).to(device, dtype)
    weights = torch.rand(width, width, generator=generator).to(device, dtype)
    product = torch.empty_like(values)

    def multiply(times: int) -> None:
        for _ in range(times):
            torch.mm(values, weights, out=product)

    return 2 * batch * width * width / median_seconds(multiply, device=device)
