"""The log's own key: rotated at a home that nobody serves, and put in its place after a crash.

The new key is on the disk, as `keys/log.key.next`, before the log says that it counts, and becomes `keys/log.key`
after. Whatever a crash leaves in between, the head says which of the two signs, and the next start follows it: the new
key takes the old one's place, or a rotation that never took place is forgotten. The old key is kept nowhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import audit
from audit.errors import mapped
from audit.head import verified_head
from audit.note import NoteSigner
from audit.policy_file import with_log
from audit.rotation import rotated
from audit.schema import snapshot
from governance.adapters.store.database import open_database
from governance.adapters.store.version import require_version
from governance.errors import InputWrong, LogUnavailable
from governance.home import SystemClock, locked, note_signer, secret, write_secret
from governance.home_memory import POLICY
from governance.ports import Clock
from governance.settings import Settings
from governance.wrapping import open_keys

__all__ = ["NEXT", "Rotated", "policy_follows", "rotate", "settled", "signs"]

NEXT = "log.key.next"


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation made: its entry, and the verifier keys of before and after."""

    entry: int
    old: str
    new: str


def rotate(settings: Settings, *, clock: Clock | None = None) -> Rotated:
    """Gives the log a new key; the old one signs it in an entry. Raises HomeInUse where the home is served."""
    with locked(settings):
        settled(settings)
        old = note_signer(settings)
        new = NoteSigner.generate(settings.log_origin)
        database = open_database(settings.database_url)
        try:
            require_version(database, command=f"accordant upgrade --home {settings.home}")
            write_secret(settings.keys / NEXT, new.to_pem())
            _synced(settings.keys / NEXT)
            try:
                keys = open_keys(settings)
                try:
                    entry = rotated(database, old=old, new=new, keys=keys, clock=clock or SystemClock())
                finally:
                    keys.close()
            except audit.LogError as error:
                # Whether the commit took place, the head says: now, or at the next start.
                settled(settings)
                if note_signer(settings).vkey == new.vkey:
                    raise LogUnavailable(f"the key was rotated, and then the log failed: {error}") from None
                raise LogUnavailable(f"the key was not rotated: {error}") from error
        finally:
            database.dispose()
        _promote(settings)
        policy_follows(settings, old=old.name, new=new)
    return Rotated(entry=entry.seq, old=old.vkey, new=new.vkey)


def signs(settings: Settings) -> NoteSigner:
    """The key that the log's head is signed by, where a rotation was broken off; else `keys/log.key`. Changes nothing.

    Raises NotFound; LogUnavailable where the head can't be looked at.
    """
    if not (settings.keys / NEXT).exists():
        return note_signer(settings)
    try:
        following = NoteSigner.from_pem(settings.log_origin, secret(settings, NEXT))
    except audit.NoteWrong:
        return note_signer(settings)  # it was being written when the crash came
    database = open_database(settings.database_url)
    try:
        with mapped(database, "being looked at"), snapshot(database) as connection, connection.begin():
            verified_head(connection, origin=settings.log_origin, verifier=following.verifier)
    except audit.WrongCheckpoint:
        return note_signer(settings)
    except audit.LogUnavailable as error:
        raise LogUnavailable(str(error)) from None
    except audit.LogError:
        # Its checkpoint was read and is this key's; what else is wrong the start will say.
        return following
    finally:
        database.dispose()
    return following


def settled(settings: Settings) -> NoteSigner:
    """Ends a rotation that was broken off, by what the head says; the log's key. For whoever holds the home's lock."""
    found = signs(settings)
    if (settings.keys / NEXT).exists():
        if found.vkey == _vkey(settings):
            _promote(settings)
        else:
            (settings.keys / NEXT).unlink()
    policy_follows(settings, old=found.name, new=found)
    return found


def policy_follows(settings: Settings, *, old: str, new: NoteSigner) -> None:
    """Names the log by its key of now in the home's policy file, if there is one; what else is in it stays.

    A file that can't be read stays as it is: whoever goes by it says so.
    """
    path = settings.home / POLICY
    try:
        before = path.read_bytes()
        after = with_log(before, name=old, vkey=new.vkey)
    except (FileNotFoundError, audit.NoteWrong, UnicodeDecodeError):
        return
    if after != before:
        following = path.with_name(f".{POLICY}.next")
        following.write_bytes(after)
        following.chmod(0o600)
        _synced(following)
        following.replace(path)
        _synced(settings.home)


def _vkey(settings: Settings) -> str | None:
    try:
        return NoteSigner.from_pem(settings.log_origin, secret(settings, NEXT)).vkey
    except audit.NoteWrong:
        return None


def _promote(settings: Settings) -> None:
    (settings.keys / NEXT).replace(settings.keys / "log.key")
    _synced(settings.keys)


def _synced(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise InputWrong(f"`{path}` cannot be written: {error.strerror}") from None
    finally:
        os.close(descriptor)
