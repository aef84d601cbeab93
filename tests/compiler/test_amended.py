"""What a new version changes, in words."""

from __future__ import annotations

from governance.compiler.amended import amended
from tests.compiler.small import document, permit


def test_nothing_changes_but_the_number() -> None:
    """No line."""
    assert [] == amended(document(permit("1")), document(permit("1"), version=2))


def test_a_clause_that_is_new_and_one_that_falls_away() -> None:
    """Each with its words."""
    lines = amended(document(permit("1"), permit("2")), document(permit("1"), permit("3"), version=2))
    assert ["clause 3 is new:", "clause 2 falls away:"] == [line for line in lines if not line.startswith("  ")]
    assert [True, True] == ["Operative sentence of" in line for line in lines if line.startswith("  ")]


def test_a_clause_that_changes_stands_in_both_wordings() -> None:
    """The former one first."""
    lines = amended(document(permit("1")), document(permit("1", rows="own"), version=2))
    assert ("clause 1 changes:", "  - ", "  + ") == (lines[0], lines[1][:4], lines[2][:4])
    assert lines[1][4:] != lines[2][4:]


def test_an_order_that_changes_and_other_parts() -> None:
    """By name."""
    former, new = document(permit("1"), permit("2")), document(permit("2"), permit("1"), version=2, title="Another")
    assert ["the clauses stand in another order", "different: the title"] == [
        s.split(",")[0] for s in amended(former, new)
    ]
