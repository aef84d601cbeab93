"""Erasures and holds of a log, held against what was ordered; part of `verification`.

An erasure was ordered by a statement of somebody who may, by an earlier such order that had to leave something, or by
the age of whole months; or it is a restore that says it anew, behind the entry that continues the log. It may take what
was asked for and sent; what the service's state follows from is for ever.

An order counts once, and for the log that it names; behind the first that names one, all have to. Who orders for any
party marks each holder of a client in an entry of its own, one behind the other: these are one order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Engine, select

from audit import Entry, Tampered
from audit.erasure import ERASURE, Erased
from audit.errors import NoteWrong
from audit.note import NoteVerifier
from audit.rows import checked_leaf
from audit.schema import LEAVES
from audit.sealing import month_of
from governance.enrolled import KINDS as SOURCES
from governance.forgetting import KINDS as ORDERED
from governance.forgetting import RESTORED, order_fault, signed_order
from governance.forgetting.retention import BASIS
from governance.forgetting.standing import accounted, periods_of
from governance.register import KINDS, Place, Register

__all__ = ["Orders"]

_FOR_EVER = KINDS | SOURCES | ORDERED | {"genesis", "consent"}
_CHUNK = 500
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_UNORDERED, _REPLAYED = "erasure-unordered", "order-replayed"


@dataclass(slots=True)
class _Carried:
    """An order that was carried out: its bytes, the first and the last entry of it, and whom they marked."""

    data: bytes
    first: int
    last: int
    whose: set[str]


@dataclass(slots=True)
class Orders:
    """Looks at each order in the log's order; `ending` at what was erased."""

    origin: str | None = None  # the name of the log at this place
    carried: dict[tuple[str, str], _Carried] = field(default_factory=dict)  # by key and nonce
    named: bool = False  # an order that names a log was seen
    left: dict[int, tuple[str, frozenset[str]]] = field(default_factory=dict)  # basis, and the handles it had to leave
    continued: int = -2  # the entry with which a restore continued the log
    retained: dict[int, frozenset[str]] = field(default_factory=dict)  # the months that age forgot
    early: dict[int, frozenset[str]] = field(default_factory=dict)  # those of them that an MOU still accounted for

    def began(self, entry: Entry) -> None:
        """The log's first entry, or the one with which a restore continues it under another name."""
        if entry.kind == "genesis":
            self.origin = str(entry.body.get("origin"))
            return
        self.continued = entry.seq
        with suppress(NoteWrong):
            self.origin = NoteVerifier.from_vkey(str(entry.body.get("new"))).name

    def look(self, entry: Entry, register: Register) -> Iterator[tuple[str, str]]:
        """Pairs of a code and a sentence for what is wrong with the entry."""
        fault = self._fault(entry, register)
        if fault is not None:
            unordered = _UNORDERED if entry.kind == ERASURE else "hold-unordered"
            yield fault[0] or unordered, f"nobody who may ordered the {entry.kind}: {fault[1]}"
            return
        again = self._again(entry)
        if again is not None:
            self.left.pop(entry.seq, None)
            yield _REPLAYED, again

    def _again(self, entry: Entry) -> str | None:
        """Why the order in an entry counts no more."""
        found = signed_order(entry.body)
        if found is None:
            return None
        said, data, fingerprint = found
        whose = str(entry.body.get("whose"))
        before = self.carried.get((fingerprint, said.nonce))
        if before is None:
            self.carried[fingerprint, said.nonce] = _Carried(data, entry.seq, entry.seq, {whose})
            return None
        marks = entry.kind != ERASURE and said.contributor is None and data == before.data
        if marks and whose not in before.whose and (said.v == 1 or entry.seq == before.last + 1):
            before.whose.add(whose)
            before.last = entry.seq
            return None
        return (
            f"the order that entry {entry.seq} rests on had been carried out under entry {before.first}: it was given "
            "once, and used again"
        )

    def _fault(self, entry: Entry, register: Register) -> tuple[str, str] | None:
        body = entry.body
        if entry.kind == ERASURE and "statement" not in body:
            if body.get("basis") == RESTORED and entry.seq - 1 == self.continued:
                return None
            detail = self._retained(entry, register) if body.get("basis") == BASIS else self._continued(entry)
            return None if detail is None else ("", detail)
        found = signed_order(body)
        if found is not None and found[0].v == 1 and self.named:
            return "", "it names no log, as orders before it do"
        fault = order_fault(entry.kind, body, register, Place(entry.seq, entry.time), origin=self.origin)
        if fault is not None:
            return fault
        self.named = self.named or (found is not None and found[0].log is not None)
        if entry.kind == ERASURE:
            kept = body.get("kept")
            handles = (
                frozenset(str(one.get("client")) for one in kept if isinstance(one, dict)) if kept else frozenset()
            )
            self.left[entry.seq] = str(body.get("basis")), handles
        return None

    def _continued(self, entry: Entry) -> str | None:
        basis, handles = self.left.get(entry.body.get("order", -1), ("", frozenset()))
        said = entry.body.get("erased")
        keys = set(said["keys"]) if isinstance(said, dict) and isinstance(said.get("keys"), list) else set()
        if basis != entry.body.get("basis") or not keys or not keys <= handles:
            return "it is no part of the order that it names"
        return None

    def _retained(self, entry: Entry, register: Register) -> str | None:
        months = entry.body.get("months")
        if not isinstance(months, list) or not all(
            isinstance(m, str) and _MONTH.fullmatch(m) and m < month_of(entry.time) for m in months
        ):
            return "it does not name whole months that are over"
        try:
            erased = Erased.from_entry(entry)
        except (ValueError, TypeError):
            return "it does not say what it forgets"
        if erased.parts:
            return "age forgets nothing that is said of single clients"
        self.retained[entry.seq] = frozenset(months)
        asked = periods_of(register)
        self.early[entry.seq] = frozenset(m for m in months if not accounted(asked, m, entry.time))
        return None

    def ending(self, engine: Engine, erased: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, str, str]]:
        """What was erased and may not be: by its kind, or by its month."""
        with engine.connect() as connection:
            for first, last, under in erased:
                months = self.retained.get(under)
                rows = select(LEAVES.c.seq, LEAVES.c.leaf).where(LEAVES.c.seq >= first, LEAVES.c.seq <= last)
                for seq, data in connection.execution_options(yield_per=_CHUNK).execute(rows):
                    try:
                        leaf = checked_leaf(seq, data)
                    except Tampered:
                        continue  # found already
                    if leaf.kind in _FOR_EVER:
                        yield seq, _UNORDERED, f"entry {under} erased a {leaf.kind}, which is kept for ever"
                    elif leaf.kind == "disclosure" and month_of(leaf.time) in self.early.get(under, ()):
                        asked = "an MOU still asked for the record of that month's disclosures"
                        yield seq, _UNORDERED, f"entry {under} erased a disclosure by age, and {asked}"
                    elif months is not None and month_of(leaf.time) not in months:
                        yield seq, _UNORDERED, f"entry {under} erased by age what is of another month than it says"
