"""The look at the leaves when a service starts, from the first on or behind those that were looked through before."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete

from audit import Log, LogError, NoteSigner, Tampered, verify
from audit.entry import Prepared
from audit.scan import NOTHING, Looked, scan
from audit.schema import TERMS
from audit.watched import Watched
from tests.audit.tampering import Cheat, Trick, cheating
from tests.audit.worlds import ORIGIN, TestClock, draft, keys_of, opened

KINDS = frozenset({"signature"})
FORGED = Prepared.of(draft(99, kind="signature"))


def signed(log: Log, *spots: int, size: int = 12) -> Looked:
    """A log of requests with signatures at some spots; what a first look knows of it."""
    log.append([draft(n, kind="signature" if n in spots else "request") for n in range(size)])
    return scan(log, KINDS)


def told(looked: Looked) -> list[int]:
    return sorted(looked.seen)


def test_a_first_look_tells_of_the_entries_of_a_kind(log: Log) -> None:
    """Whatever the search's table says of them."""
    looked = signed(log, 3, 7)
    assert ([3, 7], 12, log.head().root) == (told(looked), looked.size, looked.tree.root)


def test_a_later_look_hashes_only_what_came_behind(log: Log) -> None:
    """And knows the same as one at everything."""
    first = signed(log, 3)
    log.append([draft(12, kind="signature"), draft(13)])
    later = scan(log, KINDS, since=first)
    assert (12, scan(log, KINDS)) == (later.began, later)
    assert [3, 12] == told(later)


def remove_one(cheat: Cheat) -> None:
    cheat.remove(3)


def change_one(cheat: Cheat) -> None:
    cheat.edit_leaf(3, kind="request")


def change_the_tail(cheat: Cheat) -> None:
    cheat.edit_leaf(13, time=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


def put_one_behind(cheat: Cheat) -> None:
    cheat.put(15, FORGED)
    cheat.move_head(cheat.rechain(15))


@pytest.mark.parametrize(
    ("way", "seq"), [(remove_one, 3), (change_one, 4), (change_the_tail, 14), (put_one_behind, None)]
)
def test_what_was_looked_through_before_hides_no_cheat(way: Trick, seq: int | None, log: Log, url: str) -> None:
    """An entry that it tells of, or any behind it, that was changed, removed or put in: the look says where."""
    first = signed(log, 3)
    log.append([draft(n) for n in range(12, 15)])
    with cheating(url) as cheat:
        way(cheat)
    with pytest.raises(LogError) as caught:
        scan(log, KINDS, since=first)
    if seq is not None:
        assert isinstance(caught.value, Tampered)
        assert seq == caught.value.seq


def test_another_leaf_among_the_first_is_for_verification_to_find(log: Log, url: str, signer: NoteSigner) -> None:
    """A start that begins behind it does not hash it; a look at everything, and `verify`, do."""
    first = signed(log, 3)
    with cheating(url) as cheat:
        cheat.edit_leaf(5, time=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert first == scan(log, KINDS, since=first)
    with pytest.raises(Tampered):
        scan(log, KINDS)
    assert {5} <= {fault.seq for fault in verify(log, vkey=signer.vkey).faults}


def test_a_memory_of_another_log_is_not_believed(log: Log, tmp_path: Path, signer: NoteSigner) -> None:
    """Nor of a longer one: everything is looked through, and that decides."""
    with (
        opened(f"sqlite:///{tmp_path}/other.db") as engine,
        Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer, clock=TestClock()) as other,
    ):
        longer = signed(other, 5, size=30)
        shorter = Looked(NOTHING.tree.extended([bytes(32)] * 4), bytes(32), {})
    here = signed(log, 3)
    for since in (longer, shorter):
        found = scan(log, KINDS, since=since)
        assert (here, 0) == (found, found.began)


def test_what_this_process_appends_is_noted(log: Log) -> None:
    """In whatever order its threads come to tell it."""
    signed(log, 3)
    watched = Watched(log, KINDS)
    one = log.append([draft(12, kind="signature")])
    two = log.append([draft(13), draft(14, kind="signature")])
    watched.note(two)
    assert 12 == watched.size
    watched.note(one)
    assert 15 == watched.size
    assert scan(log, KINDS) == watched.looked()
    assert [12, 14] == [n for n, _ in watched.of(KINDS, after=3)]
    assert [12] == [n for n, _ in watched.of(KINDS, after=3, until=13)]


def test_what_others_appended_is_looked_at_when_it_is_asked_for(
    log: Log, engine: Engine, url: str, signer: NoteSigner
) -> None:
    """By its leaf, not by the search's table, out of which it may have been taken."""
    watched = Watched(log, KINDS)
    with Log.open(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer, clock=TestClock()) as other:
        other.append([draft(0, kind="signature"), draft(1)])
    with cheating(url) as cheat:
        cheat.connection.execute(delete(TERMS))
    watched.note(log.append([draft(2, kind="signature")]))
    assert [0, 2] == [n for n, _ in watched.of(KINDS)]
    assert scan(log, KINDS) == watched.looked()
