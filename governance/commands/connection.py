"""How every command that speaks to a server finds it and its key; and how statements are signed and sent.

@connection_options
def command(server, key, passphrase_file, ...):
    client = connect(server=server, key=key, passphrase_file=passphrase_file)
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from connectors.client import Client
from connectors.keyfile import default_file, read_key, seen_file
from governance.errors import InputWrong, NotFound
from governance.signing.jws import sign_detached
from governance.signing.keys import PrivateKey
from governance.signing.statement import Statement

__all__ = ["connect", "connection_options", "load_key", "nonce", "now", "passphrase_from", "signed", "signer"]

_F = TypeVar("_F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--server", metavar="URL", default=None, help="The server; else ACCORDANT_ORIGIN."),
    click.option(
        "--key",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        help="Your private key's file; else ACCORDANT_KEY, else ~/.accordant/key.pem.",
    ),
    click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        help="Its passphrase's file; else ACCORDANT_PASSPHRASE, else you are asked.",
    ),
)


def connection_options(command: _F) -> _F:
    """Adds `--server`, `--key` and `--passphrase-file`: what `connect` takes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def passphrase_from(file: Path | None) -> str | None:
    """The passphrase of a file or of ACCORDANT_PASSPHRASE; None where neither is given."""
    if file is None:
        return os.environ.get("ACCORDANT_PASSPHRASE") or None
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n") or None
    except (OSError, UnicodeDecodeError):
        raise NotFound(f"no passphrase can be read from `{file}`", field="--passphrase-file") from None


def load_key(path: Path, *, passphrase_file: Path | None = None) -> PrivateKey:
    """The private key in a file. Asks for its passphrase only where that is needed, and only on a terminal."""

    def ask() -> str:
        known = passphrase_from(passphrase_file)
        if known is not None:
            return known
        if not sys.stdin.isatty():
            detail = "the key is encrypted; give ACCORDANT_PASSPHRASE or --passphrase-file"
            raise InputWrong(detail, reason="passphrase-needed", field="--key")
        return str(click.prompt(f"Passphrase of {path}", hide_input=True, err=True))

    return read_key(path, passphrase=ask)


def _say(words: str) -> None:
    click.echo(words, err=True)


def connect(
    *,
    server: str | None = None,
    key: Path | str | None = None,
    passphrase_file: Path | None = None,
    remember: bool = True,
) -> Client:
    """A client of the server that the options or the environment name; it remembers the log beside the key.

    Without any key, where none is at the usual place, it reads only what is open to everybody.
    """
    address = server or os.environ.get("ACCORDANT_ORIGIN")
    if not address:
        raise InputWrong("which server? name it with --server or ACCORDANT_ORIGIN", field="--server")
    named = key is not None or bool(os.environ.get("ACCORDANT_KEY"))
    path = Path(key) if key is not None else default_file()
    if not named and not path.exists():
        return Client(address, remember=remember, say=_say)
    # Where nothing can be written beside the key, the client has a place of its own.
    memory = seen_file(path, address.rstrip("/")) if os.access(path.parent, os.W_OK) else None
    return Client(address, load_key(path, passphrase_file=passphrase_file), memory=memory, remember=remember, say=_say)


def signer(client: Client) -> PrivateKey:
    """The client's key. Raises NotFound where there is none, for a statement can't go without."""
    if client.key is None:
        detail = (
            f"no key file `{default_file()}`; name yours with --key or ACCORDANT_KEY, or make one: accordant key new"
        )
        raise NotFound(detail, reason="key-missing", field="--key")
    return client.key


def now() -> dt.datetime:
    """This machine's clock, to the second: the time that statements name."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def nonce() -> str:
    """128 random bits, as statements carry them."""
    return secrets.token_urlsafe(16)


def signed(statement: Statement, key: PrivateKey) -> dict[str, str]:
    """A statement with its signature, as the server takes it."""
    payload = statement.canonical()
    encoded = urlsafe_b64encode(payload).rstrip(b"=").decode("ascii")
    return {"statement": encoded, "jws": sign_detached(key=key, payload=payload)}
