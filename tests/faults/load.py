"""Clients that go on asking whatever happens, so that a test can break something under them and mend it again.

No two requests are alike: each has a limit of its own, so that no cache of decisions answers for a part that is gone.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.faults.homes import FEW
from tests.faults.killing import Received, read
from tests.serving import Served
from tests.simulator import World

__all__ = ["MANY", "Load", "loaded"]

MANY = {"ACCORDANT_REQUESTS_PER_MINUTE": "100000000"}  # a server for them counts none of them

_BREATH = 0.02  # seconds that a client waits after a refusal or a broken connection
_PATIENCE = 60.0  # a machine may be busy; that it comes is the point


@dataclass
class Load:
    """What clients have received so far."""

    world: World
    port: int
    request: dict[str, Any]
    received: list[Received] = field(default_factory=list)
    broken: int = 0
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(10))
    _stop: threading.Event = field(default_factory=threading.Event)

    def comes(self, status: int, reason: str | None = None, *, times: int = 1) -> None:
        """Waits until that has been answered so often to requests that were begun after this call."""
        since, limit = time.monotonic(), time.monotonic() + _PATIENCE
        while sum((r.status, r.reason) == (status, reason) and r.begun >= since for r in tuple(self.received)) < times:
            seen = {(r.status, r.reason) for r in tuple(self.received) if r.begun >= since}
            assert time.monotonic() < limit, f"{status} {reason} did not come, but {seen}"
            time.sleep(0.02)

    def answers(self) -> set[tuple[int, str | None]]:
        """Every status with its reason that came."""
        return {(one.status, one.reason) for one in self.received}

    def run(self) -> None:
        """One client, until it is told to stop."""
        connection: http.client.HTTPConnection | None = None
        while not self._stop.is_set():
            request = self.request | {"limit": next(self._numbers)}
            body, headers = self.world.signed_query(self.world.partners["dashboard"], request)
            connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            begun = time.monotonic()
            try:
                connection.request("POST", "/v1/query", body=body, headers=headers)
                answer = read(connection.getresponse(), headers["Signature"], begun=begun)
            except (OSError, http.client.HTTPException):
                self.broken += 1
                answer = None
            else:
                self.received.append(answer)
            if answer is None or not answer.whole:
                connection.close()
                connection = None
            if answer is None or answer.status >= 500:
                time.sleep(_BREATH)
        if connection is not None:
            connection.close()

    def stop(self) -> None:
        """Each client ends with the answer that it waits for."""
        self._stop.set()


@contextlib.contextmanager
def loaded(world: World, server: Served, *, clients: int = 4, request: dict[str, Any] | None = None) -> Iterator[Load]:
    """So many clients until the block ends; every one of them has an answer before it begins."""
    load = Load(world, server.port, request or FEW)
    threads = [threading.Thread(target=load.run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        load.comes(200, times=clients)
        yield load
    finally:
        load.stop()
        for thread in threads:
            thread.join()
