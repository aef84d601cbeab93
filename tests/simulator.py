"""The whole world on a temporary home: a server without sockets, partners with keys, data, and a log that may fail.

Nothing is patched. The clock stands until it is moved, the log is the real one behind fault switches, and requests go
through the very application that serves, signed as a partner signs them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from audit import Draft, Entry, witness_http
from audit.witness import Post
from governance.agreements import Check, Checked
from governance.bootstrap import open_services
from governance.compiler.bundle import Bundle
from governance.errors import LogUnavailable
from governance.home import init
from governance.model.mou import Mou
from governance.ports import Engine, Journal, Within
from governance.settings import Settings
from governance.signing.http import sign_request
from governance.signing.jws import sign_detached
from governance.signing.keys import Alg, PrivateKey
from governance.signing.statement import (
    Acknowledgement,
    Approval,
    Enrolment,
    EnrolmentApproval,
    KeyText,
    Proposal,
    Revocation,
    Signing,
    Statement,
)
from governance.web.app import create_app
from governance.web.services import Services
from tests.agreement_world import Clock, ReferenceEngine

__all__ = ["ORIGIN", "Faults", "Partner", "World"]

ORIGIN = "http://accordant.test"
MAPPING = """\
party: {party}
mou: small
dataset: visits
source: {{files: [rows.csv]}}
columns: {{client: client, program: program, grade: grade, days: days, done: done}}
"""
PARTIES = ("north", "south", "east", "west", "hub")
DOCUMENT = """\
accordant: 1
id: small
version: 1
title: A small collaborative
timezone: America/Chicago
effective: 2026-09-01
expires: 2029-08-31
parties:
  - {id: north, name: North, role: partner}
  - {id: south, name: South, role: partner}
  - {id: east, name: East, role: partner}
  - {id: west, name: West, role: partner}
  - {id: hub, name: The hub, role: convener}
signing: {required: everyone}
withdrawal: {notice: P30D, data: keep-aggregates}
purposes:
  improvement: {title: improvement}
  marketing: {title: marketing}
  service: {title: service}
  research: {title: research}
datasets:
  visits:
    title: visits
    subject: client
    contributor: org
    contributors: {roles: [partner]}
    fields:
      client: {class: identifier, type: string, title: client number}
      org: {class: plain, type: string, title: organisation}
      program: {class: plain, type: string, title: programme, levels: [reading, maths, art]}
      grade: {class: sensitive, type: integer, title: grade, levels: ['0-59', '60-100']}
      days: {class: plain, type: integer, title: days}
      done: {class: plain, type: boolean, title: completed}
clauses:
  - id: "1"
    title: Own clients
    permit:
      to: {roles: [partner]}
      data: visits
      rows: own
      fields: all
      view: identified
      purpose: [service, improvement]
    text: "{to} may see {fields} of {rows} clients."
  - id: "2"
    title: Comparison
    permit:
      to: {roles: [partner, convener]}
      data: visits
      rows: all
      fields: [program, grade, days, done]
      view: aggregate
      purpose: [improvement]
      protect: {minimum_cell: 11, other_parties: 2}
    text: "{to} may see {fields} of {rows} clients."
  - id: "3"
    title: Rows for quality
    permit:
      to: {roles: [convener]}
      data: visits
      rows: all
      fields: [program, done]
      view: pseudonymised
      purpose: [improvement]
      protect: {k: 5}
    text: "{to} may see {fields} of {rows} clients."
  - id: "4"
    title: Never
    prohibit: {purpose: [marketing]}
    text: "Nobody uses data for {purpose}."
  - id: "5"
    title: Consent to grades
    consent: {rows: others, fields: [grade]}
    text: "{fields} of {rows} clients need consent."
  - id: "6"
    title: Acknowledgement
    duty: {of: everyone, action: acknowledge-purpose, every: P1Y, grace: P30D, blocking: others}
    text: "{of} shall {action}."
  - id: "7"
    title: Research
    permit:
      to: {roles: [convener]}
      data: visits
      rows: all
      from: {parties: [north, south]}
      fields: [program, days]
      view: pseudonymised
      purpose: [research]
      protect: {k: 5}
      review: contributors
    text: "{to} may see {fields} of {rows} clients of {from}, after {review} have approved."
"""


@dataclass
class Faults:
    """The log behind switches: the next writes fail, or fail after they persisted."""

    journal: Journal
    fail: int = 0  # so many writes from now on fail, and nothing was written
    lose: int = 0  # so many writes persist, and their outcome is never told
    written: list[Entry] = field(default_factory=list)

    def append(self, drafts: Sequence[Draft], *, within: Within | None = None) -> tuple[Entry, ...]:
        if self.fail:
            self.fail -= 1
            raise LogUnavailable("the disk is full")
        made = self.journal.append(drafts, within=within)
        if self.lose:
            self.lose -= 1
            raise LogUnavailable("the outcome is unknown")
        self.written += made
        return made

    def append_soon(self, drafts: Sequence[Draft]) -> None:
        self.append(drafts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)


@dataclass(frozen=True)
class Partner:
    """A key and whose it is."""

    party: str
    key: PrivateKey
    person: str
    use: str


@dataclass
class World:
    """One home, its services, and everybody who knows it."""

    settings: Settings
    clock: Clock
    services: Services
    faults: Faults
    client: FlaskClient
    administrator: Partner
    reading: ReferenceEngine = field(default_factory=ReferenceEngine)
    partners: dict[str, Partner] = field(default_factory=dict)
    post: Post = witness_http.post  # how witnesses are asked

    @classmethod
    def found(
        cls,
        folder: Path,
        *,
        database_url: str | None = None,
        engine: Engine | None = None,
        check: Check | None = None,
        clock: Clock | None = None,
    ) -> World:
        """A new home with nobody in it but the administrator."""
        clock = clock or Clock()
        settings = init(folder / "home", origin=ORIGIN, listen="127.0.0.1:8484", database_url=database_url, clock=clock)
        root = PrivateKey.from_pem((settings.keys / "administrator.pem").read_bytes())
        administrator = Partner("administrator", root, "administrator", "administrator")
        world = cls.__new__(cls)
        world.settings, world.clock, world.administrator, world.partners = settings, clock, administrator, {}
        world.reading, world.post = ReferenceEngine(), witness_http.post
        world.open(engine=engine, check=check)
        return world

    def clients(self, entry: Entry) -> dict[str, list[str]]:
        """Whom an entry names, by contributor, by their own ids."""
        known = self.services.journal.details(entry).subjects
        return {whose: [known[handle] for handle in held] for whose, held in entry.body["subjects"].items()}

    def open(self, *, engine: Engine | None = None, check: Check | None = None) -> None:
        """Opens the home, as a start of the server does. By default the plain-Python reading decides."""
        reading = self.reading

        def agree(bundle: Bundle, mous: Sequence[Mou]) -> Checked:
            # Asks nobody: that the readings agree has tests of its own.
            reading.of[bundle.revision] = tuple(mous)
            return Checked(cases=0, readings=("reference",))

        def wrap(journal: Journal) -> Journal:
            self.faults = Faults(journal)
            return self.faults

        self.services = open_services(
            self.settings, clock=self.clock, engine=engine or reading, check=check or agree, wrap=wrap,
            post=self.post,
        )  # fmt: skip
        self.client = create_app(self.services).test_client()

    def close(self) -> None:
        """Ends the server."""
        self.services.close()

    # Speaking

    def call(
        self, partner: Partner, method: str, path: str, document: Any = None, *, body: bytes | None = None,
        content_type: str = "application/json",
    ) -> TestResponse:  # fmt: skip
        """Any signed call but a data request."""
        content = body if body is not None else (json.dumps(document).encode() if document is not None else b"")
        headers = sign_request(
            key=partner.key, method=method, target_uri=ORIGIN + path, now=self.clock.now(),
            nonce=secrets.token_urlsafe(24), body=content, content_type=content_type,
        )  # fmt: skip
        return self.client.open(path, method=method, data=content or None, headers=headers, base_url=ORIGIN)

    def told(self, *args: Any, **kwargs: Any) -> Any:
        """The JSON of a call that must succeed."""
        response = self.call(*args, **kwargs)
        assert response.status_code < 300, response.get_data(as_text=True)
        return response.json

    def signed_query(self, partner: Partner, asked: dict[str, Any], **declared: Any) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of a data request, ready to be sent, twice too."""
        body = json.dumps(asked).encode()
        purpose, mou = declared.pop("purpose", "improvement"), declared.pop("mou", "small")
        headers = sign_request(
            key=partner.key, method="POST", target_uri=ORIGIN + "/v1/query", now=self.clock.now(),
            nonce=secrets.token_urlsafe(24), body=body, purpose=purpose, mou=mou, **declared,
        )  # fmt: skip
        return body, headers

    def query(self, partner: Partner, asked: dict[str, Any], *, accept: str = "", **declared: Any) -> TestResponse:
        """A data request."""
        body, headers = self.signed_query(partner, asked, **declared)
        if accept:
            headers["Accept"] = accept
        return self.client.post("/v1/query", data=body, headers=headers, base_url=ORIGIN)

    def statement(self, partner: Partner, statement: Statement) -> dict[str, str]:
        """A statement and its signature, as they travel."""
        payload = statement.canonical()
        encoded = urlsafe_b64encode(payload).rstrip(b"=").decode()
        return {"statement": encoded, "jws": sign_detached(key=partner.key, payload=payload)}

    # Living

    def enrol(
        self, party: str, *, use: str = "signatory", name: str | None = None, approved: bool = True,
        alg: Alg = "ed25519", by: Partner | None = None,
    ) -> Partner:  # fmt: skip
        """A new key for a party, approved by the administrator, or somebody else, unless it is to wait."""
        key = PrivateKey.generate(alg)
        partner = Partner(party, key, f"the director of {party}", use)
        enrolment = Enrolment(
            party=party, person=partner.person, organisation=party, capacity="director", use=use,
            key=KeyText(alg=key.alg, pem=key.public.pem), fingerprint=key.fingerprint,
            nonce=secrets.token_urlsafe(16), time=self.clock.now(),
        )  # fmt: skip
        response = self.client.post("/v1/keys", json=self.statement(partner, enrolment), base_url=ORIGIN)
        assert response.status_code < 300, response.get_data(as_text=True)
        self.partners[name or party] = partner
        if not approved:
            return partner
        approval = EnrolmentApproval(
            enrolment_sha256=enrolment.sha256, fingerprint=key.fingerprint, party=party, use=use,
            time=self.clock.now(),
        )  # fmt: skip
        by = by or self.administrator
        self.told(by, "POST", f"/v1/keys/{key.fingerprint}/approval", self.statement(by, approval))
        return partner

    def revoke(self, name: str, *, since: dt.datetime | None = None) -> None:
        """The administrator revokes a key; `since`: it was in wrong hands from then on."""
        fingerprint = self.partners[name].key.fingerprint
        revocation = Revocation(fingerprint=fingerprint, reason="lost", time=self.clock.now(), compromised_since=since)
        path = f"/v1/keys/{fingerprint}/revocation"
        self.told(self.administrator, "POST", path, self.statement(self.administrator, revocation))

    def propose(self, document: str = DOCUMENT) -> None:
        """The administrator proposes a document."""
        from governance.register.reading import compiled, encoded

        made = compiled(document.encode())
        proposal = Proposal(
            mou=made.mou.id, version=made.mou.version, document_sha256=hashlib.sha256(document.encode()).hexdigest(),
            text_sha256=made.text_sha256, policy_sha256=made.policy_sha256, time=self.clock.now(),
        )  # fmt: skip
        travelling = self.statement(self.administrator, proposal) | {"document": encoded(document.encode())}
        self.told(self.administrator, "POST", "/v1/mous", travelling)

    def decide_on(self, partner: Partner, decision: str, *, mou: str = "small", reason: str | None = None) -> Any:
        """Signs, declines or withdraws."""
        opened = self.told(partner, "POST", f"/v1/mous/{mou}/openings", {"decision": decision})
        signing = Signing(
            mou=mou, version=opened["version"], text_sha256=opened["text_sha256"],
            policy_sha256=opened["policy_sha256"], party=partner.party, person=partner.person,
            organisation=opened["organisation"], capacity="director", decision=decision, reason=reason,
            nonce=opened["nonce"], time=self.clock.now(), opening=opened["opening"],
        )  # fmt: skip
        return self.told(partner, "POST", f"/v1/mous/{mou}/statements", self.statement(partner, signing))

    def acknowledge(self, partner: Partner, clause: str = "6") -> None:
        """A party acknowledges its purpose."""
        said = Acknowledgement(
            mou="small", clause=clause, party=partner.party, nonce=secrets.token_urlsafe(16), time=self.clock.now()
        )
        self.told(partner, "POST", "/v1/acknowledgements", self.statement(partner, said))

    def approve(self, partner: Partner, digest: str, *, clause: str = "7") -> None:
        """A party lets another's request through."""
        said = Approval(
            request_sha256=digest, mou="small", clause=clause, party=partner.party,
            nonce=secrets.token_urlsafe(16), time=self.clock.now(),
        )  # fmt: skip
        self.told(partner, "POST", f"/v1/reviews/{digest}/approval", self.statement(partner, said))

    def agreed(self, document: str = DOCUMENT, *, mou: str = "small", parties: Sequence[str] = PARTIES) -> World:
        """Everybody has a key and has signed; the first party has a connector, too."""
        for party in parties:
            self.enrol(party)
        self.propose(document)
        for party in parties:
            self.decide_on(self.partners[party], "sign", mou=mou)
        self.enrol(parties[0], use="connector", name="dashboard")
        return self

    def load(self, party: str, rows: str) -> Any:
        """A partner brings a CSV file in."""
        partner = self.partners[party]
        self.told(partner, "POST", "/v1/sources", {"mapping": MAPPING.format(party=party), "url": None})
        return self.told(partner, "POST", "/v1/sources/visits/rows", body=rows.encode(), content_type="text/csv")

    def filled(self, clients: int = 60) -> World:
        """Every partner has rows: `clients` a programme and organisation, of each other grades."""
        for number, party in enumerate(PARTIES[:4]):
            lines = ["client,program,grade,days,done"]
            for index in range(clients):
                program = ("reading", "maths", "art")[index % 3]
                lines.append(f"{index},{program},{40 + (index * 7 + number) % 60},{index % 50},{index % 2}")
            self.load(party, "\n".join(lines) + "\n")
        return self
