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

import logging
import math
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
    "Logged",
    "Reported",
    "Started",
    "Task",
    "TaskPool",
    "TaskRun",
    "failure_message",
    "results_in_order",
    "run_task",
]

_WAIT = 0.2  # seconds, at most, until Ctrl-C is noticed
_NEARLY_DONE = 0.8  # of a task, which is finished after Ctrl-C
_FINISH_SECONDS = 60.0  # that such a task may take
_INTERVAL = 0.25  # seconds between two reports of a task


class CancelledError(Exception):
    """Raised by `report` in a task that was cancelled, so that it removes its part files."""


@dataclass(frozen=True)
class Task:
    """A call `function(*arguments, files=..., report=...)` in another process.

    `report` is called with the `Progress`; `files` has the paths of `inputs` and `outputs` by name.
    On another machine the folders differ, but not the names of the files in them.
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
    """A process has begun the task."""


@dataclass(frozen=True)
class Reported(Event):
    """The task has reported its progress."""

    progress: Progress


@dataclass(frozen=True)
class Logged(Event):
    """The task has logged a message."""

    level: int
    text: str


@dataclass(frozen=True)
class Ended(Event):
    """The task has ended, in one of three ways."""


@dataclass(frozen=True)
class Finished(Ended):
    """The function of the task has returned a result."""

    fetch: Callable[[], Any]
    """Returns the result, which may still be on another machine."""

    @property
    def result(self) -> Any:
        """The result."""
        return self.fetch()


@dataclass(frozen=True)
class Failed(Ended):
    """The function of the task has raised an exception, or its process has died."""

    message: str
    """One line."""


@dataclass(frozen=True)
class Cancelled(Ended):
    """The task was cancelled, and has written no output."""


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
    def window(self, result_bytes: int) -> int:
        """Return the `window` of `results_in_order` for results of this size."""

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
        start_limit: Callable[[], float] = lambda: math.inf,
        finishes: bool = True,
    ) -> None:
        """Take the tasks.

        Args:
            pool: runs them.
            tasks: the tasks.
            start_limit: returns how many tasks may have been started by now.
            finishes: whether those that are nearly done are finished after an interruption.
        """
        self._pool, self._tasks, self._start_limit = pool, iter(tasks), start_limit
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
                if not self._running and not self._is_waiting:
                    return
                for event in self._pool.wait(_WAIT):
                    if isinstance(event, Reported):
                        self._running[event.key] = event.progress.done
                    elif isinstance(event, Ended):
                        self._running.pop(event.key, None)
                    yield event
                self._cancel_late()

    def _submit(self) -> None:
        while self._is_waiting and self._pool.room > 0 and self._started < self._start_limit():
            task = next(self._tasks, None)
            if task is None:
                self._is_waiting = False
                return
            self._started += 1
            self._running[task.key] = 0.0
            self._pool.submit(task)

    def _interrupt(self) -> None:
        self.interrupted, self._is_waiting = True, False
        self._deadline = time.monotonic() + _FINISH_SECONDS
        for key, done in self._running.items():
            if done < _NEARLY_DONE or not self._finishes:
                self._pool.cancel(key)

    def _cancel_late(self) -> None:
        if self.interrupted and time.monotonic() > self._deadline:
            for key in self._running:
                self._pool.cancel(key)


def results_in_order(
    pool: TaskPool,
    tasks: Sequence[Task],
    *,
    on_event: Callable[[Event], None] = ignore,
    window: int | None = None,
) -> Iterator[Any]:
    """Yield the result of each task, in the order of the tasks.

    Args:
        pool: runs them.
        tasks: the tasks.
        on_event: called with all events.
        window: how many tasks may be started before the oldest of them has yielded its result, so
            that no more results than these are in memory; None: any number.

    Raises:
        NeuralPaintError: a task has failed.
        KeyboardInterrupt: the run was interrupted.
    """
    taken = 0
    finished: dict[str, Finished] = {}
    run = TaskRun(
        pool,
        tasks,
        start_limit=lambda: math.inf if window is None else taken + window,
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


def run_task(
    task: Task,
    send: Callable[[tuple[str, Any]], None],
    *,
    is_cancelled: Callable[[], bool] = lambda: False,
    files: Mapping[str, Path] | None = None,
) -> Any:
    """Call the function of a task, and return its result.

    Args:
        task: the task.
        send: called with ("progress", Progress), not too often, and ("log", (level, text)).
        is_cancelled: called before each report; if it returns True, `report` raises CancelledError.
        files: other paths for its files.
    """
    reported = -_INTERVAL

    def report(progress: Progress) -> None:
        nonlocal reported
        if is_cancelled():
            raise CancelledError
        if time.monotonic() - reported >= _INTERVAL or progress.done >= 1:
            reported = time.monotonic()
            send(("progress", progress))

    handler = _LogSender(send)
    logger = logging.getLogger("neuralpaint")
    logger.addHandler(handler)
    try:
        paths = {**task.inputs, **task.outputs} if files is None else dict(files)
        return task.function(*task.arguments, files=paths, report=report)
    finally:
        logger.removeHandler(handler)


class _LogSender(logging.Handler):
    """Sends what a task logs."""

    def __init__(self, send: Callable[[tuple[str, Any]], None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        self._send(("log", (record.levelno, record.getMessage())))


def failure_message(error: BaseException) -> str:
    """Return one line about the exception of a task."""
    if isinstance(error, NeuralPaintError):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = "out of memory: lower --jobs, --size or --input-size"
    else:
        text = f"unexpected {type(error).__name__}: {error}; this is a bug"
    return " ".join(text.split())
