"""Which version of the tables a database holds: one row, written when a home is made and when it is upgraded.

A program serves the version that it was written for, and no other: a newer one may have rows that it would misread, an
older one lacks what it needs. Entries of the log are never migrated; what a step changes are tables around them. A
database without the row was made before versions were kept: it is brought up to date where its tables have every
column that this version knows, and is too old otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Column, Connection, Engine, Integer, Table, delete, insert, inspect, select, type_coerce
from sqlalchemy.types import NullType

from audit.errors import vendor_errors
from audit.head import locked_place
from audit.schema import HEAD
from audit.schema import METADATA as LOG
from governance.adapters.store.database import METADATA
from governance.errors import LogUnavailable, Unavailable

__all__ = ["SCHEMA", "STEPS", "Step", "VERSION", "brought_to", "require_version", "set_version", "stored_version"]

Step = Callable[[Connection], None]

VERSION = 1  # bodies are encrypted, under keys that lie apart
SCHEMA = Table(
    "accordant_schema",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)


def _counted(connection: Connection) -> None:
    """From a database of before versions were kept: nothing but the row is new, if its tables are those of today."""
    differing = _differing(connection)
    if differing:
        raise Unavailable(_too_old(differing), reason="schema-too-old")


# From each version to the next, in the caller's transaction. A step may raise Unavailable: then nothing is changed.
STEPS: Mapping[int, Step] = {0: _counted}


def stored_version(engine: Engine) -> int | None:
    """The version that the database says, 0 where it says none, None where it holds no log at all."""
    try:
        with engine.connect() as connection, connection.begin():
            return _stored(connection)
    except vendor_errors(engine) as error:
        raise LogUnavailable(f"the database cannot be read ({type(error).__name__})") from None


def _stored(connection: Connection) -> int | None:
    known = inspect(connection)
    if not known.has_table(HEAD.name):
        return None
    if not known.has_table(SCHEMA.name):
        return 0
    version = connection.scalar(select(type_coerce(SCHEMA.c.version, NullType())).where(SCHEMA.c.id == 1)) or 0
    if type(version) is not int:
        detail = f"the table `{SCHEMA.name}` names no version but {version!r}: somebody wrote into it"
        raise LogUnavailable(detail, reason="schema-unreadable")
    return version


def set_version(connection: Connection, version: int = VERSION) -> None:
    """Writes the row, in the caller's transaction."""
    connection.execute(delete(SCHEMA))
    connection.execute(insert(SCHEMA), {"id": 1, "version": version})


def require_version(engine: Engine, *, command: str = "accordant upgrade") -> None:
    """Raises Unavailable, with what to do, where the tables are not of this program's version."""
    version = stored_version(engine)
    if version is None or version == VERSION:
        return
    if version > VERSION:
        detail = (
            f"the home's tables are of version {version}, and this program knows up to {VERSION}: install a newer one"
        )
        raise Unavailable(detail, reason="schema-newer")
    with engine.connect() as connection, connection.begin():
        differing = () if version else _differing(connection)
    if differing:
        raise Unavailable(_too_old(differing), reason="schema-too-old")
    detail = (
        f"the home's tables are of version {version}, this program needs {VERSION}: stop every gateway, and `{command}`"
    )
    raise Unavailable(detail, reason="schema-older")


def brought_to(engine: Engine, *, target: int = VERSION, steps: Mapping[int, Step] = STEPS) -> tuple[int, int]:
    """Takes every step in one transaction, nobody writing meanwhile; the versions before and after.

    Raises Unavailable where the database is newer, too old, or holds no log; then nothing was changed.
    """
    try:
        with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection, connection.begin():
            before = _stored(connection)
            if before is None:
                raise LogUnavailable("the database holds no log", reason="log-missing")
            if before > target:
                detail = f"the home's tables are of version {before}, and this program knows up to {target}"
                raise Unavailable(f"{detail}: install a newer one", reason="schema-newer")
            if before < target:
                locked_place(connection)
                for version in range(before, target):
                    steps[version](connection)
                METADATA.create_all(connection)
                set_version(connection, target)
            return before, target
    except vendor_errors(engine) as error:
        raise LogUnavailable(f"the database cannot be changed ({type(error).__name__}); nothing was") from None


def _differing(connection: Connection) -> tuple[str, ...]:
    """Tables that are there and lack a column of today's, or have one that must be filled and that today's lack."""
    known = inspect(connection)
    there = set(known.get_table_names())
    found = []
    for table in (*LOG.sorted_tables, *METADATA.sorted_tables):
        if table.name in there:
            columns = {column["name"] for column in known.get_columns(table.name)}
            if columns != {column.name for column in table.columns}:
                found.append(table.name)
        elif table.metadata is LOG:
            found.append(table.name)
    return tuple(sorted(found))


def _too_old(tables: tuple[str, ...]) -> str:
    return (
        f"this home is too old for this program: {', '.join(f'`{t}`' for t in tables)} had other columns then, and no "
        "upgrade leads here; read it with the program that made it, and make a new home with `accordant init`"
    )
