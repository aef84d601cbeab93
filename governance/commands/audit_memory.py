"""`accordant audit remember` and `compare`: a partner's own memory of the log, and the alarm when it forked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from audit import LogError
from audit.errors import Forked, Tampered
from audit.memory import Remembered, compared, recalled
from audit.memory import remember as keep
from audit.note import NoteVerifier
from audit.succession import Chain
from audit.tiles import Tile
from connectors.client import Client
from connectors.keyfile import default_file
from governance.commands.audit_export import keys_shown, vkey_of
from governance.commands.connection import connect, connection_options
from governance.errors import InputWrong, NotFound

# How one goes on after an alarm.
_ON = "once you know why the log differs, and only then, move that file away"

__all__ = ["alarm", "compare", "held_by_tiles", "remember"]

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_VKEY = click.option("--vkey", "vkey_file", type=click.Path(path_type=Path), help="The log's key as you know it.")
_MEMORY = click.option(
    "--memory",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Else `checkpoints` beside your key.",
)


def _memory(path: Path | None) -> Path:
    return path if path is not None else default_file().parent / "checkpoints"


def _shown(client: Client, vkey_file: Path | None) -> tuple[Remembered, bytes]:
    """What the server shows now, its signature verified, and how the log came to its key.

    A key that is given may be any that the log ever had, where each was signed by the one before.
    """
    vkey = vkey_of(str(vkey_file)) if vkey_file else None
    vkeys = keys_shown(client)
    if vkey is not None:
        vkey = Chain.opened(vkeys).newest(NoteVerifier.from_vkey(vkey)).vkey
    found = Remembered(client.read("/log/checkpoint"), vkey or client.text("/log/vkey").strip())
    _ = found.checkpoint
    return found, vkeys


def held_by_tiles(client: Client, kept: tuple[Remembered, ...], shown: Remembered, vkeys: bytes) -> None:
    """That what the server shows extends each that was kept. Raises Forked."""

    def read(tile: Tile) -> bytes:
        try:
            return client.read(f"/log/{tile.path}")
        except NotFound as error:
            raise Tampered(None, "tile-missing", f"the server does not show `{tile.path}`") from error

    for one in kept:
        if not compared(one, shown, read, vkeys=vkeys):
            size, origin = one.checkpoint.size, one.checkpoint.origin
            click.echo(
                f"the newest of the {size} entries of {origin} that were remembered are lost: the log was restored "
                "from a backup, and says so itself",
                err=True,
            )


def _of_this_log(found: tuple[Remembered, ...], origin: str, vkeys: bytes) -> tuple[Remembered, ...]:
    try:
        chain = Chain.opened(vkeys)
    except LogError:
        chain = Chain()  # whoever compares is told
    return tuple(
        one for one in found if one.checkpoint.origin == origin or chain.holds(NoteVerifier.from_vkey(one.vkey))
    )


def alarm(ctx: click.Context, error: Forked, as_json: bool, *, memory: Path | None = None) -> None:
    """Prints both checkpoints, and ends with 1."""
    if as_json:
        both = {"kept": error.kept.decode(), "shown": error.shown.decode()}
        click.echo(json.dumps({"consistent": False, "code": error.code, "sentence": str(error)} | both))
    else:
        click.echo(f"ALARM: {error} ({error.code})")
        click.echo(f"\nseen before:\n{error.kept.decode()}\nshown now:\n{error.shown.decode()}")
        click.echo("keep both: together they prove it to anybody who knows the log's key", err=True)
        if memory is not None:
            click.echo(f"what was seen before stands in {memory}, and stays there; {_ON}", err=True)
    ctx.exit(1)


def _signed_by(file: Path, shown: Remembered, vkeys: bytes) -> str:
    """The key of the log that signed a file that is one checkpoint; the newest where none did, or it is none."""
    newest = NoteVerifier.from_vkey(shown.vkey)
    try:
        return Chain.opened(vkeys).signed(file.read_bytes(), newest)[1].vkey
    except LogError:
        return shown.vkey


@click.command()
@_MEMORY
@_VKEY
@_JSON
@connection_options
@click.pass_context
def remember(
    ctx: click.Context, /, memory: Path | None, vkey_file: Path | None, as_json: bool, **connection: Any
) -> None:
    """Remember the log's newest checkpoint, once it is proved to extend the last one that was remembered.

    \b
    Example:
      accordant audit remember
    """
    client, path = connect(**connection, remember=False), _memory(memory)
    try:
        shown, vkeys = _shown(client, vkey_file)
        origin, size = shown.checkpoint.origin, shown.checkpoint.size
        before = _of_this_log(recalled(path), origin, vkeys)
        held_by_tiles(client, before[-1:], shown, vkeys)
        if not before or before[-1].note != shown.note:
            keep(path, shown)
    except Forked as error:
        alarm(ctx, error, as_json, memory=path)
    except LogError as error:
        raise InputWrong(f"`{path}`: {error}", reason="memory-unreadable", field="--memory") from error
    except OSError as error:
        raise InputWrong(f"`{path}` can't be written: {error.strerror}", field="--memory") from error
    if as_json:
        since = before[-1].checkpoint.size if before else None
        click.echo(json.dumps({"consistent": True, "origin": origin, "entries": size, "since": since}))
        return
    click.echo(f"{origin}: {size} entries, remembered in {path}", err=True)
    if before:
        if before[-1].checkpoint.origin == origin:  # else the log was restored, and what is missing was told
            click.echo(f"they begin with the {before[-1].checkpoint.size} that were remembered before", err=True)
    else:
        click.echo(f"seen for the first time; ask another way whether its key is {shown.vkey}", err=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_MEMORY
@_VKEY
@_JSON
@connection_options
@click.pass_context
def compare(
    ctx: click.Context, /, file: Path, memory: Path | None, vkey_file: Path | None, as_json: bool, **connection: Any
) -> None:
    """Hold the log against what somebody else remembers (a memory file, or one checkpoint), and what you do.

    \b
    Example:
      accordant audit compare northside-checkpoints
    """
    if not file.is_file():
        raise NotFound(f"no file `{file}`", field="FILE")
    client = connect(**connection, remember=False)
    try:
        shown, vkeys = _shown(client, vkey_file)
        origin = shown.checkpoint.origin
        theirs = _of_this_log(recalled(file, vkey=_signed_by(file, shown, vkeys)), origin, vkeys)
        if not theirs:
            raise InputWrong(f"`{file}` holds no checkpoint of `{origin}`", reason="no-checkpoint", field="FILE")
        if memory is not None and not memory.is_file():
            raise NotFound(f"no file `{memory}`", field="--memory")
        ours = _of_this_log(recalled(_memory(memory)), origin, vkeys)
        held_by_tiles(client, theirs + ours, shown, vkeys)
    except Forked as error:
        alarm(ctx, error, as_json)
    except LogError as error:
        raise InputWrong(f"`{file}`, or your own memory: {error}", reason="memory-unreadable", field="FILE") from error
    if as_json:
        click.echo(json.dumps({"consistent": True, "origin": origin, "compared": len(theirs), "own": len(ours)}))
    else:
        click.echo(f"one log: {len(theirs)} of theirs and {len(ours)} of yours lead to what {origin} shows now")
