"""Gives entries their places, one batch at a time. Everything that is written to the log goes through it.

Natural group commit: whoever finds nobody writing writes the batch in its own thread, which spares two turns between
threads; who finds it busy queues, and the sequencer's thread takes what was queued meanwhile. What may be written a
little later (`soon`) rides along with the next batch; where none comes, the thread writes it after a moment.

A batch is one transaction: the head's row is locked and read, each submission's `within` runs under a savepoint of its
own, leaves and bodies are inserted, a checkpoint is signed, and the head moves by compare-and-swap. Only when the
commit has returned are the callers told. A `within` that fails undoes its own submission and no other's.

When a commit fails its outcome is unknown: the callers are refused, and the head is read again before anything else is
written or said about the log. The head in memory is never ahead of the disk.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Collection
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from itertools import repeat

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError, InterfaceError, InternalError, OperationalError

from audit.batch import Batch, Clock, Submission, Within
from audit.entry import ERASURE, Entry, Prepared
from audit.errors import LogError, LogUnavailable, Outcome, Tampered, vendor_errors
from audit.head import Head, check_head, extended, locked_place, move_head, read_head
from audit.inserting import insert_content, insert_leaves
from audit.note import NoteSigner, NoteVerifier
from audit.place import Place, caught_up
from audit.schema import at_once, make_durable, run
from audit.sealing import Sealing

__all__ = ["Clock", "Sequencer", "Within"]

# A batch ends at the first of these; one submission alone may be larger.
_MOST_SUBMISSIONS = 256
_MOST_ENTRIES = 4096
_MOST_BYTES = 32 * 1024 * 1024
_TRIES = 5
_BROKEN = (InterfaceError, InternalError, OperationalError)
# How long, in seconds, what may be written soon waits for a batch to ride along with.
_SOON = 0.05
# How long, in seconds, between two looks at whether more keep coming.
_MORE = 0.0003
# How long a reader waits for it at most: the log may be stuck, and what stands there can be read all the same.
_FLUSH = 10


class _Moved(Exception):
    """Somebody else moved the head; nothing was written, and it is worth another try."""


class _Unknown(Exception):
    """The commit failed, and may have taken place."""


class Sequencer:
    """Owned by a `Log`. `submit`, `head` and `last_of` are safe from any thread."""

    def __init__(
        self,
        engine: Engine,
        *,
        place: Place,
        kinds: dict[str, int],
        signer: NoteSigner,
        verifier: NoteVerifier,
        clock: Clock,
        sealing: Sealing,
    ) -> None:
        self._engine = engine
        self._sealing = sealing
        self._vendor = vendor_errors(engine)
        driver = engine.dialect.dbapi
        self._taken = (IntegrityError, *((driver.IntegrityError,) if driver is not None else ()))
        self._place = place
        self._kinds = kinds
        self._signer = signer
        self._verifier = verifier
        self._clock = clock
        self._settled = True
        self._connection: Connection | None = None
        self._queue: deque[Submission] = deque()
        self._later: deque[Submission] = deque()
        self._wake = threading.Event()
        self._writing = threading.Lock()  # held by whoever writes a batch
        self._riding: list[Future[tuple[Entry, ...]]] = []  # what came by `soon` and is being written
        self._writer = 0  # the thread that writes
        self._lent = 0  # the thread that runs a `within`
        self._crowd = 1  # how many the last batch held of those that wait
        self._closing = False
        self._gate = threading.Lock()  # no submission gets in behind the end of the queue
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="audit-sequencer", daemon=True)
        self._thread.start()

    @property
    def head(self) -> Head:
        """The newest head that is known to be on the disk."""
        return self._place.head

    @property
    def place(self) -> Place:
        """The head together with what the search's table lacks."""
        return self._place

    def last_of(self, kinds: Collection[str]) -> int:
        """The number of the newest entry of any kind, -1 if none. Raises LogUnavailable while that is not known.

        Whoever asks first after an unknown commit finds its outcome out: a service that asks before it records anything
        would otherwise wait for an entry that nobody makes.
        """
        if not self._settled:
            self._settle_if_idle()
        if not self._settled:
            raise LogUnavailable("the outcome of the last commit is not known yet", outcome="unknown")
        return max(map(self._kinds.get, kinds, repeat(-1)), default=-1)

    @property
    def last_erasure(self) -> int:
        """The number of the newest erasure that is known, -1 without one."""
        return self._kinds.get(ERASURE, -1)

    def submit(self, drafts: tuple[Prepared, ...], within: Within | None) -> Future[tuple[Entry, ...]]:
        """Writes a submission at once, or queues it where another is being written.

        Raises LogUnavailable where nobody would take it; LogError inside a `within`, which would wait for itself.
        """
        if self._lent == threading.get_ident():
            raise LogError("a `within` must not append to the log that it is written to")
        submission = Submission(drafts, within)
        self._put(self._queue, submission)
        self._write_if_idle()
        return submission.future

    def soon(self, drafts: tuple[Prepared, ...]) -> Future[tuple[Entry, ...]]:
        """Takes a submission that may wait for the next batch, or for a moment. Raises LogUnavailable as `submit`."""
        submission = Submission(drafts, None)
        if self._put(self._later, submission) == 1:  # whoever came before has the thread awake
            self._wake.set()
        return submission.future

    def flush(self) -> None:
        """Has what was taken by `soon` written before it returns, so that a reader finds it."""
        waiting = [submission.future for submission in tuple(self._later)]
        waiting += self._riding  # looked at last: whatever left the queue stands here
        if waiting and self._process == os.getpid() and self._writer != threading.get_ident():
            self._write_if_idle()
            wait(waiting, _FLUSH)

    def close(self) -> None:
        """Writes what is queued and ends the thread. Twice does no harm."""
        with self._gate:
            self._closing = True
        self._wake.set()
        if self._process == os.getpid() and threading.current_thread() is not self._thread:
            self._thread.join()

    def _put(self, queue: deque[Submission], submission: Submission) -> int:
        with self._gate:
            if self._closing or self._process != os.getpid() or not self._thread.is_alive():
                raise LogUnavailable("the log is closed")
            queue.append(submission)
            return len(queue)

    def _write_if_idle(self) -> None:
        """One batch in the caller's thread, unless somebody is writing: then whoever that is sees to the rest.

        Where callers crowd, the sequencer's thread makes larger batches than the first that comes would.
        The queue is looked at after the lock was let go, and filled before it is tried: nothing is left behind.
        """
        if self._crowd == 1 and self._writing.acquire(blocking=False):
            try:
                self._write(self._next())
            finally:
                self._writing.release()
        if self._queue:
            self._wake.set()

    def _settle_if_idle(self) -> None:
        """Nobody waits for another who looks already; a database that hangs would hold them all."""
        if self._closing or self._process != os.getpid() or not self._writing.acquire(blocking=False):
            return
        try:
            self._settle()
        finally:
            self._writing.release()

    def _run(self) -> None:
        """The sequencer's own thread: writes whatever no caller does."""
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._later and not self._queue and not self._closing:
                self._wake.wait(_SOON)
            while self._queue or self._later:
                self._gather()
                with self._writing:
                    self._write(self._next())
                if self._later and not self._queue and not self._closing:
                    self._wake.set()  # came just now: let it wait for its batch
                    break
            with self._gate:
                if self._closing and not self._queue and not self._later:
                    break
        with self._writing:
            self._disconnect()

    def _gather(self) -> None:
        """Where the last batch answered many, they are asking again: waits while more keep coming."""
        before = 0
        while before < len(self._queue) < self._crowd:
            before = len(self._queue)
            time.sleep(_MORE)

    # Everything below runs with the lock of the writer held.

    def _next(self) -> list[Submission]:
        """What is there, as far as it fits into one batch."""
        batch: list[Submission] = []
        entries = size = 0
        self._riding = []
        for waiting in (self._later, self._queue):
            while waiting and len(batch) < _MOST_SUBMISSIONS and entries < _MOST_ENTRIES and size < _MOST_BYTES:
                if waiting is self._later:
                    self._riding.append(waiting[0].future)
                item = waiting.popleft()
                if item.future.set_running_or_notify_cancel():
                    batch.append(item)
                    entries += len(item.drafts)
                    size += item.size
        self._crowd = max(1, len(batch) - len(self._riding))
        return batch

    def _write(self, submissions: list[Submission]) -> None:
        """Writes a batch, and tells every caller what became of it. Never raises."""
        if not submissions:
            return
        self._writer = threading.get_ident()
        try:
            batch = self._tried(submissions)
        except _Unknown as error:
            self._settled = False
            self._refuse(submissions, "the outcome of the commit is unknown", error.__cause__, "unknown")
            self._settle()
        except BaseException as error:
            self._disconnect()
            self._refuse(submissions, "the log could not be written", error, "nothing")
        else:
            for submission, entries in batch.done:
                submission.future.set_result(entries)
            for submission, failure in batch.failed:
                submission.future.set_exception(failure)
        finally:
            self._writer = 0

    def _tried(self, submissions: list[Submission]) -> Batch:
        for _ in range(_TRIES):
            try:
                return self._transaction(submissions)
            except (_Moved, *self._taken):
                self._disconnect()
                self._settled = False  # whatever is in memory is read anew
        raise LogError("another process kept moving the log's head")

    def _transaction(self, submissions: list[Submission]) -> Batch:
        connection = self._connected()
        transaction = connection.begin()
        place = self._current(connection)
        batch = Batch(place.head, place.head.checkpoint_time, self.last_erasure)
        for submission in submissions:
            batch.offer(submission, self._clock.now(), partial(self._within, connection))
        if not batch.done:
            transaction.rollback()
            return batch
        after = self._insert(connection, place, batch)
        try:
            transaction.commit()
            self._kinds |= {entry.kind: entry.seq for _, entry in batch.entries}
            self._place = after
        except BaseException as error:  # an interrupt just behind the commit, too
            self._disconnect()
            raise _Unknown from error
        return batch

    def _within(self, connection: Connection, within: Within, entries: tuple[Entry, ...]) -> BaseException | None:
        """Runs a caller's own writes under a savepoint; what they raise is returned, and their writes are undone."""
        lent = connection.get_transaction()
        run(connection, "SAVEPOINT submission")
        self._lent = threading.get_ident()
        try:
            within(connection, entries)
        except BaseException as error:
            if lent is None or not lent.is_active:
                raise LogError("a `within` ended the transaction that it was lent") from error
            run(connection, "ROLLBACK TO SAVEPOINT submission")
            if isinstance(error, _BROKEN):  # the log's own database, under the caller's writes
                unavailable = LogUnavailable(f"the database failed in the same transaction ({type(error).__name__})")
                unavailable.__cause__ = error
                return unavailable
            return error
        finally:
            self._lent = 0
        if lent is None or not lent.is_active:
            raise LogError("a `within` ended the transaction that it was lent")
        run(connection, "RELEASE SAVEPOINT submission")
        return None

    def _insert(self, connection: Connection, place: Place, batch: Batch) -> Place:
        if not batch.entries:
            return place
        entries = [entry for _, entry in batch.entries]
        with at_once(connection):
            insert_leaves(connection, entries)
            insert_content(connection, batch.entries, self._sealing)
            hashes = [e.leaf_hash for e in entries]
            head = extended(place.head, hashes, time=entries[-1].time, signer=self._signer)
            moved = move_head(connection, place.head, head)
            after = place.after(head, [(entry.seq, draft.terms) for draft, entry in batch.entries])
            after = after.filed_when_full(connection)
        if not moved():
            raise _Moved
        return after

    def _current(self, connection: Connection) -> Place:
        """The place on the disk, its row locked; usually the one in memory."""
        known = self._place
        row = locked_place(connection)
        if row[:2] == (known.head.size, known.head.last) and self._settled:
            return known
        head, size = read_head(connection, row), known.head.size
        if head is None or head.size < size or (head.size == size and head.last != known.head.last):
            raise Tampered(None, "rewound", f"the log was put back to before its {size} entries, or replaced")
        check_head(head, origin=self._signer.name, verifier=self._verifier)
        place, kinds = caught_up(connection, head, sealing=self._sealing, known=known)
        if ERASURE in kinds:  # another process destroyed keys
            self._sealing.forget()
        self._kinds |= kinds
        self._place = place
        self._settled = True
        return place

    def _settle(self) -> None:
        """Finds the true outcome of a commit at once, if the database answers; else before the next entry."""
        try:
            connection = self._connected()
            with connection.begin():
                self._current(connection)
        except Exception:  # every batch tries again before it writes
            self._disconnect()

    def _refuse(self, submissions: list[Submission], what: str, cause: BaseException | None, outcome: Outcome) -> None:
        for submission in submissions:
            reason = type(cause).__name__ if isinstance(cause, self._vendor) else str(cause)
            error = LogUnavailable(f"{what} ({reason})", outcome=outcome)
            error.__cause__ = cause
            submission.future.set_exception(error)

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = self._engine.connect().execution_options(sqlite_begin="IMMEDIATE")
            try:
                make_durable(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        """Gives the connection up for good, and with it whatever transaction it was in."""
        connection, self._connection = self._connection, None
        if connection is not None:
            for step in (connection.invalidate, connection.close):
                with suppress(*self._vendor):  # it is given up either way
                    step()
