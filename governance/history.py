"""The access history: who may search it, and that a search is itself recorded.

An administrator sees every body; anybody else sees the entries that their party may read. Leaves hold no personal
data and are for everybody.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit import Details, Draft, Entry
from audit.leaf import FIRST, Leaf
from governance.enrolled import KINDS as SOURCES
from governance.errors import InputWrong, NotFound
from governance.naming import Known
from governance.ports import Journal
from governance.register import KINDS as REGISTER

__all__ = ["FILTERS", "KINDS", "OUTCOMES", "Counted", "History", "Page", "Standing", "shown"]

# What may be searched by; everything but `subject` is answered from the log's index.
FILTERS = ("kind", "party", "connector", "purpose", "dataset", "outcome", "clause", "mou", "subject", "since", "until")
# What stands in a log: a typing mistake must not look like "nobody saw it".
KINDS = REGISTER | SOURCES | {
    "alarm-settled", "consent", "disclosure", "erasure", "evidence", "export", "genesis", "hold", "log-key",
    "not-authentic", "order-refused", "release", "release-hold", "request", "search", "sign-in", "sign-out",
    "witness-policy",
}  # fmt: skip
OUTCOMES = frozenset({"bad-signature", "deny", "gap", "invalid", "permit", "replay", "review", "unavailable"})
_KNOWN = {"kind": KINDS, "outcome": OUTCOMES}
_PAGE = 1000
# A picture counts at most so many requests: it is made while somebody waits.
_COUNTED = 20_000
# A page without looks at the log passes over at most so many of them before it says so.
_PASSED_OVER = 5_000
# What a request brought about is recorded soon after it.
_ACCOUNT = dt.timedelta(hours=1)
_SOON = dt.timedelta(microseconds=1)  # `until` is the first instant that is too late


def shown(entry: Entry, details: Details | None = None) -> dict[str, Any]:
    """An entry as JSON: its leaf's text, its hash, and the opening of its body, or under which entry it was erased.

    With `details` also what it says of single clients: who stands behind a handle, and the parts that are left.
    """
    if entry.erased is not None:
        more: dict[str, Any] = {"erased": entry.erased}
    elif details is None or not (details.subjects or details.parts):
        more = {}
    else:
        parts = [None if p is None else {"salt": p.salt.hex(), "value": p.value} for p in details.parts]
        more = {"clients": dict(details.subjects), "parts": parts}
    return more | {
        "seq": entry.seq,
        "kind": entry.kind,
        "time": entry.time.isoformat().replace("+00:00", "Z"),
        "leaf": entry.leaf.decode(),
        "leaf_hash": entry.leaf_hash.hex(),
        "salt": entry.salt.hex(),
        "body": entry.body,
        "readers": list(entry.readers),
    }


def _instant(name: str, text: str) -> dt.datetime:
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InputWrong(f"`{text}` is not a day or an instant such as 2026-11-02T12:00:00Z", field=name) from None
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an entry stands: its bytes hash to `leaf_hash`, and name the hash of the leaf before it."""

    leaf: str
    leaf_hash: str
    body_hash: str
    previous: str
    chained: bool
    size: int
    root: str
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Requests by (day, party, outcome); `complete` is false where there were more than are counted."""

    figures: Mapping[tuple[str, str, str], int]
    complete: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first; `older`: the number before which the next page begins, None where these are the oldest."""

    entries: tuple[Entry, ...]
    older: int | None


@dataclass(frozen=True, slots=True)
class History:
    """Searches and openings of the log, for a caller of whom it is known who it is."""

    journal: Journal
    clients: Known

    def search(
        self, *, party: str, administrator: bool, wanted: Mapping[str, str], limit: int, before: int | None = None
    ) -> tuple[Entry, ...]:
        """Entries, newest first; the search itself becomes an entry before anything is returned."""
        found = self._found(wanted, limit=limit, before=before, reader=None if administrator else party)
        self._record(party, wanted, len(found))
        return found

    def page(
        self,
        *,
        party: str,
        administrator: bool,
        wanted: Mapping[str, str],
        size: int,
        before: int | None = None,
        looks: bool = False,
    ) -> Page:
        """A page for people: without `looks`, entries of looks at the log stand aside, unless a kind is asked for.

        They are no secret, and every page that is looked at makes one: they would bury what people look for.
        """
        every = looks or "kind" in wanted
        found: list[Entry] = []
        examined, more = 0, True
        while more and len(found) <= size and examined < _PASSED_OVER:
            limit = size + 1 if every else 4 * size
            some = self._found(wanted, limit=limit, before=before, reader=None if administrator else party)
            found += [e for e in some if every or e.kind != "search"]
            examined, more = examined + len(some), len(some) == limit
            before = some[-1].seq if some else before
        self._record(party, wanted, len(found[:size]))
        older = found[size - 1].seq if len(found) > size else before if more else None
        return Page(tuple(found[:size]), older)

    def count(self, *, party: str, administrator: bool, wanted: Mapping[str, str]) -> Counted:
        """Requests by day (UTC), party and outcome; one search, and so one entry."""
        reader = None if administrator else party
        asked = {**wanted, "kind": "request"}
        figures: Counter[tuple[str, str, str]] = Counter()
        before: int | None = None
        while sum(figures.values()) < _COUNTED:
            some = self._found(asked, limit=_PAGE, before=before, reader=reader)
            for entry in some:
                if entry.erased is not None:
                    continue  # of whom it was is not known any more
                body = entry.body
                figures[entry.time.date().isoformat(), str(body.get("party")), str(body.get("outcome"))] += 1
            if len(some) < _PAGE:
                break
            before = some[-1].seq
        total = sum(figures.values())
        self._record(party, asked, total)
        return Counted(dict(figures), total < _COUNTED)

    def account(self, request: Entry, *, party: str, administrator: bool) -> tuple[Entry, ...]:
        """What a request brought about, oldest first, as far as the caller may see: disclosures and releases."""
        call, asked_by = request.body.get("call"), request.body.get("party")
        if not call or request.body.get("outcome") != "permit" or not isinstance(asked_by, str):
            return ()
        made: list[Entry] = []
        for kind in ("disclosure", "release"):
            made += self.journal.search(
                kind=kind,
                party=asked_by,
                since=request.time,
                until=request.time + _ACCOUNT,
                limit=_PAGE,
                reader=None if administrator else party,
            )
        return tuple(sorted((e for e in made if e.body.get("call") == call), key=lambda e: e.seq))

    def call(self, entry: Entry, *, party: str, administrator: bool) -> tuple[Entry, ...]:
        """The entries of one call, oldest first, as far as the caller may see: the request, whose data left, what left.

        Empty where the entry belongs to no call.
        """
        named = entry.body.get("call")
        if not named or entry.kind not in ("request", "disclosure", "release"):
            return ()
        request: Entry | None = entry
        if entry.kind != "request":
            asked = self.journal.search(
                kind="request",
                party=str(entry.body.get("party")),
                since=entry.time - _ACCOUNT,
                until=entry.time + _SOON,
                limit=_PAGE,
                reader=None if administrator else party,
            )
            request = next((e for e in asked if e.body.get("call") == named), None)
        if request is None:
            return (entry,)
        found = {e.seq: e for e in self.account(request, party=party, administrator=administrator)}
        found |= {request.seq: request, entry.seq: entry}
        return tuple(found[seq] for seq in sorted(found))

    def answers(self, request: Entry, *, party: str, administrator: bool) -> tuple[Entry, ...]:
        """What people said to a request that waited for them, oldest first, as far as the caller may see."""
        declared = request.body.get("declaration")
        if request.kind != "request" or request.body.get("outcome") != "review" or not isinstance(declared, Mapping):
            return ()
        found: list[Entry] = []
        for kind in ("approval", "refusal"):
            found += self.journal.search(
                kind=kind,
                mou=str(declared.get("mou")),
                since=request.time,
                limit=_PAGE,
                reader=None if administrator else party,
            )
        return tuple(sorted((e for e in found if e.body.get("request") == request.seq), key=lambda e: e.seq))

    def standing(self, entry: Entry) -> Standing:
        """The entry's place in the chain, from stored bytes; the leaf before it holds no personal data."""
        leaf = Leaf.from_bytes(entry.leaf)
        before = self.journal.entry(entry.seq - 1) if entry.seq else None
        expected = before.leaf_hash if before is not None else FIRST
        head = self.journal.head()
        return Standing(
            leaf=entry.leaf.decode(),
            leaf_hash=entry.leaf_hash.hex(),
            body_hash=leaf.body.hex(),
            previous=leaf.prev.hex(),
            chained=leaf.prev == expected and Leaf.hash(entry.leaf) == entry.leaf_hash,
            size=head.size,
            root=head.root.hex(),
            checkpoint=head.checkpoint.decode(),
        )

    def _found(
        self, wanted: Mapping[str, str], *, limit: int, before: int | None, reader: str | None
    ) -> tuple[Entry, ...]:
        unknown = sorted(set(wanted) - set(FILTERS))
        if unknown:
            raise InputWrong(f"`{unknown[0]}` cannot be searched by", reason="unknown-filter", field=unknown[0])
        if not 0 < limit <= _PAGE:
            raise InputWrong(f"{limit} is not between 1 and {_PAGE}", reason="over-a-limit", field="limit")
        for name, value in wanted.items():
            if not value.isprintable():
                raise InputWrong("holds a character that cannot be searched for", field=name)
            if name in _KNOWN and value not in _KNOWN[name]:
                known = ", ".join(sorted(_KNOWN[name]))
                raise InputWrong(f"no entry has the {name} `{value}`: {known}", reason=f"unknown-{name}", field=name)
        filters: dict[str, Any] = {k: _instant(k, v) if k in ("since", "until") else v for k, v in wanted.items()}
        return tuple(self.journal.search(**filters, limit=limit, before=before, reader=reader))

    def _record(self, party: str, wanted: Mapping[str, str], found: int) -> None:
        # Whom was searched for is personal: the searcher's party alone reads it, and it is forgotten with the client.
        body = {"party": party, "by": dict(wanted), "found": found}
        sure = {wanted["subject"]} if "subject" in wanted else set()
        others = {value for name, value in wanted.items() if name not in ("subject", "since", "until", *_KNOWN)} - sure
        names = tuple((party, one) for one in sorted(sure | set(self.clients(party, others) if others else ())))
        self.journal.append([Draft("search", body, (party,), {"party": party}, use="content", names=names)])

    def details(self, entry: Entry) -> Details:
        """What it says of single clients, for who may see its body."""
        return self.journal.details(entry)

    def entry(self, seq: int, *, party: str, administrator: bool) -> Entry:
        """One entry with its body. Raises NotFound as well where the caller may not see it."""
        entry = self.journal.entry(seq)
        if entry is None or not (administrator or party in entry.readers):
            raise NotFound(f"no entry {seq} that `{party}` may see", reason="no-entry", field="entry")
        return entry
