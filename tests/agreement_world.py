"""A small world of agreements in memory: a clock, a log, people with keys, and what they sign.

`MemoryLog` implements the port `Journal`; its entries are stored as bytes and may be tampered with, as somebody with
full write access to the database could: consistently (hashes made anew) or not (reading raises `Tampered`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit import Draft, Entry, Tampered
from audit.entry import Prepared, filing
from audit.leaf import Leaf
from governance.agreements import Agreements, Checked
from governance.agreements.book import unknown
from governance.compiler.bundle import Bundle
from governance.compiler.reference import decide
from governance.errors import LogUnavailable
from governance.model.access import Decision, Facts, Request
from governance.model.mou import Mou
from governance.ports import Within
from governance.register import Register
from governance.register.reading import compiled, encoded
from governance.signing.jws import sign_detached
from governance.signing.keys import PrivateKey
from governance.signing.statement import (
    Acknowledgement,
    Approval,
    Duty,
    Enrolment,
    EnrolmentApproval,
    KeyText,
    Proposal,
    Refusal,
    Revocation,
    Signing,
    Statement,
)

__all__ = ["DOCUMENT", "Call", "Clock", "MemoryLog", "Person", "ReferenceEngine", "World", "document"]

START = dt.datetime(2026, 9, 10, 15, 0, tzinfo=dt.UTC)
_NONCES = itertools.count(1)

DOCUMENT = """\
accordant: 1
id: {id}
version: {version}
title: A small collaborative
timezone: America/Chicago
effective: {effective}
expires: {expires}
parties:
  - {{id: north, name: North, role: partner}}
  - {{id: south, name: South, role: partner}}
  - {{id: east, name: East, role: partner}}
  - {{id: hub, name: The hub, role: convener}}
signing: {signing}
{more}purposes:
  improvement: {{title: improvement}}
datasets:
  visits:
    title: visits
    subject: client
    contributor: org
    contributors: {{roles: [partner]}}
    fields:
      client: {{class: identifier, type: string, title: client number}}
      org: {{class: plain, type: string, title: organisation}}
      days: {{class: plain, type: integer, title: days}}
clauses:
  - id: "1"
    title: Own
    permit: {{to: {{roles: [partner]}}, data: visits, rows: own, fields: all, view: identified, purpose: [improvement]}}
    text: "{{to}} may see {{fields}} of {{rows}} clients."
  - id: "2"
    title: Rows of others, reviewed
    permit:
      {{to: {{roles: [convener]}}, data: visits, rows: all, fields: [days], view: pseudonymised,
       purpose: [improvement], review: {review}}}
    text: "{{to}} may see {{fields}} of {{rows}} clients."
  - id: "3"
    title: Acknowledgement
    duty: {{of: everyone, action: acknowledge-purpose, every: P1Y, grace: P30D, blocking: others}}
    text: "{{of}} acknowledge."
  - id: "4"
    title: Deletion
    duty: {{of: {{roles: [convener]}}, action: delete, data: visits, within: P90D, after: expiry, blocking: all}}
    text: "{{of}} delete."
"""


def document(
    *,
    id: str = "small",
    version: int = 1,
    effective: str = "2026-09-01",
    expires: str = "2029-08-31",
    signing: str = "{required: everyone}",
    more: str = "",
    review: str = "contributors",
    extra: str = "",
) -> bytes:
    """A document of four parties. `more` are whole lines of further keys."""
    text = DOCUMENT.format(
        id=id, version=version, effective=effective, expires=expires, signing=signing, more=more, review=review
    )
    return (text + extra).encode()


class Clock:
    """Stands until it is moved."""

    def __init__(self, start: dt.datetime = START) -> None:
        self.time = start

    def now(self) -> dt.datetime:
        """The instant; each look is a microsecond later, as entries' times are."""
        self.time += dt.timedelta(microseconds=1)
        return self.time

    def pass_(self, **parts: float) -> None:
        """Time passes: `days=1`, `hours=2`."""
        self.time += dt.timedelta(**parts)


class MemoryLog:
    """The port `Journal` in memory, with a switch that breaks it and doors for whoever tampers."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.rows: list[Entry] = []
        self.spoilt: set[int] = set()
        self.broken = False

    def append(self, drafts: Sequence[Draft], *, within: Within | None = None) -> tuple[Entry, ...]:
        """As the port promises."""
        if self.broken:
            raise LogUnavailable("the log does not answer")
        made = tuple(self._entry(d, len(self.rows) + i) for i, d in enumerate(drafts))
        if within is not None:
            within(None, made)
        self.rows += made
        return made

    def _entry(self, draft: Draft, seq: int) -> Entry:
        prepared = Prepared.of(draft)
        prev = self.rows[-1].leaf_hash if self.rows else bytes(32)
        leaf = Leaf(seq, draft.kind, self.clock.now(), prev, prepared.body_hash).to_bytes()
        return self._stored(seq, leaf, prepared.salt, prepared.body_bytes)

    @staticmethod
    def _stored(seq: int, leaf: bytes, salt: bytes, body: bytes) -> Entry:
        said, value = Leaf.from_bytes(leaf), json.loads(body)
        return Entry(seq, said.kind, said.time, leaf, Leaf.hash(leaf), salt, value, body, filing(value)[0])

    def append_soon(self, drafts: Sequence[Draft]) -> None:
        """As the port promises."""
        self.append(drafts)

    def entries(
        self, *, kinds: Collection[str] | None = None, after: int = -1, until: int | None = None
    ) -> Iterator[Entry]:
        """As the port promises; all are verified before the first is given, as the real log does in its pages."""
        last = len(self.rows) - 1 if until is None else until
        found = [e for e in self.rows[after + 1 : last + 1] if kinds is None or e.kind in kinds]
        for entry in found:
            if entry.seq in self.spoilt:
                detail = f"the content of entry {entry.seq} was changed after it was recorded"
                raise LogUnavailable(detail) from Tampered(entry.seq, "body-changed", detail)
        yield from found

    def entry(self, seq: int) -> Entry | None:
        """As the port promises."""
        return self.rows[seq] if 0 <= seq < len(self.rows) else None

    def search(self, **filters: Any) -> Sequence[Entry]:
        """By kind and words of the index, newest first."""
        limit, since = filters.pop("limit", 100), filters.pop("since", None)
        kind = filters.pop("kind", None)
        found = []
        for entry in reversed(self.rows):
            index = filing(entry.body)[1]
            if (kind in (None, entry.kind)) and all(v in index.get(k, []) for k, v in filters.items()):
                found.append(entry)
        return [e for e in found if since is None or e.time >= since][:limit]

    def last_of(self, kinds: Collection[str]) -> int:
        """As the port promises."""
        return max((e.seq for e in self.rows if e.kind in kinds), default=-1)

    def head(self) -> Any:
        """Nothing here asks for it."""
        raise NotImplementedError

    # Whoever has full write access to the database

    def rewrite(self, seq: int, change: Callable[[dict[str, Any]], None]) -> None:
        """Changes a body consistently: salt, hash and every later leaf are made anew."""
        body = json.loads(self.rows[seq].body_bytes)
        change(body)
        self._relink(seq, body)

    def _relink(self, seq: int, body: dict[str, Any]) -> None:
        rows, self.rows = self.rows[seq:], self.rows[:seq]
        for row in rows:
            filed = json.loads(row.body_bytes) if row.seq != seq else body
            filed.pop("filing", None)
            prepared = Prepared.of(Draft(row.kind, filed, row.readers))
            prev = self.rows[-1].leaf_hash if self.rows else bytes(32)
            leaf = Leaf(row.seq, row.kind, row.time, prev, prepared.body_hash).to_bytes()
            self.rows.append(self._stored(row.seq, leaf, prepared.salt, prepared.body_bytes))

    def spoil(self, seq: int) -> None:
        """Changes a body and nothing else: reading it raises."""
        self.spoilt.add(seq)


@dataclass(frozen=True)
class Person:
    """Somebody with a key of their own. A `Caller`, too."""

    party: str
    use: str = "signatory"
    person: str = ""
    key: PrivateKey = field(default_factory=lambda: PrivateKey.generate("ed25519"))

    def __post_init__(self) -> None:
        if not self.person:
            object.__setattr__(self, "person", f"the director of {self.party}")

    @property
    def fingerprint(self) -> str:
        """The key."""
        return self.key.fingerprint

    def signs(self, statement: Statement) -> tuple[bytes, str]:
        """The statement's bytes and this person's signature."""
        data = statement.canonical()
        return data, sign_detached(key=self.key, payload=data)


Call = tuple[bytes, str]


def nonce() -> str:
    """A nonce; each is another."""
    return f"{next(_NONCES):032d}"


class ReferenceEngine:
    """The port `Engine` by the plain-Python reading; `wrong_revision` makes its answers stale."""

    name = "reference"

    def __init__(self) -> None:
        self.mous: tuple[Mou, ...] = ()
        self.revision = ""
        self.loads = 0
        self.of: dict[str, tuple[Mou, ...]] = {}

    def load(self, bundle: Bundle) -> None:
        """As the port promises."""
        self.loads += 1
        self.revision = bundle.revision
        self.mous = self.of[bundle.revision]

    def decide(self, request: Request, facts: Facts) -> Decision:
        """As the port promises."""
        return decide(self.mous, request, facts).model_copy(update={"revision": self.revision})


class World:
    """Everything, wired as `bootstrap` would."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.log = MemoryLog(self.clock)
        self.admin = Person("administrator", "administrator", "the administrator")
        self.engine = ReferenceEngine()
        self.difference: dict[str, Any] | None = None
        self.claims: Any = unknown
        self.agreements = self.open()
        self.people: dict[str, Person] = {}

    def open(self) -> Agreements:
        """The agreements as they stand after a (re)start."""

        def check(bundle: Bundle, mous: Sequence[Mou]) -> Checked:
            self.engine.of[bundle.revision] = tuple(mous)
            return Checked(7, ("reference",), self.difference)

        return Agreements.open(
            journal=self.log,
            clock=self.clock,
            root=self.admin.key.public,
            engine=self.engine,
            check=check,
            nonce=nonce,
            claims=self.claims,
        )

    @property
    def register(self) -> Register:
        """The register, made anew from the log."""
        return self.agreements.book.reread()

    # Statements

    def enrolment(self, person: Person, **changes: Any) -> Call:
        """A key's enrolment, signed by itself."""
        values: dict[str, Any] = {
            "time": self.clock.now(),
            "party": person.party,
            "person": person.person,
            "organisation": person.party.title(),
            "capacity": "director",
            "use": person.use,
            "key": KeyText(alg=person.key.alg, pem=person.key.public.pem),
            "fingerprint": person.fingerprint,
            "nonce": nonce(),
        }
        return person.signs(Enrolment(**values | changes))

    def enrol(self, person: Person, *, by: Person | None = None) -> Person:
        """Enrols a person's key and has it approved."""
        self.agreements.keys.enroll(*self.enrolment(person))
        self.approve(person, by=by)
        return person

    def approve(self, person: Person, *, by: Person | None = None) -> dict[str, Any]:
        """Approves the enrolment of a person's key."""
        by = by or self.admin
        return self.agreements.keys.approve(by, person.fingerprint, *self.approval(person, by=by))

    def approval(self, person: Person, *, by: Person) -> Call:
        """The statement that approves an enrolment."""
        key = self.agreements.book.current().key(person.fingerprint)
        digest = key.digest if key else "0" * 64
        return by.signs(
            EnrolmentApproval(
                time=self.clock.now(),
                enrolment_sha256=digest,
                fingerprint=person.fingerprint,
                party=person.party,
                use=person.use,
            )
        )

    def everybody(self, *parties: str) -> dict[str, Person]:
        """A signatory of each party, enrolled."""
        for party in parties or ("north", "south", "east", "hub"):
            self.people[party] = self.enrol(Person(party))
        return self.people

    def revoke(self, key: Person, *, by: Person, since: dt.datetime | None = None) -> dict[str, Any]:
        """Ends a key."""
        said = Revocation(time=self.clock.now(), fingerprint=key.fingerprint, reason="gone", compromised_since=since)
        return self.agreements.keys.revoke(by, key.fingerprint, *by.signs(said))

    def proposal(self, data: bytes, *, by: Person | None = None, **changes: Any) -> Call:
        """The statement that proposes a document."""
        made = compiled(data)
        values: dict[str, Any] = {
            "time": self.clock.now(),
            "mou": made.mou.id,
            "version": made.mou.version,
            "document_sha256": hashlib.sha256(data).hexdigest(),
            "text_sha256": made.text_sha256,
            "policy_sha256": made.policy_sha256,
        }
        return (by or self.admin).signs(Proposal(**values | changes))

    def propose(self, data: bytes) -> dict[str, Any]:
        """Puts a document up for signing."""
        return self.agreements.mous.propose(self.admin, data, *self.proposal(data))

    def opening(
        self, who: Person, mou: str = "small", version: int | None = None, *, decision: str = "sign"
    ) -> dict[str, Any]:
        """Opens a signing."""
        return self.agreements.mous.open(who, mou, version, decision=decision)

    def word(self, who: Person, opened: dict[str, Any], decision: str = "sign", **changes: Any) -> Call:
        """What a party says on an opened signing."""
        values: dict[str, Any] = {
            "time": self.clock.now(),
            "mou": opened["mou"],
            "version": opened["version"],
            "text_sha256": opened["text_sha256"],
            "policy_sha256": opened["policy_sha256"],
            "party": who.party,
            "person": who.person,
            "organisation": who.party.title(),
            "capacity": "director",
            "decision": decision,
            "reason": None if decision == "sign" else "we will not",
            "nonce": opened["nonce"],
            "opening": opened["opening"],
        }
        return who.signs(Signing(**values | changes))

    def say(
        self, who: Person, decision: str = "sign", *, mou: str = "small", version: int | None = None
    ) -> dict[str, Any]:
        """Opens a signing and says it."""
        opened = self.opening(who, mou, version, decision=decision)
        return self.agreements.mous.state(who, mou, *self.word(who, opened, decision))

    def sign_all(self, mou: str = "small", version: int | None = None) -> dict[str, Any]:
        """Every party signs; the last answer."""
        answer: dict[str, Any] = {}
        for person in self.people.values():
            answer = self.say(person, mou=mou, version=version)
        return answer

    def signed(self, data: bytes | None = None) -> World:
        """A world with an MOU that everybody signed."""
        self.everybody()
        self.propose(data or document())
        self.sign_all()
        return self

    def acknowledge(self, who: Person, clause: str = "3", mou: str = "small") -> dict[str, Any]:
        """Acknowledges the purpose."""
        said = Acknowledgement(time=self.clock.now(), mou=mou, clause=clause, party=who.party, nonce=nonce())
        return self.agreements.duties.acknowledge(who, *who.signs(said))

    def mark(self, party: str, status: str, clause: str = "4", mou: str = "small") -> dict[str, Any]:
        """Records a duty as overdue or done."""
        said = Duty(time=self.clock.now(), mou=mou, clause=clause, party=party, status=status, nonce=nonce())
        return self.agreements.duties.mark(self.admin, *self.admin.signs(said))

    def answer(self, who: Person, digest: str, *, yes: bool = True, **changes: Any) -> dict[str, Any]:
        """Approves or refuses a request that waits."""
        values: dict[str, Any] = {
            "time": self.clock.now(),
            "request_sha256": digest,
            "mou": "small",
            "clause": "2",
            "party": who.party,
            "nonce": nonce(),
        }
        said = Approval(**values | changes) if yes else Refusal(**values | {"reason": "no"} | changes)
        kind = "approval" if yes else "refusal"
        return self.agreements.reviews.answer(who, digest, kind, *who.signs(said))

    def insert(self, kind: str, call: Call, **more: Any) -> Entry:
        """Writes an entry past every use case, as whoever holds the database can."""
        body = {"statement": encoded(call[0]), "jws": call[1]} | more
        return self.log.append([Draft(kind, body)])[0]
