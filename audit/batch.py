"""A batch of submissions: what one transaction writes, and what it will tell whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

from audit.entry import ERASURE, Entry, Prepared
from audit.errors import ForgottenMeanwhile
from audit.head import Head
from audit.leaf import to_text, written
from audit.merkle import leaf_hash

__all__ = ["Batch", "Clock", "Submission", "Within"]

Within = Callable[[Connection, Sequence[Entry]], None]


class Clock(Protocol):
    """What entries are dated by."""

    def now(self) -> dt.datetime:
        """The instant, with its offset. May step back: the log's time does not."""
        ...


@dataclass(slots=True, eq=False)
class Submission:
    """What one caller hands in, and where it waits for the answer."""

    drafts: tuple[Prepared, ...]
    within: Within | None
    future: Future[tuple[Entry, ...]] = field(default_factory=Future)

    @property
    def size(self) -> int:
        """Bytes of its bodies."""
        return sum(len(draft.body_bytes) for draft in self.drafts)


@dataclass(slots=True)
class Batch:
    """What one transaction writes, and what it will tell whom."""

    head: Head
    time: dt.datetime
    erasure: int = -1  # the newest erasure before the next entry
    entries: list[tuple[Prepared, Entry]] = field(default_factory=list)
    done: list[tuple[Submission, tuple[Entry, ...]]] = field(default_factory=list)
    failed: list[tuple[Submission, BaseException]] = field(default_factory=list)

    def offer(self, submission: Submission, now: dt.datetime, within: Callable[..., BaseException | None]) -> None:
        """Takes it in where nothing stands against it: neither an erasure since it was prepared, nor its `within`."""
        if any(draft.since is not None and draft.since < self.erasure for draft in submission.drafts):
            self.failed.append((submission, ForgottenMeanwhile("a client was forgotten meanwhile; say it again")))
            return
        entries = self.placed(submission.drafts, now)
        failure = None if submission.within is None else within(submission.within, entries)
        if failure is None:
            self.take(submission, entries)
        else:
            self.failed.append((submission, failure))

    def placed(self, drafts: Sequence[Prepared], now: dt.datetime) -> tuple[Entry, ...]:
        """The drafts as the next entries; nothing is taken yet."""
        time = max(self.time, now.astimezone(dt.UTC))
        seq = self.head.size + len(self.entries)
        prev = self.entries[-1][1].leaf_hash if self.entries else self.head.last
        said, placed = to_text(time), []
        for number, draft in enumerate(drafts, seq):
            kind, salt, body, data, digest, readers = draft[:6]
            leaf = written(number, kind, said, prev, digest)
            prev = leaf_hash(leaf)
            placed.append(Entry(number, kind, time, leaf, prev, salt, body, data, readers))
        return tuple(placed)

    def take(self, submission: Submission, entries: tuple[Entry, ...]) -> None:
        """They are part of it from now on."""
        self.entries.extend(zip(submission.drafts, entries, strict=True))
        self.done.append((submission, entries))
        if entries:
            self.time = entries[-1].time
        self.erasure = max([self.erasure, *(e.seq for e in entries if e.kind == ERASURE)])
