"""A home's files: whether keys are there, whole and nobody else's to read, and what lies there that nobody needs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet

import audit
from audit import KeyStore, look
from governance.diagnosis.finding import Finding, counted
from governance.errors import AccordantError
from governance.home import note_signer, root_key, secret
from governance.log_key import NEXT
from governance.settings import FILE_NAME, Settings
from governance.signing.keys import PrivateKey
from governance.unfinished import left_over
from governance.wrapping import wrapping_key

if TYPE_CHECKING:
    from sqlalchemy import Engine as Database

__all__ = ["key_findings", "stale_findings"]

_BACK = "put back the file from the backup of keys/; a new one would not fit the log"


def _pseudonym(settings: Settings) -> None:
    if len(secret(settings, "pseudonym.key")) < 32:
        raise ValueError("it is too short")


def _wrapping(settings: Settings) -> None:
    if settings.wrapping_key == "file:keys/wrapping.key":  # what comes from elsewhere is asked of with the key store
        wrapping_key(settings)


_KEYS: dict[str, Callable[[Settings], object]] = {
    "log.key": note_signer,
    "bundle.key": lambda settings: PrivateKey.from_pem(secret(settings, "bundle.key")),
    "sources.key": lambda settings: Fernet(secret(settings, "sources.key")),
    "pseudonym.key": _pseudonym,
    "wrapping.key": _wrapping,
    "administrator.pub": root_key,
}


def key_findings(settings: Settings) -> Iterator[Finding]:
    """Each key that the service needs, and the modes of all that is secret."""
    whole = True
    for name, use in _KEYS.items():
        try:
            use(settings)
        except (AccordantError, audit.LogError, ValueError, TypeError) as error:
            whole = False
            yield Finding("keys", "wrong", f"keys/{name}: {error}", _BACK)
    for path, mode in _secrets(settings):
        if path.stat().st_mode & 0o777 & ~mode:
            whole = False
            mend = f"chmod {mode:o} {path}"
            yield Finding("keys", "wrong", f"others on this machine may read {path.relative_to(settings.home)}", mend)
        if path.stat().st_uid != settings.home.stat().st_uid:
            whole = False
            mend = f"chown the home and all in it to the user that the service runs as ({path})"
            yield Finding("keys", "wrong", f"{path.relative_to(settings.home)} is not its owner's", mend)
    if (settings.keys / "administrator.pem").exists():
        mend = "move keys/administrator.pem to the administrator's own machine; the service never needs it"
        yield Finding("keys", "warning", "the administrator's private key still lies in the home", mend)
    if (settings.keys / NEXT).exists():
        mend = "start the service: it ends the rotation, or forgets it where the log knows nothing of it"
        yield Finding("keys", "warning", "a rotation of the log's key was broken off", mend)
    if whole:
        yield Finding("keys", "ok", "every key is there, fits, and is nobody else's to read")


def _secrets(settings: Settings) -> Iterator[tuple[Path, int]]:
    yield settings.home, 0o700
    for folder in (settings.keys, settings.data):
        if folder.is_dir():
            yield folder, 0o700
    yield settings.home / FILE_NAME, 0o600
    for path in sorted(settings.keys.glob("*")) if settings.keys.is_dir() else ():
        yield path, 0o644 if path.suffix == ".pub" else 0o600


def stale_findings(settings: Settings, database: Database, keys: KeyStore) -> Iterator[Finding]:
    """Rows that nothing names any more, and what an upload that broke off left behind."""
    wanted: dict[tuple[str, str], str] = {}
    try:
        for entry in look.entries_of(database, {"load"}, keys=keys):
            wanted[str(entry.body.get("party")), str(entry.body.get("dataset"))] = str(entry.body.get("path"))
    except audit.LogError:
        return  # told by the part that is about the log
    kept = {settings.data / path for path in wanted.values()}
    stale = [
        Path(folder) / name
        for folder, _, names in os.walk(settings.data)
        for name in names
        if Path(folder) / name not in kept and (name.endswith(".parquet") or ".upload-" in folder)
    ]
    left = left_over(settings.home)
    for path in left:
        detail = f"a restore that was broken off left `{path}`, with secret keys in it"
        yield Finding(
            "files", "warning", detail, f"rm -r {shlex.quote(str(path))}; or restore into the same folder again"
        )
    if stale:
        mend = "rm " + " ".join(str(path) for path in sorted(stale)[:5]) + (" …" if len(stale) > 5 else "")
        yield Finding(
            "files",
            "warning",
            f"{counted(len(stale), 'file of rows is', 'files of rows are')} used by nothing any more",
            mend,
        )
    elif not left:
        yield Finding("files", "ok", "no file is left over")
