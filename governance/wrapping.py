"""The home's key store, and the key-encryption key that opens it: from a file, a variable, or a command's output.

The wrapping key lies in no database and in no backup. `file:PATH` is read (a path of the home unless it begins with a
slash), `env:NAME` is taken from the environment, and `command:PROGRAM ARGUMENT…` is run without a shell, so that a key
service or an HSM can be asked. What comes back is 32 bytes as they are, in base64 or in hexadecimal digits.
"""

from __future__ import annotations

import base64
import binascii
import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

import audit
from audit import KeyStore, WrappingKey
from governance.adapters.store.database import database_file, open_database
from governance.errors import InputWrong, LogUnavailable, NotFound
from governance.settings import Settings

__all__ = ["open_keys", "wrapping_key"]

_SECONDS = 20
_FIELD = "wrapping_key"


def wrapping_key(settings: Settings, source: str | None = None) -> WrappingKey:
    """The key of the settings, or of another `source`. Raises InputWrong, NotFound, LogUnavailable; never shows it."""
    given = source or settings.wrapping_key
    kind, _, rest = given.partition(":")
    if kind == "file" and rest:
        data = _from_file(settings.home / rest)
    elif kind == "env" and rest:
        value = os.environ.get(rest)
        if value is None:
            raise NotFound(f"the variable `{rest}`, which holds the wrapping key, is not set", reason="key-missing")
        data = value.encode()
    elif kind == "command" and rest:
        data = _from_command(rest)
    else:
        message = f"`{kind}` is none of file:PATH, env:NAME and command:PROGRAM"
        raise InputWrong(message, reason="setting-wrong", field=_FIELD)
    return WrappingKey(_decoded(data))


def _from_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"the wrapping key's file `{path}` cannot be read ({error.strerror})"
        raise NotFound(message, reason="key-missing") from None


def _from_command(line: str) -> bytes:
    try:
        words = shlex.split(line)
        ran = subprocess.run(words, capture_output=True, timeout=_SECONDS, check=True, stdin=subprocess.DEVNULL)  # noqa: S603 - the operator's own setting
    except (ValueError, OSError, subprocess.SubprocessError) as error:
        message = f"the command for the wrapping key does not answer ({type(error).__name__})"
        raise LogUnavailable(message, reason="key-missing") from None
    return ran.stdout


def _decoded(data: bytes) -> bytes:
    if len(data) == 32:
        return data
    text = data.strip()
    for decode in (bytes.fromhex, lambda t: base64.b64decode(t, validate=True)):
        try:
            found = decode(text.decode("ascii"))
        except (ValueError, binascii.Error):
            continue
        if len(found) == 32:
            return found
    message = "the wrapping key is not 32 bytes, as they are, in base64 or in hexadecimal digits"
    raise InputWrong(message, reason="setting-wrong", field=_FIELD)


def open_keys(settings: Settings, *, older: Sequence[WrappingKey] = (), make: bool = False) -> KeyStore:
    """The home's data keys. Raises LogUnavailable where they are not there (unless `make`) or do not open."""
    file = database_file(settings.keys_url)
    if file is not None and not make and not file.is_file():
        message = f"the key store `{file}` is missing: put back the folder `keys` of this home"
        raise LogUnavailable(message, reason="keys-missing")
    wrapping = wrapping_key(settings)
    engine = open_database(settings.keys_url)
    try:
        return KeyStore(engine, wrapping, older=older)
    except audit.LogError as error:
        engine.dispose()
        raise LogUnavailable(f"the key store cannot be opened: {error}", reason="keys-unavailable") from error
