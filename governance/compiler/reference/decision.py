"""The decision: the seven steps of the language, the first that applies (R9, R13, R15, R19)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from governance.compiler.bundle import revision as digest
from governance.compiler.reference.clauses import covers, lifted, touches
from governance.compiler.reference.duties import blocks
from governance.compiler.reference.seen import Given, Seen
from governance.compiler.reference.until import valid_until
from governance.compiler.reference.validity import invalid
from governance.model.access import (
    NO_FACTS,
    ClauseRef,
    ConsentNeed,
    Decision,
    Facts,
    Obligations,
    Protection,
    Request,
)
from governance.model.clauses import Clause, Permit, Protect
from governance.model.mou import Mou

__all__ = ["Reading", "decide"]


@dataclass(frozen=True)
class _Met:
    """A clause of a binding MOU that the request meets."""

    seen: Seen
    clause: Clause

    @property
    def ref(self) -> ClauseRef:
        return ClauseRef(mou=self.seen.mou.id, version=self.seen.mou.version, clause=self.clause.id)


class Reading:
    """The documents given, read once; decides any number of requests on them. Safe from any thread."""

    name = "reference"

    def __init__(self, mous: Sequence[Mou], *, revision: str | None = None) -> None:
        self._given = Given(mous)
        self.revision = digest(mous) if revision is None else revision

    def decide(self, request: Request, facts: Facts = NO_FACTS) -> Decision:
        """One decision; `invalid` where the request is not a decision's business, never an error."""
        decision = _decide(self._given, request, facts)
        until = valid_until(self._given, request, facts)
        return decision.model_copy(update={"valid_until": until, "revision": self.revision})


def decide(mous: Sequence[Mou], request: Request, facts: Facts = NO_FACTS, *, revision: str | None = None) -> Decision:
    """One decision on these documents; for many, keep a `Reading`."""
    return Reading(mous, revision=revision).decide(request, facts)


def _decide(given: Given, request: Request, facts: Facts) -> Decision:
    documents = given.seen_by(request, facts)
    # 1. An invalid request is not a decision.
    if (finding := invalid(given, request, documents)) is not None:
        return Decision(outcome="invalid", reason=finding[0], detail=finding[1])
    # 2. Nothing said means no.
    binding = [seen for seen in documents if seen.binding]
    if not binding:
        return Decision(outcome="deny", reason="no-mou-in-force")
    clauses = [_Met(seen, clause) for seen in binding for clause in seen.mou.clauses]
    # 3. What the requester owes.
    if owed := [m for m in clauses if blocks(m.seen, m.clause)]:
        return _deny("duty-overdue", owed)
    # 4. A prohibition beats any permission, unless an excepted permit covers the request.
    prohibiting = [m for m in clauses if m.clause.prohibit is not None and touches(m.seen, m.clause)]
    if standing := [m for m in prohibiting if not lifted(m.seen, m.clause)]:
        return _deny("prohibited", standing)
    # 5. One clause must cover the whole request.
    covering = [m for m in clauses if covers(m.seen, m.clause) and _relied_on(m, request)]
    covering = [m for m in covering if all(_stands_in(m, prohibition) for prohibition in prohibiting)]
    if not covering:
        return Decision(outcome="gap", reason="no-clause")
    # 6. The basis is the first; it may leave the last word to people.
    basis = covering[0]
    if _asks_for_review(basis) and not _approved(basis):
        return Decision(outcome="review", reason="approval-needed", cites=(basis.ref,))
    # 7. Permit, with what the gateway must do.
    consenting = [m for m in clauses if m.clause.consent is not None and touches(m.seen, m.clause)]
    return Decision(
        outcome="permit",
        reason="permitted",
        cites=(basis.ref,),
        also=tuple(m.ref for m in covering[1:]),
        obligations=Obligations(
            view=request.view,
            contributors=tuple(sorted(basis.seen.rows)),
            fields=request.all_fields,
            protection=_protection(basis),
            consent=tuple(_consent_need(m) for m in consenting),
        ),
    )


def _deny(reason: str, met: Sequence[_Met]) -> Decision:
    return Decision(outcome="deny", reason=reason, cites=tuple(m.ref for m in met))


def _relied_on(met: _Met, request: Request) -> bool:
    """The clause is the one that the request relies on, where it names an MOU or a clause."""
    mou, under = request.mou, request.under
    return (mou is None or mou == met.seen.mou.id) and (under is None or under == met.clause.id)


def _stands_in(met: _Met, prohibition: _Met) -> bool:
    """The permit stands in a lifted prohibition's `except`; ids belong to their MOU (R13)."""
    excepted = (prohibition.clause.prohibit.except_ or ()) if prohibition.clause.prohibit is not None else ()
    return met.seen is prohibition.seen and met.clause.id in excepted


def _permit(met: _Met) -> Permit:
    if met.clause.permit is None:
        raise AssertionError("only a permit covers")
    return met.clause.permit


def _asks_for_review(met: _Met) -> bool:
    """`contributors` asks each party in R but the requester: own rows need none. A `<who>` is always asked."""
    review = _permit(met).review
    if review == "contributors":
        return not met.seen.rows <= {met.seen.request.party}
    return review is not None


def _approved(met: _Met) -> bool:
    here = (met.seen.request.party, met.seen.mou.id, met.clause.id)
    return any((a.party, a.mou, a.under) == here for a in met.seen.facts.approved)


def _consent_need(met: _Met) -> ConsentNeed:
    consent = met.clause.consent
    if consent is None:
        raise AssertionError("only a consent clause asks for consent")
    rows = met.seen.rows & met.seen.clause_rows(consent.rows, consent.from_)
    return ConsentNeed(clause=met.ref, contributors=tuple(sorted(rows)))


def _protection(met: _Met) -> Protection:
    """What cells or rows need, defaults filled in (language, Protection; R15)."""
    permit, request = _permit(met), met.seen.request
    protect = permit.protect or Protect()
    if met.seen.rows <= {request.party} or request.view == "identified":
        return Protection(kind="none")
    if request.view == "pseudonymised":
        k = protect.k or (11 if permit.view == "pseudonymised" else None)
        return Protection(kind="pseudonymised", k=k)
    if permit.view == "pseudonymised":
        return Protection(kind="aggregate", minimum_cell=max(protect.k or 11, 11), other_parties=3, dominance=0.8)
    return Protection(
        kind="aggregate",
        minimum_cell=protect.minimum_cell or 11,
        other_parties=3 if protect.other_parties is None else protect.other_parties,
        dominance=0.8 if protect.dominance is None else protect.dominance,
    )
