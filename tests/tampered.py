"""Somebody who holds a home's database and its keys, wrapping key included, and lacks only those that sign."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from governance.settings import Settings
from governance.wrapping import open_keys
from tests.audit.tampering import Cheat, cheating

__all__ = ["holding", "rewritten"]


@contextmanager
def holding(settings: Settings) -> Iterator[Cheat]:
    """One transaction in the home's database, triggers out of the way."""
    with closing(open_keys(settings)) as keys, cheating(settings.database_url, keys) as cheat:
        yield cheat


def rewritten(settings: Settings, seq: int, old: bytes, new: bytes) -> None:
    """Replaces words in an entry's content, encrypted as the log would."""
    with holding(settings) as cheat:
        salt, body = cheat.body(seq)
        changed = body.replace(old, new)
        assert changed != body
        cheat.set_body(seq, salt, changed)
