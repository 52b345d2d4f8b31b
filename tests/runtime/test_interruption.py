from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from neuralpaint.errors import DivergedError
from neuralpaint.runtime.interruption import Interruption, Stop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


@pytest.fixture(autouse=True)
def default_handler() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also where this process was started to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def test_the_first_signal_is_raised_at_the_next_check() -> None:
    with Interruption() as interruption:
        interrupt()
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            interruption.check()
        interruption.check()  # it is raised once


def test_the_second_signal_is_raised_at_once() -> None:
    with Interruption():
        interrupt()
        with pytest.raises(KeyboardInterrupt):
            interrupt()


def test_two_signals_within_one_step_end_the_job() -> None:
    def work() -> Iterator[int]:
        interrupt()
        interrupt()
        yield 1

    with Interruption() as interruption, pytest.raises(KeyboardInterrupt):
        list(interruption.until_stopped(work()))
    assert isinstance(interruption.stop, KeyboardInterrupt)


def test_after_a_recorded_interruption_the_next_signal_is_raised_at_once() -> None:
    with Interruption() as interruption:
        interruption.record(KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            interrupt()


def test_a_signal_ends_the_items_between_two_of_them() -> None:
    done: list[int] = []

    def work() -> Iterator[int]:
        for number in range(5):
            if number == 2:
                interrupt()
            done.append(number)
            yield number

    stops: list[Stop] = []
    with Interruption(stops.append) as interruption:
        assert list(interruption.until_stopped(work())) == [0, 1, 2]
        assert done == [0, 1, 2]
        assert isinstance(interruption.stop, KeyboardInterrupt)
    assert stops == [interruption.stop]


def test_a_divergence_ends_the_items_and_other_errors_do_not() -> None:
    def diverging(error: Exception) -> Iterator[int]:
        yield 1
        raise error

    with Interruption() as interruption:
        assert list(interruption.until_stopped(diverging(DivergedError("nan")))) == [1]
        assert isinstance(interruption.stop, DivergedError)
        assert not interruption.requested
        with pytest.raises(ZeroDivisionError):
            list(interruption.until_stopped(diverging(ZeroDivisionError())))


def test_a_second_interruption_is_not_recorded_but_raised() -> None:
    interruption = Interruption()
    interruption.record(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        interruption.record(KeyboardInterrupt())


def test_the_handler_of_the_caller_is_used_and_restored() -> None:
    received: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        received.append(number)

    signal.signal(signal.SIGINT, handler)
    with Interruption() as interruption:
        interrupt()
        assert received == []
        interruption.check()
        assert received == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interruption() as interruption:
        interrupt()
        assert not interruption.requested


def test_another_thread_gets_no_signals() -> None:
    found: list[list[int]] = []

    def work() -> None:
        with Interruption() as interruption:
            found.append(list(interruption.until_stopped(iter([1, 2]))))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=10)
    assert found == [[1, 2]]
