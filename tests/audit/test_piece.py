"""Pieces and single leaves say the same of any log, wherever it is cut and whatever was done to it."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from audit import Draft
from audit.entry import Entry, Prepared
from audit.errors import NotCanonical, Tampered
from audit.leaf import FIRST, Leaf
from audit.merkle import EMPTY
from audit.piece import LEVEL, SPAN, Look, Piece, Reader, Task
from audit.raw import BETWEEN, Words
from audit.report import Fault, Faults
from audit.rows import to_entry
from audit.walk import Walk
from tests.audit.worlds import START

Row = tuple[int, bytes, bytes, bytes]
SIZE = 40


class Plain:
    """Encrypts nothing: what is looked at here is what is inside."""

    def open(self, _seq: int, _ids: bytes, sealed: bytes, _place: bytes) -> bytes:
        """As it lies there."""
        return sealed


def read(
    task: Task,
    found: list[Row],
    told: Iterator[Words] = iter(()),  # noqa: B008 nothing is taken from it
    kept: dict[int, tuple[bytes, bytes]] | None = None,
    *,
    look: Look | None = None,
) -> Piece:
    """A piece from rows that lie nowhere."""
    nowhere: Any = None
    return Reader(Plain(), look).read(task, nowhere, found, told, kept or {})  # type: ignore[arg-type]


def rows(count: int) -> list[Row]:
    """An honest log."""
    made: list[Row] = []
    last = FIRST
    for seq in range(count):
        draft = Prepared.of(Draft("request" if seq % 3 else "search", {"number": seq}, ("aspire",), {"party": "a"}))
        time = START + dt.timedelta(seconds=seq // 2)
        leaf = Leaf(seq, draft.kind, time, last, draft.body_hash).to_bytes()
        last = Leaf.hash(leaf)
        made.append((seq, leaf, bytes(24), draft.salt + draft.body_bytes))
    return made


HONEST = rows(SIZE)


def edited(row: Row, **changes: object) -> Row:
    return (row[0], replace(Leaf.from_bytes(row[1]), **changes).to_bytes(), *row[2:])  # type: ignore[arg-type]


def tampered(found: list[Row], way: str, at: int) -> list[Row]:
    """One more cheat; a log that was cheated with before may be left as it is."""
    made = list(found)
    at %= len(made)
    try:
        if way == "time back":
            made[at] = edited(made[at], time=START - dt.timedelta(days=1))
        elif way == "kind":
            made[at] = edited(made[at], kind="consent")
        elif way == "link":
            made[at] = edited(made[at], prev=bytes(32))
        elif way == "body":
            made[at] = (*made[at][:3], made[at][3] + b" ")
        elif way == "form":
            made[at] = (made[at][0], made[at][1] + b" ", *made[at][2:])
        elif way == "gone" and len(made) > 1:
            del made[at]
        elif way == "swapped" and at:
            made[at], made[at - 1] = (made[at][0], *made[at - 1][1:]), (made[at - 1][0], *made[at][1:])
        elif way == "chained again":
            for n in range(max(at, 1), len(made)):
                made[n] = edited(made[n], prev=Leaf.hash(made[n - 1][1]))
    except NotCanonical:
        pass  # a leaf that can't be read any more can't be edited
    return made


def by_leaves(found: list[Row], sizes: frozenset[int]) -> tuple[tuple[Fault, ...], dict[int, bytes], bytes | None]:
    faults = Faults()
    walk = Walk(faults, sizes=sizes)
    for row in found:
        careful(walk, row)
    walk.end(SIZE, Leaf.hash(HONEST[-1][1]))
    return faults.in_order(), walk.roots, walk.tree.root if walk.tree else None


def careful(walk: Walk, row: Row) -> None:
    if walk.step(row[0], row[1]):
        try:
            to_entry(row[0], row[1], row[3][:32], row[3][32:])
        except Tampered as error:
            walk.faults.add(error.seq, error.code, str(error))


def by_pieces(
    found: list[Row], sizes: frozenset[int], cuts: list[int]
) -> tuple[tuple[Fault, ...], dict[int, bytes], bytes | None]:
    faults = Faults()
    walk = Walk(faults, sizes=sizes)
    for first, behind in zip([0, *cuts], [*cuts, SIZE], strict=True):
        inside = [row for row in found if first <= row[0] < behind]
        piece = read(Task(first, behind, 0), inside)
        assert piece.empty is (not inside)
        if piece.whole:
            walk.pass_by(piece)
        else:
            for row in inside:
                careful(walk, row)
    walk.end(SIZE, Leaf.hash(HONEST[-1][1]))
    return faults.in_order(), walk.roots, walk.tree.root if walk.tree else None


WAYS = ["time back", "kind", "link", "body", "form", "gone", "swapped", "chained again"]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(WAYS), st.integers(0, SIZE - 1)), max_size=4),
    st.sets(st.integers(1, SIZE - 1), max_size=8),
    st.frozensets(st.integers(0, SIZE), max_size=4),
)
def test_cut_anywhere(cheats: list[tuple[str, int]], cuts: set[int], sizes: frozenset[int]) -> None:
    """The same faults in the same order, the same roots."""
    found = HONEST
    for way, at in cheats:
        found = tampered(found, way, at)
    assert by_leaves(found, sizes) == by_pieces(found, sizes, sorted(cuts))


def words(found: list[Row]) -> list[Words]:
    told = []
    for seq, leaf, _, _ in found:
        kind = Leaf.from_bytes(leaf).kind
        told.append((seq, 3, BETWEEN.join(["kind", "party", "reader"]), BETWEEN.join([kind, "a", "aspire"])))
    return told


def test_a_full_piece_is_one_subtree() -> None:
    """So that the tree grows by it in one step, and its tiles are known."""
    made = rows(SPAN)
    piece = read(Task(0, SPAN, SPAN), made, iter(words(made)))
    hashes = [Leaf.hash(leaf) for _, leaf, _, _ in made]
    whole = EMPTY.extended(hashes)
    assert whole.root == piece.root
    assert whole == EMPTY.joined(LEVEL, piece.root or b"")
    assert b"".join(EMPTY.extended(hashes[n : n + 256]).root for n in range(0, SPAN, 256)) == piece.tiles
    assert read(Task(0, SPAN, 0, leaves=True), made).hashes == b"".join(hashes)


def test_a_kept_tile_is_held_against_the_leaves() -> None:
    """Its hashes and its root."""
    made = rows(600)
    hashes = [Leaf.hash(leaf) for _, leaf, _, _ in made]
    root, data = EMPTY.extended(hashes[256:512]).root, b"".join(hashes[256:512])

    def differing(kept: dict[int, tuple[bytes, bytes]]) -> tuple[int, ...]:
        return read(Task(0, 600, 0), made, kept=kept).differing

    assert () == differing({1: (root, data)})
    assert (1,) == differing({1: (bytes(32), data)}) == differing({1: (root, data[1:])})


def test_words_that_are_not_the_bodies_own() -> None:
    """One less, one more, another, joined so that the text is the same, or of an entry that is not there."""
    made = rows(8)
    right = words(made)

    def whole(told: list[Words]) -> bool:
        return read(Task(0, 8, 8), made, iter(told)).whole

    seq, _, keys, values = right[3]
    assert whole(right)
    assert not whole(right[:3] + right[4:])
    assert not whole([*right, (8, 1, "kind", "request")])
    assert not whole([*right[:3], (seq, 2, keys, values), *right[4:]])
    assert not whole([*right[:3], (seq, 3, keys, values.replace("aspire", "hope")), *right[4:]])
    assert not read(Task(0, 8, 8, doubted=True), made, iter(right)).whole


def test_what_a_body_is_filed_under_is_not_taken_from_elsewhere_in_it() -> None:
    """A key of the same name deeper inside, or text that looks like it, is read as what it is."""
    inner = {"filing": {"index": {"party": ["b"]}, "readers": ["b"]}, "subjects": {"b": ["1"]}}
    outer = {"q": {"subjects": {"b": ["1"]}}}
    last, made, told = FIRST, [], []
    bodies: list[dict[str, Any]] = [{"a": inner}, {"z": inner}, {"t": '"filing":{"index":{},"readers":[]}}'}, outer]
    for seq, body in enumerate(bodies):
        draft = Prepared.of(Draft("search", body, ("aspire",), {"party": "a"}))
        leaf = Leaf(seq, "search", START, last, draft.body_hash).to_bytes()
        last = Leaf.hash(leaf)
        made.append((seq, leaf, bytes(24), draft.salt + draft.body_bytes))
        keys, values = zip(*draft.terms, strict=True)
        told.append((seq, len(draft.terms), BETWEEN.join(keys), BETWEEN.join(values)))
    assert read(Task(0, 4, 4), made, iter(told)).whole
    wrong = [(n, 4, BETWEEN.join(["holds", *k.split(BETWEEN)]), v) for n, _, k, v in told]
    assert not read(Task(0, 4, 4), made, iter(wrong)).whole


def test_a_body_that_is_looked_into_must_be_canonical() -> None:
    """Whoever looks into it reads the one thing that it says."""
    body = b'{"a":1,"a":2,"filing":{"index":{},"readers":[]}}'
    salt = bytes(32)
    leaf = Leaf(0, "search", START, FIRST, hashlib.sha256(salt + body).digest()).to_bytes()
    seen: list[Entry] = []
    assert not read(Task(0, 1, 0), [(0, leaf, bytes(24), salt + body)], look=seen.append).whole
    assert [] == seen


def test_days_that_there_are_not() -> None:
    """A leaf's time is a time."""
    _, leaf, keys, content = HONEST[0]
    for day in (b"2026-02-30", b"2026-13-01", b"0000-01-01"):
        forged = leaf.replace(b"2026-11-02", day)
        assert Piece(0, 1) == read(Task(0, 1, 0), [(0, forged, keys, content)])
