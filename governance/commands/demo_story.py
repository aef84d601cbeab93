"""The story that the demo tells: each step is a command that a user would type, and what it must answer."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import shutil
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.bar import Bar
from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from governance.cli import main
from governance.commands.demo_browser import browse
from governance.commands.demo_evidence import WITHOUT_TOOLS, log_key, outsider
from governance.demo_data import QUARTERS, SIZES, consent_file, partner_file
from governance.errors import Refused
from governance.signing.keys import PrivateKey

__all__ = ["Outcome", "Story"]

_MOU = "benchmarking"
_OTHERS = {"backbone": "the backbone organisation", "trust": "the community trust"}
_EXCERPT = 14


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output, as JSON."""
        return json.loads(self.out)


class Story:
    """One telling. `found` makes the home, `tell` needs its server running."""

    def __init__(self, place: Path, origin: str, console: Console, *, as_json: bool) -> None:
        self._place, self._origin, self._console, self._as_json = place, origin, console, as_json
        self._home = place / "home"
        self._keys = place / "keys"
        self._files = place / "files"
        self._started = time.monotonic()
        self._steps = 0
        self._fingerprints: list[str] = []  # as signatories told each other
        self._log_key = ""  # as they remember it

    # The machinery

    def _heading(self, text: str) -> None:
        self._console.print()
        self._console.print(Rule(f"[bold]{text}[/bold]", align="left", characters="─"))

    def _say(self, text: str) -> None:
        self._console.print(Text(text, style="italic"))

    def run(self, *args: str, key: str | None = None, expect: int = 0, show: int = 0, quiet: bool = False) -> Outcome:
        """One command, in this process, through the very entry point that the shell calls."""
        given = list(args)
        shown = " ".join(_short(a, self._place) for a in given)
        if key is not None:
            given += ["--key", str(self._key(key))]
            shown += f" --key {key}.pem"
        if not quiet:
            self._console.print(Text(f"$ accordant {shown}", style="bold cyan"))
        outcome = _called(given)
        self._steps += 1
        if self._as_json:
            click.echo(json.dumps({"step": self._steps, "command": shown, "exit": outcome.code, "expected": expect}))
        if outcome.code != expect:
            raise Refused(
                f"`accordant {shown}` ended with {outcome.code}, {expect} was told: {outcome.err.strip()[-400:]}",
                reason="demo-differs",
            )
        # Every key's first contact with the log is said; here it would be said nine times over.
        words = "".join(line for line in outcome.err.splitlines(keepends=True) if not line.startswith("first contact"))
        words = words.replace(f"{self._place}/", "")
        if show:
            self._lines(outcome.out if outcome.out.strip() else words, show)
        elif words.strip() and not quiet:
            self._lines(words, 8)
        return outcome

    def _lines(self, text: str, most: int) -> None:
        lines = text.rstrip().splitlines()
        if len(lines) == most + 1:
            most += 1  # a line that says that there is one more takes its place
        for line in lines[:most]:
            self._console.print(Text(f"  {line}"), soft_wrap=True)
        if len(lines) > most:
            self._console.print(Text(f"  … {len(lines) - most} lines more", style="dim"))

    def _key(self, name: str) -> Path:
        return self._home / "keys" / "administrator.pem" if name == "administrator" else self._keys / f"{name}.pem"

    # The story

    def found(self) -> None:
        """Makes a home, before there is a server."""
        self._place.mkdir(parents=True, exist_ok=True)
        self._keys.mkdir(exist_ok=True, mode=0o700)
        self._files.mkdir(exist_ok=True)
        os.environ["ACCORDANT_ORIGIN"] = self._origin
        self._heading("Seven organisations that serve 12,000 families want to learn from each other's results")
        listen = self._origin.removeprefix("http://")
        self.run("init", str(self._home), "--origin", self._origin, "--listen", listen)

    def tell(self) -> None:
        """Everything else."""
        self._agree()
        self._bring()
        self._ask()
        self._refuse()
        self._prove()
        self._hand_over()
        self._look()
        seconds = time.monotonic() - self._started
        self._console.print()
        self._console.print(f"[bold green]✓[/bold green] {self._steps} steps as told, in {seconds:.0f} s.")

    def _agree(self) -> None:
        self._heading("1  They write down what they agree on, and each signs with a key that only it holds")
        self._log_key = log_key(self._origin)
        document = self._files / "partners.mou.yaml"
        values = self._files / "values.yaml"
        today = dt.datetime.now(dt.UTC).date()
        days = {"effective": f"{today.year}-01-01", "expires": f"{today.year + 3}-12-31"}
        if (today.month, today.day) == (1, 1):
            days["effective"] = f"{today.year - 1}-01-01"  # it may still be last year in the MOU's time zone
        values.write_text(json.dumps({"quarters": list(QUARTERS)} | days), encoding="utf-8")
        self.run("mou", "new", "benchmarking", "--values", str(values), "-o", str(document))
        self.run("mou", "check", str(document))
        text = self.run("mou", "text", str(document), quiet=True).out
        self._excerpt(text)
        members = [*SIZES, *_OTHERS]
        self._say(
            "Nine parties make keys on their own machines; the administrator approves them by their fingerprints."
        )
        for number, party in enumerate(members):
            self._enrol(party, party, "signatory", quiet=number > 0)
        self.run("mou", "propose", str(document), "--yes", key="administrator")
        for number, party in enumerate(members):
            self.run("mou", "sign", _MOU, "--yes", key=party, show=3 if number == 0 else 0, quiet=number > 0)
        self._console.print(Text(f"  … and {len(members) - 1} more signed", style="dim"))
        self.run("mou", "status", _MOU, key="northside", show=24)

    def _enrol(self, name: str, party: str, use: str, *, quiet: bool) -> None:
        made = self.run("key", "new", "-o", str(self._key(name)), "--json", quiet=quiet).json
        if use == "signatory":
            self._fingerprints.append(made["fingerprint"])
        self.run(
            "key", "enroll", "--party", party, "--person", f"the director of {party}", "--organisation", party,
            "--capacity", "director", "--use", use, "--json", key=name, quiet=quiet,
        )  # fmt: skip
        self.run("key", "approve", made["fingerprint"], "--yes", key="administrator", quiet=quiet)

    def _excerpt(self, text: str) -> None:
        lines = text.splitlines()
        start = next((i for i, line in enumerate(lines) if "2.2" in line), 0)
        self._console.print(
            Text(f"$ accordant mou text files/partners.mou.yaml   # {len(lines)} lines; clause 2.2:", style="bold cyan")
        )
        self._lines("\n".join(lines[start : start + _EXCERPT]), _EXCERPT)

    def _bring(self) -> None:
        self._heading("2  Each partner maps its own file to the shared dataset, and brings rows and consents in")
        for number, party in enumerate(SIZES):
            quiet = number > 0
            rows, consents = partner_file(self._files, party), consent_file(self._files, party)
            mapping = self._files / f"{party}.map.yaml"
            self.run(
                "source", "map", str(rows), "--party", party, "--mou", _MOU, "--dataset", "enrollments",
                "-o", str(mapping), key=party, quiet=quiet,
            )  # fmt: skip
            self.run("source", "load", str(mapping), key=party, quiet=quiet)
            self.run("consent", "import", str(consents), key=party, quiet=quiet)
        self._console.print(Text(f"  … and {len(SIZES) - 1} partners more", style="dim"))
        self._enrol("northside-dashboard", "northside", "connector", quiet=True)

    def _request(self, *args: str, key: str, purpose: str, expect: int = 0, quiet: bool = False) -> Outcome:
        return self.run(
            "request", "--dataset", "enrollments", *args, "--purpose", purpose, "--mou", _MOU, "--json",
            key=key, expect=expect, quiet=quiet,
        )  # fmt: skip

    def _ask(self) -> None:
        self._heading("3  Connectors ask, each with a signed purpose declaration; the clauses decide")
        self._say("Own clients, by name, to serve them: clause 2.1.")
        own = self._request(
            "--fields", "client_id,name,program,quarter,grade", "--rows", "own", "--view", "identified",
            "--filter", "quarter=2026-Q3", key="northside-dashboard", purpose="service-delivery",
        ).json  # fmt: skip
        self._table(own["columns"], own["rows"][:3], more=len(own["rows"]) - 3)
        self._say(
            "All seven together, for programme improvement: clause 2.2, in figures that rest on 11 clients or more."
        )
        rate = self._request(
            "--measure", "rate:completed", "--measure", "clients", "--group-by", "program,quarter", "--rows", "all",
            "--view", "aggregate", key="northside-dashboard", purpose="program-improvement",
        ).json  # fmt: skip
        self._bars(rate)
        self._say("The same about a handful of clients is reduced: a figure that rests on too few is not shown.")
        few = self._request(
            "--measure", "clients", "--group-by", "language", "--filter", "program=youth", "--rows", "others",
            "--from", "southport", "--view", "aggregate", key="northside-dashboard", purpose="program-improvement",
        ).json  # fmt: skip
        self._table(few["columns"], few["rows"], more=0)
        self._say(
            "The backbone looks after the data's quality: rows under pseudonyms, alike at least five clients each."
        )
        quality = self._request(
            "--fields", "org,program,quarter,completed", "--rows", "all", "--view", "pseudonymised",
            key="backbone", purpose="data-quality",
        ).json  # fmt: skip
        self._table(quality["columns"], quality["rows"][:3], more=len(quality["rows"]) - 3)

    def _refuse(self) -> None:
        self._heading("4  What they did not agree on is refused, with the clause that says so")
        self._refused(
            "--fields", "name,program", "--rows", "others", "--view", "identified",
            key="northside-dashboard", purpose="program-improvement",
        )  # fmt: skip
        self._refused(
            "--fields", "client_id", "--rows", "own", "--view", "identified",
            key="northside-dashboard", purpose="fundraising",
        )  # fmt: skip
        self._refused(
            "--fields", "program,completed", "--rows", "all", "--view", "identified",
            key="northside-dashboard", purpose="program-improvement",
        )  # fmt: skip

    def _refused(self, *args: str, key: str, purpose: str) -> None:
        self._request(*args, key=key, purpose=purpose, expect=1)

    def _prove(self) -> None:
        self._heading("5  An administrator searches the access history, and proves the log whole")
        self.run("audit", "search", "--kind", "request", "--limit", "9", key="administrator", show=11)
        self.run("audit", "verify", "--home", str(self._home), show=2)
        self._say(
            "Somebody with the database's password can read nothing of it: what was recorded is encrypted. So they put "
            "a refusal's content in the place of what was permitted, and the other way round, in a copy of the home:"
        )
        copy = self._place / "tampered"
        shutil.copytree(self._home, copy, ignore=shutil.ignore_patterns("serve.lock", "*.db*"))
        for name in ("keys/data-keys.db", "accordant.db"):
            with (
                contextlib.closing(sqlite3.connect(self._home / name)) as live,
                contextlib.closing(sqlite3.connect(copy / name)) as target,
            ):
                live.backup(target)
        with contextlib.closing(sqlite3.connect(copy / "accordant.db")) as target:
            _forge(target)
        self.run("audit", "verify", "--home", str(copy), expect=1, show=4)

    def _hand_over(self) -> None:
        self._heading("6  A court, a funder, a lawyer: one file, verified with openssl and nothing of ours")
        file, folder = self._files / "benchmarking.zip", self._files / "evidence"
        self.run("evidence", _MOU, "-o", str(file), key="northside", show=3)
        self._say("Told which keys are the signatories' and the log's, an outsider runs the script that lies in it:")
        root = PrivateKey.from_pem(self._key("administrator").read_bytes()).fingerprint
        code, words = outsider(
            file, folder, fingerprints=self._fingerprints, administrator=root, vkey=self._log_key
        )  # fmt: skip
        command = f"unzip {_short(str(file), self._place)} && sh verify.sh"
        command += " --expect SHA256:… --log-key VKEY --administrator SHA256:…"
        self._console.print(Text(f"$ {command}", style="bold cyan"))
        if code == WITHOUT_TOOLS:
            self._lines(words, 2)  # this machine has no openssl; the story goes on
            return
        self._steps += 1
        if self._as_json:
            click.echo(json.dumps({"step": self._steps, "command": command, "exit": code, "expected": 0}))
        if code != 0:
            raise Refused(f"verify.sh ended with {code}, 0 was told: {words[-400:]}", reason="demo-differs")
        self._lines("\n".join(words.splitlines()[2:7]), 5)
        self._lines("…\n" + words.splitlines()[-1], 2)

    def _look(self) -> None:
        self._heading("7  The same, as pages: the console, for a partner and for the administrator")
        for name in ("northside", "administrator"):
            made = self.run("console", "--json", key=name).json
            seen = browse(made["link"])
            self._lines("\n".join(f"{path:<28} {title}" for path, title in seen), 12)

    def serving(self) -> None:
        """On a terminal: the way into the console, and where else to go on."""
        self._console.print()
        self._console.print("[bold]The console[/bold], until Ctrl-C. Each link signs in once, within five minutes:")
        for name, words in (("administrator", "the administrator"), ("northside", "a partner, Northside")):
            link = self.run("console", "--json", key=name, quiet=True).json["link"]
            self._console.print(f"  {words:<22}", end="")
            self._console.print(Text(link, style="bold"), soft_wrap=True)
        self._console.print("\nA new link, or a search, in another terminal:")
        self._console.print(
            f"  export ACCORDANT_ORIGIN={self._origin} ACCORDANT_KEY={self._key('northside')}", soft_wrap=True
        )
        self._console.print("  accordant console --open")
        self._console.print("  accordant audit search --party northside")

    # Pictures

    def _table(self, columns: list[str], rows: list[list[Any]], *, more: int) -> None:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
        for column in columns:
            table.add_column(column, style="dim" if column == "suppressed" else "")
        for row in rows:
            table.add_row(*("·" if cell is None else str(cell) for cell in row))
        self._console.print(table)
        if more > 0:
            self._console.print(Text(f"  … and {more} rows more", style="dim"))

    def _bars(self, answer: dict[str, Any]) -> None:
        """The share that completed, a bar a programme and quarter."""
        index = {name: i for i, name in enumerate(answer["columns"])}
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
        for name in ("program", "quarter", "completed", "", "clients"):
            table.add_column(name, justify="right" if name == "clients" else "left")
        last = None
        rate = next(name for name in index if name.startswith("rate"))
        for row in answer["rows"]:
            share, clients = row[index[rate]], row[index["clients"]]
            program = row[index["program"]]
            shown = "·" if share is None else f"{share:.0%}"
            bar: Any = "not shown" if share is None else Bar(1, 0, share, width=40, color="green")
            table.add_row(
                "" if program == last else str(program), str(row[index["quarter"]]), shown, bar, str(clients or "·")
            )
            last = program
        self._console.print(table)


def _short(argument: str, place: Path) -> str:
    text = argument.replace(f"{place}/", "")
    return f"'{text}'" if " " in text else text


def _called(args: list[str]) -> Outcome:
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(args)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        out.flush()
        err.flush()
    return Outcome(code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode())


def _forge(database: sqlite3.Connection) -> None:
    """What a thief of the database's password can do: drop the triggers, and write."""
    triggers = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
    for name in triggers:
        database.execute(f'DROP TRIGGER "{name}"')
    requests = 'SELECT seq FROM audit_leaves WHERE CAST(leaf AS TEXT) LIKE \'%"kind":"request"%\' ORDER BY seq'
    (one,), *_, (other,) = database.execute(requests).fetchall()
    there = "SELECT keys, sealed FROM audit_bodies WHERE seq = ?"
    first, last = (database.execute(there, (seq,)).fetchone() for seq in (one, other))
    for seq, content in ((one, last), (other, first)):
        database.execute("UPDATE audit_bodies SET keys = ?, sealed = ? WHERE seq = ?", (*content, seq))
    database.commit()
