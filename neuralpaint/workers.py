"""Workers: threads that each take a part of a computation, and meet once at its end.

Torch can spread every single operation over threads too, but then they meet after each one, a
hundred times in a training step, and spin while they wait. Where another program wants the same
cores, a step that takes 8 ms alone took 600; with workers it takes its fair share, 16.
"""

from __future__ import annotations

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


_crew = _Crew()


def hire(threads: int) -> None:
    """Let `each` use so many threads; torch itself then keeps to the thread that calls it."""
    torch.set_num_threads(1)
    if threads == _crew.threads:
        return
    if _crew.pool is not None:
        _crew.pool.shutdown()
    _crew.threads = threads
    _crew.pool = None
    if threads > 1:
        _crew.pool = ThreadPoolExecutor(
            threads - 1,
            thread_name_prefix="neuralpaint",
            initializer=torch.set_num_threads,  # torch counts for every thread of its own
            initargs=(1,),
        )


def count() -> int:
    """Return how many threads work at once."""
    return _crew.threads


def each(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Return what `function` makes of each item; as many at once as there are threads.

    The caller takes part. Whatever is raised, no thread is still at work when this returns. No
    gradients are recorded.
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

    helpers = min(_crew.threads, len(items)) - 1
    futures: list[Future[None]] = []
    try:
        futures += [_crew.pool.submit(work) for _ in range(helpers) if _crew.pool is not None]
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
