"""Templates: typed values go into the parsed tree, and what comes out is a document that stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.compiler.from_template import from_template, read_template
from governance.compiler.from_yaml import read
from governance.compiler.parameters import Parameter, value_of
from governance.errors import DocumentWrong
from governance.model.mou import Mou

FOLDER = Path(__file__).resolve().parents[2] / "mou_templates" / "benchmarking"
TEMPLATE = read_template((FOLDER / "template.yaml").read_bytes())
DOCUMENT = (FOLDER / "document.yaml").read_bytes()


def made(**values: Any) -> bytes:
    return from_template(TEMPLATE, DOCUMENT, values)


def mou(**values: Any) -> Mou:
    return read(made(**values)).mou


DEFAULT = mou()


def test_the_defaults_make_a_document_without_a_warning() -> None:
    """Seven partners, a convener and a funder; eleven clauses of all kinds."""
    reading = read(made())
    assert () == reading.faults
    assert ["partner"] * 7 + ["convener", "funder"] == [party.role for party in reading.mou.parties]
    assert ["2.1", "2.2", "2.3", "2.4", "2.5", "3.1", "3.2", "3.3", "4.1", "5.1", "5.2"] == [
        clause.id for clause in reading.mou.clauses
    ]


def test_quarters_are_declared_levels() -> None:
    """So that figures can be grouped by quarter."""
    levels = mou(quarters="2027-Q1, 2027-Q2").datasets["enrollments"].fields["quarter"].levels
    assert ("2027-Q1", "2027-Q2") == levels


def test_the_result_is_nice_to_read() -> None:
    """Comments, the order of keys, folded prose and short lists stay; nothing of the template is left."""
    text = made().decode()
    lines = text.split("\n")
    assert "# Made from the template `benchmarking`. Check it after every change." == lines[0]
    assert "  - {id: northside, name: Northside, role: partner}" in lines
    assert "effective: 2026-09-01" in lines
    assert "# A purpose counts as every broader one above it." in lines
    assert "$" not in text
    assert max(len(line) for line in lines) <= 120
    assert not [line for line in lines if line != line.rstrip()]


def test_research_may_be_left_out() -> None:
    """Without partners in it there is no clause on research, and no exception to the prohibition."""
    document = mou(research_partners="none")
    assert "2.5" not in [clause.id for clause in document.clauses]
    assert [None, None, None] == [c.prohibit.except_ for c in document.clauses if c.prohibit is not None]


def test_research_follows_the_partners() -> None:
    """The first three by default, whoever they are."""
    document = mou(partners="a:A,b:B,c:C,d:D,e:E,f:F")
    research = next(clause for clause in document.clauses if clause.id == "2.5")
    assert ("a", "b", "c") == research.permit.from_.parties  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("partner", "x", "the template has no parameter `partner`; did you mean `partners`?"),
        ("minimum_cell", "4", "`minimum_cell`: 4 is less than 5"),
        ("minimum_cell", "many", "`minimum_cell`: `many` is not a whole number"),
        ("minimum_cell", True, "`minimum_cell`: `True` is not a whole number"),
        ("partners", "a:A", "`partners`: needs at least 2"),
        ("partners", "a:A,a:B", "`partners`: `a` stands there twice"),
        ("partners", "a", "`partners`: `a` is not a party, written id:name"),
        ("effective", "2026-9-1", "`effective`: `2026-9-1` is not a day, written YYYY-MM-DD"),
        ("timezone", "America/Chicag", "`timezone`: `America/Chicag` is not a time zone of the IANA data base; "
                                       "did you mean `America/Chicago`?"),
        ("notice", "30 days", "`notice`: `30 days` is not a period"),
        ("title", " ", "`title`: nothing is given"),
        ("id", "Big Id", "`id`: `Big Id` is not an id of small letters, digits, `-` and `_`"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit(name: str, value: object, message: str) -> None:
    """Each is named, with what was expected."""
    with pytest.raises(DocumentWrong) as caught:
        made(**{name: value})
    assert message in [fault.message for fault in caught.value.faults]


def test_all_wrong_values_are_told_at_once() -> None:
    """Not the first alone."""
    with pytest.raises(DocumentWrong) as caught:
        made(minimum_cell=1, id="!", nonsense=1)
    assert 3 == len(caught.value.faults)


HOSTILE = st.text(alphabet=st.sampled_from("ab:{}[]#&*!|>'\"%@`,\\-? $éü“no1."), min_size=1, max_size=25).filter(
    str.strip
)


@given(HOSTILE, HOSTILE)
@settings(max_examples=25, deadline=None)
def test_no_value_becomes_a_key(title: str, name: str) -> None:
    """Whatever is typed is a title, and stays what was typed."""
    document = mou(title=title, convener={"id": "hub", "name": name})
    expected = " ".join(title.split()), " ".join(name.split())
    assert expected == (document.title, next(p.name for p in document.parties if p.id == "hub"))
    assert DEFAULT.clauses[0].model_dump() == document.clauses[0].model_dump()


def test_a_template_that_names_what_it_has_not() -> None:
    """A mistake in a template is told, with the nearest parameter."""
    with pytest.raises(DocumentWrong, match="did you mean `title`"):
        from_template(TEMPLATE, b"title: {$: titel}\n", {})


def test_a_template_with_faults() -> None:
    """Named like those of any document."""
    with pytest.raises(DocumentWrong) as caught:
        read_template(b"template: x\ntitle: x\nhelp: x\nparameters: {a: {type: colour, titel: x, help: x}}\n")
    assert {"literal-error", "unknown-key", "missing-key"} == {fault.code for fault in caught.value.faults}


def test_a_parameter_reads_text_and_yaml_alike() -> None:
    """A flag and a file give the same value."""
    parameter = Parameter(type="parties", title="x", help="x")
    assert value_of(parameter, "a:A a, b:B") == value_of(
        parameter, [{"id": "a", "name": "A a"}, {"id": "b", "name": "B"}]
    )
