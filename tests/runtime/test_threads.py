"""A parallel map: results in order, failures raised, no thread left running."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest
import torch

from neuralpaint.runtime.threads import ensure_threads, parallel_map, set_threads


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """Use three threads on every machine."""
    before = ensure_threads()
    set_threads(3)
    yield
    set_threads(before)


def test_results_come_in_the_order_of_the_items() -> None:
    def late_first(i: int) -> int:
        time.sleep(0.02 if i == 0 else 0)
        return i * i

    assert parallel_map(late_first, range(10)) == [i * i for i in range(10)]


def test_items_run_at_the_same_time_and_the_caller_takes_part() -> None:
    together = threading.Barrier(3, timeout=10)

    def meet(_: int) -> int:
        together.wait()
        return threading.get_ident()

    assert threading.get_ident() in parallel_map(meet, range(3))


def test_torch_uses_one_thread() -> None:
    assert parallel_map(lambda _: torch.get_num_threads(), range(3)) == [1, 1, 1]


def test_no_gradients_are_recorded() -> None:
    weight = torch.ones(2, requires_grad=True)
    assert not any(product.requires_grad for product in parallel_map(weight.mul, range(3)))
    assert torch.is_grad_enabled()


def test_a_failure_is_raised_after_all_threads_have_finished() -> None:
    busy = 0

    def fail_at_one(i: int) -> None:
        nonlocal busy
        busy += 1
        try:
            time.sleep(0.01)
            if i == 1:
                raise ValueError("one")
        finally:
            busy -= 1

    with pytest.raises(ValueError, match="one"):
        parallel_map(fail_at_one, range(1000))
    assert busy == 0


def test_an_interruption_of_the_caller_waits_for_the_other_threads() -> None:
    done = []

    def interrupted(i: int) -> None:
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        time.sleep(0.05)
        done.append(i)

    with pytest.raises(KeyboardInterrupt):
        parallel_map(interrupted, range(3))
    seen = len(done)
    time.sleep(0.1)
    assert len(done) == seen


def test_one_thread_means_the_caller_alone() -> None:
    set_threads(1)
    here = threading.get_ident()
    assert parallel_map(lambda _: threading.get_ident(), range(4)) == [here] * 4


def test_a_failure_in_another_thread_is_raised_in_the_caller() -> None:
    def fail_elsewhere(_: int) -> None:
        time.sleep(0.01)
        if threading.current_thread() is not threading.main_thread():
            raise ValueError("elsewhere")

    with pytest.raises(ValueError, match="elsewhere"):
        parallel_map(fail_elsewhere, range(100))


def test_an_interruption_during_the_wait_is_raised_after_it() -> None:
    one_each = threading.Barrier(2, timeout=10)
    done = []

    def slow_elsewhere(i: int) -> None:
        one_each.wait()
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.02)
            signal.raise_signal(signal.SIGINT)  # handled by the waiting main thread
            time.sleep(0.1)
            done.append(i)

    with pytest.raises(KeyboardInterrupt):
        parallel_map(slow_elsewhere, range(2))
    assert len(done) == 1


def test_an_interruption_while_threads_start_is_raised_after_all_have_finished() -> None:
    began, done = [], []

    def interrupt(i: int) -> None:
        if threading.current_thread() is threading.main_thread():
            time.sleep(0.1)
            return
        began.append(i)
        if len(began) == 1:
            signal.raise_signal(signal.SIGINT)
        time.sleep(0.1)
        done.append(i)

    for threads in (1, 3):  # a new pool, whose threads start during the map
        set_threads(threads)
    with pytest.raises(KeyboardInterrupt):
        parallel_map(interrupt, range(100))
    assert 0 < len(began) < 50
    assert sorted(done) == sorted(began)


def test_a_map_inside_a_map_runs_in_one_thread() -> None:
    assert parallel_map(lambda i: sum(parallel_map(abs, [i] * 5)), range(12)) == [
        5 * i for i in range(12)
    ]


def test_work_on_another_device_runs_in_the_caller() -> None:
    here = threading.get_ident()
    threads = parallel_map(lambda _: threading.get_ident(), range(20), device=torch.device("meta"))
    assert threads == [here] * 20


def test_the_number_of_threads_may_change_during_a_map() -> None:
    errors: list[BaseException] = []

    def use(threads: int) -> None:
        try:
            for _ in range(50):
                set_threads(threads)
                assert parallel_map(abs, range(20)) == list(range(20))
        except BaseException as error:
            errors.append(error)

    users = [threading.Thread(target=use, args=[threads]) for threads in (2, 3, 4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert errors == []
