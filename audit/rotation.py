"""The log gets another key, or goes on under another origin; and its keys, found in the database.

A rotation is one transaction: the entry in which the old key signs the new one, and the head, whose checkpoint both
sign. Whoever opens the log afterwards must have the key whose signature stands last. Keys lie in files, which no
transaction moves: the new one is on the disk before (`log.key.next`), and takes the old one's place after.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, func, inspect, select

from audit.batch import Clock
from audit.entry import Draft, Entry
from audit.errors import LogError, NoteWrong, Tampered, WrongCheckpoint, mapped
from audit.head import Head, move_head, verified_head
from audit.keys import KeyStore
from audit.log import Log, SystemClock
from audit.note import Checkpoint, NoteSigner, NoteVerifier
from audit.place import filed_below
from audit.report import Faults
from audit.rows import fetch
from audit.schema import BODIES, LEAVES, TERMS, prepare
from audit.sealing import Sealing
from audit.succession import CONTINUATION, KINDS, LOG_KEY, Chain, Succession, read, statement

__all__ = ["accepted", "chain_of", "continued", "followed", "held_roots", "rotated"]

_CHUNK = 1000


class _Both(NoteSigner):
    """Signs by the old key and, last, by the new one."""

    def __init__(self, old: NoteSigner, new: NoteSigner) -> None:
        self.__dict__.update(old.__dict__)
        self._new = new

    def sign(self, text: str) -> bytes:
        return super().sign(text) + self._new.sign(text)[len(text.encode()) + 1 :]


def rotated(engine: Engine, *, old: NoteSigner, new: NoteSigner, keys: KeyStore, clock: Clock | None = None) -> Entry:
    """Makes `new` the log's key, in one transaction; the entry that says so.

    Raises WrongCheckpoint where the keys do not bear one origin, or `old` is not the log's; Tampered, LogUnavailable.
    """
    if old.name != new.name or old.vkey == new.vkey:
        raise WrongCheckpoint("a rotation needs another key of the same origin")
    with Log.open(
        engine, origin=old.name, signer=_Both(old, new), keys=keys, verifier=old.verifier, clock=clock
    ) as log:
        head = log.head()
        draft = _draft(LOG_KEY, old, new, head, {})

        def within(_connection: Any, entries: Any) -> None:
            if entries[0].seq != head.size:
                raise LogError("somebody else wrote to the log meanwhile; stop every gateway, and try again")

        return log.append([draft], within=within)[0]


def continued(
    engine: Engine,
    *,
    old: NoteSigner,
    new: NoteSigner,
    keys: KeyStore,
    body: Mapping[str, Any],
    clock: Clock | None = None,
) -> Entry:
    """The log goes on under the origin that `new` is named by: the first entry there says of which log, and `body`.

    For a database that nobody serves yet. Raises WrongCheckpoint, Tampered, LogUnavailable.
    """
    if old.name == new.name:
        raise WrongCheckpoint("a log is continued under another origin than its own")
    prepare(engine)
    with (
        mapped(engine, "being continued"),
        engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection,
        connection.begin(),
    ):
        head = verified_head(connection, origin=old.name, verifier=old.verifier, lock=True)
        note = new.sign(Checkpoint(new.name, head.size, head.root).to_text())
        if not move_head(connection, head, Head(head.size, head.last, head.frontier, note, head.checkpoint_time))():
            raise LogError("somebody else wrote to the log meanwhile")
    with Log.open(engine, origin=new.name, signer=new, keys=keys, clock=clock or SystemClock()) as log:
        more = {"checkpoint": head.checkpoint.decode(), **body}
        return log.append([_draft(CONTINUATION, old, new, head, more)])[0]


def _draft(kind: str, old: NoteSigner, new: NoteSigner, head: Head, more: Mapping[str, Any]) -> Draft:
    signed = statement(old, new.verifier, kind=kind, size=head.size, root=head.root)
    body = {
        "origin": old.name,
        "old": old.vkey,
        "new": new.vkey,
        "size": head.size,
        "root": base64.b64encode(head.root).decode(),
        "statement": signed,
    }
    return Draft(kind, body | dict(more))


def chain_of(connection: Connection, size: int, sealing: Sealing) -> tuple[Chain, tuple[Tampered, ...]]:
    """The keys of the log in the database, as far as they hold; and what is wrong with those that do not."""
    links: list[Succession] = []
    wrong: list[Tampered] = []
    for seq in _numbers(connection, size):
        try:
            entry = fetch(connection, [seq], sealing)[0]
            link = read(entry.seq, entry.kind, entry.body)
            links = list(Chain.of([*links, link]).links)
        except Tampered as error:
            wrong.append(error)
    return Chain(tuple(links)), tuple(wrong)


def _numbers(connection: Connection, size: int) -> list[int]:
    """Which entries are about keys: by the search's table, and of the newest, which it lacks, by the leaves."""
    filed = filed_below(connection, size)
    words = select(TERMS.c.seq).where(TERMS.c.key == "kind", TERMS.c.value.in_(sorted(KINDS)), TERMS.c.seq < size)
    found = set(connection.scalars(words))
    marks = [f'"kind":"{kind}"'.encode() for kind in KINDS]
    first = filed
    while first < size:
        rows = select(LEAVES.c.seq, LEAVES.c.leaf).where(LEAVES.c.seq >= first, LEAVES.c.seq < size)
        some = connection.execute(rows.order_by(LEAVES.c.seq).limit(_CHUNK)).all()
        found.update(row.seq for row in some if any(mark in row.leaf for mark in marks))
        first = some[-1].seq + 1 if some else size
    return sorted(found)


def followed(connection: Connection, known: NoteVerifier, faults: Faults, sealing: Sealing) -> Chain:
    """The keys of the log for whoever knows one of them; none where the chain does not hold it."""
    there = inspect(connection)
    if not all(there.has_table(table.name) for table in (LEAVES, BODIES, TERMS)):
        return Chain()
    newest = connection.scalar(select(func.max(LEAVES.c.seq)))
    chain, wrong = chain_of(connection, 0 if newest is None else newest + 1, sealing)
    for error in wrong:
        if error.code == "log-key-unsigned":  # what else is wrong with an entry, its own verification tells
            faults.add(error.seq, error.code, str(error))
    return chain if chain.holds(known) else Chain()


def accepted(notes: Iterable[bytes], chain: Chain, known: NoteVerifier, faults: Faults) -> list[Checkpoint]:
    """The remembered checkpoints that the log is held against, each signed by the key that was the log's by then.

    Raises WrongCheckpoint for one that no key of the log signed.
    """
    kept = []
    for note in notes:
        try:
            checkpoint, verifier = chain.signed(note, known)
        except (NoteWrong, WrongCheckpoint) as error:
            raise WrongCheckpoint(f"a remembered checkpoint can't be read: {error}") from error
        late = chain.too_late(checkpoint, verifier)
        if late is not None:
            faults.add(None, *late)
        elif not chain.lost(checkpoint, verifier):
            kept.append(checkpoint)
    return kept


def held_roots(chain: Chain, roots: Mapping[int, bytes], faults: Faults) -> None:
    """That each old key signed its successor over the very entries that stand before it."""
    for link in chain.links:
        if roots.get(link.seq, link.root) != link.root:
            message = f"the key that entry {link.seq} took the place of had signed for other entries before it"
            faults.add(link.seq, "log-key-root", message)
