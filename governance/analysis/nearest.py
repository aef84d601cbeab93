"""The nearest request that would pass (language, The decision, 5; docs/decisions.md, R20).

Fewest fields dropped, then unchanged `rows` and `from`, then the least lowering of the view; never another purpose,
party, dataset, `mou` or `under`. Where no field is left, the measure `clients` in aggregate.

It looks for one permit after another, best first: what is kept at first is all that the permit speaks of, and where a
prohibition stands in the way, the fields or the contributors that it speaks of are given up. So a question costs a few
decisions for each permit, not one for each set of fields. The reading that decides has the last word: what is returned
was answered `permit`, and has a shape that the gateway takes.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from governance.analysis.nearest_permits import VIEWS, OpenPermit, open_permits
from governance.analysis.nearest_shape import kept_request
from governance.model.access import Decision, Request
from governance.model.mou import Mou

__all__ = ["MOST", "nearest"]

MOST = 400  # decisions for one answer; only documents made to defeat the search come near it
Decide = Callable[[Request], Decision]


@dataclass(frozen=True, slots=True)
class _Candidate:
    permit: OpenPermit
    kept: frozenset[str]  # of the fields asked for
    request: Request  # with its `rows`, `from` and view; `kept` is not applied to it yet


def nearest(request: Request, decision: Decision, mous: Sequence[Mou], decide: Decide) -> Request | None:
    """Such a request, or None where no permit is open to the requester for this purpose and dataset.

    `decide` answers on the same documents, with the same facts.
    """
    if decision.outcome not in ("gap", "deny") or decision.reason == "no-mou-in-force":
        return None
    search = _Search(request, mous, decide)
    for permit in open_permits(request, mous):
        search.begin(permit)
    return search.run()


class _Search:
    """Candidates in the order of preference; each is asked about once."""

    def __init__(self, request: Request, mous: Sequence[Mou], decide: Decide) -> None:
        self._asked = request
        self._fields = frozenset(request.all_fields)
        self._mous = {(m.id, m.version): m for m in mous}
        self._decide = decide
        self._heap: list[tuple[tuple[int, bool, int, int], _Candidate]] = []
        self._turn = count()
        self._passed: set[tuple[OpenPermit, frozenset[str], str]] = set()
        self._known: dict[str, Decision] = {}

    def begin(self, permit: OpenPermit) -> None:
        """All that the permit could allow of the request, for each view and each choice of rows."""
        lowest = VIEWS.index(permit.view)
        for view in VIEWS[max(lowest, VIEWS.index(self._asked.view)) :]:
            kept = self._fields & permit.fields_in(view)
            for rows, from_ in permit.choices(self._asked):
                changed = self._asked.model_copy(update={"rows": rows, "from_": from_, "view": view})
                self._push(_Candidate(permit, kept, changed))
                self._push(_Candidate(permit, frozenset(), changed))

    def _push(self, candidate: _Candidate) -> None:
        made = kept_request(candidate.request, candidate.kept, candidate.permit.mou)
        key = (candidate.permit, candidate.kept, made.model_dump_json())
        if key in self._passed:
            return
        self._passed.add(key)
        dropped = len(self._fields - frozenset(made.all_fields))
        moved = (made.rows, made.from_) != (self._asked.rows, self._asked.from_)
        lowered = VIEWS.index(made.view) - VIEWS.index(self._asked.view)
        heapq.heappush(self._heap, ((dropped, moved, lowered, next(self._turn)), replace(candidate, request=made)))

    def run(self) -> Request | None:
        """The first that is permitted."""
        while self._heap and len(self._known) < MOST:
            _, candidate = heapq.heappop(self._heap)
            decision = self._answer(candidate.request)
            if decision.outcome == "permit":
                return candidate.request
            for narrowed in self._narrowed(candidate, decision):
                self._push(narrowed)
        return None

    def _answer(self, request: Request) -> Decision:
        key = request.model_dump_json()
        if key not in self._known:
            self._known[key] = self._decide(request)
        return self._known[key]

    def _narrowed(self, candidate: _Candidate, decision: Decision) -> Iterator[_Candidate]:
        """What is left when what is in the way gets what it speaks of: a prohibition fields, contributors or both."""
        if decision.outcome == "invalid":  # a filter that is no declared level of others' rows
            yield self._without(candidate, frozenset(f.field for f in candidate.request.filters), frozenset())
        in_the_way = [
            OpenPermit.of(self._mous[ref.mou, ref.version], ref.clause, self._asked)
            for ref in (decision.cites if decision.outcome == "deny" else ())
        ]
        if decision.outcome == "gap":  # one was lifted by another permit, and this one does not stand in its `except`
            in_the_way = candidate.permit.lifted_without(self._mous.values(), self._asked)
        if not in_the_way:
            return
        everyone = candidate.permit.rows_of(candidate.request)
        spoken = frozenset[str]().union(*(p.fields for p in in_the_way if p.names_fields))
        yield self._without(candidate, spoken, frozenset())
        owners = everyone.difference(*(p.contributors for p in in_the_way))
        yield self._without(candidate, frozenset(), owners)
        whole = everyone.difference(*(p.contributors for p in in_the_way if not p.names_fields))
        yield self._without(candidate, spoken, whole)

    def _without(self, candidate: _Candidate, fields: frozenset[str], owners: frozenset[str]) -> _Candidate:
        request = candidate.request
        # Named even where they are all that the permit's document has: another document may know more contributors.
        if owners:
            own = owners == {request.party}
            rows = "own" if own else request.rows
            request = request.model_copy(update={"rows": rows, "from_": None if own else tuple(sorted(owners))})
        return replace(candidate, kept=candidate.kept - fields, request=request)
