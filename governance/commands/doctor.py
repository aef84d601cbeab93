"""`accordant doctor`: what is wrong with a home, and how to mend it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from governance.errors import InputWrong, NotFound

__all__ = ["doctor"]

_SIGNS = {"ok": "✓", "warning": "!", "wrong": "✗"}


@click.command()
@click.option("--home", type=click.Path(path_type=Path), default=None, help="The home; else ACCORDANT_HOME.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(ctx: click.Context, home: Path | None, as_json: bool) -> None:
    """Say what is wrong with a home, part by part, and how to mend it. It changes nothing.

    Ends with 0 where nothing is wrong, 1 where something is, 2 where there is no home, and 3 where a part does not
    answer at all.

    \b
    Example:
      accordant doctor --home /srv/accordant
    """
    # What it looks with is imported at the last moment: `--help` opens no database.
    from governance.diagnosis import Finding, diagnose
    from governance.settings import from_home

    try:
        found = diagnose(from_home(home))
    except NotFound:
        raise
    except InputWrong as error:
        field = f"`{error.field}`: " if error.field else ""
        mend = "correct the line in accordant.toml, or the variable in the environment; docs/operations.md has them all"
        found = (Finding("settings", "wrong", f"{field}{error.detail}", mend),)
    wrong = [finding for finding in found if finding.state == "wrong"]
    if as_json:
        parts: list[dict[str, Any]] = [
            {"part": f.part, "state": f.state, "detail": f.detail, "mend": f.mend or None} for f in found
        ]
        click.echo(json.dumps({"well": not wrong, "parts": parts}, ensure_ascii=False))
    else:
        for finding in found:
            click.echo(f"{_SIGNS[finding.state]} {finding.part:<9} {finding.detail}")
            if finding.state != "ok":
                click.echo(f"            → {finding.mend}")
        warnings = sum(finding.state == "warning" for finding in found)
        click.echo(f"{len(wrong)} wrong, {warnings} to know about" if wrong or warnings else "all is well", err=True)
    ctx.exit(3 if any(f.unavailable for f in wrong) else 1 if wrong else 0)
