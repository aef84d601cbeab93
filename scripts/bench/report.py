"""The table for people, and `docs/benchmarks.md`: one run's figures with the machine, the command and the day."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts.bench.measure import Row

__all__ = ["shown", "written"]

_NOTES = Path(__file__).with_name("notes.md")
_HEADER = ("| | ours | beside | ratio | aim |", "|---|---|---|---|---|")
_PARTS = ("granian", "flask", "duckdb", "pyarrow", "regopy", "sqlalchemy")


def shown(console: Console, rows: Sequence[Row]) -> None:
    """A table a part."""
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for name, justify in (("", "left"), ("ours", "right"), ("beside", "right"), ("ratio", "right"), ("aim", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    part = ""
    for row in rows:
        if row.part != part:
            part = row.part
            table.add_row(f"[bold]{part}[/bold]")
        table.add_row(
            f"  {row.what}", row.ours, row.beside, _ratio(row), _aim(row, "[green]met[/green]", "[red]missed[/red]")
        )
    console.print(table)


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return "–"
    return f"{row.ratio:.4f}" if row.ratio < 0.05 else f"{row.ratio:.2f}"


def _aim(row: Row, met: str, missed: str) -> str:
    return row.aim if row.met is None else f"{row.aim} {met if row.met else missed}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def written(rows: Sequence[Row], *, command: str, seconds: float, loads: tuple[float, float]) -> str:
    """The whole document."""
    day = dt.datetime.now(dt.UTC).date().isoformat()
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; do not edit by hand (the notes at the end come from `scripts/bench/notes.md`).",
        "Medians of one run, in which the ways that are compared take turns; read the ratios, not the microseconds.",
        "",
        f"- day: {day}; command: `{command}`; it took {seconds:.0f} s",
        f"- machine: {os.cpu_count()} × {_cpu()}, {_memory()}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}",
        f"- load average at the start {loads[0]:.1f}, at the end {loads[1]:.1f}"
        + (": the machine had other work to do, so times are longer than on an idle one" if loads[0] > 1 else ""),
        "- " + ", ".join(f"{name} {version(name)}" for name in _PARTS),
    ]
    part = ""
    for row in rows:
        if row.part != part:
            part = row.part
            lines += [
                "",
                f"## {part[0].upper()}{part[1:]}",
                "",
                "| | ours | beside | ratio | aim |",
                "|---|---|---|---|---|",
            ]
        lines.append(f"| {row.what} | {row.ours} | {row.beside} | {_ratio(row)} | {_aim(row, 'met', '**missed**')} |")
    missed = [row for row in rows if row.met is False]
    lines += ["", "## Missed", ""]
    lines += [f"- {row.part}, {row.what}: {row.ours} beside {row.beside}, the aim is {row.aim}." for row in missed]
    if not missed:
        lines.append("Nothing in this run.")
    return "\n".join([*lines, "", _NOTES.read_text(encoding="utf-8").strip(), ""])
