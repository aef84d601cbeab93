"""Erasures and holds of a log, held against what was ordered; part of `verification`.

An erasure was ordered by a statement of somebody who may, by an earlier such order that had to leave something, or by
the age of whole months; or it is a restore that says it anew, behind the entry that continues the log. It may take what
was asked for and sent; what the service's state follows from is for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine, select

from audit import Entry, Tampered
from audit.erasure import ERASURE, Erased
from audit.rows import checked_leaf
from audit.schema import LEAVES
from audit.sealing import month_of
from governance.enrolled import KINDS as SOURCES
from governance.forgetting import KINDS as ORDERED
from governance.forgetting import RESTORED, order_fault
from governance.forgetting.retention import BASIS
from governance.register import KINDS, Place, Register

__all__ = ["Orders"]

_FOR_EVER = KINDS | SOURCES | ORDERED | {"genesis", "consent"}
_CHUNK = 500
_UNORDERED = "erasure-unordered"


@dataclass(slots=True)
class Orders:
    """Looks at each order in the log's order; `ending` at what was erased."""

    left: dict[int, tuple[str, frozenset[str]]] = field(default_factory=dict)  # basis, and the handles it had to leave
    continued: int = -2  # the entry with which a restore continued the log
    retained: dict[int, frozenset[str]] = field(default_factory=dict)  # the months that age forgot

    def look(self, entry: Entry, register: Register) -> Iterator[tuple[str, str]]:
        """Pairs of a code and a sentence for what is wrong with the entry."""
        fault = self._fault(entry, register)
        if fault is not None:
            code = _UNORDERED if entry.kind == ERASURE else "hold-unordered"
            yield code, f"nobody who may ordered the {entry.kind}: {fault}"

    def _fault(self, entry: Entry, register: Register) -> str | None:
        body = entry.body
        if entry.kind == ERASURE and "statement" not in body:
            if body.get("basis") == RESTORED and entry.seq - 1 == self.continued:
                return None
            return self._retained(entry) if body.get("basis") == BASIS else self._continued(entry)
        fault = order_fault(entry.kind, body, register, Place(entry.seq, entry.time))
        if fault is None and entry.kind == ERASURE:
            kept = body.get("kept")
            handles = (
                frozenset(str(one.get("client")) for one in kept if isinstance(one, dict)) if kept else frozenset()
            )
            self.left[entry.seq] = str(body.get("basis")), handles
        return fault

    def _continued(self, entry: Entry) -> str | None:
        basis, handles = self.left.get(entry.body.get("order", -1), ("", frozenset()))
        said = entry.body.get("erased")
        keys = set(said["keys"]) if isinstance(said, dict) and isinstance(said.get("keys"), list) else set()
        if basis != entry.body.get("basis") or not keys or not keys <= handles:
            return "it is no part of the order that it names"
        return None

    def _retained(self, entry: Entry) -> str | None:
        months = entry.body.get("months")
        if not isinstance(months, list) or not all(isinstance(m, str) and m < month_of(entry.time) for m in months):
            return "it does not name whole months that are over"
        try:
            erased = Erased.from_entry(entry)
        except (ValueError, TypeError):
            return "it does not say what it forgets"
        if erased.parts:
            return "age forgets nothing that is said of single clients"
        self.retained[entry.seq] = frozenset(months)
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
                    elif months is not None and month_of(leaf.time) not in months:
                        yield seq, _UNORDERED, f"entry {under} erased by age what is of another month than it says"
