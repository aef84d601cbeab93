"""Which cosignatures are kept, of all that came in: witnesses are asked each minute, and nobody needs them all.

    the newest         the last checkpoints that anybody cosigned: they are served, and receipts are made under them
    of each witness    the newest that it cosigned: what it is asked to extend, and what an alarm of its is about
    with the quorum    the newest that the policy's witnesses vouch for together: so far is the log covered
    of each day        the last of those that most witnesses cosigned, with the quorum where any has it: the history

A later checkpoint that a witness cosigned extends the earlier ones, so that what goes proved nothing more. A checkpoint
is kept with all its cosignatures, or goes with all of them.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Engine, delete, inspect, select

from audit.cosigned import COSIGNATURES
from audit.errors import mapped
from audit.policy import Policy

__all__ = ["NEWEST", "prune"]

NEWEST = 100
_DAY = 86_400
_SOME = 500


@dataclass(slots=True)
class _Checkpoint:
    """Who cosigned a size, and on which day last."""

    witnesses: set[str] = field(default_factory=set)
    day: int = 0


def prune(engine: Engine, policy: Policy, *, newest: int = NEWEST) -> int:
    """Deletes the checkpoints that are not needed, with their cosignatures; how many. Raises LogUnavailable."""
    with mapped(engine, "reading cosignatures"), engine.connect() as connection, connection.begin():
        if not inspect(connection).has_table(COSIGNATURES.name):
            return 0
        c = COSIGNATURES.c
        found: dict[int, _Checkpoint] = {}
        for size, witness, line in connection.execution_options(yield_per=1000).execute(
            select(c.size, c.witness, c.line)
        ):
            one = found.setdefault(size, _Checkpoint())
            one.witnesses.add(witness)
            one.day = max(one.day, _day(bytes(line)))
    gone = sorted(set(found) - _kept(found, policy, newest))
    for start in range(0, len(gone), _SOME):
        some = COSIGNATURES.c.size.in_(gone[start : start + _SOME])
        writing = engine.connect().execution_options(sqlite_begin="IMMEDIATE")
        with mapped(engine, "pruning cosignatures"), writing as connection, connection.begin():
            connection.execute(delete(COSIGNATURES).where(some))
    return len(gone)


def _kept(found: dict[int, _Checkpoint], policy: Policy, newest: int) -> set[int]:
    sizes = sorted(found)
    kept = set(sizes[-newest:])
    of_witness: dict[str, int] = {}
    of_day: dict[int, tuple[bool, int, int]] = {}
    covered = -1
    for size in sizes:
        one = found[size]
        of_witness.update(dict.fromkeys(one.witnesses, size))
        enough = policy.satisfied(_names(policy, one.witnesses))
        covered = size if enough else covered
        of_day[one.day] = max(of_day.get(one.day, (False, 0, 0)), (enough, len(one.witnesses), size))
    kept.update(of_witness.values())
    kept.update(size for _, _, size in of_day.values())
    return kept | {covered}


def _names(policy: Policy, vkeys: Iterable[str]) -> frozenset[bytes]:
    there = set(vkeys)
    return frozenset(w.name for w in policy.witnesses if w.verifier.vkey in there)


def _day(line: bytes) -> int:
    """The day that a cosignature names; the first of all where it can't be read, which verification says."""
    try:
        return int.from_bytes(b64decode(line.split(b" ")[-1].strip(), validate=True)[4:12], "big") // _DAY
    except ValueError:
        return 0
