"""`accordant demo`: the whole story on a fresh home, through the same commands and HTTP calls that users have.

Every step says what it expects; one that comes out otherwise ends the demo with 1. On a terminal it then serves until
Ctrl-C, otherwise it ends with 0.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console

from governance.commands.demo_story import Story
from governance.errors import Unavailable

__all__ = ["demo"]

_START_SECONDS = 30


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _server(home: Path, origin: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`accordant serve` as a process of its own, its events in a file; ended when the demo is."""
    with log.open("ab") as events:
        process = subprocess.Popen(  # noqa: S603 — our own command, with arguments that we made
            [sys.executable, "-m", "governance.cli", "serve", "--home", str(home)],
            stdout=events,
            stderr=events,
            env={k: v for k, v in os.environ.items() if not k.startswith("ACCORDANT_")},
        )
    try:
        _wait(origin, process, log)
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        if process.poll() is None:
            process.kill()
            process.wait()


def _wait(origin: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"{origin}/healthz", timeout=2).close()  # noqa: S310 — our own server, on loopback
            return
        time.sleep(0.1)
    last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    raise Unavailable(f"the server did not start: {last[0] if last else 'no word from it'}", reason="server-not-up")


@click.command()
@click.option("--home", type=click.Path(path_type=Path), default=None, help="Keep everything in this new folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line a step instead of the story.")
def demo(home: Path | None, as_json: bool) -> None:
    """The whole story on a fresh home: sign, compile, ask, be refused, search, prove, tamper.

    \b
    Example:
      accordant demo --home /tmp/collaborative
    """
    console = Console(
        file=io.StringIO() if as_json else sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 110
    )
    place = home.resolve() if home else Path(tempfile.mkdtemp(prefix="accordant-demo-"))
    kept = home is not None
    origin = f"http://127.0.0.1:{_free_port()}"
    try:
        story = Story(place, origin, console, as_json=as_json)
        story.found()
        with _server(place / "home", origin, place / "server.log") as process:
            story.tell()
            if sys.stdout.isatty() and not as_json:
                story.serving()
                with contextlib.suppress(KeyboardInterrupt):
                    process.wait()
        if kept and not as_json:
            shown = click.style(f"accordant serve --home {place / 'home'}", bold=True)
            click.echo(f"\nAll of it is kept in {place}. To serve it again: {shown}")
            click.echo(f"Keys to sign in with are in {place / 'keys'}: accordant console --server {origin} --key …")
    finally:
        if not kept:
            shutil.rmtree(place, ignore_errors=True)
