"""What verification makes of content that is not there: forgotten under an erasure, or taken away.

Content goes before the entry that says so, so what is missing is kept as runs of numbers until the log was walked to
its end, and then held against every erasure that was met. An erasure counts for what its body names, whatever the
log's own table of erasures says; that table is held against the bodies as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import permutations

from sqlalchemy import Connection, func, select

from audit.details import handles_in
from audit.entry import Entry
from audit.erasure import ERASURE, Erased
from audit.errors import KeysUnavailable, Tampered
from audit.keys import handle_id
from audit.leaf import Leaf, body_hash
from audit.report import MOST_FAULTS, Faults
from audit.rows import Stored, key_missing, part_of, place_of
from audit.schema import BODIES, ERASED, ERASED_KEYS, PARTS, WHOLE
from audit.sealing import SALT, Lost, Sealing

__all__ = ["Forgotten", "Gone"]

_KNOWN = 200_000


@dataclass(frozen=True, slots=True)
class Gone:
    """What a piece of the log says of forgetting: erasures, contents and keys that are not there."""

    orders: tuple[tuple[int, Erased], ...] = ()
    bodies: tuple[tuple[int, int], ...] = ()
    sealed: tuple[tuple[int, tuple[bytes, ...]], ...] = ()
    parts: tuple[tuple[int, int], ...] = ()
    handles: tuple[tuple[bytes, int], ...] = ()


@dataclass(slots=True)
class Forgotten:
    """Collects while the log is walked; `end` says what of it was never ordered."""

    sealing: Sealing
    faults: Faults
    orders: dict[int, Erased] = field(default_factory=dict)  # by the erasure's number
    erased: list[tuple[int, int, int]] = field(default_factory=list)  # first, last, under: for the report
    _bodies: list[list[int]] = field(default_factory=list)
    _sealed: list[tuple[int, tuple[bytes, ...]]] = field(default_factory=list)
    _parts: list[tuple[int, int]] = field(default_factory=list)
    _strays: list[Stored] = field(default_factory=list)
    _handles: dict[bytes, int] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)  # handles whose keys are there

    def missing(self, seq: int) -> None:
        """There is no content of this entry."""
        if self._bodies and self._bodies[-1][1] == seq - 1:
            self._bodies[-1][1] = seq
        else:
            self._bodies.append([seq, seq])

    def lost(self, seq: int, keys: tuple[bytes, ...]) -> None:
        """There is, and a key that it takes is gone."""
        self._sealed.append((seq, keys))

    def recall(self, entries: Iterable[Entry]) -> None:
        """Erasures before the part that is looked at."""
        for entry in entries:
            with suppress(ValueError, TypeError):
                self.orders[entry.seq] = Erased.from_entry(entry)

    def found(self) -> Gone:
        """What was collected of one piece, for `take`."""
        bodies = tuple((first, last) for first, last in self._bodies)
        orders, handles = tuple(self.orders.items()), tuple(self._handles.items())
        return Gone(orders, bodies, tuple(self._sealed), tuple(self._parts), handles)

    def take(self, gone: Gone) -> None:
        """What another collected of the next piece."""
        self.orders.update(gone.orders)
        for first, last in gone.bodies:
            self.missing(first)
            self._bodies[-1][1] = last
        self._sealed += gone.sealed
        self._parts += gone.parts
        for identity, seq in gone.handles:
            self._handles.setdefault(identity, seq)

    def stray(self, row: Stored, error: Tampered) -> None:
        """A content that does not open where it lies."""
        self.faults.add_sealed(row.seq, error.code, str(error), row.leaf)
        if len(self._strays) < MOST_FAULTS:
            self._strays.append(row)

    def look(self, connection: Connection, entry: Entry) -> tuple[bytes | None, ...]:
        """An entry that could be opened: an erasure, its parts, the handles that it names. The parts' values."""
        if entry.kind == ERASURE:
            try:
                self.orders[entry.seq] = Erased.from_entry(entry)
            except (ValueError, TypeError) as error:
                self.faults.add(entry.seq, "erasure-malformed", f"entry {entry.seq} erases nothing: {error}")
        self._look_at_handles(entry)
        return self._look_at_parts(connection, entry)

    def _look_at_handles(self, entry: Entry) -> None:
        new = [handle for handle in handles_in(entry.body) if handle not in self.known]
        if not new:
            return
        try:
            named = {handle_id(handle): handle for handle in new}
        except ValueError:
            self.faults.add(entry.seq, "body-malformed", f"entry {entry.seq} names a subject by no handle")
            return
        present = set(self.sealing.keys.present(named))
        if len(self.known) > _KNOWN:
            self.known.clear()
        self.known.update(named[identity] for identity in present)
        for identity in named:
            if identity not in present:
                self._handles.setdefault(identity, entry.seq)

    def _look_at_parts(self, connection: Connection, entry: Entry) -> tuple[bytes | None, ...]:
        said = entry.body.get("parts")
        if not isinstance(said, list):
            return ()
        values: list[bytes | None] = []
        rows = select(PARTS.c.number, PARTS.c["keys"], PARTS.c.sealed).where(PARTS.c.seq == entry.seq)
        there = {number: (keys, sealed) for number, keys, sealed in connection.execute(rows)}
        for number in range(len(said)):
            values.append(None)
            if number not in there:
                self._parts.append((entry.seq, number))
                continue
            try:
                _, values[-1] = part_of(entry, number, *there.pop(number), self.sealing)
            except Lost as lost:
                self._sealed.append((entry.seq, lost.keys))
            except Tampered as error:
                self.faults.add(entry.seq, error.code, str(error))
            except KeysUnavailable as error:
                message = f"the key to part {number} of entry {entry.seq} can't be used: {error}"
                self.faults.add(entry.seq, "key-changed", message)
        for number in there:
            message = f"entry {entry.seq} was given a part {number} that it does not have"
            self.faults.add(entry.seq, "part-surplus", message)
        return tuple(values)

    def _exchanged(self) -> None:
        """Whether one opens in another's place."""
        for row, other in permutations(self._strays, 2):
            with suppress(Lost, Tampered, KeysUnavailable):
                place = place_of(other.seq, Leaf.hash(other.leaf))
                plain = self.sealing.open(row.seq, row.keys or b"", row.sealed or b"", place)
                said, _ = self.faults.strays[row.seq]
                self.faults.strays[row.seq] = (said, body_hash(plain[:SALT], plain[SALT:]))

    def end(self, begin: Callable[[], Connection], size: int) -> None:
        """Holds everything against the erasures that were met."""
        self._exchanged()
        keys = {key: under for under, order in self.orders.items() for key in order.keys}
        for seq, _ in self._sealed:  # an erasure would have taken the content, too
            self.faults.add(seq, "key-missing", key_missing(seq))
        for identity, seq in self._handles.items():
            if identity not in keys:
                message = f"the key of a client that entry {seq} names is missing, and nobody erased it"
                self.faults.add(seq, "subject-missing", message)
        ordered = {part: under for under, order in self.orders.items() for part in order.parts}
        for part in self._parts:
            if part not in ordered:
                seq, number = part
                self.faults.add(seq, "part-missing", f"part {number} of entry {seq} is missing, and nobody erased it")
        self._bodies_against_orders()
        with begin() as connection, connection.begin():
            self._come_back(connection)
            self._table(connection, size)

    def _bodies_against_orders(self) -> None:
        for first, last in self._bodies:
            at = first
            while at <= last:
                under, behind = self._under(at, last)
                if under is None:
                    message = f"the content of entry {at} is missing"
                    self.faults.add(at, "body-missing", message)
                else:
                    self.erased.append((at, behind - 1, under))
                at = behind

    def _under(self, at: int, last: int) -> tuple[int | None, int]:
        """The erasure that forgets entry `at`, and the number behind the run that it forgets."""
        for under, order in self.orders.items():
            for first, end in order.bodies:
                if first <= at <= end:
                    return under, min(end, last) + 1
        return None, at + 1

    def _come_back(self, connection: Connection) -> None:
        for under, order in self.orders.items():
            for first, last in order.bodies:
                back = select(func.min(BODIES.c.seq)).where(BODIES.c.seq >= first, BODIES.c.seq <= last)
                seq = connection.scalar(back)
                if seq is not None:
                    message = f"the content of entry {seq} was erased under entry {under}, and is there again"
                    self.faults.add(seq, "erased-returned", message)
            for seq, number in order.parts:
                back = select(PARTS.c.seq).where(PARTS.c.seq == seq, PARTS.c.number == number)
                if connection.scalar(back) is not None:
                    message = f"part {number} of entry {seq} was erased under entry {under}, and is there again"
                    self.faults.add(seq, "erased-returned", message)
        for under, order in self.orders.items():
            for _ in self.sealing.keys.present(order.keys)[:1]:
                message = f"a key that was destroyed under entry {under} is in the key store again"
                self.faults.add(under, "key-returned", message)

    def _table(self, connection: Connection, size: int) -> None:
        """The log's own table of erasures claims nothing that no erasure ordered."""
        for seq, number, under in connection.execute(select(ERASED).order_by(ERASED.c.seq, ERASED.c.number)):
            order = self.orders.get(under)
            holds = order is not None and (order.holds_body(seq) if number == WHOLE else (seq, number) in order.parts)
            if not holds:
                message = f"entry {seq} is said to be erased under entry {under}, which ordered no such thing"
                self.faults.add(seq if type(seq) is int and seq < size else None, "erasure-unordered", message)
        for key, under in connection.execute(select(ERASED_KEYS)):
            order = self.orders.get(under)
            if order is None or bytes(key) not in order.keys:
                message = f"a key is said to be destroyed under entry {under}, which ordered no such thing"
                self.faults.add(None, "erasure-unordered", message)

    def check_keys(self) -> Iterator[tuple[str, str]]:
        """Every key of the store opens, and belongs to whom it is filed under: handles, and what is wrong."""
        try:
            yield from self.sealing.keys.check()
        except KeysUnavailable as error:
            yield "the key store", str(error)
