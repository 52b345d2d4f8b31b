"""Devices: the hardware for training, and errors about exhausted memory."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from neuralpaint.errors import DeviceError

if TYPE_CHECKING:
    import torch

__all__ = [
    "DeviceName",
    "Machine",
    "explain_out_of_memory",
    "find_device",
    "is_capturing",
    "is_out_of_memory",
    "this_machine",
    "to_device",
]

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def find_device(name: DeviceName) -> torch.device:
    """Return the device called `name`; `auto` is CUDA if available, else MPS, else the CPU.

    Raises:
        DeviceError: the device is not available.
    """
    import torch

    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(device for device, found in available.items() if found))
    if not available[name]:
        reason = "torch finds no CUDA GPU" if name == "cuda" else "torch finds no Metal GPU"
        raise DeviceError(f"device {name} is not available: {reason}; use --device auto or cpu")
    return torch.device(name)


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Copy a CPU tensor to `device`; the copy to a CUDA device is asynchronous."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def is_capturing(device: torch.device) -> bool:
    """Return whether a CUDA graph is being captured on `device`.

    Each replay of a graph writes to the captured memory: give it no buffer that is reused.
    """
    import torch

    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


@contextmanager
def explain_out_of_memory(advice: str) -> Iterator[None]:
    """Convert a failed allocation in the block to a `DeviceError` with `advice`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceError(f"out of memory: {advice}") from error


def is_out_of_memory(error: Exception) -> bool:
    """Return whether NumPy, torch or a GPU raised `error` because an allocation failed."""
    # torch has an exception class for GPUs only; on the CPU it raises a plain RuntimeError.
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "allocate memory" in text


@dataclass(frozen=True)
class Machine:
    """The hardware and software on which a measured speed depends."""

    cpu: str
    threads: int
    device: str
    """The kind of device that trains, such as "cuda"."""
    gpu: str | None
    torch: str
    """Version of torch."""


def this_machine(*, device: str, threads: int) -> Machine:
    """Describe this machine, for a training on `device` with this number of CPU threads."""
    import torch

    gpu = torch.cuda.get_device_name() if device == "cuda" else None
    return Machine(_cpu(), threads, device, gpu, torch.__version__)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return value.strip()
    if platform.system() == "Darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.stdout.strip():
            return done.stdout.strip()
    return platform.processor() or platform.machine()
