"""Witnesses are asked, and what happens when one remembers another history."""

from __future__ import annotations

import datetime as dt
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from audit import Draft
from audit.cosigned import COSIGNATURES, CosignatureStore
from audit.note import Checkpoint
from audit.policy import Policy
from audit.witness import Answered
from governance.adapters.alarms import AlarmFile
from governance.errors import InputWrong
from governance.settings import from_home
from governance.verification import verify_home
from tests.audit.witness import Fake
from tests.faults.test_clients import until
from tests.simulator import World
from tests.test_gateway import OWN
from tests.vouching import asked, cosigner, refusing, restarted, with_fake, written


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Agreed and filled, not watched yet."""
    made = World.found(tmp_path).agreed().filled(clients=12)
    yield made
    made.close()


@pytest.fixture
def fake(world: World) -> Fake:
    """A witness that the policy names."""
    return with_fake(world)


def test_a_round_brings_cosignatures(world: World, fake: Fake) -> None:
    """They are kept, served with the checkpoint, and cover the log."""
    told = world.told(world.administrator, "POST", "/v1/witnesses/round")
    size = world.services.journal.head().size
    assert (size, size, 0, []) == (told["covered"], told["entries"], told["waiting_seconds"], told["contradictions"])
    assert [("w", None)] == [(w["name"], w["reason"]) for w in told["witnesses"]]
    policy = Policy.from_text((world.settings.home / "witnesses.policy").read_bytes())
    assert size == policy.check(world.client.get("/log/checkpoint").data).size
    assert size == policy.check(world.client.get("/log/cosigned").data).size
    assert told == world.told(world.partners["north"], "GET", "/v1/witnesses")


def test_whose_word_counts_is_told_in_the_log(world: World) -> None:
    """Each change once, for every party to read; a service that starts again does not repeat it."""
    path, texts = world.settings.home / "witnesses.policy", []
    for names in (("a",), ("a", "b"), ()):
        if names:
            written(world, *names, url=None)
        else:
            path.unlink()
        texts.append(path.read_text() if names else "")
        world.services.witnesses.ask()
        restarted(world)
        world.services.witnesses.ask()
    entries = list(world.services.journal.entries(kinds={"witness-policy"}))
    assert texts == [entry.body["policy"] for entry in entries]
    assert {("east", "hub", "north", "south", "west")} == {entry.readers for entry in entries}


def test_asking_is_an_administrators(world: World, fake: Fake) -> None:
    """Whoever else may see how they stand."""
    assert 403 == world.call(world.partners["north"], "POST", "/v1/witnesses/round").status_code
    assert 0 == fake.asked


def test_the_policy_is_read_anew_each_round(world: World) -> None:
    """One that can't be read leaves the last that could, and /readyz says so; no service starts with it."""
    written(world, "w", url=None)
    told = world.services.witnesses.ask()
    assert (0, True) == (told["covered"], told["quorum"])
    (world.settings.home / "witnesses.policy").write_text("nonsense\n")
    assert 1 == len(world.services.witnesses.ask()["witnesses"])
    assert "policy-unreadable" == world.services.ready()["continuity"]
    world.close()
    with pytest.raises(InputWrong) as raised:
        world.open()
    assert "policy-unreadable" == raised.value.reason
    (world.settings.home / "witnesses.policy").unlink()
    world.open()
    assert ([], None) == tuple(world.services.witnesses.ask()[k] for k in ("witnesses", "covered"))
    assert "ok" == world.services.ready()["continuity"]


def test_the_thread_asks_by_itself_and_ends(world: World, fake: Fake) -> None:
    """A start waits for the first answers; a stop leaves no thread behind."""
    world.services.watching(60.0)
    assert 1 == fake.asked
    world.close()
    assert [] == [t.name for t in threading.enumerate() if t.name == "witnesses"]
    world.open()


def test_a_witness_that_does_not_answer_delays_no_start(world: World, fake: Fake) -> None:
    """It is heard when it answers."""
    answer = threading.Event()

    def slow() -> Answered:
        answer.wait(60)
        return refusing(409, b"100000\n")

    fake.refuse = slow
    world.services.watching(0.0)
    assert (200, "permit", None) == asked(world)
    answer.set()
    while not world.services.continuity.contradictions:
        world.services.witnesses.standing()
    assert (503, "unavailable", "log-contradicted") == asked(world)


def second(world: World, folder: Path) -> World:
    """Another service on the same database, with a home of its own."""
    shutil.copytree(world.settings.home, folder / "second")
    other = World.__new__(World)
    other.__dict__.update(world.__dict__)
    shared = {"DATABASE_URL": world.settings.database_url, "KEYS_URL": world.settings.keys_url}
    other.settings = from_home(folder / "second", {f"ACCORDANT_{name}": url for name, url in shared.items()})
    other.open()
    return other


def undisturbed(world: World, other: World) -> None:
    for turn in range(3):
        for one, behind in ((world, other), (other, world)):
            assert (200, "permit", None) == asked(one)
            size = one.services.witnesses.ask()["covered"]
            assert size == behind.services.witnesses.ask()["covered"], turn
    assert ((), ()) == (world.services.continuity.contradictions, other.services.continuity.contradictions)


def test_two_services_on_one_database_do_not_disturb_each_other(world: World, fake: Fake, tmp_path: Path) -> None:
    """Whoever lags behind looks again before it takes an answer for an alarm."""
    other = second(world, tmp_path)
    undisturbed(world, other)
    other.close()


@pytest.mark.postgresql
def test_two_services_on_one_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    """As above."""
    world = World.found(tmp_path, database_url=postgresql_url).agreed().filled(clients=12)
    with_fake(world)
    other = second(world, tmp_path)
    undisturbed(world, other)
    other.close()
    world.close()


@pytest.mark.parametrize(("answer", "code"), [(refusing(409, b"100000\n"), "rewound"), (refusing(422), "forked")])
def test_who_saw_another_history_stops_every_release(world: World, fake: Fake, answer: Answered, code: str) -> None:
    """At once, naming the witness and both checkpoints; every part that tells how the service is tells it."""
    world.services.witnesses.ask()
    seen = fake.size
    assert (200, "permit", None) == asked(world)
    fake.refuse = lambda: answer
    world.services.witnesses.ask()
    size = world.services.journal.head().size
    refused = world.query(world.partners["dashboard"], OWN)
    assert (503, "log-contradicted", "unavailable") == (
        refused.status_code, refused.json["reason"], refused.headers["Accordant-Outcome"],
    )  # fmt: skip
    [found] = world.services.continuity.contradictions
    kept, shown = (
        Checkpoint.from_text(note.decode().rpartition("\n\n")[0] + "\n") for note in (found.kept, found.shown)
    )
    assert (code, seen, size) == (found.code, kept.size, shown.size)
    for word in ("the witness w", str(kept.size), kept.root.hex(), str(shown.size), shown.root.hex()):
        assert word in refused.json["detail"]
    assert size == world.services.journal.head().size
    assert "log-contradicted" == world.services.ready()["continuity"]
    assert b"accordant_log_contradictions 1.0" in world.services.metrics.text()


def test_nothing_is_taken_in_and_everything_is_shown(world: World, fake: Fake) -> None:
    """Read-only: signing, consents, sources and keys are refused; history, receipts and tiles go on."""
    fake.refuse = lambda: refusing(422)
    world.services.witnesses.ask()
    north = world.partners["north"]
    for path, document in (
        ("/v1/mous/small/openings", {"decision": "withdraw"}),
        ("/v1/sources", {"mapping": "party: north", "url": None}),
    ):
        answer = world.call(north, "POST", path, document)
        assert (503, "log-contradicted") == (answer.status_code, answer.json["reason"]) or 400 == answer.status_code
    records = b"subject,purpose,fields,status\n1,improvement,grade,given\n"
    answer = world.call(north, "POST", "/v1/consents", body=records, content_type="text/csv")
    assert (503, "log-contradicted") == (answer.status_code, answer.json["reason"])
    before = world.services.journal.head().size
    assert world.told(world.administrator, "GET", "/v1/entries?limit=3")["entries"]
    assert before + 1 == world.services.journal.head().size
    readable = next(e.seq for e in world.services.journal.entries() if "north" in e.readers)
    world.told(north, "GET", f"/v1/receipts/{readable}")
    for path in ("/log/checkpoint", "/log/vkey", "/healthz"):
        assert 200 == world.client.get(path).status_code


def test_an_answer_under_way_ends_with_the_alarm(tmp_path: Path) -> None:
    """No further batch leaves; the account of what left is closed."""
    world = World.found(tmp_path).agreed().filled(clients=12)
    world.close()
    object.__setattr__(world.settings, "batch_rows", 3)
    fake = Fake(world.services.published._published.verifier, cosigner("w"), refuse=lambda: refusing(422))  # type: ignore[attr-defined]
    world.post = fake
    world.open()
    written(world, "w")
    body, headers = world.signed_query(world.partners["dashboard"], OWN)
    answer = world.client.post(
        "/v1/query", data=body, headers=headers, base_url="http://accordant.test", buffered=False
    )
    chunks = iter(answer.response)
    next(chunks)
    world.services.witnesses.ask()
    with pytest.raises(Exception, match="another history"):
        list(chunks)
    answer.close()
    world.close()


def test_an_alarm_outlives_a_restart_until_somebody_acts(world: World, fake: Fake) -> None:
    """And is never cleared by itself; what was settled is told in the log, by whom and why."""
    fake.refuse = lambda: refusing(422)
    world.services.witnesses.ask()
    fake.refuse = None
    for _ in range(2):
        restarted(world)
        assert (503, "unavailable", "log-contradicted") == asked(world)
        world.services.witnesses.ask()
        assert (503, "unavailable", "log-contradicted") == asked(world)
    alarms = AlarmFile(world.settings.home / "alarms.jsonl")
    assert 1 == len(alarms.read())
    alarms.settle(by="ada", reason="the witness had lost its disk", at=world.clock.now())
    restarted(world)
    assert (200, "permit", None) == asked(world)
    [entry] = world.services.journal.entries(kinds={"alarm-settled"})
    [told] = entry.body["alarms"]
    assert ("the witness w", "ada", "the witness had lost its disk") == (told["by"], told["settled_by"], told["reason"])
    restarted(world)
    assert 1 == len(list(world.services.journal.entries(kinds={"alarm-settled"})))


def test_cosignatures_that_nobody_needs_go_each_hour(world: World, fake: Fake) -> None:
    """The newest hundred stay; the log is covered as before."""
    for number in range(104):
        world.services.journal.append([Draft("search", {"number": number})])
        world.services.witnesses.ask()
    store = CosignatureStore(world.services.witnesses._log.engine)  # type: ignore[attr-defined]
    best = (store.best(beyond=0) or b"").splitlines()[:3]
    world.clock.pass_(hours=2)
    world.services.witnesses.ask()
    with store.engine.connect() as connection:
        assert 100 == connection.scalar(select(func.count()).select_from(COSIGNATURES))
    assert best == (store.best(beyond=0) or b"").splitlines()[:3]
    assert world.services.journal.head().size == world.services.witnesses.standing()["covered"]


def test_a_running_service_hears_what_was_settled(world: World, fake: Fake) -> None:
    """Without a restart, and tells it in the log; a witness that still contradicts raises the alarm again."""
    fake.refuse = lambda: refusing(422)
    world.services.witnesses.ask()
    assert (503, "unavailable", "log-contradicted") == asked(world)
    alarms = AlarmFile(world.settings.home / "alarms.jsonl")
    alarms.settle(by="ada", reason="too early", at=world.clock.now())
    world.services.witnesses.ask()
    assert (503, "unavailable", "log-contradicted") == asked(world)
    assert [True, False] == [alarm.settled_by is not None for alarm in alarms.read()]
    fake.refuse = None
    alarms.settle(by="ada", reason="the witness had lost its disk", at=world.clock.now())
    world.services.witnesses.ask()
    assert (200, "permit", None) == asked(world)
    entries = list(world.services.journal.entries(kinds={"alarm-settled"}))
    assert ["too early", "the witness had lost its disk"] == [a["reason"] for e in entries for a in e.body["alarms"]]


def test_the_watch_itself_hears_it(world: World, fake: Fake) -> None:
    """A served home does not wait for the next round, which may be far: it looks while an alarm stands."""
    fake.refuse = lambda: refusing(422)
    world.services.witnesses.start(wait=30)
    assert (503, "unavailable", "log-contradicted") == asked(world)
    fake.refuse = None
    alarms = AlarmFile(world.settings.home / "alarms.jsonl")
    alarms.settle(by="ada", reason="the witness had lost its disk", at=world.clock.now())
    until(lambda: not world.services.continuity.contradictions)
    assert (200, "permit", None) == asked(world)


def test_an_alarm_of_after_the_settling_stands(world: World, fake: Fake) -> None:
    """What an administrator settled says nothing of what was found later, even where it could not be written down."""
    fake.refuse = lambda: refusing(422)
    world.services.witnesses.ask()
    path = world.settings.home / "alarms.jsonl"
    AlarmFile(path).settle(by="ada", reason="known", at=world.clock.now() - dt.timedelta(seconds=1))
    fake.refuse = None
    world.services.witnesses.ask()
    assert (503, "unavailable", "log-contradicted") == asked(world)


def test_alarms_that_can_t_be_read_are_no_silence(world: World) -> None:
    """The service does not start as if nothing had been said."""
    world.close()
    (world.settings.home / "alarms.jsonl").write_text("{}\n")
    with pytest.raises(InputWrong) as raised:
        world.open()
    assert "alarms-unreadable" == raised.value.reason
    (world.settings.home / "alarms.jsonl").unlink()
    world.open()


def test_a_witness_that_is_away_is_no_alarm(world: World, fake: Fake) -> None:
    """Nor is one that does not know the log."""
    for status in (403, 404, 500):
        fake.refuse = lambda status=status: refusing(status)  # type: ignore[misc]
        told = world.services.witnesses.ask()
        assert [] == told["contradictions"]
        assert told["witnesses"][0]["reason"]
    assert (200, "permit", None) == asked(world)


def test_a_verification_waits_for_witnesses_as_the_service_does(world: World, fake: Fake) -> None:
    """What came since the last round is told and is no fault, while it is young; a quorum that never was is one."""
    policy = Policy.from_text((world.settings.home / "witnesses.policy").read_bytes())

    def found(patience: float | None) -> tuple[list[str], int]:
        told = verify_home(world.settings, policy=policy, patience=patience)
        return [fault.code for fault in told.faults], told.waiting

    assert (["quorum-missing"], 0) == found(1e12)
    world.services.witnesses.ask()
    assert ([], 0) == found(0)
    covered = world.services.journal.head().size
    world.services.journal.append([Draft("search", {"number": number}) for number in range(3)])
    assert ([], 3) == found(1e12)
    assert (["quorum-missing"], 0) == found(0)
    assert (["quorum-missing"], 0) == found(None)
    told = verify_home(world.settings, policy=policy, patience=1e12).to_json()
    assert (True, covered, 3) == (told["whole"], told["vouched"], told["waiting"])


def test_what_is_dated_ahead_waits_for_nobody(world: World, fake: Fake) -> None:
    """The log's key dates its entries; who has it can't make them young for ever, to a verification or the service."""
    world.services.witnesses.ask()
    policy = Policy.from_text((world.settings.home / "witnesses.policy").read_bytes())
    now = world.clock.now()
    world.clock.pass_(days=365 * 300)
    world.services.journal.append([Draft("search", {"number": 1})])
    told = verify_home(world.settings, policy=policy, patience=1e6)
    assert (["quorum-missing"], 0) == ([fault.code for fault in told.faults], told.waiting)
    world.clock.pass_(days=-365 * 300)
    fake.refuse = lambda: refusing(500)
    world.services.witnesses.ask()
    assert (200, "permit", None) == asked(world)
    world.clock.pass_(seconds=world.settings.checkpoint_seconds + 60)
    world.services.witnesses.ask()
    assert world.clock.now() - now < dt.timedelta(days=2)
    assert (503, "unavailable", "checkpoint-stale") == asked(world)
