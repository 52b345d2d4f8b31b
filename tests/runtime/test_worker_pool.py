"""Worker processes: results, failures, deaths and cancellations of tasks."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from neuralpaint.errors import NeuralPaintError, UsageError
from neuralpaint.runtime import worker_pool
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

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs real-time signals")
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

    found = list(results_in_order(pool, tasks, on_event=look, window=2))
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


class Broken:
    """Can be pickled, but not unpickled, as if a file of the program were missing."""

    def __init__(self, number: int = 0) -> None:
        if number:
            raise UsageError(f"a broken argument {number}")

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return Broken, (7,)


def unpicklable(*, files: Files, report: Report) -> object:
    return lambda: None


def test_what_cannot_be_pickled_is_reported(pool: WorkerPool) -> None:
    tasks = [
        Task("argument", square, (Broken(),)),
        Task("result", unpicklable),
        Task("1", square, (1,)),
    ]
    found = ended(TaskRun(pool, tasks).events())
    assert found["argument"] == Failed("argument", "a broken argument 7")
    result, one = found["result"], found["1"]
    assert isinstance(result, Failed)
    assert "pickle" in result.message
    assert isinstance(one, Finished)


def die_of(number: int, *, files: Files, report: Report) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("number", "how"),
    [
        (signal.SIGSEGV, "of SIGSEGV"),
        pytest.param(40, "of signal 40", marks=on_linux),
    ],
)
def test_lack_of_memory_is_only_supposed_after_sigkill(
    pool: WorkerPool, number: int, how: str
) -> None:
    found = ended(TaskRun(pool, [Task("a", die_of, (number,))]).events())
    assert found["a"] == Failed("a", f"its process has died {how}")


def exit_at_once(pipe: Connection, *_: object) -> None:
    pipe.close()


def test_a_large_task_fails_if_new_workers_die(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not fit into the pipe, so that the death is noticed while it is sent."""
    monkeypatch.setattr(worker_pool, "_work", exit_at_once)
    with WorkerPool(1, cores=1) as pool:
        tasks = [Task(key, square, (bytes(2**22),)) for key in "ab"]
        found = ended(TaskRun(pool, tasks).events())
    for key in "ab":
        assert found[key] == Failed(key, "its process has died with status 0")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_to_all_processes_cancels_the_tasks(
    pool: WorkerPool, tmp_path: Path, name: str
) -> None:
    """It reaches the workers while they start, and one more while they run; the pool decides."""
    reports, killed = 0, set[int]()
    for event in TaskRun(pool, [Task("a", endless, (str(tmp_path / "lock"),))]).events():
        for process in multiprocessing.active_children():
            assert process.pid is not None
            os.kill(process.pid, getattr(signal, name))
            killed.add(process.pid)
        reports += isinstance(event, Reported)
        if reports == 1:
            pool.cancel("a")
        last = event
    assert len(killed) == 1
    assert last == Cancelled("a")
    assert list(tmp_path.iterdir()) == []


LEFT_OPEN = """
import sys
from pathlib import Path
from test_worker_pool import Task, WorkerPool, endless

if __name__ == "__main__":
    pool = WorkerPool(1, cores=1)
    pool.submit(Task("a", endless, (sys.argv[1],)))
    while not Path(sys.argv[1]).exists():
        pass
    raise ValueError("uncaught")
"""


def test_a_pool_that_is_left_open_does_not_keep_the_program(tmp_path: Path) -> None:
    """Its workers ignore SIGTERM, with which multiprocessing would end them."""
    (tmp_path / "left_open.py").write_text(LEFT_OPEN)
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, tmp_path / "left_open.py", tmp_path / "lock"],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr.endswith(b"ValueError: uncaught\n")
