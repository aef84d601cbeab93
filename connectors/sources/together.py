"""Several parties' Parquet files asked in one statement: most of what a small query costs is the planning of it.

Each row's owner is the party whose file it lies in, as DuckDB's reader says, whatever a column says; the groups of
each owner stay apart, so that the answer is the one that its source alone would give. A source is asked alone where
its columns differ from the others', where its rows need consents, or where the groups are not few.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from connectors.sources.deadlines import limited
from connectors.sources.statement import statement
from connectors.sources.tabular import TabularSource, asked, compiled, described, few, locked, unreadable
from governance.disclosure.query import SourceQuery, require_genuine
from governance.errors import SourceUnavailable

__all__ = ["TabularGroup", "grouped"]

_MOST_STATEMENTS = 256


class TabularGroup:
    """Files of several parties with the same columns. Safe from several threads, as each of its sources is."""

    def __init__(self, sources: Sequence[TabularSource], *, memory: str = "1GB", threads: int = 2) -> None:
        self.owners = tuple(source.owner for source in sources)
        self._first = sources[0]
        self._mark = _free_name(self._first.columns())
        self._owner_of = {str(path): source.owner for source in sources for path in source.files}
        self._lock = Lock()
        self._statements: dict[str, tuple[str, list[Any]]] = {}
        files = [path for source in sources for path in source.files]
        self._connection = locked(files, memory=memory, threads=threads, mark=self._mark)
        self._finalizer = weakref.finalize(self, self._connection.close)
        if described(self._connection) != self._first.columns() | {self._mark: "VARCHAR"}:
            raise SourceUnavailable("the files of the sources differ", reason="source-unreadable")

    def __repr__(self) -> str:
        return f"TabularGroup(owners={self.owners!r})"

    def close(self) -> None:
        """Lets go of the engine."""
        self._finalizer()

    def takes(self, query: SourceQuery) -> bool:
        """Whether the source of this query can be asked together with the others."""
        return (
            query.contributor in self.owners
            and query.dataset == self._first.dataset
            and not query.needs_consent
            and not query.per_subject
            and few(query)
        )

    def fetch(self, queries: Sequence[SourceQuery]) -> Iterator[tuple[str, pa.RecordBatch]]:
        """What the sources of these queries answer, each with its owner. Raises SourceUnavailable."""
        for query in queries:
            require_genuine(query)
            if not self.takes(query) or asked(query) != asked(queries[0]):
                raise SourceUnavailable("these sources cannot be asked together", reason="source-mismatch")
        owners = tuple(query.contributor for query in queries)
        text, values = self._statement(queries[0], owners)
        with self._lock:
            cursor = self._connection.cursor()
        try:
            # As long as they may take one after the other.
            with (
                unreadable(sum(query.seconds for query in queries)),
                limited(sum(query.seconds for query in queries), cursor.interrupt),
            ):
                rows = cursor.execute(text, values).fetchall()
                yield from self._parted(queries[0], owners, rows)
        finally:
            cursor.close()

    def _statement(self, query: SourceQuery, owners: tuple[str, ...]) -> tuple[str, list[Any]]:
        key = repr(owners) + asked(query)
        found = self._statements.get(key)
        if found is None:
            path: sa.ColumnClause[Any] = sa.column(self._mark, sa.Text())
            bound = self._first.bound(query).of_owners(path, self._owner_of, owners)
            found = compiled(statement(query, bound, None))
            if len(self._statements) >= _MOST_STATEMENTS:
                self._statements.clear()
            self._statements[key] = found
        return found

    @staticmethod
    def _parted(
        query: SourceQuery, owners: Iterable[str], rows: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[str, pa.RecordBatch]]:
        schema = query.schema
        of: dict[str, list[tuple[Any, ...]]] = {owner: [] for owner in owners}
        for owner, *row in rows:
            of[owner].append(tuple(row))
        for owner, its in of.items():
            if not its and not query.keys:  # without a key a source says nothing in numbers
                its.append(tuple(None if f.name.startswith(("sum_", "size_")) else 0 for f in schema))
            if its:
                arrays = [pa.array(column, f.type) for column, f in zip(zip(*its, strict=True), schema, strict=True)]
                yield owner, pa.RecordBatch.from_arrays(arrays, schema=schema)


def grouped(sources: Sequence[TabularSource]) -> list[TabularGroup]:
    """Groups of those that can be asked together, two at least each."""
    alike: dict[str, list[TabularSource]] = {}
    for source in sources:
        if all(path.suffix.lower() == ".parquet" for path in source.files):
            key = repr((source.dataset, list(source.columns().items()), sorted(source.fields().items())))
            alike.setdefault(key, []).append(source)
    return [TabularGroup(some) for some in alike.values() if len(some) > 1]


def _free_name(columns: Iterable[str]) -> str:
    name, taken = "file of the row", {column.lower() for column in columns}
    while name in taken:
        name += "_"
    return name
