"""What entries claim is held against what stood before them; here somebody with the log's own key writes entries."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit import Draft, Entry
from governance.errors import AccordantError, InputWrong
from governance.verification import verify_home
from governance.verification.once import Ledger, short
from tests.evidence.scene import evidence, lived
from tests.simulator import World
from tests.test_gateway import OWN

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One answered request; its log is whole."""
    made = World.found(tmp_path).agreed().filled(clients=33)
    made.query(made.partners["dashboard"], OWN).get_data()
    yield made
    with contextlib.suppress(AccordantError):
        made.close()


def last(world: World, kind: str) -> Entry:
    *_, found = world.services.journal.entries(kinds={kind})
    return found


def again(world: World, kind: str, change: Change, entry: Entry | None = None) -> int:
    """The last entry of a kind once more, with something else in it: written by the server itself."""
    body = json.loads(json.dumps((entry or last(world, kind)).body))
    for own in ("filing", "subjects", "parts"):
        body.pop(own, None)
    change(body)
    return int(world.services.journal.append([Draft(kind, body)])[0].seq)


def codes(world: World, **options: Any) -> set[tuple[int | None, str]]:
    return {(fault.seq, fault.code) for fault in verify_home(world.settings, **options).faults}


def put(*path: str, value: object) -> Change:
    """Sets a member deep inside."""

    def change(body: dict[str, Any]) -> None:
        at: Any = body
        for name in path[:-1]:
            at = at[int(name)] if isinstance(at, list) else at[name]
        at[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("revision-unknown", put("decision", "revision", value="0" * 64)),
        ("clause-missing", put("decision", "cites", value=[])),
        ("clause-unknown", put("decision", "cites", "0", "clause", value="99")),
        ("clause-unknown", put("decision", "cites", "0", "version", value=9)),
        ("clause-text-differs", put("clauses", "0", "text_sha256", value="0" * 64)),
        ("call-differs", put("call", value="0" * 64)),
        ("request-differs", put("request", "purpose", value="marketing")),
        ("party-differs", put("party", value="south")),
        ("declaration-signature", put("declaration", "body", value="e30=")),
        ("declaration-key", put("declaration", "keyid", value="SHA256:nobody")),
        ("declaration-missing", put("declaration", value=None)),
    ],
)
def test_a_request_that_was_never_made_so(world: World, code: str, change: Change) -> None:
    """Each with a code of its own, at its entry; by one process or by two."""
    assert set() == codes(world)
    seq = again(world, "request", change)
    found = codes(world)
    assert (seq, code) in found
    if code == "clause-text-differs":
        assert found == codes(world, jobs=2)


def test_a_permit_after_others_had_replaced_its_policies(world: World) -> None:
    """What counted once counts no more: the register is asked as it was at the entry, and not before."""
    entry = last(world, "activation")
    world.services.journal.append([Draft("activation", {**_plain(entry), "revision": "1" * 64})])
    seq = again(world, "request", lambda _: None)
    found = codes(world)
    assert {(seq, "revision-superseded"), (seq, "nonce-twice")} <= found
    seq = again(world, "request", put("decision", "revision", value="1" * 64))
    assert (seq, "revision-differs") in codes(world)


def test_a_permit_before_all_had_signed(tmp_path: Path) -> None:
    """Signatures that came later give an earlier permit nothing."""
    world = World.found(tmp_path).agreed().filled(clients=33)
    world.query(world.partners["dashboard"], OWN).get_data()
    entry = last(world, "activation")
    body = _plain(entry)
    body["mous"] = [{**body["mous"][0], "id": "other", "document_sha256": "0" * 64}]
    world.services.journal.append([Draft("activation", body)])
    seq = again(world, "request", lambda _: None)
    world.close()
    assert (seq, "mou-not-signed") in codes(world)


def test_a_permit_after_a_withdrawal_took_effect(world: World) -> None:
    """The notice has run out; the gateway would have refused, so the server wrote it past the gateway."""
    world.decide_on(world.partners["north"], "withdraw", reason="we leave")
    assert set() == codes(world)
    world.clock.pass_(days=200)
    seq = again(world, "request", lambda _: None)
    assert {"party-withdrawn", "mou-not-in-force"} & {code for at, code in codes(world) if at == seq}


def test_releases_and_disclosures(world: World) -> None:
    """Of no request, of another party's, twice, after the account was closed, and of numbers that can't be."""
    world.services.journal.append([Draft("search", {"party": "north", "by": {}, "found": 0})])  # writes what waits
    kept = set()
    real = {kind: last(world, kind) for kind in ("release", "disclosure")}
    for kind, change, code in [
        ("release", put("request", value=10_000), "no-request"),
        ("release", put("call", value="0" * 64), "no-request"),
        ("release", put("party", value="south"), "party-differs"),
        ("release", lambda _: None, "release-twice"),
        ("release", put("rows", value=-1), "release-implausible"),
        ("disclosure", lambda _: None, "disclosure-implausible"),
        ("disclosure", lambda _: None, "release-twice"),
    ]:
        kept.add((again(world, kind, change, real[kind]), code))
    assert kept <= codes(world)


def test_only_what_came_after(world: World) -> None:
    """From a checkpoint or a number on: keys, agreements and what is still being answered before it are known."""
    early = world.services.journal.head()
    bad = again(world, "request", put("call", value="0" * 64))
    head = world.services.journal.head()
    world.query(world.partners["dashboard"], OWN).get_data()
    assert {(bad, "call-differs")} <= codes(world, since=early.checkpoint)
    assert set() == codes(world, since=head.checkpoint)
    assert set() == codes(world, since=head.size)
    nonce = last(world, "request").seq
    again(world, "request", lambda _: None)
    assert {"nonce-twice"} == {code for _, code in codes(world, since=nonce + 1)}
    release = last(world, "release")
    assert not {code for seq, code in codes(world, since=release.seq) if seq == release.seq}
    found = verify_home(world.settings, since=head.size)
    assert head.size == found.since == found.to_json()["since"]
    with pytest.raises(InputWrong):
        verify_home(world.settings, since=10_000)
    with pytest.raises(InputWrong):
        verify_home(world.settings, since=b"nothing")


def test_each_fault_says_what_it_means(world: World) -> None:
    """For programs as well."""
    again(world, "request", put("call", value="0" * 64))
    told = verify_home(world.settings).to_json()["faults"]
    assert all(fault["meaning"].endswith(".") and fault["sentence"] != fault["meaning"] for fault in told)


def test_what_was_seen_is_kept_in_little_memory() -> None:
    """Beyond a number it lies in a file that nobody else can open, and is found there."""
    ledger = Ledger(most=10)
    for number in range(95):
        ledger.put(short(number), str(number).encode())
    ledger.put(short(3), b"again")
    assert (b"again", b"94", b"17", None) == tuple(ledger.get(short(n)) for n in (3, 94, 17, 95))
    assert len(ledger._new) < 10
    ledger.close()
    ledger.close()
    assert short("a", "b") != short("ab", "")


def _plain(entry: Entry) -> dict[str, Any]:
    return {key: value for key, value in entry.body.items() if key != "filing"}


def test_times_are_the_entry_s(world: World) -> None:
    """A permit can't be dated to when it would have been right."""
    world.clock.pass_(days=5_000)
    seq = again(world, "request", lambda _: None)
    assert (seq, "mou-not-in-force") in codes(world)
    assert dt.timedelta(days=4_999) < last(world, "request").time - world.services.journal.entry(0).time  # type: ignore[union-attr]


def test_an_evidence_file_leaves_nothing_out(tmp_path: Path) -> None:
    """Whoever has the log's key can make an entry of one that does; the log itself says what was signed by then."""
    with contextlib.closing(lived(tmp_path)) as world:
        evidence(world, "east")
        assert set() == codes(world)
        taken = last(world, "evidence")
        *_, withdrawal = (e for e in world.services.journal.entries(kinds={"withdrawal"}))
        world.clock.pass_(minutes=10)

        def without(body: dict[str, Any]) -> None:
            body["entries"].remove(withdrawal.seq)

        def earlier(body: dict[str, Any]) -> None:
            without(body)
            body["until"] = withdrawal.seq - 1

        for change in (
            without,
            earlier,
            put("until", value=10**6),
            put("until", value=None),
            put("entries", value="all"),
            put("mou", value="another"),
        ):
            seq = again(world, "evidence", change, taken)
            assert (seq, "evidence-incomplete") in codes(world, since=seq)
        assert set() == codes(world, since=again(world, "evidence", lambda _: None, taken))
