"""Decisions for the gateway: the policies that count, the facts of the log, a cache that knows when it is stale.

A cached decision is used until `valid_until`, and only while the bundle's revision and the number of the last entry
that decisions hang on are what they were (design §2). Time that steps back finds nothing in the cache.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from governance.agreements.activation import Live, Policies
from governance.agreements.book import RegisterBook
from governance.analysis.nearest import nearest
from governance.compiler.to_text import clause_sha256, clause_text
from governance.errors import EngineUnavailable, RequestInvalid
from governance.model.access import ClauseRef, Decision, Facts, Request
from governance.model.clauses import Clause
from governance.model.mou import Mou
from governance.model.period import start_of

__all__ = ["CitedClause", "Decider"]

_KEPT = 10_000

_WORDS = {
    "no-mou-in-force": "no memorandum that `{party}` is party to is in force for `{dataset}`",
    "duty-overdue": "a duty of `{party}` is overdue",
    "prohibited": "the memorandum forbids it",
    "no-clause": "no clause permits `{view}` {rows} rows of these fields for `{purpose}`",
    "approval-needed": "the clause asks for approvals that are not all there",
}


@dataclass(frozen=True, slots=True)
class CitedClause:
    """A clause with its words, as refusals show it and the log records it."""

    ref: ClauseRef
    title: str
    text: str
    text_sha256: str

    def shown(self) -> dict[str, Any]:
        """For a problem document."""
        return self.recorded() | {"title": self.title, "text": self.text}

    def recorded(self) -> dict[str, Any]:
        """For the log: the digest stands for the words."""
        return {
            "mou": self.ref.mou,
            "version": self.ref.version,
            "clause": self.ref.clause,
            "text_sha256": self.text_sha256,
        }


@dataclass(frozen=True, slots=True)
class _Kept:
    decision: Decision
    since: dt.datetime
    until: dt.datetime | None

    def holds(self, at: dt.datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


def _key(request: Request) -> Hashable:
    return (
        request.party, request.dataset, request.fields, request.rows, request.from_, request.view, request.purpose,
        request.mou, request.under, request.group_by, request.order_by, request.limit,
        repr(request.filters) if request.filters else "", repr(request.measures) if request.measures else "",
    )  # fmt: skip


class Decider:
    """Safe from any thread."""

    def __init__(self, *, policies: Policies, book: RegisterBook) -> None:
        self._policies, self._book = policies, book
        self._lock = threading.Lock()
        self._state: tuple[str, int] = ("", -1)
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._clauses: dict[ClauseRef, CitedClause] = {}

    def _live(self) -> Live:
        live = self._policies.refresh()
        if live is None:
            raise EngineUnavailable("no memorandum has been activated here yet", reason="no-policy")
        return live

    def decide(self, request: Request) -> Decision:
        """The decision, from the cache where it still holds. Raises EngineUnavailable."""
        live, version = self._live(), self._book.facts_version()
        state, key = (live.revision, version), _key(request)
        with self._lock:
            if state != self._state:
                self._kept.clear()
                self._state = state
            kept = self._kept.get(key)
        if kept is not None and kept.holds(request.at):
            return kept.decision
        register = self._book.current()
        decision = self._policies.decide(request, register.facts(request))
        ends = [i for i in (decision.valid_until, register.facts_until(request), live.until) if i is not None]
        with self._lock:
            # An entry may have come meanwhile: only what was decided on the facts of `state` is kept.
            if self._state == state and self._book.facts_version() == version:
                self._kept[key] = _Kept(decision, request.at, min(ends, default=None))
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return decision

    def settled(self) -> int | None:
        """The facts' version, or None while one is on its way: what is recorded under another was decided too early."""
        return self._book.settled()

    def stands(self, fingerprint: str) -> bool:
        """Whether a key may sign now."""
        key = self._book.key(fingerprint)
        return key is not None and key.active

    def nearest(self, request: Request, decision: Decision) -> Request | None:
        """The nearest request that would pass; None where there is none, or no engine to ask."""
        register = self._book.current()

        def ask(asked: Request) -> Decision:
            facts: Facts = register.facts(asked)
            return self._policies.decide(asked, facts)

        return nearest(request, decision, self._live().mous, ask)

    def subject_fields(self, request: Request) -> frozenset[str]:
        """The fields in which the request's dataset holds a client's own id."""
        try:
            live = self._live()
        except EngineUnavailable:
            return frozenset()
        return frozenset(m.datasets[request.dataset].subject for m in live.mous if request.dataset in m.datasets)

    def version(self, mou: str, version: int) -> Mou:
        """One document of those that count. Raises EngineUnavailable: a decision cited what does not count."""
        for document in self._live().mous:
            if (document.id, document.version) == (mou, version):
                return document
        raise EngineUnavailable(f"`{mou}@{version}` is cited and does not count", reason="engine-stale")

    def documents(self) -> tuple[Mou, ...]:
        """The documents that count; none before the first activation."""
        live = self._policies.refresh()
        return live.mous if live is not None else ()

    def document(self, mou: str, at: dt.datetime) -> Mou:
        """The version of an MOU that is the newest begun by `at`. Raises RequestInvalid (`unknown-mou`)."""
        versions = sorted((d for d in self._live().mous if d.id == mou), key=lambda d: d.version)
        if not versions:
            raise RequestInvalid(f"`{mou}` is no memorandum here", reason="unknown-mou", field="mou")
        begun = [d for d in versions if start_of(d.effective, d.zone) <= at]
        return begun[-1] if begun else versions[0]

    def cited(self, refs: Iterable[ClauseRef]) -> tuple[CitedClause, ...]:
        """The clauses with their words."""
        return tuple(self._cited(ref) for ref in refs)

    def _cited(self, ref: ClauseRef) -> CitedClause:
        found = self._clauses.get(ref)
        if found is None:
            mou = self.version(ref.mou, ref.version)
            clause: Clause = next(c for c in mou.clauses if c.id == ref.clause)
            found = CitedClause(ref, clause.title, clause_text(mou, clause), clause_sha256(mou, clause))
            self._clauses[ref] = found
        return found

    @staticmethod
    def explain(request: Request, decision: Decision, clauses: Iterable[CitedClause]) -> str:
        """One sentence that says why not, naming the clauses."""
        sentence = _WORDS.get(decision.reason, decision.reason).format(
            party=request.party,
            dataset=request.dataset,
            view=request.view,
            rows=request.rows,
            purpose=request.purpose,
        )
        named = ", ".join(f"{c.ref} ({c.title})" for c in clauses)
        return f"{sentence}: {named}" if named else sentence
