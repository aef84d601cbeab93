"""Time limits for queries, kept by one thread: a timer of its own for each query costs more than a small query does.

Ten times a second it looks for what is late, and interrupts it. When nothing has been under way for a while it sleeps.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator

__all__ = ["Deadlines", "limited"]

_LOOK_SECONDS = 0.1
_IDLE_LOOKS = 50


class Deadlines:
    """Safe from any thread. `interrupt` is called from another thread, once, and must not block."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._numbers = itertools.count()
        self._under_way: dict[int, tuple[float, Callable[[], None]]] = {}
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def limited(self, seconds: float, interrupt: Callable[[], None]) -> Iterator[None]:
        """Interrupts the block's work when it takes longer; at most a tenth of a second late."""
        number = next(self._numbers)
        with self._lock:
            self._under_way[number] = (time.monotonic() + seconds, interrupt)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="query-deadlines", daemon=True)
                self._thread.start()
            if not self._some.is_set():
                self._some.set()
        try:
            yield
        finally:
            with self._lock:
                self._under_way.pop(number, None)

    def _watch(self) -> None:
        idle = 0
        while True:
            with self._lock:
                idle = 0 if self._under_way else idle + 1
                self._end_what_is_late()
                if idle > _IDLE_LOOKS:
                    self._some.clear()
                    idle = 0
            self._some.wait()
            time.sleep(_LOOK_SECONDS)

    def _end_what_is_late(self) -> None:
        """Under the lock: whoever is done in this very moment is not interrupted in what it does next."""
        now = time.monotonic()
        for number in [n for n, (deadline, _) in self._under_way.items() if deadline <= now]:
            _, interrupt = self._under_way.pop(number)
            with contextlib.suppress(Exception):  # one query's trouble must not end the watch over the others
                interrupt()


limited = Deadlines().limited
