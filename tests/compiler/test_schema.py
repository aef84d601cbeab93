"""The published JSON Schema is current, and agrees with `check` as far as a schema can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from governance.compiler.positions import parse
from governance.compiler.schema import schema, schema_text
from governance.model.mou import Mou
from tests import strategies
from tests.compiler.documents import EVERYTHING, SMALL, changed
from tests.compiler.test_from_template import made

ROOT = Path(__file__).resolve().parents[2]
VALIDATOR = Draft202012Validator(schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def valid(document: Any) -> bool:
    return VALIDATOR.is_valid(document)


def test_the_published_schema_is_current() -> None:
    """Otherwise: python -m governance.compiler.schema > docs/mou.schema.json"""
    assert schema_text() == (ROOT / "docs" / "mou.schema.json").read_text()


def test_it_is_a_schema() -> None:
    """By the rules of its own draft."""
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("document", [SMALL.encode(), EVERYTHING.encode(), made()], ids=["small", "everything", "made"])
def test_it_accepts_what_check_accepts(document: bytes) -> None:
    """The golden documents, and one from the template."""
    assert [] == [error.message for error in VALIDATOR.iter_errors(parse(document, file="x").data)]


@given(strategies.worlds(most=1))
@settings(max_examples=40, deadline=None)
def test_it_accepts_made_documents(mous: tuple[Mou, ...]) -> None:
    """Whatever the model can hold."""
    document = json.loads(mous[0].model_dump_json(by_alias=True, exclude_none=True))
    assert [] == [error.message for error in VALIDATOR.iter_errors(document)]


@pytest.mark.parametrize(
    "change",
    [
        ("timezone:", "timezon:"),
        ("rows: own", "row: own"),
        ("rows: own", "rows: ~"),
        ("rows: own", "rows: mine"),
        ('id: "1"', "id: 1"),
        ("to: everyone", "to: nobody"),
        ("other_parties: 1", "minimum_cell: 4"),
        ("prohibit: {purpose: [ads]", "consent: {}\n    prohibit: {purpose: [ads]"),
        ("version: 2", "version: two"),
        ("accordant: 1", "accordant: 2"),
    ],
)
def test_it_refuses_what_check_refuses(change: tuple[str, str]) -> None:
    """Unknown keys, nothing written, wrong values, two kinds."""
    assert not valid(parse(changed(change), file="x").data)
