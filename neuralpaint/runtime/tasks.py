"""Tasks: calls of functions that run in other processes, and what is reported about them.

    with pool:
        for event in TaskRun(pool, tasks).events():
            ...

A task is data: a function of a module, arguments that can be pickled, and the files that it reads
and writes. A `TaskPool` runs tasks, in processes of this machine or on a cluster; a `TaskRun` gives
it tasks as long as it has room, so that millions can wait in a generator. A task that fails, or
whose process dies, is an event like any other.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from neuralpaint.errors import NeuralPaintError
from neuralpaint.runtime.interruption import Interruption
from neuralpaint.runtime.progress import Progress, ignore

__all__ = [
    "Cancelled",
    "CancelledError",
    "Ended",
    "Event",
    "Failed",
    "Finished",
    "Remarked",
    "Reported",
    "Started",
    "Task",
    "TaskPool",
    "TaskRun",
    "failure_message",
    "results_in_order",
]

_WAIT = 0.2  # seconds, at most, until Ctrl-C is noticed
_NEARLY_DONE = 0.8  # of a task, which is finished after Ctrl-C
_PATIENCE = 60.0  # seconds that such a task may take


class CancelledError(Exception):
    """Raised by `report` in a task that was cancelled, so that it removes its part files."""


@dataclass(frozen=True)
class Task:
    """A call `function(*arguments, files=..., report=...)` in another process.

    `report` is called with the `Progress`; `files` has the paths of `inputs` and `outputs` by name,
    which are other paths on another machine. Names of files, without their folders, stay.
    """

    key: str
    """Unique among the tasks of a run."""
    function: Callable[..., Any]
    """A function of a module, so that another process can import it."""
    arguments: tuple[Any, ...] = ()
    inputs: Mapping[str, Path] = field(default_factory=dict)
    """The files that it reads, by name."""
    outputs: Mapping[str, Path] = field(default_factory=dict)
    """The files that it may write, by name; all are in one folder, or their folders exist."""


@dataclass(frozen=True)
class Event:
    """Something that happened to the task `key`."""

    key: str


@dataclass(frozen=True)
class Started(Event):
    """It runs now."""


@dataclass(frozen=True)
class Reported(Event):
    """It has progressed."""

    progress: Progress


@dataclass(frozen=True)
class Remarked(Event):
    """It has logged something."""

    level: int
    text: str


@dataclass(frozen=True)
class Ended(Event):
    """It does not run any more."""


@dataclass(frozen=True)
class Finished(Ended):
    """Its function has returned a result."""

    fetch: Callable[[], Any]
    """Returns the result, which may still be on another machine."""

    @property
    def result(self) -> Any:
        """The result."""
        return self.fetch()


@dataclass(frozen=True)
class Failed(Ended):
    """Its function has raised an exception, or its process has died."""

    message: str
    """One line."""


@dataclass(frozen=True)
class Cancelled(Ended):
    """It was cancelled before it was done."""


class TaskPool(ABC):
    """Runs tasks in other processes. Leaving its `with` statement ends all of them."""

    @property
    @abstractmethod
    def slots(self) -> int:
        """Tasks that can run at the same time, as far as it is known."""

    @property
    @abstractmethod
    def room(self) -> int:
        """Tasks that can be submitted now; 0 or less: none."""

    @abstractmethod
    def ahead(self, result_bytes: int) -> int:
        """Return how many results of this size may be waiting, so that little memory is used."""

    @abstractmethod
    def submit(self, task: Task) -> None:
        """Start a task as soon as a slot is free."""

    @abstractmethod
    def wait(self, seconds: float) -> Sequence[Event]:
        """Return the events since the last call; wait for the first of them, up to `seconds`."""

    @abstractmethod
    def cancel(self, key: str) -> None:
        """End a task soon; an `Ended` event follows. Nothing happens if it has ended."""

    @abstractmethod
    def close(self) -> None:
        """End all tasks at once, and release everything."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class TaskRun:
    """Runs tasks in a pool, from the first to the last.

    After a first KeyboardInterrupt no task is started, those that are nearly done are finished, the
    others are cancelled. A second one is raised at once.
    """

    def __init__(
        self,
        pool: TaskPool,
        tasks: Iterable[Task],
        *,
        may_start: Callable[[int], bool] = lambda started: True,
        finishes: bool = True,
    ) -> None:
        """Take the tasks.

        Args:
            pool: runs them.
            tasks: the tasks.
            may_start: called with the number of those that were started.
            finishes: whether those that are nearly done are finished after an interruption.
        """
        self._pool, self._tasks, self._may_start = pool, iter(tasks), may_start
        self._finishes = finishes
        self._started = 0
        self._running: dict[str, float] = {}  # the fraction done
        self._is_waiting = True  # whether there may be more tasks
        self.interrupted = False
        """Whether a KeyboardInterrupt has ended the run."""

    def events(self) -> Iterator[Event]:
        """Yield the events of all tasks until the last one has ended."""
        with Interruption() as interruption:
            while True:
                try:
                    interruption.check()
                    self._submit()
                except KeyboardInterrupt as stop:
                    interruption.record(stop)
                    self._interrupt()
                if not self._running:
                    if not self._is_waiting:
                        return
                    time.sleep(_WAIT)  # a cluster without a machine
                    continue
                for event in self._pool.wait(_WAIT):
                    if isinstance(event, Reported):
                        self._running[event.key] = event.progress.done
                    elif isinstance(event, Ended):
                        self._running.pop(event.key, None)
                    yield event
                self._hurry()

    def _submit(self) -> None:
        while self._is_waiting and self._pool.room > 0 and self._may_start(self._started):
            task = next(self._tasks, None)
            if task is None:
                self._is_waiting = False
                return
            self._started += 1
            self._running[task.key] = 0.0
            self._pool.submit(task)

    def _interrupt(self) -> None:
        self.interrupted, self._is_waiting = True, False
        self._deadline = time.monotonic() + _PATIENCE
        for key, done in self._running.items():
            if done < _NEARLY_DONE or not self._finishes:
                self._pool.cancel(key)

    def _hurry(self) -> None:
        if self.interrupted and time.monotonic() > self._deadline:
            for key in self._running:
                self._pool.cancel(key)


def results_in_order(
    pool: TaskPool,
    tasks: Sequence[Task],
    *,
    on_event: Callable[[Event], None] = ignore,
    ahead: int | None = None,
) -> Iterator[Any]:
    """Yield the result of each task, in the order of the tasks.

    Args:
        pool: runs them.
        tasks: the tasks.
        on_event: called with all events.
        ahead: how many tasks may be running, or finished before one that is not; None: any number.
            So few results are in memory.

    Raises:
        NeuralPaintError: a task has failed.
        KeyboardInterrupt: the run was interrupted.
    """
    taken = 0
    finished: dict[str, Finished] = {}
    run = TaskRun(
        pool,
        tasks,
        may_start=lambda started: ahead is None or started - taken < ahead,
        finishes=False,  # a result without the others is of no use
    )
    for event in run.events():
        on_event(event)
        if isinstance(event, Failed):
            raise NeuralPaintError(f"{event.key}: {event.message}")
        if isinstance(event, Finished):
            finished[event.key] = event
        while taken < len(tasks) and tasks[taken].key in finished:
            yield finished.pop(tasks[taken].key).result
            taken += 1
    if taken < len(tasks):
        raise KeyboardInterrupt


def failure_message(error: BaseException) -> str:
    """Return one line about the exception of a task."""
    if isinstance(error, NeuralPaintError):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = "out of memory: lower --jobs, --size or --input-size"
    else:
        text = f"unexpected {type(error).__name__}: {error}; this is a bug"
    return " ".join(text.split())
