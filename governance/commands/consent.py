"""`accordant consent`: a party's records of what its clients consented to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from governance.commands.connection import connect, connection_options
from governance.errors import DocumentWrong, Fault, InputWrong

__all__ = ["consent"]


@click.group()
def consent() -> None:
    """Consents of clients: bring records in, list them.

    \b
    Example:
      accordant consent import consents.csv
    """


@consent.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True)
@connection_options
def import_(file: Path, as_json: bool, **connection: Any) -> None:
    """Bring a CSV file of records in: all of them, or none where a row is wrong.

    \b
    Columns: subject, recipient, purpose, dataset, fields, status (given or withdrawn), from, until, evidence.
    Example:
      accordant consent import consents.csv
    """
    content = file.read_bytes()
    try:
        made = connect(**connection).post_bytes("/v1/consents", content, content_type="text/csv")
    except DocumentWrong as error:
        # The server does not know what the file is called here.
        raise DocumentWrong([Fault(f.message, file=str(file), line=f.line) for f in error.faults]) from None
    except InputWrong as error:
        raise InputWrong(f"{file}: {error.detail}", reason=error.reason) from None
    if as_json:
        click.echo(json.dumps(made))
        return
    click.echo(
        f"{file}: {made['records']} records of {made['subjects']} clients ({made['given']} given, "
        f"{made['withdrawn']} withdrawn), entry {made['entry']} of the log",
        err=True,
    )


@consent.command("list")
@click.option("--subject", default=None, help="One client's id.")
@click.option("--json", "as_json", is_flag=True)
@connection_options
def list_(subject: str | None, as_json: bool, **connection: Any) -> None:
    """List your records, newest first.

    \b
    Example:
      accordant consent list --subject 1042
    """
    params = {"subject": subject} if subject else None
    found = connect(**connection).get("/v1/consents", params=params)["consents"]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    names = ("subject", "status", "purpose", "recipient", "dataset", "fields", "from", "until", "evidence")
    for name in names:
        table.add_column(name)
    for record in found:
        table.add_row(*(" ".join(v) if isinstance(v := record.get(n, ""), list) else str(v) for n in names))
    Console().print(table)
