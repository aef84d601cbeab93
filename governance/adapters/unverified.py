"""What a stored entry says of itself, believed by nobody: so that a message about one that fails can name it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

import audit
from audit.rows import opened, stored
from audit.sealing import Lost, Sealing

__all__ = ["UnverifiedRows"]


class UnverifiedRows:
    """Reads rows as they are. Safe from any thread; never raises, for it only serves messages."""

    def __init__(self, engine: Engine, sealing: Sealing) -> None:
        self._engine = engine
        self._sealing = sealing

    def __call__(self, seq: int) -> tuple[str, dt.datetime | None, Mapping[str, Any]]:
        """The kind, the time and the body that the entry claims; empty where even that can't be read."""
        kind: str = ""
        time: dt.datetime | None = None
        body: Mapping[str, Any] = {}
        try:
            with self._engine.connect() as connection:
                row = next(iter(stored(connection, seq, seq + 1, 1)))
            leaf = json.loads(row.leaf)
            kind, time = str(leaf["kind"]), dt.datetime.fromisoformat(leaf["time"])
            _, data = opened(row, self._sealing) or (b"", b"")
            parsed = json.loads(data)
            body = parsed if isinstance(parsed, dict) else {}
        except (
            SQLAlchemyError,
            audit.LogError,
            Lost,
            StopIteration,
            LookupError,
            TypeError,
            ValueError,
            RecursionError,
        ):
            pass
        return kind, time, body
