"""`accordant subject`: what a client may ask of the party that holds its data."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from governance.commands.connection import connect, connection_options
from governance.commands.ordering import confirmed, erased, known_client, ordered

__all__ = ["subject"]


@click.group()
def subject() -> None:
    """A client's rights: who saw its data, and to be forgotten.

    \b
    Example:
      accordant subject disclosures 1042
    """


@subject.command()
@click.argument("client", metavar="ID")
@click.option("--contributor", metavar="PARTY", default=None, help="Whose client, where an administrator asks.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connection_options
def disclosures(client: str, contributor: str | None, as_json: bool, **connection: Any) -> None:
    """Who saw a client's data: when, to whom, for which purpose, under which clause. The question is recorded.

    \b
    Example:
      accordant subject disclosures 1042
    """
    asked = {"subject": client} | ({"contributor": contributor} if contributor else {})
    with known_client():
        told = connect(**connection).post("/v1/disclosures", asked)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for name in ("entry", "time (UTC)", "to", "purpose", "dataset", "view", "fields", "clause"):
        table.add_column(name)
    for one in told["disclosures"]:
        when = one["time"][:19].replace("T", " ")
        fields = " ".join(one["fields"]) or ("request erased" if one["request_erased"] else "")
        words = [one[name] for name in ("to", "purpose", "dataset", "view")]
        table.add_row(str(one["entry"]), when, *map(str, words), fields, " ".join(one["clauses"]))
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    click.echo(f"{len(told['disclosures'])} disclosures; asked in entry {told['entry']}", err=True)
    if not told["complete"]:
        click.echo("there are more than are shown", err=True)
    if told["records_erased"]:
        under = ", ".join(map(str, told["erased_under"]))
        click.echo(
            f"besides, the records of {told['records_erased']} disclosures were erased under entry {under}: of whom "
            "they were nobody knows any more",
            err=True,
        )


@subject.command("erase")
@click.argument("client", metavar="ID")
@click.option("--basis", required=True, metavar="TEXT", help="Why: it is recorded for ever, so it names nobody.")
@click.option("--contributor", metavar="PARTY", default=None, help="Whose client.")
@click.option("--keep-disclosures", is_flag=True, help="Erase the rest where the disclosures have to be kept yet.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connection_options
def erase_(client: str, yes: bool, as_json: bool, **wanted: Any) -> None:
    """Forget a client: `accordant audit erase` by another name.

    \b
    Example:
      accordant subject erase 1042 --contributor northside --basis "the client asked"
    """
    confirmed(yes)
    names = ("basis", "contributor", "keep_disclosures")
    order = {name: wanted.pop(name) for name in names}
    with known_client():
        made = ordered("erase", "/v1/erasures", subject=client, connection=wanted, **order)
    erased(made, as_json=as_json)
