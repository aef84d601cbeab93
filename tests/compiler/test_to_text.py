"""What is signed: deterministic, complete, and not to be imitated (language, What people sign)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from governance.compiler.from_yaml import read
from governance.compiler.positions import parse
from governance.compiler.to_html import STYLE_SOURCE, to_html
from governance.compiler.to_text import clause_sha256, clause_text, to_text
from governance.compiler.words import period_words, quoted, share_words
from governance.model.mou import Mou
from governance.model.period import Period
from tests import strategies
from tests.compiler.documents import EVERYTHING, everything, small

PROSE = {"title", "name", "text", "preamble"}


def canonical(value: Any, key: str = "") -> Any:
    """What decides of a document: everything but prose, each value with its type, periods by what they mean."""
    if isinstance(value, dict):
        if key == "protect" and all(v is None for v in value.values()):
            return "None"  # `protect: {}` says as much as no `protect`
        return tuple((k, canonical(v, k)) for k, v in value.items() if k not in PROSE or isinstance(v, dict))
    if isinstance(value, list | tuple):
        return tuple(canonical(item) for item in value)
    if isinstance(value, Period):
        return (value.months, value.days)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return repr(value)
    return float(value)


def deciding(mou: Mou) -> Any:
    return canonical(mou.model_dump(by_alias=True))


ALTERNATIVES: dict[str, tuple[Any, ...]] = {
    "role": ("partner", "x"), "required": ("everyone", {"at_least": 1, "of": "everyone"}),
    "order": ("any", [["a"], ["b"]], [["a", "b"]]), "data": ("people", "places", "delete", "return", "keep-aggregates"),
    "ends": ("party", "all"), "subjects": ("separate", "shared"), "class": ("identifier", "sensitive", "plain"),
    "type": ("string", "integer", "number", "boolean", "date", "datetime", "quarter"),
    "levels": (["1"], [1], [True], ["true"], ["a b"], ["a  b"], ["a”, “b"], ["a", "b"], ["b", "a"], ["a\n"], ["a "]),
    "rows": ("own", "others", "all"), "fields": ("all", ["number"], ["source", "number"], {"classes": ["plain"]}),
    "view": ("identified", "pseudonymised", "aggregate", ["aggregate"], ["identified", "aggregate"]),
    "to": ("everyone", {"roles": ["partner"]}, {"parties": ["a"]}, {"roles": ["a"]}),
    "of": ("everyone", {"roles": ["partner"]}, {"parties": ["partner"]}),
    "from": ("everyone", {"parties": ["a", "b"]}, "2027-01-02"), "review": ("contributors", "everyone"),
    "blocking": ("none", "others", "all"), "after": ("expiry", "withdrawal", "release", "discovery"),
    "action": ("submit-data", "delete", "return", "report-breach", "acknowledge-purpose"),
    "every": ("P1D", "P1M", "P18M", "P1Y6M"), "within": ("P1D", "P1W", "P30D"), "grace": ("P1D", "P1M"),
    "notice": ("P1D",), "accounting": ("P1Y", "P7Y"), "unit": ("clients", "rows"), "better": ("higher", "lower"),
    "purpose": (["care"], ["care", "sale"], ["sale", "care"]), "except": (["p1"], ["p3", "p2"]),
    "timezone": ("UTC", "Etc/UTC"), "broader": ("care", "sale"), "dpv": ("a", "`a`", "”"),
    "equals": (True, "true", 1, 1.5), "in": ([1], ["1"], [True]), "k": (5, 13), "minimum_cell": (11, 12),
    "other_parties": (0, 3), "dominance": (0.8, 0.81, 1),
    "missing": (0.2, 0.05), "at_least": (0.5, 2), "at_most": (0.5, 2), "window": ("done",), "dataset": ("places",),
    "contributors": ("everyone", {"parties": ["a"]}), "contributor": ("number",), "subject": ("source",),
    "effective": ("2026-01-30",), "expires": ("2030-01-31",), "until": ("2028-12-30",), "id": ("z", "zz"),
    "version": (8,),
}  # fmt: skip


def neighbours(node: Any, put: Any = None, key: str = "") -> Iterator[Any]:
    """Every document that differs in one value, one key less or more, or one turned list."""
    put = put or (lambda value: value)
    for other in ALTERNATIVES.get(key, ()):
        if other != node or type(other) is not type(node):
            yield put(other)
    if isinstance(node, dict):
        for name, value in node.items():
            yield put({k: v for k, v in node.items() if k != name})
            yield from neighbours(value, lambda new, name=name: put({**node, name: new}), name)
        for name in ALTERNATIVES.keys() - node.keys():
            for value in ALTERNATIVES[name][:2]:
                yield put({**node, name: value})
    elif isinstance(node, list):
        if len(node) > 1:
            yield put(node[::-1])
            yield put(node[1:])
            yield put(node[:-1])
        for index, value in enumerate(node):
            yield from neighbours(value, lambda new, i=index: put([*node[:i], new, *node[i + 1 :]]))


def test_documents_that_decide_differently_never_have_the_same_text() -> None:
    """Hundreds of neighbours of a document that has every key: no two texts are equal unless the keys are."""
    base = parse(EVERYTHING.encode(), file="x").data
    texts: dict[str, Any] = {}
    count = 0
    for changed in neighbours(base):
        try:
            mou = Mou.model_validate(changed)
        except ValidationError:
            continue
        keys = deciding(mou)
        assert texts.setdefault(to_text(mou), keys) == keys
        count += 1
    assert count > 600
    assert len(texts) > 600


@given(strategies.worlds(most=1), strategies.worlds(most=1))
@settings(max_examples=60, deadline=None)
def test_made_documents_never_share_a_text(first: tuple[Mou, ...], second: tuple[Mou, ...]) -> None:
    """Documents with hostile titles, and the same documents under other titles."""
    for a, b in ((first[0], second[0]), (second[0], first[0])):
        assert (to_text(a) == to_text(b)) <= (deciding(a) == deciding(b))


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_quotes_keep_values_apart(a: str, b: str) -> None:
    """Two values never look alike between their quotes, and none can leave them."""
    assert (quoted(a) == quoted(b)) == (a == b)
    assert not re.search(r"(?<!\\)(?:\\\\)*[“”`]", quoted(a)[1:-1])
    assert "\n" not in quoted(a)


FORGED = (
    "{to} see it.\n\nOperative sentence of 1: Everybody may see everything.\nClause 9: “All”\n| no\n\x1cParties\n===\n"
)


def test_prose_cannot_pass_for_a_generated_sentence() -> None:
    """Whatever the author writes stays behind the bar, and titles between their quotes."""
    clauses = list(small().clauses)
    clauses[0] = clauses[0].model_copy(update={"text": FORGED, "title": FORGED})
    mou = small().model_copy(update={"clauses": tuple(clauses), "title": FORGED, "preamble": FORGED})
    lines = to_text(mou).split("\n")
    assert 3 == sum(line.startswith("Operative sentence of ") for line in lines)
    assert 3 == sum(bool(re.match(r"Clause [123]: “", line)) for line in lines)
    assert [line for line in lines if "Everybody may see" in line and not line.startswith("| ")] == [
        line for line in lines if line.startswith("Clause 1: “") or ("Everybody may see" in line and line[0] != "|")
    ]
    assert 1 == lines.count("Parties")
    assert "\x1c" not in "\n".join(lines)


def test_slots_are_filled_once() -> None:
    """A title with braces in it stays a title, and doubled braces are the author's."""
    clause = small().clauses[0].model_copy(update={"text": "{{to}} {to} {x} { to } {title}", "title": "{fields}"})
    assert "{{to}} the partners {x} { to } {fields}" == clause_text(small(), clause).split("\n")[0]


def test_a_clause_is_two_lines_and_its_digest_covers_them() -> None:
    """Prose, then the sentence that prevails."""
    mou = small()
    words = clause_text(mou, mou.clauses[1])
    assert words == (
        "Every party may compare pages read for comparing results, from 11 readers up.\n"
        "Operative sentence of 2: Every party to this memorandum may see the field “pages read” (`pages`) of “visits” "
        "(`visits`), in the rows of all clients, in no view more revealing than `aggregate`, for “comparing results” "
        "(`compare`) or any purpose within it. Figures need at least 11 clients (the default), at least 1 other "
        "parties and no contributor with more than 80 % (the default)."
    )
    assert hashlib.sha256(words.encode()).hexdigest() == clause_sha256(mou, mou.clauses[1])


def test_the_text_is_the_same_each_time() -> None:
    """The same document, read again, gives the same bytes; a line is at most 100 wide."""
    assert to_text(everything()) == to_text(read(EVERYTHING.encode()).mou)
    assert max(len(line) for line in to_text(everything()).split("\n")) <= 100


@pytest.mark.parametrize(
    ("text", "every", "words"),
    [("P1Y", False, "1 year"), ("P1Y", True, "year"), ("P6M", True, "6 months"), ("P18M", False, "18 months"),
     ("P1Y6M", False, "1 year and 6 months"), ("P2W", False, "14 days"), ("P1M1D", True, "1 month and 1 day")],
)  # fmt: skip
def test_periods(text: str, every: bool, words: str) -> None:
    """As people say them."""
    assert words == period_words(Period(text), every=every)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.8, "80 %"),
        (1.0, "100 %"),
        (0.05, "5 %"),
        (0.605, "60.5 %"),
        (1e-07, "0.00001 %"),
        (0.8000000001, "80.00000001 %"),
    ],
)
def test_shares(share: float, words: str) -> None:
    """Exact, so that no two look alike."""
    assert words == share_words(share)


class _Page(HTMLParser):
    """Tags that are opened and not closed, and everything that a strict policy would forbid."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.forbidden: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in {"meta", "!doctype"}:
            self.open.append(tag)
        self.forbidden += [name for name, _ in attrs if name in {"style", "src", "href"} or name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()


def page(mou: Mou) -> _Page:
    parser = _Page()
    parser.feed(to_html(mou))
    parser.close()
    return parser


def test_the_page_runs_nothing_and_loads_nothing() -> None:
    """No script, link or style attribute; its one style sheet is named by digest in its own policy."""
    found = page(everything())
    assert ([], []) == (found.open, found.forbidden)
    assert not found.tags & {"script", "link", "iframe", "object", "img", "form", "base"}
    assert STYLE_SOURCE.replace("'", "&#x27;") in to_html(everything())


@given(strategies.worlds(most=1))
@settings(max_examples=40, deadline=None)
def test_no_document_can_put_marks_into_the_page(mous: tuple[Mou, ...]) -> None:
    """Hostile words are words."""
    hostile = '</p></blockquote><script>alert(1)</script><q style="x">&lt;'
    clauses = tuple(c.model_copy(update={"text": hostile + c.text, "title": hostile}) for c in mous[0].clauses)
    found = page(mous[0].model_copy(update={"clauses": clauses, "title": hostile, "preamble": hostile}))
    assert ([], []) == (found.open, found.forbidden)
    assert "script" not in found.tags


def test_an_exception_is_named() -> None:
    """The sentence on a prohibition names the clause that it leaves alone."""
    assert "except for what clause `2` permits." in clause_text(small(), small().clauses[2])
