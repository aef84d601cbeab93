"""How orders about a client are signed and sent, and what came of them is told."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from governance.commands.connection import connect, nonce, now, signed, signer
from governance.errors import InputWrong, NotFound, Refused
from governance.register.reading import encoded
from governance.signing.statement import Order

__all__ = ["confirmed", "erased", "known_client", "ordered"]

_SALT = 32


def ordered(
    order: str,
    path: str,
    *,
    subject: str,
    basis: str,
    contributor: str | None,
    connection: dict[str, Any],
    keep_disclosures: bool = False,
    option: str = "--basis",
) -> dict[str, Any]:
    """Signs an order and hands it in; the salt of its digest is kept nowhere."""
    if not basis.strip():
        raise InputWrong("say why; it is recorded for ever, so it names nobody", field=option)
    if not subject.strip():
        raise InputWrong("say which client, by the id that the party has", field="--subject")
    client = connect(**connection)
    salt = secrets.token_bytes(_SALT)
    statement = Order(
        order=order,  # type: ignore[arg-type]  # one of the three, and the model looks
        log=client.log_origin(),
        contributor=contributor,
        basis=basis.strip(),
        subject_sha256=Order.digest(salt=salt, subject=subject),
        keep_disclosures=keep_disclosures,
        nonce=nonce(),
        time=now(),
    )
    travelling = signed(statement, signer(client)) | {"subject": subject, "salt": encoded(salt)}
    made = client.post(path, travelling)
    assert isinstance(made, dict)  # noqa: S101 our own server's answer
    return made


def confirmed(yes: bool) -> None:
    """Asks on a terminal; elsewhere `--yes` says it."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputWrong("nobody can be asked here; say --yes", reason="not-confirmed", field="--yes")
    click.confirm("This cannot be taken back by anybody. Erase?", abort=True, err=True)


@contextmanager
def known_client() -> Iterator[None]:
    """That nobody knows the client is an answer, and it is no."""
    try:
        yield
    except NotFound as error:
        if error.reason != "no-client":
            raise
        raise Refused(error.detail, reason=error.reason) from None


def erased(made: dict[str, Any], *, as_json: bool) -> None:
    """Tells what an erasure came to."""
    if as_json:
        click.echo(json.dumps(made, ensure_ascii=False))
        return
    click.echo(
        f"erased under entry {made['entry']}: {made['bodies']} contents of entries, {made['parts']} parts of others, "
        f"{made['keys']} keys",
        err=True,
    )
    for one in made["kept"]:
        click.echo(f"  kept: disclosures of `{one['contributor']}`: {one['detail']}", err=True)
    if made["cleaned"]:
        click.echo("  free pages and journals are clean", err=True)
    else:
        click.echo("  NOT clean yet: a reader holds the database's journal; it is tried again each hour", err=True)
    for one in made["still_in"]:
        click.echo(f"  still in the loaded rows of `{one['contributor']}`, {one['dataset']}", err=True)
    click.echo(f"  {made['not_ours']}", err=True)
