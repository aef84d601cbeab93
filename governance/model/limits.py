"""The limits that a request is held to; the defaults are the settings'."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds, the rest in pieces."""

    body: int = 65_536
    filters: int = 16
    fields: int = 64
    rows: int = 5_000_000
    batch_rows: int = 10_000
    query_seconds: float = 60.0
    in_flight: int = 64
    per_minute: int = 600
