"""`accordant console`: a one-time link into the console, made from a person's key."""

from __future__ import annotations

import json
import webbrowser
from typing import Any

import click

from governance.commands.connection import connect, connection_options

__all__ = ["console"]


@click.command()
@click.option("--open", "open_it", is_flag=True, help="Open the link in your browser.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connection_options
def console(open_it: bool, as_json: bool, **connection: Any) -> None:
    """Print a link that signs you in to the console, once, within five minutes.

    \b
    Example:
      accordant console --key director.pem --server https://data.example.org
    """
    made = connect(**connection).post("/v1/sessions", {})
    click.echo(json.dumps(made, ensure_ascii=False) if as_json else made["link"])
    if not as_json:
        words = f"for {made['person']} of {made['party']}; good once, until {made['good_until'][11:16]} UTC"
        click.echo(words, err=True)
    if open_it:
        webbrowser.open(made["link"])
