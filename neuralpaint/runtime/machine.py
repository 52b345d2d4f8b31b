"""The machine: the hardware and the torch version that a measurement depends on."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Machine", "this_machine"]


@dataclass(frozen=True)
class Machine:
    """What a figure of speed depends on."""

    cpu: str
    threads: int
    device: str
    """The kind of device that trains, such as "cuda"."""
    gpu: str | None
    torch: str
    """The version."""


def this_machine(*, device: str, threads: int) -> Machine:
    """Return this machine, which trains on `device` with this many CPU threads."""
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
