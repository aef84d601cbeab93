"""A small world of agreements in memory: a clock, a log, people with keys, and what they sign.

`MemoryLog` implements the port `Journal`; its entries are stored as bytes and may be tampered with, as somebody with
full write access to the database could: consistently (hashes made anew) or not (reading raises `Tampered`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from audit import Draft, Entry
from governance.agreements import Agreements, Checked
from governance.agreements.book import unknown
from governance.compiler.bundle import Bundle
from governance.compiler.reference import decide
from governance.model.access import Decision, Facts, Request
from governance.model.mou import Mou
from governance.register import Register
from governance.register.reading import compiled, encoded
from governance.signing.jws import sign_detached
from governance.signing.keys import PrivateKey
from governance.signing.statement import (
    Acknowledgement,
    Approval,
    Attestation,
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
from tests.agreement_log import Clock, MemoryLog

__all__ = ["DOCUMENT", "Call", "Clock", "MemoryLog", "Person", "ReferenceEngine", "World", "document"]

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

    def loaded(self) -> str | None:
        """As the port promises."""
        return self.revision or None

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
        self.seen: dict[str, Any] | None = None  # a difference that is found before anybody signs
        self.odd: set[str] = set()  # documents (`id@version`) on which the readings differ; empty: on any
        self.claims: Any = unknown
        self.agreements = self.open()
        self.people: dict[str, Person] = {}

    def open(self) -> Agreements:
        """The agreements as they stand after a (re)start."""

        def check(bundle: Bundle, mous: Sequence[Mou]) -> Checked:
            self.engine.of[bundle.revision] = tuple(mous)
            differs = not self.odd or any(m.ref in self.odd for m in mous)
            return Checked(7, ("reference",), self.difference if differs else None)

        return Agreements.open(
            journal=self.log,
            clock=self.clock,
            root=self.admin.key.public,
            engine=self.engine,
            check=check,
            look=lambda *_: Checked(7, ("reference",), self.seen),
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

    def attestation(self, person: Person, /, *, by: Person, **changes: Any) -> Call:
        """The statement by which another party says whose a key is."""
        key = self.agreements.book.current().key(person.fingerprint)
        values: dict[str, Any] = {
            "time": self.clock.now(),
            "enrolment_sha256": key.digest if key else "0" * 64,
            "fingerprint": person.fingerprint,
            "party": person.party,
            "person": person.person,
            "organisation": person.party.title(),
            "by": by.party,
            "nonce": nonce(),
        }
        if "said_by" in changes:
            values["by"] = changes.pop("said_by")
        return by.signs(Attestation(**values | changes))

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
