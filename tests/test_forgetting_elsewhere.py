"""Orders about a client, while another gateway of the same log records something about it."""

from __future__ import annotations

import copy
import queue
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from governance.errors import LogUnavailable
from governance.forgetting import Schedule
from governance.verification import verify_home
from tests.forgetting_world import ACCOUNTING, NAME, OWN, asked, order, paper, told_of
from tests.simulator import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = told_of(tmp_path, ACCOUNTING.replace("P6M", "P1M"))
    made.clock.pass_(days=70)  # nothing is accounted for any more
    yield made
    made.close()


@pytest.fixture
def elsewhere(world: World) -> Iterator[World]:
    """The same people at another gateway."""
    other = copy.copy(world)
    other.open()
    yield other
    other.close()


def test_a_hold_at_another_gateway_counts(world: World, elsewhere: World) -> None:
    """This one was idle meanwhile, and keeps the record all the same."""
    north = world.partners["north"]
    assert 201 == order(elsewhere, north, what="hold", path="/v1/holds").status_code
    refused = order(world, north)
    assert (409, "kept-for-hold") == (refused.status_code, refused.json["reason"])
    assert () == verify_home(world.settings).faults


def test_an_order_counts_once_across_gateways(world: World, elsewhere: World) -> None:
    """What one carried out the other refuses, though it was idle meanwhile."""
    north = world.partners["north"]
    given = paper(world, north, what="hold")
    assert 201 == world.call(north, "POST", "/v1/holds", given).status_code
    assert 201 == order(world, north, what="release", path="/v1/holds/release").status_code
    again = elsewhere.call(north, "POST", "/v1/holds", given)
    assert (409, "order-replayed") == (again.status_code, again.json["reason"])
    assert {} == elsewhere.services.forgetting.standing.holds()


def test_a_disclosure_at_another_gateway_is_accounted_for(world: World, elsewhere: World) -> None:
    """Also by who asks who saw the client's data."""
    asked(elsewhere)
    north = world.partners["north"]
    refused = order(world, north)
    assert (409, "kept-for-accounting") == (refused.status_code, refused.json["reason"])
    told = world.call(north, "POST", "/v1/disclosures", {"subject": NAME}).json
    assert 2 == len(told["disclosures"])


def test_what_is_said_after_an_erasure_elsewhere_lies_under_new_keys(world: World, elsewhere: World) -> None:
    """A gateway that had the client's keys in memory seals nothing under what is destroyed."""
    asked(elsewhere)
    world.clock.pass_(days=70)
    assert 201 == order(world, world.partners["north"]).status_code
    asked(elsewhere)
    assert () == verify_home(world.settings).faults
    (again, *_) = elsewhere.services.journal.search(kind="disclosure", subject=NAME)
    assert NAME in elsewhere.services.journal.details(again).subjects.values()


def test_an_idle_gateway_forgets_too(world: World, elsewhere: World) -> None:
    """At its next look it drops every key that it has in memory."""
    journal, services = elsewhere.services.journal, elsewhere.services
    (entry, *_) = journal.search(kind="disclosure", subject=NAME)
    schedule = Schedule(
        journal=journal,
        vault=services.forgetting.vault,
        forgetting=services.forgetting,
        retention=services.retention,
        sweep=services.sources.sweep,
        report=lambda *_args, **_said: None,
    )
    schedule.look()
    assert NAME in journal.details(entry).subjects.values()
    assert 201 == order(world, world.partners["north"]).status_code
    schedule.look()
    assert NAME not in journal.details(entry).subjects.values()


def test_a_database_that_was_put_in_the_others_place(world: World) -> None:
    """Whatever lies in the head's row, the answer is that the log can't be read."""
    with closing(sqlite3.connect(world.settings.home / "accordant.db", isolation_level=None)) as raw:
        raw.execute("UPDATE audit_head SET size = 'many'")
    answer = world.query(world.partners["north"], OWN)
    assert 503 == answer.status_code
    assert "log" in answer.json["reason"]
    with pytest.raises(LogUnavailable):
        world.services.journal.refresh()


def test_whatever_goes_wrong_is_reported(world: World) -> None:
    """By the thread of forgetting, which goes on."""
    services, told = world.services, queue.SimpleQueue[tuple[str, object]]()

    class Odd:
        """A journal over something that is no database."""

        def __getattr__(self, name: str) -> object:
            raise TypeError

    schedule = Schedule(
        journal=Odd(),  # type: ignore[arg-type]
        vault=services.forgetting.vault,
        forgetting=services.forgetting,
        retention=services.retention,
        sweep=lambda: 0,
        report=lambda event, **said: told.put((event, said.get("part"))),
    )
    schedule.start()
    try:
        assert ("forgetting-failed", "look") == told.get(timeout=60)
    finally:
        schedule.stop()


def test_an_administrators_search_alone_is_nobodys_client(world: World) -> None:
    """A party that has no such client neither destroys the record of the search nor learns of it."""
    world.told(world.administrator, "GET", "/v1/entries?subject=secret-77")
    (search,) = [e for e in world.services.journal.entries(kinds={"search"}) if e.body["by"].get("subject")]
    north = world.partners["north"]
    for what, path in (("erase", "/v1/erasures"), ("hold", "/v1/holds")):
        assert 404 == order(world, north, what=what, path=path, subject="secret-77").status_code
        assert 404 == order(world, north, what=what, path=path, subject="never-asked").status_code
    kept = world.services.journal.entry(search.seq)
    assert kept is not None
    assert kept.erased is None
