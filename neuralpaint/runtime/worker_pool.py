"""Worker processes of this machine: each runs one task after another, on its share of the cores.

A worker is started when a task needs it, and stays, because importing torch takes longer than a
small training. If a worker dies, its task has failed and the others go on. If the main process
dies, the pipes to its workers are closed, and they exit at once: no output appears later.
"""

from __future__ import annotations

import logging
import multiprocessing
import operator
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from neuralpaint.runtime.progress import Progress
from neuralpaint.runtime.tasks import (
    Cancelled,
    CancelledError,
    Event,
    Failed,
    Finished,
    Remarked,
    Reported,
    Started,
    Task,
    TaskPool,
    failure_message,
)
from neuralpaint.runtime.threads import limit_cpus

__all__ = ["WorkerPool", "call"]

_INTERVAL = 0.25  # seconds between two reports of a task
_WAITING_BYTES = 16 * 2**20  # of results that have arrived before an earlier one
_GRACE = 10.0  # seconds until a worker that was asked to cancel its task is killed


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    gpu: str | None
    task: Task | None = None
    kill_at: float | None = None


class WorkerPool(TaskPool):
    """Runs tasks in processes of this machine."""

    def __init__(self, jobs: int, *, cores: int, gpus: Sequence[str] = ()) -> None:
        """Prepare a pool; no process is started yet.

        Args:
            jobs: tasks at the same time.
            cores: CPU cores that each of them uses.
            gpus: the GPUs, by their number for CUDA, among which the workers are divided.
        """
        self._jobs, self._cores, self._gpus = jobs, cores, list(gpus)
        self._workers: list[_Worker] = []
        self._events: deque[Event] = deque()

    @property
    def slots(self) -> int:
        """Tasks at the same time."""
        return self._jobs

    @property
    def room(self) -> int:
        """Tasks that can start now."""
        return self._jobs - sum(worker.task is not None for worker in self._workers)

    def ahead(self, result_bytes: int) -> int:
        """Return how many results may wait in this process."""
        return max(self._jobs, _WAITING_BYTES // result_bytes)

    def submit(self, task: Task) -> None:
        """Start a task in a worker that has nothing to do."""
        while True:
            worker = next((each for each in self._workers if each.task is None), None)
            worker = self._start() if worker is None else worker
            try:
                worker.pipe.send(task)
            except OSError:  # it died while it had nothing to do
                self._forget(worker)
                continue
            worker.task = task
            self._events.append(Started(task.key))
            return

    def wait(self, seconds: float) -> Sequence[Event]:
        """Return the events; see `TaskPool`."""
        self._kill_late()
        if not self._events:
            ready = wait([worker.pipe for worker in self._workers], seconds)
            for worker in [each for each in self._workers if each.pipe in ready]:
                self._receive(worker)
        events, self._events = list(self._events), deque()
        return events

    def cancel(self, key: str) -> None:
        """Ask the worker of a task to end it; kill it if it does not."""
        for worker in self._workers:
            if worker.task is not None and worker.task.key == key and worker.kill_at is None:
                worker.kill_at = time.monotonic() + _GRACE
                try:
                    worker.pipe.send(key)
                except OSError:  # it has died; its pipe says so next
                    continue

    def close(self) -> None:
        """End all workers at once."""
        for worker in self._workers:
            worker.process.kill()
        for worker in list(self._workers):
            self._forget(worker)

    def _start(self) -> _Worker:
        used = [worker.gpu for worker in self._workers]
        gpu = min(self._gpus, key=used.count) if self._gpus else None
        ours, theirs = multiprocessing.Pipe()
        # Spawned: a fork of a process with threads, as torch starts them, may hang.
        process = multiprocessing.get_context("spawn").Process(
            target=_work, args=(theirs, self._cores, gpu), name="neuralpaint worker", daemon=True
        )
        process.start()
        theirs.close()
        worker = _Worker(process, ours, gpu)
        self._workers.append(worker)
        return worker

    def _receive(self, worker: _Worker) -> None:
        """Take one message of a worker, or notice that it has died."""
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        task = worker.task
        if task is None:
            return
        if kind == "progress":
            self._events.append(Reported(task.key, content))
        elif kind == "remark":
            self._events.append(Remarked(task.key, *content))
        else:
            is_cancelled = worker.kill_at is not None
            worker.task = worker.kill_at = None
            if kind == "result":
                self._events.append(Finished(task.key, lambda: content))
            elif is_cancelled:
                self._events.append(Cancelled(task.key))
            else:
                self._events.append(Failed(task.key, content))

    def _bury(self, worker: _Worker) -> None:
        self._forget(worker)
        if worker.task is None:
            return
        key = worker.task.key
        if worker.kill_at is not None:
            self._events.append(Cancelled(key))
            return
        status = worker.process.exitcode
        how = f"with status {status}"
        if status is not None and status < 0:
            how = f"of {signal.Signals(-status).name}"
        advice = "if memory was short, lower --jobs or --input-size"
        self._events.append(Failed(key, f"its process has died {how}: {advice}"))

    def _kill_late(self) -> None:
        for worker in self._workers:
            if worker.kill_at is not None and time.monotonic() > worker.kill_at:
                worker.process.kill()

    def _forget(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.pipe.close()
        worker.process.join(_GRACE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def call(
    task: Task,
    send: Callable[[tuple[str, Any]], None],
    *,
    is_cancelled: Callable[[], bool] = lambda: False,
    files: Mapping[str, Path] | None = None,
) -> Any:
    """Call the function of a task, and return its result.

    Args:
        task: the task.
        send: called with ("progress", Progress), not too often, and ("remark", (level, text)).
        is_cancelled: called before; if it returns True, `report` raises CancelledError.
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

    handler = _Remarks(send)
    logger = logging.getLogger("neuralpaint")
    logger.addHandler(handler)
    try:
        paths = {**task.inputs, **task.outputs} if files is None else dict(files)
        return task.function(*task.arguments, files=paths, report=report)
    finally:
        logger.removeHandler(handler)


class _Remarks(logging.Handler):
    """Sends what the task logs."""

    def __init__(self, send: Callable[[tuple[str, Any]], None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        self._send(("remark", (record.levelno, record.getMessage())))


def _work(pipe: Connection, cores: int, gpu: str | None) -> None:
    """Run tasks until the pipe is closed; the main function of a worker."""
    # Ctrl-C on a terminal reaches all processes of the command; the main process decides.
    for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
        signal.signal(number, signal.SIG_IGN)
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    os.environ["OMP_NUM_THREADS"] = str(cores)
    limit_cpus(cores)
    logging.getLogger("neuralpaint").setLevel(logging.INFO)
    cancelled: set[str] = set()  # keys; the task itself may not have begun yet
    tasks: deque[Task] = deque()
    arrived = threading.Semaphore(0)
    sending = threading.Lock()

    def listen() -> None:
        while True:
            try:
                message = pipe.recv()
            except BaseException:
                os._exit(1)  # the main process has died, or has no use for this one any more
            if isinstance(message, str):
                cancelled.add(message)
                continue
            tasks.append(message)
            arrived.release()

    def send(message: Any) -> None:
        with sending:
            try:
                pipe.send(message)
            except OSError:
                os._exit(1)

    threading.Thread(target=listen, name="neuralpaint tasks", daemon=True).start()
    while True:
        arrived.acquire()
        task = tasks.popleft()
        try:
            result = call(task, send, is_cancelled=partial(operator.contains, cancelled, task.key))
        except CancelledError:
            send(("cancelled", "cancelled"))
        except BaseException as error:
            send(("failed", failure_message(error)))
        else:
            send(("result", result))
