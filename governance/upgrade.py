"""A home of an older version of the tables is brought up to date: a backup first, then every step in one transaction.

The log's entries are never migrated. Twice does no harm: a home that is up to date is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from governance.adapters.store.database import open_database
from governance.adapters.store.version import STEPS, VERSION, Step, brought_to, require_version, stored_version
from governance.archive import Progress
from governance.backup import back_up
from governance.errors import LogUnavailable, Unavailable
from governance.home import locked
from governance.ports import Clock
from governance.settings import Settings

__all__ = ["Upgraded", "upgrade"]


@dataclass(frozen=True, slots=True)
class Upgraded:
    """From which version to which; the backup that was made before, None where none was needed or wanted."""

    before: int
    after: int
    backup: Path | None


def upgrade(
    settings: Settings,
    *,
    backup: Path | None,
    clock: Clock | None = None,
    progress: Progress | None = None,
    target: int = VERSION,
    steps: Mapping[int, Step] = STEPS,
) -> Upgraded:
    """Upgrades a home that nobody serves; `backup` is where the backup goes, None for none.

    Raises HomeInUse where it is served; Unavailable where it is newer or too old, and nothing was changed.
    """
    with locked(settings):
        database = open_database(settings.database_url)
        try:
            before = stored_version(database)
            if before is None:
                raise LogUnavailable("the database holds no log", reason="log-missing")
            if before == target:
                return Upgraded(before, target, None)
            try:
                require_version(database)
            except Unavailable as error:
                if error.reason != "schema-older":
                    raise
            if backup is not None:
                back_up(settings, backup, clock=clock, progress=progress)
            return Upgraded(*brought_to(database, target=target, steps=steps), backup)
        finally:
            database.dispose()
