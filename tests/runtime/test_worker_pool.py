"""Worker processes: results, failures, deaths and cancellations of tasks."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from neuralpaint.errors import NeuralPaintError, UsageError
from neuralpaint.runtime.progress import Progress, Report
from neuralpaint.runtime.tasks import (
    Cancelled,
    Ended,
    Event,
    Failed,
    Finished,
    Reported,
    Started,
    Task,
    TaskRun,
    results_in_order,
)
from neuralpaint.runtime.threads import available_cpus
from neuralpaint.runtime.worker_pool import WorkerPool

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

Files = Mapping[str, Path]


def square(number: int, *, files: Files, report: Report) -> tuple[int, int]:
    report(Progress("count", 1.0))
    return number**2, available_cpus()


def fail(kind: str, *, files: Files, report: Report) -> None:
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    raise UsageError("a wrong\nvalue") if kind == "wrong" else ValueError("odd")


def endless(path: str, done: float = 0.5, *, files: Files, report: Report) -> None:
    try:
        while True:
            Path(path).touch()
            report(Progress("wait", done))
    finally:
        Path(path).unlink()


def wait_for(path: str, *, files: Files, report: Report) -> str:
    deadline = time.monotonic() + 60
    while not Path(path).exists() and time.monotonic() < deadline:
        report(Progress("wait", 0.0))
    return path


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(2, cores=1) as pool:
        yield pool


def ended(events: Iterator[Event]) -> dict[str, Event]:
    return {event.key: event for event in events if isinstance(event, Ended)}


def test_tasks_that_fail_or_die_stop_no_other_one(pool: WorkerPool) -> None:
    tasks = [Task(str(n), square, (n,)) for n in range(4)]
    tasks[1:1] = [Task(kind, fail, (kind,)) for kind in ("wrong", "killed", "odd")]
    found = ended(TaskRun(pool, tasks).events())
    results = [event.result for event in found.values() if isinstance(event, Finished)]
    assert sorted(results) == [(n**2, 1) for n in range(4)]
    assert found["wrong"] == Failed("wrong", "a wrong value")
    died, odd = found["killed"], found["odd"]
    assert isinstance(died, Failed)
    assert "died of SIGKILL" in died.message
    assert isinstance(odd, Failed)
    assert "unexpected ValueError: odd" in odd.message


def test_a_cancelled_task_can_clean_up(pool: WorkerPool, tmp_path: Path) -> None:
    path = tmp_path / "lock"
    for event in TaskRun(pool, [Task("a", endless, (str(path),))]).events():
        if isinstance(event, Reported):
            assert event.progress.done == 0.5
            pool.cancel("a")
        last = event
    assert last == Cancelled("a")
    assert not path.exists()


def test_ctrl_c_cancels_what_is_not_nearly_done(pool: WorkerPool, tmp_path: Path) -> None:
    path = tmp_path / "lock"
    tasks = [Task(str(n), endless, (str(path) + str(n),)) for n in range(4)]
    run, interrupted = TaskRun(pool, tasks), False
    keys, reports = [], 0
    for event in run.events():
        if isinstance(event, Reported) and not interrupted:
            os.kill(os.getpid(), signal.SIGINT)
            interrupted = True
        reports += isinstance(event, Reported)
        assert reports < 20  # they would go on for a minute
        if isinstance(event, Ended):
            assert isinstance(event, Cancelled)
            keys.append(event.key)
    assert run.interrupted
    assert set(keys) <= {"0", "1"}  # the others were not started
    assert list(tmp_path.iterdir()) == []


def test_results_come_in_order_and_few_are_in_memory(pool: WorkerPool, tmp_path: Path) -> None:
    """The first task ends after the second, and only then the third one starts."""
    gate = tmp_path / "gate"
    tasks = [Task("first", wait_for, (str(gate),))]
    tasks += [Task(str(n), square, (n,)) for n in range(3)]
    started: list[str] = []

    def look(event: Event) -> None:
        if isinstance(event, Started):
            started.append(event.key)
        if isinstance(event, Finished) and event.key == "0":
            gate.touch()
        if isinstance(event, Finished) and event.key == "first":
            assert started == ["first", "0"]

    found = list(results_in_order(pool, tasks, on_event=look, ahead=2))
    assert found == [str(gate), *((n**2, 1) for n in range(3))]
    assert started == ["first", "0", "1", "2"]


def test_ctrl_c_ends_a_row_of_results_at_once(pool: WorkerPool, tmp_path: Path) -> None:
    path = tmp_path / "lock"
    reports = 0

    def look(event: Event) -> None:
        nonlocal reports
        if isinstance(event, Reported):
            reports += 1
            assert reports < 20
            if reports == 1:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        list(results_in_order(pool, [Task("a", endless, (str(path), 0.9))], on_event=look))


def test_a_failed_task_ends_the_row_of_results(pool: WorkerPool) -> None:
    tasks = [Task("1", square, (1,)), Task("broken", fail, ("wrong",))]
    with pytest.raises(NeuralPaintError, match="broken: a wrong value"):
        list(results_in_order(pool, tasks))
