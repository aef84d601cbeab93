"""The next moment at which time alone could change the answer (R14).

For every document that defines the dataset: the ends of its days, of each clause's `valid`, every withdrawal from it,
and, inside its days, what an acknowledgement moves. A version that no longer defines the dataset still replaces the
one that does, so where it begins counts too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from governance.compiler.reference.days import NEVER, end, start
from governance.compiler.reference.duties import acknowledged_on, overdue_from, reckoned
from governance.compiler.reference.seen import Given, Seen
from governance.model.access import Facts, Request
from governance.model.names import Who

__all__ = ["valid_until"]


def valid_until(given: Given, request: Request, facts: Facts) -> dt.datetime | None:
    """The earliest such instant later than the request's; None where there is none."""
    moments: set[dt.datetime] = set()
    for seen in given.seen_by(request, facts):
        moments.update(_moments(seen))
        moments.update(start(m.effective, m.zone) for m in given.versions[seen.mou.id])
    return min((m for m in moments if request.at < m < NEVER), default=None)


def _moments(seen: Seen) -> Iterator[dt.datetime]:
    mou, zone = seen.mou, seen.mou.zone
    yield end(mou.expires, zone)
    for valid in (c.valid for c in mou.clauses if c.valid is not None):
        if valid.from_ is not None:
            yield start(valid.from_, zone)
        if valid.until is not None:
            yield end(valid.until, zone)
    yield from (w.at for w in seen.facts.withdrawn if w.mou == mou.id)
    first, last = start(mou.effective, zone), end(mou.expires, zone)
    yield from (m for m in _acknowledgements(seen) if first < m < last)


def _acknowledgements(seen: Seen) -> Iterator[dt.datetime]:
    for clause in seen.mou.clauses:
        duty = clause.duty
        if duty is None or not reckoned(duty) or not _names(seen, duty.of):
            continue
        days = list(acknowledged_on(seen, clause))
        yield from (start(day, seen.mou.zone) for day in days)
        counted = [seen.mou.effective, *(day for day in days if day >= seen.mou.effective)]
        yield from (overdue_from(seen, duty, day) for day in counted)


def _names(seen: Seen, who: Who) -> bool:
    """The `<who>` names the requester, withdrawn or not."""
    role = next((p.role for p in seen.mou.parties if p.id == seen.request.party), None)
    if role is None or who == "everyone":
        return role is not None
    return role in (who.roles or ()) or seen.request.party in (who.parties or ())
