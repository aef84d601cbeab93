"""What the tests of the register ask of a world."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from governance.errors import AccordantError
from governance.register import VersionState
from governance.signing.statement import Revocation
from tests.agreement_world import Person, World

__all__ = ["entry_of", "in_force", "reasons", "refused", "revocation", "version_of"]


def in_force(world: World) -> tuple[str, ...]:
    """The documents that the compiler gets, from the log's bytes as they are now."""
    return tuple(m.ref for m in world.register.in_force_documents())


def reasons(world: World, mou: str = "small") -> list[tuple[int, str, str | None]]:
    """What fails about an MOU: entry, reason, party."""
    return [(f.seq, f.reason, f.party) for f in world.register.failures_of(mou)]


def entry_of(world: World, kind: str, n: int = 0) -> int:
    """The number of the n-th entry of a kind."""
    return [e.seq for e in world.log.rows if e.kind == kind][n]


def refused(call: Any, *args: Any, **kwargs: Any) -> str:
    """The reason for which a use case says no; it must leave no entry."""
    with pytest.raises(AccordantError) as caught:
        call(*args, **kwargs)
    return caught.value.reason


def version_of(world: World, number: int = 1) -> VersionState:
    """A version of `small`, as the log says now."""
    life = world.register.life("small")
    assert life is not None
    found = life.version(number)
    assert found is not None
    return found


def revocation(world: World, key: Person, since: dt.datetime) -> Any:
    """The statement that ends a key."""
    return Revocation(time=world.clock.now(), fingerprint=key.fingerprint, reason="stolen", compromised_since=since)
