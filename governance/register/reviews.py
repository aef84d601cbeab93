"""Reviews: who must approve a request under a clause with `review`, and which approvals are there and current.

An approval is a signed statement over the digest of party, clause, fields, filters, `from` and view, never by the
requester, good for 30 days unless it says less. With `review: contributors` each party in R but the requester approves;
with a `<who>` any one of these (language, Approval). A later refusal by the same party takes its approval back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from governance.model.access import Request
from governance.model.clauses import Clause
from governance.model.mou import Mou
from governance.register.keyring import SIGNATORY, Keyring
from governance.register.records import Signed
from governance.register.rules import members

__all__ = ["APPROVAL_LIFE", "Approvers", "approvers", "contributors", "current", "expiry", "word_fault"]

APPROVAL_LIFE = dt.timedelta(days=30)


def contributors(mou: Mou, request: Request, gone: Iterable[str]) -> frozenset[str]:
    """R: the contributors that the request asks for, seen from the requester (language, Contributors)."""
    dataset = mou.datasets.get(request.dataset)
    if dataset is None:
        return frozenset()
    all_of_them = set(members(mou, dataset.contributors)) - set(gone)
    asked = {
        "own": all_of_them & {request.party},
        "others": all_of_them - {request.party},
        "all": all_of_them,
    }[request.rows]
    return frozenset(asked if request.from_ is None else asked & set(request.from_))


@dataclass(frozen=True, slots=True)
class Approvers:
    """The parties that may approve, and whether each of them must, or one suffices."""

    parties: frozenset[str]
    each: bool

    def satisfied(self, by: frozenset[str]) -> bool:
        """Whether the approvals of these parties are all that is needed. Nobody to ask is not an approval."""
        return self.parties <= by if self.each else bool(self.parties & by)


def approvers(mou: Mou, clause: Clause, request: Request, gone: Iterable[str]) -> Approvers | None:
    """Who approves a request under a permit; None where the clause asks for no review."""
    permit = clause.permit
    if permit is None or permit.review is None:
        return None
    gone = frozenset(gone)
    if permit.review == "contributors":
        return Approvers(contributors(mou, request, gone) - {request.party}, each=True)
    return Approvers(frozenset(members(mou, permit.review)) - gone - {request.party}, each=False)


def word_fault(s: Signed, keyring: Keyring, *, hindsight: bool = True) -> tuple[str, str] | None:
    """Why an approval or refusal, or an acknowledgement, of a party does not count: its form, or its key."""
    if s.fault is not None:
        return s.fault
    fault = keyring.stands(s.fingerprint, s.place, hindsight=hindsight)
    if fault is not None:
        return fault
    enrolment = keyring.enrolments.get(s.fingerprint)
    if enrolment is None or enrolment.use != SIGNATORY:
        return "not-a-signatory", f"key {s.fingerprint} is not a signatory's"
    if enrolment.party != s.party:
        return "key-of-another", f"key {s.fingerprint} is enrolled for `{enrolment.party}`, not for `{s.text('party')}`"
    return None


def expiry(s: Signed) -> dt.datetime:
    """Until when an approval is good: 30 days from its own time, or less where it says so."""
    said = [dt.datetime.fromisoformat(s.text(name)) for name in ("until",) if s.text(name)]
    return min([dt.datetime.fromisoformat(s.text("time")) + APPROVAL_LIFE, s.place.time + APPROVAL_LIFE, *said])


def current(
    statements: Iterable[Signed], keyring: Keyring, at: dt.datetime
) -> tuple[frozenset[str], dt.datetime | None]:
    """The parties whose approval is there and current at `at`, and the first instant at which one of them runs out."""
    last = {s.party: s for s in statements if word_fault(s, keyring) is None and s.place.time <= at}
    standing = {p: expiry(s) for p, s in last.items() if s.kind == "approval" and expiry(s) > at}
    return frozenset(standing), min(standing.values(), default=None)
