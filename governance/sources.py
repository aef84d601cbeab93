"""Sources: whose rows are read from where. Mappings and loads are entries of the log; nothing else says what counts.

A source belongs to the party whose key enrolled it, and answers for that party's rows alone. The address of a live
database may hold a password: it is kept encrypted under a key outside the database (Fernet), and never logged.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from audit import Draft, Tampered
from governance.disclosure.aggregate import Together, in_turn
from governance.disclosure.query import GovernedQuery, SourceQuery
from governance.enrolled import KINDS, Enrolled, Loaded, enrolled_by
from governance.errors import Conflict, InputWrong, NotFound, Refused, SourceUnavailable
from governance.model.mou import Dataset, Mou
from governance.ports import Journal, Source, SourceGroup

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Cipher", "MappingRead", "SourceBook", "SourceKinds", "file_sha256"]

# For so many sets of sources it is kept how they are asked together: each set has an engine of its own.
_MOST_GROUPED = 8
# How long, in seconds, rows that were replaced lie on for requests that had begun, and a load may take.
_STILL_READ = 120.0
_BROKEN_OFF = 3600.0


@dataclass(frozen=True, slots=True)
class MappingRead:
    """A mapping file that was read: what the use case looks at, and `value` for whoever opens the source."""

    party: str
    mou: str
    dataset: str
    live: bool
    value: Any


class SourceKinds(Protocol):
    """Reads mappings, brings rows in, opens sources; the edge knows how."""

    def read(self, data: bytes) -> MappingRead:
        """Raises DocumentWrong with every fault."""
        ...

    def load(
        self, read: MappingRead, dataset: Dataset, content: bytes | memoryview, *, media_type: str, target: Path
    ) -> Loaded:
        """All rows or none, durable in `target` once it returns. Raises DocumentWrong with a fault a row."""
        ...

    def open(self, read: MappingRead, dataset: Dataset, *, files: Sequence[Path], url: str | None) -> Source:
        """Raises SourceUnavailable, or InputWrong where the mapping does not fit what is there."""
        ...

    def holds(self, read: MappingRead, dataset: Dataset, file: Path, subject: str) -> bool:
        """Whether a client stands in loaded rows. Raises SourceUnavailable."""
        ...

    def together(self, sources: Sequence[Source]) -> Sequence[SourceGroup]:
        """Groups of sources that can be asked in one go. Who stands in none is asked alone.

        Raises SourceUnavailable.
        """
        ...


class Cipher(Protocol):
    """Encrypts what must not lie in the log in the clear."""

    def encrypt(self, data: bytes) -> bytes:
        """A token."""
        ...

    def decrypt(self, token: bytes) -> bytes:
        """What was encrypted."""
        ...


class SourceBook:
    """All sources. Safe from any thread."""

    def __init__(
        self,
        *,
        journal: Journal,
        kinds: SourceKinds,
        cipher: Cipher,
        data: Path,
        document: Callable[[str], Mou],
    ) -> None:
        self._journal, self._kinds, self._cipher, self._data, self._document = journal, kinds, cipher, data, document
        self._lock = threading.Lock()
        self._seq = -1
        self._enrolled: dict[tuple[str, str], Enrolled] = {}
        self._superseded: dict[str, float] = {}  # files of rows that were loaded once, and since when not any more
        self._loading: dict[tuple[str, str], threading.Lock] = {}
        self._open: dict[tuple[str, str], tuple[Enrolled, Source, tuple[int, int, int] | None]] = {}
        self._groups: dict[tuple[Source, ...], Sequence[SourceGroup]] = {}

    def enrolled(self, party: str | None = None) -> tuple[Enrolled, ...]:
        """The sources, of one party or of all."""
        self._refresh()
        with self._lock:
            return tuple(e for e in self._enrolled.values() if party in (None, e.party))

    def enrol(self, *, party: str, mapping: bytes, url: str | None) -> Enrolled:
        """Registers a mapping for the caller's party; a live one is tried first."""
        read = self._kinds.read(mapping)
        dataset = self._dataset(read, party)
        if read.live != (url is not None):
            wanted = "needs the database's address" if read.live else "reads files and takes no address"
            raise InputWrong(f"this mapping {wanted}", reason="mapping-address", field="url")
        credentials = None
        if url is not None:
            _let_go(self._kinds.open(read, dataset, files=(), url=url))
            credentials = self._cipher.encrypt(url.encode()).decode("ascii")
        body = {
            "party": party,
            "mou": read.mou,
            "dataset": read.dataset,
            "mapping": mapping.decode("utf-8"),
            "mapping_sha256": hashlib.sha256(mapping).hexdigest(),
            "credentials": credentials,
        }
        index = {"party": party, "dataset": read.dataset, "mou": read.mou}
        self._journal.append([Draft("source", body, (party,), index)])
        return self._of(party, read.dataset)

    def load(self, *, party: str, dataset: str, content: bytes | memoryview, media_type: str) -> Enrolled:
        """Brings rows in, in place of those that were there; the entry counts, the file waits for it."""
        with self._lock:
            loading = self._loading.setdefault((party, dataset), threading.Lock())
        with loading:
            return self._loaded(party, dataset, content, media_type)

    def _loaded(self, party: str, dataset: str, content: bytes | memoryview, media_type: str) -> Enrolled:
        enrolled = self._of(party, dataset)
        mapping = enrolled.next_mapping.encode()
        read = self._kinds.read(mapping)
        if read.live:
            raise Conflict("this source is a live table; there is nothing to load", reason="source-is-live")
        folder = self._data / party / dataset
        # Each on its own: the mode of parents that `mkdir` makes is the process's.
        folder.parent.mkdir(exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True, mode=0o700)
        # Each load has a file of its own: no other load waits for it, here or at another gateway.
        name = f"{hashlib.sha256(content).hexdigest()}-{secrets.token_hex(6)}.parquet"
        loaded = self._kinds.load(
            read, self._dataset(read, party), content, media_type=media_type, target=folder / name
        )
        body = {
            "party": party,
            "dataset": dataset,
            "path": str((folder / name).relative_to(self._data)),
            "sha256": loaded.sha256,
            "rows": loaded.rows,
            "warnings": list(loaded.warnings),
        }
        index = {"party": party, "dataset": dataset}
        self._journal.append([Draft("load", body, (party,), index)])
        return self._of(party, dataset)

    def sweep(self) -> int:
        """Takes away rows in whose place others were brought in; how many files there were.

        Who was taken out of the rows must not lie on in the old ones. Requests that had opened them have some minutes
        to end. A file that no entry ever named is left, unless a load broke off in it: this log may be an older copy of
        another.
        """
        self._refresh()
        now, gone = time.monotonic(), 0
        with self._lock:
            over = [path for path, since in self._superseded.items() if now - since >= _STILL_READ]
        for name in over:
            path = self._data / name
            with suppress(OSError):  # the next sweep comes back to it
                if ".." not in path.parts and path.is_relative_to(self._data) and path.is_file():
                    path.unlink()
                    gone += 1
                with self._lock:
                    self._superseded.pop(name, None)
        for path in self._data.glob("*/*/.load-*"):
            with suppress(OSError):
                if path.stat().st_mtime < time.time() - _BROKEN_OFF:
                    path.unlink()
                    gone += 1
        return gone

    def holding(self, party: str, subject: str) -> tuple[str, ...]:
        """The datasets of which a party's loaded rows hold a client; live tables are not looked at."""
        found = []
        for enrolled in self.enrolled(party):
            if enrolled.loaded is None:
                continue
            read = self._kinds.read(enrolled.mapping_text.encode())
            file = self._data / enrolled.loaded.path
            if self._kinds.holds(read, self._dataset(read, party), file, subject):
                found.append(enrolled.dataset)
        return tuple(found)

    def fetcher(self, governed: GovernedQuery) -> Callable[[SourceQuery], Iterator[pa.RecordBatch]]:
        """What `disclosure.answer` asks the sources with. A contributor without a source contributes nothing."""
        self._refresh()
        alone = governed.contributors == (governed.party,)

        def fetch(query: SourceQuery) -> Iterator[pa.RecordBatch]:
            source = self._source(query.contributor, query.dataset)
            if source is None:
                if alone:
                    raise SourceUnavailable(
                        f"`{query.contributor}` has no source of `{query.dataset}` yet", reason="no-source"
                    )
                return iter(())
            return source.fetch(query)

        return fetch

    def close(self) -> None:
        """Lets go of every source that is open; each is opened anew where it is asked for."""
        with self._lock:
            opened, self._open = list(self._open.values()), {}
        for _, source, _ in opened:
            _let_go(source)

    def together(self, governed: GovernedQuery) -> Together:
        """As `fetcher`, for figures of several contributors: in one go where their sources can be asked so."""
        fetch = self.fetcher(governed)

        def ask(queries: Sequence[SourceQuery]) -> Iterator[tuple[str, pa.RecordBatch]]:
            left = {query.contributor: query for query in queries}
            if len(queries) > 1:
                for group in self._grouped(queries):
                    those = [query for query in left.values() if group.takes(query)]
                    if len(those) > 1:
                        yield from group.fetch(those)
                        for query in those:
                            del left[query.contributor]
            yield from in_turn(fetch)(list(left.values()))

        return ask

    def _grouped(self, queries: Sequence[SourceQuery]) -> Sequence[SourceGroup]:
        """The groups of exactly these sources: another load or mapping makes another source."""
        found = [self._source(query.contributor, query.dataset) for query in queries]
        sources = tuple(source for source in found if source is not None)
        with self._lock:
            groups = self._groups.get(sources)
        if groups is None:
            groups = self._kinds.together(sources)
            with self._lock:
                if len(self._groups) >= _MOST_GROUPED:
                    self._groups.clear()
                self._groups[sources] = groups
        return groups

    def _source(self, party: str, dataset: str) -> Source | None:
        key = (party, dataset)
        with self._lock:
            enrolled = self._enrolled.get(key)
            cached = self._open.get(key)
        if enrolled is None:
            return None
        if cached is not None and cached[0] is enrolled and cached[2] == self._mark(enrolled):
            return cached[1]
        mark = self._mark(enrolled)
        source = self._opened(enrolled)
        if source is not None:
            with self._lock:
                self._open[key] = (enrolled, source, mark)
        return source

    def _mark(self, enrolled: Enrolled) -> tuple[int, int, int] | None:
        """Which file it is, and of when: while that stays, the digest need not be made again."""
        if enrolled.loaded is None:
            return None
        try:
            found = (self._data / enrolled.loaded.path).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_ctime_ns

    def _opened(self, enrolled: Enrolled) -> Source | None:
        read = self._kinds.read(enrolled.mapping_text.encode())
        dataset = self._dataset(read, enrolled.party)
        if enrolled.credentials is not None:
            url = self._cipher.decrypt(enrolled.credentials.encode("ascii")).decode()
            return self._kinds.open(read, dataset, files=(), url=url)
        if enrolled.loaded is None:
            return None
        path = self._data / enrolled.loaded.path
        # The rows that are read are the rows that were loaded: the log has their digest.
        if file_sha256(path) != enrolled.loaded.sha256:
            raise SourceUnavailable(
                f"the rows of `{enrolled.party}` are not those that were loaded", reason="source-changed"
            )
        return self._kinds.open(read, dataset, files=(path,), url=None)

    def _dataset(self, read: MappingRead, party: str) -> Dataset:
        if read.party != party:
            raise Refused(f"the mapping is of `{read.party}`, the key of `{party}`", reason="not-the-owner")
        mou = self._document(read.mou)
        dataset = mou.datasets.get(read.dataset)
        if dataset is None:
            raise InputWrong(
                f"`{read.dataset}` is no dataset of `{read.mou}`", reason="unknown-dataset", field="dataset"
            )
        if party not in {p.id for p in mou.parties}:
            raise Refused(f"`{party}` is no party to `{read.mou}`", reason="not-a-party")
        return dataset

    def _of(self, party: str, dataset: str) -> Enrolled:
        self._refresh()
        with self._lock:
            found = self._enrolled.get((party, dataset))
        if found is None:
            raise NotFound(f"`{party}` has no mapping of `{dataset}` yet", reason="no-source", field="dataset")
        return found

    def _refresh(self) -> None:
        if self._journal.last_of(KINDS) == self._seq:
            return
        with self._lock:
            try:
                for entry in self._journal.entries(kinds=KINDS, after=self._seq):
                    self._fold(entry.kind, entry.seq, entry.body)
                    self._seq = entry.seq
            except Tampered as error:
                raise SourceUnavailable(
                    f"the record of the sources was changed: {error}", reason="log-tampered"
                ) from None

    def _fold(self, kind: str, seq: int, body: dict[str, Any]) -> None:
        key = (body["party"], body["dataset"])
        old = self._enrolled.get(key)
        made = self._enrolled[key] = enrolled_by(old, kind, seq, body)
        if made.loaded is not None:
            self._superseded.pop(made.loaded.path, None)
        if old is not None and old.loaded is not None and (made.loaded is None or made.loaded.path != old.loaded.path):
            self._superseded[old.loaded.path] = time.monotonic()


def file_sha256(path: Path) -> str:
    """The digest of loaded rows, in hex. Raises SourceUnavailable."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        raise SourceUnavailable("the rows that were loaded are not there", reason="source-file-missing") from None


def _let_go(source: Source) -> None:
    """The connections of a source that has some: none is left for the interpreter to find."""
    close = getattr(source, "close", None)
    if close is not None:
        close()
