"""Rows: identified ones as they are, with their subjects; pseudonymised ones only where enough subjects share them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.disclosure.pseudonym import derive_key, pseudonym
from governance.disclosure.query import SourceQuery
from governance.errors import RequestInvalid, SourceUnavailable
from governance.model.access import Protection
from tests.disclosure.world import (
    NONE,
    SECRET,
    Consents,
    MemorySource,
    Row,
    ask,
    mou,
    request,
    table_of,
    world_strategy,
)


def row(client: str, **values: Any) -> Row:
    """A row with only what a test looks at."""
    blank = dict.fromkeys(("name", "program", "language", "days", "done", "grade", "fee", "born", "seen", "quarter"))
    return blank | {"client": client} | values


def sources(world: dict[str, list[Row]]) -> dict[str, MemorySource]:
    """A source for each contributor."""
    return {p: MemorySource(p, rows) for p, rows in world.items()}


FIELDS = ["program", "done", "grade", "quarter"]


@settings(max_examples=120, deadline=None)
@given(
    world=world_strategy(most=30),
    fields=st.lists(st.sampled_from(FIELDS), min_size=1, unique=True),
    k=st.integers(2, 5),
    shared=st.booleans(),
    batch=st.integers(1, 9),
)
def test_every_row_is_shared_by_k_subjects(
    world: dict[str, list[Row]], fields: list[str], k: int, shared: bool, batch: int
) -> None:
    """Exactly the rows leave that a brute-force reading allows; the rest is withheld, and counted."""
    rows = [(p, r) for p, many in world.items() for r in many]

    def person(p: str, r: Row) -> Any:
        return r["client"] if shared else (p, r["client"])

    def values(r: Row, names: list[str]) -> tuple[Any, ...]:
        return tuple(r[n] for n in names)

    people: dict[Any, set[Any]] = defaultdict(set)
    for p, r in rows:
        people[values(r, fields)].add(person(p, r))
    wide = [(p, r) for p, r in rows if len(people[values(r, fields)]) >= k]
    if "grade" in fields:
        rest = [f for f in fields if f != "grade"]
        grades: dict[Any, set[Any]] = defaultdict(set)
        for _, r in wide:
            grades[values(r, rest)].add(r["grade"])
        wide = [(p, r) for p, r in wide if len(grades[values(r, rest)] - {None}) >= 2]
    asked = request(view="pseudonymised", fields=fields)
    document = mou(subjects="shared" if shared else "separate")
    made = ask(sources(world), asked, Protection(kind="pseudonymised", k=k), document=document, batch_rows=batch)
    batches = list(made.batches)
    got = [r for b in batches for r in b.table.to_pylist()]
    key = derive_key(SECRET, recipient="ash", mou="trees", clause="1", purpose="learning")
    want = [
        (pseudonym(key, contributor=None if shared else p, subject=r["client"]), *values(r, fields)) for p, r in wide
    ]
    assert sorted(want, key=str) == sorted((tuple(r.values()) for r in got), key=str)
    withheld = len(rows) - len(wide)
    # A few are not told exactly: whoever filters would count somebody.
    assert (f"fewer than {k}" if 0 < withheld < k else withheld) == made.protection["withheld_rows"]
    assert all(b.table.num_rows <= batch + len(world) for b in batches)  # each contributor's part is rounded
    named = {(p, s) for b in batches for p, some in b.subjects.items() for s in some}
    assert {(p, r["client"]) for p, r in wide} == named


def test_a_class_of_one_secret_is_withheld() -> None:
    """Fifty clients of one grade tell the grade of each, however many they are."""
    same = [row(f"c{i}", program="early", grade=70) for i in range(50)]
    asked = request(view="pseudonymised", fields=["program", "grade"])
    made = ask(sources({"birch": same}), asked, Protection(kind="pseudonymised", k=5))
    assert ([], 50) == (table_of(made), made.protection["withheld_rows"])
    mixed = [dict(r, grade=70 + 10 * (i % 2)) for i, r in enumerate(same)]
    made = ask(sources({"birch": mixed}), asked, Protection(kind="pseudonymised", k=5))
    assert (50, 0) == (len(table_of(made)), made.protection["withheld_rows"])
    rare = [dict(r, grade=80 if i == 0 else 70) for i, r in enumerate(same)]
    made = ask(sources({"birch": rare}), asked, Protection(kind="pseudonymised", k=5))
    assert ([], 50) == (table_of(made), made.protection["withheld_rows"])


def test_a_pseudonym_is_one_recipients_under_one_clause_for_one_purpose() -> None:
    """The same there, another anywhere else; and no id, nor a part of one, is in it."""
    known = {"recipient": "ash", "mou": "trees", "clause": "1", "purpose": "learning"}
    key = derive_key(SECRET, **known)
    mine = pseudonym(key, contributor="birch", subject="1001")
    assert mine == pseudonym(derive_key(SECRET, **known), contributor="birch", subject="1001")
    others = [derive_key(SECRET, **(known | {name: "other"})) for name in known]
    others.append(derive_key(b"another secret of many bytes", **known))
    made = {pseudonym(other, contributor="birch", subject="1001") for other in others}
    made |= {pseudonym(key, contributor="cedar", subject="1001"), pseudonym(key, contributor=None, subject="1001")}
    made |= {pseudonym(key, contributor="birch1", subject="001"), pseudonym(key, contributor="birch", subject="1002")}
    assert 9 == len(made)
    assert mine not in made
    assert "1001" not in mine


def test_a_short_secret_makes_no_pseudonyms() -> None:
    """A secret that can be guessed is none."""
    with pytest.raises(ValueError, match="at least 16 bytes"):
        derive_key(b"short", recipient="a", mou="b", clause="c", purpose="d")


def test_the_order_of_pseudonymised_rows_does_not_tell_whose_they_are() -> None:
    """Every batch holds of each contributor its part of the whole, sorted by pseudonym."""
    sizes = {"birch": 600, "cedar": 300, "dogwood": 100}
    world = {p: [row(f"{p}{i}", program="early") for i in range(n)] for p, n in sizes.items()}
    asked = request(view="pseudonymised", fields=["program"])
    made = ask(sources(world), asked, Protection(kind="pseudonymised", k=5), batch_rows=100)
    for batch in made.batches:
        assert {"birch": 60, "cedar": 30, "dogwood": 10} == {p: len(s) for p, s in batch.subjects.items()}
        pseudonyms = batch.table.column(0).to_pylist()
        assert sorted(pseudonyms) == pseudonyms


def test_identified_rows_name_their_owner_and_their_subjects() -> None:
    """The contributor is the owner, whatever the rows say; each batch names its subjects, once each."""
    world = {
        "ash": [row("1", org="birch", name="Ann"), row("1", name="Ann"), row("2", name="Bob")],
        "birch": [row("1", name="Eve")],
    }
    asked = request(view="identified", fields=["org", "name"])
    batches = list(ask(sources(world), asked, NONE).batches)
    assert [("ash", "Ann"), ("ash", "Ann"), ("ash", "Bob"), ("birch", "Eve")] == [
        tuple(r.values()) for b in batches for r in b.table.to_pylist()
    ]
    assert [{"ash": ["1", "2"]}, {"birch": ["1"]}] == [dict(b.subjects) for b in batches]


def test_rows_without_a_subject_never_leave() -> None:
    """Nobody could be asked for consent, and nobody told."""
    world = {"ash": [row("1", name="Ann"), row("1") | {"client": None, "name": "Nobody"}]}
    asked = request(rows="own", view="identified", fields=["name"])
    assert [{"name": "Ann"}] == table_of(ask(sources(world), asked, NONE))


@pytest.mark.parametrize("view", ["identified", "aggregate", "pseudonymised"])
def test_consent_is_needed_where_it_is_needed(view: str) -> None:
    """Of contributors with a need only consenting subjects count, of others all; no list at all means no."""
    world = {p: [row(str(i), program="early", name="x") for i in range(20)] for p in ("ash", "birch", "cedar")}
    keys: dict[str, Any] = {"fields": ["program"]} if view != "aggregate" else {"measures": [{"measure": "clients"}]}
    protection = {"pseudonymised": Protection(kind="pseudonymised", k=2)}.get(view, NONE)

    def count(consents: Consents | None) -> int:
        made = ask(
            sources(world), request(view=view, **keys), protection, consent=["birch", "cedar"], consents=consents
        )
        rows = table_of(made)
        return int(rows[0]["clients"]) if view == "aggregate" else len(rows)

    assert 25 == count(Consents({"birch": ["0", "1", "2", "999"], "cedar": ["7", "8"]}))
    assert 20 == count(Consents({}))
    assert 20 == count(None)


def test_an_order_runs_through_all_contributors() -> None:
    """Merged, absent values last whichever way, and cut by the limit."""
    world = {
        "ash": [row("1", days=3), row("2", days=None), row("3", days=9)],
        "birch": [row("1", days=5), row("2", days=4)],
    }
    up = request(view="identified", fields=["org", "days"], order_by=["days"])
    assert [3, 4, 5, 9, None] == [r["days"] for r in table_of(ask(sources(world), up, NONE, batch_rows=2))]
    down = request(view="identified", fields=["org"], order_by=["-days"], limit=3)
    made = ask(sources(world), down, NONE, batch_rows=2)
    batches = list(made.batches)
    assert ["ash", "birch", "birch"] == [r["org"] for b in batches for r in b.table.to_pylist()]
    assert [{"ash": ["3"], "birch": ["1"]}, {"birch": ["2"]}] == [dict(b.subjects) for b in batches]


def test_a_limit_spans_contributors() -> None:
    """Subjects that are cut off are not named either."""
    world = {"ash": [row("1"), row("2")], "birch": [row("1"), row("2")]}
    asked = request(view="identified", fields=["org"], limit=3)
    batches = list(ask(sources(world), asked, NONE).batches)
    assert [{"ash": ["1", "2"]}, {"birch": ["1"]}] == [dict(b.subjects) for b in batches]


@pytest.mark.parametrize("contributors", [["ash"], ["ash", "birch"]])
def test_too_many_rows_are_refused_before_any_leaves(contributors: list[str]) -> None:
    """The count is told, and what to do."""
    world = {p: [row(str(i)) for i in range(60 // len(contributors))] for p in contributors}
    asked = request(view="identified", fields=["program"])
    with pytest.raises(RequestInvalid, match="60 rows; at most 59") as caught:
        ask(sources(world), asked, NONE, max_rows=59, batch_rows=10)
    assert "too-many-rows" == caught.value.reason
    assert 60 == len(table_of(ask(sources(world), asked, NONE, max_rows=60, batch_rows=10)))
    limited = request(view="identified", fields=["program"], limit=59)
    assert 59 == len(table_of(ask(sources(world), limited, NONE, max_rows=59, batch_rows=10)))


def test_too_many_pseudonymised_rows_and_groups_are_refused() -> None:
    """The limit holds in every view."""
    world = {"birch": [row(str(i), program="early", days=i, name=str(i)) for i in range(30)]}
    asked = request(view="pseudonymised", fields=["program"])
    with pytest.raises(RequestInvalid, match="30 rows"):
        ask(sources(world), asked, Protection(kind="pseudonymised", k=2), max_rows=29)
    own = request(rows="own", group_by=["name"])
    with pytest.raises(RequestInvalid, match="more groups"):
        ask(sources({"ash": world["birch"]}), own, NONE, max_rows=29)
    wide = request(rows="own", group_by=["program", "language", "days", "done", "grade"])
    with pytest.raises(RequestInvalid, match="72 cells"):
        ask(sources({"ash": []}), wide, NONE, max_rows=71)


def test_a_short_answer_of_one_source_is_read_once() -> None:
    """The count beforehand is spared where the first batch is the last."""
    source = MemorySource("ash", [row(str(i)) for i in range(9)])
    asked = request(rows="own", view="identified", fields=["program"])
    assert 9 == len(table_of(ask({"ash": source}, asked, NONE, batch_rows=10)))
    assert 1 == source.opened


def test_rows_are_read_as_they_are_asked_for() -> None:
    """A batch is drawn from the source only when it is wanted: memory stays flat."""
    drawn = 0

    class Slow:
        def fetch(self, query: SourceQuery) -> Iterator[pa.RecordBatch]:
            nonlocal drawn
            if query.kind == "groups":
                yield pa.record_batch([[50], [50]], schema=query.schema)
                return
            for i in range(50):
                drawn += 1
                yield pa.record_batch([["x"], [str(i)]], schema=query.schema)

    asked = request(rows="own", view="identified", fields=["name"])
    made = ask({"ash": Slow()}, asked, NONE, batch_rows=1)
    next(made.batches)
    next(made.batches)
    assert drawn <= 4


def test_closing_lets_go_of_every_source() -> None:
    """A client that goes away leaves no query running."""
    closed = Counter[str]()

    class Held:
        def __init__(self, owner: str) -> None:
            self.owner = owner

        def fetch(self, query: SourceQuery) -> Iterator[pa.RecordBatch]:
            if query.kind == "groups":
                yield pa.record_batch([[100], [100]], schema=query.schema)
                return
            try:
                for i in range(100):
                    yield pa.record_batch([["x"], [str(i)]], schema=query.schema)
            finally:
                closed[self.owner] += 1

    asked = request(view="identified", fields=["name"], order_by=["name"])
    made = ask({"ash": Held("ash"), "birch": Held("birch")}, asked, NONE, batch_rows=1)
    next(made.batches)
    made.close()
    made.close()
    assert {"ash": 1, "birch": 1} == closed


def test_a_source_that_breaks_off_breaks_the_answer_off() -> None:
    """What has not left is not given; the error is the source's."""

    class Breaking:
        def fetch(self, query: SourceQuery) -> Iterator[pa.RecordBatch]:
            if query.kind == "groups":
                yield pa.record_batch([[100], [100]], schema=query.schema)
                return
            yield pa.record_batch([["x"], ["1"]], schema=query.schema)
            yield pa.record_batch([["x"], ["2"]], schema=query.schema)
            raise SourceUnavailable("gone")

    asked = request(rows="own", view="identified", fields=["name"])
    made = ask({"ash": Breaking()}, asked, NONE, batch_rows=1)
    with pytest.raises(SourceUnavailable):
        list(made.batches)


def test_own_rows_may_be_pseudonymised_without_k() -> None:
    """Own rows need no protection, yet the id is replaced."""
    world = {"ash": [row("1", program="early"), row("1", program="adult")]}
    made = table_of(ask(sources(world), request(rows="own", view="pseudonymised", fields=["program"]), NONE))
    assert ["early", "adult"] == [r["program"] for r in made]
    assert 1 == len({r["pseudonym"] for r in made})
    assert "1" not in {r["pseudonym"] for r in made}
