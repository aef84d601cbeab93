"""Memory outside the database, and X-Road's rule: what nobody vouches for in time stops releases."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit import NoteVerifier
from audit.errors import WitnessRefused
from audit.memory import Remembered, recalled, replaced
from audit.note import Checkpoint
from audit.witness import Answered
from governance.adapters.alarms import AlarmFile
from governance.errors import InputWrong
from tests.audit.witness import Fake
from tests.simulator import World
from tests.test_gateway import OWN
from tests.vouching import asked, refusing, restarted, with_fake, written


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


def test_a_rotated_key_is_no_alarm(world: World) -> None:
    """The old key signs the new one; the home's memory follows, and so does what witnesses cosigned before."""
    from governance.log_key import rotate

    fake = with_fake(world)
    world.services.witnesses.ask()
    assert (200, "permit", None) == asked(world)
    world.close()
    rotate(world.settings, clock=world.clock)
    world.open()
    fake.log = NoteVerifier.from_vkey(world.services.vkey)
    assert (200, "permit", None) == asked(world)
    told = world.services.witnesses.ask()
    assert ([], told["entries"]) == (told["contradictions"], told["covered"])
    assert world.services.vkey == recalled(world.settings.home / "checkpoints")[-1].vkey
    restarted(world)
    assert (200, "permit", None) == asked(world)


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
