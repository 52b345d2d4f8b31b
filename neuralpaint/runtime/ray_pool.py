"""Tasks on a Ray cluster, which schedules them, moves their files, and replaces dead machines.

Files are sent through Ray's object store, unless all machines share the folders. Progress comes
back through one actor, a mailbox; if messages are lost, nothing else is.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import signal
import time
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralpaint._version import __version__
from neuralpaint.errors import NeuralPaintError, UsageError
from neuralpaint.runtime.files import part_file, write_file
from neuralpaint.runtime.ray_worker import Content, run_on_node
from neuralpaint.runtime.tasks import (
    Cancelled,
    Ended,
    Event,
    Failed,
    Finished,
    Logged,
    Reported,
    Started,
    Task,
    TaskPool,
    failure_message,
)

__all__ = ["RayPool"]

_log = logging.getLogger(__name__)

_COUNTED = 5.0  # seconds after which the machines are counted again
_GRACE = 10.0  # seconds until a task that was asked to end is killed
_FETCH = 600.0  # seconds that a result may take to arrive
_SHARED_INPUTS = 4  # files that are sent once for many tasks


@dataclass
class _Running:
    task: Task
    status: Any  # reference to ("done" | "failed" | "cancelled", message)
    content: Any  # reference to (result, contents of the outputs by name)
    kill_at: float | None = None


class RayPool(TaskPool):
    """Runs tasks on a Ray cluster."""

    def __init__(
        self,
        address: str,
        *,
        cpus: float,
        gpus: float,
        jobs: int | None,
        shared: bool,
        retries: int,
    ) -> None:
        """Connect to a cluster.

        Args:
            address: "auto", or that of the cluster.
            cpus: cores of a task.
            gpus: GPUs of a task.
            jobs: tasks at the same time; None: as many as the cluster has room for.
            shared: whether all machines have the same files under the same paths.
            retries: how often a task is started again after its machine has died.

        Raises:
            UsageError: Ray is not installed, or there is no cluster.
        """
        self._ray = ray = _import_ray()
        self._disconnects = not ray.is_initialized()
        if self._disconnects:
            _connect(ray, address)
        self._cpus, self._gpus, self._jobs, self._shared = cpus, gpus, jobs, shared
        self._running: dict[str, _Running] = {}
        self._sent: OrderedDict[Path, Any] = OrderedDict()
        self._counted, self._slots = -_COUNTED, 0
        self._mailbox = ray.remote(num_cpus=0, max_restarts=-1)(_Mailbox).remote()
        self._function = ray.remote(
            num_cpus=cpus, num_gpus=gpus, max_retries=retries, num_returns=2
        )(run_on_node)
        if not self._fitting():
            _log.warning(
                "no machine of the cluster has %g cores and %g GPUs for a task: it waits for one",
                cpus,
                gpus,
            )

    @property
    def slots(self) -> int:
        """Tasks for which the machines of the cluster have room now; at least 1."""
        if time.monotonic() - self._counted > _COUNTED:
            self._counted, self._slots = time.monotonic(), self._fitting()
        most = max(1, self._slots)
        return most if self._jobs is None else min(most, self._jobs)

    def _fitting(self) -> int:
        """Return how many tasks fit on the machines that are alive."""
        count = 0
        for node in self._ray.nodes():
            if node["Alive"]:
                has = node["Resources"]
                fits = has.get("CPU", 0) / self._cpus
                count += int(min(fits, has.get("GPU", 0) / self._gpus) if self._gpus else fits)
        return count

    @property
    def room(self) -> int:
        """Tasks that can be submitted: some wait, so that no machine does."""
        most = 2 * self.slots if self._jobs is None else self._jobs
        return most - len(self._running)

    def window(self, result_bytes: int) -> int:
        """Return how many results may wait: they are in the memory of the machines."""
        return 4 * self.slots

    def submit(self, task: Task) -> None:
        """Give a task to the cluster."""
        inputs = None if self._shared else {n: self._send(p) for n, p in task.inputs.items()}
        status, content = self._function.remote(
            task.function,
            task.key,
            task.arguments,
            {n: os.path.abspath(p) if self._shared else str(p) for n, p in task.inputs.items()},
            {name: os.path.abspath(path) for name, path in task.outputs.items()},
            inputs,
            self._mailbox,
            max(1, int(self._cpus)),
            __version__,
        )
        self._running[task.key] = _Running(task, status, content)

    def _send(self, path: Path) -> Any:
        """Return a reference to the contents of a file; a file is sent once for many tasks."""
        if path not in self._sent:
            try:
                content: bytes | None = path.read_bytes()
            except OSError:
                content = None  # the task reports it
            self._sent[path] = self._ray.put(content)
            while len(self._sent) > _SHARED_INPUTS:
                self._sent.popitem(last=False)
        self._sent.move_to_end(path)
        return self._sent[path]

    def wait(self, seconds: float) -> Sequence[Event]:
        """Return the events; see `TaskPool`."""
        ray = self._ray
        by_status = {each.status: each for each in self._running.values()}
        statuses = list(by_status)
        ready: list[Any] = []
        if statuses:
            ray.wait(statuses, num_returns=1, timeout=seconds)
            ready, _ = ray.wait(statuses, num_returns=len(statuses), timeout=0)
        events = self._messages()
        for status in ready:
            events.append(self._end(by_status[status]))
        self._kill_late()
        return events

    def _messages(self) -> list[Event]:
        """Return what running tasks have reported."""
        try:
            messages = self._ray.get(self._mailbox.take.remote(), timeout=_GRACE)
        except self._ray.exceptions.RayError:
            return []
        events: list[Event] = []
        for key, kind, content in messages:
            if key not in self._running:
                continue
            if kind == "started":
                events.append(Started(key))
            elif kind == "progress":
                events.append(Reported(key, content))
            else:
                events.append(Logged(key, *content))
        return events

    def _end(self, running: _Running) -> Ended:
        key = running.task.key
        del self._running[key]
        exceptions = self._ray.exceptions
        try:
            status, message = self._ray.get(running.status, timeout=_FETCH)
            if status == "done" and running.task.outputs:
                result, outputs = self._ray.get(running.content, timeout=_FETCH)
                for name, content in outputs.items():
                    _write(running.task.outputs[name], content)
                return Finished(key, lambda: result)
        except exceptions.TaskCancelledError:
            return Cancelled(key)
        except exceptions.RayError as error:
            if running.kill_at is not None:
                return Cancelled(key)
            return Failed(key, f"on the cluster: {_first_line(error)}")
        except Exception as error:  # an output cannot be written here
            return Failed(key, failure_message(error))
        if status == "cancelled" or (status == "failed" and running.kill_at is not None):
            return Cancelled(key)
        if status == "failed":
            return Failed(key, message)
        return Finished(key, lambda: self._fetch(running))

    def _fetch(self, running: _Running) -> Any:
        """Return the result of a task without outputs, which stays on the cluster until then."""
        try:
            return self._ray.get(running.content, timeout=_FETCH)[0]
        except self._ray.exceptions.RayError as error:
            message = f"{running.task.key}: on the cluster: {_first_line(error)}"
            raise NeuralPaintError(message) from error

    def cancel(self, key: str) -> None:
        """Ask a task to end; kill it if it does not."""
        running = self._running.get(key)
        if running is not None and running.kill_at is None:
            running.kill_at = time.monotonic() + _GRACE
            self._ray.cancel(running.status)

    def _kill_late(self) -> None:
        for running in self._running.values():
            if running.kill_at is not None and time.monotonic() > running.kill_at:
                running.kill_at = time.monotonic() + _GRACE
                self._ray.cancel(running.status, force=True)

    def close(self) -> None:
        """End all tasks, and disconnect."""
        for running in self._running.values():
            with contextlib.suppress(Exception):  # the cluster may be gone
                self._ray.cancel(running.status, force=True)
        with contextlib.suppress(Exception):
            self._ray.kill(self._mailbox)
        self._running.clear()
        self._sent.clear()
        if self._disconnects:
            self._ray.shutdown()


def _import_ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise UsageError(
            "--on ray needs Ray: run pip install '.[ray]' in the folder of neuralpaint, here and "
            "on all machines"
        ) from None


def _connect(ray: Any, address: str) -> None:
    terminated = signal.getsignal(signal.SIGTERM)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error that follows says the same
            ray.init(
                address=address,
                namespace="neuralpaint",
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except (ConnectionError, RuntimeError, ValueError, ImportError) as error:
        where = "" if address == "auto" else f" at {address}"
        raise UsageError(
            f"there is no Ray cluster{where} ({_first_line(error)}): run ray start --head, or give "
            "--on ray://HOST:10001"
        ) from None
    finally:
        with contextlib.suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGTERM, terminated)  # Ray sets its own


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")


def _write(path: Path, content: Content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        write_file(path, content)
        return
    with part_file(path, folder=True) as part:
        for name, raw in content.items():
            (part.path / name).write_bytes(raw)
        part.publish()


class _Mailbox:
    """An actor that holds the messages of all tasks until the driver takes them."""

    def __init__(self) -> None:
        self._messages: list[tuple[str, str, Any]] = []

    def put(self, message: tuple[str, str, Any]) -> None:
        """Add a message."""
        self._messages.append(message)

    def take(self) -> list[tuple[str, str, Any]]:
        """Return the messages since the last call."""
        messages, self._messages = self._messages, []
        return messages
