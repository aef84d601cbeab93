"""What may be written a moment later: it is there on reading and after the end, and none of it is left behind."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from audit import Log
from audit.errors import DraftWrong, LogUnavailable
from tests.audit.worlds import ORIGIN, draft, keys_of, numbers, opened, signer


def test_a_reader_finds_what_was_taken_just_now(tmp_path: Path) -> None:
    """Reading has it written first."""
    with (
        opened(f"sqlite:///{tmp_path}/log.db") as engine,
        Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer()) as log,
    ):
        log.append_soon([draft(1)])
        assert [1] == numbers(log)


def test_the_end_writes_it(tmp_path: Path) -> None:
    """Whoever opens the log after `close` finds it."""
    key = signer()
    with opened(f"sqlite:///{tmp_path}/log.db") as engine:
        log = Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=key)
        taken = log.append_soon([draft(1)])
        log.close()
        with Log.open(engine, keys=keys_of(engine), origin=ORIGIN, signer=key) as again:
            assert ([1], True) == (numbers(again), taken.done())


def test_whoever_reads_waits_for_what_is_being_written(tmp_path: Path) -> None:
    """It has left the queue, and its commit has not returned: it is there for the reader all the same."""
    with (
        opened(f"sqlite:///{tmp_path}/log.db") as engine,
        Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer()) as log,
    ):
        writing, go = threading.Event(), threading.Event()

        def held(_connection: object, _entries: object) -> None:
            writing.set()
            go.wait(10)

        log.append_soon([draft(1)])
        writer = threading.Thread(target=lambda: log.append([draft(2)], within=held))
        found: list[int] = []
        reader = threading.Thread(target=lambda: found.extend(numbers(log)))
        writer.start()
        writing.wait(10)
        reader.start()
        reader.join(0.2)  # one that did not wait would be done by now
        go.set()
        reader.join(10)
        writer.join(10)
        assert {1} <= set(found)


def test_nothing_is_left_behind_when_callers_race(tmp_path: Path) -> None:
    """Callers that append and callers that append soon, all at once: each entry is there, once."""
    with (
        opened(f"sqlite:///{tmp_path}/log.db") as engine,
        Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer()) as log,
    ):

        def ask(caller: int) -> None:
            for turn in range(10):
                log.append([draft(caller * 20 + turn * 2)])
                log.append_soon([draft(caller * 20 + turn * 2 + 1)])

        callers = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert list(range(80)) == sorted(numbers(log))


def test_after_the_end_it_is_refused(tmp_path: Path) -> None:
    """What nobody would write is not taken; nor is nothing."""
    with opened(f"sqlite:///{tmp_path}/log.db") as engine:
        log = Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer())
        with pytest.raises(DraftWrong):
            log.append_soon([])
        log.close()
        with pytest.raises(LogUnavailable):
            log.append_soon([draft(1)])
