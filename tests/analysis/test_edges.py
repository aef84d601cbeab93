"""The generated set: deterministic, bounded, well typed on any documents, and at every key of every clause."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from governance.analysis.edges import LIMIT, clause_edges, edges
from governance.compiler.reference import Reading
from governance.model.mou import Mou
from tests import acceptance
from tests.strategies import worlds


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_any_documents_have_the_same_bounded_set(mous: tuple[Mou, ...]) -> None:
    """Whatever the order in which they are given; no request twice; an answer to each."""
    asked = list(edges(mous))
    keys = [request.model_dump_json() + facts.model_dump_json() for request, facts in asked]
    again = [request.model_dump_json() + facts.model_dump_json() for request, facts in edges(mous[::-1])]
    assert keys == again, "another order of the documents gives another set"
    assert len(asked) <= LIMIT * sum(len(m.clauses) + 1 for m in mous)
    assert len(keys) == len(set(keys))
    reading = Reading(mous, revision="r")
    assert all(reading.decide(*one).outcome != "unavailable" for one in asked[:400])


@pytest.mark.shared
def test_the_acceptance_documents_set_has_every_outcome(shared: object) -> None:
    """A few hundred to a few thousand requests; each outcome, and each clause that can be cited, among them."""
    mou = acceptance.document()
    decisions = [Reading([mou], revision="r").decide(*one) for one in edges([mou])]
    assert 500 <= len(decisions) <= 3000
    assert {"permit", "deny", "gap", "review", "invalid"} == {d.outcome for d in decisions}
    cited = Counter(ref.clause for d in decisions for ref in d.cites)
    assert {"2.1", "2.2", "2.3", "2.4", "2.5", "3.1", "3.2", "3.3", "5.1"} == set(cited)
    reasons = {d.reason for d in decisions}
    assert {"duty-overdue", "no-mou-in-force", "prohibited", "approval-needed", "undeclared-level"} <= reasons


@pytest.mark.shared
def test_a_clauses_own_set_is_on_both_sides_of_it(shared: object) -> None:
    """Of each permit: requests that it covers, and requests that it just does not."""
    mou = acceptance.document()
    reading = Reading([mou], revision="r")
    for clause in mou.clauses:
        if clause.permit is not None:
            asked = [reading.decide(*one) for one in clause_edges([mou], mou, clause)]
            covered = [
                d for d in asked if clause.id in {ref.clause for ref in (*d.cites, *d.also)} and d.outcome == "permit"
            ]
            assert 10 < len(covered) < len(asked) - 10, clause.id
