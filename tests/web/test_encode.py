"""Batches become JSON, CSV and Arrow that other programs read back, and no cell becomes a formula."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json

import pyarrow as pa
import pytest

from governance.disclosure.answer import Batch
from governance.web.api.encode import ARROW, CSV, JSON, encoder, negotiate

SCHEMA = pa.schema([("name", pa.string()), ("n", pa.int64()), ("day", pa.date32()), ("done", pa.bool_())])
ROWS = [["a", "=1+1", None], [1, 2, None], [dt.date(2026, 1, 2), None, None], [True, False, None]]
BATCHES = [
    Batch(pa.record_batch([pa.array(c, t) for c, t in zip(ROWS, SCHEMA.types, strict=True)], schema=SCHEMA), {}),
    Batch(pa.record_batch([pa.array([], t) for t in SCHEMA.types], schema=SCHEMA), {}),
    Batch(pa.record_batch([pa.array(c[:1], t) for c, t in zip(ROWS, SCHEMA.types, strict=True)], schema=SCHEMA), {}),
]
TAIL = {"protection": {"kind": "none"}, "receipt": {"entry": 7}}


def _encoded(media_type: str, batches: list[Batch] = BATCHES) -> bytes:
    return b"".join(encoder(media_type, schema=SCHEMA, tail=TAIL)(iter(batches)))


def test_json_is_one_document_with_columns_rows_protection_and_receipt() -> None:
    """The batches' seams do not show."""
    expected = {
        "columns": ["name", "n", "day", "done"],
        "rows": [["a", 1, "2026-01-02", True], ["=1+1", 2, None, False], [None] * 4, ["a", 1, "2026-01-02", True]],
        **TAIL,
    }
    assert expected == json.loads(_encoded(JSON))


@pytest.mark.parametrize("media_type", [JSON, CSV, ARROW])
def test_an_answer_without_rows_is_whole(media_type: str) -> None:
    """Nothing to show is a document all the same."""
    encoded = _encoded(media_type, [])
    if media_type == JSON:
        assert [] == json.loads(encoded)["rows"]
    elif media_type == CSV:
        assert b"name,n,day,done\r\n" == encoded
    else:
        assert 0 == pa.ipc.open_stream(encoded).read_all().num_rows


def test_csv_cells_that_a_spreadsheet_would_run_are_text() -> None:
    """`=1+1` in a source is not a formula in the partner's spreadsheet."""
    rows = list(csv.reader(io.StringIO(_encoded(CSV).decode())))
    assert [["name", "n", "day", "done"], ["a", "1", "2026-01-02", "true"], ["'=1+1", "2", "", "false"]] == rows[:3]


def test_arrow_carries_types_and_the_receipt() -> None:
    """What JSON says behind the rows stands in the schema's metadata."""
    table = pa.ipc.open_stream(_encoded(ARROW)).read_all()
    assert 4 == table.num_rows
    assert SCHEMA.types == table.schema.types
    assert TAIL == json.loads(table.schema.metadata[b"accordant"])


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("text/csv", CSV),
        ("application/vnd.apache.arrow.stream", ARROW),
        ("text/html, text/csv;q=0.5, application/json;q=0.2", CSV),
        ("text/csv;q=0, application/json", JSON),
        ("text/*", CSV),
        ("text/html", None),
        ("text/csv;q=x", None),
    ],
)
def test_the_format_is_negotiated(accept: str, expected: str | None) -> None:
    """RFC 9110 §12.5.1, as far as three formats need it."""
    assert expected == negotiate(accept)
