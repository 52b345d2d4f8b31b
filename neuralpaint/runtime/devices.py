"""Devices: where training runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from neuralpaint.errors import DeviceError

if TYPE_CHECKING:
    import torch

__all__ = [
    "DeviceName",
    "explaining_memory",
    "find_device",
    "is_out_of_memory",
    "is_recording",
    "send",
    "set_threads",
    "usual_threads",
]

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def find_device(name: DeviceName) -> torch.device:
    """Return the device of that name; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        DeviceError: the device is not there.
    """
    import torch

    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(device for device, found in there.items() if found))
    if not there[name]:
        reason = "torch finds no CUDA GPU" if name == "cuda" else "torch finds no Metal GPU"
        raise DeviceError(f"device {name} is not available: {reason}; use --device auto or cpu")
    return torch.device(name)


def set_threads(threads: int | None) -> int:
    """Work with `threads` CPU threads, or as many as this process may run on; return them."""
    from neuralpaint.runtime.workers import hire

    threads = threads or usual_threads()
    hire(threads)
    return threads


def usual_threads() -> int:
    """Return as many as this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return a tensor of the host on a device; a GPU fetches it in its turn, and nothing waits."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def is_recording(device: torch.device) -> bool:
    """Say whether what the device is asked for now is recorded as a CUDA graph, and not done.

    A graph writes to the memory that it was recorded with for as long as it lives: lend it none.
    """
    import torch

    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


@contextmanager
def explaining_memory(advice: str) -> Iterator[None]:
    """Turn an allocation that failed inside the block into a `DeviceError` with advice."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceError(f"out of memory: {advice}") from error


def is_out_of_memory(error: Exception) -> bool:
    """Say whether NumPy, torch or a GPU failed for want of memory."""
    # torch has a class of its own for GPUs only; on a CPU it raises a plain RuntimeError.
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "allocate memory" in text
