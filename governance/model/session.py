"""A person's session in the console: which key opened it, and when it was last used."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = ["Session"]


@dataclass(frozen=True, slots=True)
class Session:
    """`link`: a one-time link that nobody has used yet. Its secret is known to its holder alone; here is a digest."""

    digest: str
    fingerprint: str
    link: bool
    made: dt.datetime
    seen: dt.datetime
