"""What a stored entry says of itself, believed by nobody: so that a message about one that fails can name it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from audit.rows import stored

__all__ = ["UnverifiedRows"]


class UnverifiedRows:
    """Reads rows as they are. Safe from any thread; never raises, for it only serves messages."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, seq: int) -> tuple[str, dt.datetime | None, Mapping[str, Any]]:
        """The kind, the time and the body that the entry claims; empty where even that can't be read."""
        kind: str = ""
        time: dt.datetime | None = None
        body: Mapping[str, Any] = {}
        try:
            with self._engine.connect() as connection:
                _, stored_leaf, _, stored_body = next(iter(stored(connection, seq, seq + 1, 1)))
            leaf = json.loads(stored_leaf)
            kind, time = str(leaf["kind"]), dt.datetime.fromisoformat(leaf["time"])
            parsed = json.loads(stored_body or b"")
            body = parsed if isinstance(parsed, dict) else {}
        except (SQLAlchemyError, StopIteration, LookupError, TypeError, ValueError, RecursionError):
            pass
        return kind, time, body
