"""`accordant audit erase`, `hold`, `release-hold`, `retention` and `rewrap`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from governance.commands.audit_export import bar
from governance.commands.connection import connect, connection_options
from governance.commands.ordering import confirmed, erased, known_client, ordered
from governance.settings import from_home

__all__ = ["erase", "hold", "release_hold", "retention", "rewrap"]

_CONTRIBUTOR = click.option(
    "--contributor", metavar="PARTY", default=None, help="Whose client; an administrator may leave it out: anybody's."
)
_SUBJECT = click.option("--subject", required=True, metavar="ID", help="The client's id, as the party has it.")
_REASON = click.option(
    "--reason", required=True, metavar="TEXT", help="Why: it is recorded for ever, so it names nobody."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _about_a_client(command: Callable[..., None]) -> Callable[..., None]:
    """The options of an order that marks a client's record."""
    for option in (connection_options, _JSON, _CONTRIBUTOR, _REASON, _SUBJECT):
        command = option(command)
    return command


@click.command()
@_SUBJECT
@click.option("--basis", required=True, metavar="TEXT", help="Why: it is recorded for ever, so it names nobody.")
@_CONTRIBUTOR
@click.option(
    "--keep-disclosures", is_flag=True, help="Erase the rest where the record of disclosures has to be kept yet."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@_JSON
@connection_options
def erase(
    subject: str,
    basis: str,
    contributor: str | None,
    keep_disclosures: bool,
    yes: bool,
    as_json: bool,
    **connection: Any,
) -> None:
    """Forget a client: destroy its keys and all that lies under them; an entry says that, and never who it was.

    \b
    Example:
      accordant audit erase --contributor northside --subject 1042 --basis "the client asked, GDPR article 17"
    """
    confirmed(yes)
    with known_client():
        made = ordered(
            "erase", "/v1/erasures", subject=subject, basis=basis, contributor=contributor, connection=connection,
            keep_disclosures=keep_disclosures,
        )  # fmt: skip
    erased(made, as_json=as_json)


def _marked(
    order: str, path: str, *, subject: str, reason: str, contributor: str | None, as_json: bool, **connection: Any
) -> None:
    with known_client():
        made = ordered(
            order, path, subject=subject, basis=reason, contributor=contributor, connection=connection,
            option="--reason",
        )  # fmt: skip
    if as_json:
        click.echo(json.dumps(made))
        return
    for word, marked in made.items():
        for one in marked:
            click.echo(f"{word}: disclosures of a client of `{one['contributor']}`, entry {one['entry']}", err=True)


@click.command()
@_about_a_client
def hold(**given: Any) -> None:
    """Hold the record of a client's disclosures: it is not erased until the hold is released.

    \b
    Example:
      accordant audit hold --contributor northside --subject 1042 --reason "litigation, case 26-118"
    """
    _marked("hold", "/v1/holds", **given)


@click.command("release-hold")
@_about_a_client
def release_hold(**given: Any) -> None:
    """Release a hold.

    \b
    Example:
      accordant audit release-hold --contributor northside --subject 1042 --reason "the case is closed"
    """
    _marked("release", "/v1/holds/release", **given)


@click.command()
@click.option("--home", type=click.Path(path_type=Path), default=None, help="A home that nobody serves.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connection_options
def retention(home: Path | None, as_json: bool, **connection: Any) -> None:
    """Erase now what is due: months older than the settings keep, and what earlier orders had to leave.

    A served home does this each hour. Without --home the server is asked, by an administrator.

    \b
    Example:
      accordant audit retention --home /srv/accordant
    """
    done = connect(**connection).post("/v1/retention", {}) if home is None else _at_home(home)
    if as_json:
        click.echo(json.dumps(done))
        return
    months = ", ".join(done["months"])
    entries = ", ".join(map(str, done["entries"]))
    if done["entries"]:
        click.echo(f"erased under entry {entries}: {done['bodies']} contents of {months}", err=True)
    if done["orders"]:
        click.echo(f"erased what earlier orders had left: {done['orders']} clients' records of disclosures", err=True)
    if not done["entries"] and not done["orders"]:
        click.echo("nothing is due", err=True)
    if not done["cleaned"]:
        click.echo("NOT clean yet: a reader holds the database's journal; run it again", err=True)


def _at_home(home: Path) -> dict[str, Any]:
    from governance.bootstrap import open_services
    from governance.home import locked

    settings = from_home(home)
    with locked(settings):
        services = open_services(settings)
        try:
            orders = services.forgetting.carry_on()
            done = services.retention.run()
            return done | {"orders": orders, "cleaned": services.forgetting.vault.clean()}
        finally:
            services.close()


@click.command()
@click.option("--from", "old", required=True, metavar="SPEC", help="The old key: file:PATH, env:NAME, command:PROGRAM.")
@click.option("--home", type=click.Path(path_type=Path), default=None, help="The home; else ACCORDANT_HOME.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rewrap(old: str, home: Path | None, as_json: bool) -> None:
    """Wrap every data key anew with the wrapping key of the settings. Entries stay as they are.

    On a home that nobody serves. Broken off, it goes on where it was: each key says what wrapped it.

    \b
    Example:
      accordant audit rewrap --from file:keys/wrapping.key.old --home /srv/accordant
    """
    from governance.home import locked
    from governance.rewrapping import rewrapped

    settings = from_home(home)
    with locked(settings), bar("wrapping", quiet=as_json) as tell:
        done = rewrapped(settings, old, progress=tell)
    if as_json:
        click.echo(json.dumps({"rewrapped": done}))
    else:
        click.echo(f"{done} data keys wrapped anew; the old wrapping key opens none of them any more", err=True)
