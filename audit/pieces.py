"""Pieces of the log one after another, by this process or by several; they come in order whoever read them.

Each process opens the database and the key store for itself: no connection is shared, and nothing hangs on how a
process came to be (they are spawned). So a program that asks for more than one guards its own beginning, as Python's
`multiprocessing` wants it. So few pieces are under way that memory stays flat.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from sqlalchemy import Engine, create_engine

from audit import raw
from audit.errors import LogUnavailable, mapped
from audit.keys import KeyStore
from audit.piece import SPAN, Look, Piece, Reader, Task
from audit.schema import as_it_lies, prepare
from audit.sealing import Sealing
from audit.tile_check import kept_tiles

__all__ = ["Plan", "Seeing", "pieces"]

_AHEAD = 3  # pieces under way for each process


@dataclass(frozen=True, slots=True)
class Seeing:
    """What every piece is looked at with; it travels to other processes."""

    look: Look | None = None
    kinds: frozenset[str] | None = None
    tiles: bool = False  # whether tiles are kept


@dataclass(slots=True)
class Plan:
    """The tasks: from `first` to `behind`, in pieces that are full subtrees where they can be."""

    first: int
    behind: int
    filed: int
    sizes: list[int]  # at which the root is asked for, ascending
    doubted: frozenset[int] = frozenset()  # entries whose search words are odd
    _at: int = 0  # the next size

    def next(self) -> Task | None:
        """The next task, None at the end."""
        if self.first >= self.behind:
            return None
        first, behind = self.first, min(self.behind, (self.first // SPAN + 1) * SPAN)
        self.first = behind
        while self._at < len(self.sizes) and self.sizes[self._at] <= first:
            self._at += 1
        leaves = self._at < len(self.sizes) and self.sizes[self._at] < behind
        doubted = bool(self.doubted) and not self.doubted.isdisjoint(range(first, behind))
        return Task(first, behind, self.filed, leaves, doubted)

    def skip(self, first: int) -> None:
        """There is no entry before this one."""
        self.first = max(self.first, first // SPAN * SPAN)


def pieces(
    engine: Engine,
    sealing: Sealing,
    plan: Plan,
    seeing: Seeing,
    *,
    jobs: int,
    open_keys: Callable[[], KeyStore] | None = None,
) -> Generator[Piece]:
    """The pieces of a plan, in order. Raises LogUnavailable, and whatever a look raises."""
    if jobs <= 1 or open_keys is None:
        reader = Reader(sealing, seeing.look, seeing.kinds)
        while (task := plan.next()) is not None:
            yield _piece(engine, reader, task, seeing.tiles)
        return
    url = engine.url.render_as_string(hide_password=False)
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(url, open_keys, seeing)
    ) as processes:
        waiting: deque[Future[Piece]] = deque()
        try:
            while True:
                while len(waiting) < jobs * _AHEAD and (task := plan.next()) is not None:
                    waiting.append(processes.submit(_there, task))
                if not waiting:
                    return
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise LogUnavailable("a process that was verifying came to an end") from error
        finally:
            for future in waiting:
                future.cancel()


def _piece(engine: Engine, reader: Reader, task: Task, tiles: bool) -> Piece:
    with mapped(engine, "being verified"), engine.connect() as connection, connection.begin():
        kept = kept_tiles(connection, task.first, task.behind) if tiles else {}
        with (
            raw.contents(connection, task.first, task.behind) as rows,
            raw.words(connection, task.first, min(task.behind, task.filed)) as words,
        ):
            return reader.read(task, connection, rows, words, kept)


# In a process that was started for it: its own engine and reader, made once, used by its one thread.
_MINE: list[Any] = []


def _begin(url: str, open_keys: Callable[[], KeyStore], seeing: Seeing) -> None:
    engine = create_engine(url)
    prepare(engine)
    as_it_lies(engine)
    _MINE[:] = [engine, Reader(Sealing(open_keys()), seeing.look, seeing.kinds), seeing.tiles]


def _there(task: Task) -> Piece:
    engine, reader, tiles = _MINE
    return _piece(engine, reader, task, tiles)
