"""An export by several processes: each takes some bundles and the contents of their entries; pieces come in order.

A piece names no fault, as in `audit.pieces`: where anything at all does not hold, or the contents are not in order,
the folder is gone through again by one process, which says what. So a report never hangs on the number of processes.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from audit.errors import LogUnavailable
from audit.export import Progress
from audit.export_bodies import Bodies
from audit.export_keys import of_keys
from audit.export_reading import BODIES, Reading
from audit.leaf import Leaf
from audit.piece import SPAN, Piece
from audit.report import Faults
from audit.tiles import WIDTH, root_of_full
from audit.walk import Walk

__all__ = ["by_several"]

_AHEAD = 3  # pieces under way for each process
_SEQ = re.compile(rb'\{"seq":(0|[1-9][0-9]{0,15}),')  # as an export writes it
_TIME = slice(-35, -8)


@dataclass(frozen=True, slots=True)
class _Task:
    """Entries `first` to `behind - 1` of a folder, and the lines that open some of them."""

    folder: Path
    size: int
    start: int
    first: int
    behind: int
    wanted: frozenset[int]
    lines: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What follows from a task, where everything in it holds."""

    piece: Piece
    roots: tuple[bytes, ...]  # of full bundles
    kept: dict[int, bytes]
    opened: int


class _NotInOrder(Exception):
    """The contents are not in the order of entries, or open none; what, is for one process to say."""


@dataclass(slots=True)
class _Lines:
    """The lines of `bodies.jsonl` by the entries that they say they open."""

    lines: Iterator[bytes]
    since: int
    _seq: int = -1
    _line: bytes | None = None
    _done: bool = field(default=False)

    def below(self, behind: int) -> tuple[bytes, ...]:
        """Those of entries before this one. Raises _NotInOrder."""
        found = []
        while not self._done:
            if self._line is None:
                self._read()
                continue
            if self._seq >= behind:
                break
            if self._seq >= self.since:
                found.append(self._line)
            self._line = None
        return tuple(found)

    def _read(self) -> None:
        line = next(self.lines, None)
        if line is None:
            self._done = True
            return
        said = _SEQ.match(line)
        seq = -1 if said is None else int(said[1])
        if seq <= self._seq:
            raise _NotInOrder
        self._line, self._seq = line, seq


def by_several(reading: Reading, *, jobs: int, progress: Progress | None) -> Reading | None:
    """The reading, gone through to its end; None where anything was found, which is not said. Raises LogUnavailable."""
    if reading.walk.faults.count or reading.start >= reading.size:
        return None
    with ExitStack() as stack:
        path = reading.folder / BODIES
        file = stack.enter_context(path.open("rb")) if path.is_file() else ()
        tasks = _tasks(reading, _Lines(iter(file), reading.start))
        processes = stack.enter_context(ProcessPoolExecutor(jobs, mp_context=get_context("spawn")))
        waiting: deque[Future[_Found | None]] = deque()
        try:
            while True:
                while len(waiting) < jobs * _AHEAD and (task := next(tasks, None)) is not None:
                    waiting.append(processes.submit(_there, task))
                if not waiting:
                    break
                found = waiting.popleft().result()
                if found is None:
                    return None
                _taken(reading, found)
                if progress is not None:
                    progress(found.piece.behind, reading.size)
        except _NotInOrder:
            return None
        except BrokenProcessPool as error:
            raise LogUnavailable("a process that was verifying came to an end") from error
        finally:
            for future in waiting:
                future.cancel()
    reading.end()
    return None if reading.walk.faults.count else reading


def _tasks(reading: Reading, lines: _Lines) -> Iterator[_Task]:
    for first in range(reading.start // SPAN * SPAN, reading.size, SPAN):
        behind = min(first + SPAN, reading.size)
        begin = max(first, reading.start)
        wanted = frozenset(n for n in reading.wanted if first <= n < behind)
        own = lines.below(behind)
        yield _Task(reading.folder, reading.size, reading.start, begin, behind, wanted, own)
    if lines.below(1 << 62):
        raise _NotInOrder


def _taken(reading: Reading, found: _Found) -> None:
    reading.walk.pass_by(found.piece)
    for root in found.roots:
        reading.above(root)
    reading.kept |= found.kept
    reading.opened += found.opened


def _there(task: _Task) -> _Found | None:
    """In a process that was started for it: by the very same steps as in one, from the middle on."""
    faults = Faults()
    walk = Walk(faults)
    walk.begin_blind(task.first)
    ends = {task.first, task.behind - 1}
    leaves = Reading(task.folder, task.size, walk, task.wanted | ends, start=task.start)
    leaves.bodies = Bodies(task.folder / BODIES, faults, since=task.start, given=task.lines)
    hashes: list[bytes] = []
    roots: list[bytes] = []
    for first in range(task.first // WIDTH * WIDTH, task.behind, WIDTH):
        own, width = leaves.bundle(first), min(WIDTH, task.size - first)
        if len(own) != width:
            return None
        hashes += own[max(task.start - first, 0) :]
        roots += [root_of_full(own)] if width == WIDTH else []
    walk.end(task.behind, None)
    leaves.bodies.end(task.behind)
    if faults.count:
        return None
    head, tail = leaves.kept[task.first], leaves.kept[task.behind - 1]
    piece = Piece(
        task.first,
        task.behind,
        whole=True,
        prev=Leaf.from_bytes(head).prev,
        begun=head[_TIME].decode(),
        last=hashes[-1],
        ended=tail[_TIME].decode(),
        hashes=b"".join(hashes),
    )
    kept = {n: leaf for n, leaf in leaves.kept.items() if n in task.wanted or of_keys(leaf)}
    return _Found(piece, tuple(roots), kept, leaves.bodies.opened)
