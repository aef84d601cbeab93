"""No key of a clause is without effect: each single-key change changes a decision of the generated set, in all three.

The generated set is `edges` of the document together with `edges` of the mutant; `valid_until` and `revision` are left
out of the comparison, so a changed day has to change an answer. Changes of the acceptance document that cannot change
any answer are listed with their reasons, and the list is held to the truth too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any

import pytest

from governance.analysis.edges import clause_edges, edges
from governance.compiler.reference import Reading
from governance.model.access import Decision, Facts, Request
from governance.model.mou import Mou
from tests import acceptance
from tests.conftest import missing
from tests.mutations import Mutant, mutants

Decide = Callable[[Request, Facts], Decision]
Load = Callable[[Sequence[Mou]], Decide]

_NEVER_ANSWERED = ("marketing", "fundraising", "law-enforcement", "immigration-enforcement")
_OWN, _COMPARE, _FUNDER, _QUALITY = ("2.1 permit.", "2.2 permit.", "2.3 permit.", "2.4 permit.")
_RESEARCH = "2.5 permit."
_FIELDS_OF_RESEARCH = "program quarter attendance_days completed grade"

EQUIVALENT: dict[str, frozenset[str]] = {
    reason: frozenset(labels)
    for reason, labels in {
        "who contributes nothing has no rows of its own": [
            _OWN + "to: {roles: [partner convener]}",
            _OWN + "to: {roles: [partner funder]}",
            _OWN + "to: everyone",
            _RESEARCH + "from: {parties: [northside riverbend lakeview backbone]}",
            _RESEARCH + "from: {parties: [northside riverbend lakeview trust]}",
        ],
        "own rows need neither review nor protection": [
            _OWN + "review: contributors",
            *(
                _OWN + "protect: {" + key + "}"
                for key in ("minimum_cell: 17", "other_parties: 4", "dominance: 0.5", "k: 17")
            ),
        ],
        "a key of protection that the view does not look at, or its default": [
            _COMPARE + "protect: {minimum_cell: 11, other_parties: 3, k: 17}",
            _COMPARE + "protect: absent",
            _FUNDER + "protect: {minimum_cell: 11, other_parties: 5, k: 17}",
            *(
                clause + "protect: {k: " + k + ", " + key + "}"
                for clause, k in ((_QUALITY, "5"), (_RESEARCH, "11"))
                for key in ("minimum_cell: 17", "other_parties: 4", "dominance: 0.5")
            ),
            _RESEARCH + "protect: absent",
        ],
        "the partners are all the contributors that there are": [
            f"{clause}from: {{roles: [partner]}}"
            for clause in (_OWN, _COMPARE, _FUNDER, _QUALITY, "3.1 prohibit.", "3.2 prohibit.", "3.3 prohibit.")
        ]
        + ["4.1 consent.from: {roles: [partner]}"],
        "who contributes nothing sees only others": [
            clause + "rows: others" for clause in (_FUNDER, _QUALITY, _RESEARCH)
        ],
        "a purpose that is within another of the clause, or related to it": [
            _OWN + "purpose: [service-delivery program-improvement benchmarking]",
            _OWN + "purpose: [service-delivery program-improvement data-quality]",
            _COMPARE + "purpose: [program-improvement benchmarking]",
            _COMPARE + "purpose: [program-improvement data-quality]",
            "3.1 prohibit.purpose: [marketing law-enforcement fundraising]",
            "3.1 prohibit.purpose: [marketing law-enforcement immigration-enforcement]",
            "3.1 prohibit.purpose: [fundraising law-enforcement]",
        ],
        "a purpose that clause 3.1 prohibits": [
            f"{clause}purpose: [{purposes} {never}]"
            for clause, purposes in (
                (_OWN, "service-delivery program-improvement"),
                (_COMPARE, "program-improvement"),
                (_FUNDER, "funder-reporting"),
                (_QUALITY, "data-quality"),
            )
            for never in _NEVER_ANSWERED
        ],
        "identifiers of others, that clause 3.2 prohibits": [
            _FUNDER + "fields: [program quarter completed client_id]",
            _FUNDER + "fields: [program quarter completed name]",
            _QUALITY + "fields: {classes: [plain identifier]}",
            _RESEARCH + f"fields: [{_FIELDS_OF_RESEARCH} client_id]",
            _RESEARCH + f"fields: [{_FIELDS_OF_RESEARCH} name]",
            "4.1 consent.fields: [grade client_id]",
            "4.1 consent.fields: [grade name]",
        ],
        "fields of others that no clause permits need no consent": [
            "4.1 consent.fields: [grade birth_date]",
            "4.1 consent.fields: [grade zip]",
        ],
        "who approves is not the reading's business, only that it is so": [
            _RESEARCH + "review: {parties: [northside]}"
        ],
        "any rows are all rows": ["3.1 prohibit.rows: all"],
        "a permit that never covers what the prohibition touches lifts nothing": [
            *(f"3.1 prohibit.except: [{permit}]" for permit in ("2.1", "2.2", "2.3", "2.4", "2.5")),
            *(f"3.2 prohibit.except: [{permit}]" for permit in ("2.1", "2.2", "2.3", "2.4", "2.5")),
            *(f"3.3 prohibit.except: [2.5 {permit}]" for permit in ("2.1", "2.2", "2.3", "2.4")),
        ],
        "everyone has one of the roles": ["5.1 duty.of: everyone"],
        "a duty that blocks nothing": [
            *(f"5.2 duty.of: {{roles: [{roles}]}}" for roles in ("funder", "convener", "convener funder partner")),
            "5.2 duty.of: {roles: [partner funder]}",
            "5.2 duty.of: everyone",
            "5.2 valid: {from: 2028-03-01}",
            "5.2 valid: {until: 2028-03-01}",
        ],
    }.items()
}
_NO_EFFECT = frozenset(chain.from_iterable(EQUIVALENT.values()))


def _answer(decision: Decision) -> Decision:
    return decision.model_copy(update={"valid_until": None, "revision": "", "detail": None})


@cache
def _original() -> Mou:
    return acceptance.document()


@cache
def _set() -> tuple[tuple[Request, Facts], ...]:
    return tuple(edges([_original()]))


def _generated(mutant: Mutant) -> Iterator[tuple[Request, Facts]]:
    """The generated set, what lies nearest to the changed clause first."""
    for mou in (mutant.mou, _original()):
        clause = next(c for c in mou.clauses if c.id == mutant.clause)
        yield from clause_edges([mou], mou, clause)
    yield from _set()
    yield from edges([mutant.mou])


class _Witness:
    """Finds a request of the generated set on which the mutant answers otherwise, by the plain-Python reading."""

    def __init__(self) -> None:
        self._reading = Reading([_original()], revision="r")
        self._known: dict[str, Decision] = {}

    def _before(self, request: Request, facts: Facts) -> Decision:
        key = request.model_dump_json() + facts.model_dump_json()
        if key not in self._known:
            self._known[key] = _answer(self._reading.decide(request, facts))
        return self._known[key]

    def find(self, mutant: Mutant) -> tuple[Request, Facts] | None:
        """The first such request; None where the change has no effect on the set."""
        after = Reading([mutant.mou], revision="r")
        for request, facts in _generated(mutant):
            if self._before(request, facts) != _answer(after.decide(request, facts)):
                return request, facts
        return None


@pytest.fixture(scope="module")
def witness(shared: Any) -> _Witness:
    """One for all mutants, since the unchanged document's answers are always the same."""
    return _Witness()


@pytest.fixture(scope="module", params=["embedded", "opa"])
def load(request: pytest.FixtureRequest) -> Load:
    """An engine as a function from documents to decisions; only one set of documents at a time."""
    try:
        from governance.compiler.bundle import compile_bundle
    except ImportError as error:
        missing(f"the compiler to Rego ({error})")
    engine: Any
    try:
        if request.param == "embedded":
            from governance.adapters.rego import RegoEngine

            engine = RegoEngine()
        else:
            from governance.adapters.opa import OpaEngine

            engine = OpaEngine(request.getfixturevalue("opa_server_factory")().url)
    except ImportError as error:
        missing(f"the engine `{request.param}` ({error})")

    def loaded(mous: Sequence[Mou]) -> Decide:
        engine.load(compile_bundle(mous))
        return engine.decide  # type: ignore[no-any-return]

    return loaded


def _mutants(clause: str) -> list[Mutant]:
    return [mutant for mutant in mutants(_original()) if mutant.clause == clause]


CLAUSES = ("2.1", "2.2", "2.3", "2.4", "2.5", "3.1", "3.2", "3.3", "4.1", "5.1", "5.2")


@pytest.mark.shared
@pytest.mark.parametrize("clause", CLAUSES)
def test_every_change_changes_an_answer(clause: str, witness: _Witness) -> None:
    """In the plain-Python reading every change of the clause has a request that shows it."""
    changed = [mutant for mutant in _mutants(clause) if mutant.label not in _NO_EFFECT]
    assert changed
    assert [] == [mutant.label for mutant in changed if witness.find(mutant) is None]


def _seen(chosen: Sequence[Mutant], witness: _Witness, load: Load) -> None:
    asked = [(mutant, found) for mutant in chosen if (found := witness.find(mutant)) is not None]
    before = load([_original()])
    unchanged = [_answer(before(*found)) for _, found in asked]
    for (mutant, found), was in zip(asked, unchanged, strict=True):
        now = _answer(load([mutant.mou])(*found))
        assert was != now, mutant.label
        assert _answer(Reading([mutant.mou], revision="r").decide(*found)) == now, mutant.label


@pytest.mark.shared
@pytest.mark.parametrize("clause", CLAUSES)
def test_every_engine_sees_a_change_of_each_key(clause: str, witness: _Witness, load: Load) -> None:
    """An engine answers the same request otherwise once the changed document is loaded, and as the reference does."""
    first: dict[str, Mutant] = {}
    for mutant in _mutants(clause):
        if mutant.label not in _NO_EFFECT:
            first.setdefault(mutant.label.partition(":")[0], mutant)
    _seen(list(first.values()), witness, load)


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("clause", CLAUSES)
def test_every_engine_sees_every_change(clause: str, witness: _Witness, load: Load) -> None:
    """The same of all changes: each is compiled and loaded, which takes minutes."""
    _seen([mutant for mutant in _mutants(clause) if mutant.label not in _NO_EFFECT], witness, load)


@pytest.mark.shared
def test_what_has_no_effect_is_a_mutant(shared: Any) -> None:
    """The list of changes without effect names nothing that is not made."""
    assert frozenset() == _NO_EFFECT - {mutant.label for mutant in mutants(_original())}


@pytest.mark.shared
@pytest.mark.slow
def test_what_has_no_effect_has_none(witness: _Witness) -> None:
    """None of the listed changes changes any answer of the whole generated set."""
    listed = [mutant for mutant in mutants(_original()) if mutant.label in _NO_EFFECT]
    assert [] == [mutant.label for mutant in listed if witness.find(mutant) is not None]
