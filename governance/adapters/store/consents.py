"""Consent records in a table; who consents is one grouped query, whatever the number of subjects.

A given record counts for a request that it includes; a withdrawn one counts against a request that it meets, and the
later of the two prevails (language, Consent: no record means no).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    Engine,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import NullType

from audit.schema import ERASED
from governance.adapters.store.database import METADATA
from governance.errors import LogUnavailable
from governance.model.consent import ConsentRecord

__all__ = ["CONSENTS", "ConsentTable", "expected_row", "forget_rows", "stored_rows"]

_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by INTEGER PRIMARY KEY only

CONSENTS = Table(
    "consents",
    METADATA,
    Column("id", _ID, primary_key=True, autoincrement=True),  # the order of recording
    Column("contributor", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("recipient", String(64), nullable=False),
    Column("purpose", String(64), nullable=False),
    Column("dataset", String(64), nullable=False),
    Column("fields", Text, nullable=False),  # `*`, or `,a,b,`
    Column("status", String(10), nullable=False),
    Column("from", Date),
    Column("until", Date),
    Column("evidence", Text, nullable=False),
    Column("entry", BigInteger, nullable=False),
    Index("consents_contributor", "contributor", "dataset", "subject"),
)
_CHUNK = 5_000
_DAYS = ("from", "until")


def expected_row(record: ConsentRecord, entry: int) -> dict[str, Any]:
    """A record as the table keeps it; `entry` is the log's entry that recorded it."""
    fields = "*" if "*" in record.fields else "," + ",".join(sorted(record.fields)) + ","
    return {
        "contributor": record.contributor,
        "subject": record.subject,
        "recipient": record.recipient,
        "purpose": record.purpose,
        "dataset": record.dataset,
        "fields": fields,
        "status": record.status,
        "from": record.from_,
        "until": record.until,
        "evidence": record.evidence,
        "entry": entry,
    }


def stored_rows(engine: Engine) -> Iterator[dict[str, Any]]:
    """Every row in the order of recording, without its number: what `expected_row` must have made of a record.

    Whatever lies there: a day that is none, or words in the place of a number, stand for themselves.
    """
    columns = [type_coerce(c, NullType()).label(c.name) if c.name in _DAYS else c for c in CONSENTS.c]
    query = select(*columns).order_by(CONSENTS.c.id).execution_options(yield_per=_CHUNK)
    with engine.connect() as connection:
        for row in connection.execute(query).mappings():
            yield {name: _day(value) if name in _DAYS else value for name, value in row.items() if name != "id"}


def _day(value: Any) -> Any:
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value


def forget_rows(connection: Connection, parts: Sequence[tuple[int, int]]) -> None:
    """Deletes the records of parts that are forgotten (entry, number in it), before the log notes them as erased."""
    forgotten: dict[int, set[int]] = {}
    for entry, number in parts:
        forgotten.setdefault(entry, set()).add(number)
    for entry, numbers in forgotten.items():
        ids = list(connection.scalars(select(CONSENTS.c.id).where(CONSENTS.c.entry == entry).order_by(CONSENTS.c.id)))
        before = set(connection.scalars(select(ERASED.c.number).where(ERASED.c.seq == entry, ERASED.c.number >= 0)))
        # An entry's records are its parts in order, but for those that were erased before.
        there = [number for number in range(len(ids) + len(before)) if number not in before]
        gone = [row for row, number in zip(ids, there, strict=True) if number in numbers]
        connection.execute(delete(CONSENTS).where(CONSENTS.c.id.in_(gone)))


class ConsentTable:
    """The port `ConsentStore` on a table. Safe from any thread; `put` belongs to the caller's transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, connection: Connection, records: Sequence[ConsentRecord], *, entry: int) -> None:
        """Adds records, in order."""
        for start in range(0, len(records), _CHUNK):
            connection.execute(insert(CONSENTS), [expected_row(r, entry) for r in records[start : start + _CHUNK]])

    def active(
        self,
        *,
        contributor: str,
        dataset: str,
        recipient: str,
        purposes: Collection[str],
        related: Collection[str],
        fields: Collection[str],
        day: dt.date,
    ) -> pa.Table:
        """Who consents, in one column `subject`. `purposes`: the request's and those above; `related`: below too."""
        c = CONSENTS.c
        begun = or_(c["from"].is_(None), c["from"] <= day)
        whole = [c.fields.contains(f",{name},", autoescape=True) for name in sorted(fields)]
        given = and_(
            c.status == "given",
            c.purpose.in_(sorted(purposes)),
            begun,
            or_(c.until.is_(None), c.until >= day),
            or_(c.fields == "*", and_(*whole)) if whole else c.fields.is_not(None),
        )
        withdrawn = and_(
            c.status == "withdrawn",
            c.purpose.in_(sorted(related)),
            begun,
            or_(c.fields == "*", *whole) if whole else c.fields.is_not(None),
        )
        query = (
            select(c.subject)
            .where(
                c.contributor == contributor,
                c.dataset.in_(["*", dataset]),
                c.recipient.in_(["*", recipient]),
                or_(given, withdrawn),
            )
            .group_by(c.subject)
            .having(
                func.max(case((given, c.id), else_=-1)) > func.max(case((withdrawn, c.id), else_=-1)),
            )
        )
        try:
            with self._engine.connect() as connection:
                subjects = [str(s) for s in connection.execute(query).scalars()]
        except SQLAlchemyError as error:
            raise LogUnavailable(
                f"the consents cannot be read ({type(error).__name__})", reason="consents-unavailable"
            ) from None
        return pa.table({"subject": pa.array(subjects, pa.string())})

    def counted(self, *, contributor: str) -> dict[str, int]:
        """Records by status; no row is read."""
        c = CONSENTS.c
        query = select(c.status, func.count()).where(c.contributor == contributor).group_by(c.status)
        try:
            with self._engine.connect() as connection:
                return {str(status): int(count) for status, count in connection.execute(query)}
        except SQLAlchemyError as error:
            raise LogUnavailable(f"the database does not answer ({type(error).__name__})") from None

    def listed(self, *, contributor: str, subject: str | None = None, limit: int = 1000) -> tuple[ConsentRecord, ...]:
        """The records of a contributor, or of one of its subjects, newest first."""
        c = CONSENTS.c
        query = select(CONSENTS).where(c.contributor == contributor).order_by(c.id.desc()).limit(limit)
        if subject is not None:
            query = query.where(c.subject == subject)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            ConsentRecord(
                contributor=r["contributor"],
                subject=r["subject"],
                recipient=r["recipient"],
                purpose=r["purpose"],
                dataset=r["dataset"],
                fields=tuple(f for f in r["fields"].split(",") if f),
                status=r["status"],
                from_=r["from"],
                until=r["until"],
                evidence=r["evidence"],
            )
            for r in rows
        )
