"""`accordant key`: keys are made where their owners are, and only public halves travel.

The first key is the real hole: whoever can enrol it can sign. So every command here prints fingerprints, to be told and
compared by another way than the server's (a telephone, a meeting), and an approval asks whether that was done.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from connectors.client import Client
from connectors.keyfile import default_file, write_key
from governance.commands import connection as c
from governance.commands.key_statements import approve as approve_key
from governance.commands.key_statements import attest as attest_key
from governance.commands.key_statements import enrol, fetch, instant
from governance.commands.key_statements import revoke as revoke_key
from governance.errors import InputWrong, Refused
from governance.signing.keys import ALGORITHMS, PrivateKey

__all__ = ["key"]

_USES = ("signatory", "connector", "steward", "administrator")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_ALG = click.option("--alg", type=click.Choice(ALGORITHMS), default=ALGORITHMS[0], show_default=True)
_ASK = click.option("--passphrase", "ask", is_flag=True, help="Ask for a passphrase that encrypts the file.")


def _fingerprint(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"SHA256:[A-Za-z0-9_-]{43}", value, re.ASCII):
        raise InputWrong(f"`{value}` is not a fingerprint (`SHA256:` and 43 characters)", field="FINGERPRINT")
    return value


_FINGERPRINT = click.argument("fingerprint", callback=_fingerprint)


@click.group()
def key() -> None:
    """Keys of signatories and connectors; private halves stay with their owners.

    \b
    Example:
      accordant key new
      accordant key enroll --party northside --person "the director" --organisation Northside --capacity director
    """


def _confirm(question: str, *, yes: bool) -> None:
    if not yes:
        if not sys.stdin.isatty():
            raise InputWrong("nobody is there to ask; say --yes", reason="needs-yes", field="--yes")
        click.confirm(question, abort=True, err=True)


def _made(file: Path, alg: str, *, ask: bool, passphrase_file: Path | None) -> PrivateKey:
    passphrase = c.passphrase_from(passphrase_file)
    if ask and passphrase is None:
        passphrase = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    made = PrivateKey.generate("ed25519" if alg == "ed25519" else "ecdsa-p256-sha256")
    write_key(file, made, passphrase=passphrase)
    return made


@key.command("new")
@_ALG
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="The private key's file, mode 0600; its public half is FILE.pub. Else ACCORDANT_KEY, ~/.accordant/key.pem.",
)
@_ASK
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Encrypt with the passphrase in this file; ACCORDANT_PASSPHRASE does so too.",
)
@_JSON
def _new(alg: str, output: Path | None, ask: bool, passphrase_file: Path | None, as_json: bool) -> None:
    """Make a key on this machine, and print its fingerprint.

    \b
    Example:
      accordant key new -o northside.pem --passphrase
    """
    file = output or default_file()
    made = _made(file, alg, ask=ask, passphrase_file=passphrase_file)
    if as_json:
        values = {"fingerprint": made.fingerprint, "alg": made.alg, "file": str(file), "public": f"{file}.pub"}
        click.echo(json.dumps(values))
        return
    click.echo(made.fingerprint)
    click.echo(f"private key  {file}  (mode 0600; give it to nobody)", err=True)
    click.echo(f"public key   {file}.pub", err=True)
    click.echo("Tell the fingerprint above to the other partners by another way than this server.", err=True)


@key.command("enroll")
@click.option("--party", required=True, help="The party's id in the MOUs.")
@click.option("--person", required=True, help='Who signs with it, such as "the director of Northside".')
@click.option("--organisation", required=True, help="The organisation's name.")
@click.option("--capacity", required=True, help="In which capacity, such as director.")
@click.option("--use", type=click.Choice(_USES), default="signatory", show_default=True)
@_JSON
@c.connection_options
def _enroll(
    party: str, person: str, organisation: str, capacity: str, use: str, as_json: bool, **connection: Any
) -> None:
    """Ask for a key to be enrolled; an administrator approves it.

    \b
    Example:
      accordant key enroll --party northside --person "the director of Northside" \\
          --organisation Northside --capacity director --key northside.pem
    """
    client = c.connect(**connection)
    who = {"party": party, "person": person, "organisation": organisation, "capacity": capacity, "use": use}
    answer = enrol(client, c.signer(client), who)
    if as_json:
        click.echo(json.dumps(answer))
        return
    click.echo(answer["fingerprint"])
    click.echo(f"enrolled for {party} as {use}: {answer['state']}", err=True)
    click.echo("Tell the fingerprint above to the administrator and the other partners by another way.", err=True)


def _shown(found: dict[str, Any]) -> None:
    for name in ("fingerprint", "party", "use", "person", "organisation", "capacity"):
        click.echo(f"  {name:<13}{found[name]}", err=True)


@key.command("approve")
@_FINGERPRINT
@_YES
@_JSON
@c.connection_options
def _approve(fingerprint: str, yes: bool, as_json: bool, **connection: Any) -> None:
    """Approve an enrolment: as an administrator, or as a signatory for a key of one's own party.

    \b
    Example:
      accordant key approve SHA256:yZ… --key administrator.pem
    """
    client = c.connect(**connection)
    mine, enrolment = c.signer(client), fetch(client, fingerprint)
    _shown(enrolment.model_dump())
    _confirm("Did its owner tell you this fingerprint by another way than this server?", yes=yes)
    answer = approve_key(client, mine, enrolment)
    click.echo(json.dumps(answer) if as_json else f"{fingerprint} is approved")


@key.command("attest")
@_FINGERPRINT
@_YES
@_JSON
@c.connection_options
def _attest(fingerprint: str, yes: bool, as_json: bool, **connection: Any) -> None:
    """Say, as a signatory of another party, that you know whose key this is; it is signed, and everybody sees it.

    Compare the fingerprint with its owner first, by another way than this server: a meeting, a telephone.

    \b
    Example:
      accordant key attest SHA256:yZ… --key southport.pem
    """
    client = c.connect(**connection)
    mine, enrolment = c.signer(client), fetch(client, fingerprint)
    _shown(enrolment.model_dump())
    question = f"Did {enrolment.person} of {enrolment.organisation} tell you this fingerprint, and not this server?"
    _confirm(question, yes=yes)
    answer = attest_key(client, mine, enrolment, by=fetch(client, mine.fingerprint).party)
    click.echo(json.dumps(answer) if as_json else f"{fingerprint} is attested in entry {answer['entry']}")


@key.command("revoke")
@_FINGERPRINT
@click.option("--reason", required=True, help="Why, for everybody who reads the log.")
@click.option(
    "--compromised-since",
    default=None,
    help="A day or an instant (UTC): what it signed from then on does not count. Without it, all that it signed holds.",
)
@_YES
@_JSON
@c.connection_options
def _revoke(
    fingerprint: str, reason: str, compromised_since: str | None, yes: bool, as_json: bool, **connection: Any
) -> None:
    """End a key: one's own, one of one's party, or as an administrator any.

    \b
    Example:
      accordant key revoke SHA256:yZ… --reason "laptop stolen" --compromised-since 2026-10-01
    """
    since = instant(compromised_since, field="--compromised-since") if compromised_since else None
    client = c.connect(**connection)
    mine = c.signer(client)
    _confirm(f"End {fingerprint} for good?", yes=yes)
    answer = revoke_key(client, mine, fingerprint, reason=reason, since=since)
    click.echo(json.dumps(answer) if as_json else f"{fingerprint} is revoked")


@key.command("rotate")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The new private key's file."
)
@_ALG
@_ASK
@click.option("--keep-old", is_flag=True, help="Do not revoke the old key.")
@_YES
@_JSON
@c.connection_options
def _rotate(output: Path, alg: str, ask: bool, keep_old: bool, yes: bool, as_json: bool, **connection: Any) -> None:
    """Replace a key by a new one of the same owner: enrolled, approved by the old key, and the old one revoked.

    \b
    Example:
      accordant key rotate --key northside.pem -o northside-2027.pem
    """
    client = c.connect(**connection)
    old = c.signer(client)
    current = fetch(client, old.fingerprint)
    _confirm(f"Replace {old.fingerprint} by a new key in {output}?", yes=yes)
    made = _made(output, alg, ask=ask, passphrase_file=connection.get("passphrase_file"))
    who = {name: str(getattr(current, name)) for name in ("party", "person", "organisation", "capacity", "use")}
    answer = enrol(client, made, who) | {"old": old.fingerprint}
    try:
        answer |= approve_key(client, old, fetch(client, made.fingerprint))
        if not keep_old:
            revoke_key(client, old, old.fingerprint, reason=f"rotated to {made.fingerprint}", since=None)
    except Refused as refused:
        # A connector's key can't approve another: the new key waits, and the old one goes on.
        answer["detail"] = refused.detail
    if as_json:
        click.echo(json.dumps(answer))
        return
    click.echo(made.fingerprint)
    click.echo(f"the new key is {answer['state']}" + (f": {answer['detail']}" if "detail" in answer else ""), err=True)
    click.echo("Tell the fingerprint above to the other partners by another way.", err=True)


@key.command("list")
@click.option("--party", default=None, help="Only this party's.")
@_JSON
@c.connection_options
def _list(party: str | None, as_json: bool, **connection: Any) -> None:
    """List the keys that are enrolled: whose, what for, and whether they count.

    \b
    Example:
      accordant key list --party northside
    """
    client: Client = c.connect(**connection)
    found = [k for k in client.get("/v1/keys")["keys"] if party in (None, k.get("party"))]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    names = ("fingerprint", "party", "use", "person", "state")
    table = Table(*names, "attested by", box=None, pad_edge=False)
    for entry in found:
        attested = ", ".join(str(a["party"]) for a in entry.get("attested_by", ()))
        table.add_row(*(str(entry.get(name) or "") for name in names), attested)
    Console(width=None if sys.stdout.isatty() else 200).print(table)
