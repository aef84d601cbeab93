"""The key store: data keys of parties and of subjects, wrapped, in a database that no backup of the log takes along.

What is encrypted under a data key is forgotten once the key is destroyed, in every copy of the log that there is. So
keys lie apart from what they encrypt: in a file of their own, or, where several gateways share a PostgreSQL database,
in one table that backups leave out. Each is wrapped by a key-encryption key from elsewhere (`audit.wrapping`).

    use         holder   period   subject    what is encrypted under it
    record      party                        what the service's state follows from; never forgotten
    content     party    2026-11             what was asked for and sent away in that month
    content     party             a client   what an entry says of this client
    disclosure  party    2026-11             who was told of whose clients in that month
    disclosure  party             a client   nothing: its `id` stands for the client in those entries
    search                                   nothing: a client's `tag` is made with it

A subject's key is found by its tag, HMAC-SHA256(search key, subject's id). Its `id`, the *handle* by which entries
name the client, is the beginning of HMAC-SHA256(data key, holder ‖ 0x00 ‖ subject's id): it binds the entry to the
client for whoever is shown the key, and says nothing to anybody once the key is gone.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Index,
    MetaData,
    Row,
    String,
    Table,
    delete,
    event,
    func,
    inspect,
    select,
)
from sqlalchemy import update as update_rows

from audit.errors import KeysUnavailable, mapped, vendor_errors
from audit.handles import Handles
from audit.schema import Octets, plain, run, sqlite_pragmas
from audit.wrapping import WrappingKey

__all__ = ["DATA_KEYS", "HANDLE", "DataKey", "KeyStore", "Use", "handle_id", "handle_text", "wrapped_by"]

Use = Literal["record", "content", "disclosure", "search"]

HANDLE = 24  # bytes
_METADATA = MetaData()
DATA_KEYS = Table(
    "accordant_data_keys",
    _METADATA,
    Column("id", Octets(HANDLE), primary_key=True),
    Column("use", String(16), nullable=False),
    Column("holder", String(300), nullable=False),
    Column("period", String(7), nullable=False),
    Column("tag", Octets, nullable=False),  # empty: the key is no subject's
    Column("kek", String(16), nullable=False),
    Column("wrapped", Octets, nullable=False),  # the key, and behind it the subject's id
    Index("accordant_data_keys_of", "tag", "use", "holder", "period", unique=True),
    sqlite_with_rowid=False,
)
_COLUMNS = ("id", "use", "holder", "period", "tag", "kek", "wrapped")
# Keys that another process made meanwhile are left as they are.
_NEW = "INSERT INTO accordant_data_keys (id, use, holder, period, tag, kek, wrapped) VALUES (?, ?, ?, ?, ?, ?, ?) "
_NEW += "ON CONFLICT DO NOTHING"
_FILED = "SELECT id, tag FROM accordant_data_keys WHERE use = ? AND holder = ? AND period = '' AND tag IN "
_SECRET = 32
_SOME = 500
_IN_MEMORY = 20_000  # opened keys


def _with_room(connection: Any, _record: object) -> None:
    """Keys lie all over the index: 32 MB of it are kept in memory."""
    connection.execute("PRAGMA cache_size=-32000")


def wrapped_by(engine: Engine) -> dict[str, int]:
    """How many keys of a store each wrapping key wrapped, by its id; nothing is opened. Raises LogUnavailable."""
    found = select(DATA_KEYS.c.kek, func.count()).group_by(DATA_KEYS.c.kek)
    with mapped(engine, "being looked at"), engine.connect() as connection:
        return {str(kek): int(number) for kek, number in connection.execute(found)}


def handle_text(identity: bytes) -> str:
    """A key's id as it stands in bodies: base64url (RFC 4648 §5), 32 characters."""
    return urlsafe_b64encode(identity).decode()


def handle_id(text: str) -> bytes:
    """The id that stands in a body. Raises ValueError."""
    return urlsafe_b64decode(text.encode())


@dataclass(frozen=True, slots=True)
class DataKey:
    """An opened key. `subject` is the client's own id, None for a party's key."""

    id: bytes
    use: str
    holder: str
    period: str
    secret: bytes
    subject: str | None = None


def _identity(row: Any) -> bytes:
    """What a wrapped key is bound to."""
    return b"\x00".join((row["id"], row["use"].encode(), row["holder"].encode(), row["period"].encode(), row["tag"]))


def _handle(secret: bytes, holder: str, subject: str) -> bytes:
    return hmac.digest(secret, holder.encode() + b"\x00" + subject.encode(), hashlib.sha256)[:HANDLE]


class KeyStore:
    """Data keys by what they are for. Safe from any thread; a key is durable once it was returned.

    Everything raises KeysUnavailable where the store does not answer or a key does not open.
    """

    def __init__(self, engine: Engine, wrapping: WrappingKey, *, older: Sequence[WrappingKey] = ()) -> None:
        self.engine = engine
        self._wrapping = wrapping
        self._older = {key.id: key for key in older}
        self._vendor = vendor_errors(engine)
        self._new = plain(engine, _NEW)
        self._lock = threading.Lock()
        self._parties: dict[tuple[str, str, str], DataKey] = {}
        self._handles = Handles()
        self._opened: dict[bytes, DataKey] = {}
        self._forgotten = 0
        if engine.dialect.name == "sqlite":
            sqlite_pragmas(engine)
            event.listen(engine, "connect", _with_room)
        with self._begin() as connection:
            there = inspect(connection).has_table(DATA_KEYS.name)
        if not there:
            with self._begin(write=True) as connection:
                _METADATA.create_all(connection)
        self._search = self._of_party("search", "", "").secret

    def close(self) -> None:
        """Lets go of the database."""
        self.forget()
        self.engine.dispose()

    def of_party(self, use: Use, party: str, period: str = "") -> DataKey:
        """A party's key, made where there is none; a period is a month, `2026-11`."""
        return self._of_party(use, party, period)

    def handles(self, use: Use, holder: str, subjects: Sequence[str]) -> list[str]:
        """The handles of a holder's clients as they stand in bodies, in order; keys are made where there are none."""
        return self._handles.of((use, holder), subjects, lambda missing: self._ensured(use, holder, missing))

    def of_subjects(self, use: Use, holder: str, subjects: Sequence[str]) -> dict[str, DataKey]:
        """Keys of a holder's clients, made where there are none."""
        handles = self._ensured(use, holder, list(dict.fromkeys(subjects)))
        found = self.by_id([handle_id(handle) for handle in handles.values()])
        if len(found) != len(handles):
            raise KeysUnavailable("a subject's data key was destroyed just now")
        return {subject: found[handle_id(handle)] for subject, handle in handles.items()}

    def naming(self, subject: str, *, holder: str | None = None) -> list[DataKey]:
        """Every key that there is of a client, of any holder unless one is given; none is made."""
        query = select(DATA_KEYS).where(DATA_KEYS.c.tag == self._tag(subject))
        if holder is not None:
            query = query.where(DATA_KEYS.c.holder == holder)
        with self._begin() as connection:
            rows = connection.execute(query.order_by(DATA_KEYS.c.holder, DATA_KEYS.c.use)).all()
        return [self._open(row) for row in rows]

    def known(self, holder: str, subjects: Collection[str]) -> set[str]:
        """Which of these are a holder's clients that there is a key of, for whatever use; none is made."""
        tags = {self._tag(subject): subject for subject in subjects}
        return set(self._filed("content", holder, tags)) | set(self._filed("disclosure", holder, tags))

    def by_id(self, ids: Collection[bytes]) -> dict[bytes, DataKey]:
        """The keys of these ids that are there."""
        with self._lock:
            times, found = self._forgotten, {i: self._opened[i] for i in ids if i in self._opened}
        missing = [i for i in dict.fromkeys(ids) if i not in found]
        for start in range(0, len(missing), _SOME):
            with self._begin() as connection:
                rows = connection.execute(
                    select(DATA_KEYS).where(DATA_KEYS.c.id.in_(missing[start : start + _SOME]))
                ).all()
            opened = {row.id: self._open(row) for row in rows}
            found |= opened
            with self._lock:
                if len(self._opened) + len(opened) > _IN_MEMORY:
                    self._opened.clear()
                if self._forgotten == times:  # what was looked up before is not kept behind it
                    self._opened |= opened
        return found

    def present(self, ids: Iterable[bytes]) -> list[bytes]:
        """Those of the ids that are there; nothing is opened."""
        wanted, found = list(dict.fromkeys(ids)), list[bytes]()
        with self._begin() as connection:
            for start in range(0, len(wanted), _SOME):
                some = DATA_KEYS.c.id.in_(wanted[start : start + _SOME])
                found += (bytes(i) for i in connection.scalars(select(DATA_KEYS.c.id).where(some)))
        return found

    def ids(self, *, use: Use | None = None, before: str | None = None) -> Iterator[tuple[bytes, str, str, str]]:
        """(id, use, holder, period) of every key; `before`: of parties' keys of months before this one alone."""
        query = select(DATA_KEYS.c.id, DATA_KEYS.c.use, DATA_KEYS.c.holder, DATA_KEYS.c.period)
        if use is not None:
            query = query.where(DATA_KEYS.c.use == use)
        if before is not None:
            query = query.where(DATA_KEYS.c.period != "", DATA_KEYS.c.period < before)
        with self._begin() as connection:
            for row in connection.execution_options(yield_per=5000).execute(query.order_by(DATA_KEYS.c.id)):
                yield bytes(row.id), row.use, row.holder, row.period

    def check(self) -> Iterator[tuple[str, str]]:
        """Looks at every key: pairs of its handle and what is wrong with it."""
        with self._begin() as connection:
            for row in connection.execution_options(yield_per=1000).execute(select(DATA_KEYS)):
                try:
                    self._open(row)
                except KeysUnavailable as error:
                    yield handle_text(row.id), str(error)

    def destroy(self, ids: Iterable[bytes]) -> int:
        """Deletes keys, and what they encrypt is forgotten; how many there were. Twice does no harm."""
        wanted, gone = list(ids), 0
        for start in range(0, len(wanted), _SOME):
            with self._begin(write=True) as connection:
                some = DATA_KEYS.c.id.in_(wanted[start : start + _SOME])
                gone += connection.execute(delete(DATA_KEYS).where(some)).rowcount
        self.forget()
        return gone

    def forget(self) -> None:
        """Drops whatever is in memory: another process has destroyed keys."""
        with self._lock:
            self._forgotten += 1
            self._parties, self._opened = {}, {}
        self._handles.forget()

    def rewrap(self, *, progress: Callable[[int], None] | None = None) -> int:
        """Wraps every key that an older wrapping key wrapped with the present one; how many there were."""
        done = 0
        while True:
            with self._begin(write=True) as connection:
                rows = connection.execute(
                    select(DATA_KEYS).where(DATA_KEYS.c.kek != self._wrapping.id).limit(_SOME)
                ).all()
                for row in rows:
                    values = {"kek": self._wrapping.id, "wrapped": self._wrapped(row._mapping, self._unwrapped(row))}
                    connection.execute(update_rows(DATA_KEYS).where(DATA_KEYS.c.id == row.id).values(values))
            done += len(rows)
            if progress is not None:
                progress(done)
            if len(rows) < _SOME:
                return done

    def _tag(self, subject: str) -> bytes:
        return hmac.digest(self._search, subject.encode(), hashlib.sha256)

    def _wrapped(self, row: Any, plain: bytes) -> bytes:
        return self._wrapping.wrap(plain, _identity(row))

    def _unwrapped(self, row: Row[Any]) -> bytes:
        key = self._wrapping if row.kek == self._wrapping.id else self._older.get(row.kek)
        if key is None:
            raise KeysUnavailable(f"a data key is wrapped by the wrapping key `{row.kek}`, which is not at hand")
        try:
            return key.unwrap(row.wrapped, _identity(row._mapping))
        except (AttributeError, TypeError, UnicodeEncodeError) as error:  # SQLite keeps anything anywhere
            raise KeysUnavailable("a row of the key store is no key") from error

    def _open(self, row: Row[Any]) -> DataKey:
        plain = self._unwrapped(row)
        secret, subject = plain[:_SECRET], plain[_SECRET:].decode(errors="replace")
        if not row.tag and not subject:
            return DataKey(row.id, row.use, row.holder, row.period, secret)
        if _handle(secret, row.holder, subject) != row.id or self._tag(subject) != row.tag:
            raise KeysUnavailable("a data key does not belong to the subject that it is filed under")
        return DataKey(row.id, row.use, row.holder, row.period, secret, subject)

    def _of_party(self, use: str, party: str, period: str) -> DataKey:
        wanted = (use, party, period)
        found = self._parties.get(wanted)
        if found is not None:
            return found
        query = select(DATA_KEYS).where(
            DATA_KEYS.c.use == use, DATA_KEYS.c.holder == party, DATA_KEYS.c.period == period, DATA_KEYS.c.tag == b""
        )
        with self._begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            made = {"id": secrets.token_bytes(HANDLE), "use": use, "holder": party, "period": period, "tag": b""}
            made |= {"kek": self._wrapping.id, "wrapped": self._wrapped(made, secrets.token_bytes(_SECRET))}
            with self._begin(write=True) as connection:
                self._write(connection, [made])
            with self._begin() as connection:  # another process may have been quicker
                row = connection.execute(query).one()
        key = self._open(row)
        with self._lock:
            self._parties[wanted] = key
        return key

    def _ensured(self, use: str, holder: str, subjects: Sequence[str]) -> dict[str, str]:
        """The handle of each, which is durable then."""
        tags = {self._tag(subject): subject for subject in subjects}
        few = dict(islice(tags.items(), _SOME))
        found = self._filed(use, holder, few)
        if found and len(tags) > len(few):  # where none of the first is there, the insertion finds out about the rest
            found |= self._filed(use, holder, {tag: s for tag, s in tags.items() if tag not in few})
        new = [self._made(use, holder, subject, tag) for tag, subject in tags.items() if subject not in found]
        if new:
            with self._begin(write=True) as connection:
                alone = self._write(connection, new) == len(new)
            made = {tags[row["tag"]]: handle_text(row["id"]) for row in new}
            # Where another process was quicker with some, its keys count.
            found |= made if alone else self._filed(use, holder, {row["tag"]: tags[row["tag"]] for row in new})
        return found

    def _write(self, connection: Connection, rows: list[dict[str, Any]]) -> int:
        """Inserts those that are not there; how many these were. In order, which spares the index."""
        rows.sort(key=itemgetter("id"))
        return int(run(connection, self._new, [tuple(row[name] for name in _COLUMNS) for row in rows]).rowcount)

    def _filed(self, use: str, holder: str, tags: dict[bytes, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        wanted = list(tags)
        with self._begin() as connection:
            for start in range(0, len(wanted), _SOME):
                some = wanted[start : start + _SOME]
                query = plain(connection, f"{_FILED}({', '.join('?' * len(some))})")
                for identity, tag in connection.exec_driver_sql(query, (use, holder, *some)):
                    found[tags[bytes(tag)]] = handle_text(bytes(identity))
        return found

    def _made(self, use: str, holder: str, subject: str, tag: bytes) -> dict[str, Any]:
        secret = secrets.token_bytes(_SECRET)
        identity = _handle(secret, holder, subject)
        row = {"id": identity, "use": use, "holder": holder, "period": "", "tag": tag, "kek": self._wrapping.id}
        row["wrapped"] = self._wrapped(row, secret + subject.encode())
        return row

    def _begin(self, *, write: bool = False) -> _Transaction:
        return _Transaction(self, "IMMEDIATE" if write else "DEFERRED")


class _Transaction:
    """A transaction of the store, whose errors are the store's."""

    def __init__(self, store: KeyStore, mode: str) -> None:
        self._store, self._mode = store, mode

    def __enter__(self) -> Connection:
        try:
            self._connection = self._store.engine.connect().execution_options(sqlite_begin=self._mode)
            self._began = self._connection.begin()
        except self._store._vendor as error:
            raise KeysUnavailable(f"the key store does not answer ({type(error).__name__})") from error
        return self._connection

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        try:
            if error is None:
                self._began.commit()
            else:
                self._began.rollback()
        except self._store._vendor as failure:
            raise KeysUnavailable(f"the key store does not answer ({type(failure).__name__})") from failure
        finally:
            self._connection.close()
        if isinstance(error, self._store._vendor):
            raise KeysUnavailable(f"the key store does not answer ({type(error).__name__})") from error
