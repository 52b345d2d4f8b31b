"""How many tasks run at once on this machine, and which GPUs they use."""

from __future__ import annotations

import math
from typing import Any

import pytest

from neuralpaint.errors import UsageError
from neuralpaint.pipelines import executors
from neuralpaint.pipelines.executors import PlacementSettings
from neuralpaint.runtime.worker_pool import WorkerPool


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with eight cores and two GPUs, whose memory is not known."""
    monkeypatch.setattr(executors, "available_cpus", lambda: 8)
    monkeypatch.setattr(executors, "available_memory", lambda: math.inf)
    monkeypatch.setattr(executors, "_visible_gpus", lambda: ["0", "1"])


def opened(*, device: str = "auto", tasks: int = 100, **settings: Any) -> WorkerPool:
    pool = PlacementSettings(**settings).pool(device=device, memory=1000, tasks=tasks)
    assert isinstance(pool, WorkerPool)
    return pool


@pytest.mark.parametrize(
    ("settings", "jobs", "gpus"),
    [
        ({"device": "cpu"}, 8, []),
        ({"device": "cpu", "tasks": 3}, 3, []),
        ({"device": "cpu", "tasks": 3, "jobs": 5}, 3, []),
        ({"device": "cpu", "task_cpus": 3.0}, 2, []),
        ({}, 2, ["0", "1"]),
        ({"task_gpus": 0.5}, 4, ["0", "1"]),
        ({"task_gpus": 0.0}, 8, [""]),
    ],
)
def test_as_many_tasks_run_as_there_is_room_for(
    settings: dict[str, Any], jobs: int, gpus: list[str]
) -> None:
    pool = opened(**settings)
    assert (pool.slots, pool.gpus) == (jobs, gpus)


def test_memory_limits_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "available_memory", lambda: 5000.0)
    assert opened(device="cpu").slots == 4
    monkeypatch.setattr(executors, "available_memory", lambda: 500.0)
    assert opened(device="cpu").slots == 1


def test_gpus_of_tasks_need_a_gpu() -> None:
    with pytest.raises(UsageError, match=r"--task-gpus 0\.5: with --device cpu this machine"):
        opened(device="cpu", task_gpus=0.5)
