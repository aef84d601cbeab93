"""`accordant console`: a one-time link into the console, made from a person's key."""

from __future__ import annotations

import json
import sys
import webbrowser
from typing import Any

import click

from governance.commands.connection import connect, connection_options

__all__ = ["console"]


def _show(link: str) -> None:
    """The link as a QR code (ISO/IEC 18004) on standard error: the link itself is what programs read."""
    import segno  # here, because no other command draws

    segno.make_qr(link, error="l").terminal(out=sys.stderr, border=2, compact=True)


@click.command()
@click.option("--open", "open_it", is_flag=True, help="Open the link in your browser.")
@click.option("--qr", is_flag=True, help="Show the link as a QR code too, for the camera of a phone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connection_options
def console(open_it: bool, qr: bool, as_json: bool, **connection: Any) -> None:
    """Print a link that signs you in to the console, once, within five minutes.

    \b
    Example:
      accordant console --key director.pem --server https://data.example.org
      accordant console --qr      # sign in on a phone: point its camera at the code
    """
    made = connect(**connection).post("/v1/sessions", {})
    click.echo(json.dumps(made, ensure_ascii=False) if as_json else made["link"])
    if qr:
        _show(made["link"])
    if not as_json:
        words = f"for {made['person']} of {made['party']}; good once, until {made['good_until'][11:16]} UTC"
        click.echo(words, err=True)
    if open_it:
        webbrowser.open(made["link"])
