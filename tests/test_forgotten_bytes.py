"""After an erasure through the whole service: what is on the disk, what a copy of before brings back, what is said."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import sqlite3
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from audit.entry import terms
from audit.keys import DATA_KEYS
from audit.leaf import Leaf
from audit.schema import BODIES, NAMED, PARTS
from governance.errors import AccordantError, LogUnavailable
from governance.signing.http import sign_request
from governance.verification import verify_home
from governance.wrapping import open_keys
from tests.forgetting_world import NAME, OWN, asked, order, told_of
from tests.real_parts import PostgreSQL
from tests.simulator import ORIGIN, World


def secrets_of(world: World) -> list[bytes]:
    """The client's id, every ciphertext that names it, and its wrapped keys."""
    log = world.services.forgetting.vault._log  # type: ignore[attr-defined]
    ids = [key.id for key in world.services.forgetting.vault.of_subject(NAME)]
    with log.engine.connect() as connection:
        numbers = select(NAMED.c.seq).where(NAMED.c.key.in_(ids))
        found = [bytes(s) for s in connection.scalars(select(BODIES.c.sealed).where(BODIES.c.seq.in_(numbers)))]
        found += [bytes(s) for s in connection.scalars(select(PARTS.c.sealed).where(PARTS.c["keys"].in_(ids)))]
    with log.sealing.keys.engine.connect() as connection:
        some = DATA_KEYS.c.id.in_(ids)
        found += [bytes(w) for w in connection.scalars(select(DATA_KEYS.c.wrapped).where(some))]
    assert len(found) >= 4
    return [NAME.encode(), *found]


def bytes_of(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "data" not in path.relative_to(folder).parts[:1]:
            yield path, path.read_bytes()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Rows, consents and a request that tell of two clients of `north`."""
    made = told_of(tmp_path)
    yield made
    with contextlib.suppress(AccordantError):
        made.close()


def test_nothing_of_a_client_is_left_in_any_file(world: World, tmp_path: Path) -> None:
    """Database, journals, key store, what is kept, the service's log, a fresh export, tiles and receipts."""
    north = world.partners["north"]
    with capture_logs() as lines:
        world.call(world.administrator, "GET", f"/v1/entries?subject={NAME}")
        world.call(north, "POST", "/v1/disclosures", {"subject": NAME})
        asked(world)
        found = secrets_of(world)
        before = b"".join(data for _, data in bytes_of(world.settings.home))
        assert all(one in before for one in found[1:])
        assert NAME.encode() in before  # the table of consents
        told = order(world, north).json
        assert told["cleaned"]
    out = tmp_path / "out"
    out.mkdir()
    (out / "service.log").write_text("\n".join(map(repr, lines)))
    for who in (world.administrator, north):
        (out / f"{who.party}.jsonl").write_bytes(world.call(who, "POST", "/v1/exports").get_data())
        for number in range(world.services.journal.head().size):
            receipt = world.call(who, "GET", f"/v1/receipts/{number}")
            (out / f"{who.party}-{number}.json").write_bytes(receipt.get_data())
    (out / "tile").write_bytes(world.client.get("/log/tile/entries/000.p/20").get_data())
    for path, data in [*bytes_of(world.settings.home), *bytes_of(out)]:
        assert not [n for n, one in enumerate(found) if one in data], path
    world.close()
    for path, data in bytes_of(world.settings.home):
        assert not [n for n, one in enumerate(found) if one in data], path
    assert lines


def readable(world: World) -> dict[int, str]:
    """What can still be read of each entry, the bodies that declarations carry in base64 opened."""
    found = {}
    for entry in world.services.journal.entries():
        declared = entry.body.get("declaration")
        inner = [b64decode(declared[name]).decode("utf-8", "replace") for name in ("body", "base")] if declared else []
        parts = [str(p.value) for p in world.services.journal.details(entry).parts if p is not None]
        found[entry.seq] = " ".join([entry.kind, entry.body_bytes.decode(), *inner, *parts])
    return found


def named_anywhere(world: World) -> None:
    """Every way in which a call may hold the id of a client that is known: most of them are refused."""
    north = world.partners["north"]
    body, headers = world.signed_query(north, OWN | {"filters": [{"field": "client", "op": "eq", "value": NAME}]})
    for _ in range(2):  # the second is a replay
        world.client.post("/v1/query", data=body, headers=headers, base_url=ORIGIN)
    asks: list[dict[str, Any]] = [
        OWN | {"filters": [{"field": "program", "op": "eq", "value": NAME}]},
        OWN | {"filters": [{"field": "program", "op": "in", "value": ["reading", NAME]}]},
        OWN | {"fields": [NAME]},
        OWN | {"dataset": NAME},
        OWN | {NAME: 1},
        {"note": f"what of {NAME}?"},
        OWN | {"rows": "all", "filters": [{"field": "client", "op": "eq", "value": NAME}]},
    ]
    for asked_for in asks:
        world.query(north, asked_for)
    world.query(north, OWN, purpose=NAME)
    world.query(north, asks[0], purpose="marketing")
    for content in (NAME.encode() + b" is no JSON", b'{"a": "\\u0063lient-4711"}', b'["' + NAME.encode() + b'"]'):
        _, headers = world.signed_query(north, OWN)
        headers = sign_request(
            key=north.key, method="POST", target_uri=f"{ORIGIN}/v1/query?{NAME}", now=world.clock.now(),
            nonce=secrets.token_urlsafe(24), body=content, purpose="improvement", mou="small",
        )  # fmt: skip
        world.client.post(f"/v1/query?{NAME}", data=content, headers=headers, base_url=ORIGIN)
        world.client.post(f"/v1/query?{NAME}", data=content + b" ", headers=headers, base_url=ORIGIN)
        changed = headers | {"Signature": headers["Signature"].replace("A", "B").replace("e", "f")}
        world.client.post(f"/v1/query?{NAME}", data=content, headers=changed, base_url=ORIGIN)
    hub = world.partners["hub"]
    review = {"dataset": "visits", "fields": ["program", "days"], "rows": "all", "from": ["north", "south"]}
    for who in (hub, north):
        world.query(
            who,
            review | {"view": "pseudonymised", "filters": [{"field": "program", "op": "eq", "value": NAME}]},
            purpose="research",
        )
    for path in (f"subject={NAME}", f"purpose={NAME}", f"dataset={NAME}"):
        world.call(north, "GET", f"/v1/entries?{path}")
    world.call(north, "POST", "/v1/disclosures", {"subject": NAME})
    order(world, north, basis=f"{NAME} asked")
    order(world, world.partners["south"])


def test_nothing_that_can_be_read_names_a_client_that_is_forgotten(world: World) -> None:
    """Whatever its party had asked, however it was written, and whatever was answered; no search word either."""
    north = world.partners["north"]
    named_anywhere(world)
    before = [seq for seq, text in readable(world).items() if NAME in text or "\\u0063lient-4711" in text]
    outcomes = {world.services.journal.entry(seq).body.get("outcome") for seq in before}  # type: ignore[union-attr]
    assert {"permit", "invalid", "replay", "deny"} <= outcomes
    assert 201 == order(world, north).status_code
    left = {seq: text for seq, text in readable(world).items() if NAME in text or "\\u0063lient-4711" in text}
    by_others = {seq for seq, text in left.items() if "north" not in json.loads(text_of_party(world, seq))}
    assert {} == {seq: text for seq, text in left.items() if seq not in by_others}
    for entry in world.services.journal.entries():
        assert NAME not in repr(terms(entry.kind, entry.body))
    assert () == verify_home(world.settings).faults


def text_of_party(world: World, seq: int) -> str:
    """Which parties an entry is filed under."""
    entry = world.services.journal.entry(seq)
    assert entry is not None
    return json.dumps(entry.body["filing"]["index"].get("party", []))


def test_no_leaf_no_search_word_and_no_line_names_a_client(world: World) -> None:
    """Whatever was done with the client before and after."""
    north = world.partners["north"]
    with capture_logs() as lines:
        asked(world)
        order(world, north, what="hold", path="/v1/holds", basis="a case")
        order(world, north)
        order(world, north, keep_disclosures=True)
        world.services.schedule.hourly()
    assert NAME not in repr(lines)
    for entry in world.services.journal.entries():
        assert NAME not in entry.leaf.decode()
        assert NAME not in repr(terms(entry.kind, entry.body))


def test_the_key_store_holds_the_only_copy(world: World) -> None:
    """A backup of the database without the folder `keys` opens nothing."""
    *_, wrapped = secrets_of(world)
    database = b"".join(p.read_bytes() for p in world.settings.home.glob("accordant.db*"))
    assert wrapped not in database
    assert any(wrapped in p.read_bytes() for p in world.settings.keys.iterdir())


def test_an_older_database_brings_nobody_back(world: World) -> None:
    """The keys are as they are now: nothing opens; service and verification say why."""
    home = world.settings.home
    with contextlib.closing(sqlite3.connect(home / "accordant.db")) as live:
        live.execute("VACUUM INTO ?", (str(home.parent / "older.db"),))
    assert 201 == order(world, world.partners["north"]).status_code
    world.close()
    for path in home.glob("accordant.db*"):
        path.unlink()
    shutil.copy(home.parent / "older.db", home / "accordant.db")
    with pytest.raises(LogUnavailable, match=r"no erasure says so: it was destroyed, .* older copy"):
        world.open()
    faults = verify_home(world.settings).faults
    assert "key-missing" in {fault.code for fault in faults}
    assert any("older copy" in fault.sentence for fault in faults)
    with contextlib.closing(open_keys(world.settings)) as keys:
        assert [] == keys.naming(NAME)


def test_consents_without_a_key_go_at_the_start(world: World) -> None:
    """Where the home carried out an erasure that its database does not know: what an older copy brings back."""
    world.close()
    (world.settings.keys / "erasures").write_text("999")
    with contextlib.closing(sqlite3.connect(world.settings.home / "accordant.db")) as database:
        database.execute("CREATE TEMP TABLE one AS SELECT * FROM consents LIMIT 1")
        database.execute("UPDATE one SET id = 99, subject = 'client-of-before'")
        database.execute("INSERT INTO consents SELECT * FROM one")
        database.commit()
    with capture_logs() as lines:
        world.open()
    assert [1] == [line["strays"] for line in lines if line["event"] == "older-database"]
    assert () == verify_home(world.settings).faults
    world.close()
    assert b"client-of-before" not in b"".join(p.read_bytes() for p in world.settings.home.glob("accordant.db*"))
    with capture_logs() as lines:
        world.open()
    assert [] == [line for line in lines if line["event"] == "older-database"]


def test_an_erasure_that_nobody_ordered_is_found(world: World) -> None:
    """A statement that says something else, of somebody who may not, or none at all."""
    from audit import Draft
    from audit.erasure import ERASURE

    ordered = order(world, world.partners["north"]).json["entry"]
    entry = world.services.journal.entry(ordered)
    assert entry is not None
    own = {k: v for k, v in entry.body.items() if k != "filing"} | {"erased": {"bodies": [], "keys": [], "parts": []}}
    fakes = [
        own | {"basis": "another"},
        own | {"contributor": "south"},
        own | {"statement": own["statement"][:-4] + "AAAA"},
        own | {"kept": [{"contributor": "north", "client": "x"}]},
        {k: v for k, v in own.items() if k != "statement"},
        {"basis": "retention", "by": {}, "months": ["9999-01"], "erased": own["erased"]},
        {"basis": own["basis"], "by": {}, "order": ordered, "erased": own["erased"]},
    ]
    made = [world.services.journal.append([Draft(ERASURE, fake)])[0].seq for fake in fakes]
    faults = verify_home(world.settings).faults
    assert [(seq, "erasure-unordered") for seq in made] == [(f.seq, f.code) for f in faults]


def test_retention_takes_nothing_that_is_for_ever(world: World) -> None:
    """Whoever has the log's key writes an erasure of an activation: it is found by its kind."""
    from audit import Draft
    from audit.erasure import ERASURE, Erased

    world.clock.pass_(days=60)
    (seq, *_) = [e.seq for e in world.services.journal.entries(kinds={"activation"})]
    month = Leaf.from_bytes(world.services.journal.entry(seq).leaf).time.strftime("%Y-%m")  # type: ignore[union-attr]
    erased, vault = Erased(((seq, seq),)), world.services.forgetting.vault
    body = {"basis": "retention", "by": {}, "months": [month], "erased": erased.to_body()}
    world.services.journal.append(
        [Draft(ERASURE, body)], within=lambda connection, made: vault.erase(connection, erased, under=made[0].seq)
    )
    found = {(f.seq, f.code) for f in verify_home(world.settings).faults}
    assert (seq, "erasure-unordered") in found


def test_on_postgresql_the_tables_heaps_are_written_anew(postgresql: PostgreSQL, tmp_path: Path) -> None:
    """After VACUUM FULL no table's file holds the client; the WAL does, as the documentation says."""
    url = postgresql.create()
    try:
        world = told_of(tmp_path, database_url=url)
        with contextlib.closing(world):
            found = secrets_of(world)
            told = order(world, world.partners["north"]).json
            assert told["cleaned"]
            assert () == verify_home(world.settings).faults
            log = world.services.forgetting.vault._log  # type: ignore[attr-defined]
            with log.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("CHECKPOINT")
                place = connection.exec_driver_sql(
                    "SELECT 'base/' || oid FROM pg_database WHERE datname = current_database()"
                ).scalar()
            heaps = b"".join(p.read_bytes() for p in (postgresql.folder / "data" / str(place)).iterdir())
            assert not [n for n, one in enumerate(found) if one in heaps]
    finally:
        postgresql.drop(url)


def test_what_is_said_of_an_erased_entry(world: World) -> None:
    """`audit verify` and a receipt say under which entry it was erased: neither valid nor a fault."""
    from click.testing import CliRunner

    from governance.cli import cli

    request = next(e.seq for e in world.services.journal.entries() if NAME.encode() in e.body_bytes)
    entry = order(world, world.partners["north"]).json["entry"]
    receipt = world.call(world.administrator, "GET", f"/v1/receipts/{request}")
    assert (200, entry, {}) == (receipt.status_code, receipt.json["erased"], receipt.json["body"])
    world.close()
    home = ["audit", "verify", "--home", str(world.settings.home)]
    said = CliRunner().invoke(cli, home)
    assert 0 == said.exit_code, said.output
    assert f"entry {request}: erased under entry {entry}" in said.output
    told = json.loads(CliRunner().invoke(cli, [*home, "--json"]).output)
    assert [{"first": request, "last": request, "under": entry}] == told["erased"]


def test_a_cleaning_that_does_not_go_through_is_said_and_repeated(postgresql: PostgreSQL, tmp_path: Path) -> None:
    """A reader holds a table: the answer says so, the home remembers it, and the next hour does it."""
    url = postgresql.create()
    try:
        with contextlib.closing(told_of(tmp_path, database_url=url)) as world:
            log = world.services.forgetting.vault._log  # type: ignore[attr-defined]
            with log.engine.connect() as reader, reader.begin():
                reader.exec_driver_sql("SELECT count(*) FROM consents")
                answer = order(world, world.partners["north"])
            assert not answer.json["cleaned"]
            assert world.services.forgetting.vault.unclean()
            world.services.schedule.hourly()
            assert not world.services.forgetting.vault.unclean()
    finally:
        postgresql.drop(url)
