"""The log: append, read, search. What the rest of the service sees of it.

`append` is durable once it returns. Its entries, the head and the caller's own writes (`within`) are one transaction:
either all are on the disk, or none. What can't be logged doesn't happen: any failure is LogUnavailable, and a commit
whose outcome is unknown is a refusal. Everything that is read is verified against its own leaf; `audit.verify` proves
the leaves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from types import TracebackType

from sqlalchemy import Connection, Engine

from audit.details import Details, details
from audit.entry import Draft, Entry, Prepared
from audit.erasure import finish
from audit.errors import DraftWrong, ForgottenMeanwhile, LogExists, LogUnavailable, Tampered, WrongCheckpoint, mapped
from audit.head import Head, genesis, insert_head, read_head, verified_head
from audit.keys import KeyStore
from audit.note import NoteSigner, NoteVerifier
from audit.place import caught_up, newest_of_kinds, refiled
from audit.rows import fetch
from audit.schema import make_tables, prepare
from audit.sealing import Sealing
from audit.search import Query, search
from audit.sequencer import Clock, Sequencer, Within

__all__ = ["Log", "SystemClock"]

_CHUNK = 200
_TRIES = 3


class SystemClock:
    """The machine's clock."""

    def now(self) -> dt.datetime:
        """The instant, in UTC."""
        return dt.datetime.now(dt.UTC)


class Log:
    """An open log; made by `create` or `open`. Safe from any thread, of the process that opened it.

    The engine is the caller's, and `audit.schema.prepare` must have seen it before its first connection. `patience` is
    how long, in seconds, a caller waits for its entries before it is refused.
    """

    def __init__(
        self, engine: Engine, sequencer: Sequencer, *, verifier: NoteVerifier, sealing: Sealing, patience: float
    ) -> None:
        self.engine = engine
        self.verifier = verifier
        self.sealing = sealing
        self._sequencer = sequencer
        self._patience = patience

    @classmethod
    def create(
        cls,
        engine: Engine,
        *,
        origin: str,
        signer: NoteSigner,
        keys: KeyStore,
        clock: Clock | None = None,
        patience: float = 30.0,
    ) -> Log:
        """Makes the tables and an empty log with a signed checkpoint. Raises LogExists, LogUnavailable."""
        prepare(engine)
        _named(origin, signer)
        clock = clock or SystemClock()
        with mapped(engine, "being made"), _writing(engine) as connection, connection.begin():
            make_tables(connection)
            if read_head(connection) is not None:
                raise LogExists("the database holds a log already")
            insert_head(connection, genesis(signer=signer, now=clock.now()))
        return cls.open(engine, origin=origin, signer=signer, keys=keys, clock=clock, patience=patience)

    @classmethod
    def open(
        cls,
        engine: Engine,
        *,
        origin: str,
        signer: NoteSigner,
        keys: KeyStore,
        verifier: NoteVerifier | None = None,
        clock: Clock | None = None,
        patience: float = 30.0,
    ) -> Log:
        """Opens a log, in the same time whatever its length: the head is verified, and that the last leaf is its.

        `verifier` is the key that the stored checkpoint must verify with, the signer's own unless given. Raises
        LogMissing, WrongCheckpoint, Tampered, LogUnavailable.
        """
        prepare(engine)
        _named(origin, signer)
        verifier, sealing = verifier or signer.verifier, Sealing(keys)
        with mapped(engine, "being opened"), _writing(engine) as connection, connection.begin():
            head = verified_head(connection, origin=origin, verifier=verifier, lock=True)
            kinds = newest_of_kinds(connection)
            since = refiled(connection, head, sealing)
            place, newer = caught_up(connection, head, since=since, sealing=sealing)
        finish(engine, sealing)
        sequencer = Sequencer(
            engine,
            place=place,
            kinds=kinds | newer,
            signer=signer,
            verifier=verifier,
            clock=clock or SystemClock(),
            sealing=sealing,
        )
        return cls(engine, sequencer, verifier=verifier, sealing=sealing, patience=patience)

    def append(self, drafts: Sequence[Draft], *, within: Within | None = None) -> tuple[Entry, ...]:
        """Records the drafts as consecutive entries, all or none. Durable once it returns.

        `within(connection, entries)` writes the caller's own rows in the same transaction. It must only use that
        connection, and neither commit nor roll back, nor append (LogError, at once); it runs in the thread of whoever
        writes the batch, before the entries' own rows are inserted, and again should another process have moved the
        head meanwhile. What it raises undoes this submission alone, and is raised here.

        Where a client was forgotten meanwhile of whom a draft tells, it is prepared anew.

        Raises LogUnavailable (its `outcome` says whether something may have been written) and DraftWrong.
        """
        for _ in range(_TRIES):
            with suppress(ForgottenMeanwhile):
                return self._appended(drafts, within)
        return self._appended(drafts, within)

    def _appended(self, drafts: Sequence[Draft], within: Within | None) -> tuple[Entry, ...]:
        future = self.submit(drafts, within=within)
        try:
            return future.result(self._patience)
        except FutureTimeout:
            if future.done():  # just now, or it was `within` that raised a time-out of its own
                return future.result()
            if future.cancel():
                raise LogUnavailable("the log did not come to these entries in time") from None
            raise LogUnavailable("the log did not answer in time", outcome="unknown") from None

    def submit(self, drafts: Sequence[Draft], *, within: Within | None = None) -> Future[tuple[Entry, ...]]:
        """As `append`, without waiting: nothing is durable before the future has its result."""
        prepared = self._prepared(drafts)
        if not prepared and within is None:
            raise DraftWrong("nothing to record")
        return self._sequencer.submit(prepared, within)

    def _prepared(self, drafts: Sequence[Draft]) -> tuple[Prepared, ...]:
        since = self._sequencer.last_erasure  # looked at before any key is
        return tuple(Prepared.of(draft, self.sealing.keys, since=since) for draft in drafts)

    def refresh(self) -> None:
        """Hears of what other processes have recorded by now. Raises LogUnavailable."""
        self._appended((), lambda _connection, _entries: None)

    def append_soon(self, drafts: Sequence[Draft]) -> Future[tuple[Entry, ...]]:
        """As `submit`, for what may wait a moment: it rides along with the next entries, where some come.

        Reading entries has it written first, and so has `close`.
        """
        prepared = self._prepared(drafts)
        if not prepared:
            raise DraftWrong("nothing to record")
        return self._sequencer.soon(prepared)

    def head(self) -> Head:
        """The newest head that this process knows to be on the disk."""
        return self._sequencer.head

    def last_of(self, kinds: Collection[str]) -> int:
        """The number of the newest entry of any of these kinds, -1 if none; from memory.

        Another process's entries are known from this one's next append on. Raises LogUnavailable while the outcome of a
        commit is unknown.
        """
        return self._sequencer.last_of(kinds)

    def entry(self, seq: int) -> Entry | None:
        """One entry, None where there is none of that number. Raises Tampered, LogUnavailable."""
        if not 0 <= seq < self.head().size:
            self._sequencer.flush()
            if not 0 <= seq < self.head().size:
                return None
        with mapped(self.engine, "reading"), self.engine.connect() as connection, connection.begin():
            return fetch(connection, [seq], self.sealing)[0]

    def entries(
        self, *, kinds: Collection[str] | None = None, after: int = -1, until: int | None = None
    ) -> Iterator[Entry]:
        """Entries in order, from behind `after` up to and including `until`, each verified against its leaf.

        It ends where the log ended when it began, holds no transaction while its reader works, and its memory is flat.
        Raises Tampered, naming the entry; LogUnavailable.
        """
        self._sequencer.flush()
        place = self._sequencer.place
        first = max(after + 1, 0)
        behind = place.head.size if until is None else min(until + 1, place.head.size)
        while first < behind:
            with mapped(self.engine, "reading"), self.engine.connect() as connection, connection.begin():
                if kinds is None:
                    numbers = list(range(first, min(first + _CHUNK, behind)))
                else:
                    numbers = place.of_kinds(connection, frozenset(kinds), first, behind, _CHUNK)
                found = fetch(connection, numbers, self.sealing)
            for entry in found:
                if kinds is not None and entry.kind not in kinds:
                    raise Tampered(entry.seq, "index-differs", f"entry {entry.seq} is filed under a wrong kind")
                yield entry
            first = numbers[-1] + 1 if numbers else behind

    def details(self, entry: Entry) -> Details:
        """What an entry says of single subjects, as far as it was not forgotten. Raises Tampered, LogUnavailable."""
        with mapped(self.engine, "reading"), self.engine.connect() as connection, connection.begin():
            return details(connection, entry, self.sealing)

    def search(
        self,
        *,
        kind: str | None = None,
        reader: str | None = None,
        subject: str | tuple[str, str] | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
        **words: str | None,
    ) -> tuple[Entry, ...]:
        """The newest entries for which everything given holds, newest first, at most `limit`.

        `words`: party, connector, purpose, dataset, outcome, clause, mou. `reader`: entries whose body this party may
        see. `since` is inclusive and `until` is not. `before` and `after` are numbers of entries, for pages. `subject`:
        an id, or (contributor, id), that stands in the body's `subjects`. Raises Tampered, LogUnavailable.
        """
        self._sequencer.flush()
        place = self._sequencer.place
        size = place.head.size
        query = Query.of(
            words,
            kind=kind,
            reader=reader,
            subject=subject,
            since=since,
            until=until,
            first=0 if after is None else after + 1,
            behind=size if before is None else min(before, size),
            limit=limit,
        )
        return search(self.engine, query, place, self.sealing)

    def close(self) -> None:
        """Writes what is queued, and ends. Later appends are refused; twice does no harm. The engine stays open."""
        self._sequencer.close()

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _writing(engine: Engine) -> Connection:
    return engine.connect().execution_options(sqlite_begin="IMMEDIATE")


def _named(origin: str, signer: NoteSigner) -> None:
    if signer.name != origin:
        raise WrongCheckpoint(f"the key is named `{signer.name}`, and the log `{origin}`: a log's key bears its origin")
