"""Whether the service still takes requests, and what is under way: one object an application, safe from any thread."""

from __future__ import annotations

import threading

__all__ = ["Life"]


class Life:
    """From the first request to the last. Stopping is for good."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopping = False
        self._under_way = 0
        self._waiting = 0

    @property
    def stopping(self) -> bool:
        """New requests are refused; those under way end."""
        return self._stopping

    @property
    def under_way(self) -> int:
        """Requests that have begun and not ended, answers that are still being read among them."""
        return self._under_way

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return self._waiting

    def stop(self) -> None:
        """From now on nothing new. Twice does no harm."""
        self._stopping = True

    def arrived(self) -> None:
        """One more is under way, and waits for its turn."""
        with self._lock:
            self._under_way += 1
            self._waiting += 1

    def taken(self) -> None:
        """One that waited has a thread."""
        with self._lock:
            self._waiting -= 1

    def gave_up(self) -> None:
        """One that waited went away, and no thread will take it."""
        self.taken()

    def left(self) -> None:
        """One has ended."""
        with self._lock:
            self._under_way -= 1
