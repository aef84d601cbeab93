"""`accordant mou propose`, `amend`, `show`, `sign`, `decline`, `withdraw`, `status`: the life of an MOU, over HTTP.

What is signed is what was shown: the text's digest is made here from the very bytes on the screen, and the document is
compiled here as well, so that text and policy are this document's, whatever the server says.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import click

from connectors.client import Client
from governance.commands import connection as c
from governance.commands.key_statements import build, fetch
from governance.commands.mou_shown import HELD, behind, left_out_words, print_mou, print_mous
from governance.compiler.amended import amended
from governance.compiler.positions import MAX_BYTES
from governance.errors import InputWrong, NotAuthentic
from governance.register.reading import compiled, decoded, encoded
from governance.signing.statement import Proposal, Signing

__all__ = ["amend", "decline", "propose", "show", "sign", "status", "withdraw"]

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_VERSION = click.option("--version", "number", type=click.IntRange(1), default=None, help="A version; else the newest.")
_MOU = click.argument("mou", metavar="ID")


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputWrong(
            "nobody is there to ask; read the text first, then say --yes", reason="needs-yes", field="--yes"
        )
    click.confirm(question, abort=True, err=True)


def _tell(answer: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    click.echo(sentence)
    activation = answer.get("activation")
    if answer.get("missing"):
        click.echo(f"still to sign: {', '.join(answer['missing'])}", err=True)
    mine = [o for o in (activation or {}).get("left_out", ()) if o["id"] == answer.get("mou")]
    if activation and mine:
        out = mine[-1]
        words = f"all have signed; {out['id']}@{out['version']} is not activated (entry {activation['entry']}): "
        click.echo(f"{words}{left_out_words(out['difference'])}\n{HELD}", err=True)
    elif activation and activation["state"] == "active":
        click.echo(
            f"all have signed: activated in entry {activation['entry']}, {activation['cases']} cases agreed", err=True
        )
    elif activation:
        click.echo(f"all have signed; activation waits: {activation['detail']}", err=True)


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@_YES
@_JSON
@c.connection_options
def propose(file: Path, yes: bool, as_json: bool, **connection: Any) -> None:
    """Put a version of an MOU up for signing, as an administrator.

    \b
    Example:
      accordant mou propose partners.mou.yaml --key administrator.pem
    """
    _propose(c.connect(**connection), _read(file), yes=yes, as_json=as_json)


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@_YES
@_JSON
@c.connection_options
def amend(file: Path, yes: bool, as_json: bool, **connection: Any) -> None:
    """Put a higher version of an MOU up for signing: says what it changes, then proposes it.

    \b
    Example:
      accordant mou amend partners-2.mou.yaml --key administrator.pem
    """
    document, client = _read(file), c.connect(**connection)
    new = compiled(document).mou
    former = compiled(client.read(f"/v1/mous/{new.id}/document", None)).mou
    if new.version <= former.version:
        detail = f"version {new.version} is not higher than {former.version}, which was proposed before"
        raise InputWrong(detail, reason="version-proposed", field="version")
    for line in amended(former, new) or ["nothing that is signed changes but the number of the version"]:
        click.echo(line, err=True)
    _propose(client, document, yes=yes, as_json=as_json)


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def _propose(client: Client, document: bytes, *, yes: bool, as_json: bool) -> None:
    made, key = compiled(document), c.signer(client)
    statement = Proposal(
        mou=made.mou.id,
        version=made.mou.version,
        document_sha256=hashlib.sha256(document).hexdigest(),
        text_sha256=made.text_sha256,
        policy_sha256=made.policy_sha256,
        time=c.now(),
    )
    _confirm(f"Propose {made.mou.ref}, {made.mou.title}, to {len(made.mou.parties)} parties?", yes=yes)
    answer = client.post("/v1/mous", {"document": encoded(document)} | c.signed(statement, key))
    _tell(answer, f"{made.mou.ref} is proposed; its text is {made.text_sha256}", as_json=as_json)


def _opened(client: Client, mou: str, number: int | None, decision: str) -> dict[str, Any]:
    """Opens a signing, and holds what the server says of it against the bytes that are shown."""
    opened: dict[str, Any] = client.post(
        f"/v1/mous/{mou}/openings", {"decision": decision} | ({"version": number} if number else {})
    )
    text = decoded(opened["text"])
    document = client.read(f"/v1/mous/{mou}/document", {"version": opened["version"]})
    here = compiled(document)
    if (here.mou.id, here.mou.version) != (mou, opened["version"]) or opened["mou"] != mou:
        raise NotAuthentic("the server shows another document than the one asked for", reason="document-differs")
    if hashlib.sha256(text).hexdigest() != opened["text_sha256"] or text != here.text:
        raise NotAuthentic("the text that the server shows is not what the document says", reason="text-differs")
    if opened["policy_sha256"] != here.policy_sha256:
        raise NotAuthentic("the policy that the server names is not the document's", reason="policy-differs")
    return opened | {"shown": text.decode("utf-8")}


def _say(client: Client, opened: dict[str, Any], decision: str, reason: str | None) -> dict[str, Any]:
    """Signs the statement and sends it."""
    key = c.signer(client)
    mine = fetch(client, key.fingerprint)
    statement = build(
        Signing,
        mou=opened["mou"],
        version=opened["version"],
        text_sha256=hashlib.sha256(opened["shown"].encode("utf-8")).hexdigest(),
        policy_sha256=opened["policy_sha256"],
        party=mine.party,
        person=mine.person,
        organisation=mine.organisation,
        capacity=mine.capacity,
        decision=decision,
        reason=reason,
        nonce=opened["nonce"],
        opening=opened["opening"],
        time=c.now(),
    )
    answer: dict[str, Any] = client.post(f"/v1/mous/{opened['mou']}/statements", c.signed(statement, key))
    return answer | {"fingerprint": key.fingerprint, "party": mine.party, "statement_sha256": statement.sha256}


@click.command()
@_MOU
@_VERSION
@_YES
@_JSON
@c.connection_options
def sign(mou: str, number: int | None, yes: bool, as_json: bool, **connection: Any) -> None:
    """Read an MOU, and sign it for your party.

    \b
    Example:
      accordant mou sign benchmarking --key northside.pem
    """
    client = c.connect(**connection)
    mine = c.signer(client)
    opened = _opened(client, mou, number, "sign")
    if not (as_json and yes):
        click.echo(opened["shown"], nl=False, err=as_json)
    if not as_json:
        digest = hashlib.sha256(opened["shown"].encode("utf-8")).hexdigest()
        click.echo(f"\ntext    {digest}  (made here, from what stands above)", err=True)
        click.echo(f"policy  {opened['policy_sha256']}", err=True)
        click.echo(
            f"\nBehind {mou}@{opened['version']} stand these keys; whose they are you must ask another way:", err=True
        )
        behind(client.get(f"/v1/mous/{mou}"), opened["version"])
        click.echo(f"  yours       {mine.fingerprint}", err=True)
    _confirm(f"Sign this for {opened['organisation']}?", yes=yes)
    answer = _say(client, opened, "sign", None)
    _tell(answer, f"signed for {answer['party']} in entry {answer['entry']}: {answer['state']}", as_json=as_json)


@click.command()
@_MOU
@_VERSION
@click.option("--reason", required=True, help="Why; every party reads it.")
@_YES
@_JSON
@c.connection_options
def decline(mou: str, number: int | None, reason: str, yes: bool, as_json: bool, **connection: Any) -> None:
    """Decline a version of an MOU, with a reason.

    \b
    Example:
      accordant mou decline benchmarking --reason "clause 2.5 goes too far for our board"
    """
    client = c.connect(**connection)
    opened = _opened(client, mou, number, "decline")
    _confirm(f"Decline {mou}@{opened['version']}, {opened['title']}, for {opened['organisation']}?", yes=yes)
    answer = _say(client, opened, "decline", reason)
    _tell(answer, f"declined for {answer['party']} in entry {answer['entry']}", as_json=as_json)


@click.command()
@_MOU
@click.option("--reason", default=None, help="Why, for every party.")
@_YES
@_JSON
@c.connection_options
def withdraw(mou: str, reason: str | None, yes: bool, as_json: bool, **connection: Any) -> None:
    """Withdraw your party from an MOU; the notice that it names runs from today.

    \b
    Example:
      accordant mou withdraw benchmarking --key northside.pem
    """
    client = c.connect(**connection)
    opened = _opened(client, mou, None, "withdraw")
    _confirm(f"Withdraw {opened['organisation']} from {mou}, {opened['title']}?", yes=yes)
    answer = _say(client, opened, "withdraw", reason)
    effect = next((w["takes_effect"] for w in answer["withdrawals"] if w["party"] == answer["party"]), "now")
    _tell(answer, f"{answer['party']} leaves {mou}: takes effect {effect} (entry {answer['entry']})", as_json=as_json)


@click.command()
@_MOU
@_JSON
@c.connection_options
def show(mou: str, as_json: bool, **connection: Any) -> None:
    """An MOU's versions, with the keys that stand behind each.

    \b
    Example:
      accordant mou show benchmarking
    """
    found = c.connect(**connection).get(f"/v1/mous/{mou}")
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        print_mou(found, keys=True)


@click.command()
@click.argument("mou", metavar="[ID]", required=False)
@_JSON
@c.connection_options
def status(mou: str | None, as_json: bool, **connection: Any) -> None:
    """What is in force, who has still to sign, and which signature fails and why.

    \b
    Example:
      accordant mou status benchmarking
    """
    client = c.connect(**connection)
    found = client.get(f"/v1/mous/{mou}") if mou else client.get("/v1/mous")["mous"]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    elif mou:
        print_mou(found, keys=False)
    else:
        print_mous(found)
