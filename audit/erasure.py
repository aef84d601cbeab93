"""Forgetting: the content goes, the leaf stays, and an entry says what was forgotten.

An erasure's body carries, under the key `erased`, what it forgets:

    {"bodies":[[5,5],[9,12]],"keys":["<handle>"],"parts":[[7,0]]}

`bodies` are numbers of entries, first and last of each run; `parts` an entry's number and the part's in it; `keys` the
ids of the data keys that are destroyed. Nothing in it says whose they were. The rows go in the transaction of the
erasure's entry; the keys go after it, and are looked for again whenever the log is opened: an erasure that was recorded
is carried out, whatever happened meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select

from audit.entry import ERASURE, Entry
from audit.errors import KeysUnavailable, Tampered, mapped, vendor_errors
from audit.keys import DATA_KEYS, HANDLE, handle_id, handle_text
from audit.leaf import Leaf
from audit.rows import Stored, checked_leaf, fetch, opened, place_of, to_entry
from audit.schema import BODIES, ERASED, ERASED_KEYS, LEAVES, NAMED, PARTS, TERMS, WHOLE
from audit.sealing import Lost, Sealing

__all__ = ["ERASURE", "Erased", "clean", "dated_under", "erase_rows", "erased_under", "finish", "named_under", "runs"]

_SOME = 500
_FIRST = func.substr(BODIES.c["keys"], 1, HANDLE)
_BODIES = select(BODIES.c.seq, LEAVES.c.leaf, BODIES.c["keys"], BODIES.c.sealed).join_from(
    BODIES, LEAVES, LEAVES.c.seq == BODIES.c.seq
)
_PARTS = select(PARTS.c.seq, PARTS.c.number, LEAVES.c.leaf, PARTS.c["keys"], PARTS.c.sealed).join_from(
    PARTS, LEAVES, LEAVES.c.seq == PARTS.c.seq
)
_PATIENCE = 5.0


def runs(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Ascending numbers as runs: first and last of each."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return tuple((first, last) for first, last in found)


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure forgets."""

    bodies: tuple[tuple[int, int], ...] = ()
    parts: tuple[tuple[int, int], ...] = ()
    keys: tuple[bytes, ...] = ()

    def to_body(self) -> dict[str, Any]:
        """What stands under `erased`."""
        return {
            "bodies": [list(run) for run in self.bodies],
            "keys": sorted(handle_text(key) for key in self.keys),
            "parts": [list(part) for part in self.parts],
        }

    @classmethod
    def from_entry(cls, entry: Entry) -> Erased:
        """Raises ValueError where the body does not say, or names an entry that did not stand yet."""
        said = entry.body.get("erased")
        if not isinstance(said, Mapping) or set(said) != {"bodies", "keys", "parts"}:
            raise ValueError("it does not say what it forgets")
        bodies, parts = (tuple((_number(a), _number(b)) for a, b in said[what]) for what in ("bodies", "parts"))
        if any(not first <= last < entry.seq for first, last in bodies) or any(seq >= entry.seq for seq, _ in parts):
            raise ValueError("it names an entry that did not stand yet")
        return cls(bodies, parts, tuple(handle_id(key) for key in said["keys"]))

    def holds_body(self, seq: int) -> bool:
        """Whether it forgets the content of this entry."""
        return any(first <= seq <= last for first, last in self.bodies)

    @property
    def numbers(self) -> Iterator[int]:
        """The entries whose content it forgets."""
        for first, last in self.bodies:
            yield from range(first, last + 1)


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("it names an entry by something that is not a number")
    return value


def named_under(connection: Connection, keys: Sequence[bytes], sealing: Sealing) -> Erased:
    """The bodies and parts that still lie under these subjects' keys.

    The tables say where to look, and a ciphertext which key it lies under: what does not open so is left alone, or who
    can write to the database would have an honest order take anything along.
    """
    bodies: set[int] = set()
    parts: set[tuple[int, int]] = set()
    wanted = frozenset(keys)
    for start in range(0, len(keys), _SOME):
        some = keys[start : start + _SOME]
        of_bodies = _BODIES.join(NAMED, NAMED.c.seq == BODIES.c.seq).where(NAMED.c.key.in_(some))
        bodies.update(row[0] for row in connection.execute(of_bodies) if _lies(row, None, wanted, sealing))
        for seq, number, leaf, ids, sealed in connection.execute(_PARTS.where(PARTS.c["keys"].in_(some))):
            if _lies((seq, leaf, ids, sealed), number, wanted, sealing):
                parts.add((seq, number))
    return Erased(runs(sorted(bodies)), tuple(sorted(parts)), tuple(keys))


def dated_under(connection: Connection, keys: Sequence[bytes], sealing: Sealing) -> Erased:
    """The bodies that lie under these parties' keys of a month; as `named_under`."""
    bodies: list[int] = []
    wanted = frozenset(keys)
    for start in range(0, len(keys), _SOME):
        some = list(keys[start : start + _SOME])
        found = connection.execution_options(yield_per=_SOME).execute(_BODIES.where(_FIRST.in_(some)))
        bodies += (row[0] for row in found if _lies(row, None, wanted, sealing))
    return Erased(runs(sorted(bodies)), (), tuple(keys))


def _lies(row: Sequence[Any], number: int | None, wanted: frozenset[bytes], sealing: Sealing) -> bool:
    """Whether a ciphertext opens in its place under keys of which one is wanted."""
    seq, leaf, ids, sealed = row
    place = place_of(seq, Leaf.hash(leaf)) + (b"" if number is None else number.to_bytes(4, "big"))
    try:
        sealing.open(seq, ids, sealed, place)
    except (Lost, Tampered, KeysUnavailable):
        return False
    return any(ids[at : at + HANDLE] in wanted for at in range(0, len(ids), HANDLE))


def erased_under(connection: Connection, seq: int, number: int | None, sealing: Sealing) -> int | None:
    """The erasure that forgets an entry's content, or one part of it, by the erasures themselves; None without one.

    For content that is gone and has no mark: the table of marks is derived, and somebody may have taken some away.
    """
    filed = connection.scalar(select(func.max(TERMS.c.seq)))
    of_kind = select(TERMS.c.seq).where(TERMS.c.key == "kind", TERMS.c.value == ERASURE, TERMS.c.seq > seq)
    later: list[int] = list(connection.scalars(of_kind.order_by(TERMS.c.seq)))
    newest = select(LEAVES.c.seq, LEAVES.c.leaf).where(LEAVES.c.seq > max(seq, -1 if filed is None else filed))
    rows = connection.execute(newest.order_by(LEAVES.c.seq))
    later += [n for n, leaf in rows if checked_leaf(n, leaf).kind == ERASURE]
    for under in later:
        # One that is no erasure, or says nothing, is for verification to find.
        with suppress(Tampered, Lost, KeysUnavailable, ValueError, TypeError):
            erased = _said_by(connection, under, sealing)
            if erased.holds_body(seq) if number is None else (seq, number) in erased.parts:
                return under
    return None


def _said_by(connection: Connection, under: int, sealing: Sealing) -> Erased:
    row = connection.execute(_BODIES.where(BODIES.c.seq == under)).one_or_none()
    if row is None or checked_leaf(under, row.leaf).kind != ERASURE:
        raise ValueError("it is no erasure")
    content = opened(Stored(*row), sealing)
    return Erased.from_entry(to_entry(under, row.leaf, *(content or (None, None))))


def erase_rows(connection: Connection, erased: Erased, *, under: int) -> None:
    """Deletes the ciphertexts, and notes under which entry: in the transaction of that entry."""
    for first, last in erased.bodies:
        of_bodies = (BODIES.c.seq >= first) & (BODIES.c.seq <= last)
        gone = list(connection.scalars(select(BODIES.c.seq).where(of_bodies)))
        connection.execute(delete(BODIES).where(of_bodies))
        connection.execute(delete(NAMED).where((NAMED.c.seq >= first) & (NAMED.c.seq <= last)))
        if gone:
            rows = [{"seq": seq, "number": WHOLE, "under": under} for seq in gone]
            connection.execute(insert(ERASED), rows)
    for seq, number in erased.parts:
        connection.execute(delete(PARTS).where(PARTS.c.seq == seq, PARTS.c.number == number))
        connection.execute(insert(ERASED), {"seq": seq, "number": number, "under": under})
    for start in range(0, len(erased.keys), _SOME):
        some = erased.keys[start : start + _SOME]
        known = set(connection.scalars(select(ERASED_KEYS.c.key).where(ERASED_KEYS.c.key.in_(some))))
        if new := [{"key": key, "under": under} for key in dict.fromkeys(some) if key not in known]:
            connection.execute(insert(ERASED_KEYS), new)


def finish(engine: Engine, sealing: Sealing) -> int:
    """Destroys every key that an erasure ordered destroyed and that is still there; how many.

    The table of erasures says where to look. What it says alone destroys nothing: whoever can write to the database
    would have a start forget what was never to be forgotten.
    """
    with mapped(engine, "being looked at"), engine.connect() as connection, connection.begin():
        said = {bytes(key): under for key, under in connection.execute(select(ERASED_KEYS.c.key, ERASED_KEYS.c.under))}
        there = sealing.keys.present(said)
        orders = {under: _ordered(connection, under, sealing) for under in {said[key] for key in there}}
    gone = [key for key in there if key in orders[said[key]]]
    return sealing.keys.destroy(gone) if gone else 0


def _ordered(connection: Connection, under: int, sealing: Sealing) -> frozenset[bytes]:
    """The keys that this entry destroys; none where it is no erasure, or not what was recorded."""
    try:
        (entry,) = fetch(connection, [under], sealing)
        return frozenset(Erased.from_entry(entry).keys) if entry.kind == ERASURE else frozenset()
    except (Tampered, ValueError, TypeError):
        return frozenset()


def clean(engine: Engine, tables: Sequence[str] = (BODIES.name, PARTS.name, DATA_KEYS.name)) -> bool:
    """Sees to it that deleted bytes lie in no free page and no journal, as far as the database goes; whether it went.

    SQLite overwrites what it deletes (`secure_delete`); what is left is its journal, which is emptied once no reader
    needs it. PostgreSQL writes the tables anew; its own journal (WAL) and its archives keep ciphertexts for as long as
    they are kept, whose keys are gone.
    """
    with mapped(engine, "being cleaned"):
        if engine.dialect.name == "sqlite":
            return _emptied(engine)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"SET lock_timeout = '{_PATIENCE:.0f}s'")
            went = [_written_anew(connection, table) for table in tables]
            connection.exec_driver_sql("RESET lock_timeout")
        return all(went)


def _written_anew(connection: Connection, table: str) -> bool:
    """On PostgreSQL; a table that is not in this database has nothing to clean."""
    there = connection.exec_driver_sql("SELECT to_regclass(%s) IS NOT NULL", (f'"{table}"',)).scalar()
    try:
        if there:
            connection.exec_driver_sql(f'VACUUM FULL "{table}"')
    except vendor_errors(connection.engine):  # somebody reads it, or it is another's
        return False
    return True


def _emptied(engine: Engine) -> bool:
    until = time.monotonic() + _PATIENCE
    while True:
        raw = engine.raw_connection()
        try:
            busy = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            raw.close()
        if not busy or time.monotonic() > until:
            return not busy
        time.sleep(0.05)
