"""An order is for the log that it names, counts once at every gateway and after any restart, and a refusal is seen."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit import Draft
from audit.erasure import ERASURE
from governance.errors import AccordantError
from governance.forgetting import REFUSED
from governance.register.reading import encoded
from governance.signing.statement import Order, parse
from governance.verification import verify_home
from tests.forgetting_world import NAME, asked, order, paper, told_of
from tests.simulator import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Rows, consents and a request that tell of two clients of `north`."""
    made = told_of(tmp_path)
    yield made
    with contextlib.suppress(AccordantError):
        made.close()


def told(world: World) -> list[tuple[int | None, str]]:
    return [(fault.seq, fault.code) for fault in verify_home(world.settings).faults]


def copied(world: World, seq: int, **changed: Any) -> int:
    """An entry's body written once more by whoever runs the service."""
    entry = world.services.journal.entry(seq)
    assert entry is not None
    body = {name: value for name, value in entry.body.items() if name != "filing"} | changed
    return world.services.journal.append([Draft(entry.kind, body)])[0].seq


def test_an_order_for_another_log_is_refused(world: World) -> None:
    """Whoever holds an order that was given elsewhere can't have it carried out here; it is seen that he tried."""
    north = world.partners["north"]
    answer = world.call(north, "POST", "/v1/erasures", paper(world, north, log="elsewhere.example/log"))
    assert (403, "order-of-another-log") == (answer.status_code, answer.json["reason"])
    assert "`elsewhere.example/log`" in answer.json["detail"]
    assert world.services.forgetting.vault.of_subject(NAME)


def test_an_order_counts_once(world: World) -> None:
    """Handed in again it is refused, also where a client of that name came anew, and after a restart."""
    north = world.partners["north"]
    given = paper(world, north)
    assert 201 == world.call(north, "POST", "/v1/erasures", given).status_code
    asked(world)
    for _ in range(2):
        again = world.call(north, "POST", "/v1/erasures", given)
        assert (409, "order-replayed") == (again.status_code, again.json["reason"])
        assert world.services.forgetting.vault.of_subject(NAME)
        world.close()
        world.open()
    assert [] == told(world)


def test_a_hold_is_not_put_back_by_the_order_that_was_given_before(world: World) -> None:
    """Held, released, and the first order again: the hold stays released. Nor does its nonce serve another order."""
    north = world.partners["north"]
    given = paper(world, north, what="hold", nonce="n" * 22)
    assert 201 == world.call(north, "POST", "/v1/holds", given).status_code
    assert 201 == order(world, north, what="release", path="/v1/holds/release").status_code
    assert "order-replayed" == world.call(north, "POST", "/v1/holds", given).json["reason"]
    other = paper(world, north, nonce="n" * 22)
    assert "order-replayed" == world.call(north, "POST", "/v1/erasures", other).json["reason"]
    assert {} == world.services.forgetting.standing.holds()


def test_one_order_of_an_administrator_holds_a_client_of_every_party_at_once(world: World) -> None:
    """One entry a holder, one behind the other; that is one order, and verification takes it as one."""
    world.load("south", f"client,program,grade,days,done\n{NAME},reading,70,3,1\n")
    consents = f"subject,purpose,status\n{NAME},improvement,given\n".encode()
    world.told(world.partners["south"], "POST", "/v1/consents", body=consents, content_type="text/csv")
    given = paper(world, world.administrator, what="hold", contributor=None)
    held = world.told(world.administrator, "POST", "/v1/holds", given)["held"]
    assert ["north", "south"] == [one["contributor"] for one in held]
    assert held[0]["entry"] + 1 == held[1]["entry"]
    assert [] == told(world)
    again = copied(world, held[1]["entry"], whose="east", client="x")
    copied(world, held[1]["entry"], whose="west", client="x")
    assert (again, "order-replayed") not in told(world)  # it follows at once
    world.services.journal.append([Draft("search", {})])
    late = copied(world, held[1]["entry"], whose="hub", client="x")
    assert (late, "order-replayed") in told(world)


def test_verification_finds_an_order_that_was_used_again(world: World) -> None:
    """The service itself writes it: the second entry is named, and the first beside it."""
    first = order(world, world.partners["north"]).json["entry"]
    empty = {"erased": {"bodies": [], "keys": [], "parts": []}}
    second = copied(world, first, **empty)
    (fault,) = verify_home(world.settings).faults
    assert (second, "order-replayed") == (fault.seq, fault.code)
    assert f"had been carried out under entry {first}" in fault.sentence
    assert "a second time" in fault.meaning
    since = verify_home(world.settings, since=second).faults
    assert [(second, "order-replayed")] == [(f.seq, f.code) for f in since]


def written(world: World, said: Order) -> int:
    """An erasure that whoever runs the service wrote on this order."""
    north = world.partners["north"]
    travelling = world.statement(north, said)
    by = {"party": "north", "person": north.person, "fingerprint": north.key.fingerprint}
    erased = {"bodies": [], "keys": [], "parts": []}
    body = travelling | {"basis": said.basis, "contributor": "north", "by": by, "erased": erased}
    return world.services.journal.append([Draft(ERASURE, body, ("north",), {"party": "north"})])[0].seq


def said(world: World, **more: Any) -> Order:
    words = {
        "order": "erase", "contributor": "north", "basis": "asked", "subject_sha256": "0" * 64,
        "keep_disclosures": False, "nonce": secrets.token_urlsafe(16), "time": world.clock.now(),
    }  # fmt: skip
    return Order(**words | more)


def test_verification_finds_an_order_for_another_log(world: World) -> None:
    """The service itself writes an entry on an order that was given elsewhere."""
    seq = written(world, said(world, log="elsewhere.example/log"))
    (fault,) = verify_home(world.settings).faults
    assert (seq, "order-of-another-log") == (fault.seq, fault.code)
    assert "given to the log `elsewhere.example/log`" in fault.sentence


def test_orders_of_the_first_version_hold_where_they_stand(world: World) -> None:
    """They named no log. They verify, are taken no more, count once, and none comes behind one that names its log."""
    north, old = world.partners["north"], said(world, v=1)
    assert b'"v":1' in old.canonical()
    assert old == parse(old.canonical())
    written(world, old)
    assert [] == told(world)
    again = written(world, old)
    travelling = world.statement(north, said(world, v=1)) | {"subject": NAME, "salt": encoded(bytes(32))}
    answer = world.call(north, "POST", "/v1/erasures", travelling)
    assert (400, "order-without-log") == (answer.status_code, answer.json["reason"])
    assert 201 == order(world, north).status_code
    late = written(world, said(world, v=1))
    assert [(again, "order-replayed"), (late, "erasure-unordered")] == told(world)


def test_two_pairs_of_salt_and_id_have_two_digests() -> None:
    """Each part stands behind its length: a byte that moves from one to the other is another client."""
    assert Order.digest(salt=b"s" * 16 + b"1", subject="042") != Order.digest(salt=b"s" * 16, subject="1042")


def test_an_order_names_its_log_from_the_second_version_on(world: World) -> None:
    """Neither without a log, nor of version 1 with one; no other statement has a second version."""
    for wrong in ({"v": 2}, {"v": 1, "log": "x.example/log"}, {"v": 3, "log": "x.example/log"}):
        with pytest.raises(ValueError, match=r"log|1 or 2"):
            said(world, **wrong)
    with pytest.raises(AccordantError):
        parse(json.dumps({"type": "revocation", "v": 2}).encode())


def test_a_refused_order_is_an_entry(world: World) -> None:
    """Who asked, for what, and the reason's code; neither the client nor any word of the order."""
    south, north = world.partners["south"], world.partners["north"]
    answers = [
        order(world, south),
        order(world, north, subject="nobody-4712"),
        order(world, north, basis=f"{NAME} asked"),
        order(world, north, what="release", path="/v1/holds/release"),
    ]
    entries = [e for e in world.services.journal.entries() if e.kind == REFUSED]
    assert [answer.json["reason"] for answer in answers] == [e.body["reason"] for e in entries]
    assert ["not-an-officer", "no-client", "names-the-client", "hold-unchanged"] == [e.body["reason"] for e in entries]
    assert ["erase", "erase", "erase", "release"] == [e.body["order"] for e in entries]
    assert south.key.fingerprint == entries[0].body["by"]["fingerprint"]
    assert [("south",), ("north",), ("north",), ("north",)] == [e.readers for e in entries]
    for entry in entries:
        assert not [word for word in (NAME, "nobody-4712", "asked") if word in json.dumps(entry.body)]
    assert [] == told(world)


def test_a_refusal_that_cannot_be_recorded_is_none(world: World) -> None:
    """The log is full: the answer is that it can't be looked at, and nothing is written."""
    size = world.services.journal.head().size
    world.faults.fail = 1
    assert 503 == order(world, world.partners["south"]).status_code
    assert size == world.services.journal.head().size
