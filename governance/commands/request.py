"""`accordant request`: a connector's request from the shell."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from connectors.client import Answer, QueryRefused
from governance.commands.connection import connect, connection_options
from governance.errors import InputWrong

__all__ = ["request"]

_ACCEPT = {"json": "application/json", "csv": "text/csv", "arrow": "application/vnd.apache.arrow.stream"}


def _list(value: str | None) -> list[str]:
    return [v.strip() for v in value.split(",") if v.strip()] if value else []


def _filter(text: str) -> dict[str, Any]:
    """`field=value`, or `field:op:value` with any operator; a list's values are separated by `|`."""
    if "=" in text and text.count(":") < 2:
        name, _, value = text.partition("=")
        return {"field": name, "op": "eq", "value": _value(value)}
    parts = text.split(":", 2)
    if len(parts) == 2 and parts[1] == "is_null":
        return {"field": parts[0], "op": "is_null"}
    if len(parts) != 3:
        raise InputWrong(f"`{text}` is not field=value or field:op:value", field="--filter")
    name, op, value = parts
    return {
        "field": name,
        "op": op,
        "value": [_value(v) for v in value.split("|")] if op in ("in", "between") else _value(value),
    }


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return text if isinstance(value, dict | list) else value


@click.command()
@click.option("--dataset", required=True, help="The dataset of the MOU.")
@click.option("--fields", default=None, help="Fields, separated by commas.")
@click.option("--rows", type=click.Choice(["own", "others", "all"]), required=True)
@click.option("--from", "from_", default=None, help="Only these contributing parties, separated by commas.")
@click.option("--view", type=click.Choice(["identified", "pseudonymised", "aggregate"]), required=True)
@click.option("--purpose", required=True, help="The purpose that you declare and sign.")
@click.option("--mou", required=True, help="The MOU that you rely on.")
@click.option("--under", default=None, help="The clause that you rely on.")
@click.option("--filter", "filters", multiple=True, help="field=value, or field:op:value (in, between: a|b|c).")
@click.option("--group-by", default=None, help="Fields, separated by commas.")
@click.option("--measure", "measures", multiple=True, help="clients, or measure:field such as mean:attendance_days.")
@click.option("--indicator", default=None, help="An indicator of the MOU, as id:period such as completion:2026-Q2.")
@click.option("--limit", type=int, default=None)
@click.option("--format", "format_", type=click.Choice(list(_ACCEPT)), default=None, help="csv into a file or a pipe.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), default=None)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@connection_options
def request(**options: Any) -> None:
    """Ask for data under an MOU, with a signed purpose declaration.

    \b
    Example:
      accordant request --dataset enrollments --fields program,completed --rows all --view aggregate \\
          --purpose program-improvement --mou benchmarking
    """
    body: dict[str, Any] = {"dataset": options["dataset"], "rows": options["rows"], "view": options["view"]}
    for key, value in (
        ("fields", _list(options["fields"])),
        ("from", _list(options["from_"])),
        ("under", (options["under"] or "").removeprefix(f"{options['mou']}:")),
        ("filters", [_filter(f) for f in options["filters"]]),
        ("group_by", _list(options["group_by"])),
        ("measures", [dict(zip(("measure", "field"), m.split(":", 1), strict=False)) for m in options["measures"]]),
        ("limit", options["limit"]),
    ):
        if value:
            body[key] = value
    if options["indicator"]:
        name, _, period = options["indicator"].partition(":")
        body["indicator"] = {"id": name, "period": period}
    output: Path | None = options["output"]
    wanted = options["format_"] or ("json" if options["as_json"] or (output is None and sys.stdout.isatty()) else "csv")
    client = connect(**{k: options[k] for k in ("server", "key", "passphrase_file") if k in options})
    try:
        answer = client.query(body, purpose=options["purpose"], mou=options["mou"], accept=_ACCEPT[wanted])
    except QueryRefused as refused:
        _explain(refused)
        raise
    if output is not None:
        with output.open("wb") as file:
            for chunk in answer.chunks():
                file.write(chunk)
        click.echo(f"{output}: {output.stat().st_size} bytes, entry {answer.entry} of the log", err=True)
    elif wanted == "json" and sys.stdout.isatty() and not options["as_json"]:
        _table(answer)
    else:
        for chunk in answer.chunks():
            sys.stdout.buffer.write(chunk)
        if wanted == "json":
            sys.stdout.buffer.write(b"\n")
        sys.stdout.flush()
        click.echo(f"entry {answer.entry} of the log", err=True)


def _explain(refused: QueryRefused) -> None:
    """The clauses with their words, and the nearest request that would pass, before the one line that says no."""
    for clause in refused.clauses:
        words = clause["text"].splitlines()[0]
        click.echo(f"clause {clause['clause']} of {clause['mou']}, {clause['title']}: {words}", err=True)
    if refused.nearest:
        click.echo(f"this would pass: {json.dumps(refused.nearest, ensure_ascii=False)}", err=True)


def _table(answer: Answer) -> None:
    document = answer.json()
    table = Table(box=None, pad_edge=False)
    for name in document["columns"]:
        table.add_column(name)
    for row in document["rows"][:200]:
        table.add_row(*("·" if cell is None else str(cell) for cell in row))
    Console().print(table)
    more = len(document["rows"]) - 200
    if more > 0:
        click.echo(f"… and {more} rows more (-o FILE takes them all)", err=True)
    click.echo(f"entry {answer.entry} of the log; `·` is not shown", err=True)
