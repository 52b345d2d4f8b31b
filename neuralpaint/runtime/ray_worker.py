"""The worker side of `RayPool`: a task on a machine of the cluster, and the files sent to it."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from neuralpaint._version import __version__
from neuralpaint.runtime.files import temporary_folder
from neuralpaint.runtime.tasks import CancelledError, Task, failure_message, run_task
from neuralpaint.runtime.threads import limit_cpus

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Content", "run_on_node"]

_MOST_INPUTS = 16  # files that a worker keeps for its next tasks
_PREFIX = "neuralpaint-ray-"
_YOUNG = 60.0  # seconds for which a folder may not be locked yet

Content = bytes | dict[str, bytes]
"""A file, or the files in a folder by name."""


def run_on_node(
    function: Any,
    key: str,
    arguments: tuple[Any, ...],
    given: Mapping[str, str],
    wanted: Mapping[str, str],
    sent: Mapping[str, Any] | None,
    mailbox: Any,
    cores: int,
    version: str,
) -> tuple[tuple[str, str], Any]:
    """Run a task on a machine of the cluster; return its status, and its result and outputs.

    `given` and `wanted` are the paths of its files by name; without `sent`, references to the
    contents of the inputs, they are those on this machine.
    """
    if version != __version__:
        message = f"a machine has neuralpaint {__version__}, not {version}: install it there"
        return ("failed", message), None
    limit_cpus(cores)
    logging.getLogger("neuralpaint").setLevel(logging.INFO)

    def send(message: tuple[str, Any]) -> None:
        mailbox.put.remote((key, *message))

    send(("started", None))
    inputs = {name: Path(path) for name, path in given.items()}
    outputs = {name: Path(path) for name, path in wanted.items()}
    try:
        with (
            _cancellation() as is_cancelled,
            tempfile.TemporaryDirectory(dir=_workspace()) as folder,
        ):
            if sent is not None:
                inputs = {name: _received(ref, inputs[name].name) for name, ref in sent.items()}
                outputs = _placed(outputs, Path(folder))
            task = Task(key, function, arguments, inputs, outputs)
            result = run_task(task, send, is_cancelled=is_cancelled)
            contents = {}
            if sent is not None:
                contents = {n: _read(path) for n, path in outputs.items() if path.exists()}
            return ("done", ""), (result, contents)
    except (CancelledError, KeyboardInterrupt):
        return ("cancelled", ""), None
    except Exception as error:
        message = failure_message(error)
        for name, path in inputs.items():  # the path that the user knows
            message = message.replace(str(path), given[name])
        return ("failed", message), None


@contextlib.contextmanager
def _cancellation() -> Iterator[Callable[[], bool]]:
    """Raise CancelledError when Ray cancels the task; yield a function that returns whether it has.

    Ray interrupts the process as Ctrl-C does, upon which a job would publish an unfinished clip.
    """
    is_cancelled = False

    def cancel(number: int, frame: object) -> None:
        nonlocal is_cancelled
        is_cancelled = True
        raise CancelledError

    try:
        before = signal.signal(signal.SIGINT, cancel)
    except ValueError:  # not the main thread, which alone is interrupted
        yield lambda: False
        return
    try:
        yield lambda: is_cancelled
    finally:
        signal.signal(signal.SIGINT, before)


def _placed(outputs: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Return other paths for outputs, which stay side by side if they are in one folder."""
    parents = {path.parent: folder / str(number) for number, path in enumerate(outputs.values())}
    for parent in parents.values():
        parent.mkdir()
    return {name: parents[path.parent] / path.name for name, path in outputs.items()}


def _read(path: Path) -> Content:
    if path.is_dir():
        return {each.name: each.read_bytes() for each in path.iterdir()}
    return path.read_bytes()


_inputs: OrderedDict[Any, Path] = OrderedDict()
"""The files that this process has received, newest last: the same take serves many tasks."""


@cache
def _workspace() -> Path:
    """Return the folder for all files of this process; remove those of processes that were killed.

    Ray kills its processes at the end. Each has its folder locked as long as it lives.
    """
    parent = temporary_folder()
    for old in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > _YOUNG and _lock(old) is not None:
                shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    _lock(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _lock(folder: Path) -> int | None:
    """Lock a folder for the rest of this process; return None if another one has locked it."""
    if fcntl is None:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _received(reference: Any, name: str) -> Path:
    """Return the path of a file that was sent; its folder contains nothing else."""
    if reference not in _inputs:
        content = sys.modules["ray"].get(reference)
        path = _workspace() / reference.hex() / name
        path.parent.mkdir(exist_ok=True)  # an earlier try may have been cancelled
        if content is not None:
            path.write_bytes(content)
        _inputs[reference] = path
        while len(_inputs) > _MOST_INPUTS:
            _, old = _inputs.popitem(last=False)
            shutil.rmtree(old.parent, ignore_errors=True)
    _inputs.move_to_end(reference)
    return _inputs[reference]
