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

from audit.canonical import parse
from audit.entry import Entry, Term, filing, terms
from audit.errors import NotCanonical
from audit.leaf import KIND, from_text
from audit.raw import BETWEEN, Words
from audit.tiles import WIDTH

__all__ = ["LEVEL", "SPAN", "Look", "Piece", "Reader", "Task"]

LEVEL = 10  # a piece is a full subtree of this level, wherever it can be
SPAN = 1 << LEVEL

_KIND_AT = len('{"body":"","kind":"') + 64
_PREV_AT = len('","prev":"')
_TIME = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z")
_HEX = re.compile(rb"[0-9a-f]{64}")
_FILING = b'"filing":'
_READERS = b'"readers":['
_SUBJECTS = b'"subjects":{'
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


class _NotWhole(Exception):
    """Something is wrong; what, is for the exact way to say."""


@dataclass(slots=True)
class Reader:
    """Reads one piece after another; remembers what words bodies are filed under. For one thread."""

    look: Look | None = None
    kinds: frozenset[str] | None = None  # whose bodies are looked into; None: every kind's
    _known: dict[tuple[bytes, bytes, bool], _Joined | None] = field(default_factory=dict)
    _kinds: set[bytes] = field(default_factory=set)
    _wanted: set[bytes] = field(default_factory=set)
    _days: set[bytes] = field(default_factory=set)

    def read(
        self,
        task: Task,
        rows: Iterable[tuple[int, Any, Any, Any]],
        words: Iterator[Words],
        kept: dict[int, tuple[bytes, bytes]],
    ) -> Piece:
        """The piece. `kept`: root and hashes of tiles of the lowest level that are kept, by number."""
        try:
            return self._read(task, rows, words, kept)
        except (_NotWhole, NotCanonical, TypeError):  # a TypeError: nothing, or text, where bytes belong
            return Piece(task.first, task.behind)

    def _read(
        self,
        task: Task,
        rows: Iterable[tuple[int, Any, Any, Any]],
        words: Iterator[Words],
        kept: dict[int, tuple[bytes, bytes]],
    ) -> Piece:
        sha256, wanted = hashlib.sha256, self._wanted
        seq, filed = task.first, task.filed
        prev = last = before = begun = digest = b""
        hashes: list[bytes] = []
        notes: list[tuple[int, Any]] = []
        for number, leaf, salt, body in rows:
            content = sha256(salt + body).hexdigest().encode()
            end = leaf.find(b'"', _KIND_AT)
            kind, time = leaf[_KIND_AT:end], leaf[-35:-8]
            if not last:
                last = prev = _link(leaf[end + _PREV_AT : end + _PREV_AT + 64])
                begun = time
            made = b'{"body":"%b","kind":"%b","prev":"%b","seq":%d,"time":"%b","v":1}'
            if number != seq or leaf != made % (content, kind, last, seq, time):
                raise _NotWhole
            if kind not in self._kinds:
                self._new_kind(kind)
            if time != before:
                before = self._timed(time, before)
            digest = sha256(b"\x00" + leaf).digest()
            last = digest.hex().encode()
            hashes.append(digest)
            if seq < filed:
                word = next(words, None)
                if word is None or word[0] != seq or word[1:] != self._filed(kind, body):
                    raise _NotWhole
            if kind in wanted:
                value, instant = parse(body), from_text(time.decode())
                entry = Entry(seq, kind.decode(), instant, leaf, digest, salt, value, body, filing(value)[0])
                notes.append((seq, self.look(entry)))  # type: ignore[misc] # nothing is wanted without a look
            seq += 1
        if not hashes:
            return Piece(task.first, task.behind, empty=True)
        if task.doubted or seq != task.behind or (task.first < filed and next(words, None) is not None):
            raise _NotWhole
        tiles, differing, root = _tiles(task.first, hashes, kept)
        whole_span = root is not None and not task.leaves
        return Piece(
            task.first, task.behind, whole=True, prev=bytes.fromhex(prev.decode()), begun=begun.decode(), last=digest,
            ended=before.decode(), root=root if whole_span else None, hashes=b"" if whole_span else b"".join(hashes),
            tiles=tiles, differing=differing, notes=tuple(note for note in notes if note[1] is not None),
        )  # fmt: skip

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


def _link(prev: bytes) -> bytes:
    if _HEX.fullmatch(prev) is None:
        raise _NotWhole
    return prev


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
