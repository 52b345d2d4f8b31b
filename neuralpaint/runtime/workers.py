"""Workers: threads that each take a part of a computation, and meet once at its end.

Torch can spread every single operation over threads too, but then they meet after each one, a
hundred times in a training step, and spin while they wait. Where another program wants the same
cores, a step that takes 8 ms alone took 600; with workers it takes its fair share, 16.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
        finally:
            give_up()

    def give_up() -> None:
        for _ in waiting:  # after a failure nobody begins what nobody will see
            pass

    alone = device.type != "cpu" or getattr(_this_thread, "works", False)
    pool = None if alone else _crew.pool
    helpers = _Helpers(work)
    try:
        if pool is not None:
            for _ in range(min(_crew.threads, len(items)) - 1):
                pool.submit(helpers.help)
        work()
    finally:
        give_up()
        helpers.see_out()
    return [made[i] for i in range(len(items))]


class _Helpers:
    """The other threads at one piece of work: they come when they can, and all must have left.

    They are counted here and not by their futures: an interruption can come while the pool starts
    a thread, which then works and whose future nobody has.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._present = 0
        self._over = False
        self._failure: BaseException | None = None

    def help(self) -> None:
        """Do one's part, unless it is over before one came."""
        with self._changed:
            if self._over:
                return
            self._present += 1
        try:
            self._work()
        except BaseException as error:
            self._failure = error
        finally:
            with self._changed:
                self._present -= 1
                self._changed.notify()

    def see_out(self) -> None:
        """Let nobody come any more and wait for those who are here; then raise what they raised.

        A KeyboardInterrupt is raised when they have left.
        """
        interruption: KeyboardInterrupt | None = None
        while not self._over or self._present:
            try:
                with self._changed:
                    self._over = True
                    self._changed.wait_for(lambda: not self._present)
            except KeyboardInterrupt as error:
                interruption = error
        if interruption is not None:
            raise interruption
        if self._failure is not None:
            raise self._failure
