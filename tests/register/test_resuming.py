"""After a restore nothing is decided until an administrator's statement about that very restore stands in the log."""

from __future__ import annotations

import pytest

from audit import Draft, Entry
from governance.errors import EngineUnavailable
from governance.signing.statement import Resumption
from tests.agreement_world import Call, Person, World, nonce


@pytest.fixture
def world() -> World:
    """Everybody has signed, and then the service was restored."""
    return World().signed()


def restored(world: World) -> Entry:
    return world.log.append([Draft("continuation", {"origin": "x/log", "size": 3, "missing": None})])[0]


def said(world: World, entry: Entry, by: Person) -> Call:
    values = {"time": world.clock.now(), "continuation": entry.leaf_hash.hex()}
    return by.signs(Resumption(**values, reason="all were asked", nonce=nonce()))


def stopped(world: World) -> bool:
    """Whether nothing would be decided."""
    try:
        world.agreements.policies.refresh()
    except EngineUnavailable as error:
        return error.reason == "restore-unconfirmed"
    return False


def why(world: World) -> list[tuple[int, str]]:
    return [(f.seq, f.reason) for f in world.register.failures() if f.kind == "resumption"]


def test_it_is_confirmed_once(world: World) -> None:
    """By an administrator; a later restore has to be confirmed anew."""
    entry = restored(world)
    assert stopped(world)
    data, jws = said(world, entry, world.admin)
    world.agreements.resuming.confirm(world.admin, data, jws)
    assert (False, None) == (stopped(world), world.register.interrupted)
    assert [] == why(world)
    later = restored(world)
    assert (True, later.seq) == (stopped(world), world.register.interrupted.place.seq)  # type: ignore[union-attr]
    # The old word, copied behind the new restore, is about the old one, and was said before.
    copy = world.insert("resumption", (data, jws))
    assert [(copy.seq, "stated-twice")] == why(world)
    assert stopped(world)


def test_nobody_else_confirms(world: World) -> None:
    """Not a party, not a stranger, not whoever writes to the database."""
    entry = restored(world)
    north, stranger = world.people["north"], Person("north")
    made = [world.insert("resumption", said(world, entry, who)) for who in (north, stranger)]
    data, jws = said(world, entry, world.admin)
    made.append(world.insert("resumption", (data.replace(b"all were", b"all are."), jws)))
    assert [m.seq for m in made] == [seq for seq, _ in why(world)]
    assert stopped(world)


def test_of_another_restore(world: World) -> None:
    """A statement names the entry that it is about; one that was made before it says nothing of it."""
    first, second = restored(world), restored(world)
    early = world.insert("resumption", said(world, first, world.admin))
    assert [(early.seq, "no-such-restore")] == why(world)
    assert stopped(world)
    world.agreements.resuming.confirm(world.admin, *said(world, second, world.admin))
    assert not stopped(world)


def test_a_restore_that_was_spoilt(world: World) -> None:
    """Whoever changes the entry does not win by it."""
    entry = restored(world)
    world.log.spoil(entry.seq)
    world.agreements.book.reread()
    with pytest.raises(EngineUnavailable) as raised:
        world.agreements.policies.refresh()
    assert "log-tampered" == raised.value.reason
