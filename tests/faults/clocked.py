"""`accordant serve` by a clock that a test sets: the seconds in a file are added to the machine's.

python -m tests.faults.clocked HOME FILE
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path

from governance import serve
from governance.settings import from_home
from governance.web.doorway import Doorway

__all__ = ["FileClock", "application"]

_FILE = "CLOCK_OF_TEST"


class FileClock:
    """The port `Clock`; steps whenever the file does."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> dt.datetime:
        """The instant, in UTC."""
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=float(self._file.read_text() or 0))


def application() -> Doorway:
    """What is served, by that clock; called in the worker."""
    return serve.application(clock=FileClock(Path(os.environ[_FILE])))


if __name__ == "__main__":
    os.environ[_FILE] = sys.argv[2]
    serve.run(from_home(Path(sys.argv[1])), target="tests.faults.clocked:application")
