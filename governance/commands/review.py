"""`accordant review` and `accordant duty`: what waits for a person, and the signed answers."""

from __future__ import annotations

import datetime as dt
import json
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from connectors.client import Client
from governance.commands import connection as c
from governance.commands.key_statements import build, fetch, instant
from governance.errors import InputWrong, NotAuthentic, NotFound
from governance.signing.review import digest_of
from governance.signing.statement import Acknowledgement, Approval, Duty, Refusal

__all__ = ["duty", "review"]

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_DIGEST = click.argument("digest", metavar="DIGEST")


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputWrong("nobody is there to ask; say --yes", reason="needs-yes", field="--yes")
    click.confirm(question, abort=True, err=True)


def _print(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    table = Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False).print(table)


@click.group()
def review() -> None:
    """Requests that wait for a person's answer.

    \b
    Example:
      accordant review list
    """


@review.command("list")
@_JSON
@c.connection_options
def list_reviews(as_json: bool, **connection: Any) -> None:
    """What waits for your party's answer, and what your party waits for.

    \b
    Example:
      accordant review list --json
    """
    found = c.connect(**connection).get("/v1/reviews")["reviews"]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    if not found:
        click.echo("nothing waits", err=True)
        return
    _print(
        ("digest", "state", "who asks", "clause", "fields", "view", "purpose", "waits for"),
        [
            (
                r["digest"][:12],
                _state(r),
                r["reviewed"]["party"],
                f"{r['reviewed']['mou']}:{r['reviewed']['clause']}",
                ", ".join(r["reviewed"]["fields"]),
                r["reviewed"]["view"],
                r["reviewed"]["purpose"],
                ", ".join(r["waits_for"]),
            )
            for r in found
        ],
    )


def _state(review: dict[str, Any]) -> str:
    """`refused by south: our clients were not asked`; else the state alone."""
    said = [
        f"{a['party']}: {a.get('reason', 'no reason given')}" for a in review["answers"] if a["answer"] == "refusal"
    ]
    return f"refused by {'; '.join(said)}" if review["state"] == "refused" else str(review["state"])


def _waiting(client: Client, digest: str) -> dict[str, Any]:
    """The request that a digest, or the beginning of one, names; its digest is made anew from what is shown."""
    found = [r for r in client.get("/v1/reviews")["reviews"] if r["digest"].startswith(digest)]
    if len(found) != 1:
        detail = "no request waits" if not found else f"{len(found)} requests wait"
        raise NotFound(f"{detail} under `{digest}`", reason="no-review", field="DIGEST")
    shown: dict[str, Any] = found[0]
    if digest_of(shown["reviewed"]) != shown["digest"]:
        raise NotAuthentic("the request that the server shows has another digest", reason="digest-differs")
    for name, value in shown["reviewed"].items():
        if value not in (None, [], ()):
            click.echo(f"  {name:<10}{', '.join(map(str, value)) if isinstance(value, list) else value}", err=True)
    return shown


def _answer(
    client: Client, shown: dict[str, Any], kind: str, *, reason: str | None, until: dt.datetime | None
) -> dict[str, Any]:
    key = c.signer(client)
    values: dict[str, Any] = {
        "request_sha256": shown["digest"],
        "mou": shown["reviewed"]["mou"],
        "clause": shown["reviewed"]["clause"],
        "party": fetch(client, key.fingerprint).party,
        "reason": reason,
        "nonce": c.nonce(),
        "time": c.now(),
    }
    statement = build(Approval, **values, until=until) if kind == "approval" else build(Refusal, **values)
    answer: dict[str, Any] = client.post(f"/v1/reviews/{shown['digest']}/{kind}", c.signed(statement, key))
    return answer


@review.command()
@_DIGEST
@click.option("--until", default=None, help="A day or an instant (UTC), sooner than the 30 days that it is good for.")
@click.option("--reason", default=None, help="Why, for the log.")
@_YES
@_JSON
@c.connection_options
def approve(digest: str, until: str | None, reason: str | None, yes: bool, as_json: bool, **connection: Any) -> None:
    """Approve a request of another party.

    \b
    Example:
      accordant review approve 3f9a12c47b01 --key northside.pem
    """
    ends = instant(until, field="--until") if until else None
    client = c.connect(**connection)
    shown = _waiting(client, digest)
    _confirm("Approve this?", yes=yes)
    answer = _answer(client, shown, "approval", reason=reason, until=ends)
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else f"approved in entry {answer['entry']}")


@review.command()
@_DIGEST
@click.option("--reason", required=True, help="Why, for who asked and for the log.")
@_YES
@_JSON
@c.connection_options
def refuse(digest: str, reason: str, yes: bool, as_json: bool, **connection: Any) -> None:
    """Refuse a request of another party; an approval given before is taken back.

    \b
    Example:
      accordant review refuse 3f9a12c47b01 --reason "not without the school's consent"
    """
    client = c.connect(**connection)
    shown = _waiting(client, digest)
    _confirm("Refuse this?", yes=yes)
    answer = _answer(client, shown, "refusal", reason=reason, until=None)
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else f"refused in entry {answer['entry']}")


@click.group()
def duty() -> None:
    """What parties owe: acknowledgements, deletions, reports.

    \b
    Example:
      accordant duty list
    """


@duty.command("list")
@_JSON
@c.connection_options
def list_duties(as_json: bool, **connection: Any) -> None:
    """Your party's duties; those of all parties as an administrator.

    \b
    Example:
      accordant duty list --json
    """
    found = c.connect(**connection).get("/v1/duties")["duties"]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    _print(
        ("duty", "party", "action", "last", "due", "overdue", "title"),
        [
            (
                f"{d['mou']}:{d['clause']}",
                d["party"],
                d["action"],
                d.get("last"),
                d.get("due") or (f"{d['within']} after {d['after']}" if d.get("within") else d.get("every")),
                "overdue" if d["overdue"] else "",
                d["title"],
            )
            for d in found
        ],
    )


def _named(text: str) -> tuple[str, str]:
    mou, colon, clause = text.partition(":")
    if not (mou and colon and clause):
        raise InputWrong(f"`{text}` is not MOU:CLAUSE, such as benchmarking:5.1", field="DUTY")
    return mou, clause


_DUTY = click.argument("named", metavar="MOU:CLAUSE")


@duty.command()
@_DUTY
@_YES
@_JSON
@c.connection_options
def acknowledge(named: str, yes: bool, as_json: bool, **connection: Any) -> None:
    """Acknowledge, for your party, the purpose that it may use the data for.

    \b
    Example:
      accordant duty acknowledge benchmarking:5.1 --key northside.pem
    """
    mou, clause = _named(named)
    client = c.connect(**connection)
    key = c.signer(client)
    party = fetch(client, key.fingerprint).party
    statement = build(Acknowledgement, mou=mou, clause=clause, party=party, nonce=c.nonce(), time=c.now())
    _confirm(f"Acknowledge the purpose under {named} for {party}?", yes=yes)
    answer = client.post("/v1/acknowledgements", c.signed(statement, key))
    words = f"acknowledged for {party} in entry {answer['entry']}; next due {answer.get('due', 'when it is asked for')}"
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else words)


def _mark(named: str, party: str, status: str, *, as_json: bool, connection: dict[str, Any]) -> None:
    mou, clause = _named(named)
    client = c.connect(**connection)
    statement = build(Duty, mou=mou, clause=clause, party=party, status=status, nonce=c.nonce(), time=c.now())
    answer = client.post("/v1/duties", c.signed(statement, c.signer(client)))
    words = f"{named} of {party} is recorded as {status} in entry {answer['entry']}"
    click.echo(json.dumps(answer, ensure_ascii=False) if as_json else words)


_PARTY = click.option("--party", required=True, help="Whose duty.")


@duty.command()
@_DUTY
@_PARTY
@_JSON
@c.connection_options
def done(named: str, party: str, as_json: bool, **connection: Any) -> None:
    """Record, as an administrator, that a party has done its duty.

    \b
    Example:
      accordant duty done benchmarking:5.2 --party trust --key administrator.pem
    """
    _mark(named, party, "done", as_json=as_json, connection=connection)


@duty.command()
@_DUTY
@_PARTY
@_JSON
@c.connection_options
def overdue(named: str, party: str, as_json: bool, **connection: Any) -> None:
    """Record, as an administrator, that a party's duty is overdue.

    \b
    Example:
      accordant duty overdue benchmarking:5.2 --party trust --key administrator.pem
    """
    _mark(named, party, "overdue", as_json=as_json, connection=connection)
