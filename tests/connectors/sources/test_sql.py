"""Live tables: the owner prevails over what a column says, errors name no address, time is bounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.sources import SqlSource
from governance.errors import SourceUnavailable
from tests.connectors.sources.engines import COLUMNS, mapping, sql_source
from tests.disclosure.test_rows import row
from tests.disclosure.world import NONE, Consents, Row, ask, request, table_of

OWN: dict[str, Any] = {"rows": "own", "view": "identified"}
ROWS: list[Row] = [row(f"c{i}", name="x", program="early", days=i, done=True) for i in range(25)]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return f"sqlite:///{tmp_path}/rows.db"


def tables(url: str) -> set[str]:
    """What stands in the database."""
    engine = sa.create_engine(url)
    names = set(sa.inspect(engine).get_table_names())
    engine.dispose()
    return names


def test_a_column_that_names_another_contributor_changes_nothing(url: str) -> None:
    """In a live table the contributor is the owner, whatever the column says."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (c VARCHAR(10), org VARCHAR(10))"))
        connection.execute(sa.text("INSERT INTO t VALUES ('1', 'birch'), ('2', 'ash'), ('3', NULL)"))
    engine.dispose()
    source = SqlSource(mapping=mapping("ash", {"table": "t"}, {"client": "c", "org": "org"}), url=url)
    asked = request(**OWN, fields=["client", "org"], filters=[{"field": "org", "op": "eq", "value": "ash"}])
    made = table_of(ask({"ash": source}, asked, NONE))
    assert [("1", "ash"), ("2", "ash"), ("3", "ash")] == sorted(tuple(r.values()) for r in made)
    grouped = request(rows="own", group_by=["org"])
    assert [{"org": "ash", "clients": 3, "suppressed": False}] == table_of(ask({"ash": source}, grouped, NONE))
    source.close()


def test_consents_come_along_and_go_again(url: str) -> None:
    """The join is the database's; the temporary table does not outlive the query, broken off or not."""
    source = sql_source(url, "ash", ROWS)
    before = tables(url)
    consents = Consents({"ash": ["c1", "c2", "c24", "it's", "c99"]})
    asked = request(**OWN, fields=["client"])
    for _ in range(3):
        made = ask({"ash": source}, asked, NONE, consent=["ash"], consents=consents)
        assert ["c1", "c2", "c24"] == sorted(r["client"] for r in table_of(made))
    broken = ask({"ash": source}, asked, NONE, consent=["ash"], consents=consents, batch_rows=1)
    next(broken.batches)
    broken.close()
    assert before == tables(url)
    assert 25 == len(table_of(ask({"ash": source}, asked, NONE)))
    source.close()


def test_many_consents_are_a_join(url: str) -> None:
    """A hundred thousand subjects are brought along, not looped over."""
    source = sql_source(url, "ash", ROWS)
    consents = Consents({"ash": [f"c{i}" for i in range(10, 100_000)]})
    made = ask({"ash": source}, request(**OWN, fields=["client"]), NONE, consent=["ash"], consents=consents)
    assert 15 == len(table_of(made))
    source.close()


def test_numbers_of_clients_become_text(url: str) -> None:
    """Many systems number their clients; the subject is the number as text, in consents too."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (id INTEGER PRIMARY KEY, d NUMERIC(10, 2))"))
        connection.execute(sa.text("INSERT INTO t VALUES (7, 1.5), (8, 2.25)"))
    engine.dispose()
    source = SqlSource(mapping=mapping("ash", {"table": "t"}, {"client": "id", "fee": "d"}), url=url)
    asked = request(**OWN, fields=["client", "fee"], filters=[{"field": "client", "op": "eq", "value": "8"}])
    made = ask({"ash": source}, asked, NONE, consent=["ash"], consents=Consents({"ash": ["8", "7"]}))
    batches = list(made.batches)
    assert [{"client": "8", "fee": 2.25}] == batches[0].table.to_pylist()
    assert {"ash": ["8"]} == batches[0].subjects
    source.close()


@pytest.mark.parametrize(
    ("columns", "table", "reason", "words"),
    [
        ({"client": "gone"}, "t", "column-missing", "`gone`"),
        ({"client": "c", "days": "n"}, "t", "column-wrong-type", "`n`"),
        ({"client": "c"}, "none", "table-missing", "`none`"),
    ],
)
def test_a_column_or_table_that_does_not_serve_is_named(
    url: str, columns: dict[str, str], table: str, reason: str, words: str
) -> None:
    """By name, without the address."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (c VARCHAR(10), n VARCHAR(10))"))
    engine.dispose()
    source = SqlSource(mapping=mapping("ash", {"table": table}, columns), url=url)
    with pytest.raises(SourceUnavailable, match=words) as caught:
        ask({"ash": source}, request(**OWN, fields=[next(reversed(columns))]), NONE)
    assert reason == caught.value.reason
    source.close()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://me:hunter2@127.0.0.1:1/none",
        "sqlite:////nowhere/at/all.db",
        "nonsense://me:hunter2@host/db",
        "not an address hunter2",
        "mysql+pymysql://me:hunter2@127.0.0.1/db",
    ],
)
def test_no_password_is_told(address: str) -> None:
    """Whatever is wrong with an address, its words stay here."""

    def attempt() -> None:
        source = SqlSource(mapping=mapping("ash", {"table": "t"}), url=address, seconds=1)
        assert "hunter2" not in repr(source)
        ask({"ash": source}, request(**OWN, fields=["name"]), NONE)

    with pytest.raises(SourceUnavailable) as caught:
        attempt()
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_value_of_another_type_breaks_the_answer_off(tmp_path: Path) -> None:
    """SQLite keeps any value in any column; one that does not fit is never given as another."""
    source = sql_source(f"sqlite:///{tmp_path}/rows.db", "ash", ROWS)
    engine = sa.create_engine(f"sqlite:///{tmp_path}/rows.db")
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE \"rows of ash\" SET {COLUMNS['days']} = 'many'"))
    engine.dispose()
    with pytest.raises(SourceUnavailable) as caught:
        table_of(ask({"ash": source}, request(**OWN, fields=["days"]), NONE))
    assert "value-wrong-type" == caught.value.reason
    source.close()


@pytest.mark.postgresql
def test_a_slow_query_of_postgresql_is_ended(postgresql_url: str) -> None:
    """By the database itself, and it serves the next query."""
    engine = sa.create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE VIEW t AS SELECT i AS c FROM generate_series(1, 100000000) AS g(i)"))
        connection.execute(sa.text("CREATE VIEW u AS SELECT 1 AS c"))
    engine.dispose()
    slow = SqlSource(mapping=mapping("ash", {"table": "t"}, {"client": "c"}), url=postgresql_url)
    asked = request(rows="own", measures=[{"measure": "clients"}])
    with pytest.raises(SourceUnavailable) as caught:
        ask({"ash": slow}, asked, NONE, seconds=0.3)
    assert "source-timeout" == caught.value.reason
    slow.close()
    quick = SqlSource(mapping=mapping("ash", {"table": "u"}, {"client": "c"}), url=postgresql_url)
    assert [1] == [r["clients"] for r in table_of(ask({"ash": quick}, asked, NONE, seconds=5))]
    quick.close()


def test_a_slow_query_of_sqlite_is_ended(tmp_path: Path) -> None:
    """SQLite asks between its steps."""
    url = f"sqlite:///{tmp_path}/rows.db"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (c INTEGER)"))
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000) SELECT i FROM n"
        connection.execute(sa.text(f"INSERT INTO t {numbers}"))
    engine.dispose()
    source = SqlSource(mapping=mapping("ash", {"table": "t"}, {"client": "c"}), url=url)
    asked = request(rows="own", measures=[{"measure": "clients"}])
    with pytest.raises(SourceUnavailable) as caught:
        ask({"ash": source}, asked, NONE, seconds=0.02)
    assert "source-timeout" == caught.value.reason
    assert [500_000] == [r["clients"] for r in table_of(ask({"ash": source}, asked, NONE))]
    source.close()
