"""Bytes become a document or all its faults, never a traceback (language, A document)."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from governance.compiler.from_yaml import read
from governance.compiler.positions import MAX_BYTES, MAX_DEPTH, parse
from governance.errors import DocumentWrong
from tests.compiler.documents import EVERYTHING, SMALL, changed, everything, faults, small


@pytest.mark.shared
def test_the_acceptance_document_stands(shared: Path) -> None:
    """No error and no warning."""
    assert () == read((shared / "acceptance" / "benchmarking.mou.yaml").read_bytes()).faults


def test_a_sound_document_has_no_faults() -> None:
    """Nothing is said where nothing is wrong; numbers, days and lists have arrived."""
    reading = read(SMALL.encode(), file="small")
    assert () == reading.faults
    assert ("2026-03-01", 2, 3) == (str(reading.mou.effective), reading.mou.version, len(reading.mou.clauses))


def test_json_is_yaml() -> None:
    """The same document as JSON is the same document."""
    plain = parse(EVERYTHING.encode(), file="x").data
    assert everything() == read(json.dumps(plain).encode()).mou


def test_a_byte_order_mark_is_let_through() -> None:
    """Some editors write one; it is no part of the document."""
    assert small() == read(b"\xef\xbb\xbf" + SMALL.encode()).mou


def test_windows_line_ends() -> None:
    """CRLF changes nothing."""
    assert small() == read(SMALL.replace("\n", "\r\n").encode()).mou


def test_an_alias_is_the_value_itself() -> None:
    """Anchors may save typing, as long as the whole stays small."""
    data = changed(("to: {roles: [partner]}", "to: &p {roles: [partner]}"), ("to: everyone", "to: *p"))
    assert read(data).mou.clauses[1].permit.to == read(data).mou.clauses[0].permit.to  # type: ignore[union-attr]


def test_aliases_that_explode() -> None:
    """A small file that unfolds to billions of values is refused at once."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    (fault,) = faults("\n".join(lines).encode())
    assert ("too-many", 5) == (fault.code, fault.line)


def test_aliases_that_nest() -> None:
    """Depth is counted through aliases."""
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, MAX_DEPTH + 2)]
    (fault,) = faults("\n".join(lines).encode())
    assert "too-deep" == fault.code


@pytest.mark.parametrize("opening", [b"[", b"{a: ", b"- "])
def test_nesting_is_limited(opening: bytes) -> None:
    """However deep, it is a fault with a place and not a stack overflow."""
    (fault,) = faults(opening * 100_000)
    assert "too-deep" == fault.code
    assert fault.line == 1


def test_size_is_limited() -> None:
    """One byte more than the limit is too much; the limit itself is not."""
    padding = b"#" * (MAX_BYTES - len(SMALL.encode()) - 1)
    assert small() == read(SMALL.encode() + b"\n" + padding).mou
    assert ["too-large"] == [fault.code for fault in faults(SMALL.encode() + b"\n" + padding + b"#")]


@pytest.mark.parametrize("word", ["no", "No", "NO", "yes", "on", "off"])
def test_yes_and_no_are_text_and_said_to_be(word: str) -> None:
    """`no` stays text (YAML 1.2); quotes end the warning."""
    (fault,) = faults(changed(("title: house", f"title: {word}")))
    assert ("yes-no", "warning", f'quotes: "{word}"') == (fault.code, fault.level, fault.expected)
    assert () == faults(changed(("title: house", f'title: "{word}"')))


@pytest.mark.parametrize("number", ["3.10", "1", "1e3", "0x10", "-1", "007"])
def test_a_clause_id_given_as_a_number(number: str) -> None:
    """`3.10` would be read as 3.1; the cure shows what stands in the file."""
    found = [fault for fault in faults(changed(('id: "1"', f"id: {number}"))) if fault.path == ("clauses", 0, "id")]
    assert [f'quotes: "{number}"'] == [fault.expected for fault in found]


def test_nothing_written_is_not_absent() -> None:
    """`purpose:` with nothing after it must not make a prohibition wider."""
    (fault,) = faults(changed(("prohibit: {purpose: [ads]", "prohibit: {purpose: ")))
    assert ("nothing-written", "3", "error") == (fault.code, fault.clause, fault.level)


def test_faults_of_structure_do_not_hide_those_of_sense() -> None:
    """A typing mistake in one clause and a dangling purpose in another are told together."""
    found = faults(changed(("rows: own", "row: own"), ("purpose: [ads]", "purpose: [adds]")))
    assert {"unknown-key", "missing-key", "unknown-purpose"} == {fault.code for fault in found}


def test_a_clause_that_could_not_be_read_is_not_missing() -> None:
    """`except` may name a clause that has a fault of its own."""
    found = faults(changed(("rows: all", "row: all")))
    assert {"unknown-key", "missing-key"} == {fault.code for fault in found}


def test_faults_are_in_the_order_of_the_file() -> None:
    """A person mends from the top."""
    found = faults(changed(("title: Reading", "titel: Reading"), ("purpose: [ads]", "purpos: [ads]")))
    assert sorted((fault.line, fault.column) for fault in found) == [(fault.line, fault.column) for fault in found]


def test_a_fault_names_file_line_column_and_clause() -> None:
    """All that is needed to go there."""
    with pytest.raises(DocumentWrong) as caught:
        read(changed(("view: aggregate", "view: aggregated")), file="my.yaml")
    line = SMALL[: SMALL.index("view: aggregate")].count("\n") + 1
    assert str(caught.value) == (
        f"my.yaml:{line}:13: error: clause 2: `view`: `aggregated` does not fit; did you mean `aggregate`? "
        "(expected `identified`, `pseudonymised` or `aggregate`)"
    )


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_bytes_at_all(data: bytes) -> None:
    """No bytes bring anything but faults."""
    assert faults(data)


PIECES = st.sampled_from(
    [*"[]{}:,-?&*!|>'\"%@`#\n \t", ": ", "- ", "? ", "&a ", "*a", "!!int ", "!x ", "<<: *a", "---\n", "...\n", "~",
     ".nan", "1e999", "0o8", "\\x", '"\\u', "\x00", "\x85", "\u2028", "é", "\ud7ff", "clauses:", "id", "  "]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join))
@settings(max_examples=300, deadline=None)
def test_any_yaml_at_all(text: str) -> None:
    """Signs of YAML in any order bring nothing but faults."""
    assert faults(text.encode())


WHOLE = json.dumps(parse(EVERYTHING.encode(), file="x").data)
VALUES = st.recursive(
    st.sampled_from(
        [None, True, False, 0, 1, -1, 2.5, 10**16, "", "x", "everyone", "all", "P1D", "2026-01-01", "\n", "“`"]
    ),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["roles", "id", "x", "classes", "at_least", "of", "WhoSet", "[key]", "0"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=4,
)


def _places(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        found += _places(value, (*path, key))
    return found


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_any_value_anywhere(data: st.DataObject) -> None:
    """One value of a whole document replaced by any other: a document or faults, each with a line."""
    tree = json.loads(WHOLE)
    path = data.draw(st.sampled_from(_places(tree)[1:]))
    node = tree
    for part in path[:-1]:
        node = node[part]
    if data.draw(st.booleans()):
        node[path[-1]] = data.draw(VALUES)
    else:
        del node[path[-1]]
    for fault in faults(json.dumps(tree).encode()):
        assert fault.line == 1
        assert fault.message


def test_a_document_as_ruamel_writes_it() -> None:
    """What a YAML library dumps is read back as the same values."""
    out = io.StringIO()
    YAML(typ="safe", pure=True).dump(parse(SMALL.encode(), file="x").data, out)
    assert small() == read(out.getvalue().encode()).mou
