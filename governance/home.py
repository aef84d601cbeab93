"""A home: the folder of settings, database, the log's and the server's keys, and an administrator's first key.

Keys lie in files of mode 0600 outside the database, so that a copy of the database can sign, decrypt or pseudonymise
nothing.
"""

from __future__ import annotations

import base64
import datetime as dt
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.fernet import Fernet

from audit import Draft, Log
from audit.note import NoteSigner
from governance.adapters.store.database import make_tables, open_database
from governance.errors import Conflict, InputWrong, NotFound
from governance.ports import Clock
from governance.settings import FILE_NAME, Settings, from_home, template
from governance.signing.keys import PrivateKey, PublicKey
from governance.wrapping import open_keys

__all__ = [
    "ADMINISTRATOR",
    "LOCK",
    "SystemClock",
    "init",
    "locked",
    "note_signer",
    "root_key",
    "secret",
    "write_secret",
]

# The name under which the administrator's first key stands; it is no party's.
ADMINISTRATOR = "administrator"


class SystemClock:
    """The port `Clock` on the machine's clock."""

    def now(self) -> dt.datetime:
        """The instant, in UTC."""
        return dt.datetime.now(dt.UTC)


def write_secret(path: Path, content: bytes) -> None:
    """A new file of mode 0600; never overwrites."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def secret(settings: Settings, name: str) -> bytes:
    """The content of one of the home's key files. Raises NotFound, naming the file."""
    path = settings.keys / name
    try:
        return path.read_bytes()
    except OSError:
        raise NotFound(f"the key file `{path}` cannot be read", reason="key-missing") from None


def note_signer(settings: Settings) -> NoteSigner:
    """The log's own signer (C2SP signed-note, Ed25519); its name is the log's origin."""
    return NoteSigner.from_pem(settings.log_origin, secret(settings, "log.key"))


def root_key(settings: Settings) -> PublicKey:
    """The administrator's first public key, held against the fingerprint in the settings."""
    key = PublicKey.from_pem(secret(settings, "administrator.pub").decode())
    if key.fingerprint != settings.administrator:
        raise InputWrong(
            f"keys/administrator.pub is {key.fingerprint}, the settings say `{settings.administrator}`",
            reason="setting-wrong",
            field="administrator",
        )
    return key


def init(
    folder: Path, *, origin: str, listen: str, database_url: str | None = None, clock: Clock | None = None
) -> Settings:
    """Makes a home in `folder`, which is new or empty; its settings."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputWrong(f"`{folder}` is there already and not an empty folder", reason="home-exists", field="DIR")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    (folder / "keys").mkdir(mode=0o700)
    (folder / "data").mkdir(mode=0o700)
    administrator = PrivateKey.generate("ecdsa-p256-sha256")
    log_origin = f"{urlsplit(origin).netloc}/log"
    signer = NoteSigner.generate(log_origin)
    write_secret(folder / "keys" / "administrator.pem", administrator.to_pem())
    (folder / "keys" / "administrator.pub").write_text(administrator.public.pem, encoding="ascii")
    write_secret(folder / "keys" / "log.key", signer.to_pem())
    write_secret(folder / "keys" / "bundle.key", PrivateKey.generate("ecdsa-p256-sha256").to_pem())
    write_secret(folder / "keys" / "sources.key", Fernet.generate_key())
    write_secret(folder / "keys" / "pseudonym.key", secrets.token_bytes(32))
    write_secret(folder / "keys" / "wrapping.key", base64.b64encode(secrets.token_bytes(32)) + b"\n")
    text = template(origin=origin, listen=listen, log_origin=log_origin, administrator=administrator.public.fingerprint)
    if database_url:
        text += f'\ndatabase_url = "{database_url}"\n'
    write_secret(folder / FILE_NAME, text.encode())
    settings = from_home(folder, environ={})
    engine = open_database(settings.database_url)
    keys = None
    try:
        make_tables(engine)
        keys = open_keys(settings, make=True)
        log = Log.create(engine, origin=log_origin, signer=signer, keys=keys, clock=clock or SystemClock())
        log.append(
            [
                Draft(
                    "genesis",
                    {
                        "origin": log_origin,
                        "log_vkey": signer.vkey,
                        "administrator": {
                            "alg": administrator.public.alg,
                            "pem": administrator.public.pem,
                            "fingerprint": administrator.public.fingerprint,
                        },
                    },
                )
            ]
        )
        log.close()
    finally:
        if keys is not None:
            keys.close()
        engine.dispose()
    return settings


LOCK = "serve.lock"


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Holds the home for one serving process; a second one is told so at once."""
    path = settings.home / LOCK
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"another process serves the home `{settings.home}`", reason="home-in-use") from None
        yield
