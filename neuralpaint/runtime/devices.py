"""Devices: the hardware for training, and errors about exhausted memory."""

from __future__ import annotations

import functools
import logging
import platform
import re
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neuralpaint.errors import DeviceError, UnknownNameError

if TYPE_CHECKING:
    import torch

__all__ = [
    "Machine",
    "check_device_name",
    "explain_out_of_memory",
    "find_device",
    "is_capturing",
    "is_out_of_memory",
    "this_machine",
    "to_device",
]

_log = logging.getLogger(__name__)

_NAME = re.compile(r"auto|cpu|mps|cuda(:\d{1,2})?", re.ASCII)
_ABSENT = {"cuda": "torch finds no CUDA GPU", "mps": "torch finds no Metal GPU"}
_TRIED_BYTES = 64 * 2**20  # less than any training needs


def check_device_name(name: str) -> None:
    """Raise UnknownNameError unless `name` is auto, cpu, mps, cuda or a GPU such as cuda:1."""
    if not _NAME.fullmatch(name):
        raise UnknownNameError("device", name, ["auto", "cpu", "cuda", "cuda:1", "mps"])


def find_device(name: str) -> torch.device:
    """Return the device called `name`; `auto` is CUDA if it works, else MPS, else the CPU.

    A GPU is trusted after a kernel has run on it. If torch has found one that does not work, and
    the name is `auto`, that is logged.

    Raises:
        UnknownNameError: there is no such name.
        DeviceError: the device does not work.
    """
    import torch

    check_device_name(name)
    if name != "auto":
        if fault := _fault(name):
            raise DeviceError(f"device {name} is not available: {fault}; use --device auto or cpu")
        device = torch.device(name)
        if device.index is not None:
            torch.cuda.set_device(device)  # streams and graphs are those of the current device
        return device
    for kind in ("cuda", "mps"):
        if not (fault := _fault(kind)):
            return torch.device(kind)
        if fault not in _ABSENT.values():
            _warn_once(fault)
    return torch.device("cpu")


@functools.cache
def _warn_once(fault: str) -> None:
    _log.warning("the GPU cannot be used (%s): the CPU is used", fault)


@functools.cache
def _fault(name: str) -> str:
    """Return why a device does not work; "" if it does."""
    import torch

    kind = name.partition(":")[0]
    if kind == "cpu":
        return ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = (torch.cuda if kind == "cuda" else torch.backends.mps).is_available()
    if not found:  # torch warns of a driver that is too old
        return _first_line(caught[0].message) if caught else _ABSENT[kind]
    try:
        # A GPU for which this torch has no kernels is found, and fails when the first one starts.
        tried = torch.ones(_TRIED_BYTES // 4, device=name)
        result = float(tried.add_(1)[-1])
    except (RuntimeError, AssertionError) as error:
        return _first_line(error)
    return "" if result == 2 else f"1 + 1 is {result:g} on it"


def _first_line(message: Exception | Warning | str) -> str:
    return str(message).strip().partition("\n")[0].rstrip(".:")


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
    words = ("out of memory", "allocate memory", "status_alloc_failed")  # the last: cuBLAS, cuDNN
    return isinstance(error, MemoryError) or any(word in text for word in words)


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
