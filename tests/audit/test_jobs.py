"""Several processes verify a log as one does: the same faults, in the same order, with the same words."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import create_engine, delete, func, select, update

from audit import Entry, KeyStore, Log, LogUnavailable, Report, verify
from audit.careful import Claims, carefully
from audit.forgotten import Forgotten
from audit.report import Fault, Faults
from audit.schema import BODIES, LEAVES, TERMS
from audit.walk import Walk
from tests.audit.tampering import Cheat, cheating
from tests.audit.worlds import draft, keys_of

SIZE = 2_600  # three pieces, the last one not full


@pytest.fixture
def long(log: Log) -> Log:
    """A log of several pieces, and checkpoints of its way there."""
    log.append([draft(n, kind="request" if n % 2 else "search") for n in range(SIZE)])
    return log


def keys_at(url: str) -> KeyStore:
    return keys_of(create_engine(url))


def opener(log: Log) -> partial[KeyStore]:
    """How another process opens the key store."""
    return partial(keys_at, log.engine.url.render_as_string(hide_password=False))


def look(entry: Entry) -> int | None:
    """What a caller might want to know."""
    number: int = entry.body.get("number", 1)  # its content may be gone
    return number if number % 100 == 0 else None


def claims(seen: list[int]) -> Claims:
    def judge(seq: int, number: int) -> list[tuple[str, str]]:
        seen.append(seq)
        return [("nonce-twice", f"entry {seq} again")] if number == 1200 else []

    return Claims(look, judge, frozenset({"search"}))


def swap(cheat: Cheat, seq: int) -> None:
    one, other = cheat.sealed(seq), cheat.sealed(seq + 1)
    cheat.set_sealed(seq, *other)
    cheat.set_sealed(seq + 1, *one)


CHEATS: list[Callable[[Cheat, int], object]] = [
    lambda c, n: c.edit_leaf(n, kind="consent"),
    lambda c, n: c.edit_leaf(n, prev=bytes(32)),
    lambda c, n: c.set_leaf(n, b"nothing"),
    lambda c, n: c.connection.execute(update(BODIES).where(BODIES.c.seq == n).values(sealed=bytes(90))),
    lambda c, n: c.connection.execute(update(BODIES).where(BODIES.c.seq == n).values(keys=bytes(24))),
    lambda c, n: c.set_body(n, bytes(32), b"{}"),
    lambda c, n: c.connection.execute(delete(BODIES).where(BODIES.c.seq == n)),
    lambda c, n: c.connection.execute(delete(TERMS).where(TERMS.c.seq == n, TERMS.c.key == "party")),
    lambda c, n: c.remove(n, last=n + 2),
    swap,
]


def tamper(url: str, seed: int) -> None:
    """Some cheats anywhere, the seams between pieces more often than elsewhere."""
    dice = random.Random(seed)
    places = [*range(1020, 1028), *range(2044, 2052), *(dice.randrange(SIZE - 4) for _ in range(10))]
    with cheating(url) as cheat:
        here = set(cheat.connection.scalars(select(LEAVES.c.seq)))
        for at in dice.sample(places, dice.randrange(1, 6)):
            if {at, at + 1, at + 2} <= here:
                trick = dice.choice(CHEATS)
                try:
                    trick(cheat, at)
                except Exception:  # what an earlier cheat spoiled can't be edited
                    continue
                here = set(cheat.connection.scalars(select(LEAVES.c.seq)))


def both(log: Log, vkey: str) -> tuple[Report, Report]:
    seen: list[list[int]] = [[], []]
    one = verify(log, vkey=vkey, claims=claims(seen[0]))
    many = verify(log, vkey=vkey, claims=claims(seen[1]), jobs=3, open_keys=opener(log))
    assert seen[0] == seen[1] == sorted(seen[0])
    return one, many


@pytest.mark.parametrize("seed", range(3))
def test_jobs_say_the_same(seed: int, long: Log, url: str) -> None:
    """Whatever was done, and on both databases; and what one job says is what the exact way says of each entry."""
    vkey = long.verifier.vkey
    assert both(long, vkey)[0].faults == (Fault(1200, "nonce-twice", "entry 1200 again"),)
    tamper(url, seed)
    one, many = both(long, vkey)
    assert one == many
    assert not one.ok
    faults = Faults()
    walk = Walk(faults)
    forgotten = Forgotten(long.sealing, faults)
    carefully(long.engine, 0, SIZE, SIZE, walk, forgotten, claims([]))
    forgotten.end(long.engine.connect, SIZE)
    walk.end(SIZE, long.head().last)
    assert [f for f in one.faults if f.seq is not None] == list(faults.in_order())


def broken(entry: Entry) -> None:
    """A look that ends its process."""
    import os

    if entry.seq == 2000:
        os._exit(1)


def test_a_process_that_dies_is_no_verdict(long: Log) -> None:
    """The answer is that it could not be found out."""
    with pytest.raises(LogUnavailable, match="came to an end"):
        verify(long, vkey=long.verifier.vkey, claims=Claims(broken, lambda *_: None), jobs=2, open_keys=opener(long))


@pytest.mark.parametrize("way", ["a word as bytes", "two words in one"])
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # PostgreSQL takes no bytes for text
def test_words_that_only_look_right(way: str, long: Log, url: str) -> None:
    """SQLite takes bytes where text belongs, and searches do not find them; nor a word made of two others."""
    with cheating(url) as cheat:
        run = cheat.connection.exec_driver_sql
        if way == "a word as bytes":
            run("UPDATE audit_terms SET value = CAST(value AS BLOB) WHERE seq = 1500 AND key = 'party'")
        else:
            run("DELETE FROM audit_terms WHERE seq = 1500 AND key = 'party'")
            run("UPDATE audit_terms SET key = key || char(31) || 'party', value = value || char(31) || 'aspire' "
                "WHERE seq = 1500 AND key = 'kind'")  # fmt: skip
    report = verify(long, vkey=long.verifier.vkey)
    assert [(1500, "index-differs")] == [(f.seq, f.code) for f in report.faults]


def test_leaves_far_apart_are_not_walked_to(long: Log, url: str) -> None:
    """Somebody took most of the log: what is there is found without counting to it."""
    with cheating(url) as cheat:
        cheat.remove(5, last=SIZE - 5)
        assert 9 == cheat.connection.scalar(select(func.count()).select_from(LEAVES))
    for jobs in (1, 2):
        first = verify(long, vkey=long.verifier.vkey, jobs=jobs, open_keys=opener(long)).first
        assert first is not None
        assert (5, "missing", f"entries 5 to {SIZE - 5} are missing") == (first.seq, first.code, first.message)
