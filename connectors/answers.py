"""What a server answers: data with what the log says about it, or an error of our tree.

400 InputWrong (DocumentWrong where faults are listed) · 401 NotAuthentic · 403 QueryRefused or Refused
404 NotFound · 409 Replayed or Conflict · 413 TooLarge · 429 TooMany · anything else Unavailable
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import requests

from governance.errors import (
    AccordantError,
    Conflict,
    DocumentWrong,
    Fault,
    InputWrong,
    NotAuthentic,
    NotFound,
    Refused,
    Replayed,
    TooLarge,
    TooMany,
    Unavailable,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ARROW", "CSV", "JSON", "Answer", "QueryRefused", "error_of"]

JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
_CHUNK = 65_536


class QueryRefused(Refused):
    """A data request that was answered with no: the clauses that say so, and the nearest request that would pass."""

    def __init__(self, detail: str, *, reason: str, document: Mapping[str, Any]) -> None:
        super().__init__(detail, reason=reason)
        self.document = document
        self.outcome: str = str(document.get("outcome", "deny"))
        self.clauses: tuple[dict[str, Any], ...] = tuple(document.get("clauses") or ())
        self.nearest: dict[str, Any] | None = document.get("nearest")
        self.entry: int | None = document.get("entry")


@dataclass(slots=True)
class Answer:
    """Data that was released. Read it once, by `chunks`, `json`, `text`, `batches` or `table`; then it is closed."""

    response: requests.Response

    @property
    def entry(self) -> int | None:
        """The log's index of the entry about this answer."""
        value = self.response.headers.get("Accordant-Entry", "")
        return int(value) if value.isdecimal() else None

    @property
    def outcome(self) -> str:
        """`permit`, for only that releases data."""
        return str(self.response.headers.get("Accordant-Outcome", ""))

    @property
    def checkpoint(self) -> str:
        """The log's checkpoint that the server answered under, as its header says."""
        return str(self.response.headers.get("Accordant-Checkpoint", ""))

    @property
    def content_type(self) -> str:
        """The media type, without parameters."""
        return str(self.response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    def chunks(self, size: int = _CHUNK) -> Iterator[bytes]:
        """The bytes as they come; memory stays flat. Raises Unavailable where the answer breaks off."""
        try:
            yield from self.response.iter_content(size)
        except requests.RequestException:
            detail = "the answer broke off; what came is not whole"
            raise Unavailable(detail, reason="answer-broken") from None
        finally:
            self.response.close()

    def read(self) -> bytes:
        """All bytes at once."""
        return b"".join(self.chunks())

    def text(self) -> str:
        """All of it as text."""
        return self.read().decode("utf-8")

    def json(self) -> Any:
        """The document of an answer in JSON."""
        try:
            return json.loads(self.read())
        except ValueError:
            raise Unavailable("the answer is not JSON", reason="answer-malformed") from None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The record batches of an Arrow stream, as they come."""
        import pyarrow as pa

        try:
            with pa.ipc.open_stream(_Readable(self.chunks())) as reader:
                yield from reader
        except pa.ArrowInvalid:
            raise Unavailable("the answer is not an Arrow stream", reason="answer-malformed") from None

    def table(self) -> pa.Table:
        """The whole Arrow stream as a table."""
        import pyarrow as pa

        try:
            with pa.ipc.open_stream(_Readable(self.chunks())) as reader:
                return reader.read_all()
        except pa.ArrowInvalid:
            raise Unavailable("the answer is not an Arrow stream", reason="answer-malformed") from None

    def close(self) -> None:
        """Lets go of the connection; needed only where the answer is not read to its end."""
        self.response.close()

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _Readable:
    """A file that pyarrow can read, over chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._held, self.closed = chunks, bytearray(), False

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._held) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._held += chunk
        taken = bytes(self._held if size < 0 else self._held[:size])
        del self._held[: len(taken)]
        return taken

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


def _document(response: requests.Response) -> dict[str, Any]:
    try:
        # A problem document is small; what is larger is none.
        document = json.loads(next(response.iter_content(1_048_576), b"null"))
    except (ValueError, requests.RequestException):
        document = None
    finally:
        response.close()
    return document if isinstance(document, dict) else {}


def error_of(response: requests.Response) -> AccordantError:
    """The error that an answer with a status of 300 or more stands for (RFC 9457)."""
    status = response.status_code
    if 300 <= status < 400:
        response.close()
        there = response.headers.get("Location", "elsewhere")
        return InputWrong(
            f"the server sends us to `{there}`; a signature holds for one address only", reason="redirected"
        )
    document = _document(response)
    detail = str(document.get("detail") or document.get("title") or f"the server answers with status {status}")
    reason = str(document.get("reason") or f"status-{status}")
    return _client_error(status, detail, reason, document) or Unavailable(detail, reason=reason)


def _client_error(status: int, detail: str, reason: str, document: Mapping[str, Any]) -> AccordantError | None:
    match status:
        case 400 if isinstance(document.get("faults"), list) and document["faults"]:
            return DocumentWrong([_fault(f) for f in document["faults"]])
        case 404:
            return NotFound(detail, reason=reason)
        case 413:
            return TooLarge(detail, reason=reason)
        case 401:
            return NotAuthentic(detail, reason=reason)
        case 409 if reason == Replayed.reason:
            return Replayed(detail, reason=reason)
        case 409:
            return Conflict(detail, reason=reason)
        case 429:
            return TooMany(detail, reason=reason)
        case 403 if "outcome" in document:
            return QueryRefused(detail, reason=reason, document=document)
        case 403:
            return Refused(detail, reason=reason)
        case _ if 400 <= status < 500:
            field = document.get("field")
            return InputWrong(detail, reason=reason, field=str(field) if field else None)
        case _:
            return None


def _fault(fault: Any) -> Fault:
    values: dict[str, Any] = {"message": "a fault"} | (fault if isinstance(fault, dict) else {"message": str(fault)})
    known = ("message", "file", "line", "column", "clause", "expected", "level")
    return Fault(**{name: values[name] for name in known if values.get(name)})
