"""Private keys in files: mode 0600, never overwritten, never read where others could have.

The public half lies beside, as `FILE.pub`. A passphrase is the owner's choice; who has none should keep the file on an
encrypted disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from governance.errors import Conflict, InputWrong, NotFound
from governance.signing.keys import PrivateKey, PublicKey

__all__ = ["default_file", "public_file", "read_key", "read_public", "seen_file", "state_file", "write_key"]

_MOST = 16_384


def default_file(environ: Mapping[str, str] | None = None) -> Path:
    """`ACCORDANT_KEY`, else `~/.accordant/key.pem`."""
    environ = os.environ if environ is None else environ
    return Path(environ.get("ACCORDANT_KEY") or Path.home() / ".accordant" / "key.pem")


def seen_file(path: Path, url: str) -> Path:
    """Beside a key file: where its holder remembers what it saw of a server's log."""
    return path.with_name(f"{path.name}.{_host(url)}.seen")


def state_file(url: str, fingerprint: str | None, environ: Mapping[str, str] | None = None) -> Path:
    """The same for who has no key file: under `$XDG_STATE_HOME/accordant` (XDG Base Directory)."""
    environ = os.environ if environ is None else environ
    folder = Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "accordant"
    whose = f".{fingerprint.rpartition(':')[2][:16]}" if fingerprint is not None else ""
    return folder / f"{_host(url)}{whose}.seen"


def _host(url: str) -> str:
    """An origin as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", url.partition("://")[2])


def public_file(path: Path) -> Path:
    """Where the public half of a key file lies."""
    return path.with_name(path.name + ".pub")


def write_key(path: Path, key: PrivateKey, *, passphrase: str | None = None) -> Path:
    """Writes the key and its public half, and returns where the latter lies. Neither may exist already."""
    beside = public_file(path)
    for existing in (path, beside):
        if existing.exists() or existing.is_symlink():
            raise Conflict(f"`{existing}` is there already; a key is never overwritten", reason="file-exists")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _create(path, key.to_pem(passphrase=passphrase), 0o600)
    _create(beside, key.public.pem.encode("ascii"), 0o644)
    return beside


def _create(path: Path, content: bytes, mode: int) -> None:
    try:
        # O_EXCL: a file or link that appeared in the meantime is not written through.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise Conflict(f"`{path}` is there already; a key is never overwritten", reason="file-exists") from None
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)  # whatever the umask says
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def read_key(path: Path, *, passphrase: str | Callable[[], str] | None = None) -> PrivateKey:
    """The key in a file. A callable is asked for the passphrase only when the file is encrypted.

    Raises NotFound, or InputWrong with the reasons of `PrivateKey.from_pem` and `key-file-open` where anybody but the
    owner could have read it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(f"no key file `{path}`; `accordant key new` makes one", reason="key-missing") from None
    except OSError as error:
        raise InputWrong(f"`{path}` cannot be read: {error.strerror}", reason="key-unreadable") from None
    try:
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            content = file.read(_MOST)
    except OSError as error:
        raise InputWrong(f"`{path}` cannot be read: {error.strerror}", reason="key-unreadable") from None
    if mode & 0o077:
        raise InputWrong(
            f"`{path}` may be read by others (mode {mode:04o}); make it yours alone with `chmod 600 {path}`, and "
            "if somebody may have read it, revoke the key",
            reason="key-file-open",
        )
    if callable(passphrase):
        passphrase = passphrase() if b"ENCRYPTED" in content else None
    try:
        return PrivateKey.from_pem(content, passphrase=passphrase)
    except InputWrong as error:
        raise InputWrong(f"`{path}`: {error.detail}", reason=error.reason) from None


def read_public(path: Path) -> PublicKey:
    """The public key in a file. Raises NotFound or InputWrong."""
    try:
        return PublicKey.from_pem(path.read_bytes())
    except FileNotFoundError:
        raise NotFound(f"no file `{path}`", reason="key-missing") from None
    except OSError as error:
        raise InputWrong(f"`{path}` cannot be read: {error.strerror}", reason="key-unreadable") from None
