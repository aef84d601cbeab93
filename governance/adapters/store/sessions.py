"""Links and sessions of the console in a table, so that every process on the database knows them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    String,
    Table,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from governance.adapters.store.database import METADATA
from governance.errors import LogUnavailable
from governance.model.session import Session

__all__ = ["SESSIONS", "SessionTable"]

SESSIONS = Table(
    "console_sessions",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("fingerprint", String(80), nullable=False),
    Column("link", Boolean, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
)
_MICRO = 1_000_000


def _stored(moment: dt.datetime) -> int:
    return int(moment.timestamp() * _MICRO)


def _read(moment: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(moment / _MICRO, dt.UTC)


class SessionTable:
    """The port `SessionStore` on a table. Safe from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _within(self, connection: Connection | None) -> Iterator[Connection]:
        if connection is not None:
            yield connection
            return
        try:
            with self._engine.begin() as own:
                yield own
        except SQLAlchemyError as error:
            raise LogUnavailable(f"the database does not answer ({type(error).__name__})") from None

    def put(self, connection: Connection | None, session: Session) -> None:
        """As the port promises."""
        values = {"digest": session.digest, "fingerprint": session.fingerprint, "link": session.link}
        values |= {"made": _stored(session.made), "seen": _stored(session.seen)}
        with self._within(connection) as at:
            at.execute(insert(SESSIONS).values(**values))

    def find(self, digest: str) -> Session | None:
        """As the port promises."""
        with self._within(None) as at:
            row = at.execute(select(SESSIONS).where(SESSIONS.c.digest == digest)).one_or_none()
        if row is None:
            return None
        return Session(row.digest, row.fingerprint, row.link, _read(row.made), _read(row.seen))

    def take(self, connection: Connection | None, digest: str) -> bool:
        """As the port promises: the database lets one transaction delete a row."""
        with self._within(connection) as at:
            return at.execute(delete(SESSIONS).where(SESSIONS.c.digest == digest)).rowcount == 1

    def touch(self, digest: str, seen: dt.datetime) -> None:
        """As the port promises."""
        with self._within(None) as at:
            at.execute(update(SESSIONS).where(SESSIONS.c.digest == digest).values(seen=_stored(seen)))

    def purge(self, *, links_before: dt.datetime, seen_before: dt.datetime, made_before: dt.datetime) -> None:
        """As the port promises."""
        c = SESSIONS.c
        old_link = and_(c.link.is_(True), c.made <= _stored(links_before))
        old = or_(c.seen <= _stored(seen_before), c.made <= _stored(made_before))
        with self._within(None) as at:
            at.execute(delete(SESSIONS).where(or_(old_link, and_(c.link.is_(False), old))))
