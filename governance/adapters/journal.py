"""The port `Journal` on the audit log: its errors become ours, each of them, and nothing else changes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, ParamSpec, TypeVar

import audit
from audit import Draft, Entry, Head, Log
from governance.errors import LogUnavailable
from governance.ports import Within

__all__ = ["AuditJournal"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _mapped(function: Callable[_P, _R]) -> Callable[_P, _R]:
    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except audit.Tampered as error:
            raise LogUnavailable(f"the log is not whole: {error}", reason="log-tampered") from error
        except audit.LogError as error:
            raise LogUnavailable(str(error)) from error

    return call


class AuditJournal:
    """One open log. Safe from any thread."""

    def __init__(self, log: Log) -> None:
        self._log = log

    @_mapped
    def append(self, drafts: Sequence[Draft], *, within: Within | None = None) -> tuple[Entry, ...]:
        """As the port promises."""
        return self._log.append(drafts, within=within)

    @_mapped
    def append_soon(self, drafts: Sequence[Draft]) -> None:
        """As the port promises."""
        self._log.submit(drafts)

    def entries(
        self, *, kinds: Collection[str] | None = None, after: int = -1, until: int | None = None
    ) -> Iterator[Entry]:
        """As the port promises."""
        try:
            yield from self._log.entries(kinds=kinds, after=after, until=until)
        except audit.Tampered:
            # Whoever folds entries must know which one was changed, and may go on behind it.
            raise
        except audit.LogError as error:
            raise LogUnavailable(str(error)) from error

    @_mapped
    def entry(self, seq: int) -> Entry | None:
        """As the port promises."""
        return self._log.entry(seq)

    @_mapped
    def search(self, **filters: Any) -> Sequence[Entry]:
        """As the port promises."""
        return tuple(self._log.search(**filters))

    @_mapped
    def last_of(self, kinds: Collection[str]) -> int:
        """As the port promises."""
        return self._log.last_of(kinds)

    @_mapped
    def head(self) -> Head:
        """As the port promises."""
        return self._log.head()
