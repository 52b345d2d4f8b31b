"""Worker processes of this machine: each runs one task after another, on its share of the cores.

A worker is started when a task needs it, and stays, because importing torch takes longer than a
small training. If a worker dies, its task has failed and the others go on. If the main process
dies, the pipes to its workers are closed, and they exit at once: no output appears later.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import multiprocessing
import operator
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from neuralpaint.runtime.tasks import (
    Cancelled,
    CancelledError,
    Event,
    Failed,
    Finished,
    Logged,
    Reported,
    Started,
    Task,
    TaskPool,
    failure_message,
    run_task,
)
from neuralpaint.runtime.threads import limit_cpus

__all__ = ["WorkerPool"]

_WAITING_BYTES = 16 * 2**20  # of results that have arrived before an earlier one
_GRACE = 10.0  # seconds until a worker that was asked to cancel its task is killed
_SIGNALS = {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGINT)}


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
        self._jobs, self._cores = jobs, cores
        self.gpus = list(gpus)
        """The GPUs, by their number for CUDA."""
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

    def window(self, result_bytes: int) -> int:
        """Return how many results may wait in this process, or one for each worker."""
        return max(self._jobs, _WAITING_BYTES // result_bytes)

    def submit(self, task: Task) -> None:
        """Start a task in a worker that has nothing to do."""
        for worker in [each for each in self._workers if each.task is None]:
            if self._send(worker, task):
                return
            self._remove(worker)  # it died while it had nothing to do
        worker = self._start()
        if not self._send(worker, task):  # it died before it could receive a large task
            worker.task = task
            self._end_dead(worker)

    def _send(self, worker: _Worker, task: Task) -> bool:
        """Send a task to a worker; return whether the worker is alive."""
        try:
            worker.pipe.send(task)
        except OSError:
            return False
        worker.task = task
        self._events.append(Started(task.key))
        return True

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
        atexit.unregister(self.close)
        for worker in self._workers:
            worker.process.kill()
        for worker in list(self._workers):
            self._remove(worker)

    def _start(self) -> _Worker:
        used = [worker.gpu for worker in self._workers]
        gpu = min(self.gpus, key=used.count) if self.gpus else None
        ours, theirs = multiprocessing.Pipe()
        # Spawned: a fork of a process with threads, as torch starts them, may hang.
        process = multiprocessing.get_context("spawn").Process(
            target=_work, args=(theirs, self._cores, gpu), name="neuralpaint worker", daemon=True
        )
        # Without `close`, as after an uncaught error, multiprocessing would send SIGTERM, and wait.
        atexit.unregister(self.close)
        atexit.register(self.close)
        with _signals_blocked():
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
            self._end_dead(worker)
            return
        task = worker.task
        if task is None:
            return
        if kind == "progress":
            self._events.append(Reported(task.key, content))
        elif kind == "log":
            self._events.append(Logged(task.key, *content))
        else:
            is_cancelled = worker.kill_at is not None
            worker.task = worker.kill_at = None
            if kind == "result":
                self._events.append(Finished(task.key, lambda: content))
            elif is_cancelled:
                self._events.append(Cancelled(task.key))
            else:
                self._events.append(Failed(task.key, content))

    def _end_dead(self, worker: _Worker) -> None:
        """Remove a worker that has died; its task has failed, unless it was cancelled."""
        self._remove(worker)
        if worker.task is None:
            return
        key = worker.task.key
        if worker.kill_at is not None:
            self._events.append(Cancelled(key))
            return
        self._events.append(Failed(key, f"its process has died {_cause(worker.process.exitcode)}"))

    def _kill_late(self) -> None:
        for worker in self._workers:
            if worker.kill_at is not None and time.monotonic() > worker.kill_at:
                worker.process.kill()

    def _remove(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.pipe.close()
        worker.process.join(_GRACE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join(_GRACE)


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block the signals that interrupt a command, so that a process inherits that.

    Ctrl-C on a terminal reaches all processes of the command, and so does a SIGTERM to its group;
    the main process decides. Until a worker ignores them, they are blocked.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # it unblocks some when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cause(status: int | None) -> str:
    """Return how a process has died, from its exit status."""
    if status is None or status >= 0:
        return f"with status {status}"
    if -status == getattr(signal, "SIGKILL", None):
        return "of SIGKILL: if memory was short, lower --jobs or --input-size"
    with contextlib.suppress(ValueError):
        return f"of {signal.Signals(-status).name}"
    return f"of signal {-status}"


def _work(pipe: Connection, cores: int, gpu: str | None) -> None:
    """Run tasks until the pipe is closed; the main function of a worker."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
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
            except (EOFError, OSError):
                os._exit(1)  # the main process has died, or has closed the pipe
            except BaseException as error:  # the task cannot be unpickled
                send(("failed", failure_message(error)))
                continue
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
            result = run_task(
                task, send, is_cancelled=partial(operator.contains, cancelled, task.key)
            )
            send(("result", result))
        except CancelledError:
            send(("cancelled", "cancelled"))
        except BaseException as error:  # also a result that cannot be pickled
            send(("failed", failure_message(error)))
