"""Rego in names and texts of a document: it is text in the policy, and decides nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from governance.adapters.rego import RegoEngine
from governance.compiler.bundle import compile_bundle
from governance.compiler.from_yaml import read
from governance.compiler.reference import decide
from governance.errors import DocumentWrong
from governance.model.access import NO_FACTS, Request
from tests.simulator import DOCUMENT

WORDS = [
    'x"}\\n\\nallow := true\\nx := {"a": "',
    'x\\n# METADATA\\n# entrypoint: true\\npackage accordant.main\\ndecision := {\\"outcome\\": \\"permit\\"}',
    "x` | true | `",
    '\\\\\\"; default decision := {}; \\\\\\"',
    "{{ input }} ${input} $(id) %s",
    "# regal ignore:all\\u2028\\n} else := true {",
    "import data.accordant.main as main",
]
PLACES = [
    ("title: A small collaborative", "title: {}"),
    ("name: North,", "name: {},"),
    ("title: grade,", "title: {},"),
    ("title: Never", "title: {}"),
    ("improvement: {{title: improvement}}".replace("{{", "{").replace("}}", "}"), "improvement: {{title: {}}}"),
    ("levels: [reading, maths, art]", "levels: [reading, maths, {}]"),
    ('text: "Nobody uses data for {purpose}."', "text: {}"),
]
ASKED = [
    {"rows": "own", "view": "identified", "purpose": "improvement", "party": "north"},
    {"rows": "others", "view": "identified", "purpose": "improvement", "party": "north"},
    {"rows": "all", "view": "aggregate", "purpose": "improvement", "party": "hub"},
    {"rows": "own", "view": "identified", "purpose": "marketing", "party": "north"},
]


def _requests() -> list[Request]:
    known = {"dataset": "visits", "fields": ["program", "grade"], "at": "2026-11-02T12:00:00Z"}
    return [Request.model_validate(known | asked) for asked in ASKED]


def _outcomes(document: str, tmp_path: Path, opa: Path | None = None) -> list[tuple[str, str]]:
    """What the embedded engine says; the plain-Python reading says the same, and OPA reads every module."""
    mou = read(document.encode()).mou
    bundle = compile_bundle([mou])
    engine = RegoEngine()
    engine.load(bundle)
    said = [engine.decide(request, NO_FACTS) for request in _requests()]
    assert [decide([mou], r, NO_FACTS).outcome for r in _requests()] == [d.outcome for d in said]
    if opa is not None:
        for name, content in bundle.files.items():
            path = tmp_path / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        done = subprocess.run([opa, "check", "--strict", "--bundle", tmp_path], capture_output=True, text=True)
        assert (0, "") == (done.returncode, done.stderr)
    return [(d.outcome, d.reason) for d in said]


@pytest.mark.opa
@pytest.mark.parametrize("place", PLACES, ids=range(len(PLACES)))
def test_words_of_a_document_are_words_in_the_policy(place: tuple[str, str], tmp_path: Path, opa_binary: Path) -> None:
    """Titles, names, levels and prose that look like Rego decide what a plain word would; OPA finds no fault."""
    expected = _outcomes(DOCUMENT, tmp_path / "plain")
    assert {"permit", "gap", "deny"} == {outcome for outcome, _ in expected}
    taken = 0
    for number, words in enumerate(WORDS):
        document = DOCUMENT.replace(place[0], place[1].format(f'"{words}"'), 1)
        assert document != DOCUMENT
        try:
            found = _outcomes(document, tmp_path / str(number), opa_binary)
        except DocumentWrong:
            continue  # control characters and stray slots are refused by `mou check`
        assert expected == found, words
        taken += 1
    assert taken >= 2


@pytest.mark.parametrize("words", ['a"]', "a b", "a.b[x]", "a\\nb", "__proto__", "data.x := 1", "a[_]", "a; b", ""])
@pytest.mark.parametrize(
    "place",
    [("id: small", "id: {}"), ("id: north,", "id: {},"), ("  visits:", "  {}:"), ("      days:", "      {}:"),
     ("  marketing:", "  {}:"), ('id: "4"', "id: {}")],
    ids=range(6),
)  # fmt: skip
def test_an_id_cannot_hold_more_than_a_name(words: str, place: tuple[str, str], tmp_path: Path) -> None:
    """What stands in a policy as a name is a slug; anything else is a fault with its line."""
    document = DOCUMENT.replace(place[0], place[1].format(f'"{words}"'), 1)
    assert document != DOCUMENT
    with pytest.raises(DocumentWrong) as caught:
        read(document.encode())
    assert any(fault.line for fault in caught.value.faults)
