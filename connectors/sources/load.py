"""Brings a CSV or Parquet file into the typed Parquet file that a party's dataset is served from.

Every row is read and typed before anything is written in the place of the old file: a row that names another
contributor, has no subject, or holds a value of the wrong type is reported with its line and column, and then nothing
has changed. The new file is written beside the old one and moved over it in one step.
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import math
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.sources.mapping import Mapping, Place
from governance.disclosure.query import arrow_type
from governance.errors import DocumentWrong, Fault
from governance.model.levels import Levels, bins_of, quarter_of
from governance.model.mou import Dataset
from governance.model.names import FieldType

__all__ = ["LoadReport", "load"]

_CHUNK = 50_000
_MOST_FAULTS = 100
_WHOLE = re.compile(r"[-+]?\d{1,19}")
_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0"})
_EXPECTED: dict[FieldType, str] = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a day, written 2026-09-01",
    "datetime": "an instant, written 2026-09-01T12:00:00Z",
    "quarter": "a quarter, written 2026-Q3",
}


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What came in: rows and distinct subjects; `mapping` is the one to serve the new file by; warnings only."""

    rows: int
    subjects: int
    mapping: Mapping
    warnings: tuple[Fault, ...]


def load(source: Path, *, mapping: Mapping, dataset: Dataset, target: Path, name: str | None = None) -> LoadReport:
    """Raises DocumentWrong with the faults, by line and column; then `target` is as it was. `name`: the file's."""
    file = name or source.name
    faults = list(mapping.faults(dataset, file=file))
    if faults:
        raise DocumentWrong(faults)
    loading = _Loading(mapping, dataset, file)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".load-", suffix=".parquet")
    os.close(handle)
    try:
        loading.write(_rows(source, file), Path(temporary))
        if loading.faults:
            raise DocumentWrong(loading.reported())
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # its name, too, before anybody records that it is there
        finally:
            os.close(folder)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    identity = {field: field for field in mapping.columns if field != dataset.contributor}
    served = mapping.model_copy(update={"source": Place(files=(target.name,)), "columns": identity})
    return LoadReport(loading.rows, len(loading.subjects), served, tuple(loading.warnings()))


Row = tuple[int, MappingOf[str, Any]]


def _rows(source: Path, file: str) -> Iterator[Row]:
    """Line and values by column. The first item has line 0 and names the columns."""
    if source.suffix.lower() in (".csv", ".tsv", ".txt"):
        yield from _csv_rows(source, file)
        return
    try:
        parquet = pq.ParquetFile(source)
        yield 0, dict.fromkeys(parquet.schema_arrow.names)
        line = 0
        for batch in parquet.iter_batches(batch_size=_CHUNK):
            names = batch.schema.names
            for row in zip(*(c.to_pylist() for c in batch.columns), strict=True):
                line += 1
                yield line, dict(zip(names, row, strict=True))
    except UnicodeDecodeError:
        fault = Fault("holds text that is not UTF-8", file=file, line=line + 1, code="not-utf8")
        raise DocumentWrong([fault]) from None
    except (pa.ArrowException, OSError):
        raise DocumentWrong([Fault("not a Parquet file", file=file, code="not-parquet")]) from None


def _csv_rows(source: Path, file: str) -> Iterator[Row]:
    delimiter = "\t" if source.suffix.lower() == ".tsv" else ","
    line = 0
    try:
        with source.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, delimiter=delimiter, strict=True)
            header = next(reader, None)
            if not header:
                raise DocumentWrong([Fault("the file is empty", file=file, code="empty")])
            doubled = [n for n, count in Counter(header).items() if count > 1]
            if doubled:
                raise DocumentWrong(
                    [Fault(f"the column `{doubled[0]}` stands twice", file=file, line=1, code="column-twice")]
                )
            yield 0, dict.fromkeys(header)
            line = reader.line_num
            for row in reader:
                first, line = line + 1, reader.line_num
                if not row:
                    continue
                if len(row) != len(header):
                    message = f"the line has {len(row)} values; the header has {len(header)}"
                    raise DocumentWrong([Fault(message, file=file, line=first, code="wrong-width")])
                yield first, dict(zip(header, row, strict=True))
    except UnicodeDecodeError:
        raise DocumentWrong([Fault("not text in UTF-8", file=file, line=line + 1, code="not-utf8")]) from None
    except csv.Error as error:
        raise DocumentWrong([Fault(f"not CSV: {error}", file=file, line=line + 1, code="not-csv")]) from None
    except OSError:
        raise DocumentWrong([Fault("the file cannot be read", file=file, code="unreadable")]) from None


class _Loading:
    """One file on its way in. Owned by one call."""

    def __init__(self, mapping: Mapping, dataset: Dataset, file: str) -> None:
        self.mapping, self.dataset, self.file = mapping, dataset, file
        self.faults: list[Fault] = []
        self.more = 0
        self.rows = 0
        self.subjects: set[str] = set()
        self.fields = [f for f in mapping.columns if f != dataset.contributor]
        self.types: dict[str, FieldType] = {
            f: dataset.fields[f].type if f in dataset.fields else "string" for f in self.fields
        }
        self.levels: dict[str, Levels] = {}
        for name in self.fields:
            levels = bins_of(dataset.fields[name]) if name in dataset.fields else None
            if levels is not None and self.types[name] != "boolean":
                self.levels[name] = levels
        self.outside: dict[str, tuple[int, int]] = {}  # field → rows, first line
        self.columns: dict[str, int] = {}

    def write(self, rows: Iterator[Row], path: Path) -> None:
        _, header = next(rows)
        self._header(list(header))
        if self.faults:
            return
        owner_column = self.mapping.columns.get(self.dataset.contributor)
        if owner_column is None and self.dataset.contributor in header:
            owner_column = self.dataset.contributor
        schema = pa.schema([(f, arrow_type(self.types[f])) for f in self.fields])
        kept: dict[str, list[Any]] = {f: [] for f in self.fields}
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for line, row in rows:
                self._row(line, row, owner_column, kept)
                if self.faults:
                    for values in kept.values():
                        values.clear()  # only the report is of interest now
                    if self.more:
                        break
                elif self.rows % _CHUNK == 0:
                    self._flush(writer, schema, kept)
            if not self.faults:
                self._flush(writer, schema, kept)

    def _flush(self, writer: pq.ParquetWriter, schema: pa.Schema, kept: dict[str, list[Any]]) -> None:
        arrays = [pa.array(kept[f.name], f.type) for f in schema]
        writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
        for values in kept.values():
            values.clear()

    def _header(self, header: list[str]) -> None:
        self.columns = {name: i + 1 for i, name in enumerate(header)}
        for field, column in self.mapping.columns.items():
            if column not in self.columns:
                self._fault(1, None, f"there is no column `{column}` (for the field `{field}`)", "column-missing")

    def _fault(self, line: int, column: str | None, message: str, code: str, expected: str | None = None) -> None:
        if len(self.faults) >= _MOST_FAULTS:
            self.more += 1
            return
        at = self.columns.get(column, 0) if column is not None else 0
        self.faults.append(Fault(message, file=self.file, line=line, column=at, code=code, expected=expected))

    def _row(self, line: int, row: MappingOf[str, Any], owner_column: str | None, kept: dict[str, list[Any]]) -> None:
        self.rows += 1
        if owner_column is not None:
            named = row[owner_column]
            if named not in (None, "") and str(named).strip() != self.mapping.party:
                message = f"the row names the contributor `{_short(named)}`"
                self._fault(line, owner_column, message, "other-contributor", f"`{self.mapping.party}`")
        for field in self.fields:
            column = self.mapping.columns[field]
            try:
                value = _typed_value(row[column], self.types[field])
            except (ValueError, OverflowError, TypeError):
                message = f"`{_short(row[column])}` in the column `{column}` is of the wrong type"
                self._fault(line, column, message, "value-wrong-type", _EXPECTED[self.types[field]])
                continue
            if field == self.dataset.subject:
                if value is None:
                    self._fault(
                        line, column, f"the row has no `{column}`: it says nothing about whom", "subject-missing"
                    )
                else:
                    self.subjects.add(str(value))
            if value is not None and field in self.levels and self.levels[field].level_of(value) is None:
                rows, first = self.outside.get(field, (0, line))
                self.outside[field] = (rows + 1, first)
            kept[field].append(value)

    def reported(self) -> list[Fault]:
        """The faults, and that there are more where there are."""
        if self.more:
            return [*self.faults, Fault("more faults follow; these are the first", file=self.file, code="more")]
        return self.faults

    def warnings(self) -> list[Fault]:
        """Values that stand in no declared level."""
        return [
            Fault(
                f"{rows} rows hold values of `{field}` in no declared level: they stand in no cell",
                file=self.file,
                line=first,
                column=self.columns.get(self.mapping.columns[field], 0),
                level="warning",
                code="value-in-no-level",
            )
            for field, (rows, first) in self.outside.items()
        ]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _typed_value(value: Any, type_: FieldType) -> Any:
    """A value of a file in the field's type; empty is absent, blanks around it don't count. Raises ValueError."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return _TYPED[type_](value.strip() if isinstance(value, str) else value)


def _string(value: Any) -> str:
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError
        return value
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal):
        # Many systems number their clients, and many tools make the numbers floats.
        number = int(value)
        if value != number or abs(number) > 2**53:
            raise ValueError
        return str(number)
    raise ValueError


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, str) and not _WHOLE.fullmatch(value)):
        raise ValueError
    whole: int = int(value)
    if isinstance(value, float | Decimal) and whole != value:
        raise ValueError
    if not -(2**63) <= whole < 2**63:
        raise ValueError
    return whole


def _number(value: Any) -> float:
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        raise ValueError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError


def _date(value: Any) -> dt.date:
    if isinstance(value, dt.datetime):
        if value.time() != dt.time(0):
            raise ValueError
        return value.date()
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))


def _datetime(value: Any) -> dt.datetime:
    instant = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
    return instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant.astimezone(dt.UTC)


_TYPED: dict[FieldType, Callable[[Any], Any]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "quarter": lambda v: quarter_of(str(v)),
}
