"""Consents: a file's records become an entry and rows in one transaction, and answer who consents to a request.

A record counts when its dataset, fields, recipient and days include the request's and its purpose is the request's or
above it (language, Consent). A withdrawal counts from the next request on.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from audit import Draft, Entry, Part
from governance.consent_file import parse
from governance.errors import InputWrong
from governance.model.access import Decision, Request
from governance.model.consent import ConsentRecord
from governance.model.mou import Mou
from governance.model.names import FieldClasses, Fields
from governance.model.period import day_of
from governance.ports import Clock, Journal

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ConsentStore", "Consents", "Needed"]

# Records an entry: a body stays small enough to be opened whole.
_AN_ENTRY = 2_000


def recorded(record: ConsentRecord) -> dict[str, Any]:
    """A record as the log keeps it, under its subject's key."""
    return record.model_dump(mode="json", by_alias=True, exclude_defaults=True)


class ConsentStore(Protocol):
    """Where consent records are kept. Safe from any thread."""

    def put(self, connection: Any, records: Sequence[ConsentRecord], *, entry: int) -> None:
        """Adds records in the caller's transaction."""
        ...

    def active(
        self,
        *,
        contributor: str,
        dataset: str,
        recipient: str,
        purposes: Collection[str],
        related: Collection[str],
        fields: Collection[str],
        day: dt.date,
    ) -> pa.Table:
        """One column `subject`: who consents."""
        ...

    def counted(self, *, contributor: str) -> dict[str, int]:
        """Records by status."""
        ...

    def listed(self, *, contributor: str, subject: str | None = None, limit: int = 1000) -> tuple[ConsentRecord, ...]:
        """Records, newest first."""
        ...


def _chain(mou: Mou, start: str) -> list[str]:
    """A purpose and every purpose above it; a cycle, which `check` refuses, ends it."""
    found: list[str] = []
    here: str | None = start
    while here is not None and here in mou.purposes and here not in found:
        found.append(here)
        here = mou.purposes[here].broader
    return found


def _nodes(mou: Mou, purpose: str, documents: Collection[Mou]) -> list[str]:
    """Where a request's purpose stands in this MOU's tree (decisions, R2)."""
    if purpose in mou.purposes:
        return [purpose]
    terms = {purpose} | {d.purposes[purpose].dpv for d in documents if purpose in d.purposes}
    return [name for name, node in mou.purposes.items() if node.dpv is not None and node.dpv in terms]


def _fields(fields: Fields | None, mou: Mou, request: Request) -> frozenset[str]:
    asked = frozenset(request.all_fields)
    if fields is None or fields == "all":
        return asked
    if isinstance(fields, FieldClasses):
        known = mou.datasets[request.dataset].fields
        return frozenset(name for name in asked if name in known and known[name].class_ in fields.classes)
    return asked & frozenset(fields)


@dataclass(frozen=True, slots=True)
class _Need:
    """One consent clause's question: which purposes and which fields a record must name."""

    contributors: frozenset[str]
    purposes: frozenset[str]
    related: frozenset[str]
    fields: frozenset[str]
    day: dt.date


@dataclass(frozen=True, slots=True)
class Needed:
    """`disclosure`'s ConsentSource for one request: who meets every consent clause that touches it."""

    store: ConsentStore
    needs: tuple[_Need, ...]
    dataset: str
    recipient: str

    def active(self, contributor: str) -> pa.Table:
        """One column `subject`."""
        tables = [
            self.store.active(
                contributor=contributor,
                dataset=self.dataset,
                recipient=self.recipient,
                purposes=need.purposes,
                related=need.related,
                fields=need.fields,
                day=need.day,
            )
            for need in self.needs
            if contributor in need.contributors
        ]
        result = tables[0]
        for table in tables[1:]:
            result = result.join(table, "subject", join_type="inner")
        return result


class Consents:
    """Imports, lists and answers. Safe from any thread."""

    def __init__(
        self, *, journal: Journal, clock: Clock, store: ConsentStore, documents: Callable[[], Sequence[Mou]]
    ) -> None:
        self._journal, self._clock, self._store, self._documents = journal, clock, store, documents

    def bring_in(self, content: bytes, *, party: str, person: str) -> dict[str, Any]:
        """A file's records, all or none. Raises DocumentWrong with a fault a row."""
        mine = [m for m in self._documents() if party in {p.id for p in m.parties}]
        if not mine:
            raise InputWrong(f"`{party}` is party to no MOU yet", reason="no-mou", field="party")
        records = parse(content, contributor=party, documents=mine)
        digest = hashlib.sha256(content).hexdigest()
        parts = [records[i : i + _AN_ENTRY] for i in range(0, len(records), _AN_ENTRY)]
        drafts = [
            Draft(
                "consent",
                {
                    "party": party,
                    "person": person,
                    "file_sha256": digest,
                },
                (party,),
                {"party": party},
                subjects={party: sorted({r.subject for r in part})},
                parts=tuple(Part(party, r.subject, recorded(r)) for r in part),
            )
            for part in parts
        ]

        def within(connection: Any, entries: Sequence[Entry]) -> None:
            for part, entry in zip(parts, entries, strict=True):
                self._store.put(connection, part, entry=entry.seq)

        entries = self._journal.append(drafts, within=within)
        return {
            "records": len(records),
            "given": sum(r.status == "given" for r in records),
            "withdrawn": sum(r.status == "withdrawn" for r in records),
            "subjects": len({r.subject for r in records}),
            "entry": entries[0].seq,
        }

    def counted(self, *, party: str) -> dict[str, int]:
        """How many of the party's records say what."""
        return self._store.counted(contributor=party)

    def listed(self, *, party: str, subject: str | None) -> tuple[ConsentRecord, ...]:
        """The party's records, newest first."""
        return self._store.listed(contributor=party, subject=subject)

    def needed(self, request: Request, decision: Decision, *, version: Callable[[str, int], Mou]) -> Needed | None:
        """Who consents to what the decision permits; None where no consent is asked for."""
        if decision.obligations is None or not decision.obligations.consent:
            return None
        needs = []
        for need in decision.obligations.consent:
            mou = version(need.clause.mou, need.clause.version)
            clause = next(c for c in mou.clauses if c.id == need.clause.clause)
            assert clause.consent is not None  # noqa: S101 — what a decision cites as consent is one
            nodes = _nodes(mou, request.purpose, self._documents())
            above = frozenset(p for node in nodes for p in _chain(mou, node))
            below = frozenset(p for p in mou.purposes if set(_chain(mou, p)) & set(nodes))
            needs.append(
                _Need(
                    frozenset(need.contributors),
                    above | {request.purpose},
                    above | below | {request.purpose},
                    _fields(clause.consent.fields, mou, request),
                    day_of(request.at, mou.zone),
                )
            )
        return Needed(self._store, tuple(needs), request.dataset, request.party)
