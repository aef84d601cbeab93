"""Three readings of the language that share no code for deciding: plain Python, Rego in process, Rego in OPA.

On generated documents and requests, biased to the edges, they agree on everything that a decision binds anyone to. A
difference means that one of them misreads the language: the language and docs/decisions.md say which.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings

from governance.adapters.opa import OpaEngine
from governance.adapters.rego import RegoEngine
from governance.analysis.agreement import compare, essence
from governance.analysis.edges import edges
from governance.compiler import reference
from governance.compiler.bundle import compile_bundle
from governance.model.access import Decision, Facts, Request
from governance.model.mou import Mou
from governance.ports import Engine
from tests import acceptance
from tests.compiler.small import clause, document, permit
from tests.real_parts import Opa
from tests.strategies import askings

Asked = tuple[Request, Facts]


@pytest.fixture(scope="module", params=["embedded", pytest.param("opa", marks=pytest.mark.opa)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each of the two engines, compared with the reference."""
    if request.param == "embedded":
        embedded = RegoEngine(timeout=30)
        yield embedded
        embedded.close()
    else:
        factory: Callable[..., Opa] = request.getfixturevalue("opa_server_factory")
        yield OpaEngine(factory().url, timeout=30)


def agree(engine: Engine, mous: Sequence[Mou], cases: Sequence[Asked]) -> None:
    """On each case; what differs is shown."""
    engine.load(compile_bundle(mous))

    def plain(request: Request, facts: Facts) -> Decision:
        return reference.decide(mous, request, facts)

    asked, difference = compare({"reference": plain, engine.name: engine.decide}, cases)
    assert None is (difference and difference.shown())
    assert len(cases) == asked


@given(asking=askings(most=25))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_generated_worlds(engine: Engine, asking: tuple[tuple[Mou, ...], list[Asked]]) -> None:
    """Several documents, versions, zones, trees of purposes, overlapping contributors, hostile words."""
    mous, cases = asking
    agree(engine, mous, cases)


@pytest.mark.slow
@given(asking=askings(most=60))
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_generated_worlds(engine: Engine, asking: tuple[tuple[Mou, ...], list[Asked]]) -> None:
    """The same, for longer."""
    mous, cases = asking
    agree(engine, mous, cases)


def test_every_edge_of_the_acceptance_document(engine: Engine, shared: object) -> None:
    """What has to agree before activation does."""
    mous = [acceptance.document()]
    agree(engine, mous, list(edges(mous))[:: 1 if engine.name == "embedded" else 3])


@given(asking=askings(most=12))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_valid_until_is_right(asking: tuple[tuple[Mou, ...], list[Asked]]) -> None:
    """Asked again at any earlier instant, facts unchanged, the answer is the same; so is the moment."""
    mous, cases = asking
    engine = RegoEngine(timeout=30)
    engine.load(compile_bundle(mous))
    for request, facts in cases:
        now = engine.decide(request, facts)
        until = now.valid_until or request.at + dt.timedelta(days=2000)
        for later in (until - dt.timedelta(microseconds=1), request.at + (until - request.at) / 2):
            again = engine.decide(request.model_copy(update={"at": later}), facts)
            assert essence(now) == essence(again)
    engine.close()


ZONES = ["America/Havana", "Asia/Beirut", "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Kathmandu",
         "Australia/Lord_Howe", "Europe/London", "Pacific/Kiritimati", "America/St_Johns"]  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
def test_days_in_zones(engine: Engine, zone: str) -> None:
    """Days that begin at one o'clock, days of 23 hours and of 25, a day that never was; acknowledged on each."""
    duty = clause("2", "duty", of="everyone", action="acknowledge-purpose", every="P1M", grace="P1D", blocking="all")
    first = dt.date(2011, 10, 1)
    mou = document(permit("1"), duty, timezone=zone, effective=first, expires=dt.date(2012, 11, 30))
    cases: list[Asked] = []
    for number in range(0, 420, 31):
        day = first + dt.timedelta(days=number)
        for on in (day, day - dt.timedelta(days=30), day - dt.timedelta(days=33)):
            facts = Facts.model_validate(
                {"acknowledged": [{"mou": "m", "clause": "2", "party": "a", "on": on.isoformat()}]}
            )
            start = dt.datetime.combine(day, dt.time(0), tzinfo=mou.zone).astimezone(dt.UTC)
            for shift in (dt.timedelta(0), dt.timedelta(microseconds=-1), dt.timedelta(hours=1)):
                asked = Request(
                    party="a", dataset="d", fields=("site",), rows="all", view="identified", purpose="use",
                    at=start + shift,
                )  # fmt: skip
                cases.append((asked, facts))
    agree(engine, [mou], cases)


def test_a_version_without_the_dataset_replaces_one_with_it(engine: Engine) -> None:
    """The older is not in force from that day, and says so beforehand."""
    other = {"e": document().datasets["d"]}
    mous = [
        document(permit("1")),
        document(permit("1", data="e"), version=2, effective=dt.date(2026, 8, 1), datasets=other),
    ]
    at = dt.datetime(2026, 8, 1, tzinfo=dt.UTC)
    cases = [
        (Request.model_validate({"party": "a", "dataset": d, "fields": ["site"], "rows": "all", "view": "identified",
                                 "purpose": "use", "at": at + dt.timedelta(days=n)}), Facts())
        for d in "de" for n in (-1, 0, 1)
    ]  # fmt: skip
    agree(engine, mous, cases)
    assert ["permit", "deny"] == [engine.decide(*cases[n]).outcome for n in (0, 1)]
    assert at == engine.decide(*cases[0]).valid_until
