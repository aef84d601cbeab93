"""`accordant audit rotate-log-key` and `resume`: the log gets another key; a restored service releases data again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from governance.commands import connection as c
from governance.errors import Conflict, InputWrong

__all__ = ["resume", "rotate_log_key"]


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


@click.command()
@click.option("--reason", required=True, help="Who was asked, and what was done anew; it stands in the log.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@c.connection_options
def resume(reason: str, yes: bool, as_json: bool, **connection: Any) -> None:
    """Confirm, as an administrator, that what a restore may have lost was asked for: data is released again.

    \b
    Example:
      accordant audit resume --reason "all seven partners asked; one revocation made anew" --key administrator.pem
    """
    from governance.commands.key_statements import build
    from governance.signing.statement import Resumption

    client = c.connect(**connection)
    waits = client.get("/v1/resumption")["waits"]
    if waits is None:
        raise Conflict("no restore waits to be confirmed", reason="nothing-to-confirm")
    until = (waits["missing"] or {}).get("until")
    lost = f"entries {waits['size']} to {until} are lost" if until is not None else "what was lost nobody here knows"
    click.echo(
        f"restored at entry {waits['entry']}, behind {waits['size']} entries of {waits['origin']}: {lost}", err=True
    )
    if not yes:
        if not sys.stdin.isatty():
            raise InputWrong("nobody is there to ask; say --yes", reason="needs-yes", field="--yes")
        question = "Was every party asked for revocations, withdrawals and consents since then, and are they done anew?"
        click.confirm(question, abort=True, err=True)
    said = build(Resumption, continuation=waits["continuation"], reason=reason, nonce=c.nonce(), time=c.now())
    answer = client.post("/v1/resumption", c.signed(said, c.signer(client)))
    click.echo(json.dumps(answer) if as_json else f"confirmed in entry {answer['entry']}: data is released again")
