"""`accordant audit`: the access history (over HTTP) and the proof that the log is whole (on the home's files)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from governance.commands.audit_cosign import cosign
from governance.commands.audit_export import export
from governance.commands.audit_key import resume, rotate_log_key
from governance.commands.audit_memory import compare, remember
from governance.commands.audit_verify import verify
from governance.commands.audit_witness import alarms, witness
from governance.commands.connection import connect, connection_options
from governance.commands.erasing import erase, hold, release_hold, retention, rewrap

__all__ = ["audit"]


@click.group()
def audit() -> None:
    """Search the access history; prove the log whole.

    \b
    Example:
      accordant audit search --purpose marketing
    """


def _outcome(entry: dict[str, Any]) -> str:
    body = entry["body"]
    said = [str(body[k]) for k in ("outcome", "reason", "decision") if isinstance(body.get(k), str)]
    if isinstance(body.get("rows"), int):
        said.append(f"{body['rows']:,} row{'s' * (body['rows'] != 1)}")
    return " ".join(said)


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    body = entry["body"]
    asked = body.get("request") if isinstance(body.get("request"), dict) else {}
    declared = body.get("declaration") or {}
    return (
        str(entry["seq"]),
        entry["time"][:19].replace("T", " "),
        entry["kind"],
        str(body.get("party", "")),
        str(declared.get("purpose", body.get("purpose", ""))),
        str((asked or {}).get("dataset", body.get("dataset", ""))),
        _outcome(entry),
        " ".join(f"{c['mou']}:{c['clause']}" for c in body.get("clauses", [])),
    )


@audit.command()
@click.option("--kind", help="request, release, disclosure, signature, consent, search, …")
@click.option("--party", help="Who asked.")
@click.option("--connector", help="The fingerprint of the key that signed.")
@click.option("--purpose", help="The declared purpose.")
@click.option("--dataset")
@click.option("--outcome", help="permit, deny, gap, review, invalid, unavailable, replay.")
@click.option("--clause", help="A cited clause, such as benchmarking:2.2.")
@click.option("--mou", help="An MOU's id.")
@click.option("--subject", help="A client's id: which disclosures hold it. Looks into bodies, so it takes longer.")
@click.option("--since", help="A day or an instant, in UTC where nothing is said.")
@click.option("--until", help="A day or an instant; entries before it.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--before", type=int, default=None, help="Only entries before this one: the next page.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connection_options
def search(as_json: bool, limit: int, before: int | None, server: str, key: str, **wanted: Any) -> None:
    """Search the access history, newest first. The search itself is recorded.

    \b
    Example:
      accordant audit search --party northside --outcome deny
    """
    passphrase = wanted.pop("passphrase_file", None)
    asked = {k: v for k, v in wanted.items() if v is not None} | {"limit": str(limit)}
    if before is not None:
        asked["before"] = str(before)
    found = connect(server=server, key=key, passphrase_file=passphrase).get("/v1/entries", params=asked)["entries"]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for name in ("entry", "time (UTC)", "kind", "party", "purpose", "dataset", "outcome", "clause"):
        table.add_column(name)
    for entry in found:
        table.add_row(*_row(entry))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    click.echo(f"{len(found)} entries", err=True)


@audit.command()
@click.argument("seq", type=click.IntRange(min=0))
@click.option("--json", "as_json", is_flag=True, help="Print JSON on one line.")
@connection_options
def show(seq: int, as_json: bool, **connection: Any) -> None:
    """Show one entry: its leaf, and its body as far as you may see it.

    \b
    Example:
      accordant audit show 42
    """
    entry = connect(**connection).get(f"/v1/entries/{seq}")
    click.echo(json.dumps(entry, ensure_ascii=False, indent=None if as_json else 2))


@audit.command()
@click.argument("seq", type=click.IntRange(min=0))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="A file; else standard output.")
@connection_options
def receipt(seq: int, output: Path | None, **connection: Any) -> None:
    """Keep the receipt of an entry (C2SP tlog-proof): it proves by itself that the entry was recorded.

    A connector's key gets those of its own requests, anybody else's those of the entries that they may see.
    `accordant audit verify --receipt FILE --vkey KEY` verifies it, without the server.

    \b
    Example:
      accordant audit receipt 42 -o 42.tlog-proof
    """
    proof = connect(**connection).read(f"/v1/receipts/{seq}", accept="text/plain")
    if output is None:
        click.echo(proof, nl=False)
    else:
        output.write_bytes(proof)
        click.echo(f"{output}: the receipt of entry {seq}", err=True)


@audit.command()
@connection_options
def checkpoint(**connection: Any) -> None:
    """Print the log's newest signed checkpoint.

    \b
    Example:
      accordant audit checkpoint > remembered.txt
    """
    click.echo(connect(**connection).text("/log/checkpoint"), nl=False)


for _command in (
    export, remember, compare, witness, alarms, cosign, resume, rotate_log_key, verify,
    erase, hold, release_hold, retention, rewrap,
):  # fmt: skip
    audit.add_command(_command)
