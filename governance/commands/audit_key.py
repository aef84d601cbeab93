"""`accordant audit rotate-log-key`: the log gets another key, which the old one signs."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["rotate_log_key"]


@click.command("rotate-log-key")
@click.option("--home", type=click.Path(path_type=Path), default=None, help="The home; else ACCORDANT_HOME.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rotate_log_key(home: Path | None, as_json: bool) -> None:
    """Give the log of a home that nobody serves a new key. The old key signs it in an entry, and is then gone.

    Whoever knows the old key follows. Witnesses have to be told, and keys/ backed up again.

    \b
    Example:
      accordant audit rotate-log-key --home /srv/accordant
    """
    from governance.log_key import rotate
    from governance.settings import from_home

    done = rotate(from_home(home))
    if as_json:
        click.echo(json.dumps({"entry": done.entry, "old": done.old, "new": done.new}))
        return
    click.echo(done.new)
    click.echo(f"signs from now on; the key before signed it in entry {done.entry}, and is kept nowhere", err=True)
    click.echo("back up keys/ again, and tell the witnesses; partners and auditors follow by themselves", err=True)
