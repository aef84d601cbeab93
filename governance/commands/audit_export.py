"""`accordant audit export`: the log as a folder for an auditor."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from audit import LogError, NoteVerifier, NoteWrong
from audit.export import written
from audit.memory import recalled
from audit.note import Checkpoint, signatures_of
from connectors.answers import Answer
from connectors.client import Client
from governance.commands.connection import connect, connection_options
from governance.errors import InputWrong, NotFound, Unavailable

__all__ = ["bar", "export", "file_bytes", "keys_shown", "kept_notes", "vkey_of"]


@contextmanager
def bar(words: str, *, quiet: bool = False) -> Iterator[Any]:
    """A progress bar on a terminal, nothing elsewhere; yields `tell(done, total)`."""
    console = Console(stderr=True)
    with Progress(
        TextColumn(words),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal or quiet,
        transient=True,
    ) as progress:
        task = progress.add_task(words, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def file_bytes(path: Path, option: str) -> bytes:
    """A file that an option names. Raises NotFound."""
    try:
        return path.read_bytes()
    except OSError:
        raise NotFound(f"no file `{path}` can be read", field=option) from None


def kept_notes(paths: Sequence[Path], option: str = "--remembered") -> list[bytes]:
    """Checkpoints that an option names: each file one signed note, or what `audit remember` wrote."""
    notes: list[bytes] = []
    for path in paths:
        data = file_bytes(path, option)
        try:
            if data.lstrip().startswith(b"{"):
                notes += [one.note for one in recalled(path)]
                continue
            Checkpoint.from_text(signatures_of(data)[0])
        except LogError as error:
            detail = f"`{path}` is neither a checkpoint nor what `audit remember` wrote: {error}"
            raise InputWrong(detail, reason="checkpoint-unreadable", field=option) from error
        notes.append(data)
    return notes


def vkey_of(given: str) -> str:
    """A verifier key that was given as such, or as a file. Raises NotFound, InputWrong."""
    text = given.strip()
    if not re.fullmatch(r"[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+", text):
        if not text:
            raise InputWrong("no key was given", reason="key-unreadable", field="--vkey")
        text = file_bytes(Path(given), "--vkey").decode(errors="replace").strip()
    try:
        return NoteVerifier.from_vkey(text).vkey
    except NoteWrong as error:
        detail = f"`{given}` holds no verifier key: {error}"
        raise InputWrong(detail, reason="key-unreadable", field="--vkey") from error


def _lines(answer: Answer, size: int, tell: Any) -> Iterator[bytes]:
    """The lines of `bodies.jsonl` as they come. Raises Unavailable where the last one does not say that it is all."""
    rest = b""
    ended = False
    for chunk in answer.chunks():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.startswith(b'{"seq":'):
                tell(int(line[7 : line.index(b",")]), size)
                yield line + b"\n"
                continue
            told = json.loads(line)
            if "fault" in told:
                raise Unavailable(str(told["fault"]), reason="export-broken")
            ended = told.get("end") == size
    if rest or not ended:
        raise Unavailable("the export broke off; what came is not whole", reason="answer-broken")


def keys_shown(client: Client) -> bytes:
    """How the log came to its key, as the server shows it; nothing of one that is older than that."""
    try:
        return client.read("/log/vkeys")
    except NotFound:
        return b""


def _taken(client: Client) -> tuple[Answer, bytes]:
    answer = Answer(client.request("POST", "/v1/exports", body=b"{}", accept="application/x-ndjson"))
    try:
        return answer, base64.b64decode(answer.checkpoint, validate=True)
    except (binascii.Error, ValueError):
        raise Unavailable("the server names no checkpoint of the export", reason="answer-malformed") from None


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--vkey", "vkey_file", type=click.Path(path_type=Path), default=None, help="The log's key as you know it."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connection_options
def export(folder: Path, vkey_file: Path | None, as_json: bool, **connection: Any) -> None:
    """Write the log into a folder that any tlog-tiles checker verifies, with the bodies that you may see.

    The export is recorded in the log.

    \b
    Example:
      accordant audit export /tmp/log && accordant audit verify --export /tmp/log
    """
    client = connect(**connection)
    vkey = file_bytes(vkey_file, "--vkey").decode().strip() if vkey_file else client.text("/log/vkey").strip()
    answer, checkpoint = _taken(client)
    size = int(checkpoint.split(b"\n")[1])
    with bar("exporting", quiet=as_json) as tell:
        try:
            signed = written(
                folder,
                checkpoint=checkpoint,
                vkey=vkey,
                read=lambda path: client.read(f"/log/{path}"),
                bodies=_lines(answer, size, tell),
                vkeys=keys_shown(client),
                progress=tell,
            )
        except LogError as error:
            raise InputWrong(str(error), reason="export-refused") from error
        except OSError as error:
            raise InputWrong(f"`{folder}` can't be written: {error.strerror}", field="DIR") from error
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "entries": signed.size, "entry": answer.entry}))
    else:
        click.echo(f"{signed.size} entries in {folder}; recorded as entry {answer.entry}", err=True)
