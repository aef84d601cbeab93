"""Somebody with full write access to the database, who knows the format, and lacks only the log's key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, create_engine, delete, insert, select, update
from sqlalchemy.exc import NoResultFound

from audit.entry import Prepared
from audit.errors import Tampered
from audit.head import Head, extended, read_head
from audit.keys import KeyStore
from audit.leaf import FIRST, Leaf
from audit.merkle import EMPTY
from audit.note import NoteSigner
from audit.rows import place_of
from audit.schema import BODIES, HEAD, LEAVES, METADATA, TERMS
from audit.sealing import SALT, Lost, Sealing
from tests.audit.worlds import keys_of

__all__ = ["Cheat", "cheating", "restored", "saved"]


class Cheat:
    """What can be done to a log with the database, the key store and the wrapping key in one's hands."""

    def __init__(self, connection: Connection, sealing: Sealing) -> None:
        self.connection = connection
        self.sealing = sealing

    def leaf(self, seq: int) -> bytes:
        return bytes(self.connection.execute(select(LEAVES.c.leaf).where(LEAVES.c.seq == seq)).scalar_one())

    def set_leaf(self, seq: int, data: bytes) -> None:
        """The leaf, and its content encrypted anew, since that is bound to the leaf."""
        found = self.connection.execute(select(BODIES.c["keys"], BODIES.c.sealed).where(BODIES.c.seq == seq)).first()
        if found is not None:
            with suppress(Tampered, Lost):
                plain = self.sealing.open(seq, *found, place_of(seq, Leaf.hash(self.leaf(seq))))
                keys = [self.sealing.keys.by_id([found[0]])[found[0]]]
                self.set_sealed(seq, *self.sealing.seal_with(keys, plain, place_of(seq, Leaf.hash(data))))
        self.connection.execute(update(LEAVES).where(LEAVES.c.seq == seq).values(leaf=data))

    def edit_leaf(self, seq: int, /, **changes: Any) -> None:
        self.set_leaf(seq, replace(Leaf.from_bytes(self.leaf(seq)), **changes).to_bytes())

    def body(self, seq: int) -> tuple[bytes, bytes]:
        """Salt and body, opened."""
        ids, sealed = self.sealed(seq)
        plain = self.sealing.open(seq, ids, sealed, place_of(seq, Leaf.hash(self.leaf(seq))))
        return plain[:SALT], plain[SALT:]

    def sealed(self, seq: int) -> tuple[bytes, bytes]:
        """Keys and ciphertext, as they lie there."""
        row = self.connection.execute(select(BODIES.c["keys"], BODIES.c.sealed).where(BODIES.c.seq == seq)).one()
        return row[0], row.sealed

    def set_sealed(self, seq: int, ids: bytes, sealed: bytes) -> None:
        self.connection.execute(update(BODIES).where(BODIES.c.seq == seq).values({"keys": ids, "sealed": sealed}))

    def set_body(self, seq: int, salt: bytes, body: bytes) -> None:
        """Encrypted as the log would."""
        self.set_sealed(seq, *self._seal(seq, salt, body))

    def _seal(self, seq: int, salt: bytes, body: bytes) -> tuple[bytes, bytes]:
        leaf = self.leaf(seq)
        place, time = place_of(seq, Leaf.hash(leaf)), Leaf.from_bytes(leaf).time
        return self.sealing.seal(salt + body, use="record", holder="aspire", time=time, named=(), place=place)

    def remove(self, first: int, *, last: int | None = None) -> None:
        """Entries, without a trace in any table."""
        for table in (TERMS, BODIES, LEAVES):
            self.connection.execute(delete(table).where(table.c.seq.between(first, first if last is None else last)))

    def put(self, seq: int, draft: Prepared, *, prev: bytes | None = None) -> None:
        """An entry of one's own."""
        before = Leaf.from_bytes(self.leaf(seq - 1))
        prev = Leaf.hash(self.leaf(seq - 1)) if prev is None else prev
        leaf = Leaf(seq, draft.kind, before.time, prev, draft.body_hash).to_bytes()
        self.connection.execute(insert(LEAVES).values(seq=seq, leaf=leaf))
        ids, sealed = self._seal(seq, draft.salt, draft.body_bytes)
        self.connection.execute(insert(BODIES).values({"seq": seq, "keys": ids, "sealed": sealed}))

    def shift(self, first: int, by: int) -> None:
        """Renumbers the rows from `first` on, without touching what they say."""
        seqs = self.connection.scalars(select(LEAVES.c.seq).where(LEAVES.c.seq >= first).order_by(LEAVES.c.seq)).all()
        for seq in sorted(seqs, reverse=by > 0):
            content = self._opened(seq)
            for table in (LEAVES, BODIES, TERMS):
                self.connection.execute(update(table).where(table.c.seq == seq).values(seq=seq + by))
            if content is not None:
                self.set_body(seq + by, *content)

    def _opened(self, seq: int) -> tuple[bytes, bytes] | None:
        try:
            return self.body(seq)
        except (Tampered, Lost, NoResultFound):
            return None

    def rechain(self, first: int) -> list[bytes]:
        """Makes numbers and links right again from `first` on; the leaves' hashes."""
        seqs = self.connection.scalars(select(LEAVES.c.seq).order_by(LEAVES.c.seq)).all()
        prev, hashes = FIRST, []
        for seq in seqs:
            if seq >= first:
                self.edit_leaf(seq, seq=seq, prev=prev)
            prev = Leaf.hash(self.leaf(seq))
            hashes.append(prev)
        return hashes

    @property
    def head(self) -> Head:
        found = read_head(self.connection)
        assert found is not None
        return found

    def set_head(self, **values: Any) -> None:
        self.connection.execute(update(HEAD).values(values))

    def move_head(self, hashes: list[bytes], *, signer: NoteSigner | None = None) -> None:
        """The head as it should be over these leaves; with a checkpoint of `signer`, or the one that was there."""
        frontier = EMPTY.extended(hashes)
        self.set_head(size=frontier.size, last=hashes[-1], frontier=frontier.to_bytes())
        if signer is not None:
            time = self.head.checkpoint_time
            made = extended(Head(0, FIRST, EMPTY, b"", time), hashes, time=time, signer=signer)
            self.set_head(checkpoint=made.checkpoint)


@contextmanager
def cheating(url: str, keys: KeyStore | None = None) -> Iterator[Cheat]:
    """Triggers and foreign keys out of the way, one transaction. `keys`: of a home; else those beside a test's log."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":  # foreign keys are off unless asked for
                for name in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
                    connection.exec_driver_sql(f"DROP TRIGGER {name[0]}")
            else:
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            yield Cheat(connection, Sealing(keys or keys_of(engine)))
    finally:
        engine.dispose()


def saved(url: str) -> dict[str, list[dict[str, Any]]]:
    """A copy of the log's tables."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = {t.name: [dict(r._mapping) for r in connection.execute(select(t))] for t in METADATA.sorted_tables}
    engine.dispose()
    return rows


def restored(url: str, rows: dict[str, list[dict[str, Any]]]) -> None:
    """The copy put back in place of what is there."""
    with cheating(url) as cheat:
        for table in reversed(METADATA.sorted_tables):
            cheat.connection.execute(delete(table))
        for table in METADATA.sorted_tables:
            if rows[table.name]:
                cheat.connection.execute(insert(table), rows[table.name])


Trick = Callable[[Cheat], None]
