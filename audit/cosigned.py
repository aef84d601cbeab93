"""Cosignatures as they came in, kept beside the log: which witness vouched for which size.

`audit_cosignatures` holds whole signature lines, verified before they are kept and again whenever they are read. Losing
them loses no entry; a witness that is asked again cosigns again.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Connection, Engine, MetaData, String, Table, func, inspect, select
from sqlalchemy.dialects import postgresql, sqlite

from audit.cosignature import CosignatureVerifier, Cosigned, cosignatures_of, with_lines
from audit.errors import NoteWrong, mapped
from audit.note import Checkpoint, signatures_of
from audit.schema import Octets

__all__ = ["COSIGNATURES", "CosignatureStore"]

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
        with mapped(self.engine, "reading cosignatures"), self.engine.connect() as connection, connection.begin():
            if not self._there(connection):
                return None
            note = connection.scalar(select(COSIGNATURES.c.checkpoint).order_by(COSIGNATURES.c.size.desc()).limit(1))
        return None if note is None else self.on(bytes(note))

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
