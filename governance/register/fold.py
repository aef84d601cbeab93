"""The register: what the verified log says about keys and agreements. Pure; there is no status column anywhere.

It is a fold over the entries of `KINDS`, in the log's order, from the administrator's first public key, which is pinned
outside the database. Whoever can write to the database can add, change and remove rows, but cannot sign: what was
changed fails, with a reason, and an MOU that needed it is not in force (design §5).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from governance.model.access import Facts, Request
from governance.model.mou import Mou
from governance.model.period import start_of
from governance.register.counting import acknowledged, mark_failure, resumed, word_failure
from governance.register.facts import FactBook
from governance.register.faults import MouRecords
from governance.register.keyring import EnrolledKey, Enrolment, Keyring
from governance.register.reading import FACT_KINDS, KINDS, LogEntry, read
from governance.register.records import Activation, Broken, Continuation, DutyMark, Failure, Opening, Proposal, Signed
from governance.register.signings import Life, VersionState, live
from governance.signing.keys import PublicKey

__all__ = ["FACT_KINDS", "KINDS", "Register"]

_TAKES_AWAY = frozenset({"revocation", "withdrawal", "decline", "refusal", "duty", "continuation"})

_Memo = dict[str, tuple[MouRecords, Keyring, Life]]


@dataclass(frozen=True)
class Register:
    """Frozen; `advance` gives a new one. Safe from any thread."""

    keyring: Keyring
    mous: Mapping[str, MouRecords] = field(default_factory=dict)
    acknowledgements: tuple[Signed, ...] = ()
    reviews: Mapping[str, tuple[Signed, ...]] = field(default_factory=dict)  # by the digest that they speak of
    duties: tuple[DutyMark, ...] = ()
    continuations: tuple[Continuation, ...] = ()
    resumptions: tuple[Signed, ...] = ()
    activation: Activation | None = None
    refused: Activation | None = None  # the last activation that was refused, where none succeeded since
    broken: tuple[Broken, ...] = ()
    faulty: tuple[Signed, ...] = ()  # enrolments, proposals and marks whose form or signature is wrong
    stated: Mapping[str, int] = field(default_factory=dict)  # digests of statements, and the entry of each
    seq: int = -1  # the last entry that was folded in
    _memo: _Memo = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_entries(cls, entries: Iterable[LogEntry | Broken], *, root: PublicKey) -> Register:
        """The register of a whole log. Entries of other kinds than `KINDS` are passed over."""
        return cls(Keyring(root)).extended(entries)

    def advance(self, entry: LogEntry | Broken) -> Register:
        """The register after one more entry."""
        return self.extended((entry,))

    def extended(self, entries: Iterable[LogEntry | Broken]) -> Register:
        """The register after some more entries, in the log's order."""
        draft = _Draft(self)
        for entry in entries:
            draft.take(entry)
        return draft.register()

    # Keys

    def key(self, fingerprint: str) -> EnrolledKey | None:
        """A key as it stands now: pending, active or revoked; None where it was never enrolled."""
        return self.keyring.key(fingerprint)

    def every_key(self, party: str | None = None) -> tuple[EnrolledKey, ...]:
        """All keys, or those of one party."""
        return tuple(k for k in self.keyring.every() if party is None or k.party == party)

    @cached_property
    def unclear(self) -> Broken | None:
        """The first broken entry that took something away: a key, a party, a word given; None where there is none.

        Whoever spoils a signature loses what it gave. Whoever spoils a revocation or a withdrawal must not win by it.
        """
        every = [*self.broken, *(b for records in self.mous.values() for b in records.broken)]
        taking = [b for b in every if b.kind in _TAKES_AWAY or b.kind not in KINDS]
        return min(taking, key=lambda b: b.place.seq, default=None)

    @cached_property
    def interrupted(self) -> Continuation | None:
        """The restore that no administrator has confirmed since; None where there is none.

        What was recorded behind the backup may be lost: a revocation, a withdrawal. Nothing is released until somebody
        who asked says so.
        """
        newest = self.continuations[-1] if self.continuations else None
        if newest is None or any(resumed(s, self.continuations, self.keyring) == newest for s in self.resumptions):
            return None
        return newest

    # Agreements

    @property
    def left_out(self) -> Mapping[tuple[str, int, str], Mapping[str, Any]]:
        """The documents that the newest activation left out: id, version and digest, and why."""
        newest = self.refused or self.activation
        counted = self.activation.documents if self.activation else frozenset()
        return {k: why for k, why in newest.left_out.items() if k not in counted} if newest else {}

    def life(self, mou_id: str) -> Life | None:
        """An MOU's versions and withdrawals, computed from the signatures; None where none was ever proposed."""
        records = self.mous.get(mou_id)
        if records is None:
            return None
        known = self._memo.get(mou_id)
        if known is None or known[0] is not records or known[1] is not self.keyring:
            known = (records, self.keyring, live(records, self.keyring))
            self._memo[mou_id] = known
        return known[2]

    def lives(self) -> dict[str, Life]:
        """Every MOU's life, by id."""
        return {i: life for i in sorted(self.mous) if (life := self.life(i)) is not None}

    @cached_property
    def established(self) -> tuple[VersionState, ...]:
        """Every version whose signing rule is satisfied by signatures that hold, by id, then version."""
        return tuple(v for life in self.lives().values() for v in life.established)

    def in_force_documents(self) -> tuple[Mou, ...]:
        """The documents for the compiler: all established versions, in force or expired by days alike."""
        return tuple(v.mou for v in self.established if v.mou is not None)

    def counting_documents(self) -> tuple[Mou, ...]:
        """The documents that the last activation names, as far as they are established."""
        documents = self.activation.documents if self.activation else frozenset()
        found = ((v.proposal, v.mou) for v in self.established)
        return tuple(m for p, m in found if m is not None and (p.id, p.version, p.document_sha256) in documents)

    def version_at(self, mou_id: str, at: dt.datetime) -> VersionState | None:
        """The established version that has replaced all lower ones by `at` (decisions R1); it may have expired."""
        life = self.life(mou_id)
        begun = [
            v
            for v in (life.established if life else ())
            if v.mou is not None and start_of(v.mou.effective, v.mou.zone) <= at
        ]
        return begun[-1] if begun else None

    # Facts

    def facts(self, request: Request) -> Facts:
        """What has happened, as far as the decision on this request can hang on it."""
        return self._book.facts(request)[0]

    def facts_until(self, request: Request) -> dt.datetime | None:
        """The next instant at which `facts` would change by time alone (an approval runs out); None: never."""
        return self._book.facts(request)[1]

    def overdue(self) -> frozenset[tuple[str, str, str]]:
        """Recorded overdue duties that stand: MOU, clause, party."""
        return self._book.overdue

    def gone(self, mou_id: str, at: dt.datetime) -> frozenset[str]:
        """The parties whose withdrawal from an MOU has taken effect by `at`."""
        life = self.life(mou_id)
        return frozenset(d.party for d in (life.departures if life else ()) if d.at <= at)

    @cached_property
    def _book(self) -> FactBook:
        return FactBook.of(self.lives(), self.keyring, self.acknowledgements, self.reviews, self.duties)

    def acknowledged_on(self, mou_id: str, clause: str, party: str) -> dt.date | None:
        """The last local day on which a party acknowledged its purpose under a duty."""
        return self._book.last_acknowledged(mou_id, clause, party)

    def failures(self) -> tuple[Failure, ...]:
        """Every statement in the log that does not count, and why, in the log's order."""
        found = list(self._loose)
        for life in self.lives().values():
            found += [*life.failures, *(f for v in life.versions for f in v.failures)]
        return tuple(sorted(found, key=lambda f: f.seq))

    @cached_property
    def _loose(self) -> tuple[Failure, ...]:
        # What stands in no version: keys, acknowledgements, reviews, duties, entries that nobody can place.
        found: list[Failure | None] = [*self.keyring.failures(), *(b.failure() for b in self.broken)]
        found += [s.failure(*s.fault) for s in self.faulty if s.fault is not None]
        found += [mark_failure(mark, self.keyring) for mark in self.duties]
        resuming = (resumed(s, self.continuations, self.keyring) for s in self.resumptions)
        found += [answer for answer in resuming if isinstance(answer, Failure)]
        found += [word_failure(s, self.keyring) for statements in self.reviews.values() for s in statements]
        counted = (acknowledged(s, self.life(s.text("mou")), self.keyring) for s in self.acknowledgements)
        found += [answer for answer in counted if isinstance(answer, Failure)]
        return tuple(failure for failure in found if failure is not None)

    def failures_of(self, mou_id: str) -> tuple[Failure, ...]:
        """What does not count about one MOU, entries that nobody can tell the MOU of included."""
        life = self.life(mou_id)
        found = [f for v in (life.versions if life else ()) for f in v.failures]
        found += life.failures if life else ()
        found += [f for f in self._loose if f.mou == mou_id or (f.mou is None and f.reason == "entry-broken")]
        return tuple(sorted(found, key=lambda f: f.seq))

    def failure_at(self, seq: int, *, mou_id: str | None = None) -> Failure | None:
        """Why the entry of this number does not count; None where it does, or was never folded in."""
        found = self.failures_of(mou_id) if mou_id is not None else self._loose
        return next((f for f in found if f.seq == seq), None)


class _Draft:
    """A register while entries are taken in; owned by one call of `extended`."""

    def __init__(self, register: Register) -> None:
        self._base = register
        self._keyring = register.keyring
        self._mous = dict(register.mous)
        self._acknowledgements = list(register.acknowledgements)
        self._reviews = dict(register.reviews)
        self._duties = list(register.duties)
        self._continuations, self._resumptions = list(register.continuations), list(register.resumptions)
        self._activation, self._refused = register.activation, register.refused
        self._broken = list(register.broken)
        self._faulty = list(register.faulty)
        self._stated = dict(register.stated)
        self._seq = register.seq

    def take(self, entry: LogEntry | Broken) -> None:
        """One more entry; one of another kind only moves `seq`."""
        record = read(entry, self._keyring)
        self._seq = max(self._seq, entry.place.seq if isinstance(entry, Broken) else entry.seq)
        signed = record if isinstance(record, Signed) else getattr(record, "signed", None)
        if isinstance(signed, Signed):
            first = self._stated.setdefault(signed.sha256, signed.place.seq)
            if first != signed.place.seq:
                # The same words twice are said once: a copied row renews no acknowledgement and no approval.
                record = replace(signed, fault=("stated-twice", f"entry {first} holds the same statement"))
        if isinstance(record, Signed):
            self._signed(record)
        elif isinstance(record, Enrolment):
            self._keyring = self._keyring.with_enrolment(record)
        elif isinstance(record, Proposal):
            self._change(record.id, lambda m: replace(m, proposals=(*m.proposals, record)))
        elif isinstance(record, Opening):
            self._change(record.mou, lambda m: replace(m, openings={**m.openings, record.hash: record}))
        elif isinstance(record, DutyMark):
            self._duties.append(record)
        elif isinstance(record, Continuation):
            self._continuations.append(record)
        elif isinstance(record, Activation):
            self._activated(record)
        elif isinstance(record, Broken):
            mou = record.claims.get("mou")
            if isinstance(mou, str) and mou in self._mous:
                self._change(mou, lambda m: replace(m, broken=(*m.broken, record)))
            else:
                self._broken.append(record)

    def _activated(self, record: Activation) -> None:
        if record.refused:
            self._refused = record
        else:
            self._activation, self._refused = record, None

    def _signed(self, record: Signed) -> None:
        if record.kind in ("enrolment", "proposal", "duty"):
            self._faulty.append(record)
        elif record.kind == "enrolment-approval":
            self._keyring = self._keyring.with_approval(record.text("fingerprint"), record)
        elif record.kind == "attestation":
            self._keyring = self._keyring.with_attestation(record.text("fingerprint"), record)
        elif record.kind == "revocation":
            self._keyring = self._keyring.with_revocation(record.text("fingerprint"), record)
        elif record.kind in ("approval", "refusal"):
            digest = record.text("request_sha256")
            self._reviews[digest] = (*self._reviews.get(digest, ()), record)
        elif record.kind == "resumption":
            self._resumptions.append(record)
        elif record.kind == "acknowledgement":
            self._acknowledgements.append(record)
        else:
            self._change(record.text("mou"), lambda m: replace(m, statements=(*m.statements, record)))

    def _change(self, mou: str, change: Callable[[MouRecords], MouRecords]) -> None:
        self._mous[mou] = change(self._mous.get(mou, MouRecords()))

    def register(self) -> Register:
        """The frozen result; lives that did not change are not computed again."""
        return Register(
            keyring=self._keyring,
            mous=self._mous,
            acknowledgements=tuple(self._acknowledgements),
            reviews=self._reviews,
            duties=tuple(self._duties),
            continuations=tuple(self._continuations),
            resumptions=tuple(self._resumptions),
            activation=self._activation,
            refused=self._refused,
            broken=tuple(self._broken),
            faulty=tuple(self._faulty),
            stated=self._stated,
            seq=self._seq,
            _memo=dict(self._base._memo),
        )
