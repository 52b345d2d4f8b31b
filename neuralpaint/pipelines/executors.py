"""Executors: where tasks run, `--on local` or `--on ray://HOST:10001`, and how many at once."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.runtime.memory import available_memory
from neuralpaint.runtime.tasks import TaskPool
from neuralpaint.runtime.threads import available_cpus

__all__ = ["TRAINING_MEMORY", "Executor", "PlacementSettings", "executors"]

TRAINING_MEMORY = 900 * 2**20
"""Bytes of a process that trains on a picture of 768x512 and films it."""
_MEMORY_SHARE = 0.8  # of what is available, for all tasks


@dataclass(frozen=True)
class Executor(Settings, ABC):
    """A place where tasks run."""

    @abstractmethod
    def open(self, need: Need) -> TaskPool:
        """Return a pool of this place.

        Raises:
            UsageError: there is no such place, or something is missing to use it.
        """


@dataclass(frozen=True)
class Need:
    """What the tasks of a run need."""

    jobs: int | None
    cpus: float | None
    gpus: float | None
    device: str
    memory: int
    """Bytes of a task."""
    tasks: int
    """Number of tasks."""


class _Executors(Registry[Executor]):
    def parse(self, text: str) -> Executor:
        """Return the entry; the address of a cluster stands for `ray:address=ADDRESS`."""
        is_address = text.strip().startswith("ray://")
        return super().parse(f"ray:address={text.strip()}" if is_address else text)


executors = _Executors("executor")


@executors.register("local")
@dataclass(frozen=True)
class Local(Executor):
    """The cores and GPUs of this machine."""

    def open(self, need: Need) -> TaskPool:
        from neuralpaint.runtime.worker_pool import WorkerPool

        cores, gpus = available_cpus(), _gpus(need)
        most: float = need.jobs or math.inf
        if need.jobs is None:
            fits = [cores // (need.cpus or 1), _MEMORY_SHARE * available_memory() / need.memory]
            if gpus and need.gpus != 0:
                fits.append(len(gpus) // (need.gpus or 1))
            most = min(fits)
        jobs = max(1, int(min(most, need.tasks)))
        share = need.cpus or cores / jobs
        return WorkerPool(jobs, cores=max(1, int(share)), gpus=gpus)


def _gpus(need: Need) -> list[str]:
    """Return the numbers of the GPUs among which tasks are divided; none if one is chosen."""
    if need.gpus == 0:
        return [""]  # CUDA shows a task no GPU
    names = _visible_gpus() if need.device in ("auto", "cuda") else []
    if need.gpus and not names:
        raise UsageError(
            f"--task-gpus {need.gpus:g}: with --device {need.device} this machine has no GPU to "
            "divide among tasks: leave one of them out"
        )
    return names


def _visible_gpus() -> list[str]:
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    names = visible.split(",") if visible else [str(number) for number in range(count)]
    return names[:count]


@executors.register("ray")
@dataclass(frozen=True)
class Ray(Executor):
    """A Ray cluster: one that is running, or ray://HOST:10001 as a client of one."""

    address: str = setting(
        "auto", "the cluster: auto for the one that this machine belongs to, or ray://HOST:10001"
    )
    shared: bool = setting(
        False,
        "read and write files where they are, in folders that all machines share under the same "
        "path; otherwise they are sent",
    )
    retries: int = setting(
        3, "how often a task is started again after its machine has died", minimum=0
    )

    def open(self, need: Need) -> TaskPool:
        from neuralpaint.runtime.ray_pool import RayPool

        return RayPool(
            self.address,
            cpus=1.0 if need.cpus is None else need.cpus,
            gpus=need.gpus or 0.0,
            jobs=need.jobs,
            shared=self.shared,
            retries=self.retries,
        )


@dataclass(frozen=True)
class PlacementSettings(Settings):
    """Where tasks run, and what each of them may use."""

    section: ClassVar[str] = "Device"

    on: str = setting(
        "local",
        "where the work is done: the cores and GPUs of this machine, or a Ray cluster",
        entries=executors,
    )
    jobs: int | None = setting(
        None,
        "tasks at the same time; unset, as many as cores, memory and GPUs allow",
        unit="tasks",
        minimum=1,
        maximum=100_000,
    )
    task_cpus: float | None = setting(
        None, "cores of a task; unset, its share of this machine, or 1 of a cluster", above=0.0
    )
    task_gpus: float | None = setting(
        None,
        "GPUs of a task, also a part of one such as 0.25, or 0 for none; unset, 1 of this machine, "
        "if it has some, or none of a cluster",
        minimum=0,
    )

    @property
    def divides(self) -> bool:
        """Whether a command that can also run in one process is divided into tasks."""
        return bool(self.changes())

    def pool(self, *, device: str, memory: int, tasks: int) -> TaskPool:
        """Return the pool for a number of tasks that need so much memory, in bytes.

        `device` is the setting of that name.

        Raises:
            UsageError: the place cannot be used.
        """
        need = Need(self.jobs, self.task_cpus, self.task_gpus, device, memory, tasks)
        return executors.parse(self.on).open(need)
