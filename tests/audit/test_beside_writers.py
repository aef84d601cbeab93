"""Opening, looking at and verifying a log while another process of the same database appends to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from audit import Log, NoteSigner, verify
from audit.look import head_of
from tests.audit.worlds import ORIGIN, draft, keys_of, opened

ROUNDS = 12


@contextmanager
def appending(url: str, signer: NoteSigner) -> Iterator[list[int]]:
    """One thread with an engine of its own that appends until the block ends; the numbers of what it appended."""
    done, stop = list[int](), threading.Event()

    def run() -> None:
        with opened(url) as engine, Log.open(engine, origin=ORIGIN, signer=signer, keys=keys_of(engine)) as other:
            while not stop.is_set():
                done.append(other.append([draft(len(done), kind="search")])[0].seq)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield done
    finally:
        stop.set()
        thread.join()


def test_it_is_of_one_moment(url: str, engine: Engine, log: Log, signer: NoteSigner) -> None:
    """Nothing is found to be missing, surplus or changed that was only on its way."""
    log.append([draft(number) for number in range(3)])
    with appending(url, signer) as done:
        for number in range(ROUNDS):
            with Log.open(engine, origin=ORIGIN, signer=signer, keys=keys_of(engine)) as again:
                entry = again.append([draft(number)])[0]
                assert again.last_of({"request"}) == entry.seq
            assert head_of(engine, origin=ORIGIN, verifier=signer.verifier, keys=keys_of(engine)).size > entry.seq
            report = verify(engine, vkey=signer.vkey, keys=keys_of(engine))
            assert [] == list(report.faults)
    last = log.append([draft()])[0].seq
    assert (3 + len(done) + ROUNDS, True) == (last, len(done) > 0)
    found = [entry.seq for entry in log.entries(kinds={"search"})]
    assert done == found
