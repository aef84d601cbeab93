"""Measures, shows a table, and writes `docs/benchmarks.md`.

    make bench                            all of it, in a few minutes
    python -m scripts.bench --only rows   one part, nothing written

A part that cannot be measured here is said, and the rest goes on: a bench fails no build.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from scripts.bench import report
from scripts.bench.appends import beside_an_insert
from scripts.bench.arrow import million_as_arrow
from scripts.bench.decisions import beside_the_server, many_beside_few
from scripts.bench.governed import against_ungoverned
from scripts.bench.measure import Row
from scripts.bench.other_logs import beside_a_locked_head, beside_tessera
from scripts.bench.place import founded
from scripts.bench.starts import long_beside_short
from scripts.bench.verifying import verified_beside_read
from scripts.parts import OPA_VERSION, find_opa

_DOCUMENT = Path("docs/benchmarks.md")
_RULE = "=" * 78


def _parts(folder: Path) -> dict[str, tuple[str, Callable[[], list[Row]]]]:
    made: list[object] = []

    def world() -> object:
        if not made:
            made.append(founded(folder))
        return made[0]

    return {
        "decision": ("one decision", lambda: beside_the_server(world(), folder)),  # type: ignore[arg-type]
        "mous": ("1,000 MOUs in force", lambda: many_beside_few(folder)),
        "request": ("a governed request", lambda: against_ungoverned(world(), folder)),  # type: ignore[arg-type]
        "arrow": ("a million rows as Arrow", lambda: million_as_arrow(folder / "million")),
        "append": ("a durable append", lambda: beside_an_insert(folder)),
        "start": ("a start with 1,000,000 entries", lambda: long_beside_short(folder)),
        "tessera": ("Tessera's log beside ours", lambda: beside_tessera(folder)),
        "postgresql": ("two processes on PostgreSQL", beside_a_locked_head),
        "verify": ("verification of 1,000,000 entries", lambda: verified_beside_read(folder)),
    }


def main(words: list[str] | None = None) -> int:
    """0 whatever the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench", description="measure, and write docs/benchmarks.md"
    )
    parser.add_argument(
        "--only",
        choices=["decision", "mous", "request", "arrow", "append", "start", "tessera", "postgresql", "verify"],
        help="one part; writes nothing",
    )
    options = parser.parse_args(words)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    if find_opa() is None:
        console.print(f"{_RULE}\nopa {OPA_VERSION}: MISSING; nothing is measured against it\n{_RULE}", style="red")
    started, load, rows = time.monotonic(), os.getloadavg()[0], []
    with tempfile.TemporaryDirectory(prefix="accordant-bench-") as folder:
        parts = _parts(Path(folder))
        wanted = [options.only] if options.only else list(parts)
        bar = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*bar, console=Console(stderr=True)) as progress:
            task = progress.add_task("", total=len(wanted))
            for name in wanted:
                title, measure = parts[name]
                progress.update(task, description=title)
                try:
                    rows += measure()
                except Exception as error:  # one part's trouble is not the other parts'
                    traceback.print_exc()
                    rows.append(Row(title, "could not be measured", type(error).__name__, "–"))
                progress.advance(task)
    report.shown(console, rows)
    if not options.only:
        loads = (load, os.getloadavg()[0])
        text = report.written(rows, command="make bench", seconds=time.monotonic() - started, loads=loads)
        _DOCUMENT.write_text(text, encoding="utf-8")
        console.print(f"written to {_DOCUMENT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
