"""The log's tables, and a database that refuses to change what stands in them.

`leaves` and `bodies` lie apart, so that a body can be forgotten while the chain stands; so do `parts`, what an entry
says of single subjects. Both are ciphertext (`audit.sealing`). `named` says under which subjects' keys a body lies,
`erased` and `erased_keys` what was forgotten under which entry. `terms` is the search's table, derived from bodies;
`head` is one row: where the log stands, and the checkpoint that says so. Triggers refuse every UPDATE and DELETE of
leaves and every UPDATE of bodies and parts, and on SQLite also the REPLACE that would get round them; they hold against
mistakes and against programs, while an administrator who drops them is found out by verification.

SQLite runs in WAL mode with synchronous FULL: a commit that returned is on the disk. Its driver would begin
transactions late and half-heartedly, so they are begun here: deferred for readers, and IMMEDIATE where the execution
option `sqlite_begin` asks for it, as the sequencer does, so that a write never fails halfway for want of the lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import methodcaller
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    event,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import ExecutableDDLElement

from audit.errors import LogError

__all__ = [
    "BODIES",
    "ERASED",
    "ERASED_KEYS",
    "HEAD",
    "LEAVES",
    "METADATA",
    "NAMED",
    "PARTS",
    "TERMS",
    "WHOLE",
    "Octets",
    "at_once",
    "as_it_lies",
    "make_durable",
    "make_tables",
    "plain",
    "prepare",
    "run",
    "snapshot",
    "sqlite_pragmas",
]

METADATA = MetaData()

# In SQLite only an INTEGER key is the row's own number.
_SEQ = BigInteger().with_variant(Integer, "sqlite")


class Octets(TypeDecorator[bytes]):
    """Bytes, whatever lies there: SQLite keeps text in a column for bytes, if somebody tells it to."""

    impl = LargeBinary
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:  # noqa: ARG002 SQLAlchemy's signature
        """As bytes; what was text or a number is not what was written, and its hash will say so."""
        if isinstance(value, str):
            return value.encode("utf-8", "surrogateescape")
        return str(value).encode() if isinstance(value, int | float) else value


LEAVES = Table(
    "audit_leaves",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=False),
    Column("leaf", Octets, nullable=False),
    CheckConstraint("seq >= 0", name="audit_leaves_from_zero"),
)

BODIES = Table(
    "audit_bodies",
    METADATA,
    Column("seq", _SEQ, ForeignKey(LEAVES.c.seq), primary_key=True, autoincrement=False),
    Column("keys", Octets, nullable=False),  # the ids of the data keys that it takes to open it, one after the other
    Column("sealed", Octets, nullable=False),  # salt and body
)

PARTS = Table(
    "audit_parts",
    METADATA,
    Column("seq", _SEQ, ForeignKey(LEAVES.c.seq), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("keys", Octets, nullable=False, index=True),
    Column("sealed", Octets, nullable=False),
    sqlite_with_rowid=False,
)

# Which bodies a subject's key is needed for.
NAMED = Table(
    "audit_named",
    METADATA,
    Column("key", Octets, primary_key=True),
    Column("seq", _SEQ, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# What was forgotten under the erasure of which number; derived from the bodies of erasures. A body's number is WHOLE.
WHOLE = -1
ERASED = Table(
    "audit_erased",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("under", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
ERASED_KEYS = Table(
    "audit_erased_keys",
    METADATA,
    Column("key", Octets, primary_key=True),
    Column("under", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

TERMS = Table(
    "audit_terms",
    METADATA,
    Column("seq", _SEQ, primary_key=True, autoincrement=False),
    Column("key", String(20), primary_key=True),
    Column("value", String(300), primary_key=True),
    Index("audit_terms_found", "key", "value", "seq"),
    sqlite_with_rowid=False,
)

HEAD = Table(
    "audit_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("last", Octets, nullable=False),
    Column("frontier", Octets, nullable=False),
    Column("time", Text, nullable=False),
    Column("checkpoint", Octets, nullable=False),
    CheckConstraint("id = 1", name="audit_head_one_row"),
)


def _on_create(table: Table, dialect: str, statement: str) -> None:
    ddl: ExecutableDDLElement = DDL(statement)  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
    event.listen(table, "after_create", ddl.execute_if(dialect=dialect))


def _guard(table: Table, *, deletes: bool, key: str = "seq = NEW.seq") -> None:
    name = table.name
    there = f"WHEN EXISTS (SELECT 1 FROM {name} WHERE {key})"  # noqa: S608 - the table's own name
    for operation, when in [("UPDATE", ""), ("INSERT", there)] + ([("DELETE", "")] if deletes else []):
        _on_create(
            table,
            "sqlite",
            f"CREATE TRIGGER {name}_no_{'replace' if when else operation.lower()} BEFORE {operation} ON {name} {when} "
            "BEGIN SELECT RAISE(ABORT, 'entries of the log are never changed'); END",
        )
    _on_create(
        table,
        "postgresql",
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'entries of the log are never changed'; END $$",
    )
    change = "UPDATE OR DELETE" if deletes else "UPDATE"
    for what, when in (("change", f"{change} ON {name} FOR EACH ROW"), ("truncate", f"TRUNCATE ON {name}")):
        _on_create(
            table,
            "postgresql",
            f"CREATE TRIGGER {name}_no_{what} BEFORE {when} EXECUTE FUNCTION audit_refuse()",
        )


_guard(LEAVES, deletes=True)
_guard(BODIES, deletes=False)
_guard(PARTS, deletes=False, key="seq = NEW.seq AND number = NEW.number")


_ONE_MOMENT = "REPEATABLE READ"  # PostgreSQL's snapshot isolation


def plain(engine: Engine | Connection, text: str) -> str:
    """A statement of our own with `?` for each value, as the engine's driver wants it."""
    return text if engine.dialect.paramstyle == "qmark" else text.replace("?", "%s")


def run(connection: Connection, text: str, values: Sequence[Any] = ()) -> Any:
    """One of the log's own statements, once, or for each of a list of values; the cursor, or what stands for it.

    By the driver's own cursor: SQLAlchemy's way to it costs several times what a statement does on SQLite. Errors are
    the driver's then (`vendor_errors` holds both).
    """
    driver: Any = connection.connection.dbapi_connection
    cursor = driver.cursor()
    try:
        (cursor.executemany if type(values) is list else cursor.execute)(text, values)
    except BaseException:
        cursor.close()  # whoever keeps the error must not keep the statement, and with it the lock
        raise
    return cursor


def snapshot(engine: Engine) -> Connection:
    """A connection for a transaction that sees one moment, while others write. SQLite has no other."""
    connection = engine.connect()
    return connection if engine.dialect.name == "sqlite" else connection.execution_options(isolation_level=_ONE_MOMENT)


@contextmanager
def at_once(connection: Connection) -> Iterator[None]:
    """What is `run` in the block may be sent without waiting for answers; these, or an error, are there at its end."""
    driver: Any = connection.dialect.dbapi
    if connection.dialect.name == "sqlite" or not driver.capabilities.has_pipeline():
        yield
        return
    opened: Any = connection.connection.dbapi_connection
    with opened.pipeline():
        yield


def make_tables(connection: Connection) -> None:
    """Creates the log's tables with their triggers, in the caller's transaction."""
    METADATA.create_all(connection)


def prepare(engine: Engine) -> None:
    """Makes an engine fit for the log, before its first connection; twice does no harm. Does not touch the database.

    Raises LogError for an SQLite database in memory: every thread would have one of its own, or all would share one
    transaction.
    """
    if engine.dialect.name != "sqlite":
        return
    if engine.url.database in (None, "", ":memory:") or "mode=memory" in str(engine.url):
        raise LogError("a log needs an SQLite database in a file, not in memory")
    sqlite_pragmas(engine)


def make_durable(connection: Connection) -> None:
    """On PostgreSQL a commit returns when it is on the disk, whatever is set there, and no lock is for ever."""
    if connection.dialect.name == "postgresql":
        with connection.begin():
            connection.exec_driver_sql("SET SESSION synchronous_commit TO on")
            connection.exec_driver_sql("SET SESSION lock_timeout TO '10s'")


def sqlite_pragmas(engine: Engine) -> None:
    """Durability and foreign keys for each connection, and transactions that begin when they say so."""
    if not event.contains(engine, "connect", _on_connect):
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)


def as_it_lies(engine: Engine) -> None:
    """From now on text that is not UTF-8 is read like any other, its bytes as lone surrogates; twice does no harm.

    SQLite keeps any bytes as text, and its driver fails on the whole row. Who verifies has to name it instead; who
    serves goes on to fail.
    """
    if engine.dialect.name == "sqlite" and not event.contains(engine, "connect", _take_any_text):
        event.listen(engine, "connect", _take_any_text)
        engine.dispose()  # connections of before would still fail


def _take_any_text(connection: Any, _record: object) -> None:
    connection.text_factory = methodcaller("decode", "utf-8", "surrogateescape")


# `secure_delete`: what is deleted is overwritten, and does not lie about in free pages.
_PRAGMAS = ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    cursor = connection.cursor()
    try:
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _on_begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    # As SQLAlchemy runs it: where it fails, SQLAlchemy has to know.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if mode == "IMMEDIATE" else "BEGIN")
