"""MOUs on a terminal: states, signatures, the fingerprints behind them, and what fails."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console
from rich.table import Table

__all__ = ["HELD", "behind", "left_out_words", "print_mou", "print_mous"]

HELD = "nothing that it speaks of is released to its parties, until a version that agrees is signed, or they leave it"


def left_out_words(difference: Mapping[str, Any]) -> str:
    """Why a document was left out of what counts, in one sentence."""
    answers = difference.get("answers") or {}
    said = ", ".join(f"{n}: {a.get('outcome', 'fails')} ({a.get('reason')})" for n, a in answers.items())
    asked = f" on {json.dumps(difference['request'], ensure_ascii=False)}" if difference.get("request") else ""
    return f"the readings of its policy differ{asked}" + (f": {said}" if said else "")


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0))


def _version_of(mou: dict[str, Any], number: int) -> dict[str, Any]:
    return next((v for v in mou["versions"] if v["version"] == number), {"signatures": [], "proposed": {}})


def behind(mou: dict[str, Any], number: int) -> None:
    """Whose fingerprints stand behind a version: who proposed it, and who has signed so far."""
    version = _version_of(mou, number)
    if version["proposed"]:
        click.echo(f"  proposed    {version['proposed']['fingerprint']}", err=True)
    for s in version["signatures"]:
        click.echo(f"  signed      {s['fingerprint']}  {s['party']}, {s['person']}", err=True)
        if s["approved_by"]:
            click.echo(f"              approved by {s['approved_by']}", err=True)


def print_mous(found: list[dict[str, Any]]) -> None:
    """A line an MOU."""
    if not found:
        click.echo("no MOU was proposed that you may see", err=True)
        return
    table = _table("id", "version", "state", "signed", "still to sign", "fails", "title")
    for m in found:
        cells = (
            m["id"],
            m["version"],
            m["state"] + (f", left out: {', '.join(map(str, m['left_out']))}" if m["left_out"] else ""),
            m["signed"],
            ", ".join(m["missing"]),
            m["failing"] or "",
            m["title"],
        )
        table.add_row(*("" if cell is None else str(cell) for cell in cells))
    _console().print(table)


def print_mou(mou: dict[str, Any], *, keys: bool) -> None:
    """An MOU's versions, newest first; with `keys`, digests and fingerprints too."""
    console = _console()
    in_force = mou["in_force"]
    console.print(f"{mou['id']}: {mou['state']}" + (f", version {in_force} is in force" if in_force else ""))
    for version in mou["versions"]:
        _print_version(console, version, keys=keys)
    for w in mou["withdrawals"]:
        ends = " and ends it for all" if w["ends"] == "all" else ""
        console.print(f"withdrawal of {w['party']} takes effect {w['takes_effect']}{ends} (entry {w['entry']})")
    _print_failures(console, mou["failures"])


def _print_version(console: Console, version: dict[str, Any], *, keys: bool) -> None:
    console.print(
        f"\nversion {version['version']}: {version['state']}  ({version['effective']} to {version['expires']})"
    )
    out = version.get("left_out")
    if out:
        console.print(f"  LEFT OUT  {left_out_words(out['difference'])} (entry {out['entry']})", soft_wrap=True)
        console.print(f"            {HELD}", soft_wrap=True)
    if keys:
        for name in ("document", "text", "policy"):
            console.print(f"  {name:<9} {version[f'{name}_sha256']}")
        console.print(f"  proposed  {version['proposed']['fingerprint']} (entry {version['proposed']['entry']})")
    if version["signatures"]:
        table = _table("  signed", "by", "entry", "when")
        for s in version["signatures"]:
            table.add_row(f"  {s['party']}", f"{s['person']}, {s['capacity']}", str(s["entry"]), s["time"][:16])
        console.print(table)
        if keys:
            # A fingerprint is compared by eye, so it stands whole, on a line of its own.
            for s in version["signatures"]:
                console.print(f"  {s['party']:<20} {s['fingerprint']}", soft_wrap=True)
                console.print(f"  {'':<20} approved by {s['approved_by']}", soft_wrap=True)
            console.print("  signed by these keys; whose they are you must ask another way")
    for d in version["declines"]:
        console.print(f"  declined by {d['party']}: {d.get('reason', '')} (entry {d['entry']})")
    if version["missing"]:
        some = f"{version['still_needed']} of " if version["still_needed"] < len(version["missing"]) else ""
        console.print(f"  still to sign: {some}{', '.join(version['missing'])}")
    if version["closes"] and version["state"] == "signing":
        console.print(f"  open until {version['closes']}")
    _print_failures(console, version["failures"])


def _print_failures(console: Console, failures: list[dict[str, Any]]) -> None:
    for f in failures:
        who = f" of {f['party']}" if f.get("party") else ""
        what = f.get("kind") or "entry"
        console.print(f"  FAILS  {what}{who} (entry {f['entry']}, {f['reason']}): {f['detail']}", soft_wrap=True)
