"""Alarms of a home in a file beside the database: each contradiction with both checkpoints, and who settled it and why.

A line a contradiction, in JSON. Nothing is ever taken out of it; what is settled says so. An unreadable file is an
alarm of its own: what it said is not known, so nobody goes on as if it had said nothing.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from governance.errors import InputWrong
from governance.model.contradiction import Contradiction

__all__ = ["Alarm", "AlarmFile"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A contradiction, and how it was settled: by whom on the machine, why and when. `entry` tells of it in the log."""

    found: Contradiction
    settled_by: str | None = None
    reason: str | None = None
    settled_at: dt.datetime | None = None
    entry: int | None = None


class AlarmFile:
    """One home's. Safe from any thread, and beside other processes: who changes the file locks its folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def read(self) -> tuple[Alarm, ...]:
        """All of them, in the order in which they came. Raises InputWrong."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise InputWrong(f"`{self.path}` can't be read: {error.strerror}", reason="alarms-unreadable") from None
        found = []
        for number, line in enumerate(lines, start=1):
            try:
                found.append(_alarm(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError):
                detail = f"line {number} of `{self.path}` is not an alarm; what it said is not known"
                raise InputWrong(detail, reason="alarms-unreadable") from None
        return tuple(found)

    def add(self, found: Contradiction) -> None:
        """On the disk once it returns; once, until it is settled. Raises OSError, InputWrong."""
        with self._changing():
            alarms = self.read()
            if not any(a.settled_by is None and _same(a.found, found) for a in alarms):
                self._write((*alarms, Alarm(found)))

    def settle(self, *, by: str, reason: str, at: dt.datetime) -> tuple[Alarm, ...]:
        """Settles whatever is not settled yet; those. Raises OSError, InputWrong."""
        with self._changing():
            alarms = self.read()
            self._write(
                [
                    a if a.settled_by is not None else replace(a, settled_by=by, reason=reason, settled_at=at)
                    for a in alarms
                ]
            )
        return tuple(a for a in alarms if a.settled_by is None)

    def recorded(self, entry: int) -> None:
        """Every settled alarm is told of in the log by this entry, unless it was before."""
        with self._changing():
            told = [replace(a, entry=entry) if a.settled_by is not None and a.entry is None else a for a in self.read()]
            self._write(told)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock:
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)
                yield
            finally:
                os.close(folder)

    def _write(self, alarms: Sequence[Alarm]) -> None:
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(json.dumps(_told(a), ensure_ascii=False).encode() + b"\n" for a in alarms)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise


def _same(one: Contradiction, other: Contradiction) -> bool:
    """Who remembers it, and what kind it is: the log goes on growing a little meanwhile."""
    return (one.by, one.code) == (other.by, other.code)


def _told(alarm: Alarm) -> dict[str, Any]:
    found = {k: v.decode() if isinstance(v, bytes) else v for k, v in asdict(alarm.found).items()}
    rest = {k: v for k, v in asdict(alarm).items() if k != "found" and v is not None}
    told = found | rest
    return {k: v.isoformat() if isinstance(v, dt.datetime) else v for k, v in told.items()}


def _alarm(told: dict[str, Any]) -> Alarm:
    found = Contradiction(
        by=str(told["by"]),
        code=str(told["code"]),
        detail=str(told["detail"]),
        kept=told["kept"].encode(),
        shown=told["shown"].encode(),
        since=dt.datetime.fromisoformat(told["since"]),
    )
    if told.get("settled_by") is None:
        return Alarm(found)
    at = dt.datetime.fromisoformat(told["settled_at"])
    return Alarm(found, str(told["settled_by"]), str(told["reason"]), at, told.get("entry"))
