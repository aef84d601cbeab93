"""`accordant evidence`: everything that an outsider needs to verify an MOU's signatures and life, in one file."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import click

from connectors.answers import Answer
from connectors.client import Client
from governance.commands.connection import connect, connection_options
from governance.errors import InputWrong, NotFound, Unavailable

__all__ = ["evidence"]


def _taken(client: Client, mou: str) -> tuple[bytes, int | None, int]:
    """The file's bytes, whole, its entry, and how many statements it holds."""
    if quote(mou, safe="") != mou:
        raise NotFound(f"no MOU `{mou}`", reason="no-mou", field="MOU")
    answer = Answer(client.request("POST", f"/v1/mous/{mou}/evidence", body=b"", accept="application/zip"))
    content = answer.read()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            broken = archive.testzip()
    except zipfile.BadZipFile:
        names, broken = [], "all of it"
    if broken is not None or "verify.sh" not in names:
        raise Unavailable("what the server answered is no evidence file, or broke off", reason="answer-malformed")
    return content, answer.entry, sum(name.endswith(".signed") for name in names)


def _new(path: Path, *, force: bool) -> BinaryIO:
    """Opened before anything is asked, since taking evidence is recorded. Raises InputWrong."""
    if path.exists() and not force:
        raise InputWrong(f"`{path}` is there already (--force writes over it)", reason="file-exists", field="-o")
    try:
        return path.with_name(f"{path.name}.part").open("wb")
    except OSError as error:
        detail = f"`{path}` can't be written: {(error.strerror or 'no reason is given').lower()}"
        raise InputWrong(detail, reason="not-writable", field="-o") from None


@click.command()
@click.argument("mou", metavar="MOU")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="A new file, a ZIP."
)
@click.option("--force", is_flag=True, help="Write over a file that is there already.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connection_options
def evidence(mou: str, output: Path, force: bool, as_json: bool, **connection: Any) -> None:
    """Keep all that was signed about an MOU, with proofs, in a file that verifies offline with nothing of ours.

    For the MOU's parties and administrators. That it was taken is recorded. The file holds a script, verify.sh, which
    needs openssl, sha256sum and python3, and VERIFY.md, which says the same line by line.

    \b
    Example:
      accordant evidence benchmarking -o benchmarking.zip
      unzip benchmarking.zip -d evidence
      sh evidence/verify.sh --expect SHA256:…,SHA256:… --log-key VKEY --administrator SHA256:…
    """
    client = connect(**connection)
    with _new(output, force=force) as stream:
        part = Path(stream.name)
        try:
            content, entry, statements = _taken(client, mou)
            stream.write(content)
            stream.flush()
            part.replace(output)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    digest = hashlib.sha256(content).hexdigest()
    if as_json:
        told = {"file": str(output), "mou": mou, "entry": entry, "statements": statements, "sha256": digest}
        click.echo(json.dumps(told))
        return
    folder = output.with_suffix("") if output.suffix else output.with_name(f"{output.name}.d")
    click.echo(f"{output}: {statements} signed statements about `{mou}`; recorded as entry {entry}", err=True)
    click.echo(f"to check it anywhere: unzip {output} -d {folder} && sh {folder}/verify.sh", err=True)
    words = "--expect SHA256:… --log-key VKEY --administrator SHA256:…"
    click.echo(f"with the keys as you know them, each from its owner: {words} (VERIFY.md)", err=True)
