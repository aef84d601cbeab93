"""Cross-checks: what has no meaning in any reading is an error, what is surely a mistake a warning, with reasons."""

from __future__ import annotations

import pytest

from governance.compiler.from_yaml import read
from governance.compiler.invariants import check
from tests.compiler.documents import EVERYTHING, changed, everything, faults, small

ERRORS = {
    "unknown-party": ("to: everyone", "to: {parties: [ash]}"),
    "unknown-role": ("to: everyone", "to: {roles: [funder]}"),
    "unknown-purpose": ("purpose: [compare]", "purpose: [comparing]"),
    "unknown-dataset": ("data: visits\n", "data: visit\n"),
    "unknown-field": ("fields: [pages]", "fields: [page]"),
    "unknown-clause": ('except: ["2"]', 'except: ["7"]'),
    "except-not-permit": ('except: ["2"]', 'except: ["3"]'),
    "duplicate-party": ("id: oak", "id: elm"),
    "duplicate-clause": ('id: "2"', 'id: "1"'),
    "purpose-cycle": ("{title: improving what we do}", "{title: improving what we do, broader: improve}"),
    "expires-before-effective": ("expires: 2027-02-28", "expires: 2026-02-28"),
    "day-out-of-reach": ("expires: 2027-02-28", "expires: 9999-12-31"),
    "empty-window": ("prohibit:", "valid: {from: 2026-09-02, until: 2026-09-01}\n    prohibit:"),
    "order-omits": ("{required: everyone}", "{required: everyone, order: [[elm, oak]]}"),
    "signs-twice": ("{required: everyone}", "{required: everyone, order: [[elm, oak], [hub, elm]]}"),
    "at-least-too-many": ("{required: everyone}", "{required: {at_least: 3, of: {roles: [partner]}}}"),
    "nobody-to-ask": ("to: everyone", "review: {parties: [hub]}\n      to: everyone"),
    "duplicate-level": ("levels: [0-9, 10 and more]", "levels: [0-9, 0-9]"),
    "levels-overlap": ("levels: [0-9, 10 and more]", "levels: [0-10, 10 and more]"),
    "level-type": ("levels: [0-9, 10 and more]", "levels: [0-9, true]"),
    "unknown-slot": ("{to} may see {fields}", "{to} may see {field}"),
}  # fmt: skip

WARNINGS = {
    "same-name": ("name: Oak Hall", "name: elm  house"),
    "same-dpv": (
        "compare: {title: comparing results, broader: improve}\n  ads: {",
        'compare: {title: comparing results, broader: improve, dpv: "dpv:A"}\n  ads: {dpv: "dpv:A", ',
    ),
    "subject-class": ("class: identifier", "class: quasi-identifier"),
    "level-unreadable": ("levels: [0-9, 10 and more]", "levels: [few, many]"),
    "never-applies": ("prohibit:", "valid: {from: 2031-01-01}\n    prohibit:"),
    "repeated": ("fields: [pages]", "fields: [pages, pages]"),
    "shadowed": ("{purpose: [ads], ", "{purpose: [improve, compare], "),
    "no-k": ("view: aggregate\n", "view: pseudonymised\n"),
    "low-k": ("protect: {other_parties: 1}", "protect: {k: 4}"),
    "without-effect": ("rows: own,", "rows: own, protect: {minimum_cell: 20},"),
    "never-shown": ("protect: {other_parties: 1}", "protect: {other_parties: 9}"),
    "slot-without-key": ("from {protect.minimum_cell} readers up", "from {from}"),
    "prose-differs": ("from {protect.minimum_cell} readers up", "from 12 readers up"),
}


@pytest.mark.parametrize("code", ERRORS)
def test_errors(code: str) -> None:
    """Each makes the document fall, for this reason."""
    assert code in {fault.code for fault in faults(changed(ERRORS[code])) if fault.level == "error"}


@pytest.mark.parametrize("code", WARNINGS)
def test_warnings(code: str) -> None:
    """Each is said, at a line, and the document stands."""
    found = read(changed(WARNINGS[code])).faults
    assert code in {fault.code for fault in found}
    assert all(fault.line > 0 for fault in found)


def test_identifiers_in_pseudonymised_rows() -> None:
    """They never leave, so naming them is a mistake."""
    data = changed(("view: aggregate", "view: pseudonymised"), ("fields: [pages]", "fields: [reader, pages]"))
    assert "identifier-pseudonymised" in {fault.code for fault in read(data).faults}


def test_a_cycle_is_told_once_with_its_way() -> None:
    """All purposes on it, in order."""
    found = faults(changed(("{title: improving what we do}", "{title: improving what we do, broader: compare}")))
    messages = ["a purpose cannot be within itself: `compare` → `improve` → `compare`"]
    assert messages == [fault.message for fault in found]


def test_an_order_may_leave_out_who_need_not_sign() -> None:
    """At least two of three partners, and only the two stand in the order: a warning at most."""
    data = changed(("{required: everyone}", "{required: {at_least: 1, of: {roles: [partner]}}, order: [[elm]]}"))
    assert {"order-omits"} == {fault.code for fault in read(data).faults}


@pytest.mark.parametrize(
    "rule",
    [
        '{purpose: [ads], except: ["2"]}',
        "{purpose: [compare, improve], view: [identified]}",
        "{purpose: [compare, improve], rows: others}",
        "{purpose: [compare, improve], to: {roles: [convener]}}",
        '{purpose: [compare, improve], fields: [house], except: ["1"]}',
    ],
)
def test_what_is_partly_forbidden_is_not_shadowed(rule: str) -> None:
    """Some request is left that the permit covers."""
    data = changed(('{purpose: [ads], except: ["2"]}', rule))
    assert "shadowed" not in {fault.code for fault in faults(data)}


def test_a_prohibition_that_ends_earlier_shadows_nothing() -> None:
    """After its last day the permit applies."""
    wide = ("{purpose: [ads], ", "{purpose: [improve, compare], ")
    ended = ('  - id: "3"', '  - valid: {until: 2026-12-31}\n    id: "3"')
    assert "shadowed" in {fault.code for fault in faults(changed(wide))}
    assert "shadowed" not in {fault.code for fault in faults(changed(wide, ended))}


def test_every_field_forbidden_leaves_the_count() -> None:
    """The measure `clients` needs no field, so the warning does not say that nothing is left."""
    found = read(changed(('{purpose: [ads], except: ["2"]}', "{purpose: [compare], fields: [pages]}"))).faults
    assert ["clause `3` forbids every field that this permits; only a bare count of clients is left"] == [
        fault.message for fault in found if fault.code == "shadowed"
    ]


@pytest.mark.parametrize(
    "prose",
    ["At least eleven readers.", "After 11 readers, in 2026.", "The partners.", "Elm House and the hub.",
     "For comparing.", "See clause 2.", "In aggregate form.", "The three parties.", "80 % at most."],
)  # fmt: skip
def test_prose_that_agrees(prose: str) -> None:
    """What the keys say may be said in words."""
    data = changed(("{to} may compare {fields} for {purpose}, from {protect.minimum_cell} readers up.", prose))
    assert () == read(data).faults


@pytest.mark.parametrize(
    "prose",
    ["At least twelve readers.", "13 readers.", "For advertising.", "The house.", "See clause 1.",
     "In identified form.", "1.5 times."],
)  # fmt: skip
def test_prose_that_differs(prose: str) -> None:
    """A number, purpose, field, clause or view that is not the clause's own."""
    data = changed(("{to} may compare {fields} for {purpose}, from {protect.minimum_cell} readers up.", prose))
    assert ["prose-differs"] == [fault.code for fault in read(data).faults]


def test_prose_that_names_another_party() -> None:
    """The keys say one party, the prose another; a role too."""
    data = changed(
        ("to: everyone", "to: {parties: [elm]}"), ("{to} may compare", "Oak Hall and the convener may compare")
    )
    assert 2 == sum(fault.code == "prose-differs" for fault in read(data).faults)


def test_lost_clauses_are_not_dangling() -> None:
    """A clause that could not be read may be named."""
    mou = small().model_copy(update={"clauses": small().clauses[2:]})
    assert ["unknown-clause"] == [fault.code for fault in check(mou)]
    assert () == check(mou, lost=frozenset({"2"}))


def test_a_document_with_every_key_stands() -> None:
    """No key of the language is an error; what is warned of is meant."""
    assert {"prose-differs", "never-shown", "same-name"}.isdisjoint({f.code for f in read(EVERYTHING.encode()).faults})
    assert everything().version == 7
