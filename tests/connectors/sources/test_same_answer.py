"""Every engine answers a source query as the plain-Python reading does: groups, filters, consents, order, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.disclosure.indicators import IndicatorAsked
from governance.model.access import Protection
from tests.connectors.sources.engines import parquet_source, sql_source
from tests.disclosure.world import (
    NONE,
    Consents,
    MemorySource,
    Row,
    aggregate,
    ask,
    mou,
    request,
    table_of,
    world_strategy,
)

Make = Callable[[str, list[Row]], Any]

_SETTINGS = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(params=["parquet", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Puts rows of a party into an engine."""
    made: list[Any] = []

    def source(party: str, rows: list[Row]) -> Any:
        if request.param == "parquet":
            made.append(parquet_source(tmp_path, party, rows))
        else:
            url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None
            made.append(sql_source(url or f"sqlite:///{tmp_path}/rows.db", party, rows))
        return made[-1]

    if request.param == "postgresql":
        request.getfixturevalue("postgresql_url")
    yield source
    for one in made:
        one.close()


def both(
    make: Make, world: dict[str, list[Row]], asked: Any, protection: Protection, **keys: Any
) -> tuple[list[Row], list[Row], dict[str, Any], dict[str, Any]]:
    """The answer over the engine and over plain lists, with what they say of their protection."""
    real = {p: make(p, rows) for p, rows in world.items()}
    plain = {p: MemorySource(p, rows) for p, rows in world.items()}
    ours, theirs = ask(plain, asked, protection, **keys), ask(real, asked, protection, **keys)
    want, got = table_of(ours), table_of(theirs)
    ours.close()
    theirs.close()
    for source in real.values():
        source.close()
    return want, got, ours.protection, theirs.protection


def close(row: Row) -> dict[str, Any]:
    """Floating sums may differ in their last digits."""
    return {k: pytest.approx(v) if isinstance(v, float) else v for k, v in row.items()}


_DIMENSIONS = ["program", "language", "days", "done", "grade"]
_MEASURES: list[dict[str, Any]] = [
    {"measure": "clients"},
    {"measure": "count"},
    {"measure": "count", "field": "born"},
    {"measure": "sum", "field": "fee"},
    {"measure": "sum", "field": "days"},
    {"measure": "mean", "field": "grade"},
    {"measure": "rate", "field": "done"},
]
_INDICATORS: dict[str, Any] = {
    "passing": {
        "version": 1,
        "title": "passing",
        "dataset": "visits",
        "unit": "rows",
        "window": "quarter",
        "denominator": {"field": "program", "in": ["early", "adult"]},
        "numerator": {"field": "grade", "at_least": 60},
        "exclusions": [{"field": "days", "at_most": 9}, {"field": "name", "equals": "Bob"}],
        "floor": {"missing": 0.5},
    }
}


@_SETTINGS
@given(
    world=world_strategy(most=15),
    dimensions=st.lists(st.sampled_from(_DIMENSIONS), max_size=2, unique=True),
    measures=st.lists(st.sampled_from(_MEASURES), min_size=1, max_size=3, unique_by=str),
    shared=st.booleans(),
    consenting=st.one_of(st.none(), st.lists(st.sampled_from([f"c{i}" for i in range(12)]), unique=True)),
)
def test_figures_are_the_same(
    make: Make,
    world: dict[str, list[Row]],
    dimensions: list[str],
    measures: list[dict[str, Any]],
    shared: bool,
    consenting: list[str] | None,
) -> None:
    """Levels, other, sums, shares and consents come out alike."""
    asked = request(group_by=dimensions, measures=measures)
    keys: dict[str, Any] = {"document": mou(subjects="shared" if shared else "separate")}
    if consenting is not None:
        keys |= {"consent": list(world), "consents": Consents(dict.fromkeys(world, consenting))}
    want, got, said, also = both(make, world, asked, aggregate(2, 1, 0.9), **keys)
    assert [close(r) for r in want] == got
    assert said == also


_FILTERS: dict[str, list[Any]] = {
    "name": ["Ann", 'O"Brien; --', "Ćwik"],
    "program": ["early", "gone"],
    "days": [0, 10, 20],
    "done": [True, False],
    "fee": [2.5, -1.25, 0.0],
    "born": ["2000-01-01", "1999-12-31"],
    "seen": ["2026-09-01T12:00:00Z", "2026-09-01T15:00:00+02:00"],
    "quarter": ["2026-Q3"],
    "org": ["ash", "birch"],
}


@st.composite
def filters(draw: st.DrawFn) -> dict[str, Any]:
    """A filter that own rows may have."""
    field = draw(st.sampled_from(list(_FILTERS)))
    values = _FILTERS[field]
    ordered = field in ("days", "fee", "born", "seen", "quarter")
    op = draw(st.sampled_from(["eq", "ne", "in", "is_null"] + (["lt", "le", "gt", "ge", "between"] if ordered else [])))
    if op == "is_null":
        return {"field": field, "op": op, "value": draw(st.sampled_from([None, True, False]))}
    if op == "in":
        return {"field": field, "op": op, "value": draw(st.lists(st.sampled_from(values), min_size=1))}
    if op == "between":
        return {"field": field, "op": op, "value": [draw(st.sampled_from(values)), draw(st.sampled_from(values))]}
    return {"field": field, "op": op, "value": draw(st.sampled_from(values))}


_ALL = ["client", "name", "org", "program", "language", "days", "done", "grade", "fee", "born", "seen", "quarter"]


@_SETTINGS
@given(
    world=world_strategy(most=12),
    conditions=st.lists(filters(), max_size=2),
    order=st.lists(st.sampled_from(["name", "-days", "done", "-born", "seen", "-fee"]), max_size=2, unique=True),
    batch=st.integers(1, 7),
)
def test_rows_are_the_same(
    make: Make, world: dict[str, list[Row]], conditions: list[dict[str, Any]], order: list[str], batch: int
) -> None:
    """Every type comes out alike through every filter; an order is the same one, absent values last."""
    asked = request(view="identified", fields=_ALL, filters=conditions, order_by=order)
    want, got, *_ = both(make, world, asked, NONE, batch_rows=batch)
    names = [o.removeprefix("-") for o in order]
    assert [[r[n] for n in names] for r in want] == [[r[n] for n in names] for r in got]
    key = str
    assert sorted(want, key=key) == sorted(got, key=key)


@_SETTINGS
@given(world=world_strategy(most=15), k=st.integers(1, 4), shared=st.booleans())
def test_pseudonymised_rows_are_the_same(make: Make, world: dict[str, list[Row]], k: int, shared: bool) -> None:
    """The same rows leave, and the same number is withheld."""
    asked = request(view="pseudonymised", fields=["program", "done", "born", "fee", "grade"])
    protection = Protection(kind="pseudonymised", k=k)
    document = mou(subjects="shared" if shared else "separate")
    want, got, said, also = both(make, world, asked, protection, document=document, batch_rows=5)
    assert sorted(want, key=str) == sorted(got, key=str)
    assert said == also


@_SETTINGS
@given(world=world_strategy(most=15), dimension=st.sampled_from(["program", "quarter", "born", "org"]))
def test_own_figures_are_the_same(make: Make, world: dict[str, list[Row]], dimension: str) -> None:
    """Own rows are grouped by values where a field has no levels."""
    own = {"ash": world["ash"]}
    asked = request(rows="own", group_by=[dimension], measures=_MEASURES)
    want, got, *_ = both(make, own, asked, NONE)
    assert [close(r) for r in want] == got


@_SETTINGS
@given(world=world_strategy(most=15), shared=st.booleans())
def test_an_indicator_is_the_same(make: Make, world: dict[str, list[Row]], shared: bool) -> None:
    """Numerator, denominator, exclusions, period and floor, in every engine."""
    document = mou(subjects="shared" if shared else "separate", indicators=_INDICATORS)
    asked = request(group_by=["language"])
    keys: dict[str, Any] = {"document": document, "indicator": IndicatorAsked("passing", "2026-Q3")}
    want, got, said, also = both(make, world, asked, aggregate(1, 1, 1.0), **keys)
    assert [close(r) for r in want] == got
    assert said == also


def test_an_absent_value_is_not_excluded(make: Make) -> None:
    """An exclusion takes away who meets it; of whom nothing is known stays."""
    names = ["Bob"] * 3 + [None] * 4 + ["Ann"] * 5
    rows: list[Row] = [
        dict.fromkeys(_ALL) | {"client": str(i), "name": n, "program": "early", "grade": 70, "quarter": "2026-Q3"}
        for i, n in enumerate(names)
    ]
    asking = {"document": mou(indicators=_INDICATORS), "indicator": IndicatorAsked("passing", "2026-Q3")}
    source = make("birch", rows)
    half = {"birch": source, "cedar": make("cedar", [dict(r, grade=0) for r in rows if r["name"]])}
    # 9 of birch's 12 pass and 5 of cedar's 8 do not: a share of 9 in 14.
    made = table_of(ask(half, request(), aggregate(1, 1, 1.0), **asking))
    assert [pytest.approx(9 / 14)] == [r["passing"] for r in made]
