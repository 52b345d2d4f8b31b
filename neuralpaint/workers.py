"""Workers: threads that each take a part of a computation, and meet once at its end.

Torch can spread every single operation over threads too, but then they meet after each one, a
hundred times in a training step, and spin while they wait. Where another program wants the same
cores, a step that takes 8 ms alone took 600; with workers it takes its fair share, 16.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

__all__ = ["count", "each", "hire"]

T = TypeVar("T")
R = TypeVar("R")


class _Crew:
    """The threads of this process; the caller's own is the first."""

    def __init__(self) -> None:
        self.threads = 1
        self.pool: ThreadPoolExecutor | None = None


_CPU = torch.device("cpu")
_crew = _Crew()
_this_thread = threading.local()  # `works` on the pool's threads, whose own calls must not wait


def hire(threads: int) -> None:
    """Let `each` use so many threads, everywhere in this process.

    Torch itself then keeps to the thread that calls it: `torch.set_num_threads` is set to 1.
    """
    torch.set_num_threads(1)
    if threads == _crew.threads:
        return
    # Threads of a pool that nobody refers to any more come to their end by themselves.
    _crew.pool = None
    _crew.threads = threads
    if threads > 1:
        _crew.pool = ThreadPoolExecutor(
            threads - 1, thread_name_prefix="neuralpaint", initializer=_begin_to_work
        )


def _begin_to_work() -> None:
    torch.set_num_threads(1)  # which holds for one thread
    _this_thread.works = True


def _let_go() -> None:
    """Forget threads that a forked process does not have."""
    _crew.pool, _crew.threads = None, 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def count() -> int:
    """Return how many threads work at once."""
    return _crew.threads


def each(function: Callable[[T], R], items: Sequence[T], *, device: torch.device = _CPU) -> list[R]:
    """Return what `function` makes of each item; as many at once as there are threads.

    The caller takes part. Whatever is raised, no thread is still at work when this returns. No
    gradients are recorded. Where it is about another device than the CPU, the caller does it alone:
    others would ask a GPU out of turn, on streams of their own.
    """
    made: dict[int, R] = {}
    waiting = iter(range(len(items)))  # whoever is free takes the next

    def work() -> None:
        try:
            with torch.no_grad():  # it holds for one thread only
                for i in waiting:
                    made[i] = function(items[i])
        except BaseException:
            for _ in waiting:  # nobody begins what nobody will see
                pass
            raise

    alone = device.type != "cpu" or getattr(_this_thread, "works", False)
    pool = None if alone else _crew.pool
    futures: list[Future[None]] = []
    try:
        if pool is not None:
            for _ in range(min(_crew.threads, len(items)) - 1):
                futures += [pool.submit(work)]  # one by one: an interruption loses none
        work()
    finally:
        _see_out(futures)
    for future in futures:
        future.result()
    return [made[i] for i in range(len(items))]


def _see_out(futures: Sequence[Future[None]]) -> None:
    """Wait for all of them, also through a KeyboardInterrupt, which is raised then."""
    interruption: KeyboardInterrupt | None = None
    while not all(future.done() for future in futures):
        try:
            wait(futures)
        except KeyboardInterrupt as error:
            interruption = error
    if interruption is not None:
        raise interruption
