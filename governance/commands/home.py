"""`accordant init`, `serve` and `settings`: the commands that work on a home."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from governance.errors import InputWrong
from governance.settings import Settings, from_home

__all__ = ["init", "serve", "settings"]


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--origin", default="http://127.0.0.1:8484", show_default=True, help="The public origin of the server.")
@click.option("--listen", default=None, help="host:port to listen at; by default the origin's, on loopback.")
@click.option("--database-url", default=None, help="SQLite in DIR by default; postgresql+psycopg://… in production.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def init(folder: Path, origin: str, listen: str | None, database_url: str | None, as_json: bool) -> None:
    """Make a home: settings, database, the log's and the server's keys, an administrator's first key.

    \b
    Example:
      accordant init /srv/accordant --origin https://data.example.org --listen 127.0.0.1:8484
    """
    from urllib.parse import urlsplit

    from governance.home import init as make

    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
        raise InputWrong(f"`{origin}` is not an origin such as https://host", field="--origin")
    made = make(
        folder.resolve(),
        origin=origin.rstrip("/"),
        listen=listen or f"127.0.0.1:{parts.port or 8484}",
        database_url=database_url,
    )
    if as_json:
        click.echo(json.dumps({"home": str(made.home), "origin": made.origin, "administrator": made.administrator}))
        return
    click.echo(f"A home at {made.home}", err=True)
    click.echo(f"  settings              {made.home / 'accordant.toml'}", err=True)
    click.echo(f"  administrator's key   {made.keys / 'administrator.pem'}", err=True)
    click.echo(f"  its fingerprint       {made.administrator}", err=True)
    click.echo(
        "\nTell the fingerprint to the partners by another way, and move the administrator's key off this", err=True
    )
    click.echo("machine. Back up keys/ apart from the database. Then:", err=True)
    click.echo(f"\n  accordant serve --home {made.home}", err=True)


@click.command()
@click.option("--home", type=click.Path(path_type=Path), default=None, help="The home; else ACCORDANT_HOME.")
def serve(home: Path | None) -> None:
    """Serve the gateway.

    \b
    Example:
      accordant serve --home /srv/accordant
    """
    import gc

    # Nothing of what a start makes is garbage; `governance.serve` turns it on again once the service is made.
    gc.disable()
    from governance.serve import run

    run(from_home(home))


@click.command()
@click.option("--home", type=click.Path(path_type=Path), default=None, help="The home; else ACCORDANT_HOME.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def settings(home: Path | None, as_json: bool) -> None:
    """Print each setting with where its value came from, secrets hidden.

    \b
    Example:
      accordant settings --home /srv/accordant
    """
    found: Settings = from_home(home)
    values, places = found.shown(), found.provenance()
    if as_json:
        click.echo(json.dumps({k: {"value": v, "from": places[k]} for k, v in values.items()}))
        return
    width = max(map(len, values))
    for name, value in values.items():
        click.echo(f"{name:<{width}}  {value or '—'}  ({places[name]})")
    if os.environ.get("ACCORDANT_HOME") and home is None:
        click.echo("the home comes from ACCORDANT_HOME", err=True)
