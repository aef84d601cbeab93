"""Cosignatures as they came in, kept beside the log: which witness vouched for which size.

`audit_cosignatures` holds whole signature lines, verified before they are kept and again whenever they are read. Losing
them loses no entry; a witness that is asked again cosigns again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Connection, Engine, MetaData, String, Table, func, inspect, select
from sqlalchemy.dialects import postgresql, sqlite

from audit.cosignature import CosignatureVerifier, Cosigned, cosignatures_of, with_lines
from audit.errors import NoteWrong, mapped
from audit.note import Checkpoint, signatures_of
from audit.policy import Policy
from audit.schema import Octets

__all__ = ["COSIGNATURES", "CosignatureStore"]

_LOOKED = 100  # checkpoints from each end
_METADATA = MetaData()
COSIGNATURES = Table(
    "audit_cosignatures",
    _METADATA,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("witness", String(400), primary_key=True),  # the verifier key
    Column("checkpoint", Octets, nullable=False),
    Column("line", Octets, nullable=False),
)


@dataclass(slots=True)
class CosignatureStore:
    """The cosignatures in a database. Safe from any thread."""

    engine: Engine
    _ready: bool = False

    def keep(self, note: bytes, cosigned: Cosigned) -> None:
        """Durable once it returns. A newer one of the same witness and size takes the older one's place."""
        text, _ = signatures_of(note)
        row = {
            "size": Checkpoint.from_text(text).size,
            "witness": cosigned.verifier.vkey,
            "checkpoint": note,
            "line": cosigned.line,
        }
        with mapped(self.engine, "keeping a cosignature"):
            self._make_table()
            with self.engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection, connection.begin():
                dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
                put = dialect.insert(COSIGNATURES)
                put = put.on_conflict_do_update(
                    index_elements=["size", "witness"],
                    set_={"line": put.excluded.line, "checkpoint": put.excluded.checkpoint},
                )
                connection.execute(put, row)

    def seen(self, witness: CosignatureVerifier) -> int:
        """The largest size that this witness is known to have cosigned; 0 without one."""
        with mapped(self.engine, "reading cosignatures"), self.engine.connect() as connection, connection.begin():
            if not self._there(connection):
                return 0
            newest = connection.scalar(
                select(func.max(COSIGNATURES.c.size)).where(COSIGNATURES.c.witness == witness.vkey)
            )
        return int(newest or 0)

    def on(self, note: bytes) -> bytes:
        """The checkpoint with every kept cosignature that verifies for its text."""
        text, _ = signatures_of(note)
        size = Checkpoint.from_text(text).size
        with mapped(self.engine, "reading cosignatures"), self.engine.connect() as connection, connection.begin():
            if not self._there(connection):
                return note
            rows = connection.execute(
                select(COSIGNATURES.c.witness, COSIGNATURES.c.line)
                .where(COSIGNATURES.c.size == size)
                .order_by(COSIGNATURES.c.witness)
            ).all()
        return with_lines(note, tuple(bytes(line) for vkey, line in rows if _holds(note, vkey, bytes(line))))

    def newest(self) -> bytes | None:
        """The newest checkpoint that a witness cosigned, with its cosignatures; None without one."""
        return next(self._notes(0, newest=1, oldest=0), None)

    def newest_by(self, witness: CosignatureVerifier) -> bytes | None:
        """The newest checkpoint that this witness is known to have cosigned, with its cosignatures."""
        size = self.seen(witness)
        return next(self._notes(size, newest=0, oldest=1), None) if size else None

    def satisfying(self, policy: Policy, *, beyond: int = 0) -> bytes | None:
        """The newest checkpoint of more than `beyond` entries with a quorum of the policy's witnesses.

        Without a quorum that is asked for: with any of its witnesses.
        """
        witnesses = tuple(w.verifier.vkey for w in policy.witnesses)
        found = self._notes(beyond + 1, witnesses=witnesses, cosigners=max(policy.least, 1))
        return next((note for note in found if policy.content(note) and policy.cosigned(note)), None)

    def best(self, *, beyond: int) -> bytes | None:
        """Of the checkpoints of more than `beyond` entries one with most cosignatures, the newest of these."""
        return max(self._notes(beyond + 1), key=lambda note: note.count(b"\n"), default=None)

    def _notes(
        self,
        least: int,
        *,
        newest: int = _LOOKED,
        oldest: int = _LOOKED,
        witnesses: tuple[str, ...] | None = None,
        cosigners: int = 1,
    ) -> Iterator[bytes]:
        """Checkpoints of at least so many entries with their cosignatures, so many at least: the newest of them first.

        `witnesses`: only these are counted.
        """
        sizes = select(COSIGNATURES.c.size).where(COSIGNATURES.c.size >= least).group_by(COSIGNATURES.c.size)
        if witnesses is not None:
            sizes = sizes.where(COSIGNATURES.c.witness.in_(witnesses))
        sizes = sizes.having(func.count() >= cosigners)
        with mapped(self.engine, "reading cosignatures"), self.engine.connect() as connection, connection.begin():
            if not self._there(connection):
                return
            found = list(connection.scalars(sizes.order_by(COSIGNATURES.c.size.desc()).limit(newest)))
            found += list(connection.scalars(sizes.order_by(COSIGNATURES.c.size).limit(oldest)))[::-1]
        for size in dict.fromkeys(found):
            with mapped(self.engine, "reading cosignatures"), self.engine.connect() as connection, connection.begin():
                note = connection.scalar(select(COSIGNATURES.c.checkpoint).where(COSIGNATURES.c.size == size).limit(1))
            if note is not None:
                yield self.on(bytes(note))

    def _there(self, connection: Connection) -> bool:
        if not self._ready:
            self._ready = bool(inspect(connection).has_table(COSIGNATURES.name))
        return self._ready

    def _make_table(self) -> None:
        if self._ready:
            return
        with self.engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection, connection.begin():
            _METADATA.create_all(connection)
        self._ready = True


def _holds(note: bytes, vkey: str, line: bytes) -> bool:
    try:
        return bool(cosignatures_of(note + line, (CosignatureVerifier.from_vkey(vkey),)))
    except NoteWrong:
        return False
