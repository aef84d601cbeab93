"""The log on SQLite and PostgreSQL: what `append` promises, and what reading gives."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, create_engine, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from audit import (
    Draft,
    DraftWrong,
    Entry,
    Log,
    LogError,
    LogExists,
    LogMissing,
    LogUnavailable,
    NoteSigner,
    Tampered,
    WrongCheckpoint,
    verify,
)
from audit.leaf import FIRST, Leaf, body_hash
from audit.merkle import EMPTY
from audit.note import Checkpoint, open_note
from audit.schema import prepare
from tests.audit.worlds import ORIGIN, START, TestClock, draft, keys_of, numbers, opened

STATE = MetaData()
NONCES = Table("nonces_of_test", STATE, Column("nonce", Integer, primary_key=True))


def counting(nonce: int) -> object:
    def within(connection: Connection, entries: Sequence[Entry]) -> None:
        connection.execute(insert(NONCES).values(nonce=nonce))

    return within


def counted(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return sorted(connection.scalars(select(NONCES.c.nonce)))


def test_an_empty_log_has_a_signed_checkpoint(log: Log, signer: NoteSigner) -> None:
    """Size 0, the root of nothing."""
    head = log.head()
    assert (0, FIRST, EMPTY.root) == (head.size, head.last, head.root)
    assert Checkpoint(ORIGIN, 0, EMPTY.root).to_text() == open_note(head.checkpoint, signer.verifier)
    assert [] == list(log.entries())
    assert -1 == log.last_of(["request"])
    assert log.entry(0) is None
    assert verify(log, vkey=signer.vkey).ok


def test_appending_gives_the_entries_as_they_stand(log: Log, signer: NoteSigner) -> None:
    """Leaf, hash, salt, body: everything that a receipt needs, the same when read back."""
    one, two = log.append([draft(1), Draft("release", {"rows": 3, "who": "Ärztin"})])
    assert (one, two) == tuple(log.entries())
    assert Leaf(0, "request", one.time, FIRST, body_hash(one.salt, one.body_bytes)).to_bytes() == one.leaf
    assert Leaf.hash(one.leaf) == one.leaf_hash == Leaf.from_bytes(two.leaf).prev
    assert {"number": 1, "filing": {"index": {"party": ["aspire"]}, "readers": ["aspire"]}} == one.body
    assert (("aspire",), ()) == (one.readers, two.readers)
    assert b'{"filing":{"index":{},"readers":[]},"rows":3,"who":"\xc3\x84rztin"}' == two.body_bytes
    assert 32 == len(one.salt) == len(two.salt)
    assert one.salt != two.salt
    root = EMPTY.extended([one.leaf_hash, two.leaf_hash]).root
    assert Checkpoint(ORIGIN, 2, root).to_text() == open_note(log.head().checkpoint, signer.verifier)


def test_several_drafts_are_all_or_none(log: Log, engine: Engine) -> None:
    """A wrong draft, or a `within` that fails, leaves nothing of the others."""
    with pytest.raises(DraftWrong):
        log.append([draft(1), Draft("request", {"number": object()})])
    with pytest.raises(ZeroDivisionError):
        log.append([draft(1), draft(2)], within=lambda connection, entries: [1 // 0, None][1])
    assert 0 == log.head().size
    assert [] == list(log.entries())


def test_within_writes_in_the_same_transaction(log: Log, engine: Engine) -> None:
    """The nonce and its entry: both or neither; a failure is the caller's own and stops nobody else."""
    STATE.create_all(engine)
    log.append([draft(1)], within=counting(7))
    with pytest.raises(IntegrityError):
        log.append([draft(2)], within=counting(7))
    log.append([draft(3)], within=counting(8))
    assert [7, 8] == counted(engine)
    assert [1, 3] == numbers(log)


def test_within_is_given_the_entries(log: Log) -> None:
    """As they will stand."""
    seen: list[Entry] = []
    entries = log.append([draft(1), draft(2)], within=lambda connection, entries: seen.extend(entries))
    assert list(entries) == seen


def test_a_within_that_ends_the_transaction_is_found_out(log: Log, signer: NoteSigner) -> None:
    """It is refused, and the log goes on whole."""
    for misuse in (lambda c, e: c.rollback(), lambda c, e: c.commit()):
        with pytest.raises(LogUnavailable):
            log.append([draft(1)], within=misuse)
    log.append([draft(2)])
    assert [2] == numbers(log)
    assert verify(log, vkey=signer.vkey).ok


def test_a_within_that_swallows_a_database_error(log: Log, engine: Engine, signer: NoteSigner) -> None:
    """Where the database can go on (SQLite) it does; where it can't (PostgreSQL) nothing is written."""
    STATE.create_all(engine)
    log.append([draft(1)], within=counting(1))

    def careless(connection: Connection, entries: Sequence[Entry]) -> None:
        try:
            connection.execute(insert(NONCES).values(nonce=1))
        except IntegrityError:
            connection.execute(insert(NONCES).values(nonce=2))

    try:
        log.append([draft(2)], within=careless)
    except Exception:
        assert ([1], [1]) == (numbers(log), counted(engine))
    else:
        assert ([1, 2], [1, 2]) == (numbers(log), counted(engine))
    log.append([draft(3)])
    assert verify(log, vkey=signer.vkey).ok


def test_an_entry_of_state_alone(log: Log, engine: Engine) -> None:
    """`within` without drafts writes state in the log's order; nothing at all is refused."""
    STATE.create_all(engine)
    assert () == log.append([], within=counting(1))
    assert [1] == counted(engine)
    with pytest.raises(DraftWrong):
        log.append([])


def test_time_never_goes_back(log: Log, clock: TestClock) -> None:
    """When the machine's clock does, the log's stands still."""
    (first,) = log.append([draft(1)])
    clock.time -= dt.timedelta(hours=3)
    (second,) = log.append([draft(2)])
    clock.time += dt.timedelta(hours=5)
    (third,) = log.append([draft(3)])
    assert first.time == second.time < third.time
    assert third.time == log.head().checkpoint_time


def test_time_of_a_reopened_log_does_not_go_back(log: Log, engine: Engine, signer: NoteSigner) -> None:
    """Not even over a restart."""
    (first,) = log.append([draft(1)])
    log.close()
    early = TestClock(START - dt.timedelta(days=400))
    with Log.open(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer, clock=early) as again:
        (second,) = again.append([draft(2)])
        assert first.time == second.time
        assert verify(again, vkey=signer.vkey).ok


def test_entries_from_and_up_to(log: Log) -> None:
    """`after` is exclusive, `until` inclusive, kinds are chosen by the index; filed or not yet."""
    kinds = ["a", "b", "c"]
    for start in range(0, 900, 90):
        log.append([draft(i, kind=kinds[i % 3]) for i in range(start, start + 90)])
    assert list(range(900)) == numbers(log)
    assert [3, 4, 5] == [e.seq for e in log.entries(after=2, until=5)]
    assert [0, 1] == [e.seq for e in log.entries(after=-5, until=1)]
    assert [899] == [e.seq for e in log.entries(after=898, until=5000)]
    assert [] == [e.seq for e in log.entries(after=899)]
    assert [i for i in range(900) if i % 3] == [e.seq for e in log.entries(kinds={"b", "c"})]
    assert [601, 604] == [e.seq for e in log.entries(kinds=["b"], after=600, until=606)]
    assert [] == list(log.entries(kinds=["d"]))
    assert [] == list(log.entries(kinds=[]))


def test_the_newest_of_some_kinds(log: Log, engine: Engine, signer: NoteSigner) -> None:
    """`last_of` is right at once, after a failed `within`, and after reopening."""
    log.append([draft(i, kind="request") for i in range(300)])
    log.append([draft(1, kind="consent")])
    log.append([draft(1, kind="request")])
    with pytest.raises(ZeroDivisionError):
        log.append([draft(1, kind="revocation")], within=lambda c, e: [1 // 0, None][1])
    expected = (300, 301, 301, -1, -1)
    asked = (["consent"], ["request"], ["consent", "request"], ["revocation"], [])
    assert expected == tuple(log.last_of(kinds) for kinds in asked)
    log.close()
    with Log.open(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer) as again:
        assert expected == tuple(again.last_of(kinds) for kinds in asked)


@pytest.mark.parametrize("seq", [-1, 2, 10**20])
def test_an_entry_that_is_not_there(log: Log, seq: int) -> None:
    """None, whatever the number."""
    log.append([draft(1), draft(2)])
    assert log.entry(seq) is None
    assert log.append([draft(3)])[0] == log.entry(2)


def test_a_log_is_never_made_twice(log: Log, engine: Engine, signer: NoteSigner) -> None:
    """What is there stays."""
    log.append([draft(1)])
    with pytest.raises(LogExists):
        Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer)
    assert [1] == numbers(log)


def test_opening_what_is_no_log(engine: Engine, signer: NoteSigner) -> None:
    """Each case by its own error."""
    with pytest.raises(LogMissing):
        Log.open(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer)
    with pytest.raises(WrongCheckpoint, match="bears its origin"):
        Log.create(engine, keys=keys_of(engine), origin="other.example/log", signer=signer)
    Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer).close()
    other = NoteSigner.generate("other.example/log")
    with pytest.raises(WrongCheckpoint, match=r"not by the key `other\.example/log"):
        Log.open(engine, keys=keys_of(engine), origin="other.example/log", signer=other)
    with pytest.raises(WrongCheckpoint, match="not by the key"):
        Log.open(engine, keys=keys_of(engine), origin=ORIGIN, signer=NoteSigner.generate(ORIGIN))


def test_a_closed_log_refuses(log: Log) -> None:
    """Reading goes on; closing twice does no harm."""
    log.append([draft(1)])
    log.close()
    log.close()
    with pytest.raises(LogUnavailable, match="closed"):
        log.append([draft(2)])
    assert [1] == numbers(log)


def test_closing_writes_what_is_queued(log: Log) -> None:
    """Nobody who was taken in is left without an answer."""
    futures = [log.submit([draft(i)]) for i in range(500)]
    log.close()
    assert list(range(500)) == [future.result(0)[0].seq for future in futures]
    assert list(range(500)) == numbers(log)


def test_many_threads(log: Log, engine: Engine, signer: NoteSigner) -> None:
    """Each caller gets its own entries; numbers are given once, without a gap; failures stay with their callers."""
    STATE.create_all(engine)
    answers: list[tuple[int, int]] = []
    failures: list[int] = []

    def work(thread: int) -> None:
        for i in range(20):
            number = thread * 100 + i
            try:
                # every fifth nonce of a thread is one that another thread counts too
                (entry,) = log.append([draft(number)], within=counting(i if i % 5 == 0 else number + 1000))
                answers.append((number, entry.body["number"]))
            except IntegrityError:
                failures.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(asked == got for asked, got in answers)
    assert 16 * 20 == len(answers) + len(failures)
    assert 4 * 15 == len(failures)
    assert sorted(asked for asked, _ in answers) == sorted(numbers(log))
    assert 16 * 16 + 4 == len(counted(engine))
    assert verify(log, vkey=signer.vkey).ok


def test_two_processes_do_not_corrupt(log: Log, url: str, signer: NoteSigner) -> None:
    """A second opener of the same log: numbers are still given once, and each learns of the other's entries."""
    with opened(url) as engine, Log.open(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer) as other:
        for i in range(150):
            log.append([draft(i), draft(i)])
            other.append([draft(i, kind="consent")])
        with pytest.raises(ZeroDivisionError):
            other.append([draft(1)], within=lambda c, e: [1 // 0, None][1])
        threads = [
            threading.Thread(target=lambda one=one: [one.append([draft(0)]) for _ in range(40)]) for one in (log, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        log.append([draft(1)])
        assert 150 * 3 + 80 + 1 == log.head().size
        assert 149 * 3 + 2 == log.last_of(["consent"])
        assert list(range(449, -1, -3)) == [e.seq for e in log.search(kind="consent", limit=1000)]
        assert verify(log, vkey=signer.vkey).ok


def test_a_rewound_log_is_not_written_to(log: Log, engine: Engine, url: str, signer: NoteSigner) -> None:
    """A process that knows of more entries than the database has refuses, and says so."""
    from tests.audit.tampering import restored, saved

    log.append([draft(1)])
    older = saved(url)
    log.append([draft(2)])
    restored(url, older)
    with pytest.raises(LogUnavailable, match="put back to before its 2 entries") as caught:
        log.append([draft(3)])
    assert isinstance(caught.value.__cause__, Tampered)


def test_memory_is_no_place_for_a_log(signer: NoteSigner) -> None:
    """Each thread would have its own."""
    for url in ("sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&cache=shared&uri=true"):
        with pytest.raises(LogError, match="in a file"):
            prepare(create_engine(url, poolclass=NullPool))


@pytest.mark.parametrize(
    ("kind", "body", "rest"),
    [
        ("Request", {}, {}),
        ("", {}, {}),
        ("a" * 64, {}, {}),
        ("request", {"filing": 1}, {}),
        ("request", {}, {"readers": "aspire"}),
        ("request", {}, {"readers": ("",)}),
        ("request", {}, {"readers": (1,)}),
        ("request", {}, {"index": {"subject": "1001"}}),
        ("request", {}, {"index": {"party": ""}}),
        ("request", {}, {"index": {"party": "a\x00"}}),
        ("request", {}, {"index": {"party": "a" * 301}}),
        ("request", {}, {"index": {"clause": ("a:1", None)}}),
    ],
)
def test_what_cannot_be_an_entry(kind: str, body: dict[str, object], rest: dict[str, object]) -> None:
    """Found where it is made, not when it is written."""
    with pytest.raises(DraftWrong):
        Draft(kind, body, **rest)  # type: ignore[arg-type]


def test_a_body_has_a_largest_size(log: Log) -> None:
    """A batch of subjects fits; a whole table does not."""
    log.append([Draft("disclosure", {}, subjects={"aspire": [f"{n:040}" for n in range(10_000)]})])
    with pytest.raises(DraftWrong, match="are the most"):
        log.append([Draft("disclosure", {"all": "x" * 17_000_000})])
    assert 1 == log.head().size
