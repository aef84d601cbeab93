"""What is being made beside a home until it has its name, and what a restore that was killed left of it.

A restore works in a hidden folder beside the home, which holds secret keys and is locked while somebody works in it.
One that nobody works in is what was left: whoever restores into the same folder takes it away, and says so.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from governance.errors import Conflict

__all__ = ["left_over", "making"]


def _prefix(folder: Path) -> str:
    return f".{folder.name}.restore-"


def _locked(path: Path) -> int | None:
    """The folder, opened and locked; None where somebody works in it, or it is gone."""
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(folder)
        return None
    return folder


def _there(folder: Path) -> list[Path]:
    prefix = _prefix(folder)
    try:
        return sorted(p for p in folder.parent.iterdir() if p.name.startswith(prefix) and p.is_dir())
    except OSError:
        return []


def left_over(folder: Path) -> list[Path]:
    """The folders beside a home in which nobody works any more."""
    found = []
    for path in _there(folder):
        held = _locked(path)
        if held is not None:
            os.close(held)
            found.append(path)
    return found


@contextmanager
def making(folder: Path) -> Iterator[tuple[Path, tuple[Path, ...]]]:
    """A folder to work in, and those that were left over, which are gone now; it is gone too where this fails.

    Raises Conflict while another process makes the same home.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
    held: list[int] = []
    try:
        fcntl.flock(beside, fcntl.LOCK_EX)  # of two that begin, the second finds the first one's folder locked
        gone = []
        for path in _there(folder):
            left = _locked(path)
            if left is None:
                raise Conflict(f"another restore into `{folder}` is under way", reason="restore-running")
            held.append(left)
            shutil.rmtree(path)
            gone.append(path)
        at = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_prefix(folder)))
        mine = _locked(at)
        held += [] if mine is None else [mine]
        fcntl.flock(beside, fcntl.LOCK_UN)
        try:
            yield at, tuple(gone)
        except BaseException:
            shutil.rmtree(at, ignore_errors=True)
            raise
    finally:
        for one in (beside, *held):
            os.close(one)
