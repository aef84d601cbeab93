"""What an MOU's own keys ask of its signatures: who, how many, in which order; and when a withdrawal takes effect."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from governance.model.mou import AtLeast, Mou
from governance.model.names import Who
from governance.model.period import after, day_of, start_of
from governance.register.records import Signed

__all__ = ["Needed", "before_turn", "departure_at", "members", "missing"]


@dataclass(frozen=True, slots=True)
class Needed:
    """What a rule still needs: `missing` parties, of whom `count` must sign."""

    count: int
    missing: tuple[str, ...]


def members(mou: Mou, who: Who) -> tuple[str, ...]:
    """The parties that a `<who>` speaks of, in the document's order."""
    if who == "everyone":
        return tuple(p.id for p in mou.parties)
    roles, parties = set(who.roles or ()), set(who.parties or ())
    return tuple(p.id for p in mou.parties if p.role in roles or p.id in parties)


def missing(mou: Mou, required: str | AtLeast, signed: Mapping[str, Signed], gone: frozenset[str]) -> Needed:
    """What a rule still needs, with these signatures and without the parties that are gone."""
    who = members(mou, required.of if isinstance(required, AtLeast) else "everyone")
    asked = [p for p in who if p not in gone]
    absent = tuple(p for p in asked if p not in signed)
    least = required.at_least if isinstance(required, AtLeast) else len(asked)
    return Needed(max(0, least - (len(asked) - len(absent))), absent)


def before_turn(mou: Mou, party: str, signed: Mapping[str, Signed], declined: Mapping[str, Signed]) -> tuple[str, ...]:
    """The parties of earlier groups that must speak before `party`: sign, or, where not all must sign, decline."""
    if mou.signing.order == "any":
        return ()
    index = next((i for i, group in enumerate(mou.signing.order) if party in group), 0)
    required = mou.signing.required
    counts = members(mou, required.of if isinstance(required, AtLeast) else "everyone")
    spoken = set(signed) | (set(declined) if isinstance(required, AtLeast) else set())
    return tuple(p for group in mou.signing.order[:index] for p in group if p in counts and p not in spoken)


def departure_at(mou: Mou, time: dt.datetime) -> dt.datetime:
    """When a withdrawal given at `time` takes effect: at once, or after the last whole day of its notice."""
    if mou.withdrawal is None or mou.withdrawal.notice is None:
        return time
    last = after(day_of(time, mou.zone), mou.withdrawal.notice)
    return start_of(last + dt.timedelta(days=1), mou.zone)
