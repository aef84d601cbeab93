"""`accordant serve`: granian around the application, one process a home.

The worker opens the database and holds the home's lock; the parent only listens and passes signals on. A stop is
graceful: for `drain_seconds` the port still answers, `/readyz` and whatever is new with 503, so that a proxy and a
monitor see it; requests in flight have `grace_seconds` to end, then they are cut and their accounts closed; the log's
queue is written, and the lock goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.mp import MPServer

from governance.bootstrap import open_services
from governance.errors import AccordantError
from governance.events import GRANIAN, configure
from governance.home import locked
from governance.keeping import Keeping
from governance.log_key import settled
from governance.ports import Clock
from governance.settings import Settings, from_home
from governance.web.app import create_app
from governance.web.doorway import Doorway, Times
from governance.web.life import Life
from governance.web.metrics import Metrics

__all__ = ["application", "door", "run", "server"]

# The parent tells the worker to take nothing new. It must not kill a worker that is not ready to hear it.
_STOP = signal.SIGUSR1
_PR_SET_PDEATHSIG = 1
_FILES_BESIDES = 512  # descriptors that are no connections: databases, files of rows, engines
_WITNESS_SECONDS = 3.0  # a start waits so long for what witnesses remember; who answers later is heard then
_UNAVAILABLE = 3  # a worker's exit code, and then the parent's: a part that is needed is missing
_END_SECONDS = 15  # for closing accounts and writing the log's queue, after the time of grace

# What the parent found when it tried the start: a worker that is forked from it need not find it again.
_tried: dict[Path, Keeping] = {}


def door(
    app: Callable[..., Any], settings: Settings, *, life: Life, metrics: Metrics, closing: Callable[[], None]
) -> Doorway:
    """A WSGI application as it is served, with a home's limits."""

    def started(doorway: Doorway) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(_STOP, doorway.stop)
        # Ctrl-C reaches both processes of a terminal: the parent acts on it.
        loop.add_signal_handler(signal.SIGINT, lambda: None)

    return Doorway(
        app,
        life=life,
        metrics=metrics,
        times=Times(
            body=settings.body_seconds,
            upload=settings.upload_seconds,
            send=settings.send_seconds,
            grace=settings.grace_seconds,
        ),
        most_body=settings.max_body,
        threads=settings.threads,
        waiting=settings.requests_in_flight,
        started=started,
        closing=closing,
        leave=lambda: os._exit(0),
    )


def _end_with_parent() -> None:
    """A worker whose parent was killed would hold port and home, and nobody could stop it by its parent's name."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


def application(*, clock: Clock | None = None) -> Doorway:
    """The application of the home in `ACCORDANT_HOME`; granian calls it in the worker. By the machine's clock."""
    configure()
    _end_with_parent()
    # The parent's handler came along with the fork and would only note it. Until the event loop hears signals nothing
    # is promised to anybody: the process may end where it stands, as after a crash.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    settings = from_home()
    # Held until the process ends: the lock is the process's.
    lock = locked(settings)
    try:
        lock.__enter__()
        services = open_services(settings, clock=clock, keeping=_tried.get(settings.home))
    except AccordantError as error:
        print(f"accordant: {error.detail}", file=sys.stderr, flush=True)
        # granian would start the worker again and again; the parent is told to end instead.
        os._exit(_UNAVAILABLE)
    # Should the event loop not come to it: a process of multiprocessing's runs its own finalizers, and no `atexit`.
    Finalize(None, services.close, exitpriority=10)
    services.schedule.start()
    services.watching(_WITNESS_SECONDS)
    life = Life()
    app = create_app(services, life=life)
    app.extensions["accordant.lock"] = lock
    # What a start made stays for the life of the process: it is looked through for garbage never again.
    gc.freeze()
    gc.enable()
    return door(app, settings, life=life, metrics=services.metrics, closing=services.close)


class _Server(MPServer):
    """Granian's own stop, after a moment in which the worker still answers that it is stopping."""

    drain_seconds = 0.0

    def shutdown(self, exit_code: int = 0) -> None:
        """Called once a signal came, or the worker ended."""
        if any(worker.inner.exitcode == _UNAVAILABLE for worker in self.wrks):
            exit_code = _UNAVAILABLE
        if not self.interrupt_children:
            for worker in self.wrks:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.inner.pid, _STOP)
            time.sleep(self.drain_seconds)
        super().shutdown(exit_code)  # type: ignore[no-untyped-call] # granian leaves it untyped


def _room_for(connections: int) -> int:
    """Raises the number of files that may be open, and answers how many connections there is room for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _FILES_BESIDES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(16, min(connections, allowed - _FILES_BESIDES))


def server(target: str, settings: Settings) -> MPServer:
    """Granian with a home's limits, for a factory of an application."""
    host, _, port = settings.listen.rpartition(":")
    made = _Server(
        target,
        address=host.strip("[]"),
        port=int(port),
        interface=Interfaces.ASGI,
        factory=True,
        workers=1,
        http=HTTPModes.http1,
        websockets=False,
        # Beyond so many connections none is accepted; one that waits for a request's head too long is closed.
        backlog=1024,
        backpressure=_room_for(settings.max_connections),
        http1_settings=HTTP1Settings(header_read_timeout=int(settings.header_seconds * 1000)),
        workers_kill_timeout=int(settings.grace_seconds) + _END_SECONDS,
        log_enabled=True,
        log_dictconfig=GRANIAN,
        log_access=False,
    )
    made.drain_seconds = settings.drain_seconds
    return made


def run(settings: Settings, *, target: str = "governance.serve:application") -> None:
    """Serves until a signal. Raises the error that a start would meet before the port is bound.

    `target`: what the worker calls for the application, in granian's words.
    """
    configure()
    with locked(settings):
        # A start that cannot work fails here, with one line, not in a worker.
        settled(settings)
        _tried[settings.home] = keeping = Keeping(settings)
        open_services(settings, keeping=keeping, trial=True).close()
    os.environ["ACCORDANT_HOME"] = str(settings.home)
    structlog.get_logger("accordant").info("serving", origin=settings.origin, listen=settings.listen)
    signal.signal(_STOP, signal.SIG_IGN)
    server(target, settings).serve()
