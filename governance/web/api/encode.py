"""Batches to bytes: JSON, CSV and Arrow, streamed.

CSV cells that a spreadsheet would run as a formula are made text (OWASP, CSV injection): a cell of a text column that
starts with `=`, `+`, `-`, `@`, tab or carriage return gets a leading apostrophe.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from governance.disclosure.answer import Batch

__all__ = ["ARROW", "CSV", "JSON", "encoder", "negotiate"]

JSON = "application/json"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def negotiate(accept: str) -> str | None:
    """The first of our formats that the `Accept` header allows; JSON where nothing is said; None where nothing fits."""
    if not accept.strip():
        return JSON
    weighed = []
    for position, part in enumerate(accept.split(",")):
        name, *parameters = (p.strip() for p in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    return None
        weighed.append((-quality, position, name.lower()))
    for quality, _, name in sorted(weighed):
        if quality == 0:
            continue
        for offered in (JSON, CSV, ARROW):
            if name in (offered, "*/*", offered.split("/")[0] + "/*"):
                return offered
    return None


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    return value


def _json(schema: pa.Schema, tail: Mapping[str, Any]) -> Callable[[Iterator[Batch]], Iterator[bytes]]:
    def encode(batches: Iterator[Batch]) -> Iterator[bytes]:
        # What stands before the rows leaves with the first of them: each piece costs the server a turn.
        before = json.dumps({"columns": schema.names}, ensure_ascii=False)[:-1] + ', "rows": ['
        for batch in batches:
            columns = [column.to_pylist() for column in batch.table.columns]
            rows = list(zip(*columns, strict=True))
            if rows:
                text = json.dumps(rows, ensure_ascii=False, default=_plain, allow_nan=False)
                yield (before + text[1:-1]).encode()
                before = ", "
        rest = json.dumps(dict(tail), ensure_ascii=False)[1:]
        closing = "], " + rest if len(rest) > 1 else "]}"
        yield (closing if before == ", " else before + closing).encode()

    return encode


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _plain(value)


def _csv(schema: pa.Schema, _tail: Mapping[str, Any]) -> Callable[[Iterator[Batch]], Iterator[bytes]]:
    def encode(batches: Iterator[Batch]) -> Iterator[bytes]:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        writer.writerow(schema.names)
        for batch in batches:
            columns = [column.to_pylist() for column in batch.table.columns]
            for row in zip(*columns, strict=True):
                writer.writerow([_cell(v) for v in row])
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
        if buffer.tell():
            yield buffer.getvalue().encode()

    return encode


class _Sink(io.RawIOBase):
    """Takes what pyarrow writes and gives it away in pieces."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self.pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        taken = b"".join(self.pieces)
        self.pieces.clear()
        return taken


def _arrow(schema: pa.Schema, tail: Mapping[str, Any]) -> Callable[[Iterator[Batch]], Iterator[bytes]]:
    described = schema.with_metadata({"accordant": json.dumps(dict(tail), ensure_ascii=False)})

    def encode(batches: Iterator[Batch]) -> Iterator[bytes]:
        sink = _Sink()
        with pa.ipc.new_stream(sink, described) as writer:
            for batch in batches:
                writer.write_batch(batch.table.replace_schema_metadata(described.metadata))
                yield sink.take()
        yield sink.take()

    return encode


_ENCODERS = {JSON: _json, CSV: _csv, ARROW: _arrow}


def encoder(
    media_type: str, *, schema: pa.Schema, tail: Mapping[str, Any]
) -> Callable[[Iterator[Batch]], Iterator[bytes]]:
    """The encoder of a media type. `tail` (protection, receipt) closes a JSON answer and describes an Arrow schema."""
    return _ENCODERS[media_type](schema, tail)
