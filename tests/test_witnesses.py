"""The watch over the log: witnesses that vouch or contradict, memory outside the database, and X-Road's rule."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.cosignature import Cosigner
from audit.errors import WitnessRefused
from audit.memory import Remembered, recalled, replaced
from audit.note import Checkpoint
from audit.policy import Policy
from audit.policy_file import with_witness
from audit.witness import Answered
from governance.adapters.alarms import AlarmFile
from governance.errors import InputWrong
from governance.settings import from_home
from tests.audit.witness import Fake, litewitnessing
from tests.simulator import World
from tests.test_gateway import OWN

URL = "https://witness.example"


def cosigner(name: str) -> Cosigner:
    return Cosigner(name, Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b".")))


def written(world: World, *names: str, url: str | None = URL, quorum: int | None = None) -> Policy:
    """The home's policy, as old as can be."""
    data = b""
    for name in names:
        vkey = cosigner(name).verifier.vkey
        data = with_witness(data, name=name, vkey=vkey, url=url, log_vkey=world.services.vkey, quorum=quorum)
    path = world.settings.home / "witnesses.policy"
    path.write_bytes(data)
    os.utime(path, (0, 0))
    return Policy.from_text(data)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Agreed and filled, not watched yet."""
    made = World.found(tmp_path).agreed().filled(clients=12)
    yield made
    made.close()


@pytest.fixture
def fake(world: World) -> Fake:
    """A witness that the policy names; the world is opened with it."""
    from audit import NoteVerifier

    written(world, "w")
    made = Fake(NoteVerifier.from_vkey(world.services.vkey), cosigner("w"))
    world.close()
    world.post = made
    world.open()
    return made


def restarted(world: World) -> None:
    world.close()
    world.open()


def asked(world: World) -> tuple[int, str | None, str | None]:
    """A request of own rows: status, outcome, reason."""
    answer = world.query(world.partners["dashboard"], OWN)
    reason = answer.json.get("reason") if answer.is_json else None
    return answer.status_code, answer.headers["Accordant-Outcome"], reason


def refusing(status: int, body: bytes = b"") -> Answered:
    return Answered(status, "text/x.tlog.size" if status == 409 else "text/plain", body)


# Asking


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


def test_asking_is_an_administrators(world: World, fake: Fake) -> None:
    """Whoever else may see how they stand."""
    assert 403 == world.call(world.partners["north"], "POST", "/v1/witnesses/round").status_code
    assert 0 == fake.asked


def test_the_policy_is_read_anew_each_round(world: World) -> None:
    """One that can't be read leaves the last that could, and /readyz says so."""
    written(world, "w", url=None)
    told = world.services.witnesses.ask()
    assert (0, True) == (told["covered"], told["quorum"])
    (world.settings.home / "witnesses.policy").write_text("nonsense\n")
    assert 1 == len(world.services.witnesses.ask()["witnesses"])
    assert "policy-unreadable" == world.services.ready()["continuity"]
    (world.settings.home / "witnesses.policy").unlink()
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


def test_two_services_on_one_database_do_not_disturb_each_other(world: World, fake: Fake, tmp_path: Path) -> None:
    """Whoever lags behind looks again before it takes an answer for an alarm."""
    shutil.copytree(world.settings.home, tmp_path / "second")
    settings = from_home(tmp_path / "second", {"ACCORDANT_DATABASE_URL": world.settings.database_url})
    other = World.__new__(World)
    other.__dict__.update(world.__dict__)
    other.settings = settings
    other.open()
    for turn in range(3):
        for one, behind in ((world, other), (other, world)):
            assert (200, "permit", None) == asked(one)
            size = one.services.witnesses.ask()["covered"]
            assert size == behind.services.witnesses.ask()["covered"], turn
    assert ((), ()) == (world.services.continuity.contradictions, other.services.continuity.contradictions)
    other.close()


# Contradicted


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


# Memory outside the database


def test_a_home_remembers_where_its_log_stood(world: World) -> None:
    """Outside the database, moved on at each round and at a stop."""
    path = world.settings.home / "checkpoints"
    world.services.witnesses.ask()
    assert world.services.journal.head().size == recalled(path)[-1].checkpoint.size
    assert 0o600 == path.stat().st_mode & 0o777
    asked(world)
    world.close()
    size = world.services.journal.head().size
    assert [size] == [one.checkpoint.size for one in recalled(path)]
    world.open()


def test_an_older_database_is_served_read_only(world: World, tmp_path: Path) -> None:
    """A copy that was put back: fewer entries than the home remembers."""
    database = Path(world.settings.database_url.removeprefix("sqlite:///"))
    world.close()
    shutil.copy(database, tmp_path / "older.db")
    world.open()
    assert (200, "permit", None) == asked(world)
    world.close()
    remembered = (world.settings.home / "checkpoints").read_bytes()
    shutil.copy(tmp_path / "older.db", database)
    world.open()
    [found] = world.services.continuity.contradictions
    assert ("this home", "rewound") == (found.by, found.code)
    assert (503, "unavailable", "log-contradicted") == asked(world)
    assert world.told(world.administrator, "GET", "/v1/entries?limit=3")["entries"]
    # The log grows by searches; it is forked by now, and what was remembered is not forgotten for it.
    for _ in range(6):
        world.told(world.administrator, "GET", "/v1/entries?limit=1")
    world.services.witnesses.ask()
    restarted(world)
    assert (503, "unavailable", "log-contradicted") == asked(world)
    assert remembered == (world.settings.home / "checkpoints").read_bytes()
    AlarmFile(world.settings.home / "alarms.jsonl").settle(by="ada", reason="restored", at=world.clock.now())
    restarted(world)
    assert (200, "permit", None) == asked(world)
    world.services.witnesses.ask()
    assert world.services.journal.head().size == recalled(world.settings.home / "checkpoints")[-1].checkpoint.size


def test_what_a_partner_remembers_is_held_against_the_head(world: World, tmp_path: Path) -> None:
    """A file in `remembered/`, of the very log or of a fork that the same key signed."""
    folder = world.settings.home / "remembered"
    head = world.services.journal.head()
    replaced(folder / "north", [Remembered(head.checkpoint, world.services.vkey)])
    (folder / "south").write_bytes(head.checkpoint)
    restarted(world)
    assert (200, "permit", None) == asked(world)
    from governance.home import note_signer

    signer = note_signer(world.settings)
    forked = signer.sign(Checkpoint(signer.name, head.size, b"f" * 32).to_text())
    (folder / "east").write_bytes(forked)
    restarted(world)
    [found] = world.services.continuity.contradictions
    assert ("the file remembered/east", "forked") == (found.by, found.code)
    assert (503, "unavailable", "log-contradicted") == asked(world)
    (folder / "east").write_bytes(b"nonsense")
    world.close()
    with pytest.raises(InputWrong) as raised:
        world.open()
    assert "memory-unreadable" == raised.value.reason
    (folder / "east").unlink()
    world.open()


# X-Road's rule


def moved(world: World, seconds: float) -> None:
    world.clock.time += dt.timedelta(seconds=seconds)


def test_entries_that_no_quorum_covers_stop_releases_in_time(world: World, fake: Fake) -> None:
    """503 and since when; other calls go on; as soon as a quorum has cosigned it goes on by itself."""
    world.services.witnesses.ask()

    def away() -> Answered:
        raise WitnessRefused("unreachable", "nobody answers")

    fake.refuse = away
    began = world.clock.now()
    assert (200, "permit", None) == asked(world)
    moved(world, 14_000)
    world.services.witnesses.ask()
    assert (200, "permit", None) == asked(world)
    moved(world, 1_000)
    refused = world.query(world.partners["dashboard"], OWN)
    assert (503, "checkpoint-stale", "unavailable") == (
        refused.status_code, refused.json["reason"], refused.headers["Accordant-Outcome"],
    )  # fmt: skip
    assert began.isoformat(timespec="minutes")[:16] in refused.json["detail"]
    entry = world.services.journal.entry(refused.json["entry"])
    assert entry is not None
    assert ("unavailable", "checkpoint-stale") == (entry.body["outcome"], entry.body["reason"])
    assert "checkpoint-stale" == world.services.ready()["continuity"]
    assert world.told(world.administrator, "GET", "/v1/entries?limit=3")["entries"]
    restarted(world)
    assert (503, "unavailable", "checkpoint-stale") == asked(world)
    fake.refuse = None
    world.services.witnesses.ask()
    assert (200, "permit", None) == asked(world)


def test_an_idle_log_is_never_stale(world: World, fake: Fake) -> None:
    """There is nothing that a witness could say anew."""
    world.services.witnesses.ask()
    moved(world, 10_000_000)
    assert 0 == world.services.continuity.waiting_seconds()
    world.services.continuity.require()


def test_a_watch_that_died_counts_from_its_last_look(world: World, fake: Fake) -> None:
    """Nobody looks any more: what was recorded since is uncovered since then."""
    world.services.witnesses.ask()
    assert (200, "permit", None) == asked(world)
    moved(world, 14_401)
    assert (503, "unavailable", "checkpoint-stale") == asked(world)


def test_a_quorum_that_nobody_asks_for_is_never_overdue(world: World) -> None:
    """Witnesses alone are no rule; `quorum none` says so."""
    written(world, "w", quorum=0)
    world.services.witnesses.ask()
    moved(world, 10_000_000)
    assert (200, "permit", None) == asked(world)


def test_a_new_policy_has_its_time(world: World, fake: Fake) -> None:
    """Entries older than the file count from the moment at which it was written."""
    world.post = fake
    fake.refuse = lambda: refusing(404)
    now = world.clock.now().timestamp()
    os.utime(world.settings.home / "witnesses.policy", (now, now))
    moved(world, 14_300)
    world.services.witnesses.ask()
    assert (200, "permit", None) == asked(world)
    moved(world, 200)
    assert (503, "unavailable", "checkpoint-stale") == asked(world)


# Partners as witnesses


def brought(world: World, name: str, note: bytes, *, by: str | None = None) -> Any:
    from base64 import b64encode

    line = cosigner(by or name).line(note, seconds=1_800_000_000)
    document = {"checkpoint": b64encode(note).decode(), "line": b64encode(line).decode()}
    return world.call(world.partners[name], "POST", "/v1/cosignatures", document)


def test_a_receipt_carries_two_partners_cosignatures(world: World) -> None:
    """Both on one checkpoint, and the policy of two is content with it, offline."""
    from audit import NoteVerifier
    from audit.receipt import Receipt

    policy = written(world, "north", "south", url=None)
    world.services.witnesses.ask()
    assert (200, "permit", None) == asked(world)
    entry = next(e.seq for e in world.services.journal.entries() if e.kind == "request")
    early = world.told(world.partners["north"], "GET", f"/v1/receipts/{entry}")
    note = world.client.get("/log/checkpoint").data
    assert (201, False) == ((answer := brought(world, "north", note)).status_code, answer.json["quorum"])
    asked(world)
    assert (201, True) == ((answer := brought(world, "south", note)).status_code, answer.json["quorum"])
    asked(world)
    told = world.told(world.partners["north"], "GET", f"/v1/receipts/{entry}")
    assert set(early) == set(told)
    receipt = Receipt.from_file(json.dumps(told).encode())
    signed = receipt.check(NoteVerifier.from_vkey(world.services.vkey))
    assert signed == policy.check(receipt.checkpoint)
    assert 2 == len(policy.cosigned(receipt.checkpoint))
    assert signed.size < world.services.journal.head().size
    newest = world.services.journal.head().size
    now = world.told(world.partners["north"], "GET", f"/v1/receipts/{entry}?cosigned=false")
    assert newest == Receipt.from_file(json.dumps(now).encode()).check(NoteVerifier.from_vkey(world.services.vkey)).size
    late = next(e.seq for e in world.services.journal.entries(after=signed.size - 1) if "north" in e.readers)
    answer = world.call(world.partners["north"], "GET", f"/v1/receipts/{late}?cosigned=true")
    assert (404, "no-cosignature") == (answer.status_code, answer.json["reason"])
    assert 200 == world.call(world.partners["north"], "GET", f"/v1/receipts/{late}").status_code


def test_a_strangers_cosignature_is_not_kept(world: World) -> None:
    """Nor one over another log's checkpoint, nor rubbish."""
    written(world, "north", url=None)
    world.services.witnesses.ask()
    note = world.client.get("/log/checkpoint").data
    answer = brought(world, "south", note)
    assert (400, "not-a-witness") == (answer.status_code, answer.json["reason"])
    from audit import NoteSigner

    other = NoteSigner.generate("another.example/log")
    foreign = other.sign(Checkpoint("another.example/log", 3, b"r" * 32).to_text())
    for wrong in (foreign, note.replace(b"\n\n", b"\nmore\n\n"), b"nonsense\n\nx\n"):
        line = cosigner("north").line(note, seconds=1)
        from base64 import b64encode

        document = {"checkpoint": b64encode(wrong).decode(), "line": b64encode(line).decode()}
        answer = world.call(world.partners["north"], "POST", "/v1/cosignatures", document)
        assert (400, "cosignature-wrong") == (answer.status_code, answer.json["reason"])
    assert 400 == world.call(world.partners["north"], "POST", "/v1/cosignatures", {"checkpoint": 3}).status_code
    assert 404 == world.client.get("/log/cosigned").status_code


def test_a_cosigned_fork_that_our_key_signed_is_an_alarm(world: World) -> None:
    """A partner brings what it was shown: the same key, another history."""
    from governance.home import note_signer

    written(world, "north", url=None)
    world.services.witnesses.ask()
    signer = note_signer(world.settings)
    forked = signer.sign(Checkpoint(signer.name, 5, b"f" * 32).to_text())
    answer = brought(world, "north", forked)
    assert (503, "log-contradicted") == (answer.status_code, answer.json["reason"])
    assert (503, "unavailable", "log-contradicted") == asked(world)


# The real one


def test_litewitness_stops_a_gateway_whose_database_was_put_back(
    world: World, litewitness: Path, tmp_path: Path
) -> None:
    """Not the home's memory, which is gone, but the witness: cosigned, rolled back, refused, and the gateway stops."""
    from audit import NoteVerifier

    database = Path(world.settings.database_url.removeprefix("sqlite:///"))
    (tmp_path / "witness").mkdir()
    with litewitnessing(litewitness, tmp_path / "witness") as witness:
        witness.knows(NoteVerifier.from_vkey(world.services.vkey))
        data = with_witness(b"", name="lite", vkey=witness.verifier.vkey, url=witness.url, log_vkey=world.services.vkey)
        (world.settings.home / "witnesses.policy").write_bytes(data)
        world.close()
        shutil.copy(database, tmp_path / "older.db")
        world.open()
        assert (200, "permit", None) == asked(world)
        told = world.services.witnesses.ask()
        assert (told["entries"], None) == (told["covered"], told["witnesses"][0]["reason"])
        world.close()
        shutil.copy(tmp_path / "older.db", database)
        (world.settings.home / "checkpoints").unlink()
        world.open()
        world.services.watching(60.0)
        [found] = world.services.continuity.contradictions
        assert ("the witness lite", "rewound") == (found.by, found.code)
        assert (503, "unavailable", "log-contradicted") == asked(world)
