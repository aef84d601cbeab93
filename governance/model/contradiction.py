"""Two checkpoints that can't both be of one log that only grows: what is known of it, and who remembers the other."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = ["Contradiction"]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """`code` is `rewound`, `forked`, `other-key` or `unproved`; `kept` is empty where it is known by hearsay alone."""

    by: str  # who remembers: `this home`, `the witness north`, `the file remembered/north`
    code: str
    detail: str
    kept: bytes
    shown: bytes
    since: dt.datetime

    @property
    def sentence(self) -> str:
        """For people, in one line."""
        return f"{self.by} remembers another history of this log: {self.detail}"
