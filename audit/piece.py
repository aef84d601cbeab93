"""A piece of the log, by itself: what can be said of some entries without those before them.

Where everything in it holds (each leaf is the one that its number, the leaf before and the body's hash make; its time
is not before the one before; the search's words are those that the body is filed under), a piece is no more than what
its neighbours need: the link that it hangs on, its times, its last hash, its hashes for the tree. Where anything at all
does not hold, a piece is not whole, and the caller goes through it again, entry by entry, to say what (`audit.verify`).
So a piece never names a fault, and the fast way can't disagree with the exact one.

A leaf is not taken apart: it is written again from what it must say, and compared. What a body is filed under is cut
out of its bytes, unless it could stand elsewhere too; any body that somebody looks into is read whole, and must be in
its canonical form.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from audit.canonical import parse
from audit.entry import Entry, Term, filing, terms
from audit.erasure import ERASURE
from audit.errors import KeysUnavailable, NotCanonical, Tampered
from audit.forgotten import Forgotten, Gone
from audit.leaf import KIND, from_text
from audit.raw import BETWEEN, Words
from audit.report import Faults
from audit.sealing import SALT, Lost, Sealing
from audit.tiles import WIDTH

__all__ = ["GONE", "LEVEL", "SPAN", "Look", "Piece", "Reader", "Task"]

LEVEL = 10  # a piece is a full subtree of this level, wherever it can be
SPAN = 1 << LEVEL

GONE = -1  # an entry's `erased`, where it is not known yet under which
NOTHING_GONE = Gone()

_BODY_AT = len('{"body":"')
_KIND_AT = len('{"body":"","kind":"') + 64
_PREV_AT = len('","prev":"')
_TIME = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z")
_HEX = re.compile(rb"[0-9a-f]{64}")
_FILING = b'"filing":'
_READERS = b'"readers":['
_SUBJECTS = b'"subjects":{'
_PARTS = b'"parts":['
_ERASURE = ERASURE.encode()
_MOST_KNOWN = 20_000

_Joined = tuple[int, str, str]
Look = Callable[[Entry], Any]


@dataclass(frozen=True, slots=True)
class Task:
    """Entries `first` to `behind - 1`. `filed`: searches know all entries below it. `leaves`: hand back every hash."""

    first: int
    behind: int
    filed: int
    leaves: bool = False
    doubted: bool = False  # whether the search's words are known to be odd here


@dataclass(frozen=True, slots=True)
class Piece:
    """What follows from a task's entries. Only `first`, `behind` and `empty` say anything where it is not `whole`."""

    first: int
    behind: int
    whole: bool = False
    empty: bool = False  # there is no entry at all
    prev: bytes = b""  # what the first leaf says of the one before it
    begun: str = ""  # its time
    last: bytes = b""  # the last leaf's hash
    ended: str = ""  # its time
    root: bytes | None = None  # over all leaves, where they are SPAN, at their place in the tree
    hashes: bytes = b""  # else each leaf's
    tiles: bytes = b""  # the root of each full tile of the lowest level
    differing: tuple[int, ...] = ()  # tiles that are kept, and are not what the leaves make
    notes: tuple[tuple[int, Any], ...] = ()  # what the caller's look saw
    gone: Gone = NOTHING_GONE  # what it says of forgetting


class _NotWhole(Exception):
    """Something is wrong; what, is for the exact way to say."""


@dataclass(slots=True)
class Reader:
    """Reads one piece after another; remembers what words bodies are filed under. For one thread."""

    sealing: Sealing
    look: Look | None = None
    kinds: frozenset[str] | None = None  # whose bodies are looked into; None: every kind's
    _known: dict[tuple[bytes, bytes, bool], _Joined | None] = field(default_factory=dict)
    _kinds: set[bytes] = field(default_factory=set)
    _wanted: set[bytes] = field(default_factory=set)
    _days: set[bytes] = field(default_factory=set)
    _present: set[str] = field(default_factory=set)  # handles whose keys are known to be there

    def read(
        self,
        task: Task,
        connection: Connection,
        rows: Iterable[tuple[int, Any, Any, Any]],
        words: Iterator[Words],
        kept: dict[int, tuple[bytes, bytes]],
    ) -> Piece:
        """The piece. `kept`: root and hashes of tiles of the lowest level that are kept, by number."""
        forgotten = Forgotten(self.sealing, Faults(), known=self._present)
        try:
            return self._read(task, connection, rows, _Filed(words, task.filed), kept, forgotten)
        except (_NotWhole, NotCanonical, Tampered, KeysUnavailable, TypeError):  # a TypeError: text instead of bytes
            return Piece(task.first, task.behind)

    def _read(
        self,
        task: Task,
        connection: Connection,
        rows: Iterable[tuple[int, Any, Any, Any]],
        words: _Filed,
        kept: dict[int, tuple[bytes, bytes]],
        forgotten: Forgotten,
    ) -> Piece:
        sha256, wanted = hashlib.sha256, self._wanted
        seq = task.first
        prev = last = before = begun = digest = b""
        hashes: list[bytes] = []
        notes: list[tuple[int, Any]] = []
        for number, leaf, ids, sealed in rows:
            digest = sha256(b"\x00" + leaf).digest()
            plain = self._opened(seq, digest, ids, sealed, forgotten)
            said = _hex(leaf[_BODY_AT : _KIND_AT - 10]) if plain is None else sha256(plain).hexdigest().encode()
            end = leaf.find(b'"', _KIND_AT)
            kind, time = leaf[_KIND_AT:end], leaf[-35:-8]
            if not last:
                last = prev = _hex(leaf[end + _PREV_AT : end + _PREV_AT + 64])
                begun = time
            made = b'{"body":"%b","kind":"%b","prev":"%b","seq":%d,"time":"%b","v":1}'
            if number != seq or leaf != made % (said, kind, last, seq, time):
                raise _NotWhole
            if kind not in self._kinds:
                self._new_kind(kind)
            if time != before:
                before = self._timed(time, before)
            last = digest.hex().encode()
            hashes.append(digest)
            if plain is None:
                words.pass_over(seq)
            elif seq < task.filed and words.of(seq) != self._filed(kind, plain[SALT:]):
                raise _NotWhole
            if kind in wanted or plain is None or kind == _ERASURE or self._tells(plain):
                seen = self._looked(_entry(seq, kind, time, leaf, digest, plain), connection, forgotten)
                if seen is not None:
                    notes.append((seq, seen))
            seq += 1
        if not hashes:
            return Piece(task.first, task.behind, empty=True)
        if task.doubted or seq != task.behind or words.left() or forgotten.faults.count:
            raise _NotWhole
        tiles, differing, root = _tiles(task.first, hashes, kept)
        whole_span = root is not None and not task.leaves
        return Piece(
            task.first, task.behind, whole=True, prev=bytes.fromhex(prev.decode()), begun=begun.decode(), last=digest,
            ended=before.decode(), root=root if whole_span else None, hashes=b"" if whole_span else b"".join(hashes),
            tiles=tiles, differing=differing, notes=tuple(notes),
            gone=forgotten.found(),
        )  # fmt: skip

    def _tells(self, plain: bytes) -> bool:
        """Whether a content tells of single subjects, and of others than those whose keys are known to be there."""
        at = plain.find(_SUBJECTS, SALT)
        if at < 0:
            return plain.find(_PARTS, SALT) >= 0
        try:
            held = json.loads(plain[at + len(_SUBJECTS) - 1 : plain.find(b"}", at) + 1])
            known = all(self._present.issuperset(handles) for handles in held.values())
        except (ValueError, TypeError, RecursionError):
            return True
        return not known or plain.find(_SUBJECTS, at + 1) >= 0 or plain.find(_PARTS, SALT) >= 0

    def _looked(self, entry: Entry, connection: Connection, forgotten: Forgotten) -> Any:
        """What it says of forgetting; and what the caller's look sees, None where it does not look."""
        parts = () if entry.erased is not None else forgotten.look(connection, entry)
        if self.look is None or entry.kind.encode() not in self._wanted:
            return None
        return self.look(entry._replace(parts=parts) if parts else entry)

    def _opened(self, seq: int, digest: bytes, ids: Any, sealed: Any, forgotten: Forgotten) -> bytes | None:
        """Salt and body; None where they are gone."""
        if ids is None or sealed is None:
            forgotten.missing(seq)
            return None
        try:
            return self.sealing.open(seq, ids, sealed, seq.to_bytes(8, "big") + digest)
        except Lost as lost:
            forgotten.lost(seq, lost.keys)
            return None

    def _new_kind(self, kind: bytes) -> None:
        if KIND.fullmatch(kind.decode("ascii", "replace")) is None:
            raise _NotWhole
        if len(self._kinds) < _MOST_KNOWN:
            self._kinds.add(kind)
        if self.look is not None and (self.kinds is None or kind.decode() in self.kinds):
            self._wanted.add(kind)

    def _timed(self, time: bytes, before: bytes) -> bytes:
        """That it is a time, in its form and of a day that there is, and none before the one before."""
        if time < before or _TIME.fullmatch(time) is None:
            raise _NotWhole
        day = time[:10]
        if day in self._days:
            return time
        try:
            dt.date.fromisoformat(day.decode())
        except ValueError:
            raise _NotWhole from None
        if len(self._days) < _MOST_KNOWN:
            self._days.add(day)
        return time

    def _filed(self, kind: bytes, body: bytes) -> _Joined | None:
        """The words that searches should find an entry by, from its body's bytes."""
        at, subjects = body.find(_FILING), body.find(_SUBJECTS)
        close = body.find(b"]}", body.find(_READERS, at)) + 2
        holds = subjects >= 0
        if (
            at < 0
            or close < 2
            or body.find(_FILING, at + 1) >= 0
            or not _outermost(body, at)
            or (holds and (body.find(_SUBJECTS, subjects + 1) >= 0 or not _outermost(body, subjects)))
        ):
            return _joined(terms(kind.decode(), parse(body)))
        key = (kind, body[at:close], holds)
        if key not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key] = _of_filing(kind, key[1], holds)
        found = self._known[key]
        return _joined(terms(kind.decode(), parse(body))) if found is None else found


def _hex(digest: bytes) -> bytes:
    if _HEX.fullmatch(digest) is None:
        raise _NotWhole
    return digest


def _entry(seq: int, kind: bytes, time: bytes, leaf: bytes, digest: bytes, plain: bytes | None) -> Entry:
    """The entry; one without content where that is gone."""
    instant = from_text(time.decode())
    if plain is None:
        return Entry(seq, kind.decode(), instant, leaf, digest, b"", {}, b"", (), GONE)
    value = parse(plain[SALT:])
    return Entry(seq, kind.decode(), instant, leaf, digest, plain[:SALT], value, plain[SALT:], filing(value)[0])


class _Filed:
    """What searches know, entry by entry. Content that is gone is filed as it was; nobody can hold it against that."""

    def __init__(self, words: Iterator[Words], filed: int) -> None:
        self._words, self._filed = words, filed
        self._next: Words | None = next(words, None) if filed else None

    def of(self, seq: int) -> tuple[int, str, str] | None:
        """The words of the next entry."""
        found = self._next
        if found is None or found[0] != seq:
            raise _NotWhole
        self._next = next(self._words, None)
        return found[1:]

    def pass_over(self, seq: int) -> None:
        """An entry whose words can't be known."""
        if self._next is not None and self._next[0] == seq:
            self._next = next(self._words, None)

    def left(self) -> bool:
        """Whether there are words of no entry."""
        return self._next is not None


def _outermost(body: bytes, at: int) -> bool:
    """Whether a key is the body's own: it stands within one brace."""
    return body.count(b"{", 0, at) - body.count(b"}", 0, at) == 1


def _of_filing(kind: bytes, cut: bytes, holds: bool) -> _Joined | None:
    """The words from the bytes that were cut out; None where they were not cut right."""
    try:
        body = json.loads(b"{" + cut + b"}")
    except (ValueError, RecursionError):
        return None
    return _joined(terms(kind.decode(), body | ({"subjects": {}} if holds else {})))


def _joined(found: tuple[Term, ...]) -> _Joined | None:
    """As `audit.raw.words` has them; None, like no words of any entry, where they hold the separator."""
    if any(BETWEEN in word for term in found for word in term):
        return None
    return len(found), BETWEEN.join(key for key, _ in found), BETWEEN.join(value for _, value in found)


def _tiles(
    first: int, hashes: list[bytes], kept: dict[int, tuple[bytes, bytes]]
) -> tuple[bytes, tuple[int, ...], bytes | None]:
    """The roots of the full tiles in these leaves, those kept that differ, and the root where they are a full span."""
    sha256 = hashlib.sha256
    skipped = -first % WIDTH
    row = hashes[skipped : skipped + (len(hashes) - skipped) // WIDTH * WIDTH] if len(hashes) > skipped else []
    full = range((first + skipped) // WIDTH, (first + skipped + len(row)) // WIDTH)
    joined = {n: b"".join(row[i * WIDTH : (i + 1) * WIDTH]) for i, n in enumerate(full) if n in kept}
    for _ in range(WIDTH.bit_length() - 1):
        pairs = iter(row)
        row = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    roots = dict(zip(full, row, strict=True))
    differing = tuple(n for n, own in joined.items() if kept[n] != (roots[n], own))
    tiles = b"".join(row)
    if len(hashes) != SPAN or first % SPAN:
        return tiles, differing, None
    while len(row) > 1:
        pairs = iter(row)
        row = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return tiles, differing, row[0]
