"""`accordant serve`: granian around the WSGI application, one process a home.

The worker opens the database and holds the home's lock; the parent only listens and passes signals on. A stop is
graceful: requests in flight end, the log's queue is written, then the lock goes.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import structlog
from granian import Granian
from granian.constants import HTTPModes, Interfaces

from governance.bootstrap import open_services
from governance.errors import AccordantError
from governance.events import configure
from governance.home import locked
from governance.keeping import Keeping
from governance.settings import Settings, from_home
from governance.web.app import create_app

__all__ = ["application", "run"]

_GRACE_SECONDS = 30

# What the parent found when it tried the start: a worker that is forked from it need not find it again.
_tried: dict[Path, Keeping] = {}


def application() -> Callable[..., Any]:
    """The WSGI application of the home in `ACCORDANT_HOME`; granian calls it in the worker."""
    configure()
    settings = from_home()
    # Held until the process ends: the lock is the process's.
    lock = locked(settings)
    try:
        lock.__enter__()
        services = open_services(settings, keeping=_tried.get(settings.home))
    except AccordantError as error:
        print(f"accordant: {error.detail}", file=sys.stderr, flush=True)
        # granian would start the worker again and again; the parent is told to end instead.
        os._exit(3)
    # The worker is a process of multiprocessing's, which runs its own finalizers and no `atexit`.
    Finalize(None, services.close, exitpriority=10)
    app = create_app(services)
    app.extensions["accordant.lock"] = lock
    # What a start made stays for the life of the process: it is looked through for garbage never again.
    gc.freeze()
    gc.enable()
    return app


def run(settings: Settings) -> None:
    """Serves until a signal. Raises the error that a start would meet before the port is bound."""
    configure()
    with locked(settings):
        # A start that cannot work fails here, with one line, not in a worker.
        _tried[settings.home] = keeping = Keeping(settings)
        open_services(settings, keeping=keeping, trial=True).close()
    host, _, port = settings.listen.rpartition(":")
    os.environ["ACCORDANT_HOME"] = str(settings.home)
    structlog.get_logger("accordant").info("serving", origin=settings.origin, listen=settings.listen)
    Granian(
        "governance.serve:application",
        address=host,
        port=int(port),
        interface=Interfaces.WSGI,
        factory=True,
        workers=1,
        http=HTTPModes.http1,
        websockets=False,
        blocking_threads=settings.threads,
        workers_kill_timeout=_GRACE_SECONDS,
        log_enabled=True,
        log_access=False,
    ).serve()
