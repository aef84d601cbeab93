"""Structured logs: one event a line, JSON; never a row, a filter's value or a secret.

What was raised is told by its type and the places that it came through. Its message is left out: a database's or a
library's message may quote the very values that it stumbled over. The server's own words (granian's) take the same
form, so that a log has one. An event that can't be written, as on a full disk, is lost, and nobody's request with it.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import MutableMapping
from contextlib import suppress
from types import TracebackType
from typing import Any

import structlog

__all__ = ["GRANIAN", "Lines", "configure", "places"]

_MOST_PLACES = 40

# For granian's own logger. Each line of its access to a connection that is gone says no more than our event does.
GRANIAN: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "governance.events.Lines"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "lines"}},
    "loggers": {"_granian": {"handlers": ["console"], "level": "WARNING", "propagate": False}},
}


def places(error: BaseException) -> list[dict[str, Any]]:
    """The chain of errors, the newest first: each one's type and where it came through, without its message."""
    chain: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 5:
        frames = traceback.extract_tb(current.__traceback__)[-_MOST_PLACES:]
        told = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        chain.append({"type": f"{type(current).__module__}.{type(current).__qualname__}", "places": told})
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def _without_messages(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    found = event.pop("exc_info", None)
    error = found[1] if isinstance(found, tuple) else sys.exc_info()[1] if found is True else found
    if isinstance(error, BaseException):
        event["exception"] = places(error)
    return event


class Lines(logging.Formatter):
    """What others say through `logging`, as events of ours."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback as `places`."""
        stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)(None, "", {})["timestamp"]
        event: dict[str, Any] = {"event": record.getMessage().partition("\n")[0], "logger": record.name.strip("_")}
        if record.exc_info and record.exc_info[1] is not None:
            event["exception"] = places(record.exc_info[1])
        return json.dumps(event | {"level": record.levelname.lower(), "timestamp": stamp})


def _crashed(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        structlog.get_logger("accordant").error("crashed", exc_info=error)


def _thread_crashed(hook: threading.ExceptHookArgs) -> None:
    if hook.exc_value is not None:
        _crashed(hook.exc_type, hook.exc_value, hook.exc_traceback)


class _Steady:
    """A stream whose writes never fail."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # ValueError: it was closed
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure(stream: Any = None) -> None:
    """For a serving process: events to `stream`, else to standard error; and whatever crashes becomes one."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_messages,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=_Steady(stream or sys.stderr)),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    if stream is None:
        sys.excepthook, threading.excepthook = _crashed, _thread_crashed
