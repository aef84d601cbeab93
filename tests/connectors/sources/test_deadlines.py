"""One thread watches over all queries: who is late is interrupted, who is done is not."""

from __future__ import annotations

import threading
import time

from connectors.sources.deadlines import Deadlines


def test_what_takes_too_long_is_interrupted() -> None:
    """Once, and about in time."""
    interrupted = threading.Event()
    with Deadlines().limited(0.05, interrupted.set):
        assert interrupted.wait(10)


def test_what_is_done_in_time_is_left_alone() -> None:
    """Also when its time runs out afterwards."""
    calls: list[int] = []
    deadlines = Deadlines()
    with deadlines.limited(0.05, lambda: calls.append(1)):
        pass
    with deadlines.limited(60, lambda: calls.append(2)):
        time.sleep(0.4)
    assert [] == calls


def test_one_that_cannot_be_interrupted_does_not_end_the_watch() -> None:
    """The next one is interrupted all the same."""

    def broken() -> None:
        raise RuntimeError("closed already")

    interrupted = threading.Event()
    deadlines = Deadlines()
    with deadlines.limited(0.0, broken), deadlines.limited(0.2, interrupted.set):
        assert interrupted.wait(10)


def test_it_wakes_again_after_it_slept() -> None:
    """Nothing under way for a while, then something late."""
    deadlines = Deadlines()
    with deadlines.limited(60, lambda: None):
        pass
    interrupted = threading.Event()
    deadlines._some.clear()  # as after a long idle time
    with deadlines.limited(0.05, interrupted.set):
        assert interrupted.wait(10)
