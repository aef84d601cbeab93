"""Whose a key is, and whether it counted at a place in the log, by the enrolments, approvals and revocations there.

The first administrator's key enrols nobody but is named by `life.json`; any other counts from the entry that approves
its enrolment: by an administrator's key, or by an older signatory's key of the same party. A key that was compromised
since an instant loses what it signed from then on, whenever that became known.
"""

from __future__ import annotations

from governance.evidence.verifier.statements import Stated

__all__ = ["Keyring"]

_ADMINISTRATOR = "administrator"


class Keyring:
    """All that the file says of keys, in the log's order."""

    def __init__(self, root: str, statements: list[Stated]) -> None:
        self.root = root
        self.enrolments: dict[str, Stated] = {}
        self._approvals: dict[str, list[Stated]] = {}
        self._revocations: dict[str, list[Stated]] = {}
        self._attestations: dict[str, list[Stated]] = {}
        for s in statements:
            named = s.text("fingerprint")
            if s.kind == "enrolment" and s.fault is None and named != root and not self._approved(named):
                self.enrolments[named] = s
            elif s.kind == "enrolment-approval":
                self._approvals.setdefault(named, []).append(s)
            elif s.kind == "attestation":
                self._attestations.setdefault(named, []).append(s)
            elif s.kind == "revocation":
                self._revocations.setdefault(named, []).append(s)

    def _approved(self, fingerprint: str) -> bool:
        return any(self.approval_fault(a) is None for a in self._approvals.get(fingerprint, []))

    def whose(self, fingerprint: str) -> str:
        """A key's party and person, as its enrolment says."""
        if fingerprint == self.root:
            return "the first administrator"
        enrolment = self.enrolments.get(fingerprint)
        if enrolment is None:
            return "nobody: no enrolment of it is here"
        party, person, use = (enrolment.text(n) for n in ("party", "person", "use"))
        return f"{person}, {enrolment.text('organisation')} (`{party}`, {use})"

    def attested_by(self, fingerprint: str) -> list[str]:
        """The other parties whose signatories attested a key."""
        counting = (a for a in self._attestations.get(fingerprint, []) if self._attestation_fault(a) is None)
        return sorted({a.text("by") for a in counting})

    def _attestation_fault(self, s: Stated) -> str | None:
        """Why an attestation does not count."""
        if s.fault is not None:
            return s.fault
        enrolment, own = self.enrolments.get(s.text("fingerprint")), self.enrolments.get(s.fingerprint)
        if enrolment is None or enrolment.seq >= s.seq:
            return "no enrolment of that key stands before it"
        names = ("party", "person", "organisation")
        if enrolment.digest != s.text("enrolment_sha256") or any(enrolment.text(n) != s.text(n) for n in names):
            return "the enrolment that was attested is another one"
        if own is None or (own.text("use"), own.text("party")) != ("signatory", s.text("by")):
            return f"its key is not a signatory's of `{s.text('by')}`"
        if s.text("by") == s.text("party"):
            return "a key is attested by another party than its own"
        return self.stands(s.fingerprint, s)

    def approval_fault(self, approval: Stated, *, hindsight: bool = True) -> str | None:
        """Why an approval does not count."""
        if approval.fault is not None:
            return approval.fault
        enrolment = self.enrolments.get(approval.text("fingerprint"))
        if enrolment is None or enrolment.seq >= approval.seq:
            return "no enrolment of that key stands before it"
        if enrolment.digest != approval.text("enrolment_sha256"):
            return "the enrolment that was approved is another one"
        by = approval.fingerprint
        if by == approval.text("fingerprint"):
            return "a key cannot approve itself"
        if self.administers(by, approval, hindsight=hindsight) is None:
            return None
        own = self.enrolments.get(by)
        signatory = own is not None and own.text("use") == "signatory" and own.text("party") == enrolment.text("party")
        if signatory and enrolment.text("use") != _ADMINISTRATOR:
            return self.stands(by, approval, hindsight=hindsight)
        return "its key is neither an administrator's nor a signatory's of the same party"

    def administers(self, fingerprint: str, at: Stated, *, hindsight: bool = True) -> str | None:
        """Why a key did not count as an administrator's at a place; None: it did."""
        if fingerprint == self.root:
            return None
        own = self.enrolments.get(fingerprint)
        if own is None or (own.text("use"), own.text("party")) != (_ADMINISTRATOR, _ADMINISTRATOR):
            return "its key is not an administrator's"
        return self.stands(fingerprint, at, hindsight=hindsight)

    def stands(self, fingerprint: str, at: Stated, *, hindsight: bool = True) -> str | None:
        """Why a key did not count at a place; None: it did. Without `hindsight`: as far as was known there."""
        if fingerprint == self.root:
            return None
        if fingerprint not in self.enrolments:
            return "no enrolment of its key is in the file"
        earlier = [a for a in self._approvals.get(fingerprint, []) if a.seq < at.seq]
        if all(self.approval_fault(a, hindsight=hindsight) for a in earlier):
            return "its key was not approved by then"
        for revocation in self._revocations.get(fingerprint, []):
            if (revocation.seq > at.seq and not hindsight) or self.revocation_fault(revocation) is not None:
                continue
            if revocation.seq < at.seq:
                return f"its key had been revoked in entry {revocation.seq}"
            since = revocation.instant("compromised_since")
            if hindsight and since is not None and since <= at.time:
                return f"its key was in wrong hands since {since.isoformat()}, says entry {revocation.seq}"
        return None

    def revocation_fault(self, revocation: Stated) -> str | None:
        """Why a revocation does not count."""
        if revocation.fault is not None:
            return revocation.fault
        target, by = revocation.text("fingerprint"), revocation.fingerprint
        own = self.enrolments.get(target)
        if target == self.root or own is None:
            return "the key that it revokes is not enrolled"
        if by == target or self.administers(by, revocation, hindsight=False) is None:
            return None
        other = self.enrolments.get(by)
        if other is not None and (other.text("party"), other.text("use")) == (own.text("party"), "signatory"):
            return self.stands(by, revocation, hindsight=False)
        return "its key may not revoke that one"

    def fault(self, s: Stated) -> str | None:
        """Why a statement about a key does not count; None for any other kind."""
        if s.kind == "enrolment-approval":
            return self.approval_fault(s)
        if s.kind == "attestation":
            return self._attestation_fault(s)
        return self.revocation_fault(s) if s.kind == "revocation" else None
