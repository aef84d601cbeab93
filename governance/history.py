"""The access history: who may search it, and that a search is itself recorded.

An administrator sees every body; anybody else sees the entries that their party may read. Leaves hold no personal
data and are for everybody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audit import Draft, Entry
from governance.errors import InputWrong, NotFound
from governance.ports import Journal

__all__ = ["FILTERS", "History", "shown"]

# What may be searched by; everything but `subject` is answered from the log's index.
FILTERS = ("kind", "party", "connector", "purpose", "dataset", "outcome", "clause", "mou", "subject", "since", "until")
_PAGE = 1000


def shown(entry: Entry) -> dict[str, Any]:
    """An entry as JSON: its leaf's text, its hash, and the opening of its body."""
    return {
        "seq": entry.seq,
        "kind": entry.kind,
        "time": entry.time.isoformat().replace("+00:00", "Z"),
        "leaf": entry.leaf.decode(),
        "leaf_hash": entry.leaf_hash.hex(),
        "salt": entry.salt.hex(),
        "body": entry.body,
        "readers": list(entry.readers),
    }


def _instant(name: str, text: str) -> dt.datetime:
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InputWrong(f"`{text}` is not a day or an instant such as 2026-11-02T12:00:00Z", field=name) from None
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class History:
    """Searches and openings of the log, for a caller of whom it is known who it is."""

    journal: Journal

    def search(
        self, *, party: str, administrator: bool, wanted: Mapping[str, str], limit: int, before: int | None = None
    ) -> tuple[Entry, ...]:
        """Entries, newest first; the search itself becomes an entry before anything is returned."""
        unknown = sorted(set(wanted) - set(FILTERS))
        if unknown:
            raise InputWrong(f"`{unknown[0]}` cannot be searched by", reason="unknown-filter", field=unknown[0])
        if not 0 < limit <= _PAGE:
            raise InputWrong(f"{limit} is not between 1 and {_PAGE}", reason="over-a-limit", field="limit")
        for name, value in wanted.items():
            if not value.isprintable():
                raise InputWrong("holds a character that cannot be searched for", field=name)
        filters: dict[str, Any] = {k: _instant(k, v) if k in ("since", "until") else v for k, v in wanted.items()}
        found = tuple(
            self.journal.search(**filters, limit=limit, before=before, reader=None if administrator else party)
        )
        # The subject searched for is personal: it stands in the body, which the searcher's party alone may read.
        body = {"party": party, "by": dict(wanted), "found": len(found)}
        self.journal.append([Draft("search", body, (party,), {"party": party})])
        return found

    def entry(self, seq: int, *, party: str, administrator: bool) -> Entry:
        """One entry with its body. Raises NotFound as well where the caller may not see it."""
        entry = self.journal.entry(seq)
        if entry is None or not (administrator or party in entry.readers):
            raise NotFound(f"no entry {seq} that `{party}` may see", reason="no-entry", field="entry")
        return entry
