"""A consistent copy of a home that may be serving: database, settings, public keys and loaded rows, and no secret key.

The database comes first, as it stood in one moment; the files of rows after it: they are named by entries, and never
changed once they are there. Nothing of `keys/` but public keys is taken, no key store, no `kept/`, and the settings
without the database's password. So the copy alone signs, decrypts and pseudonymises nothing: keep `keys/` elsewhere.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import audit
from audit.head import verified_head
from governance.adapters.store.copying import copied, keys_copied
from governance.adapters.store.database import open_database
from governance.adapters.store.version import stored_version
from governance.archive import DATABASE, Manifest, Progress, writing
from governance.errors import Conflict, LogUnavailable
from governance.home import SystemClock, write_secret
from governance.log_key import signs
from governance.ports import Clock
from governance.settings import FILE_NAME, Settings

__all__ = ["KEY_STORE", "Backup", "back_up", "copy_keys"]

_ADDRESSES = re.compile(r"^\s*(database_url|keys_url)\s*=.*$", re.MULTILINE)
# The file of the key store in a copy of keys/, whatever database it lies in.
KEY_STORE = "data-keys.db"
# Beside the folders, what a home may hold that is worth keeping and is no secret.
_FILES = ("checkpoints", "witnesses.policy", "alarms.jsonl", "remembered/*")


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made."""

    path: Path
    bytes: int
    manifest: Manifest
    keys: Path  # what is not in it


def back_up(
    settings: Settings,
    target: Path,
    *,
    force: bool = False,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Backup:
    """Makes a backup of a home, served or not. Raises Conflict, LogUnavailable."""
    signer = signs(settings)
    with (
        writing(target, force=force) as writer,
        tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as at,
    ):
        copy = Path(at) / DATABASE
        database = open_database(settings.database_url)
        try:
            left_out = copied(database, copy, progress=progress)
        finally:
            database.dispose()
        head, schema = _head(copy, settings, signer.verifier)
        files = list(_files(settings))
        total = copy.stat().st_size + sum(path.stat().st_size for _, path in files if path.exists())
        done = 0

        def tell(more: int) -> None:
            nonlocal done
            done += more
            if progress is not None:
                progress(min(done, total), total)

        writer.tell = tell
        writer.add(DATABASE, copy)
        writer.add_bytes(FILE_NAME, _settings(settings))
        for name, path in files:
            writer.add(name, path)
        now = (clock or SystemClock()).now().isoformat(timespec="seconds").replace("+00:00", "Z")
        manifest = Manifest(now, schema, signer.vkey, head.checkpoint, dict(writer.members), left_out)
        writer.end(manifest, signer)
    return Backup(target, target.stat().st_size, manifest, settings.keys)


def copy_keys(settings: Settings, folder: Path) -> None:
    """Copies `keys/` of a home, served or not, into the new `folder`, the key store as it stands in one moment.

    Raises Conflict where the folder is there, LogUnavailable where the key store does not answer.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise Conflict(f"`{folder}` is there already", reason="backup-exists") from None
    for path in sorted(settings.keys.iterdir()):
        if path.is_file() and not path.name.startswith(KEY_STORE):
            write_secret(folder / path.name, path.read_bytes())
    store = open_database(settings.keys_url)
    try:
        keys_copied(store, folder / KEY_STORE)
    finally:
        store.dispose()


def _head(copy: Path, settings: Settings, verifier: audit.NoteVerifier) -> tuple[audit.Head, int]:
    """Where the copied log stands: its head agrees with its checkpoint, the number of leaves and the last of them."""
    engine = open_database(f"sqlite:///{copy}")
    try:
        with engine.connect() as connection, connection.begin():
            head = verified_head(connection, origin=settings.log_origin, verifier=verifier)
        return head, stored_version(engine) or 0
    except audit.Tampered as error:
        raise LogUnavailable(f"the log is not whole: {error}", reason="log-tampered") from None
    except audit.LogError as error:
        raise LogUnavailable(str(error)) from None
    finally:
        engine.dispose()


def _files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Names in the backup, and where the files lie. What an upload is still bringing in is left out."""
    for pattern in _FILES:
        for path in sorted(settings.home.glob(pattern)):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(settings.home).as_posix(), path
    for path in sorted(settings.keys.glob("*.pub")):
        yield f"keys/{path.name}", path
    for folder, folders, names in os.walk(settings.data):
        folders[:] = sorted(name for name in folders if ".upload-" not in name)
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink() and not name.startswith(".load-"):
                yield path.relative_to(settings.home).as_posix(), path


def _settings(settings: Settings) -> bytes:
    """The settings without the databases' addresses, which may hold passwords: a restored home has others."""
    text = (settings.home / FILE_NAME).read_text(encoding="utf-8")
    return _ADDRESSES.sub(r"# \1 stood here; it is in no backup", text).encode()
