"""What an entry says of single subjects: its parts, and who stands behind the handles in its body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from audit.canonical import parse
from audit.entry import Entry
from audit.erasure import erased_under
from audit.errors import Tampered
from audit.keys import handle_id
from audit.rows import part_of
from audit.schema import ERASED, PARTS
from audit.sealing import Lost, Sealing

__all__ = ["Details", "Opened", "details", "handles_in"]


@dataclass(frozen=True, slots=True)
class Opened:
    """One part: its salt and canonical value."""

    salt: bytes
    value_bytes: bytes

    @property
    def value(self) -> dict[str, Any]:
        """Parsed."""
        return parse(self.value_bytes)


@dataclass(frozen=True, slots=True)
class Details:
    """`parts` in the entry's order, None where one was forgotten; `subjects`: the client's own id by its handle."""

    parts: tuple[Opened | None, ...]
    subjects: Mapping[str, str]


def handles_in(body: Mapping[str, Any]) -> list[str]:
    """The handles under `subjects`."""
    held = body.get("subjects")
    if not isinstance(held, Mapping):
        return []
    return [h for handles in held.values() if isinstance(handles, list) for h in handles if isinstance(h, str)]


def details(connection: Connection, entry: Entry, sealing: Sealing) -> Details:
    """Raises Tampered where a part is gone that nobody erased, or is not the one that was recorded; KeysUnavailable."""
    try:
        ids = {handle_id(handle): handle for handle in handles_in(entry.body)}
    except ValueError as error:
        raise Tampered(entry.seq, "body-malformed", f"entry {entry.seq} names a subject by no handle") from error
    found = sealing.keys.by_id(list(ids))
    subjects = {ids[i]: key.subject for i, key in found.items() if key.subject is not None}
    said = entry.body.get("parts")
    count = len(said) if isinstance(said, list) else 0
    if not count:
        return Details((), subjects)
    rows = select(PARTS.c.number, PARTS.c["keys"], PARTS.c.sealed).where(PARTS.c.seq == entry.seq)
    there = {row.number: row for row in connection.execute(rows)}
    gone = set(connection.scalars(select(ERASED.c.number).where(ERASED.c.seq == entry.seq)))
    parts: list[Opened | None] = []
    for number in range(count):
        row = there.get(number)
        try:
            opened = None if row is None else part_of(entry, number, row[1], row.sealed, sealing)
        except Lost:
            opened = None
        if opened is None and number not in gone and erased_under(connection, entry.seq, number, sealing) is None:
            message = f"part {number} of entry {entry.seq} is missing"
            raise Tampered(entry.seq, "part-missing", message)
        parts.append(None if opened is None else Opened(*opened))
    return Details(tuple(parts), subjects)
