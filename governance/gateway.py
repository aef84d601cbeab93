"""The gateway: verify, refuse replays, decide, govern, query, record, release (design §3).

No byte of data leaves before a durable entry says who, what, for which purpose, under which clause, and which
subjects. A crash at any instant leaves the log saying at least as much as what left: `request` and the first batch's
`disclosure` entries are one transaction with the nonce, each later batch's entries are durable before that batch is
yielded, and `release` closes the account. Everything that is not a permit is recorded as well, and releases nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from audit import Draft, Entry
from governance.consents import Consents
from governance.decider import CitedClause, Decider
from governance.declaration import identity, recorded
from governance.disclosure.answer import Answer, Batch, answer
from governance.disclosure.govern import govern
from governance.disclosure.indicators import IndicatorAsked, expand
from governance.errors import (
    AccordantError,
    InputWrong,
    LogUnavailable,
    NotAuthentic,
    Refused,
    Replayed,
    RequestInvalid,
    RequestRefused,
    Unavailable,
)
from governance.model.access import Decision, Request
from governance.model.limits import Limits
from governance.naming import Known, named, words
from governance.ports import Clock, Journal, Nonces
from governance.query_body import parse
from governance.signing.http import Declaration, SignatureRefused
from governance.sources import SourceBook

_LONGEST_WORD = 200
_TRIES = 10
# Rows that stay columns from the source to the answer come in batches so many times as large: fewer transactions.
# An entry names no more subjects for that.
_COLUMNAR = 5

__all__ = ["DataCall", "Gateway", "Refusal", "Released", "Requester"]


_Outcome = TypeVar("_Outcome")


class _FactsMoved(Exception):
    """A fact that the decision hangs on was recorded after it, and before its own entry."""


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks: the owner of the key that signed."""

    party: str
    fingerprint: str
    person: str


@dataclass(frozen=True, slots=True)
class DataCall:
    """A verified, signed call: nothing in it is trusted but that its signer declared it."""

    requester: Requester
    declaration: Declaration
    body: bytes
    facts: int | None = None  # the facts' version that it is being decided on
    columnar: bool = False  # whether the answer is encoded column by column


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing leaves. `entry` is the log's index of the record, where one could be made."""

    outcome: str
    error: AccordantError
    entry: int | None = None
    decision: Decision | None = None
    clauses: tuple[CitedClause, ...] = ()
    nearest: Request | None = None


@dataclass(slots=True)
class Released:
    """Data that may leave, batch by batch; `stream` is the only way to it, and it closes the account in the log."""

    entry: int
    answer: Answer
    decision: Decision
    _batches: Iterator[Batch]
    _close: Callable[[int, int, str, bool], None]
    rows: int = field(default=0)
    _begun: bool = field(default=False)

    def stream(self, encode: Callable[[Iterator[Batch]], Iterator[bytes]]) -> Iterator[bytes]:
        """The encoded bytes. Whatever ends them, a `release` entry says how many rows and bytes left."""
        self._begun = True
        digest, size, complete = hashlib.sha256(), 0, False
        try:
            for chunk in encode(self._counted()):
                digest.update(chunk)
                size += len(chunk)
                yield chunk
            complete = True
        finally:
            self._close(self.rows, size, digest.hexdigest(), complete)

    def abandon(self) -> None:
        """Nobody reads it any more. Closes the account of an answer whose first byte was never asked for."""
        if not self._begun:
            self._begun = True
            self._close(0, 0, hashlib.sha256().hexdigest(), False)

    def _counted(self) -> Iterator[Batch]:
        for batch in self._batches:
            self.rows += batch.table.num_rows
            yield batch


@dataclass(frozen=True, slots=True)
class Gateway:
    """One call of `query`, one account in the log. Safe from any thread."""

    journal: Journal
    clock: Clock
    decider: Decider
    sources: SourceBook
    consents: Consents
    nonces: Nonces
    pseudonym_key: bytes
    limits: Limits
    standing: Callable[[], None]  # raises LogUnavailable while nothing may be released: `Continuity.require`
    clients: Known  # `Vault.known`

    def query(self, call: DataCall) -> Released | Refusal:
        """Answers a data request. Never raises for anything that the caller can cause.

        What is recorded was decided on facts that still stood when the entry was written: where a key was revoked, a
        party withdrew or a version was activated meanwhile, everything is done anew.
        """
        return self._on_standing_facts(call, self._query)

    def refuse(self, call: DataCall, error: InputWrong) -> Refusal:
        """Records a call that its signer may not have answered in this form; its nonce is used up."""

        def record(standing: DataCall) -> Refusal:
            return self._record(standing, Refusal("invalid", error), None)

        return self._on_standing_facts(call, record)

    def _on_standing_facts(self, call: DataCall, act: Callable[[DataCall], _Outcome]) -> _Outcome | Refusal:
        for _ in range(_TRIES):
            try:
                return act(replace(call, facts=self.decider.settled()))
            except _FactsMoved:
                continue
            except LogUnavailable as error:
                return Refusal("unavailable", error)
        busy = LogUnavailable("keys or agreements are changing; try again in a moment", reason="facts-moving")
        return Refusal("unavailable", busy)

    def _query(self, call: DataCall) -> Released | Refusal:
        declaration = call.declaration
        if not self.decider.stands(declaration.keyid):
            return Refusal("invalid", SignatureRefused(keyid=None))
        if self.nonces.seen(declaration.keyid, declaration.nonce):
            return self._replayed(call)
        now = self.clock.now()
        request: Request | None = None
        decision: Decision | None = None
        try:
            self.standing()
            parsed = parse(call.body, self.limits)
            request = parsed.request(
                party=call.requester.party, purpose=declaration.purpose, mou=declaration.mou, at=now
            )
            if parsed.indicator is not None:
                request = expand(request, self.decider.document(declaration.mou, now), parsed.indicator)
            decision = self.decider.decide(request)
            if decision.outcome == "invalid":
                raise RequestInvalid(decision.detail or decision.reason, reason=decision.reason)
            if decision.outcome != "permit":
                return self._refused(call, request, decision)
            return self._release(call, request, decision, parsed.indicator)
        except InputWrong as error:
            return self._record(call, Refusal("invalid", error, decision=None), request)
        except Replayed:
            return self._replayed(call)
        except (Refused, NotAuthentic) as error:
            return self._record(call, Refusal("deny", error, decision=decision), request)
        except Unavailable as error:
            return self._record(call, Refusal("unavailable", error, decision=decision), request)

    def _release(
        self, call: DataCall, request: Request, decision: Decision, indicator: IndicatorAsked | None
    ) -> Released:
        basis = decision.cites[0]
        mou = self.decider.version(basis.mou, basis.version)
        governed = govern(
            request=request,
            decision=decision,
            mou=mou,
            pseudonym_key=self.pseudonym_key,
            indicator=indicator,
            seconds=self.limits.query_seconds,
            batch_rows=self._batch_rows(call, request),
            max_rows=self.limits.rows,
            consents=self.consents.needed(request, decision, version=self.decider.version),
        )
        made = answer(governed, self.sources.fetcher(governed), self.sources.together(governed))
        batches = iter(made.batches)
        first = next(batches, None)
        drafts = [self._request_draft(call, "permit", request, decision=decision)]
        drafts += self._disclosures(call, request, decision, first) if first else []
        entry = self._appended(call, drafts)

        def durable_first() -> Iterator[Batch]:
            if first is not None:
                yield first
            for batch in batches:
                more = self._disclosures(call, request, decision, batch)
                if more:
                    self.journal.append(more)
                yield batch

        def close(rows: int, size: int, sha256: str, complete: bool) -> None:
            made.close()
            body = {
                "call": identity(call.declaration),
                "request": entry,
                "party": call.requester.party,
                "rows": rows,
                "bytes": size,
                "sha256": sha256,
                "complete": complete,
            }
            readers = self._readers(call, decision)
            draft = Draft("release", body, readers, self._index(call, request, "permit", decision), use="content")
            self.journal.append_soon([draft])

        return Released(entry, made, decision, durable_first(), close)

    def _batch_rows(self, call: DataCall, request: Request) -> int:
        whole = call.columnar and request.view == "identified" and not request.order_by
        return self.limits.batch_rows * (_COLUMNAR if whole else 1)

    def _disclosures(self, call: DataCall, request: Request, decision: Decision, batch: Batch) -> list[Draft]:
        """Whose rows are in the batch: entries for each contributor, so that none reads of another's clients.

        Each says by itself what was told and why, for the record of the request may be forgotten before it.
        """
        under = [{"mou": c.mou, "version": c.version, "clause": c.clause} for c in decision.cites]
        drafts, most = [], self.limits.batch_rows
        for contributor, subjects in batch.subjects.items():
            # The real ids behind pseudonyms are for their contributor alone.
            readers = {contributor} | ({call.requester.party} if request.view == "identified" else set())
            index = {"party": call.requester.party, "dataset": request.dataset, "purpose": request.purpose}
            for first in range(0, len(subjects), most):
                body: dict[str, Any] = {
                    "call": identity(call.declaration),
                    "party": call.requester.party,
                    "purpose": request.purpose,
                    "dataset": request.dataset,
                    "view": request.view,
                    "fields": list(request.fields),
                    "contributor": contributor,
                    "under": under,
                }
                some = {contributor: subjects[first : first + most]}
                filed = tuple(sorted(readers))
                drafts.append(Draft("disclosure", body, filed, index, use="disclosure", subjects=some))
        return drafts

    def _refused(self, call: DataCall, request: Request, decision: Decision) -> Refusal:
        nearest = self.decider.nearest(request, decision)
        clauses = self.decider.cited(decision.cites)
        error = RequestRefused(decision, self.decider.explain(request, decision, clauses))
        refusal = Refusal(decision.outcome, error, decision=decision, clauses=clauses, nearest=nearest)
        return self._record(call, refusal, request)

    def _replayed(self, call: DataCall) -> Refusal:
        error = Replayed("this nonce was counted before; sign every request anew")
        return self._record(call, Refusal("replay", error), None, count_nonce=False)

    def _record(
        self, call: DataCall, refusal: Refusal, request: Request | None, *, count_nonce: bool = True
    ) -> Refusal:
        draft = self._request_draft(
            call,
            refusal.outcome,
            request,
            decision=refusal.decision,
            reason=refusal.error.reason,
            nearest=refusal.nearest,
        )
        try:
            entry = self._appended(call, [draft], count_nonce=count_nonce)
        except Replayed:
            # A write whose outcome nobody told may have counted this very request: that is no replay.
            return refusal if isinstance(refusal.error, LogUnavailable) else self._replayed(call)
        except LogUnavailable as error:
            # What can't be logged doesn't happen; nothing leaves either way, and the caller hears of the log.
            return Refusal("unavailable", error)
        return replace(refusal, entry=entry)

    def _appended(self, call: DataCall, drafts: Sequence[Draft], *, count_nonce: bool = True) -> int:
        """The number of the first entry, durable with the others and with the nonce. Raises Replayed."""
        declaration = call.declaration

        def count(connection: Any, _entries: Sequence[Entry]) -> None:
            if call.facts is None or self.decider.settled() != call.facts:
                raise _FactsMoved
            self.nonces.count(connection, keyid=declaration.keyid, nonce=declaration.nonce, expires=declaration.expires)

        entries = self.journal.append(drafts, within=count if count_nonce else None)
        if count_nonce:
            self.nonces.remember(declaration.keyid, declaration.nonce)
        return entries[0].seq

    def _request_draft(
        self,
        call: DataCall,
        outcome: str,
        request: Request | None,
        *,
        decision: Decision | None,
        reason: str | None = None,
        nearest: Request | None = None,
    ) -> Draft:
        body: dict[str, Any] = {
            "call": identity(call.declaration),
            "outcome": outcome,
            "reason": reason or (decision.reason if decision else outcome),
            "party": call.requester.party,
            "person": call.requester.person,
            "declaration": recorded(call.declaration, call.body),
        }
        if request is not None:
            body["request"] = request.model_dump(mode="json", by_alias=True, exclude_none=True)
        if decision is not None:
            body["decision"] = decision.model_dump(mode="json", by_alias=True, exclude={"nearest"}, exclude_none=True)
            body["clauses"] = [c.recorded() for c in self.decider.cited(decision.cites)]
        if nearest is not None:
            body["nearest"] = nearest.offered()
        names = self._named(call, request, outcome, decision)
        index = self._index(call, request, outcome, decision, {subject for _, subject in names})
        return Draft("request", body, self._readers(call, decision), index, use="content", names=names)

    def _named(
        self, call: DataCall, request: Request | None, outcome: str, decision: Decision | None
    ) -> tuple[tuple[str, str], ...]:
        """The clients that the call names, as (contributor, id): the record of it is forgotten with them."""
        declared = call.declaration
        contributors = decision.obligations.contributors if decision and decision.obligations else ()
        return named(
            request,
            outcome=outcome,
            holders=set(contributors) or {call.requester.party},
            subject_fields=self.decider.subject_fields(request) if request is not None else (),
            written=lambda: words(call.body, declared.purpose, declared.mou, declared.base.decode("ascii", "replace")),
            known=self.clients,
        )

    @staticmethod
    def _readers(call: DataCall, decision: Decision | None) -> tuple[str, ...]:
        contributors = decision.obligations.contributors if decision and decision.obligations else ()
        return tuple(sorted({call.requester.party, *contributors}))

    @staticmethod
    def _index(
        call: DataCall,
        request: Request | None,
        outcome: str,
        decision: Decision | None,
        clients: Collection[str] = (),
    ) -> dict[str, str | tuple[str, ...]]:
        index: dict[str, str | tuple[str, ...]] = {
            "party": call.requester.party,
            "connector": call.requester.fingerprint,
            "purpose": call.declaration.purpose,
            "mou": call.declaration.mou,
            "outcome": outcome,
        }
        if request is not None:
            index["dataset"] = request.dataset
        if decision is not None and decision.cites:
            index["clause"] = tuple(str(c) for c in decision.cites)
        # What cannot be a search word (empty, longer than a name, a client's id) still stands in the body.
        return {
            k: v
            for k, v in index.items()
            if not isinstance(v, str) or (0 < len(v) <= _LONGEST_WORD and v not in clients)
        }
