"""Which permits may be open to a requester, and whose rows and which fields a clause speaks of.

An outline only, from the documents alone: it knows no facts, so a permit here may turn out closed. It decides nothing;
it says where looking is worth a question.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from governance.model.access import Request
from governance.model.clauses import Clause, Consent, Permit, Prohibit
from governance.model.mou import Dataset, Mou
from governance.model.names import FieldClasses, Fields, Rows, View, Who
from governance.model.period import start_of

__all__ = ["VIEWS", "OpenPermit", "open_permits"]

VIEWS: tuple[View, ...] = ("identified", "pseudonymised", "aggregate")  # the most revealing first
DAY = dt.timedelta(days=1)
Choice = tuple[Rows, tuple[str, ...] | None]


@dataclass(frozen=True, eq=False)
class OpenPermit:
    """A clause, the permit looked at or one in its way, as one requester sees it."""

    mou: Mou
    clause: Clause
    dataset: Dataset
    party: str

    @classmethod
    def of(cls, mou: Mou, clause: str, request: Request) -> OpenPermit:
        """The clause of that id."""
        found = next(c for c in mou.clauses if c.id == clause)
        return cls(mou, found, mou.datasets[request.dataset], request.party)

    @property
    def _rule(self) -> Permit | Prohibit | Consent:
        return self.clause.permit or self.clause.prohibit or self.clause.consent or Prohibit()

    @property
    def view(self) -> View:
        """A permit's most revealing view."""
        return self.clause.permit.view if self.clause.permit is not None else "identified"

    @property
    def names_fields(self) -> bool:
        """Whether it speaks of some fields, not of whatever is asked for."""
        return self._rule.fields is not None

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it speaks of."""
        return _fields(self.dataset, self._rule.fields)

    def fields_in(self, view: View) -> frozenset[str]:
        """Those that may be seen in that view: no identifier is pseudonymised."""
        if view != "pseudonymised":
            return self.fields
        return frozenset(n for n in self.fields if self.dataset.fields[n].class_ != "identifier")

    @property
    def contributors(self) -> frozenset[str]:
        """Those whose rows it speaks of; a duty blocks those of others."""
        chosen = self._selected(self._rule.rows or ("all" if self.clause.duty is None else "others"))
        return chosen if self._rule.from_ is None else chosen & _members(self.mou, self._rule.from_)

    def _selected(self, rows: Rows) -> frozenset[str]:
        everyone, own = _members(self.mou, self.dataset.contributors), frozenset({self.party})
        return everyone & own if rows == "own" else everyone - own if rows == "others" else everyone

    def rows_of(self, request: Request) -> frozenset[str]:
        """Whose rows the request asks for."""
        chosen = self._selected(request.rows)
        return chosen if request.from_ is None else chosen & frozenset(request.from_)

    def choices(self, request: Request) -> Iterator[Choice]:
        """Rows to ask for: those of the request, those of them that it speaks of, own ones, all that it can."""
        yield request.rows, request.from_
        both = self.rows_of(request) & self.contributors
        if both and both != {self.party}:
            yield request.rows, tuple(sorted(both))
        if self.party in self.contributors:
            yield "own", None
        widest: Rows = self._rule.rows or "all"
        if self.contributors:
            yield widest, None if self._rule.from_ is None else tuple(sorted(self.contributors))

    def lifted_without(self, mous: Iterable[Mou], request: Request) -> list[OpenPermit]:
        """Prohibitions that other permits lift, and this one does not: it can't be a basis where they touch."""
        return [
            OpenPermit(mou, clause, mou.datasets[request.dataset], self.party)
            for mou in mous
            if request.dataset in mou.datasets
            for clause in mou.clauses
            if clause.prohibit is not None
            and clause.prohibit.except_
            and (mou is not self.mou or self.clause.id not in clause.prohibit.except_)
        ]


def open_permits(request: Request, mous: Sequence[Mou]) -> Iterator[OpenPermit]:
    """Permits to the requester on the dataset, for the purpose, at the instant, of the MOU and clause relied on."""
    terms = {request.purpose} | {
        mou.purposes[request.purpose].dpv or request.purpose for mou in mous if request.purpose in mou.purposes
    }
    for mou in sorted(mous, key=lambda m: (m.effective, m.id, m.version)):
        if request.dataset not in mou.datasets or request.mou not in (None, mou.id):
            continue
        if not _inside(request.at, mou, mou.effective, mou.expires):
            continue
        for clause in mou.clauses:
            permit, valid = clause.permit, clause.valid
            if (
                permit is not None
                and request.under in (None, clause.id)
                and permit.data == request.dataset
                and request.party in _members(mou, permit.to)
                and _for_purpose(mou, permit, request.purpose, terms)
                and (valid is None or _inside(request.at, mou, valid.from_, valid.until))
            ):
                yield OpenPermit(mou, clause, mou.datasets[request.dataset], request.party)


def _inside(at: dt.datetime, mou: Mou, first: dt.date | None, last: dt.date | None) -> bool:
    begun = first is None or start_of(first, mou.zone) <= at
    return begun and (last is None or at < start_of(last + DAY, mou.zone))


def _for_purpose(mou: Mou, permit: Permit, purpose: str, terms: set[str]) -> bool:
    nodes = [purpose] if purpose in mou.purposes else [n for n, node in mou.purposes.items() if node.dpv in terms]
    return any(set(permit.purpose) & set(_upwards(mou, node)) for node in nodes)


def _upwards(mou: Mou, purpose: str) -> list[str]:
    found: list[str] = []
    at: str | None = purpose
    while at is not None and at not in found:
        found.append(at)
        at = mou.purposes[at].broader if at in mou.purposes else None
    return found


def _members(mou: Mou, who: Who) -> frozenset[str]:
    if who == "everyone":
        return frozenset(p.id for p in mou.parties)
    return frozenset(p.id for p in mou.parties if p.role in (who.roles or ()) or p.id in (who.parties or ()))


def _fields(dataset: Dataset, fields: Fields | None) -> frozenset[str]:
    if fields is None or fields == "all":
        return frozenset(dataset.fields)
    if isinstance(fields, FieldClasses):
        return frozenset(n for n, field in dataset.fields.items() if field.class_ in fields.classes)
    return frozenset(fields) & frozenset(dataset.fields)
