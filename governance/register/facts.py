"""The facts that decisions hang on, ready to be picked for one request (language, Acknowledgement, Approval).

Signing a version acknowledges every duty in it that asks a party to acknowledge its purpose, on the local day of the
signature. A withdrawal is no fact any more once its party has signed anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from governance.model.access import Acknowledged, Approved, Facts, Overdue, Request, Withdrawn
from governance.model.clauses import Clause
from governance.model.mou import Mou
from governance.model.period import after, day_of, start_of
from governance.register.counting import Key, acknowledged, acknowledgement_duties, mark_failure
from governance.register.keyring import Keyring
from governance.register.records import DutyMark, Failure, Signed
from governance.register.reviews import approvers, current
from governance.register.rules import members
from governance.register.signings import Life, VersionState
from governance.signing.review import request_digest

__all__ = ["FactBook", "due_days"]

_T = TypeVar("_T")


def due_days(mou: Mou, clause: Clause, party: str, last: dt.date | None) -> tuple[dt.date, dt.date] | None:
    """When a party's next acknowledgement is due, and the day from which it is overdue; None where it owes none."""
    duty = clause.duty
    if duty is None or duty.every is None or party not in members(mou, duty.of):
        return None
    due = after(max(mou.effective, last or mou.effective), duty.every)
    return due, (after(due, duty.grace) if duty.grace is not None else due) + dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Reviewed:
    """A permit with `review`, with what is looked at first."""

    mou: Mou
    clause: Clause
    start: dt.datetime
    to: frozenset[str]


@dataclass(frozen=True, slots=True)
class FactBook:
    """All facts, by what a request is looked up with."""

    versions: Mapping[str, tuple[VersionState, ...]]  # established, by MOU, lowest version first
    datasets: Mapping[str, tuple[str, ...]]  # the MOUs that define a dataset, in any established version
    acknowledged: Mapping[str, tuple[Acknowledged, ...]]  # by party
    withdrawn: Mapping[str, tuple[Withdrawn, ...]]  # by MOU
    overdue: frozenset[Key]
    reviewed: Mapping[str, tuple[_Reviewed, ...]]  # permits with `review`, by dataset
    reviews: Mapping[str, tuple[Signed, ...]]
    keyring: Keyring

    @classmethod
    def of(
        cls,
        lives: Mapping[str, Life],
        keyring: Keyring,
        acknowledgements: Sequence[Signed],
        reviews: Mapping[str, tuple[Signed, ...]],
        duties: Sequence[DutyMark],
    ) -> FactBook:
        """Everything that the register's records amount to."""
        days = dict(_by_signing(lives))
        for signed in acknowledgements:
            found = acknowledged(signed, lives.get(signed.text("mou")), keyring)
            if not isinstance(found, Failure):
                key, day = found
                days[key] = max(day, days.get(key, day))
        overdue: set[Key] = set()
        for mark in duties:
            if mark_failure(mark, keyring) is None:
                (overdue.add if mark.overdue else overdue.discard)(mark.key)
        by_party: dict[str, list[Acknowledged]] = {}
        for (mou, clause, party), day in sorted(days.items()):
            by_party.setdefault(party, []).append(Acknowledged(mou=mou, clause=clause, party=party, on=day))
        documents = [v.mou for life in lives.values() for v in life.established if v.mou is not None]
        return cls(
            versions={i: life.established for i, life in lives.items()},
            datasets=_grouped((d, m.id) for m in documents for d in m.datasets),
            acknowledged={p: tuple(found) for p, found in by_party.items()},
            withdrawn={
                i: tuple(Withdrawn(mou=i, party=d.party, at=d.at) for d in life.departures)
                for i, life in lives.items()
                if life.departures
            },
            overdue=frozenset(overdue),
            reviewed=_grouped(
                (c.permit.data, _Reviewed(m, c, start_of(m.effective, m.zone), frozenset(members(m, c.permit.to))))
                for m in documents
                for c in m.clauses
                if c.permit and c.permit.review
            ),
            reviews=reviews,
            keyring=keyring,
        )

    def facts(self, request: Request) -> tuple[Facts, dt.datetime | None]:
        """The facts for one request, and the next instant at which time alone would change them."""
        mous = self.datasets.get(request.dataset, ())
        approved, until = self._approved(request)
        facts = Facts(
            acknowledged=tuple(a for a in self.acknowledged.get(request.party, ()) if a.mou in mous),
            approved=approved,
            withdrawn=tuple(w for m in mous for w in self.withdrawn.get(m, ())),
            overdue=tuple(
                Overdue(mou=m, clause=c, party=p)
                for m, c, p in sorted(self.overdue)
                if p == request.party and m in mous
            )
            if self.overdue
            else (),
        )
        return facts, until

    def _approved(self, request: Request) -> tuple[tuple[Approved, ...], dt.datetime | None]:
        found: dict[str, dict[str, bool]] = {}
        until: dt.datetime | None = None
        for r in self.reviewed.get(request.dataset, ()):
            if r.start > request.at or request.party not in r.to:
                continue
            gone = {w.party for w in self.withdrawn.get(r.mou.id, ()) if w.at <= request.at}
            who = approvers(r.mou, r.clause, request, gone)
            by, ends = self._approvals(request, r) if self.reviews else (frozenset[str](), None)
            # A higher version's answer replaces a lower one's: documents are in order of their versions.
            found.setdefault(r.mou.id, {})[r.clause.id] = who is not None and who.satisfied(by)
            if ends is not None:
                until = min(ends, until) if until else ends
        approved = tuple(
            Approved(party=request.party, mou=mou, under=clause)
            for mou, answers in found.items()
            for clause, yes in answers.items()
            if yes
        )
        return approved, until

    def _approvals(self, request: Request, r: _Reviewed) -> tuple[frozenset[str], dt.datetime | None]:
        digest = request_digest(request, mou=r.mou.id, under=r.clause.id)
        said = [s for s in self.reviews.get(digest, ()) if self._clause_at(r.mou.id, r.clause.id, s) == r.clause]
        return current(said, self.keyring, request.at)

    def _clause_at(self, mou_id: str, clause_id: str, signed: Signed) -> Clause | None:
        """The clause as it stood when an approval was given: an approval is not carried over to other words."""
        begun = [
            v.mou
            for v in self.versions.get(mou_id, ())
            if v.mou is not None
            and v.since.seq < signed.place.seq
            and start_of(v.mou.effective, v.mou.zone) <= signed.place.time
        ]
        return next((c for c in begun[-1].clauses if c.id == clause_id), None) if begun else None

    def last_acknowledged(self, mou: str, clause: str, party: str) -> dt.date | None:
        """The last local day, from signing or from an acknowledgement of its own."""
        return next((a.on for a in self.acknowledged.get(party, ()) if (a.mou, a.clause) == (mou, clause)), None)


def _by_signing(lives: Mapping[str, Life]) -> Iterator[tuple[Key, dt.date]]:
    days: dict[Key, dt.date] = {}
    for mou_id, life in lives.items():
        for version in life.established:
            if version.mou is None:
                continue
            for signed in version.every_signature:
                party, day = signed.party, day_of(signed.place.time, version.mou.zone)
                for clause in acknowledgement_duties(version.mou):
                    if clause.duty is not None and party in members(version.mou, clause.duty.of):
                        key = (mou_id, clause.id, party)
                        days[key] = max(day, days.get(key, day))
    return iter(days.items())


def _grouped(pairs: Iterable[tuple[str, _T]]) -> dict[str, tuple[_T, ...]]:
    groups: dict[str, list[_T]] = {}
    for name, value in pairs:
        group = groups.setdefault(name, [])
        if value not in group:
            group.append(value)
    return {name: tuple(group) for name, group in groups.items()}
