"""A readable rule a clause, the same bytes for the same document, and no value that becomes source."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from governance.compiler.rego_values import array, metadata, package, path, string
from governance.compiler.to_rego import module_path, to_rego
from governance.compiler.to_text import clause_sha256
from governance.model.mou import Mou
from tests import acceptance
from tests.compiler.small import clause, document, permit
from tests.compiler.test_golden import golden
from tests.strategies import hostile_words, mou


@pytest.mark.parametrize("file", golden.GOOD, ids=lambda file: file.name)
def test_golden(file: Path) -> None:
    """The module of each dataset, byte for byte."""
    for name, module in golden.expected_rego(file).items():
        assert (golden.REGO / name).read_text() == module


def rule_of(module: str, name: str) -> str:
    """A rule with its metadata."""
    found = re.search(rf"(?:^#.*\n)*^{name} := (?:.*\n)*?(?=\n|\Z)", module, re.MULTILINE)
    assert found is not None
    return found[0]


def test_clause_2_2_is_recognised(shared: Path) -> None:
    """Comparative reports: who, which fields, which view, for what; and whose words these are."""
    mou = acceptance.document()
    rule = rule_of(to_rego(mou, "enrollments", [mou]), "clause_2_2")
    words = clause_sha256(mou, next(c for c in mou.clauses if c.id == "2.2"))
    assert f'''# METADATA
# title: "Comparative reports"
# custom:
#   mou: "benchmarking"
#   version: 1
#   clause: "2.2"
#   kind: "permit"
#   text_sha256: "{words}"
clause_2_2 := "to" if {{
	to_convener_or_partner == false
}} else := "view" if {{
	views.at_most_aggregate == false
}} else := "rows" if {{
	asks_some == false
}} else := "purpose" if {{
	for_program_improvement == false
}} else := "fields" if {{
	only_attendance_days_completed_grade_language_program_quarter_site == false
}} else := "matched" if {{
	to_convener_or_partner == true
	views.at_most_aggregate == true
	asks_some == true
	for_program_improvement == true
	only_attendance_days_completed_grade_language_program_quarter_site == true
}}
''' == rule  # fmt: skip


def test_one_rule_a_clause(shared: Path) -> None:
    """In the document's order."""
    mou = acceptance.document()
    found = re.findall(r"^(clause_\w+) := ", to_rego(mou, "enrollments", [mou]), re.MULTILINE)
    assert [f"clause_{c.id.replace('.', '_')}" for c in mou.clauses] == found


def test_only_what_concerns_the_dataset() -> None:
    """A permit on another dataset is not there; a prohibition of everything and every duty are."""
    both = document().datasets | {"e": document().datasets["d"]}
    duty = clause("9", "duty", of="everyone", action="delete", data="e", within="P1D", after="expiry")
    mou = document(permit("1"), permit("2", data="e"), clause("3", "prohibit"), duty, datasets=both)
    found = re.findall(r"^(clause_\w+) := ", to_rego(mou, "d", [mou]), re.MULTILINE)
    assert ["clause_1", "clause_3", "clause_9"] == found


def test_ids_that_differ_in_a_dash_only_are_two_rules() -> None:
    """`2-1`, `2.1` and `2_1` are three clauses."""
    mou = document(permit("2-1"), permit("2.1"), permit("2_1"))
    module = to_rego(mou, "d", [mou])
    assert 3 == len(set(re.findall(r"^(clause_\w+) := ", module, re.MULTILINE)))
    assert 1 == module.count('\ncited_clause_2_1__2 := [["m_v1", "2_1"]] if {')


def test_an_id_may_look_like_a_name_with_a_number() -> None:
    """A number that follows is one that no other name has: clauses, and roles of parties."""
    mou = document(permit("2-1--2"), permit("2.1"), permit("2-1"))
    found = re.findall(r"^(clause_\w+) := ", to_rego(mou, "d", [mou]), re.MULTILINE)
    assert 3 == len(found) == len(set(found))
    parties = [{"id": f"p{n}", "name": "P", "role": role} for n, role in enumerate(("a-c--2", "a-c", "a_c"))]
    mou = document(permit("1"), parties=parties)
    members = re.findall(r"^(members_\w+) := ", to_rego(mou, "d", [mou]), re.MULTILINE)
    assert 3 == len(members) == len(set(members))


def test_where_a_module_stands() -> None:
    """The folders are the package."""
    assert "accordant/datasets/d/m_v1/clauses.rego" == module_path(document(), "d")
    assert "\npackage accordant.datasets.d.m_v1\n" in to_rego(document(), "d", [document()])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("a", "b_1"), "package accordant.a.b_1"),
        (("a-b", "c"), 'package accordant["a-b"].c'),
        (("1a", "in"), 'package accordant["1a"]["in"]'),
        (("default", "x"), 'package accordant["default"].x'),
    ],
)
def test_names_in_paths(names: tuple[str, ...], expected: str) -> None:
    """A dot where the grammar has one, brackets elsewhere."""
    assert expected == package("accordant", *names)
    assert expected.replace("package accordant", "data") == path("data", *names)


@given(st.text() | hostile_words())
@example("\x7f\u2028\x00`{{")
def test_a_string_is_one_literal(text: str) -> None:
    """Read back as JSON it is the same text, in ASCII, on one line."""
    literal = string(text)
    assert literal.isascii()
    assert literal.isprintable()
    assert [text] == json.loads(array([text]))


@given(st.text(st.characters(exclude_categories=["Cs"])) | hostile_words(20))
def test_metadata_stays_a_comment_and_keeps_the_words(text: str) -> None:
    """Every line is a comment, however the title breaks lines; YAML reads the title back, whole."""
    block = metadata({"title": text}, custom={"clause": text, "version": 3})
    lines = re.split(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", block)
    assert all(line.startswith("# ") for line in lines)
    read = YAML(typ="safe").load("\n".join(line[2:] for line in lines[1:]))
    assert {"title": text, "custom": {"clause": text, "version": 3}} == read


def test_long_titles_are_folded() -> None:
    """Lines of 120 at most, where there is a space to break at."""
    text = "a word " * 80
    assert all(len(line) <= 120 for line in metadata({"title": text.strip()}).splitlines())


@given(mou())
@settings(max_examples=60, deadline=None)
def test_same_document_same_bytes(mou: Mou) -> None:
    """Whatever it holds; and nothing of it but slugs stands outside of comments."""
    for dataset in mou.datasets:
        module = to_rego(mou, dataset, [mou])
        assert module == to_rego(Mou.model_validate(mou.model_dump(by_alias=True)), dataset, [mou])
        code = "\n".join(line for line in module.splitlines() if not line.lstrip().startswith("#"))
        assert code.isascii()
        assert not re.search(r"[`\\{]\{|`|\\", code)


@pytest.mark.opa
@given(mous=st.lists(mou(), min_size=1, max_size=8))
@settings(max_examples=8, deadline=None)
def test_every_module_is_in_the_form_of_opa(
    opa_binary: Path, tmp_path_factory: pytest.TempPathFactory, mous: list[Mou]
) -> None:
    """`opa fmt --diff` changes nothing, `opa check --strict` finds nothing, whatever the words."""
    from governance.compiler.bundle import compile_bundle

    folder = tmp_path_factory.mktemp("bundle")
    for number, one in enumerate(mous):
        for name, data in compile_bundle([one]).files.items():
            file = folder / str(number) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    listed = subprocess.run([opa_binary, "fmt", "--list", folder], capture_output=True, text=True, check=True)
    assert "" == listed.stdout
    for number in range(len(mous)):
        words = [opa_binary, "check", "--strict", "--bundle", folder / str(number)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert (0, "") == (done.returncode, done.stderr)
