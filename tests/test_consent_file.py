"""The consent file: what is read, and every fault with its line."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.compiler.from_yaml import read
from governance.consent_file import parse
from governance.errors import DocumentWrong
from tests.simulator import DOCUMENT

MOU = read(DOCUMENT.encode()).mou
HEADER = "subject,recipient,purpose,dataset,fields,status,from,until,evidence\n"


def _parsed(text: str) -> list[object]:
    return list(parse(text.encode(), contributor="north", documents=[MOU]))


def test_a_record_with_everything() -> None:
    """Days, fields with either separator, evidence."""
    (record,) = parse(
        (HEADER + '17,south,improvement,visits,grade|days,Given,2026-09-01,2027-08-31,"form, signed"\n').encode(),
        contributor="north",
        documents=[MOU],
    )
    assert ("north", "17", "south", "improvement", "visits", ("grade", "days"), "given") == (
        record.contributor, record.subject, record.recipient, record.purpose, record.dataset, record.fields,
        record.status,
    )  # fmt: skip
    assert (dt.date(2026, 9, 1), dt.date(2027, 8, 31), "form, signed") == (
        record.from_,
        record.until,
        record.evidence,
    )


def test_what_is_left_out_means_any() -> None:
    """Recipient, dataset and fields; a byte order mark and empty lines do no harm."""
    (record,) = parse(
        "\ufeffsubject,purpose,status\n\n1,improvement,withdrawn\n\n".encode(), contributor="north", documents=[MOU]
    )
    assert ("*", "*", ("*",)) == (record.recipient, record.dataset, record.fields)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,south,improvement,visits,grade,perhaps,,,\n", "status"),
        ("1,nobody,improvement,visits,grade,given,,,\n", "`nobody` is no recipient"),
        ("1,south,gossip,visits,grade,given,,,\n", "`gossip` is no purpose"),
        ("1,south,improvement,visits,salary,given,,,\n", "`salary` is no field"),
        ("1,south,improvement,secrets,grade,given,,,\n", "`secrets` is no dataset"),
        ("1,south,improvement,visits,grade,given,yesterday,,\n", "from"),
        ("1,south,improvement,visits,grade,given,2027-01-01,2026-01-01,\n", "before it starts"),
        (",south,improvement,visits,grade,given,,,\n", "subject"),
        ("1,south,improvement\n", "3 cells"),
    ],
)
def test_a_wrong_row_is_told_with_its_line(row: str, said: str) -> None:
    """All of the file, or none of it."""
    good = "7,south,improvement,visits,grade,given,,,\n"
    with pytest.raises(DocumentWrong) as caught:
        _parsed(HEADER + good + row)
    assert 3 == caught.value.faults[0].line
    assert said in caught.value.faults[0].message


@pytest.mark.parametrize("text", ["", "subject\n1\n", HEADER, "subject,purpose,status,colour\n1,a,given,red\n"])
def test_a_file_that_is_none(text: str) -> None:
    """Empty, without the columns that are needed, without a record, with a column that nobody knows."""
    with pytest.raises(DocumentWrong):
        _parsed(text)


def test_another_contributor_stops_the_file() -> None:
    """A partner records its own clients' consents only."""
    with pytest.raises(DocumentWrong) as caught:
        _parsed("contributor,subject,purpose,status\nsouth,1,improvement,given\n")
    assert 2 == caught.value.faults[0].line


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    """Whatever the file is."""
    with contextlib.suppress(DocumentWrong):
        assert parse(content, contributor="north", documents=[MOU])
