"""What the use cases need of the outside, as Protocols. The comments promise durability and concurrency.

Fakes in the tests implement these; nothing is patched.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from audit import Details, Draft, Entry, Head
from audit.erasure import Erased
from audit.keys import DataKey
from audit.receipt import Receipt
from governance.compiler.bundle import Bundle
from governance.model.access import Decision, Facts, Request

if TYPE_CHECKING:
    import pyarrow as pa

    from governance.disclosure.query import SourceQuery

__all__ = [
    "Bundle",
    "Clock",
    "Engine",
    "Journal",
    "Nonces",
    "Published",
    "Source",
    "SourceGroup",
    "Vault",
    "Vouching",
    "Within",
]

# Writes state in the transaction of the entries: it gets the store's connection and the entries, and what it raises
# undoes both. Use cases pass it on and never look inside.
Within = Callable[[Any, Sequence[Entry]], None]


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

    def loaded(self) -> str | None:
        """The revision that it would decide by now, None without one. Raises EngineUnavailable."""
        ...

    def decide(self, request: Request, facts: Facts) -> Decision:
        """One decision, on the loaded bundle's revision. Raises EngineUnavailable, and nothing else: fail closed."""
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


class SourceGroup(Protocol):
    """Sources that can be asked in one go; each still answers for its owner alone. Safe from several threads."""

    def takes(self, query: SourceQuery) -> bool:
        """Whether the source of this query may be asked together with others."""
        ...

    def fetch(self, queries: Sequence[SourceQuery]) -> Iterator[tuple[str, pa.RecordBatch]]:
        """What each source alone would answer, with its owner; `queries` differ in their contributor only.

        Raises SourceUnavailable.
        """
        ...


class Journal(Protocol):
    """The audit log as use cases see it. Safe from any thread."""

    def append(self, drafts: Sequence[Draft], *, within: Within | None = None) -> tuple[Entry, ...]:
        """Durable once it returns; all of the drafts and what `within` wrote, or nothing.

        Raises LogUnavailable when nothing was written or the outcome is unknown, and whatever `within` raises.
        """
        ...

    def append_soon(self, drafts: Sequence[Draft]) -> None:
        """Queued in order behind what was appended; durable soon, and before the log closes."""
        ...

    def entries(
        self, *, kinds: Collection[str] | None = None, after: int = -1, until: int | None = None
    ) -> Iterator[Entry]:
        """In order, each body held against its leaf. Raises audit.Tampered (it names the entry), LogUnavailable."""
        ...

    def entry(self, seq: int) -> Entry | None:
        """One entry; None where there is none of this number."""
        ...

    def details(self, entry: Entry) -> Details:
        """What an entry says of single subjects, as far as it was not forgotten."""
        ...

    def search(self, **filters: Any) -> Sequence[Entry]:
        """Newest first, by the index; `subject` looks into bodies."""
        ...

    def last_of(self, kinds: Collection[str]) -> int:
        """The number of the newest entry of these kinds, -1 without one; cheap."""
        ...

    def refresh(self) -> None:
        """Hears of what other processes have recorded by now; what is read next has it."""
        ...

    def settled(self, kinds: Collection[str]) -> int | None:
        """As `last_of`; None while an entry of one of these kinds is on its way: nothing is decided beside it."""
        ...

    def head(self) -> Head:
        """Size, root and the newest signed checkpoint."""
        ...


class Published(Protocol):
    """The log as everybody may read it (C2SP tlog-tiles). Safe from any thread. Raises LogUnavailable."""

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint, with the cosignatures that it has."""
        ...

    def vkeys(self) -> bytes:
        """How the log came to its key: each entry in which one key signed the next, opened, a line each."""
        ...

    def cosigned(self) -> bytes | None:
        """The newest checkpoint that a witness cosigned; None without one."""
        ...

    def file(self, path: str) -> bytes | None:
        """What lies at `tile/...`, byte for byte as an export has it; None where there is nothing."""
        ...

    def receipt(self, entry: Entry, *, under: bytes | None = None) -> Receipt:
        """The proof that an entry is in the log, checked before it is handed out; under the newest checkpoint, or one
        that covers it.
        """
        ...


class Vouching(Protocol):
    """Witnesses that vouch for the log. Safe from any thread."""

    def ask(self) -> Mapping[str, Any]:
        """Submits the newest checkpoint to each of them now; how they stand. Raises LogUnavailable."""
        ...

    def take(self, note: bytes, line: bytes) -> Mapping[str, Any]:
        """Keeps a cosignature that one of them brings. Raises InputWrong, LogUnavailable."""
        ...

    def covering(self, index: int) -> bytes | None:
        """The newest cosigned checkpoint that covers an entry: with a quorum if there is one, else with most."""
        ...

    def standing(self) -> Mapping[str, Any]:
        """What they said last, how far they cover the log, and who contradicts it; from memory."""
        ...


class Nonces(Protocol):
    """Nonces of signed requests, each counted once across all gateways (RFC 9421 §7.2.2)."""

    def seen(self, keyid: str, nonce: str) -> bool:
        """An early look, in memory alone; only `count` is sure."""
        ...

    def remember(self, keyid: str, nonce: str) -> None:
        """For `seen`: the transaction that counted it is durable."""
        ...

    def count(self, connection: Any, *, keyid: str, nonce: str, expires: dt.datetime) -> None:
        """Counts it in the caller's transaction. Raises Replayed."""
        ...

    def count_alone(self, *, keyid: str, nonce: str, expires: dt.datetime) -> None:
        """Counts it in a transaction of its own, for calls that make no entry. Raises Replayed."""
        ...


class Vault(Protocol):
    """The data keys, and what lies under them. Safe from any thread. Raises LogUnavailable."""

    def of_subject(self, subject: str, *, holder: str | None = None) -> Sequence[DataKey]:
        """Every key that there is of a client, of any holder unless one is given; none is made."""
        ...

    def known(self, holder: str, subjects: Collection[str]) -> Collection[str]:
        """Which of these ids are a holder's clients that there is a key of; none is made."""
        ...

    def handle(self, holder: str, subject: str) -> str:
        """By what disclosures name a client; made where there is none."""
        ...

    def behind(self, handles: Collection[str]) -> dict[str, tuple[str, str]]:
        """(holder, the client's id) behind each handle whose key is there."""
        ...

    def months(self, use: str, *, before: str) -> Sequence[tuple[bytes, str, str]]:
        """(id, holder, period) of parties' keys of months before this one."""
        ...

    def under_subjects(self, ids: Sequence[bytes]) -> Erased:
        """What lies under these clients' keys."""
        ...

    def under_months(self, ids: Sequence[bytes]) -> Erased:
        """What lies under these parties' keys."""
        ...

    def erase(self, connection: Any, erased: Erased, *, under: int, clients: Collection[tuple[str, str]] = ()) -> None:
        """Deletes the ciphertexts and the clients' consents, in the caller's transaction."""
        ...

    def erased_already(self, connection: Any, ids: Collection[bytes]) -> bool:
        """Whether some erasure named each of these keys, as the caller's transaction sees it."""
        ...

    def destroy(self, ids: Sequence[bytes], *, under: int) -> None:
        """Deletes the keys themselves; twice does no harm."""
        ...

    def finish(self) -> int:
        """Destroys keys that an erasure says are destroyed and that are still there; how many."""
        ...

    def forget_memory(self) -> None:
        """Drops every key from memory: another process may have destroyed some."""
        ...

    def clean(self) -> bool:
        """Sees to it that what was deleted lies in no free page and no journal; what fails is remembered, and False."""
        ...

    def unclean(self) -> bool:
        """Whether a cleaning did not go through, in this process or an earlier one."""
        ...
