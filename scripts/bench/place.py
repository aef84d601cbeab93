"""What is measured on: a collaborative made from the template, in force today, seven partners with 1,700 rows each."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import structlog

from governance.adapters.rego import RegoEngine
from governance.compiler.from_template import from_template, read_template
from governance.compiler.from_yaml import read
from governance.demo_data import QUARTERS
from governance.home import SystemClock
from governance.model.mou import Mou
from scripts.parts import find_opa
from tests.serving import Served, free_port, process
from tests.simulator import World

__all__ = ["FIELDS", "PARTNERS", "ROWS", "document", "documents", "founded", "lines", "mapping", "opa"]

PARTNERS = ("northside", "riverbend", "lakeview", "hillcrest", "westgate", "eastbrook", "southport")
ROWS = 1_700
FIELDS = ("client_id", "name", "program", "quarter", "attendance_days", "grade")
_COLUMNS = (
    "client_id", "name", "birth_date", "zip", "language", "site", "program", "quarter", "attendance_days",
    "completed", "grade",
)  # fmt: skip
_TEMPLATE = Path("mou_templates/benchmarking")
_MAPPING = """\
party: {party}
mou: {mou}
dataset: {dataset}
source: {{files: [rows.csv]}}
columns: {{{columns}}}
"""


def document() -> bytes:
    """The template's document, with its defaults, in force since a month ago."""
    today = dt.datetime.now(dt.UTC).date()
    values = {
        "effective": today - dt.timedelta(days=30),
        "expires": today + dt.timedelta(days=1000),
        "quarters": list(QUARTERS),
    }
    template = read_template((_TEMPLATE / "template.yaml").read_bytes())
    return from_template(template, (_TEMPLATE / "document.yaml").read_bytes(), values)


def documents(count: int) -> tuple[Mou, ...]:
    """So many MOUs, each with a dataset of its own: the template's document under other names."""
    text = document().decode()
    one = read(text.encode()).mou
    made = []
    for number in range(count):
        name = f"d{number:04}"
        dump = one.model_dump(mode="json", by_alias=True, exclude_none=True)
        words = json.dumps(dump | {"id": f"agreement-{number:04}"}).replace('"enrollments"', f'"{name}"')
        made.append(Mou.model_validate_json(words))
    return tuple(made)


def founded(folder: Path, *, more: Callable[[World], None] | None = None) -> World:
    """A home on which everybody has signed and loaded rows, `more` was done, and that nobody has open."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))  # the building of it is not told
    world = World.found(folder, engine=RegoEngine(), clock=SystemClock())  # type: ignore[arg-type]
    parties = (*PARTNERS, "backbone", "trust")
    world.agreed(document().decode(), mou="benchmarking", parties=parties)
    for number, party in enumerate(PARTNERS):
        partner = world.partners[party]
        world.told(partner, "POST", "/v1/sources", {"mapping": mapping(party), "url": None})
        content = "\n".join(lines(number)).encode()
        world.told(partner, "POST", "/v1/sources/enrollments/rows", body=content, content_type="text/csv")
    if more is not None:
        more(world)
    world.close()
    return world


def mapping(party: str, *, mou: str = "benchmarking", dataset: str = "enrollments") -> str:
    """Where a party's rows are."""
    columns = ", ".join(f"{name}: {name}" for name in _COLUMNS)
    return _MAPPING.format(party=party, mou=mou, dataset=dataset, columns=columns)


def lines(seed: int) -> Iterator[str]:
    """A party's rows, as CSV."""
    yield ",".join(_COLUMNS)
    programs, languages = ("early-childhood", "adult-learning", "youth"), ("English", "Spanish", "Polish")
    for n in range(ROWS):
        turn = n * 7 + seed
        number = 10_000 + n
        yield (
            f"{number},client {number},19{50 + turn % 50}-0{1 + turn % 9}-1{turn % 10},606{10 + turn % 50},"
            f"{languages[turn % 3]},main,{programs[n % 3]},{QUARTERS[turn % len(QUARTERS)]},{turn % 62},"
            f"{('yes', 'no')[turn % 2]},{40 + turn % 60}"
        )


def opa(folder: Path, words: Sequence[str]) -> Iterator[Served]:
    """An OPA server with a bundle from a folder; StopIteration where there is no OPA."""
    binary = find_opa()
    if binary is None:
        return
    port = free_port()
    command = [str(binary), "run", "--server", "--skip-version-check", "--log-level=error", f"--addr=127.0.0.1:{port}"]
    log = folder / f"opa-{port}.log"
    # A thousand modules take OPA its time to compile.
    with process([*command, *words], port=port, log=log, environ={}, path="/health", seconds=300) as served:
        yield served
