"""What the use cases need of the outside, as Protocols. The comments promise durability and concurrency.

Fakes in the tests implement these; nothing is patched.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from governance.compiler.bundle import Bundle
from governance.model.access import Decision, Facts, Request

if TYPE_CHECKING:
    import pyarrow as pa

    from governance.disclosure.query import SourceQuery

__all__ = ["Clock", "Engine", "Source"]


class Clock(Protocol):
    """The server's time."""

    def now(self) -> dt.datetime:
        """The instant, aware, in UTC. Safe from any thread."""
        ...


class Engine(Protocol):
    """A policy engine. Safe from any thread once `load` has returned."""

    @property
    def name(self) -> str:
        """`opa`, `embedded` or `reference`."""
        ...

    def load(self, bundle: Bundle) -> None:
        """Decide by this bundle from now on; raises EngineUnavailable and keeps the old one when it cannot."""
        ...

    def decide(self, request: Request, facts: Facts) -> Decision:
        """One decision, on the loaded bundle's revision. Raises EngineUnavailable (fail closed), never anything else."""
        ...


class Source(Protocol):
    """A place that a party's rows are read from. Safe from several threads, one query each."""

    @property
    def owner(self) -> str:
        """The enrolled owner: the contributor of every row, whatever a column says."""
        ...

    def fetch(self, query: SourceQuery) -> Iterator[pa.RecordBatch]:
        """Rows or groups, batch by batch, memory flat. Raises SourceUnavailable."""
        ...
