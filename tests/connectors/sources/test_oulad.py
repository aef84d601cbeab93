"""Real data: seven modules stand for seven partners.

Every figure is recomputed with plain DuckDB from the files themselves, equal where it is shown, and every cell that the
rules forbid is suppressed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.sources import Mapping, TabularSource, load
from governance.disclosure.answer import Answer, answer
from governance.disclosure.govern import govern
from governance.model.access import ClauseRef, Decision, Obligations, Protection, Request
from governance.model.mou import Mou
from tests.disclosure.world import SECRET, table_of

pytestmark = pytest.mark.shared

MODULES = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG")
PARTIES = tuple(m.lower() for m in MODULES)
LEVELS = {
    "result": ["Pass", "Fail", "Withdrawn", "Distinction"],
    "gender": ["M", "F"],
    "age": ["0-35", "35-55", "55<="],
    "region": ["Scotland", "Wales", "London Region", "Ireland", "other"],
    "disability": ["Y", "N"],
    "credits": ["under 60", "60-119", "120 and more"],
}
COLUMNS = {
    "student": "id_student",
    "result": "final_result",
    "gender": "gender",
    "age": "age_band",
    "region": "region",
    "disability": "disability",
    "credits": "studied_credits",
}
TYPES = {name: "integer" if name == "credits" else "string" for name in COLUMNS}
CLASSES = {"student": "identifier", "age": "quasi-identifier", "region": "quasi-identifier", "disability": "sensitive"}
DOCUMENT = Mou.model_validate(
    {
        "accordant": 1,
        "id": "modules",
        "version": 1,
        "title": "Modules",
        "timezone": "Europe/London",
        "effective": "2026-01-01",
        "expires": "2029-12-31",
        "parties": [{"id": p, "name": p.upper(), "role": "partner"} for p in PARTIES],
        "signing": {"required": "everyone"},
        "purposes": {"learning": {"title": "learning"}},
        "datasets": {
            "students": {
                "title": "students",
                "subject": "student",
                "contributor": "module",
                "contributors": "everyone",
                "fields": {
                    name: {"class": CLASSES.get(name, "plain"), "type": TYPES[name], "title": name}
                    | ({"levels": LEVELS[name]} if name in LEVELS else {})
                    for name in COLUMNS
                },
            }
        },
        "clauses": [
            {
                "id": "1",
                "title": "All",
                "permit": {
                    "to": "everyone",
                    "data": "students",
                    "rows": "all",
                    "fields": "all",
                    "view": "identified",
                    "purpose": ["learning"],
                },
                "text": "All.",
            }
        ],
    }
)
FORBIDDING = Protection(kind="aggregate", minimum_cell=11, other_parties=3, dominance=0.8)


@pytest.fixture(scope="module")
def sources(oulad: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TabularSource]]:
    """Each module's rows, split off, brought in, and served."""
    folder = tmp_path_factory.mktemp("oulad")
    made = {}
    for module, party in zip(MODULES, PARTIES, strict=True):
        part = folder / f"{party}.parquet"
        rows = duckdb.read_parquet(str(oulad / "studentInfo.parquet")).filter(f"code_module = '{module}'")
        rows.write_parquet(str(part))
        mapping = Mapping.model_validate(
            {
                "party": party,
                "mou": "modules",
                "dataset": "students",
                "source": {"files": [part.name]},
                "columns": COLUMNS,
            }
        )
        target = folder / "store" / f"{party}.parquet"
        report = load(part, mapping=mapping, dataset=DOCUMENT.datasets["students"], target=target)
        made[party] = TabularSource(mapping=report.mapping, files=[target], threads=1)
    yield made
    for source in made.values():
        source.close()


def asked(
    sources: dict[str, TabularSource], protection: Protection, *, contributors: Any = PARTIES, **keys: Any
) -> Answer:
    """The answer to `aaa`."""
    request = Request.model_validate(
        {"party": "aaa", "dataset": "students", "purpose": "learning", "at": "2026-06-01T00:00:00Z"} | keys
    )
    decision = Decision(
        outcome="permit",
        reason="permitted",
        cites=(ClauseRef(mou="modules", version=1, clause="1"),),
        obligations=Obligations(
            view=request.view,
            contributors=tuple(contributors),
            fields=request.all_fields,
            protection=protection,
        ),
    )
    governed = govern(request=request, decision=decision, mou=DOCUMENT, pseudonym_key=SECRET)
    return answer(governed, lambda query: sources[query.contributor].fetch(query))


CASES = {
    "result": "CASE WHEN final_result IN ('Pass', 'Fail', 'Withdrawn', 'Distinction') THEN final_result END",
    "gender": "gender",
    "age": "age_band",
    "region": "CASE WHEN region IN ('Scotland', 'Wales', 'London Region', 'Ireland') THEN region ELSE 'other' END",
    "disability": "disability",
    "credits": "CASE WHEN studied_credits < 60 THEN 'under 60' WHEN studied_credits < 120 THEN '60-119' "
    "ELSE '120 and more' END",
}


def recomputed(oulad: Path, dimensions: tuple[str, ...]) -> dict[tuple[Any, ...], tuple[int | None, float | None]]:
    """Clients and mean credits by cell, None where the rules forbid: one statement over the original file."""
    keys = "".join(f"{CASES[d]} AS k{i}, " for i, d in enumerate(dimensions))
    names = "".join(f"k{i}, " for i in range(len(dimensions)))
    statement = f"""
        WITH t AS (
            SELECT {keys} code_module AS m, id_student AS s, studied_credits AS v
            FROM read_parquet('{oulad / "studentInfo.parquet"}')
        ), parts AS (
            SELECT {names} m, count(DISTINCT s) AS n, sum(v) AS v, count(v) AS rows FROM t GROUP BY {names} m
        )
        SELECT {names} sum(n), sum(n) FILTER (m <> 'AAA'), count(*) FILTER (m <> 'AAA'),
               max(n), max(n) FILTER (m <> 'AAA'), sum(v) / sum(rows),
               max(v) / sum(v), max(v) FILTER (m <> 'AAA') / sum(v) FILTER (m <> 'AAA')
        FROM parts {"GROUP BY " + names.rstrip(", ") if names else ""}
    """
    found: dict[tuple[Any, ...], tuple[int | None, float | None]] = {}
    for row in duckdb.sql(statement).fetchall():
        cell, (n, others, parties, most, most_others, mean, share, share_others) = row[:-8], row[-8:]
        shown = (others or 0) >= 11 and parties >= 3 and most <= 0.8 * n and most_others <= 0.8 * others
        valued = shown and share <= 0.8 and share_others <= 0.8
        found[cell] = (int(n) if shown else None, float(mean) if valued else None)
    return found


@pytest.mark.parametrize(
    "dimensions", [(), *((d,) for d in LEVELS), *itertools.combinations(LEVELS, 2)], ids=lambda d: "-".join(d) or "all"
)
def test_comparisons_are_right_and_protected(
    sources: dict[str, TabularSource], oulad: Path, dimensions: tuple[str, ...]
) -> None:
    """By every dimension and every pair of them."""
    made = asked(
        sources,
        FORBIDDING,
        rows="all",
        view="aggregate",
        group_by=dimensions,
        measures=[{"measure": "clients"}, {"measure": "mean", "field": "credits"}],
    )
    truth = recomputed(oulad, dimensions)
    rows = table_of(made)
    cells = list(itertools.product(*(LEVELS[d] for d in dimensions)))
    assert cells == [tuple(r[d] for d in dimensions) for r in rows]
    for cell, row in zip(cells, rows, strict=True):
        clients, mean = truth.get(cell, (None, None))
        assert clients == row["clients"], cell
        assert row["mean_credits"] == (None if mean is None else pytest.approx(mean)), cell
        assert (clients is None or mean is None) == row["suppressed"]


def test_something_is_shown_and_something_suppressed(sources: dict[str, TabularSource]) -> None:
    """The comparison above would pass over an answer that shows nothing."""
    made = asked(sources, FORBIDDING, rows="all", view="aggregate", group_by=["age", "region"])
    marks = {r["suppressed"] for r in table_of(made)}
    assert {True, False} == marks


def test_own_rows_are_every_row(sources: dict[str, TabularSource], oulad: Path) -> None:
    """Identified, with the ids as text, and each student named for the log."""
    made = asked(
        sources,
        Protection(kind="none"),
        contributors=["aaa"],
        rows="own",
        view="identified",
        fields=["student", "result", "region"],
    )
    batches = list(made.batches)
    got = sorted(tuple(r.values()) for b in batches for r in b.table.to_pylist())
    truth = duckdb.sql(
        f"SELECT id_student::BIGINT::VARCHAR, final_result, region FROM '{oulad / 'studentInfo.parquet'}' "
        "WHERE code_module = 'AAA'"
    ).fetchall()
    assert sorted(truth) == got
    assert {r[0] for r in truth} == {s for b in batches for s in b.subjects["aaa"]}


def test_pseudonymised_rows_are_shared_by_k(sources: dict[str, TabularSource], oulad: Path) -> None:
    """Exactly the rows whose combination eleven students share leave; the rest is counted."""
    fields = ["age", "gender", "region", "result"]
    made = asked(
        sources,
        Protection(kind="pseudonymised", k=11),
        rows="all",
        view="pseudonymised",
        fields=fields,
    )
    columns = "age_band, gender, region, final_result"
    (free, whole), *_ = duckdb.sql(
        f"""
        WITH t AS (SELECT {columns}, code_module || id_student AS s FROM '{oulad / "studentInfo.parquet"}'),
             c AS (SELECT {columns}, count(DISTINCT s) AS n, count(*) AS rows FROM t GROUP BY ALL)
        SELECT sum(rows) FILTER (n >= 11), sum(rows) FROM c
        """
    ).fetchall()
    assert 0 < whole - free
    assert int(free) == len(table_of(made))
    assert int(whole - free) == made.protection["withheld_rows"]
