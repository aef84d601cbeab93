"""Which duties are overdue and block a request (language, The decision, 3, and *Acknowledgement*; R10–R12)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from governance.compiler.reference.days import end, later, start, within
from governance.compiler.reference.seen import Seen
from governance.model.clauses import Clause, Duty

__all__ = ["acknowledged_on", "blocks", "overdue", "overdue_from", "reckoned"]


def reckoned(duty: Duty) -> bool:
    """An acknowledgement that comes round is reckoned here; any other duty is overdue by a recorded fact (R10)."""
    return duty.action == "acknowledge-purpose" and duty.every is not None


def acknowledged_on(seen: Seen, clause: Clause) -> Iterator[dt.date]:
    """The days on which the requester acknowledged under this clause, whenever."""
    for fact in seen.facts.acknowledged:
        if (fact.mou, fact.clause, fact.party) == (seen.mou.id, clause.id, seen.request.party):
            yield fact.on


def overdue_from(seen: Seen, duty: Duty, counted_from: dt.date) -> dt.datetime:
    """The first instant at which a reckoned duty is overdue: the day after due day and grace have run out."""
    last = counted_from
    for period in (duty.every, duty.grace):
        if period is not None:
            last = later(last, period)
    return end(last, seen.mou.zone)


def overdue(seen: Seen, clause: Clause) -> bool:
    """The requester has not done what the duty asks for, in time."""
    duty = clause.duty
    if duty is None:
        return False
    if not reckoned(duty):
        here = (seen.mou.id, clause.id, seen.request.party)
        return any((f.mou, f.clause, f.party) == here for f in seen.facts.overdue)
    at, zone = seen.request.at, seen.mou.zone
    done = [day for day in acknowledged_on(seen, clause) if start(day, zone) <= at]
    return at >= overdue_from(seen, duty, max([seen.mou.effective, *done]))


def blocks(seen: Seen, clause: Clause) -> bool:
    """The duty is the requester's, binds now, is overdue, and refuses this request."""
    duty = clause.duty
    if duty is None or duty.blocking == "none" or seen.request.party not in seen.who(duty.of):
        return False
    if duty.blocking == "others" and seen.rows <= {seen.request.party}:
        return False
    return within(clause.valid, seen.request.at, seen.mou.zone) and overdue(seen, clause)
