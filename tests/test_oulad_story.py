"""The whole story on real data: seven modules of the Open University are seven partners, 28,785 students their clients.

Every figure that is released is computed again with plain DuckDB from the published files and must be equal; every cell
that the language's rules forbid, computed again in plain Python, must be suppressed, and no other.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from governance.adapters.rego import RegoEngine
from governance.checking import readings_agree
from governance.verification import verify_home
from tests.simulator import World

MODULES = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG")
REGIONS = (
    "East Anglian Region", "East Midlands Region", "Ireland", "London Region", "North Region", "North Western Region",
    "Scotland", "South East Region", "South Region", "South West Region", "Wales", "West Midlands Region",
    "Yorkshire Region",
)  # fmt: skip
RESULTS = ("Distinction", "Fail", "Pass", "Withdrawn")
MINIMUM, OTHERS, DOMINANCE = 11, 3, 0.8

_PARTIES = "".join(f"  - {{id: {m.lower()}, name: Module {m}, role: partner}}\n" for m in MODULES)
DOCUMENT = f"""\
accordant: 1
id: modules
version: 1
title: Seven modules compare their students' results
timezone: Europe/London
effective: 2026-09-01
expires: 2029-08-31
parties:
{_PARTIES}signing: {{required: everyone}}
purposes:
  teaching: {{title: teaching}}
  improvement: {{title: improvement of the modules}}
  marketing: {{title: marketing}}
datasets:
  students:
    title: registrations
    subject: id_student
    contributor: code_module
    contributors: {{roles: [partner]}}
    fields:
      id_student: {{class: identifier, type: string, title: student number}}
      code_module: {{class: plain, type: string, title: module}}
      region: {{class: quasi-identifier, type: string, title: region, levels: {json.dumps(REGIONS)}}}
      age_band: {{class: quasi-identifier, type: string, title: age, levels: ["0-35", "35-55", "55<="]}}
      disability: {{class: sensitive, type: string, title: disability, levels: ["N", "Y"]}}
      final_result: {{class: plain, type: string, title: result, levels: {json.dumps(RESULTS)}}}
      credits: {{class: plain, type: integer, title: credits studied}}
indicators:
  completion:
    version: 1
    title: share of students who passed
    dataset: students
    unit: clients
    denominator: {{all: true}}
    numerator: {{field: final_result, in: [Pass, Distinction]}}
clauses:
  - id: "1"
    title: Own students
    permit:
      to: {{roles: [partner]}}
      data: students
      rows: own
      fields: all
      view: identified
      purpose: [teaching, improvement]
    text: "{{to}} may see {{fields}} of {{rows}} students."
  - id: "2"
    title: Comparison
    permit:
      to: {{roles: [partner]}}
      data: students
      rows: all
      fields: [region, age_band, disability, final_result, credits]
      view: aggregate
      purpose: [improvement]
    text: "{{to}} may see {{fields}} of {{rows}} students."
  - id: "3"
    title: Who they are
    prohibit: {{rows: others, fields: {{classes: [identifier]}}}}
    text: "Nobody sees {{fields}} of {{rows}} students."
  - id: "4"
    title: Never
    prohibit: {{purpose: [marketing]}}
    text: "Nobody uses it for {{purpose}}."
"""
MAPPING = """\
party: {party}
mou: modules
dataset: students
source: {{files: [rows.parquet]}}
columns:
  id_student: id_student
  code_module: module
  region: region
  age_band: age_band
  disability: disability
  final_result: final_result
  credits: studied_credits
"""


@dataclass
class Story:
    """The world with the real rows in it, and the published file beside it."""

    world: World
    plain: duckdb.DuckDBPyConnection
    cells: dict[str, Any] = field(default_factory=dict)

    def ask(self, asked: dict[str, Any], **declared: Any) -> Any:
        """A request of module AAA's dashboard."""
        return self.world.query(
            self.world.partners["dashboard"], {"dataset": "students"} | asked, mou="modules", **declared
        )

    def subjects(self, by: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, int]]:
        """Distinct students of each cell, by module, computed from the published file."""
        names = ", ".join(by)
        rows = self.plain.execute(
            f"SELECT {names}, code_module, count(DISTINCT id_student) FROM info GROUP BY {names}, code_module"
        ).fetchall()
        cells: dict[tuple[str, ...], dict[str, int]] = {}
        for *key, module, count in rows:
            cells.setdefault(tuple(key), {})[module] = count
        return cells


@pytest.fixture(scope="module")
def story(oulad: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Signed by all seven, decided by the real engine in process, checked by both readings before activation."""
    plain = duckdb.connect()
    plain.execute(f"CREATE VIEW info AS SELECT * FROM '{oulad / 'studentInfo.parquet'}'")
    engine = RegoEngine()
    world = World.found(tmp_path_factory.mktemp("oulad"), engine=engine, check=readings_agree(engine))
    world.agreed(DOCUMENT, mou="modules", parties=[m.lower() for m in MODULES])
    folder = tmp_path_factory.mktemp("files")
    for module in MODULES:
        path = folder / f"{module}.parquet"
        plain.execute(
            f"COPY (SELECT * EXCLUDE (id_student, studied_credits, code_module), id_student::BIGINT AS id_student, "
            f"studied_credits::BIGINT AS studied_credits, lower(code_module) AS module "
            f"FROM info WHERE code_module = '{module}') TO '{path}'"
        )
        partner = world.partners[module.lower()]
        world.told(partner, "POST", "/v1/sources", {"mapping": MAPPING.format(party=module.lower()), "url": None})
        world.told(
            partner, "POST", "/v1/sources/students/rows", body=path.read_bytes(),
            content_type="application/vnd.apache.parquet",
        )  # fmt: skip
    yield Story(world, plain)
    world.close()


def _shown(parts: dict[str, int]) -> bool:
    """The language's rule for a number of clients, seen from module AAA."""

    def holds(some: dict[str, int]) -> bool:
        total = sum(some.values())
        return total >= MINIMUM and all(n <= DOMINANCE * total for n in some.values())

    others = {m: n for m, n in parts.items() if m != "AAA"}
    return len(others) >= OTHERS and holds(parts) and holds(others)


def _table(story: Story, by: tuple[str, ...], levels: tuple[tuple[str, ...], ...]) -> tuple[int, int]:
    answer = story.ask(
        {"measures": [{"measure": "clients"}], "group_by": list(by), "rows": "all", "view": "aggregate"}
    ).json
    index = {name: i for i, name in enumerate(answer["columns"])}
    cells = story.subjects(by)
    told = {tuple(row[index[name]] for name in by): row for row in answer["rows"]}
    assert set(itertools.product(*levels)) == set(told)
    shown = suppressed = 0
    for key, row in told.items():
        parts = cells.get(key, {})
        if _shown(parts):
            assert (sum(parts.values()), False) == (row[index["clients"]], row[index["suppressed"]]), key
            shown += 1
        else:
            assert (None, True) == (row[index["clients"]], row[index["suppressed"]]), key
            suppressed += 1
    return shown, suppressed


def test_own_rows_are_the_published_rows(story: Story) -> None:
    """Module AAA reads its 748 registrations, by number, and the log names its 712 students."""
    answer = story.ask(
        {"fields": ["id_student", "region", "final_result", "credits"], "rows": "own", "view": "identified"},
        purpose="teaching",
    ).json
    expected = story.plain.execute(
        "SELECT id_student::BIGINT::VARCHAR, region, final_result, studied_credits::BIGINT FROM info "
        "WHERE code_module = 'AAA' ORDER BY ALL"
    ).fetchall()
    assert sorted(expected) == sorted(tuple(row) for row in answer["rows"])
    assert 748 == len(expected)
    *_, last = story.world.services.journal.entries(kinds={"disclosure"})
    named = story.world.clients(last)["aaa"]
    assert 712 == len(set(named))


def test_regions_and_results_of_all_seven(story: Story) -> None:
    """52 cells, each equal to the published file's or suppressed by the rules."""
    shown, suppressed = _table(story, ("region", "final_result"), (REGIONS, RESULTS))
    assert 52 == shown + suppressed
    assert shown >= 45


def test_small_cells_are_suppressed(story: Story) -> None:
    """Students over 55 in a region are few: some cells rest on fewer than eleven, or on two modules."""
    shown, suppressed = _table(story, ("region", "age_band"), (REGIONS, ("0-35", "35-55", "55<=")))
    assert suppressed > 0
    assert shown > 26


def test_an_indicator_by_its_id(story: Story) -> None:
    """The share of students who passed, of all seven modules."""
    answer = story.ask({"indicator": {"id": "completion"}, "rows": "all", "view": "aggregate"}).json
    passed, everybody = story.plain.execute(
        "SELECT count(DISTINCT (code_module, id_student)) FILTER (final_result IN ('Pass', 'Distinction')), "
        "count(DISTINCT (code_module, id_student)) FROM info"
    ).fetchone()
    share = next(v for v in answer["rows"][0] if isinstance(v, float))
    assert passed / everybody == pytest.approx(share)


@pytest.mark.parametrize(
    ("asked", "purpose", "expected"),
    [
        ({"fields": ["id_student"], "rows": "others", "view": "identified"}, "improvement", ("deny", "3")),
        ({"fields": ["region"], "rows": "own", "view": "identified"}, "marketing", ("deny", "4")),
        ({"fields": ["region", "final_result"], "rows": "all", "view": "identified"}, "improvement", ("gap", None)),
        ({"fields": ["code_module", "final_result"], "rows": "all", "view": "aggregate"}, "improvement", ("gap", None)),
        ({"fields": ["region"], "rows": "all", "view": "aggregate"}, "teaching", ("gap", None)),
    ],
)
def test_what_was_not_agreed_on_is_refused(
    story: Story, asked: dict[str, Any], purpose: str, expected: tuple[str, str | None]
) -> None:
    """With the clause that says so, and, for a gap, the nearest request, which passes."""
    response = story.ask(asked, purpose=purpose)
    assert 403 == response.status_code
    clause = response.json["clauses"][0]["clause"] if response.json["clauses"] else None
    assert expected == (response.json["outcome"], clause)
    if response.json["nearest"]:
        nearest = response.json["nearest"]
        passed = story.world.query(story.world.partners["dashboard"], nearest, mou="modules", purpose=purpose)
        assert 200 == passed.status_code, nearest


def test_the_log_of_it_is_whole(story: Story) -> None:
    """Everything from stored bytes: leaves, bodies, signatures, declarations, activations."""
    assert () == verify_home(story.world.settings).faults
