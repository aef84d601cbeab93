"""Figures over rows of others: every one shown is right and allowed, every one that the rules forbid is marked.

The brute-force reading below is written from the language's words alone, over plain rows; it shares nothing with the
code that it judges.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.disclosure.suppression import Part, shown
from governance.model.access import Protection
from tests.disclosure.world import (
    MemorySource,
    Row,
    aggregate,
    ask,
    mou,
    request,
    table_of,
    world_strategy,
)

LEVELS: dict[str, dict[Any, Callable[[Any], bool]]] = {
    "program": {"early": lambda v: v == "early", "adult": lambda v: v == "adult"},
    "language": {
        "English": lambda v: v == "English",
        "Polish": lambda v: v == "Polish",
        "other": lambda v: v not in (None, "English", "Polish"),
    },
    "days": {
        "under 10": lambda v: v is not None and v < 10,
        "10-19": lambda v: v is not None and 10 <= v <= 19,
        "20 and more": lambda v: v is not None and v >= 20,
    },
    "done": {True: lambda v: v is True, False: lambda v: v is False},
    "grade": {"0-59": lambda v: v is not None and 0 <= v <= 59, "60-100": lambda v: v is not None and 60 <= v <= 100},
}


def sources(world: Mapping[str, Sequence[Row]]) -> dict[str, MemorySource]:
    """A source for each contributor."""
    return {p: MemorySource(p, rows) for p, rows in world.items()}


def people(rows: Sequence[tuple[str, Row]], *, shared: bool) -> set[Any]:
    """Distinct subjects of rows with their contributors."""
    return {r["client"] if shared else (p, r["client"]) for p, r in rows}


def allowed(
    rows: Sequence[tuple[str, Row]],
    measure: str,
    field: str | None,
    *,
    party: str,
    protection: Protection,
    sensitive: bool,
    shared: bool,
) -> bool:
    """The language's paragraph, read on the rows that a figure rests on."""
    others = [(p, r) for p, r in rows if p != party]
    if len({p for p, _ in others}) < protection.other_parties:
        return False
    for some in (rows, others):
        if len(people(some, shared=shared)) < protection.minimum_cell:
            return False
        if measure == "rate":
            for side in (True, False):
                count = len(people([(p, r) for p, r in some if r[field] is side], shared=shared))
                if 0 < count < protection.minimum_cell or (count == 0 and sensitive):
                    return False
        for contributor in {p for p, _ in some}:
            mine = [(p, r) for p, r in some if p == contributor]
            if len(people(mine, shared=shared)) > protection.dominance * len(people(some, shared=shared)):
                return False
            if measure in ("count", "rate") and len(mine) > protection.dominance * len(some):
                return False
            if measure in ("sum", "mean"):
                whole = sum(abs(r[field]) for _, r in some)
                if whole and sum(abs(r[field]) for _, r in mine) > protection.dominance * whole:
                    return False
    return True


def told(
    rows: Sequence[tuple[str, Row]], field: str | None, party: str, protection: Protection, *, shared: bool
) -> bool:
    """Whether those without a value are nobody or enough, the requester's own aside as well."""
    without = [(p, r) for p, r in rows if field is not None and r[field] is None]
    sizes = (len(people(some, shared=shared)) for some in (without, [(p, r) for p, r in without if p != party]))
    return all(size == 0 or size >= protection.minimum_cell for size in sizes)


def value(rows: Sequence[tuple[str, Row]], measure: str, field: str | None, *, shared: bool) -> Any:
    """The figure itself."""
    if measure == "clients":
        return len(people(rows, shared=shared))
    if measure == "count":
        return len(rows)
    values = [r[field] for _, r in rows]
    return sum(values) if measure == "sum" else sum(values) / len(values)


def expected(
    world: Mapping[str, Sequence[Row]],
    dimensions: Sequence[str],
    measures: Sequence[tuple[str, str | None]],
    chosen: Mapping[str, Sequence[Any]],
    *,
    party: str,
    protection: Protection,
    shared: bool,
) -> list[tuple[Any, ...]]:
    """Every cell with its figures, None where the rules forbid one."""
    rows = [(p, r) for p, many in world.items() for r in many]
    rows = [(p, r) for p, r in rows if all(any(LEVELS[f][lv](r[f]) for lv in some) for f, some in chosen.items())]
    used = {*dimensions, *chosen, *(f for _, f in measures)}
    cells = itertools.product(*([lv for lv in LEVELS[d] if lv in chosen.get(d, LEVELS[d])] for d in dimensions))
    made = []
    for cell in cells:
        inside = [(p, r) for p, r in rows if all(LEVELS[d][lv](r[d]) for d, lv in zip(dimensions, cell, strict=True))]
        figures: list[Any] = []
        for measure, field in measures:
            base = [(p, r) for p, r in inside if field is None or r[field] is not None]
            # A count of those with a value tells those without; a sum over its mean is such a count.
            tells = measure == "count" or {("sum", field), ("mean", field)} <= set(measures)
            free = (not tells or told(inside, field, party, protection, shared=shared)) and allowed(
                base,
                measure,
                field,
                party=party,
                protection=protection,
                sensitive="grade" in used,
                shared=shared,
            )
            figures.append(value(base, measure, field, shared=shared) if free else None)
        made.append((*cell, *figures, any(f is None for f in figures)))
    return made


MEASURES = [
    ("clients", None),
    ("count", None),
    ("count", "grade"),
    ("sum", "fee"),
    ("mean", "days"),
    ("sum", "days"),
    ("rate", "done"),
]


@settings(max_examples=200, deadline=None)
@given(
    world=world_strategy(),
    dimensions=st.lists(st.sampled_from(list(LEVELS)), max_size=2, unique=True),
    measures=st.lists(st.sampled_from(MEASURES), min_size=1, max_size=3, unique=True),
    filtered=st.data(),
    minimum=st.integers(1, 5),
    parties=st.integers(0, 3),
    dominance=st.sampled_from([0.4, 0.5, 0.8, 1.0]),
    party=st.sampled_from(["ash", "birch", "forest"]),
    shared=st.booleans(),
)
def test_figures_are_as_a_brute_force_reading_has_them(
    world: dict[str, list[Row]],
    dimensions: list[str],
    measures: list[tuple[str, str | None]],
    filtered: st.DataObject,
    minimum: int,
    parties: int,
    dominance: float,
    party: str,
    shared: bool,
) -> None:
    """Shown cells are equal, forbidden ones are marked, and every declared level stands in the answer."""
    room = 2 - len(dimensions)
    candidates = dimensions + (list(LEVELS) if room else [])
    field = filtered.draw(st.sampled_from([None, *candidates]) if candidates else st.none())
    chosen: dict[str, list[Any]] = {}
    if field is not None:
        levels = list(LEVELS[field])
        chosen[field] = filtered.draw(st.lists(st.sampled_from(levels), min_size=1, unique=True))
    protection = aggregate(minimum, parties, dominance)
    asked = request(
        party=party,
        group_by=dimensions,
        measures=[{"measure": m, "field": f} for m, f in measures],
        filters=[{"field": f, "op": "in", "value": some} for f, some in chosen.items()],
    )
    made = ask(sources(world), asked, protection, document=mou(subjects="shared" if shared else "separate"))
    rows = [tuple(r.values()) for r in table_of(made)]
    want = expected(world, dimensions, measures, chosen, party=party, protection=protection, shared=shared)
    assert len(want) == len(rows)
    for w, r in zip(want, rows, strict=True):
        assert (
            w == pytest.approx(r, nan_ok=False)
            if all(x is not None for x in w)
            else w == tuple(pytest.approx(x) if isinstance(x, float) else x for x in r)
        )
    assert sum(1 for w in want if w[-1]) == made.protection["suppressed"]
    assert all(not batch.subjects for batch in made.batches)


def part(subjects: int, hits: int = 0) -> Part:
    """A contributor's part of a share."""
    return Part(subjects, hits)


@pytest.mark.parametrize(
    ("parts", "share", "sensitive", "free"),
    [
        ({"birch": part(4), "cedar": part(4), "elm": part(3)}, False, False, True),
        ({"birch": part(4), "cedar": part(3), "elm": part(3)}, False, False, False),  # 10 clients
        ({"birch": part(6), "cedar": part(5)}, False, False, False),  # two others
        ({"ash": part(40), "birch": part(4), "cedar": part(4), "elm": part(2)}, False, False, False),  # 10 without ash
        ({"ash": part(0), "birch": part(4), "cedar": part(4), "elm": part(3)}, False, False, True),
        ({"birch": part(81), "cedar": part(10), "elm": part(9)}, False, False, False),  # dominated
        ({"birch": part(80), "cedar": part(10), "elm": part(10)}, False, False, True),  # 80 % is not more than 80 %
        ({"ash": part(81), "birch": part(7), "cedar": part(6), "elm": part(6)}, False, False, False),  # by ash herself
        ({"ash": part(900), "birch": part(45), "cedar": part(3), "elm": part(2)}, False, False, False),
        ({"birch": part(20, 20), "cedar": part(20, 0), "elm": part(20, 9)}, True, False, True),
        ({"birch": part(20, 4), "cedar": part(20, 3), "elm": part(20, 3)}, True, False, False),  # numerator 10
        ({"birch": part(20, 0), "cedar": part(20, 0), "elm": part(20, 0)}, True, False, True),  # 0 %
        ({"birch": part(20, 0), "cedar": part(20, 0), "elm": part(20, 0)}, True, True, False),  # 0 % of a secret
        ({"birch": part(20, 20), "cedar": part(20, 20), "elm": part(20, 20)}, True, True, False),  # 100 % of a secret
        ({"birch": part(20, 20), "cedar": part(20, 20), "elm": part(20, 10)}, True, False, False),  # complement 10
        ({"ash": part(30, 11), "birch": part(20, 0), "cedar": part(20, 5), "elm": part(20, 5)}, True, False, False),
    ],
)
def test_a_cell_needs_what_the_language_says(parts: dict[str, Part], share: bool, sensitive: bool, free: bool) -> None:
    """Each condition alone decides, at its edge."""
    protection = aggregate(11, 3, 0.8)
    assert free == shown(parts=parts, party="ash", protection=protection, share=share, sensitive=sensitive)


def test_a_protection_without_its_numbers_shows_nothing() -> None:
    """An incomplete obligation is no permission."""
    parts = {p: Part(1000) for p in ("birch", "cedar", "elm")}
    assert not shown(parts=parts, party="ash", protection=Protection(kind="aggregate"), share=False, sensitive=False)


def test_an_empty_cell_and_a_small_one_look_the_same() -> None:
    """Nothing in the answer tells whether a suppressed cell holds nobody or a few."""
    row = {"name": "x", "language": None, "days": 5, "done": True, "grade": 70, "fee": 1.0, "born": None, "seen": None}
    few: list[Row] = [dict(row, client="1", program="early", quarter="2026-Q3")]
    worlds = [dict.fromkeys(("ash", "birch", "cedar"), few), {p: [] for p in ("ash", "birch", "cedar")}]
    answers = [ask(sources(w), request(fields=["program"]), aggregate(11, 3)) for w in worlds]
    assert table_of(answers[0]) == table_of(answers[1])
    assert answers[0].protection == answers[1].protection
