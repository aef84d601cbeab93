"""A partner who reads another's log bodies: every door, every entry, and nothing that tells which there are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from audit import Entry
from tests.simulator import World
from tests.test_gateway import COMPARE, OWN

ROWS = {"dataset": "visits", "fields": ["program"], "rows": "all", "view": "pseudonymised"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everybody has asked, consented and been refused; a reader of no memorandum looks on from outside."""
    made = World.found(tmp_path_factory.mktemp("world")).agreed().filled(clients=33)
    made.enrol("stranger")
    for party in ("north", "south", "hub"):
        for asked, purpose in (
            (OWN, "improvement"),
            (COMPARE, "improvement"),
            (ROWS, "improvement"),
            (OWN, "marketing"),
        ):
            made.query(made.partners[party], asked, purpose=purpose).get_data()
    for party in ("north", "south"):
        made.told(
            made.partners[party], "POST", "/v1/consents", body=b"subject,purpose,status\n1,improvement,given\n",
            content_type="text/csv",
        )  # fmt: skip
        made.told(made.partners[party], "GET", "/v1/entries?subject=3")
    yield made
    made.close()


def _all(world: World) -> list[Entry]:
    return list(world.services.journal.entries())


@pytest.mark.parametrize("party", ["north", "south", "east", "hub", "stranger"])
def test_a_body_is_opened_for_its_readers_alone(world: World, party: str) -> None:
    """Entry by entry and as receipts; who may not see one gets what nobody's number gets."""
    reader = world.partners[party]
    entries = _all(world)
    none = world.call(reader, "GET", f"/v1/entries/{10**6}")
    assert 404 == none.status_code
    mine = [e.seq for e in entries if party in e.readers]
    assert [] != mine
    for entry in entries:
        for door in ("entries", "receipts"):
            response = world.call(reader, "GET", f"/v1/{door}/{entry.seq}")
            if party in entry.readers:
                assert 200 == response.status_code
            else:
                same = json.dumps(none.json).replace(str(10**6), str(entry.seq))
                assert (404, json.loads(same)) == (response.status_code, response.json)


@pytest.mark.parametrize("party", ["north", "south", "east", "hub", "stranger"])
def test_a_search_finds_what_its_reader_may_open_and_counts_nothing_else(world: World, party: str) -> None:
    """By every word that can be searched by, another's included."""
    searches = ["limit=7", "party=south", "party=north", "kind=disclosure", "kind=request", "kind=consent",
                "kind=search", "outcome=deny", "subject=1", "subject=3", "dataset=visits", "purpose=marketing",
                "kind=enrolment", "kind=load", "kind=source", "limit=1000"]  # fmt: skip
    for query in searches:
        found = world.told(world.partners[party], "GET", f"/v1/entries?{query}")
        for shown in found["entries"]:
            assert party in shown["readers"], query
        last = _all(world)[-1]
        assert ("search", len(found["entries"])) == (last.kind, last.body["found"])


def test_a_disclosure_names_no_other_partys_clients(world: World) -> None:
    """Of pseudonymised rows each contributor reads its own ids, the requester none."""
    for entry in _all(world):
        if entry.kind == "disclosure":
            assert {entry.body["contributor"]} == set(entry.body["subjects"])
            expected = {entry.body["contributor"]} | (
                {entry.body["party"]} if entry.body["view"] == "identified" else set()
            )
            assert expected == set(entry.readers)


def test_a_connectors_key_reads_no_history(world: World) -> None:
    """A stolen one opens the receipts of its own requests and nothing else."""
    dashboard = world.partners["dashboard"]
    world.query(dashboard, OWN).get_data()
    refused: list[dict[str, Any]] = [
        world.call(dashboard, "GET", path).json or {}
        for path in ("/v1/entries", "/v1/entries/1", "/v1/entries?subject=1")
    ]
    assert ["not-a-reader"] * 3 == [r["reason"] for r in refused]
    mine = [e.seq for e in _all(world) if e.kind == "request"
            and e.body["declaration"]["keyid"] == dashboard.key.fingerprint]  # fmt: skip
    for entry in _all(world):
        status = world.call(dashboard, "GET", f"/v1/receipts/{entry.seq}").status_code
        assert (200 if entry.seq in mine else 404) == status


def test_a_stranger_to_a_memorandum_reads_neither_it_nor_its_state(world: World) -> None:
    """Text, document and state are its parties'; so are other partners' sources and consents."""
    stranger, east = world.partners["stranger"], world.partners["east"]
    for path in ("/v1/mous/small", "/v1/mous/small/text", "/v1/mous/small/document"):
        unknown = world.call(stranger, "GET", path.replace("small", "none"))
        response = world.call(stranger, "GET", path)
        assert (unknown.status_code, unknown.json["reason"]) == (  # type: ignore[index]
            response.status_code, (response.json or {}).get("reason"),
        )  # fmt: skip
    assert [] == world.told(stranger, "GET", "/v1/mous")["mous"]
    assert [] == world.told(stranger, "GET", "/v1/sources")["sources"]
    assert [] == world.told(east, "GET", "/v1/consents")["consents"]
    assert {"east"} == {s["party"] for s in world.told(east, "GET", "/v1/sources")["sources"]}
