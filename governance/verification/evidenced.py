"""Evidence files that were taken, held against the register; part of `verification`.

The entry of an evidence file (`governance.evidence`) names the entries that lie in it, so that nobody can take one out
without the log's key. Whoever has that key can still name too few: the signatures, declines and withdrawals that count
stand in the log itself, and all of them belong in the file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from audit import Entry
from governance.register import Register

__all__ = ["EVIDENCE", "left_out"]

EVIDENCE = "evidence"
# A statement that arrives while a file is being made is in the next one.
_BEING_MADE = dt.timedelta(minutes=5)
_SHOWN = 5


def left_out(entry: Entry, register: Register) -> Iterator[tuple[str, str]]:
    """Pairs of a code and a sentence. `register`: of every entry before this one."""
    mou, until, named = entry.body.get("mou"), entry.body.get("until"), entry.body.get("entries")
    life = register.life(mou) if isinstance(mou, str) else None
    numbers = {n for n in named if type(n) is int} if isinstance(named, list) else set[int]()
    if life is None or not isinstance(until, int) or not -1 <= until < entry.seq:
        yield "evidence-incomplete", f"the evidence file of entry {entry.seq} does not say what lies in it"
        return
    counted = {s.place for v in life.versions for s in (*v.every_signature, *v.declines.values())}
    counted |= {departure.signed.place for departure in life.departures}
    due = (p.seq for p in counted if p.seq <= until or p.time < entry.time - _BEING_MADE)
    missing = sorted(set(due) - numbers)
    if missing:
        which = ", ".join(map(str, missing[:_SHOWN])) + (" and others" if len(missing) > _SHOWN else "")
        yield (
            "evidence-incomplete",
            f"the evidence file of entry {entry.seq} about `{mou}` leaves out what was signed under entry {which}",
        )
