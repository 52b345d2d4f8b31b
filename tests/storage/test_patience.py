from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from neuralpaint.storage.resume.patience import Patience

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


def counting(signals: int) -> Iterator[str]:
    """Yield what was done, after so many interruptions on the way."""
    for _ in range(signals):
        signal.raise_signal(signal.SIGINT)
    yield "done"


def test_without_an_interruption_the_item_comes_and_then_none() -> None:
    patience, items = Patience(), counting(0)
    assert patience.wait_for(items) == "done"
    patience.give_in()
    assert patience.wait_for(items) is None


def test_one_is_kept_until_somebody_gives_in() -> None:
    patience = Patience()
    assert patience.wait_for(counting(1)) == "done"
    with pytest.raises(KeyboardInterrupt):
        patience.give_in()
    patience.give_in()  # it was told once


def test_the_second_is_not_kept() -> None:
    with pytest.raises(KeyboardInterrupt):
        Patience().wait_for(counting(2))


def test_what_works_at_the_item_may_give_in() -> None:
    patience = Patience()

    def work() -> Iterator[str]:
        signal.raise_signal(signal.SIGINT)
        patience.give_in()
        yield "never"

    with pytest.raises(KeyboardInterrupt):
        patience.wait_for(work())


def test_somebody_elses_handler_is_asked_and_is_there_again() -> None:
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGINT, hear)
    try:
        patience = Patience()
        assert patience.wait_for(counting(1)) == "done"
        assert heard == []
        patience.give_in()
        assert heard == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is hear
    finally:
        signal.signal(signal.SIGINT, before)


def test_on_another_thread_it_just_waits() -> None:
    found: list[str | None] = []
    thread = threading.Thread(target=lambda: found.append(Patience().wait_for(iter(["item"]))))
    thread.start()
    thread.join()
    assert found == ["item"]
