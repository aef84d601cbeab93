"""Nonces that were counted: each once, across all gateways, in the transaction of the entry that it belongs to."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict

from sqlalchemy import BigInteger, Column, Connection, Engine, Index, String, Table, delete
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from audit.schema import plain
from governance.adapters.store.database import METADATA
from governance.errors import LogUnavailable, Replayed

__all__ = ["NONCES", "NonceTable"]

NONCES = Table(
    "nonces",
    METADATA,
    Column("keyid", String(80), primary_key=True),
    Column("nonce", String(200), primary_key=True),
    Column("expires", BigInteger, nullable=False),
    Index("nonces_expires", "expires"),
)

# A nonce lives until its signature's `expires` plus the clock skew (interfaces, HTTP).
_SKEW = 60
_PURGE_EVERY = 256
_REMEMBERED = 10_000


class NonceTable:
    """The port `Nonces` on a table. Safe from any thread; `count` belongs to the caller's transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = plain(engine, "INSERT INTO nonces (keyid, nonce, expires) VALUES (?, ?, ?)")
        self._counted = 0
        self._lock = threading.Lock()
        self._recent: OrderedDict[tuple[str, str], None] = OrderedDict()

    def seen(self, keyid: str, nonce: str) -> bool:
        """Whether this process has counted it lately: an early refusal, without the database.

        What is not known here, another gateway's or one from before a restart, is refused by `count`, later but as
        surely: nothing leaves before the transaction that counts.
        """
        return (keyid, nonce) in self._recent

    def remember(self, keyid: str, nonce: str) -> None:
        """For `seen`, once the transaction that counted it is durable: one that failed may be tried again."""
        with self._lock:
            self._recent[keyid, nonce] = None
            if len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)

    def count(self, connection: Connection, *, keyid: str, nonce: str, expires: dt.datetime) -> None:
        """Counts the nonce. Raises Replayed where it was counted before."""
        moment = int(expires.timestamp()) + _SKEW
        try:
            # Plain text: in the transaction of every request, and an expression costs three times as much.
            connection.exec_driver_sql(self._insert, (keyid, nonce, moment))
        except IntegrityError:
            raise Replayed("this nonce was counted before; sign every request anew") from None
        self._counted += 1
        if self._counted % _PURGE_EVERY == 0:
            # The newest expiry seen is a clock that an attacker cannot turn forward by more than 300 s.
            connection.execute(delete(NONCES).where(NONCES.c.expires < moment - 300 - 2 * _SKEW))

    def count_alone(self, *, keyid: str, nonce: str, expires: dt.datetime) -> None:
        """Counts a nonce of a call that makes no entry, in a transaction of its own."""
        try:
            with self._engine.begin() as connection:
                self.count(connection, keyid=keyid, nonce=nonce, expires=expires)
        except SQLAlchemyError as error:
            raise LogUnavailable(f"the database does not answer ({type(error).__name__})") from None
