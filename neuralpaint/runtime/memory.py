"""The memory that a machine, or a container, still has."""

from __future__ import annotations

import math
from pathlib import Path

__all__ = ["available_memory"]

_CGROUP = Path("/sys/fs/cgroup")


def available_memory() -> float:
    """Return the bytes that new processes can use; infinity where that is not known."""
    return min(_of_machine(), _of_container())


def _of_machine() -> float:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return math.inf
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return 1024.0 * int(found[0][1]) if found else math.inf


def _of_container() -> float:
    """Return what the limit of a control group leaves (cgroup v2).

    Files that were read long ago count as used, but are dropped when memory is needed.
    """
    try:
        most = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
        lines = (_CGROUP / "memory.stat").read_text().splitlines()
        used -= sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
    except (OSError, ValueError):
        return math.inf
    return math.inf if most == "max" else float(int(most) - used)
