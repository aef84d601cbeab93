"""Whose a key is, when it counted, and by whose word.

The root is the administrator's first public key, pinned in the home's settings outside the database. Any other key
counts from the entry that approves its enrolment: by an administrator's key, or, for rotation, by an older signatory's
key of the same party. An approval names the digest of the enrolment statement that it approves, so that neither key,
party, use nor person can be exchanged between the two. A key that was revoked keeps what it signed before; one that was
*compromised since* an instant loses what it signed from that instant on, approvals of other keys included, whenever
that became known (language, In force).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from governance.register.records import Failure, Place, Signed
from governance.signing.keys import PublicKey

__all__ = ["ADMINISTRATOR", "CONNECTOR", "SIGNATORY", "EnrolledKey", "Enrolment", "Keyring", "compromised_since"]

# The party that administrators' keys belong to, and the three uses of a key.
ADMINISTRATOR = "administrator"
SIGNATORY = "signatory"
CONNECTOR = "connector"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A public key that its holder asked to be enrolled for a party, proven by a signature with that key."""

    signed: Signed
    key: PublicKey
    party: str
    use: str
    person: str
    digest: str  # SHA-256 of the statement: what an approval names
    data: bytes  # the statement and its signature, for whoever approves it
    jws: str


@dataclass(frozen=True, slots=True)
class EnrolledKey:
    """A key as it stands now."""

    key: PublicKey
    party: str
    use: str
    person: str
    enrolled: int | None  # the entry; None: the root
    digest: str
    approved: int | None
    approved_by: str | None
    revoked: Place | None = None
    compromised_since: dt.datetime | None = None

    @property
    def fingerprint(self) -> str:
        """`SHA256:…` of the public key."""
        return self.key.fingerprint

    @property
    def state(self) -> str:
        """`pending`, `active` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "active" if self.approved is not None or self.approved_by == "root" else "pending"

    @property
    def active(self) -> bool:
        """Whether the key may sign now."""
        return self.state == "active"


@dataclass(frozen=True)
class Keyring:
    """All enrolments, approvals and revocations that the log holds; pure, and frozen once built."""

    root: PublicKey
    enrolments: Mapping[str, Enrolment] = field(default_factory=dict)
    approvals: Mapping[str, tuple[Signed, ...]] = field(default_factory=dict)
    revocations: Mapping[str, tuple[Signed, ...]] = field(default_factory=dict)
    attestations: Mapping[str, tuple[Signed, ...]] = field(default_factory=dict)

    def public(self, fingerprint: str) -> PublicKey | None:
        """The public key of a fingerprint, approved or not: what a signature is verified with."""
        if fingerprint == self.root.fingerprint:
            return self.root
        enrolment = self.enrolments.get(fingerprint)
        return enrolment.key if enrolment else None

    def with_enrolment(self, enrolment: Enrolment) -> Keyring:
        """The keyring after an enrolment. A key that was approved already stays what it is."""
        fingerprint = enrolment.key.fingerprint
        if fingerprint == self.root.fingerprint or self.approval(fingerprint) is not None:
            return self
        return replace(self, enrolments={**self.enrolments, fingerprint: enrolment})

    def with_approval(self, fingerprint: str, signed: Signed) -> Keyring:
        """The keyring after an approval."""
        return replace(self, approvals=_added(self.approvals, fingerprint, signed))

    def with_revocation(self, fingerprint: str, signed: Signed) -> Keyring:
        """The keyring after a revocation."""
        return replace(self, revocations=_added(self.revocations, fingerprint, signed))

    def with_attestation(self, fingerprint: str, signed: Signed) -> Keyring:
        """The keyring after an attestation."""
        return replace(self, attestations=_added(self.attestations, fingerprint, signed))

    def attested(self, fingerprint: str) -> tuple[Signed, ...]:
        """The attestations of a key that count, as is known now; of each party the newest."""
        counting = (a for a in self.attestations.get(fingerprint, ()) if self.attestation_fault(a) is None)
        return tuple({a.text("by"): a for a in counting}.values())

    def attestation_fault(self, attestation: Signed, *, hindsight: bool = True) -> tuple[str, str] | None:
        """Why an attestation does not count: by a signatory of another party, of the very enrolment that is here."""
        if attestation.fault is not None:
            return attestation.fault
        enrolment = self.enrolments.get(attestation.text("fingerprint"))
        if enrolment is None or enrolment.signed.place.seq >= attestation.place.seq:
            return "no-enrolment", "no enrolment of that key stands before it in the log"
        said = enrolment.signed
        names = ("party", "person", "organisation")
        if enrolment.digest != attestation.text("enrolment_sha256") or any(
            said.text(name) != attestation.text(name) for name in names
        ):
            return "enrolment-differs", "the enrolment that was attested is not the one that the log holds"
        by = attestation.fingerprint
        own = self.enrolments.get(by)
        if own is None or own.use != SIGNATORY:
            return "not-a-signatory", f"key {by} is not a signatory's"
        if own.party != attestation.text("by"):
            return "key-of-another", f"key {by} is enrolled for `{own.party}`, not for `{attestation.text('by')}`"
        return self.stands(by, attestation.place, hindsight=hindsight)

    def approval(self, fingerprint: str) -> Signed | None:
        """The first approval of a key that counts, as is known now."""
        return next((a for a in self.approvals.get(fingerprint, ()) if self.approval_fault(a) is None), None)

    def approval_fault(self, approval: Signed, *, hindsight: bool = True) -> tuple[str, str] | None:
        """Why an approval of an enrolment does not count."""
        if approval.fault is not None:
            return approval.fault
        enrolment = self.enrolments.get(approval.text("fingerprint"))
        if enrolment is None:
            return "no-enrolment", "no enrolment of that key is in the log"
        if enrolment.digest != approval.text("enrolment_sha256"):
            return "enrolment-differs", "the enrolment that was approved is not the one that the log holds"
        if enrolment.signed.place.seq >= approval.place.seq:
            return "approved-before-enrolment", "the approval stands before the enrolment"
        return self._approver_fault(approval, enrolment, hindsight)

    def _approver_fault(self, approval: Signed, enrolment: Enrolment, hindsight: bool) -> tuple[str, str] | None:
        by = approval.fingerprint
        if by == enrolment.key.fingerprint:
            return "approves-itself", "a key cannot approve itself"
        if self.administers(by, approval.place, hindsight=hindsight) is None:
            return None
        own = self.enrolments.get(by)
        if own is not None and own.party == enrolment.party and own.use == SIGNATORY and enrolment.use != ADMINISTRATOR:
            return self.stands(by, approval.place, hindsight=hindsight)
        return "may-not-approve", f"key {by} is neither an administrator's nor a signatory's of `{enrolment.party}`"

    def administers(self, fingerprint: str, place: Place, *, hindsight: bool = True) -> tuple[str, str] | None:
        """Why a key did not count as an administrator's at a place; None: it did."""
        if fingerprint == self.root.fingerprint:
            return None
        own = self.enrolments.get(fingerprint)
        if own is None or own.use != ADMINISTRATOR or own.party != ADMINISTRATOR:
            return "not-an-administrator", f"key {fingerprint} is not an administrator's"
        return self.stands(fingerprint, place, hindsight=hindsight)

    def stands(self, fingerprint: str, place: Place, *, hindsight: bool = True) -> tuple[str, str] | None:
        """Why a key did not count at a place; None: it did.

        Without `hindsight`, as far as was known there: only earlier entries are looked at, so that two keys which
        revoke each other have an answer.
        """
        if fingerprint == self.root.fingerprint:
            return None
        if fingerprint not in self.enrolments:
            return "key-unknown", f"no enrolment of key {fingerprint} is in the log"
        earlier = [a for a in self.approvals.get(fingerprint, ()) if a.place.seq < place.seq]
        faults = [self.approval_fault(a, hindsight=hindsight) for a in earlier]
        if all(faults):
            why = next((f": {f[1]}" for f in faults if f is not None), "")
            return "key-not-approved", f"key {fingerprint} was not approved at its place in the log{why}"
        for revocation in self.revocations.get(fingerprint, ()):
            if revocation.place.seq > place.seq and not hindsight:
                continue
            if self.revocation_fault(revocation) is not None:
                continue
            if revocation.place.seq < place.seq:
                return "key-revoked", f"key {fingerprint} had been revoked by entry {revocation.place.seq}"
            since = compromised_since(revocation)
            if hindsight and since is not None and since <= place.time:
                day = since.isoformat().replace("+00:00", "Z")
                return "key-compromised", (
                    f"key {fingerprint} was compromised since {day}, says entry {revocation.place.seq}"
                )
        return None

    def revocation_fault(self, revocation: Signed) -> tuple[str, str] | None:
        """Why a revocation does not count: by the key itself, a signatory of its party, or an administrator."""
        target, by = revocation.text("fingerprint"), revocation.fingerprint
        if revocation.fault is not None:
            return revocation.fault
        if target == self.root.fingerprint:
            return "root-is-pinned", "the first administrator's key is replaced in the settings, not revoked"
        own = self.enrolments.get(target)
        if own is None:
            return "key-unknown", f"no enrolment of key {target} is in the log"
        if by == target:
            # Even a key that was never approved, or was revoked, may say this of itself: it can only take away.
            return None
        if self.administers(by, revocation.place, hindsight=False) is None:
            return None
        other = self.enrolments.get(by)
        if other is not None and other.party == own.party and other.use == SIGNATORY:
            return self.stands(by, revocation.place, hindsight=False)
        return "may-not-revoke", f"key {by} is neither this key, nor a signatory's of its party, nor an administrator's"

    def key(self, fingerprint: str) -> EnrolledKey | None:
        """A key as it stands now, or None."""
        if fingerprint == self.root.fingerprint:
            return EnrolledKey(self.root, ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, None, "", None, "root")
        enrolment = self.enrolments.get(fingerprint)
        if enrolment is None:
            return None
        approval = self.approval(fingerprint)
        revoked: Place | None = None
        compromised: dt.datetime | None = None
        for revocation in self.revocations.get(fingerprint, ()):
            if self.revocation_fault(revocation) is None:
                revoked = revoked or revocation.place
                since = compromised_since(revocation)
                compromised = min(filter(None, (compromised, since)), default=None)
        return EnrolledKey(
            key=enrolment.key,
            party=enrolment.party,
            use=enrolment.use,
            person=enrolment.person,
            enrolled=enrolment.signed.place.seq,
            digest=enrolment.digest,
            approved=approval.place.seq if approval else None,
            approved_by=approval.fingerprint if approval else None,
            revoked=revoked,
            compromised_since=compromised,
        )

    def every(self) -> tuple[EnrolledKey, ...]:
        """All keys, the root first, then in the order of their enrolment."""
        found = [self.key(self.root.fingerprint), *(self.key(f) for f in self.enrolments)]
        return tuple(k for k in found if k is not None)

    def failures(self) -> tuple[Failure, ...]:
        """Approvals, attestations and revocations that do not count, in the log's order."""
        found: list[Failure] = []
        for s in (s for signed in self.attestations.values() for s in signed):
            fault = self.attestation_fault(s)
            if fault is not None:
                found.append(s.failure(*fault, hindsight=self.attestation_fault(s, hindsight=False) is None))
        for s in (s for signed in self.approvals.values() for s in signed):
            fault = self.approval_fault(s)
            if fault is not None:
                found.append(s.failure(*fault, hindsight=self.approval_fault(s, hindsight=False) is None))
        for s in (s for signed in self.revocations.values() for s in signed):
            fault = self.revocation_fault(s)
            if fault is not None:
                found.append(s.failure(*fault))
        return tuple(sorted(found, key=lambda f: f.seq))


def compromised_since(revocation: Signed) -> dt.datetime | None:
    """The instant since which a revocation says that the key was in wrong hands."""
    text = revocation.text("compromised_since")
    if not text:
        return None
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError:
        # A revocation that cannot be read takes everything away rather than nothing.
        return dt.datetime.min.replace(tzinfo=dt.UTC)
    return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)


def _added(old: Mapping[str, tuple[Signed, ...]], name: str, signed: Signed) -> dict[str, tuple[Signed, ...]]:
    return {**old, name: (*old.get(name, ()), signed)}
