"""Tasks as a node of a Ray cluster runs them, without Ray."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neuralpaint._version import __version__
from neuralpaint.runtime import ray_pool
from neuralpaint.runtime.interruption import Interruption
from neuralpaint.runtime.progress import Progress, Report
from neuralpaint.runtime.ray_worker import run_on_node
from neuralpaint.runtime.tasks import Cancelled, Failed, Task

Files = Mapping[str, Path]

MAILBOX = SimpleNamespace(put=SimpleNamespace(remote=lambda message: None))


def on_node(function: Any, **outputs: Path) -> Any:
    wanted = {name: str(path) for name, path in outputs.items()}
    return run_on_node(function, "a", (), {}, wanted, {}, MAILBOX, 1, __version__)


def write_names(*, files: Files, report: Report) -> str:
    for name, path in files.items():
        path.write_text(name)
    return "written"


def test_outputs_of_one_name_in_two_folders_stay_apart() -> None:
    status, (result, contents) = on_node(
        write_names, film=Path("a/x"), take=Path("b/x"), cover=Path("a/y")
    )
    assert (status, result) == (("done", ""), "written")
    assert contents == {"film": b"film", "take": b"take", "cover": b"cover"}


def write_beside(*, files: Files, report: Report) -> None:
    assert files["film"].parent == files["cover"].parent


def test_outputs_of_one_folder_stay_in_one_folder() -> None:
    assert on_node(write_beside, film=Path("a/x"), cover=Path("a/y"))[0] == ("done", "")


def half(*, files: Files, report: Report) -> None:
    """Publish what there is after Ctrl-C, as `video` does."""
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        list(interruption.until_stopped(iter(range(3))))
    files["film"].write_text("half")


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_cancelled_task_publishes_nothing(tmp_path: Path) -> None:
    """Ray raises SIGINT in a process whose task is cancelled."""
    before = signal.getsignal(signal.SIGINT)
    film = tmp_path / "film"
    wanted = {"film": str(film)}
    status, _ = run_on_node(half, "a", (), {}, wanted, None, MAILBOX, 1, __version__)
    assert status == ("cancelled", "")
    assert not film.exists()
    assert signal.getsignal(signal.SIGINT) is before


def stubborn(*, files: Files, report: Report) -> None:
    """Treat every exception as a failure of its own, and continue."""
    with contextlib.suppress(Exception):
        os.kill(os.getpid(), signal.SIGINT)
    report(Progress("film", 0.5))


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_cancellation_that_was_caught_is_raised_by_the_next_report() -> None:
    assert on_node(stubborn) == (("cancelled", ""), None)


class RayError(Exception):
    """Of `FakeRay`."""


class FakeRay:
    """A cluster that has lost the results of all tasks."""

    exceptions = SimpleNamespace(RayError=RayError, TaskCancelledError=KeyError)

    def is_initialized(self) -> bool:
        return True

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 1.0}}]

    def remote(self, **options: Any) -> Any:
        def bind(function: Any) -> Any:
            if function is ray_pool._Mailbox:
                return SimpleNamespace(remote=lambda: SimpleNamespace(take=bind(None)))
            return SimpleNamespace(remote=lambda *_: ("status", "content"))

        return bind

    def wait(self, references: list[str], **_: Any) -> tuple[list[str], list[str]]:
        return references, []

    def get(self, reference: str, *, timeout: float) -> Any:
        if reference == "status":
            return "done", ""
        raise RayError("the node has died\nand more")

    def cancel(self, reference: str, *, force: bool = False) -> None:
        pass

    def kill(self, actor: Any) -> None:
        pass


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_lost_result_fails_one_task(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shared: bool, is_cancelled: bool
) -> None:
    monkeypatch.setattr(ray_pool, "_import_ray", FakeRay)
    pool = ray_pool.RayPool("auto", cpus=1, gpus=0, jobs=None, shared=shared, retries=0)
    pool.submit(Task("a", write_names, outputs={"film": tmp_path / "film"}))
    if is_cancelled:
        pool.cancel("a")
    expected = Cancelled("a") if is_cancelled else Failed("a", "on the cluster: the node has died")
    assert list(pool.wait(1.0)) == [expected]
    pool.close()
