"""`accordant audit witness`: whose cosignatures the log is held to, in the home's policy file; and `audit alarms`."""

from __future__ import annotations

import getpass
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from audit.cosignature import CosignatureVerifier
from audit.errors import NoteWrong, PolicyWrong
from audit.policy import Policy
from audit.policy_file import with_witness, without_witness
from governance.commands.audit_cosign import key
from governance.commands.connection import connect, connection_options
from governance.errors import Conflict, InputWrong
from governance.settings import Settings, from_home

__all__ = ["alarms", "witness"]

_HOME = click.option("--home", type=click.Path(path_type=Path), default=None, help="The home; else ACCORDANT_HOME.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_QUORUM = click.option(
    "--quorum",
    type=click.IntRange(min=0),
    default=None,
    help="So many witnesses must cosign, 0: none. Else a majority, or the number that was given before.",
)
_ROUND = "a service that runs reads it at its next round (`witness_seconds`), or `accordant audit witness ask` now"


@click.group()
def witness() -> None:
    """Witnesses that vouch for the log: who they are, how many must agree, and asking them.

    \b
    Example:
      accordant audit witness list
    """


def _path(settings: Settings) -> Path:
    from governance.home_memory import POLICY

    return settings.home / POLICY


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _write(path: Path, before: bytes, after: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        if _read(path) != before:
            raise Conflict(f"`{path}` was changed by somebody else meanwhile; nothing was written", reason="moved-on")
        os.replace(name, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def _policy(data: bytes) -> Policy:
    return Policy.from_text(data) if data.strip() else Policy()


def _told(policy: Policy) -> dict[str, Any]:
    group = next((g for g in policy.groups if g.name == policy.quorum), None)
    needed = group.least if group is not None else int(policy.quorum is not None)
    witnesses = [{"name": _text(w.name), "vkey": w.verifier.vkey, "url": w.url} for w in policy.witnesses]
    return {"witnesses": witnesses, "quorum": _text(policy.quorum or b"none"), "needed": needed}


def _text(name: bytes) -> str:
    return name.decode(errors="replace")


def _print(policy: Policy, as_json: bool) -> None:
    told = _told(policy)
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    for one in told["witnesses"]:
        click.echo(f"{one['name']}  {one['url'] or '(brings its cosignatures itself)'}  {one['vkey']}")
    if not told["needed"]:
        click.echo("no cosignature is needed", err=True)
    else:
        group = f"the group `{told['quorum']}`: {told['needed']}" if policy.groups else "1"
        click.echo(f"needed: {group} of {len(told['witnesses'])}", err=True)


@witness.command()
@click.argument("words", nargs=-1, metavar="[URL] VKEY")
@click.option("--name", default=None, help="What the policy calls it; else the name in its key.")
@_QUORUM
@_HOME
@_JSON
def add(words: tuple[str, ...], name: str | None, quorum: int | None, home: Path | None, as_json: bool) -> None:
    """Add a witness: its address and its verifier key; without an address, one that brings its cosignatures itself.

    How many must agree is a majority, unless --quorum says otherwise: two majorities share a witness, so that no two
    histories of one log can both be cosigned.

    \b
    Example:
      accordant audit witness add https://witness.example.org witness.example.org+7ca8...+BFq...
    """
    if len(words) not in (1, 2):
        raise InputWrong("an address and a verifier key, or a verifier key alone", field="VKEY")
    url = words[0] if len(words) == 2 else None
    if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
        raise InputWrong(f"`{url}` is not an address such as https://witness.example.org", field="URL")
    from governance.home import note_signer

    settings = from_home(home)
    path = _path(settings)
    before = _read(path)
    try:
        verifier = CosignatureVerifier.from_vkey(words[-1])
        log_vkey = note_signer(settings).vkey
        after = with_witness(
            before, name=name or verifier.name, vkey=verifier.vkey, url=url, log_vkey=log_vkey, quorum=quorum
        )
    except PolicyWrong as error:
        raise InputWrong(f"{path.name}: {error}", reason="policy-wrong") from error
    except NoteWrong as error:
        raise InputWrong(str(error), reason="vkey-wrong", field="VKEY") from error
    _write(path, before, after)
    _print(_policy(after), as_json)
    click.echo(f"written to {path}; {_ROUND}", err=True)


@witness.command()
@click.argument("name")
@_QUORUM
@_HOME
@_JSON
def remove(name: str, quorum: int | None, home: Path | None, as_json: bool) -> None:
    """Remove a witness. An alarm that it raised stays until it is settled.

    \b
    Example:
      accordant audit witness remove witness.example.org
    """
    path = _path(from_home(home))
    before = _read(path)
    try:
        after = without_witness(before, name, quorum=quorum)
    except PolicyWrong as error:
        raise InputWrong(f"{path.name}: {error}", reason="policy-wrong") from error
    _write(path, before, after)
    _print(_policy(after), as_json)
    click.echo(f"written to {path}; {_ROUND}", err=True)


@witness.command(name="list")
@_HOME
@_JSON
def listed(home: Path | None, as_json: bool) -> None:
    """List the policy's witnesses, and how many must agree.

    \b
    Example:
      accordant audit witness list
    """
    path = _path(from_home(home))
    try:
        policy = _policy(_read(path))
    except PolicyWrong as error:
        raise InputWrong(f"{path.name}: {error}", reason="policy-wrong") from error
    _print(policy, as_json)


@witness.command()
@_JSON
@connection_options
@click.pass_context
def ask(ctx: click.Context, /, as_json: bool, **connection: Any) -> None:
    """Have the newest checkpoint submitted to every witness now, with an administrator's key.

    Ends with 1 where a witness contradicts the log, or less than the quorum has cosigned what there is.

    \b
    Example:
      accordant audit witness ask
    """
    told = connect(**connection).post("/v1/witnesses/round", {})
    short = told["covered"] is not None and told["covered"] < told["entries"]
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        for one in told["witnesses"]:
            said = one["detail"] or (f"cosigned at {one['cosigned_at']}" if one["cosigned_at"] else "brings its own")
            click.echo(f"{one['name']}  {said}")
        for found in told["contradictions"]:
            click.echo(f"ALARM: {found['by']} remembers another history: {found['detail']} ({found['code']})")
        if told["covered"] is not None:
            click.echo(f"a quorum covers {told['covered']} of {told['entries']} entries", err=True)
    ctx.exit(1 if told["contradictions"] or short else 0)


witness.add_command(key)


@click.command()
@click.option("--settle", "reason", default=None, metavar="REASON", help="Settle all of them, and say why.")
@_HOME
@_JSON
@click.pass_context
def alarms(ctx: click.Context, reason: str | None, home: Path | None, as_json: bool) -> None:
    """Show who remembers another history of the log, with both checkpoints; settle it once you know why.

    While an alarm stands the service is read-only. A service that runs hears within seconds what was
    settled, and records it in the log; a witness that still contradicts raises the alarm again.

    \b
    Example:
      accordant audit alarms --settle "restored the backup of May; partners were told"
    """
    import datetime as dt

    from governance.adapters.alarms import AlarmFile
    from governance.home_memory import ALARMS

    file = AlarmFile(from_home(home).home / ALARMS)
    if reason is not None:
        if not reason.strip():
            raise InputWrong("say why", field="--settle")
        settled = file.settle(by=getpass.getuser(), reason=reason.strip(), at=dt.datetime.now(dt.UTC))
        if as_json:
            click.echo(json.dumps({"settled": len(settled)}))
        else:
            click.echo(f"{len(settled)} settled; a service that runs hears it within seconds, and records it", err=True)
        return
    found = file.read()
    if as_json:
        told = [
            {
                "by": a.found.by, "code": a.found.code, "detail": a.found.detail, "since": a.found.since.isoformat(),
                "kept": a.found.kept.decode(), "shown": a.found.shown.decode(), "settled_by": a.settled_by,
                "reason": a.reason, "entry": a.entry,
            }
            for a in found
        ]  # fmt: skip
        click.echo(json.dumps(told, ensure_ascii=False))
    for alarm in found if not as_json else ():
        state = f"settled by {alarm.settled_by}: {alarm.reason}" if alarm.settled_by else "STANDS"
        click.echo(f"{alarm.found.since:%Y-%m-%d %H:%M} {alarm.found.sentence} ({alarm.found.code}): {state}")
        for words, note in (("remembered", alarm.found.kept), ("shown", alarm.found.shown)):
            click.echo(f"\n{words}:\n{note.decode() or '(not known here)'}")
    standing = sum(a.settled_by is None for a in found)
    click.echo(f"{standing} of {len(found)} stand", err=True)
    ctx.exit(1 if standing else 0)
