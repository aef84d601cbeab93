"""The port `Clock` on the machine's clock, for worlds that a real server takes over."""

from __future__ import annotations

import datetime as dt

from tests.agreement_world import Clock

__all__ = ["WallClock"]


class WallClock(Clock):
    """Never stands: what is signed by it is fresh for a process with a clock of its own."""

    def now(self) -> dt.datetime:
        """The instant, in UTC."""
        return dt.datetime.now(dt.UTC)
