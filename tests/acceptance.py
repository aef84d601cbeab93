"""The acceptance document and its decisions, row by row, for every engine.

    @pytest.mark.parametrize("case", acceptance.cases())
    def test_decisions(shared, case): ...    # `shared` skips loudly, or fails with CI=true, without the folder

A row's `acknowledged` is a day on which the party acknowledged under clause 5.1; `approved` means that everybody who
must approve a request under clause 2.5 has.
"""

from __future__ import annotations

import csv
import datetime as dt
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from governance.model.access import Acknowledged, Approved, Decision, Facts, Request
from governance.model.mou import Mou

__all__ = ["Case", "cases", "document", "folder"]

ROOT = Path(__file__).resolve().parents[1]


def folder() -> Path:
    """Where the acceptance document is, or should be."""
    return Path(os.environ.get("ACCORDANT_SHARED") or ROOT.parent / "shared") / "acceptance"


@cache
def document() -> Mou:
    """The acceptance document, read without the project's own reader: that one has tests of its own."""
    return Mou.model_validate(YAML(typ="safe").load((folder() / "benchmarking.mou.yaml").read_bytes()))


@dataclass(frozen=True)
class Case:
    """One row."""

    name: str
    request: Request
    facts: Facts
    outcome: str
    reason: str | None
    cites: tuple[str, ...]
    consent: tuple[str, ...]

    @property
    def expected(self) -> dict[str, Any]:
        """What the row says of a decision; an invalid request's reason stands in no column."""
        return {"outcome": self.outcome, "reason": self.reason, "cites": self.cites, "consent": self.consent}

    def actual(self, decision: Decision) -> dict[str, Any]:
        """The same of a decision."""
        needs = decision.obligations.consent if decision.obligations is not None else ()
        return {
            "outcome": decision.outcome,
            "reason": decision.reason if self.reason is not None else None,
            "cites": tuple(str(ref) for ref in decision.cites),
            "consent": tuple(str(need.clause) for need in needs),
        }


def _refs(column: str) -> tuple[str, ...]:
    return tuple(f"benchmarking:{clause}" for clause in column.split())


def _case(row: dict[str, str]) -> Case:
    request = Request.model_validate(
        {
            "party": row["party"],
            "dataset": row["dataset"],
            "fields": row["fields"].split(),
            "rows": row["rows"],
            "from": row["from"].split() or None,
            "view": row["view"],
            "purpose": row["purpose"],
            "at": row["at"],
            "under": row["under"] or None,
        }
    )
    facts = Facts(
        acknowledged=tuple(
            Acknowledged(mou="benchmarking", clause="5.1", party=row["party"], on=dt.date.fromisoformat(day))
            for day in row["acknowledged"].split()
        ),
        approved=(Approved(party=row["party"], mou="benchmarking", under="2.5"),) if row["approved"] == "yes" else (),
    )
    return Case(
        name=row["case"],
        request=request,
        facts=facts,
        outcome=row["outcome"],
        reason=row["reason"] or None,
        cites=_refs(row["cites"]),
        consent=_refs(row["consent"]),
    )


def cases() -> list[Any]:
    """One parameter a row; where the folder is absent one that stands for all, so that its test can say so."""
    path = folder() / "decisions.csv"
    if not path.is_file():
        return [pytest.param(None, id="decisions.csv")]
    with path.open(newline="", encoding="utf-8") as rows:
        return [pytest.param(case, id=case.name) for case in map(_case, csv.DictReader(rows))]
