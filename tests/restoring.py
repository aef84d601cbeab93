"""What the tests of backups ask of a home that is lost and restored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from audit import Draft
from audit.look import entries_of
from audit.memory import Remembered
from governance.adapters.store.database import open_database
from governance.bootstrap import open_services
from governance.restore import restore
from governance.settings import Settings
from governance.signing.statement import Resumption
from governance.wrapping import open_keys
from tests.simulator import Partner, World

__all__ = ["confirmed", "entry", "restored", "seen", "went_on"]


def restored(world: World, archive: Path, folder: Path, **options: Any) -> World:
    """The same people, at the home that was restored."""
    done = restore(archive, folder, **({"keys": world.settings.keys} | options))
    other = World.__new__(World)
    other.__dict__.update(world.__dict__)
    other.settings = done.settings
    return other


def seen(settings: Settings) -> Remembered:
    """The newest checkpoint, as a partner remembers it."""
    services = open_services(settings, trial=True)
    try:
        return Remembered(services.journal.head().checkpoint, services.vkey)
    finally:
        services.close()


def went_on(world: World, count: int = 3) -> Remembered:
    """Entries behind a backup."""
    world.open()
    for number in range(count):
        world.services.journal.append([Draft("search", {"number": number})])
    world.close()
    return seen(world.settings)


def entry(settings: Settings, kind: str) -> dict[str, Any]:
    database, keys = open_database(settings.database_url), open_keys(settings)
    try:
        [found] = entries_of(database, {kind}, keys=keys)
        return found.body | {"seq": found.seq}
    finally:
        keys.close()
        database.dispose()


def confirmed(world: World, partner: Partner, continuation: str) -> int:
    """What somebody who says that everybody was asked is answered."""
    now = world.services.clock.now().replace(microsecond=0)
    said = Resumption(time=now, continuation=continuation, reason="everybody was asked", nonce="n" * 22)
    return world.call(partner, "POST", "/v1/resumption", world.statement(partner, said)).status_code
