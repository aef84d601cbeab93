"""`accordant audit verify`: of a home, of an exported folder, or of a receipt alone; and what is said of the outcome.

0: it holds. 1: it does not; the first bad entry is named, with the kind of fault and what that means. 2: what was given
can't be read.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from audit import LogError, NoteVerifier
from audit.errors import PolicyWrong
from audit.export_check import ExportReport, verify_export
from audit.policy import Policy
from audit.receipt import Receipt
from audit.vouched import quorum_fault, vouching
from governance.commands.audit_export import bar, file_bytes, kept_notes, vkey_of
from governance.errors import InputWrong

__all__ = ["POLICY", "verify"]

# Where a home keeps whose cosignatures its checkpoints need.
POLICY = "witnesses.policy"
_SHOWN = 20
_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--home", type=_PATH, default=None, help="The home; else ACCORDANT_HOME.")
@click.option("--vkey", "vkey", default=None, help="The log's verifier key as you know it: a file, or the key.")
@click.option("--export", "folder", type=_PATH, default=None, help="An exported folder instead.")
@click.option(
    "--remembered",
    type=_PATH,
    multiple=True,
    help="A checkpoint that you kept, or what `audit remember` wrote. Can be repeated.",
)
@click.option(
    "--receipt",
    "receipts",
    type=_PATH,
    multiple=True,
    help="A receipt to hold against the export; alone with --vkey, it is verified by itself. Can be repeated.",
)
@click.option("--since", default=None, help="A kept checkpoint, or a number of entries: only what came after.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="So many processes.")
@click.option(
    "--policy", "policy_file", type=_PATH, default=None, help="Whose cosignatures are needed (C2SP tlog-policy)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def verify(
    ctx: click.Context,
    home: Path | None,
    vkey: str | None,
    folder: Path | None,
    remembered: tuple[Path, ...],
    receipts: tuple[Path, ...],
    since: str | None,
    jobs: int,
    policy_file: Path | None,
    as_json: bool,
) -> None:
    """Rehash everything from stored bytes, check what entries claim, and name the first bad entry.

    With --export, of a folder that `accordant audit export` wrote, offline and without a home. With --receipt and
    --vkey alone, of a receipt, offline: which entry it proves, and who vouches for it.

    \b
    Example:
      accordant audit verify --home /srv/accordant --jobs 2
      accordant audit verify --export /tmp/log --vkey log.vkey --remembered last-year.checkpoint
      accordant audit verify --receipt request.tlog-proof --vkey log.vkey
    """
    if folder is not None and home is not None:
        raise InputWrong("an export or a home, not both", field="--export")
    key, policy = None if vkey is None else vkey_of(vkey), _policy(policy_file)
    start = _start(since)
    if folder is not None:
        ctx.exit(_folder(folder, key, kept_notes(remembered), receipts, start, jobs, policy, as_json))
    if receipts and home is None:
        _unused({"--since": since, "--remembered": remembered or None})
        ctx.exit(_receipts(receipts, key, policy, as_json))
    if receipts:
        raise InputWrong("a receipt is held against an export (--export), or verified alone", field="--receipt")
    ctx.exit(_home(home, key, kept_notes(remembered), start, jobs, policy, as_json))


def _unused(options: dict[str, Any]) -> None:
    for name, value in options.items():
        if value is not None:
            raise InputWrong(f"`{name}` says nothing of a receipt alone", field=name)


def _policy(path: Path | None) -> Policy | None:
    if path is None:
        return None
    try:
        return Policy.from_text(file_bytes(path, "--policy"))
    except PolicyWrong as error:
        raise InputWrong(f"`{path}`: {error}", reason="policy-unreadable", field="--policy") from error


def _start(since: str | None) -> bytes | int:
    if since is None:
        return 0
    if since.isascii() and since.isdigit():
        return int(since)
    notes = kept_notes([Path(since)], "--since")
    if not notes:
        raise InputWrong(f"`{since}` holds no checkpoint", reason="checkpoint-unreadable", field="--since")
    return notes[-1]


def _home(
    home: Path | None,
    vkey: str | None,
    kept: Sequence[bytes],
    since: bytes | int,
    jobs: int,
    policy: Policy | None,
    as_json: bool,
) -> int:
    from governance.settings import from_home
    from governance.verification import verify_home

    settings = from_home(home)
    own, patience = settings.home / POLICY, None
    if policy is None and own.is_file():
        policy, patience = _policy(own), settings.checkpoint_seconds
    with bar("verifying", quiet=as_json) as tell:
        report = verify_home(
            settings,
            vkey=vkey,
            remembered=kept,
            progress=tell,
            jobs=jobs,
            since=since,
            policy=policy,
            patience=patience,
        )
    if as_json:
        click.echo(json.dumps(report.to_json()))
        return 1 if report.faults else 0
    _faults([(f.seq, f.code, f.sentence, f.meaning) for f in report.faults])
    what = "every leaf, body, signature and activation verified from stored bytes"
    if not report.faults:
        click.echo(f"whole: {_range(report.size, report.since)}, {what}")
        _before(report.since)
        _erased(report.erased)
        if report.waiting:
            click.echo(
                f"  {report.vouched} entries have the cosignatures that the policy asks for; "
                f"{report.waiting} came since, and wait for the witnesses' next round"
            )
        elif policy is not None:
            click.echo("  the newest checkpoint has the cosignatures that the policy asks for")
        if report.checkpoint is not None:
            _, size, root = report.checkpoint.decode().split("\n")[:3]
            click.echo(f"  checkpoint: size {size}, root {root}; keep it, or let partners `accordant audit remember`")
    return 1 if report.faults else 0


def _range(size: int, since: int) -> str:
    return f"{size} entries" if not since else f"entries from {since} on ({size - since} of {size})"


def _before(since: int) -> None:
    if since:
        click.echo(f"  from entry {since} on; what lies before was not looked at again")


def _faults(faults: Sequence[tuple[int | None, str, str, str]]) -> None:
    """The first with what it means, and some more."""
    meant: set[str] = set()
    for number, (seq, code, sentence, means) in enumerate(faults[:_SHOWN]):
        place = f"entry {seq}" if seq is not None else "the log"
        click.echo(f"{'  also' if number else 'NOT WHOLE:'} {place}: {sentence} ({code})")
        if means not in meant:
            click.echo(f"      what it means: {means}")
            meant.add(means)
    if len(faults) > _SHOWN:
        click.echo(f"  and {len(faults) - _SHOWN} more")


def _folder(
    folder: Path,
    vkey: str | None,
    kept: Sequence[bytes],
    receipts: Sequence[Path],
    since: bytes | int,
    jobs: int,
    policy: Policy | None,
    as_json: bool,
) -> int:
    given = [file_bytes(path, "--receipt") for path in receipts]
    with bar("verifying", quiet=as_json) as tell:
        try:
            found = verify_export(
                folder,
                vkey=vkey,
                remembered=kept,
                receipts=given,
                progress=tell,
                since=since,
                policy=policy,
                jobs=jobs,
            )
        except LogError as error:
            raise InputWrong(str(error), reason="export-unreadable") from error
        except ValueError as error:
            raise InputWrong(str(error), reason="checkpoint-ahead", field="--since") from error
    erased = [(r.index, r.index, r.erased) for r in _readable(given) if r.erased is not None]
    _said(found, as_json, erased)
    return 0 if found.report.ok else 1


def _readable(given: Sequence[bytes]) -> Iterator[Receipt]:
    for data in given:
        with suppress(LogError):  # what can't be read was told
            yield Receipt.from_file(data)


def _erased(erased: Sequence[tuple[int, int, int]]) -> None:
    """What is neither valid nor a fault."""
    for first, last, under in erased[:_SHOWN]:
        which = f"entry {first}" if first == last else f"entries {first} to {last}"
        click.echo(f"  {which}: erased under entry {under}, and not verified but for place and time")
    if len(erased) > _SHOWN:
        click.echo(f"  and {len(erased) - _SHOWN} more runs of entries (--json lists them)")


def _said(found: ExportReport, as_json: bool, erased: Sequence[tuple[int, int, int]]) -> None:
    report = found.report
    if as_json:
        faults = [{"entry": f.seq, "code": f.code, "sentence": f.message, "meaning": f.meaning} for f in report.faults]
        said: dict[str, Any] = {
            "whole": report.ok,
            "entries": report.size,
            "since": report.since,
            "bodies": found.bodies,
        }
        said["erased"] = [{"first": first, "last": last, "under": under} for first, last, under in erased]
        click.echo(json.dumps({**said, "origin": found.origin, "remembered": report.remembered, "faults": faults}))
        return
    _faults([(f.seq, f.code, f.message, f.meaning) for f in report.faults])
    if report.ok:
        what = f"{found.bodies} of their contents opened and right"
        click.echo(f"whole: {_range(report.size, report.since)} of {found.origin}, {what}")
        _before(report.since)
        _erased(erased)
    if found.own_key:
        click.echo(f"  the key is the folder's own, {found.vkey}; ask another way whether it is the log's (--vkey)")
    if report.ok and not report.remembered:
        click.echo("  without a remembered checkpoint (--remembered) nobody can tell whether another log was shown")


def _receipts(paths: Sequence[Path], vkey: str | None, policy: Policy | None, as_json: bool) -> int:
    """Receipts by themselves: 1 where one does not hold."""
    if vkey is None:
        raise InputWrong("a receipt alone is verified with the log's key as you know it", field="--vkey")
    verifier = NoteVerifier.from_vkey(vkey)
    told: list[dict[str, Any]] = [_one(path, verifier, policy) for path in paths]
    for path, one in zip(paths, told, strict=True):
        if as_json:
            click.echo(json.dumps(dict(one, file=str(path)), ensure_ascii=False))
        elif one["proves"]:
            click.echo(f"{path}: {one['sentence']}")
        else:
            click.echo(f"{path}: NOT PROVEN: {one['sentence']} ({one['code']})")
            click.echo(f"      what it means: {one['meaning']}")
    return 0 if all(one["proves"] for one in told) else 1


def _one(path: Path, verifier: NoteVerifier, policy: Policy | None) -> dict[str, Any]:
    from audit.meaning import meaning

    def refused(code: str, why: str) -> dict[str, Any]:
        return {"proves": False, "code": code, "sentence": why, "meaning": meaning(code)}

    data = file_bytes(path, "--receipt")
    try:
        receipt = Receipt.from_file(data)
        checkpoint = receipt.check(verifier)
        leaf = receipt.opening.check()
        fault = None if policy is None else quorum_fault(policy, verifier, receipt.checkpoint)
    except LogError as error:
        return refused("receipt-wrong", f"the receipt does not verify: {error}")
    if fault is not None:
        return refused(*fault)
    who = () if policy is None else vouching(policy, receipt.checkpoint)
    time = leaf.time.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    cosigned = ", cosigned by " + ", ".join(f"`{name}`" for name in who) if who else ""
    erased = receipt.erased
    content = "with exactly this content" if erased is None else f"whose content was erased under entry {erased}"
    sentence = (
        f"it proves that entry {leaf.seq}, a `{leaf.kind}`, was recorded in the log `{verifier.name}` at {time} "
        f"{content}: it is under the root {checkpoint.root.hex()} of {checkpoint.size} entries, which the "
        f"log's key signed{cosigned}"
    )
    return {
        "proves": True, "sentence": sentence, "entry": leaf.seq, "kind": leaf.kind, "time": time,
        "size": checkpoint.size, "root": checkpoint.root.hex(), "origin": verifier.name, "cosigned": list(who),
        "body": receipt.opening.body,
    } | ({} if erased is None else {"erased": erased})  # fmt: skip
