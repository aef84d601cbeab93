"""`accordant audit`: the access history (over HTTP) and the proof that the log is whole (on the home's files)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from governance.commands.audit_export import bar, export, file_bytes, kept_notes, verify_folder
from governance.commands.audit_key import resume, rotate_log_key
from governance.commands.audit_memory import compare, remember
from governance.commands.connection import connect, connection_options
from governance.errors import InputWrong

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
@click.option("--home", type=click.Path(path_type=Path), default=None, help="The home; else ACCORDANT_HOME.")
@click.option("--vkey", "vkey_file", type=click.Path(path_type=Path), default=None, help="The log's verifier key.")
@click.option("--export", "folder", type=click.Path(path_type=Path), default=None, help="An exported folder instead.")
@click.option(
    "--remembered",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A checkpoint that you kept, or what `audit remember` wrote. Can be repeated.",
)
@click.option(
    "--receipt",
    "receipts",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A receipt to hold against the export. Can be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def verify(
    ctx: click.Context,
    home: Path | None,
    vkey_file: Path | None,
    folder: Path | None,
    remembered: tuple[Path, ...],
    receipts: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Rehash everything from stored bytes: chain, bodies, tree, signatures, activations; name the first bad entry.

    With --export, of a folder that `accordant audit export` wrote, offline and without a home.

    \b
    Example:
      accordant audit verify --home /srv/accordant
      accordant audit verify --export /tmp/log --vkey log.vkey --remembered last-year.checkpoint
    """
    if folder is not None:
        if home is not None:
            raise InputWrong("an export or a home, not both", field="--export")
        ctx.exit(verify_folder(folder, vkey_file=vkey_file, remembered=remembered, receipts=receipts, as_json=as_json))
    if receipts:
        raise InputWrong("a receipt is held against an export (--export)", field="--receipt")
    from governance.settings import from_home
    from governance.verification import verify_home

    vkey = file_bytes(vkey_file, "--vkey").decode(errors="replace").strip() if vkey_file else None
    kept = kept_notes(remembered)
    with bar("verifying", quiet=as_json) as tell:
        report = verify_home(from_home(home), vkey=vkey, remembered=kept, progress=tell)
    if as_json:
        click.echo(json.dumps(report.to_json()))
    elif report.faults:
        first = report.faults[0]
        place = f"entry {first.seq}" if first.seq is not None else "the log"
        click.echo(f"NOT WHOLE: {place}: {first.sentence} ({first.code})")
        for fault in report.faults[1:20]:
            place = f"entry {fault.seq}" if fault.seq is not None else "the log"
            click.echo(f"  also {place}: {fault.sentence} ({fault.code})")
    else:
        click.echo(
            f"whole: {report.size} entries, every leaf, body, signature and activation verified from stored bytes"
        )
        if report.checkpoint is not None:
            _, size, root = report.checkpoint.decode().split("\n")[:3]
            click.echo(f"  checkpoint: size {size}, root {root}; keep it, or let partners `accordant audit remember`")
    ctx.exit(1 if report.faults else 0)


@audit.command()
@connection_options
def checkpoint(**connection: Any) -> None:
    """Print the log's newest signed checkpoint.

    \b
    Example:
      accordant audit checkpoint > remembered.txt
    """
    click.echo(connect(**connection).text("/log/checkpoint"), nl=False)


for _command in (export, remember, compare, resume, rotate_log_key):
    audit.add_command(_command)
