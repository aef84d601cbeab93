"""`accordant audit cosign`: a partner as a witness, with a key of its own (C2SP tlog-cosignature).

It signs only what extends the last checkpoint that it signed, and remembers that durably before it signs the next: two
histories get no two cosignatures of one honest partner. What others have cosigned is cosigned first, so that the
signatures of several partners meet on one checkpoint; then the newest.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from audit import LogError, NoteWrong
from audit.cosignature import CosignatureVerifier, Cosigner
from audit.errors import Forked
from audit.memory import Remembered, recalled, replaced
from audit.note import NoteVerifier, signatures_of
from audit.succession import Chain
from connectors.client import Client
from connectors.keyfile import read_key, write_key
from governance.commands.audit_export import file_bytes, keys_shown
from governance.commands.audit_memory import alarm, held_by_tiles
from governance.commands.connection import connect, connection_options, passphrase_from
from governance.errors import InputWrong, NotFound
from governance.signing.keys import PrivateKey

__all__ = ["cosign", "key"]

_WITNESS_KEY = click.Path(path_type=Path, dir_okay=False)


def _vkey_file(path: Path) -> Path:
    return path.with_name(path.name + ".vkey")


@click.command()
@click.argument("file", type=_WITNESS_KEY)
@click.option("--name", required=True, help="Your name as a witness, such as northside.example/witness.")
def key(file: Path, name: str) -> None:
    """Make a witness's key for a partner, and print the verifier key that the administrator adds.

    \b
    Example:
      accordant audit witness key northside-witness.pem --name northside.example/witness
    """
    made = PrivateKey.generate("ed25519")
    try:
        vkey = _cosigner(made, name).verifier.vkey
    except NoteWrong as error:
        raise InputWrong(str(error), field="--name") from error
    write_key(file, made)
    _vkey_file(file).write_text(f"{vkey}\n", encoding="utf-8")
    click.echo(vkey)
    click.echo(f"{file}; tell the administrator the line above by a way that you trust", err=True)


def _cosigner(private: PrivateKey, name: str) -> Cosigner:
    raw = load_pem_private_key(private.to_pem(), None)
    if not isinstance(raw, Ed25519PrivateKey):
        raise InputWrong("a witness signs with Ed25519; `accordant audit witness key` makes such a key", field="FILE")
    return Cosigner(name, raw)


def _loaded(file: Path) -> Cosigner:
    beside = _vkey_file(file)
    try:
        vkey = beside.read_text(encoding="utf-8").strip()
    except OSError:
        raise NotFound(f"no `{beside}`; `accordant audit witness key` makes both", field="--witness-key") from None
    private = read_key(file, passphrase=lambda: passphrase_from(None) or "")
    try:
        named = CosignatureVerifier.from_vkey(vkey)
        made = _cosigner(private, named.name)
    except NoteWrong as error:
        raise InputWrong(f"`{beside}`: {error}", field="--witness-key") from error
    if made.verifier != named:
        raise InputWrong(f"`{beside}` does not belong to `{file}`", field="--witness-key")
    return made


@click.command()
@click.option("--witness-key", "file", type=_WITNESS_KEY, required=True, help="What `audit witness key` made.")
@click.option("--vkey", "vkey_file", type=click.Path(path_type=Path), help="The log's key as you know it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connection_options
@click.pass_context
def cosign(ctx: click.Context, /, file: Path, vkey_file: Path | None, as_json: bool, **connection: Any) -> None:
    """Vouch for the log as a witness: that its newest checkpoint extends the last one that you cosigned.

    \b
    Example:
      accordant audit cosign --witness-key northside-witness.pem
    """
    cosigner, client = _loaded(file), connect(**connection)
    place = file.with_name(file.name + ".cosigned")
    sent: list[dict[str, Any]] = []
    try:
        before = recalled(place)
        last = before[-1] if before else None
        vkey = file_bytes(vkey_file, "--vkey").decode(errors="replace").strip() if vkey_file else None
        vkey = vkey or (last.vkey if last is not None else client.text("/log/vkey").strip())
        vkeys = keys_shown(client)
        if last is None:
            click.echo(f"the first time: the log's key is believed to be {vkey}", err=True)
        for shown in _shown(client, vkey, vkeys, last):
            if last is not None:
                held_by_tiles(client, (last,), shown, vkeys)
            replaced(place, [shown])
            last = shown
            sent.append(_send(client, cosigner, shown.note))
    except Forked as error:
        alarm(ctx, error, as_json)
    except LogError as error:
        raise InputWrong(str(error), reason="memory-unreadable") from error
    except OSError as error:
        raise InputWrong(f"`{place}` can't be written: {error.strerror}; nothing is signed without it") from error
    if as_json:
        click.echo(json.dumps(sent))
        return
    for told in sent:
        more = "with the quorum" if told["quorum"] else "more cosignatures are needed for the quorum"
        click.echo(f"cosigned {told['size']} entries as {told['witness']}, {more}", err=True)


def _shown(client: Client, vkey: str, vkeys: bytes, last: Remembered | None) -> list[Remembered]:
    """What is to be cosigned, in order: what others have, where it is not older than our last, then the newest."""
    chain, known = Chain.opened(vkeys), NoteVerifier.from_vkey(vkey)
    newest = Remembered(client.read("/log/checkpoint"), chain.newest(known).vkey)
    size = newest.checkpoint.size
    try:
        cosigned = client.read("/log/cosigned")
        others = Remembered(cosigned, chain.signed(cosigned, known)[1].vkey)
    except NotFound:
        return [newest]
    early = last.checkpoint.size if last is not None else 0
    if not early <= others.checkpoint.size < size:
        return [newest]
    # Held against each other, or two histories could be cosigned in one go.
    held_by_tiles(client, (others,), newest, vkeys)
    return [others, newest]


def _send(client: Client, cosigner: Cosigner, note: bytes) -> dict[str, Any]:
    signatures_of(note)
    line = cosigner.line(note, seconds=int(time.time()))
    document = {"checkpoint": b64encode(note).decode("ascii"), "line": b64encode(line).decode("ascii")}
    told: dict[str, Any] = client.post("/v1/cosignatures", document)
    return told
