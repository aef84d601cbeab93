"""Both engines on real policies: the acceptance document, planted faults, and everything that is not an answer.

A fault never looks like a clause that does not apply: whatever is broken, the engine is unavailable, and says why.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from governance.adapters.opa import OpaEngine
from governance.adapters.rego import RegoEngine
from governance.compiler.bundle import CATALOGUE, Bundle, compile_bundle
from governance.compiler.reference import decide
from governance.errors import EngineUnavailable, InputWrong
from governance.model.access import NO_FACTS, Acknowledged, Facts, Withdrawn
from governance.ports import Engine
from tests import acceptance
from tests.adapters.fake_opa import dripping, fake_opa, said
from tests.compiler.small import clause, document, permit, request
from tests.real_parts import Opa

MODULE = "accordant/datasets/d/m_v1/clauses.rego"
NOUNS = "accordant/documents/m_v1/data.json"


@pytest.fixture(scope="module")
def server(opa_server_factory: Callable[..., Opa]) -> Opa:
    """One for this module: it holds one set of policies at a time."""
    return opa_server_factory()


@pytest.fixture(params=["embedded", pytest.param("opa", marks=pytest.mark.opa)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each of the two, with nothing loaded."""
    if request.param == "embedded":
        embedded = RegoEngine(timeout=20)
        yield embedded
        embedded.close()
    else:
        opa = OpaEngine(request.getfixturevalue("server").url, timeout=20)
        yield opa
        opa.close()


_NONE = ["none", None, None, None, None]  # a protection that asks for nothing


def reason_of(call: Callable[[], object]) -> str:
    """Why it is unavailable; anything else fails the test."""
    with pytest.raises(EngineUnavailable) as caught:
        call()
    return caught.value.reason


def spoilt(bundle: Bundle, name: str, *changes: tuple[str, str]) -> Bundle:
    """The bundle with something replaced in one file; what is to be replaced must be there."""
    text = bundle.files[name].decode()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return replace(bundle, files=MappingProxyType({**bundle.files, name: text.encode()}), revision=bundle.revision)


def planted(engine: Engine, bundle: Bundle) -> str:
    """Why a request that the sound bundle refuses gets no answer from a spoilt one."""
    # A server that has the revision is left alone, so the spoilt bundle needs one of its own.
    odd = bundle.revision[:-4] + f"{abs(hash(bundle.files[MODULE] + bundle.files[NOUNS])) % 9999:04d}"
    catalogue = bundle.files[CATALOGUE].replace(bundle.revision.encode(), odd.encode())
    files = MappingProxyType({**bundle.files, CATALOGUE: catalogue})
    known = {d: {**k, "revision": odd} for d, k in bundle.known.items()}
    with pytest.raises(EngineUnavailable) as caught:  # noqa: PT012 either of the two may be where it is found out
        engine.load(replace(bundle, files=files, revision=odd, known=known))
        engine.decide(request(), NO_FACTS)
    return caught.value.reason


# A prohibition of what is asked for, beside a permit of it: where the prohibition vanished, this would be a permit.
PROHIBITED = compile_bundle([document(permit("1"), clause("2", "prohibit", fields=["site"], purpose=["use"]))])
TOUCHED = '"site" in request.fields'


def test_the_sound_bundle_refuses(engine: Engine) -> None:
    """What the faults below would turn into a permit."""
    engine.load(PROHIBITED)
    assert ("deny", "prohibited") == (engine.decide(request(), NO_FACTS).outcome, "prohibited")


@pytest.mark.parametrize(
    ("fault", "reasons"),
    [
        pytest.param("request.at > time.parse_rfc3339_ns(\"no day\")", {"engine-error"}, id="a bad instant"),
        pytest.param("(1 / (count(fields) - count(fields))) == 1", {"engine-error"}, id="a division by zero"),
        pytest.param('object.subset(7, {"site"})', {"engine-error", "engine-incomplete"}, id="a wrong type"),
        pytest.param('count(data.nowhere.fields) == 0', {"engine-incomplete"}, id="an undefined value"),
        pytest.param('to_number("x") == 1', {"engine-error"}, id="no number"),
    ],
)  # fmt: skip
def test_a_fault_in_a_condition(engine: Engine, fault: str, reasons: set[str]) -> None:
    """Of a prohibition: it does not vanish."""
    assert planted(engine, spoilt(PROHIBITED, MODULE, (TOUCHED, fault))) in reasons


def test_a_built_in_that_is_missing(engine: Engine) -> None:
    """It does not even load."""
    lost = spoilt(PROHIBITED, MODULE, (TOUCHED, "nowhere.touches(fields)"))
    assert planted(engine, lost) in {"engine-error", "engine-malformed"}


def test_a_clause_that_is_missing(engine: Engine) -> None:
    """Left out of the lists as if it had never been: the caller knows what must be examined."""
    left = spoilt(PROHIBITED, MODULE, ('["matched" in [clause_2]]', "[false]"), ("[cited_clause_2]", "[]"),
                  ('["1", "2"]', '["1"]'))  # fmt: skip
    assert "engine-incomplete" == planted(engine, left)


def test_a_rule_that_is_missing(engine: Engine) -> None:
    """The list that names it has no value."""
    left = spoilt(PROHIBITED, MODULE, ('\nclause_2 := "', '\nclause_2 := "to" if data.nowhere\n\nunused := "'))
    assert "engine-incomplete" == planted(engine, left)


@pytest.mark.parametrize("rule", ["touching", "prohibited", "covering", "overdue", "consents", "moments", "binds"])
def test_a_list_that_has_no_value(engine: Engine, rule: str) -> None:
    """No list of clauses is taken for an empty one."""
    whole = re.search(rf"\n{rule} := (?:.+\n)+", PROHIBITED.files[MODULE].decode())
    assert whole is not None
    without = spoilt(PROHIBITED, MODULE, (whole[0], f"\n{rule} := data.nowhere\n"))
    assert "engine-incomplete" == planted(engine, without)


def test_a_document_that_is_missing(engine: Engine) -> None:
    """The dataset's module names no document: not one that the caller expects."""
    left = spoilt(PROHIBITED, "accordant/datasets/d/documents.rego",
                  ("documents := data.accordant.datasets.d.m_v1.documents", "documents := []"))  # fmt: skip
    assert "engine-incomplete" == planted(engine, left)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (NOUNS, ('"broader":{', '"broader":7,"was":{')),
        (NOUNS, ('"narrower":{', '"narrower":"x","was":{')),
    ],
)
def test_data_of_the_wrong_type(engine: Engine, name: str, change: tuple[str, str]) -> None:
    """A tree of purposes that is a number is not one without purposes."""
    reasons = {"engine-error", "engine-incomplete", "engine-undefined"}
    assert planted(engine, spoilt(PROHIBITED, name, change)) in reasons


@pytest.fixture(scope="module", params=["embedded", pytest.param("opa", marks=pytest.mark.opa)])
def accepted(request: pytest.FixtureRequest, shared: object) -> Engine:
    """Each of the two, with the acceptance document, loaded once."""
    made: Engine = RegoEngine(timeout=20)
    if request.param == "opa":
        made = OpaEngine(request.getfixturevalue("opa_server_factory")().url, timeout=20)
    made.load(compile_bundle([acceptance.document()]))
    return made


@pytest.mark.parametrize("case", acceptance.cases())
def test_acceptance(accepted: Engine, case: acceptance.Case) -> None:
    """`decisions.csv`, row by row."""
    assert case.expected == case.actual(accepted.decide(case.request, case.facts))


def test_facts_and_consents(engine: Engine) -> None:
    """A whole decision: obligations, consents, and until when."""
    mous = [
        document(
            permit("1", view="pseudonymised", fields=["site", "grade"], protect={"k": 5}),
            clause("2", "consent", rows="others", fields=["grade"]),
            clause("3", "duty", of="everyone", action="acknowledge-purpose", every="P3M", grace="P5D", blocking="all"),
        )
    ]
    engine.load(compile_bundle(mous))
    facts = Facts(
        acknowledged=(Acknowledged.model_validate({"mou": "m", "clause": "3", "party": "a", "on": "2026-05-31"}),),
        withdrawn=(Withdrawn.model_validate({"mou": "m", "party": "c", "at": "2026-06-01T00:00:00Z"}),),
    )
    asked = request(fields=["site", "grade"], view="pseudonymised")
    found = engine.decide(asked, facts)
    assert decide(mous, asked, facts).model_dump(exclude={"revision"}) == found.model_dump(exclude={"revision"})
    assert found.obligations is not None
    assert (("a", "b"), ("b",)) == (found.obligations.contributors, found.obligations.consent[0].contributors)
    assert "2026-09-06 00:00:00+00:00" == str(found.valid_until)


def test_before_anything_is_loaded(engine: Engine) -> None:
    """Nobody is let through."""
    assert "engine-unreachable" == reason_of(lambda: engine.decide(request(), NO_FACTS))


def test_a_new_bundle_and_what_does_not_compile(engine: Engine) -> None:
    """The new one decides; one that cannot be loaded leaves the engine with none that counts, or the old one."""
    engine.load(compile_bundle([document(permit("1"))]))
    assert "permit" == engine.decide(request(), NO_FACTS).outcome
    engine.load(PROHIBITED)
    assert "deny" == engine.decide(request(), NO_FACTS).outcome
    broken = replace(spoilt(PROHIBITED, MODULE, ("\nbinds := ", "\nbinds := (")), revision="0" * 64)
    assert "engine-error" == reason_of(lambda: engine.load(broken))
    try:
        outcome = engine.decide(request(), NO_FACTS).outcome
    except EngineUnavailable as error:
        outcome = error.reason
    assert outcome in {"deny", "engine-stale"}
    engine.load(PROHIBITED)
    assert "deny" == engine.decide(request(), NO_FACTS).outcome


def test_from_many_threads(engine: Engine) -> None:
    """Each gets its own answer."""
    engine.load(compile_bundle([document(permit("1", rows="own"), permit("2", view="aggregate"))]))
    views = ("identified", "aggregate")
    asked = [request(party=p, rows=r, view=v) for p in "abc" for r in ("own", "all") for v in views]
    expected = [engine.decide(a, NO_FACTS) for a in asked]
    with ThreadPoolExecutor(8) as pool:
        assert expected * 20 == list(pool.map(lambda a: engine.decide(a, NO_FACTS), asked * 20))


def test_a_party_of_another_dataset_is_known(engine: Engine) -> None:
    """Known parties, documents and clauses are those of all documents, not of the dataset's own."""
    other = document(
        permit("9", data="e"),
        id="n",
        parties=[{"id": "z", "name": "z", "role": "partner"}],
        datasets={"e": document().datasets["d"]},
    )
    mous = [document(permit("1")), other]
    engine.load(compile_bundle(mous))
    for keys in ({"party": "z"}, {"mou": "n"}, {"under": "9"}, {"mou": "n", "under": "9"}, {"mou": "m", "under": "9"},
                 {"party": "y"}, {"mou": "o"}, {"under": "8"}, {"dataset": "f"}, {"dataset": "e"}):  # fmt: skip
        asked = request(**keys)
        expected = decide(mous, asked, NO_FACTS)
        found = engine.decide(asked, NO_FACTS)
        assert (expected.outcome, expected.reason) == (found.outcome, found.reason), keys


@pytest.mark.parametrize("word", ['say "x"', "back\\slash", "new\nline", "tab\t", "nul\0", "é", "日本", "\U0001f600",
                                  "{{x}}", "`b`", "~e9;", "\u2028", "\\u00e9", "-x"])  # fmt: skip
def test_values_that_would_like_to_be_source(engine: Engine, word: str) -> None:
    """A level, a filter, a party, a field: text is compared as it is."""
    fields: dict[str, Any] = {"f": {"class": "plain", "type": "string", "title": word, "levels": [word, "other"]}}
    datasets = {"d": {"title": "d", "subject": "f", "contributor": "f", "contributors": "everyone", "fields": fields}}
    mous = [document(permit("1", view="aggregate"), datasets=datasets, title=word)]
    engine.load(compile_bundle(mous))
    for keys in ({}, {"party": word}, {"purpose": word}, {"dataset": word}, {"from_": [word]}, {"mou": word},
                 {"filters": [{"field": "f", "op": "eq", "value": word}]},
                 {"filters": [{"field": "f", "op": "eq", "value": json.dumps(word)[1:-1] + "?"}]},
                 {"filters": [{"field": "f", "op": "in", "value": [word, "other"]}]}):  # fmt: skip
        asked = request(**({"fields": ["f"], "view": "aggregate"} | keys))
        expected = decide(mous, asked, NO_FACTS)
        found = engine.decide(asked, NO_FACTS)
        assert (expected.outcome, expected.reason) == (found.outcome, found.reason), keys


# The server alone


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        pytest.param(said(b"{}"), "engine-undefined", id="undefined"),
        pytest.param(said(b'{"result": {}}'), "engine-malformed", id="empty"),
        pytest.param(said(b'{"result": '), "engine-malformed", id="cut off"),
        pytest.param(said(b"[]"), "engine-malformed", id="a list"),
        pytest.param(said(b"\xff\xfe"), "engine-malformed", id="no text"),
        pytest.param(said(b"[" * 100_000), "engine-malformed", id="deep"),
        pytest.param(said(b"<html>", kind="text/html"), "engine-malformed", id="a page"),
        pytest.param(said(b"", status="500 Internal Server Error"), "engine-error", id="500"),
        pytest.param(said(b"{}", status="404 Not Found"), "engine-error", id="404"),
        pytest.param(said(b"{}", status="302 Found"), "engine-undefined", id="302"),
        pytest.param(lambda connection: connection.close(), "engine-unreachable", id="hangs up"),
        pytest.param(said(b" " * 5_000_000), "engine-malformed", id="endless"),
        pytest.param(lambda connection: threading.Event().wait(3), "engine-timeout", id="silent"),
        pytest.param(dripping(b" " * 100, seconds=0.05), "engine-timeout", id="drips"),
    ],
)
def test_rubbish(handler: Any, reason: str) -> None:
    """Whatever a server says, it is a denial with a reason."""
    with fake_opa(handler) as url:
        engine = OpaEngine(url, timeout=0.5)
        engine._bundle = PROHIBITED
        assert reason == reason_of(lambda: engine.decide(request(), NO_FACTS))
        reason_of(lambda: engine.load(PROHIBITED))


GOOD = {
    "answer": ["gap", "no-clause"],
    "documents": [["m_v1", True, ["1", "2"]]],
    "revision": PROHIBITED.revision,
    "valid_until": None,
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"revision": "0" * 64}, "engine-stale"),
        ({"revision": None}, "engine-malformed"),
        ({"documents": []}, "engine-incomplete"),
        ({"documents": [["m_v1", True, ["1"]]]}, "engine-incomplete"),
        ({"documents": [["m_v1", True, ["1", "2", "2"]]]}, "engine-incomplete"),
        ({"documents": [["m_v2", True, ["1", "2"]]]}, "engine-incomplete"),
        ({"documents": [["m_v1", "yes", ["1", "2"]]]}, "engine-malformed"),
        ({"answer": ["permit", "permitted"]}, "engine-malformed"),
        ({"answer": ["permit", "no-clause"]}, "engine-malformed"),
        ({"answer": ["allow", "no-clause"]}, "engine-malformed"),
        ({"answer": ["deny", "prohibited", []]}, "engine-malformed"),
        ({"answer": ["permit", "permitted", [["m_v1", "1"]], [], [], _NONE, []]}, "engine-malformed"),
        ({"answer": ["permit", "permitted", [], [], ["a"], _NONE, []]}, "engine-malformed"),
        ({"answer": ["permit", "permitted", [["m", "1"]], [], ["a"], _NONE, []]}, "engine-malformed"),
        ({"valid_until": "soon"}, "engine-malformed"),
        ({"valid_until": 1.5}, "engine-malformed"),
        ({"answer": ["unanswered"]}, "engine-undefined"),
        ({"answer": ["unanswered"], "documents": []}, "engine-incomplete"),
        ({"more": 1}, "engine-malformed"),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_count(change: dict[str, Any], reason: str) -> None:
    """Every part of it is looked at."""
    with fake_opa(said(json.dumps({"result": list((GOOD | change).values())}).encode())) as url:
        engine = OpaEngine(url, timeout=5)
        engine._bundle = PROHIBITED
        assert reason == reason_of(lambda: engine.decide(request(), NO_FACTS))


def test_the_same_answer_unchanged_counts() -> None:
    """So each change above is what made it worthless."""
    with fake_opa(said(json.dumps({"result": list(GOOD.values())}).encode())) as url:
        engine = OpaEngine(url, timeout=5)
        engine._bundle = PROHIBITED
        assert "gap" == engine.decide(request(), NO_FACTS).outcome


@pytest.mark.opa
def test_a_server_that_is_gone_slow_or_has_other_documents(opa_server_factory: Callable[..., Opa]) -> None:
    """The real one, in every state; and again when it is back."""
    server = opa_server_factory()
    engine = OpaEngine(server.url, timeout=0.5)
    engine.load(PROHIBITED)
    assert "deny" == engine.decide(request(), NO_FACTS).outcome
    server.suspend()
    assert "engine-timeout" == reason_of(lambda: engine.decide(request(), NO_FACTS))
    server.resume()
    assert "deny" == engine.decide(request(), NO_FACTS).outcome
    OpaEngine(server.url, timeout=5).load(compile_bundle([document(permit("1"))]))
    assert "engine-stale" == reason_of(lambda: engine.decide(request(), NO_FACTS))
    engine.load(PROHIBITED)
    server.stop()
    assert "engine-unreachable" == reason_of(lambda: engine.decide(request(), NO_FACTS))
    assert "engine-unreachable" == reason_of(lambda: engine.load(PROHIBITED))


@pytest.mark.opa
def test_a_server_without_policies(opa_server_factory: Callable[..., Opa]) -> None:
    """Undefined: 200, and no result."""
    engine = OpaEngine(opa_server_factory().url, timeout=5)
    engine._bundle = PROHIBITED
    assert "engine-undefined" == reason_of(lambda: engine.decide(request(), NO_FACTS))


@pytest.mark.parametrize("url", ["ftp://host", "host:8181", "http://", "http://host/path", "http://host?x=1"])
def test_no_address(url: str) -> None:
    """Said at once."""
    with pytest.raises(InputWrong, match="is not the address of an OPA server"):
        OpaEngine(url)


# The engine in process alone


def test_a_policy_that_takes_too_long() -> None:
    """It is not waited for; other questions are answered meanwhile, and the old policies again at once."""
    thousands = "numbers.range(1, 3000)"
    long = f"count([1 | some i in {thousands}; some j in {thousands}; i == j]) == 1"
    slow = spoilt(PROHIBITED, MODULE, (TOUCHED, long))
    engine = RegoEngine(timeout=0.2)
    engine.load(slow)
    assert "engine-timeout" == reason_of(lambda: engine.decide(request(), NO_FACTS))
    engine.load(PROHIBITED)
    assert "deny" == engine.decide(request(), NO_FACTS).outcome
    engine.close()
    assert "engine-unreachable" == reason_of(lambda: engine.decide(request(), NO_FACTS))
