"""A home from a backup and a copy of its keys: nothing is overwritten, and no log is put back to what it was before.

The backup is verified first, its whole log included. Whether it is the newest state of that log only somebody who
remembers can tell. Where the operator says so, and the newest remembered checkpoint has its very size and root, the log
goes on. Everywhere else others may have seen entries that are not in it, and their origin must not sign another
history: the log goes on under a new origin, with a new key, over the same entries. The first entry there names the old
origin, key and head, signed by the old key, and what is missing as far as anybody knows. Until an administrator
confirms that what may be missing was asked for, no data is released (`register.interrupted`).
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import audit
from audit.erasure import ERASURE, Erased, erase_rows
from audit.errors import mapped
from audit.head import read_head
from audit.lost import lost_since
from audit.memory import recalled
from audit.note import Checkpoint, NoteSigner, NoteVerifier, signatures_of
from audit.rotation import continued
from audit.sealing import Sealing
from governance.adapters.store.consents import forget_rows
from governance.adapters.store.copying import keys_poured, poured
from governance.adapters.store.database import make_tables, open_database
from governance.adapters.store.version import brought_to
from governance.archive import DATABASE, Manifest, Progress, read_archive
from governance.backup import KEY_STORE
from governance.errors import InputWrong, LogUnavailable, NotFound, Refused
from governance.forgetting import RESTORED
from governance.home import SystemClock, note_signer, root_key, write_secret
from governance.log_key import policy_follows
from governance.ports import Clock
from governance.settings import FILE_NAME, Settings, from_home
from governance.unfinished import making
from governance.verification import verify_home
from governance.wrapping import open_keys

__all__ = ["MEMORY", "Restored", "restore"]

# What a home or a folder of keys remembers of the log, outside the database.
MEMORY = "checkpoints"
_NUMBERED = re.compile(r"(.*)/([1-9][0-9]{0,5})(?:-[0-9a-f]{10})?")
_GONE = (
    "{keys} keys that contents of the backup lie under are not in the key store: they were destroyed after the backup "
    "to forget somebody, or this copy of the keys is older than the backup; where it is the first, say --forgotten, "
    "else give newer keys"
)
_LOG_ORIGIN = re.compile(r"^\s*log_origin\s*=.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Restored:
    """The home that was made; `continued` is the entry under the new origin, None where the log simply goes on."""

    settings: Settings
    manifest: Manifest
    vkey: str
    continued: int | None
    lost: int | None  # how many entries of the old log are known to be missing; None: nobody knows
    removed: tuple[Path, ...] = ()  # what restores that were killed had left


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered of the backup's log: everything, and the newest of it with its note.

    `number` is the largest that a log of this name was continued under.
    """

    notes: tuple[bytes, ...]
    newest: tuple[Checkpoint, bytes] | None
    number: int


def restore(
    archive: Path,
    folder: Path,
    *,
    keys: Path,
    remembered: Sequence[Path] = (),
    newest: bool = False,
    forgotten: bool = False,
    origin: str | None = None,
    database_url: str | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Restored:
    """Makes the home `folder`, whole or not at all. `origin`: the new one's name, where one is opened.

    `newest`: nothing was recorded after the backup, the caller says; what is remembered must say it, too.
    `forgotten`: keys that are not in the store were destroyed after the backup, the caller says; what lies under them
    is forgotten again. Raises InputWrong where the folder is there, Refused where backup or log do not verify.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputWrong(f"`{folder}` is there already and not an empty folder", reason="home-exists", field="DIR")
    if not keys.is_dir():
        raise NotFound(f"no folder `{keys}`", field="--keys")
    with making(folder) as (at, removed):
        manifest = read_archive(archive, into=at, progress=progress)
        signer = _signer(keys, manifest)
        _laid_out(at, keys, signer)
        known = _known(manifest, [*remembered, *_memories(keys)])
        if newest and (known.newest is None or known.newest[0] != manifest.checkpoint):
            size = manifest.checkpoint.size
            detail = f"nobody remembers the log as one of exactly these {size} entries: it may have had more"
            raise Refused(detail, reason="not-the-newest")
        settings = from_home(at, environ={})
        gone = _up_to_date(settings, manifest, behind=0 if newest else 1)
        if gone.keys and not forgotten:
            raise Refused(_GONE.format(keys=len(gone.keys)), reason="keys-missing")
        vkey, entry, lost = _same(manifest)
        if not newest:
            vkey, entry, lost = _continued(settings, manifest, signer, known, origin, clock or SystemClock())
        settings = from_home(at, environ={})
        if gone.keys:
            _erasure(settings, gone, clock or SystemClock())
        _verified(settings, manifest, known, progress)
        if database_url is not None:
            _moved(settings, database_url, progress)
        for path in (at, *(p for p in at.rglob("*") if p.is_dir())):
            path.chmod(0o700)
        os.sync()  # every file is on the disk before the home has its name
        at.replace(folder)
    return Restored(from_home(folder, environ={}), manifest, vkey, entry, lost, removed)


def _same(manifest: Manifest) -> tuple[str, int | None, int | None]:
    """A log that goes on as it was."""
    return manifest.vkey, None, 0


def _broken(error: audit.Tampered) -> Refused:
    place = f"entry {error.seq}" if error.seq is not None else "the log"
    return Refused(f"the backup's log does not verify: {place}: {error} ({error.code})", reason="backup-log-wrong")


def _signer(keys: Path, manifest: Manifest) -> NoteSigner:
    """The key that the backup's log was signed with; a rotation may have been under way when the keys were copied."""
    for name in ("log.key", "log.key.next"):
        with suppress(OSError, audit.NoteWrong):
            found = NoteSigner.from_pem(manifest.checkpoint.origin, (keys / name).read_bytes())
            if found.vkey == manifest.vkey:
                return found
    detail = f"`{keys}` does not hold the key of the backup's log, {manifest.vkey}; give the keys of that time"
    raise Refused(detail, reason="keys-differ")


def _laid_out(at: Path, keys: Path, signer: NoteSigner) -> None:
    """The files of the home, keys included, as `init` would leave them."""
    for name in (FILE_NAME, DATABASE):
        if not (at / name).is_file():
            raise Refused(f"the backup does not verify: it holds no `{name}`", reason="backup-damaged")
    for name in ("keys", "data"):
        (at / name).mkdir(exist_ok=True, mode=0o700)
    for path in sorted(keys.iterdir()):
        mine = at / "keys" / path.name
        left = path.name in ("log.key", "log.key.next", MEMORY) or path.name.endswith("-shm")
        if path.is_file() and not left and not mine.exists():
            write_secret(mine, path.read_bytes())
    write_secret(at / "keys" / "log.key", signer.to_pem())
    if not (at / "keys" / KEY_STORE).is_file():
        detail = f"`{keys}` holds no key store `{KEY_STORE}`; `accordant backup --keys-to` copies it along"
        raise Refused(detail, reason="keys-differ")


def _memories(keys: Path) -> list[Path]:
    return [path for path in (keys / MEMORY, keys.parent / MEMORY) if path.is_file()]


def _known(manifest: Manifest, paths: Sequence[Path]) -> _Known:
    """The remembered checkpoints that are of this log; a memory holds those of other logs as well."""
    log = NoteVerifier.from_vkey(manifest.vkey)
    notes: list[bytes] = []
    base, number = _numbered(log.name)
    for path in paths:
        if not path.is_file():
            raise NotFound(f"no file `{path}`", field="--remembered")
        try:
            found = recalled(path, vkey=manifest.vkey)
            notes += [one.note for one in found if _said(one.note).origin == log.name]
            others = [_numbered(_said(one.note).origin) for one in found]
            number = max([number, *(n for name, n in others if name == base)])
        except audit.LogError as error:
            raise InputWrong(str(error), reason="memory-unreadable", field="--remembered") from error
    newest = max(((_said(note), note) for note in notes), key=lambda pair: pair[0].size, default=None)
    return _Known(tuple(notes), newest, number)


def _said(note: bytes) -> Checkpoint:
    return Checkpoint.from_text(signatures_of(note)[0])


def _up_to_date(settings: Settings, manifest: Manifest, *, behind: int) -> Erased:
    """Brings the tables up to date, and takes out what the key store does not open any more; what that was.

    `behind`: how many entries come before the one that says so.
    """
    database = open_database(settings.database_url)
    keys = None
    try:
        brought_to(database)
        make_tables(database)  # those that no backup holds
        keys = open_keys(settings)
        with mapped(database, "being restored"), database.begin() as connection:
            head = read_head(connection)
            size = manifest.checkpoint.size
            if head is None or (head.size, head.root) != (size, manifest.checkpoint.root):
                raise Refused("the backup's log is not the one that its manifest names", reason="backup-damaged")
            gone = lost_since(connection, size, Sealing(keys))
            if gone.keys:
                forget_rows(connection, gone.parts)
                erase_rows(connection, gone, under=size + behind)
        return gone
    except audit.Tampered as error:
        raise _broken(error) from None
    except audit.LogError as error:
        raise LogUnavailable(str(error)) from error
    finally:
        if keys is not None:
            keys.close()
        database.dispose()


@contextmanager
def _parts(settings: Settings) -> Iterator[tuple[Any, audit.KeyStore]]:
    """The database and the key store of what is being restored; the log's errors become ours."""
    database, keys = open_database(settings.database_url), open_keys(settings)
    try:
        yield database, keys
    except audit.Tampered as error:
        raise _broken(error) from None
    except audit.LogError as error:
        raise LogUnavailable(str(error)) from error
    finally:
        keys.close()
        database.dispose()


def _erasure(settings: Settings, gone: Erased, clock: Clock) -> None:
    """The entry that says what was forgotten: it was ordered behind the backup, and the order is lost."""
    body = {"basis": RESTORED, "erased": gone.to_body()}
    signer = note_signer(settings)
    with (
        _parts(settings) as (database, keys),
        audit.Log.open(database, origin=signer.name, signer=signer, keys=keys, clock=clock) as log,
    ):
        log.append([audit.Draft(ERASURE, body)])


def _verified(settings: Settings, manifest: Manifest, known: _Known, progress: Progress | None) -> None:
    """Everything that can be verified, as the home will be; the memories' signatures, too."""
    root_key(settings)
    found = verify_home(settings, vkey=manifest.vkey, remembered=known.notes, progress=progress)
    if found.faults:
        first = found.faults[0]
        place = f"entry {first.seq}" if first.seq is not None else "the log"
        detail = f"the backup's log does not verify: {place}: {first.sentence} ({first.code})"
        raise Refused(detail, reason="backup-log-wrong")


def _continued(
    settings: Settings, manifest: Manifest, signer: NoteSigner, known: _Known, origin: str | None, clock: Clock
) -> tuple[str, int, int | None]:
    """The log as it goes on: its key, the entry that continues it, how many entries are known to be lost."""
    checkpoint = manifest.checkpoint
    longer = known.newest if known.newest is not None and known.newest[0].size > checkpoint.size else None
    # Two restores of one backup may know nothing of each other: chance keeps their names apart.
    name = origin or f"{_numbered(checkpoint.origin)[0]}/{known.number + 1}-{secrets.token_hex(5)}"
    try:
        new = NoteSigner.generate(name)
    except audit.NoteWrong as error:
        raise InputWrong(str(error), field="--log-origin") from None
    missing: dict[str, Any] = {
        "from": checkpoint.size,
        "until": longer[0].size - 1 if longer else None,
        "checkpoint": longer[1].decode() if longer else None,
    }
    body = {"missing": missing, "backup": manifest.made}
    with _parts(settings) as (database, keys):
        try:
            entry = continued(database, old=signer, new=new, keys=keys, body=body, clock=clock)
        except audit.WrongCheckpoint as error:
            raise InputWrong(str(error), reason="same-origin", field="--log-origin") from None
    (settings.keys / "log.key").unlink()
    write_secret(settings.keys / "log.key", new.to_pem())
    path = settings.home / FILE_NAME
    text, line = path.read_text(encoding="utf-8"), f'log_origin = "{name}"'
    text = _LOG_ORIGIN.sub(line, text) if _LOG_ORIGIN.search(text) else f"{text}\n{line}\n"
    path.write_text(text, encoding="utf-8")
    policy_follows(settings, old=signer.name, new=new)
    return new.vkey, entry.seq, longer[0].size - checkpoint.size if longer else None


def _numbered(origin: str) -> tuple[str, int]:
    """A log's first name, and the how-manieth it is."""
    numbered = _NUMBERED.fullmatch(origin)
    return (numbered[1], int(numbered[2])) if numbered else (origin, 1)


def _moved(settings: Settings, database_url: str, progress: Progress | None) -> None:
    """Into another database, which is empty, key store and all; the last step but one."""
    database = open_database(database_url)
    try:
        keys_poured(settings.keys / KEY_STORE, database)
        poured(settings.home / DATABASE, database, progress=progress)
    finally:
        database.dispose()
    for path in (*settings.home.glob(f"{DATABASE}*"), *settings.keys.glob(f"{KEY_STORE}*")):
        path.unlink()
    with (settings.home / FILE_NAME).open("a", encoding="utf-8") as file:
        file.write(f'\ndatabase_url = "{database_url}"\n')
        file.flush()
        os.fsync(file.fileno())
