"""A client is forgotten on a signed order: keys, ciphertexts and consents go, an entry says so, every proof stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, delete, insert, select

from audit.erasure import erased_under
from audit.schema import BODIES, ERASED, TERMS, WHOLE
from audit.sealing import Sealing
from governance.errors import LogUnavailable
from governance.verification import verify_home
from governance.wrapping import open_keys
from tests.forgetting_world import NAME, asked, order, told_of
from tests.simulator import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Rows, consents and a request that tell of two clients of `north`."""
    made = told_of(tmp_path)
    yield made
    made.close()


def codes(world: World) -> list[str]:
    return [fault.code for fault in verify_home(world.settings).faults]


def test_a_client_is_forgotten_on_the_word_of_its_party(world: World) -> None:
    """Nothing in the log names it any more; other clients' content and every proof stand."""
    north = world.partners["north"]
    answer = order(world, north)
    assert 201 == answer.status_code, answer.get_data(as_text=True)
    told = answer.json
    assert (1, 1, True) == (told["bodies"], told["parts"], told["cleaned"])
    assert [{"contributor": "north", "dataset": "visits"}] == told["still_in"]
    entry = world.services.journal.entry(told["entry"])
    assert entry is not None
    assert NAME not in json.dumps(entry.body)
    assert "the client asked, article 17" == entry.body["basis"]
    assert north.key.fingerprint == entry.body["by"]["fingerprint"]
    assert [] == list(world.services.journal.search(subject=NAME))
    assert 2 == len(world.services.journal.search(subject="client-1"))
    consents = world.told(north, "GET", "/v1/consents")["consents"]
    assert ["client-1"] == [one["subject"] for one in consents]
    found = verify_home(world.settings)
    assert () == found.faults
    assert told["entry"] == found.erased[0][2]
    assert found.to_json()["erased"]


def test_what_is_erased_is_known_without_its_marks(world: World) -> None:
    """They are derived: where somebody takes them away, the erasures themselves say it, and the service starts."""
    told = order(world, world.partners["north"]).json
    number = world.services.journal.head().size
    world.close()
    engine = create_engine(world.settings.database_url)
    with engine.begin() as connection:
        gone = sorted(connection.execute(select(ERASED.c.seq, ERASED.c.number)).all())
        connection.execute(delete(ERASED))
    engine.dispose()
    assert {number_ == WHOLE for _, number_ in gone} == {True, False}
    assert [] == codes(world)
    world.open()
    journal = world.services.journal
    for seq, part in gone:
        entry = journal.entry(seq)
        assert entry is not None
        if part == WHOLE:
            assert told["entry"] == entry.erased
        else:
            assert journal.details(entry).parts[part] is None
    assert number <= journal.head().size


def test_content_that_nobody_erased_is_missing_whatever_the_search_says(world: World) -> None:
    """An entry that is filed as an erasure and is none explains nothing, and many of them are no way to go round."""
    size = world.services.journal.head().size
    world.close()
    engine = create_engine(world.settings.database_url)
    with engine.begin() as connection:
        filed = select(TERMS.c.seq).where(TERMS.c.key == "kind", TERMS.c.value == "erasure")
        there = set(connection.scalars(filed))
        rows = [{"seq": n, "key": "kind", "value": "erasure"} for n in range(size) if n not in there]
        connection.execute(insert(TERMS), rows)
        connection.execute(delete(BODIES).where(BODIES.c.seq > size - 10))
    with engine.connect() as connection:
        keys = open_keys(world.settings)
        for seq in range(size - 9, size):
            assert None is erased_under(connection, seq, None, Sealing(keys))
        keys.close()
    engine.dispose()
    world.open()
    with pytest.raises(LogUnavailable, match="is missing"):
        world.services.journal.entry(size - 5)
    assert "body-missing" in codes(world)


def test_a_client_that_nobody_knows_is_no_answer(world: World) -> None:
    """404, and nothing was written but that somebody asked; so is one that was erased before."""
    north, size = world.partners["north"], world.services.journal.head().size
    answer = order(world, north, subject="nobody")
    assert (404, "no-client") == (answer.status_code, answer.json["reason"])
    assert size + 1 == world.services.journal.head().size
    assert "no-client" == world.services.journal.entry(size).body["reason"]  # type: ignore[union-attr]
    assert 201 == order(world, north).status_code
    assert 404 == order(world, north).status_code
    assert "visits" in order(world, north).json["detail"]  # its rows are still loaded
    asked(world)
    assert 201 == order(world, north).status_code  # it came again, and is another


def test_only_its_own_officers_and_the_administrator_order_it(world: World) -> None:
    """Nor does a connector, nor another party, nor whoever hands in somebody else's order."""
    for name in ("south", "hub", "dashboard"):
        answer = order(world, world.partners[name])
        assert (403, "not-an-officer") == (answer.status_code, answer.json["reason"]), name
    north = world.partners["north"]
    assert "not-an-officer" == order(world, north, contributor=None).json["reason"]
    another = {"sent": {"subject": "client-1"}}
    assert (400, "subject_sha256") == ((r := order(world, north, **another)).status_code, r.json["field"])
    assert 400 == order(world, north, salt=b"short").status_code
    wrong = order(world, north, basis=f"{NAME} asked")
    assert (400, "names-the-client") == (wrong.status_code, wrong.json["reason"])
    assert 400 == order(world, north, what="hold").status_code
    assert 201 == order(world, world.administrator, contributor=None).status_code
    assert [] == codes(world)


def test_an_administrators_search_is_forgotten_too(world: World) -> None:
    """It names the client as well."""
    found = world.call(world.administrator, "GET", f"/v1/entries?subject={NAME}")
    assert 200 == found.status_code
    assert 2 == order(world, world.partners["north"]).json["bodies"]
    assert [] == codes(world)
