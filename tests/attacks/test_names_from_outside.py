"""Names of tables, columns and files that somebody else chose, and mappings that point where they must not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.simulator import MAPPING, World
from tests.test_gateway import OWN

HOSTILE = [
    'client" FROM rows_of_the_party; DROP VIEW rows_of_the_party; --',
    "client, (SELECT 1) AS x",
    "read_csv('/etc/passwd')",
    "client\x00",
    "*",
    "_rowid_",
    "../south/visits",
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """North and south have rows; a secret database lies in south's folder, another outside of the home."""
    folder = tmp_path_factory.mktemp("world")
    made = World.found(folder).agreed().filled(clients=33)
    for path in (made.settings.data / "south" / "secret.db", folder / "secret.db"):
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE visits (client TEXT, program TEXT, grade INT, days INT, done INT)")
            database.execute("INSERT INTO visits VALUES ('secret', 'art', 1, 1, 1)")
            database.commit()
    yield made
    made.close()


def _sourced(world: World, mapping: str, url: str | None = None, party: str = "north") -> TestResponse:
    document = {"mapping": mapping, "url": url}
    return world.call(world.partners[party], "POST", "/v1/sources", document)


def _whole(world: World) -> bool:
    """North's rows are what they were."""
    answer = world.query(world.partners["north"], OWN).json
    return answer is not None and 33 == len(answer["rows"])


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("place", ["dataset", "fields", "order_by", "group_by", "filters", "measures", "from", "under"])
def test_a_name_in_a_request_is_only_ever_looked_up(world: World, place: str, name: str) -> None:
    """What the memorandum does not declare is an error that changes nothing; no statement is made of it."""
    values: dict[str, Any] = {
        "dataset": name,
        "under": name,
        "filters": [{"field": name, "op": "eq", "value": "x"}],
        "measures": [{"measure": "count", "field": name}],
    }
    asked = OWN | {place: values.get(place, [name])}
    if place in ("group_by", "measures"):
        asked |= {"view": "aggregate", "fields": []}
    response = world.query(world.partners["dashboard"], asked)
    assert (400, "application/problem+json") == (response.status_code, response.mimetype)
    assert _whole(world)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_name_in_an_address_is_only_ever_looked_up(world: World, name: str) -> None:
    """Datasets, MOUs, keys and reviews in paths, as they are and escaped."""
    from urllib.parse import quote

    steward = world.partners["north"]
    for path in ("/v1/sources/{}/rows", "/v1/mous/{}", "/v1/mous/{}/text", "/v1/keys/{}", "/v1/entries/{}"):
        target = path.format(quote(name, safe=""))
        body = b"client\n1\n" if path.endswith("rows") else None
        method = "POST" if body else "GET"
        response = world.call(steward, method, target, body=body, content_type="text/csv")
        assert response.status_code in (400, 401, 404), target
        assert "application/problem+json" == response.mimetype
    assert _whole(world)


@pytest.mark.parametrize(
    "files",
    ["/etc/passwd", "../south/secret.db", "s3://bucket/x.parquet", "http://127.0.0.1:1/x.csv", "*.parquet"],
)
def test_the_files_of_a_mapping_open_nothing_here(world: World, files: str) -> None:
    """They name what the steward brings in; the server reads what was sent, and what it wrote down the digest of."""
    steward = world.partners["north"]
    before = world.told(steward, "GET", "/v1/sources")
    loaded = (world.query(steward, OWN).json or {})["rows"]
    made = _sourced(world, MAPPING.format(party="north").replace("rows.csv", f"'{files}'"))
    assert 201 == made.status_code
    assert before != world.told(steward, "GET", "/v1/sources")
    assert loaded == (world.query(steward, OWN).json or {})["rows"]  # the mapping waits for the rows that it names
    rows = "client,program,grade,days,done\n" + "".join(f"{i},art,70,1,true\n" for i in range(33))
    world.told(steward, "POST", "/v1/sources/visits/rows", body=rows.encode(), content_type="text/csv")
    assert _whole(world)


LIVE = """\
party: north
mou: small
dataset: visits
source: {{table: {table}, url: 'sqlite://'}}
columns: {{client: {column}, program: program, grade: grade, days: days, done: done}}
"""


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///{data}/south/secret.db",
        "sqlite:///{data}/north/../south/secret.db",
        "sqlite:////{data}/north/link.db",
        "sqlite:///{home}/accordant.db",
        "sqlite:///{outside}/secret.db",
        "sqlite:///file:{data}/south/secret.db?uri=true",
        "sqlite:///{data}/north/none.db",
        "sqlite://",
        "sqlite:///:memory:",
        "duckdb:///{data}/south/secret.db",
        "postgresql+psycopg://u:p@127.0.0.1/x",
        "postgresql+psycopg://u:p@/x?host=/var/run/postgresql",
        "postgresql+psycopg:///accordant?service=x",
        "mysql://u:p@127.0.0.1/x",
        "not an address",
    ],
)
def test_the_address_of_a_live_table_stays_in_ones_own_folder(world: World, url: str) -> None:
    """Neither another party's file, nor the server's own database, nor a host that the operator did not name."""
    data, home = world.settings.data, world.settings.home
    link = data / "north" / "link.db"
    if not link.is_symlink():
        link.symlink_to(data / "south" / "secret.db")
    size = world.services.journal.head().size
    address = url.format(data=str(data).lstrip("/") if "////" in url else data, home=home, outside=home.parent)
    response = _sourced(world, LIVE.format(table="visits", column="client"), address)
    assert (400, "application/problem+json") == (response.status_code, response.mimetype)
    assert "secret" not in (response.json or {})["detail"]
    assert size == world.services.journal.head().size
    assert _whole(world)


@pytest.mark.parametrize(
    "table",
    ['visits" UNION SELECT * FROM other --', "'(SELECT * FROM visits)'", "other.visits", "sqlite_master; DROP TABLE x"],
)
def test_a_table_of_a_mapping_is_a_name_and_no_statement(world: World, table: str) -> None:
    """Quoted whole, it is a table that is not there."""
    mine = world.settings.data / "north" / "mine.db"
    with closing(sqlite3.connect(mine)) as database:
        database.execute("CREATE TABLE IF NOT EXISTS visits (client TEXT, program TEXT, grade INT, days INT, done INT)")
    url = f"sqlite:///{mine}"
    quoted = table if table.startswith("'") else "'" + table.replace("'", "''") + "'"
    response = _sourced(world, LIVE.format(table=quoted, column="client"), url)
    assert response.status_code in (400, 503), response.json
    assert "application/problem+json" == response.mimetype
    column = _sourced(world, LIVE.format(table="visits", column="'client\" FROM visits; --'"), url)
    assert 400 == column.status_code
    with closing(sqlite3.connect(mine)) as database:
        assert [("visits",)] == database.execute("SELECT name FROM sqlite_master").fetchall()


@pytest.mark.parametrize("party", ["south", "nobody", "../south", "administrator"])
def test_a_mapping_in_anothers_name_is_refused(world: World, party: str) -> None:
    """The mapping's party is the key's."""
    response = _sourced(world, MAPPING.format(party=f"'{party}'"))
    assert response.status_code in (400, 403)
    assert _whole(world)


def test_an_uploaded_file_reaches_for_nothing(world: World) -> None:
    """Bytes are read as what they are said to be; a statement or a path in them is text, or no file at all."""
    steward = world.partners["north"]
    for content, kind in (
        (b"ATTACH '/etc/passwd' AS x", "text/csv"),
        (b"SELECT * FROM read_csv('/etc/passwd')", "application/vnd.apache.parquet"),
        (b"PAR1", "application/vnd.apache.parquet"),
        (b"client,program,grade,days,done\nread_csv('/etc/passwd'),art,1,1\n", "text/csv"),
        (b"\x00\x01", "text/csv"),
        (b"x" * 200_000, "text/csv"),
        (b"", "text/csv"),
        (b"client\n1\n", "application/json"),
    ):
        response = world.call(steward, "POST", "/v1/sources/visits/rows", body=content, content_type=kind)
        assert (400, "application/problem+json") == (response.status_code, response.mimetype), content[:40]
    assert _whole(world)
