"""Crossed faults: every write fails, or fails after it persisted; the log never says less than it acknowledged."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, insert, select

from audit import Draft, Entry, Log, LogUnavailable, NoteSigner, Part, verify
from audit.place import FILED_AT
from tests.audit.simulator import Mode, Switch, faulty, keys_behind
from tests.audit.worlds import ORIGIN, draft, keys_of, opened

if TYPE_CHECKING:
    from tests.real_parts import PostgreSQL

Tell = Callable[..., None]
MODES: tuple[Mode, Mode] = ("before", "after")
STATE = MetaData()
MARKS = Table("marks_of_test", STATE, Column("number", Integer, primary_key=True))

# How many entries each step of the story makes; the fifth makes the number full at which entries are filed for
# searches, whatever became of those before it.
SIZES = {1: 1, 2: 3, 3: 1, 4: 1, 5: 8, 6: 1, 7: 1, 8: 1, 9: 2}
BEFORE = FILED_AT - SIZES[5]
MARKED = {1, 4, 5}
# Every write there is. What SQLite itself says that it did is held against this list, and so are the points.
WRITES = {
    "INSERT INTO accordant_data_keys", "INSERT INTO audit_parts", "INSERT INTO audit_named",
    "BEGIN", "SAVEPOINT", "INSERT INTO marks_of_test", "RELEASE", "ROLLBACK TO", "ROLLBACK",
    "INSERT INTO audit_leaves", "INSERT INTO audit_bodies", "INSERT INTO audit_terms", "UPDATE audit_head", "COMMIT",
}  # fmt: skip


def drafted(number: int) -> list[Draft]:
    """The fourth step's party is new, so the sequencer makes a key for it; the sixth tells of a new client."""
    if number == 6:
        told = {"subjects": {"aspire": ["client-6"]}, "names": (("aspire", "client-6"),), "use": "content"}
        parts = (Part("aspire", "client-6", {"consents": True}),)
        return [Draft("request", {"number": 6}, ("aspire",), {"party": "aspire"}, parts=parts, **told)]  # type: ignore[arg-type]
    return [draft(number, party="hope" if number == 4 else "aspire")] * SIZES[number]


class Refusal(Exception):
    """What a caller's own writes may raise."""


def marking(number: int) -> Callable[[Connection, Sequence[Entry]], None]:
    """State that must be there exactly when the entry is."""

    def within(connection: Connection, entries: Sequence[Entry]) -> None:
        connection.execute(insert(MARKS).values(number=number))

    return within


def refusing(connection: Connection, entries: Sequence[Entry]) -> None:
    connection.execute(insert(MARKS).values(number=-1))
    raise Refusal


@dataclass
class Story:
    """Some appends, and what their callers were told."""

    told: dict[int, int] = field(default_factory=dict)  # number of the draft → of the entry
    nothing: set[int] = field(default_factory=set)
    unknown: set[int] = field(default_factory=set)

    def tell(self, log: Log) -> None:
        self._append(log, 1, marking(1))
        self._append(log, 2)
        self._append(log, 3, refusing)
        self._append(log, 4, marking(4))
        self._append(log, 5, marking(5))
        self._append(log, 6)
        # What may be written soon rides along with the next entries, or is written where somebody reads.
        riding = self._soon(log, 7)
        self._append(log, 8)
        self._take(log, 7, riding)
        alone = self._soon(log, 9)
        log.entry(1 << 40)
        self._take(log, 9, alone)

    def _append(self, log: Log, number: int, within: object = None) -> None:
        drafts = drafted(number)
        self._take(log, number, lambda: log.append(drafts, within=within))  # type: ignore[arg-type]

    def _soon(self, log: Log, number: int) -> Callable[[], tuple[Entry, ...]]:
        future: Future[tuple[Entry, ...]] = log.append_soon(drafted(number))
        return lambda: future.result(60)

    def _take(self, log: Log, number: int, made: Callable[[], tuple[Entry, ...]]) -> None:
        try:
            entries = made()
        except Refusal:
            self.nothing.add(number)
        except LogUnavailable as error:
            (self.unknown if error.outcome == "unknown" else self.nothing).add(number)
        else:
            self.told[number] = entries[0].seq
            # Nothing is told before it is on the disk, and what is told is known at once.
            assert log.head().size > entries[-1].seq
            with suppress(LogUnavailable):  # a later commit of the sequencer's thread may be unknown by now
                assert log.last_of(["request"]) >= entries[-1].seq


@dataclass
class Count:
    """What is left of what was acknowledged."""

    rounds: int = 0
    acknowledged: int = 0
    lost: int = 0
    duplicated: int = 0

    def add(self, story: Story, found: dict[int, list[int]]) -> None:
        self.rounds += 1
        for number, seq in story.told.items():
            there = Counter(found.get(number, ()))
            expected = range(seq, seq + SIZES[number])
            self.acknowledged += SIZES[number]
            self.lost += sum(n not in there for n in expected)
            self.duplicated += max(0, len(there) - SIZES[number])

    def hold(self, figures: Tell, what: str) -> None:
        figures(what, **vars(self))
        assert (0, 0) == (self.lost, self.duplicated)


def hold_against(story: Story, engine: Engine, signer: NoteSigner, count: Count) -> None:
    """Reopened, everything that was said is so; one more entry, and everything verifies."""
    with closing(keys_of(engine)) as keys, Log.open(engine, origin=ORIGIN, signer=signer, keys=keys) as log:
        found: dict[int, list[int]] = {}
        for entry in log.entries():
            found.setdefault(entry.body["number"], []).append(entry.seq)
        count.add(story, found)
        for number, seq in story.told.items():
            assert seq == found[number][0], "an acknowledged entry is not where it was said to be"
        for number, seqs in found.items():
            expected = BEFORE if number == 0 else SIZES[number]
            assert expected == len(seqs), "an entry stands twice, or half a submission was written"
        assert set(story.told) <= set(found) <= {0} | set(story.told) | story.unknown
        assert not story.nothing & set(found), "a caller was told that nothing was written"
        with engine.connect() as connection:
            marks = set(connection.scalars(select(MARKS.c.number)))
        assert set(found) & MARKED == marks, "state and entries disagree"
        searched = [entry for party in ("aspire", "hope") for entry in log.search(party=party, limit=1000)]
        assert len(searched) == sum(map(len, found.values()))
        assert len(log.search(subject="client-6")) == len(found.get(6, ()))
        log.append([draft(10)])
        report = verify(log, vkey=signer.vkey)
        assert report.ok, report.faults[:3]


def began(url: str, signer: NoteSigner) -> None:
    """A log that is nearly at the number at which entries are filed."""
    with opened(url) as engine:
        STATE.create_all(engine)
        keys = keys_of(engine)
        with closing(keys), Log.create(engine, origin=ORIGIN, signer=signer, keys=keys) as log:
            log.append([draft(0)] * BEFORE)


def run(armed: dict[int, Mode], url: str, signer: NoteSigner, count: Count) -> tuple[Story, Switch]:
    """The story on a log that began, with faults; then a restart, and everything is looked at."""
    story = Story()
    with (
        faulty(url) as (engine, switch),
        closing(keys_behind(engine, switch)) as keys,
        Log.open(engine, origin=ORIGIN, signer=signer, keys=keys) as log,
    ):
        switch.arm(armed)
        story.tell(log)
        points = Switch(count=switch.count, points=list(switch.points), seen=list(switch.seen))
        switch.arm({})
    with opened(url) as sound:
        hold_against(story, sound, signer, count)
    return story, points


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, signer: NoteSigner) -> Path:
    """The file of a log that began, to be copied."""
    path = tmp_path_factory.mktemp("began") / "log.db"
    began(f"sqlite:///{path}", signer)
    return path


@pytest.fixture
def again(prepared: Path, tmp_path: Path, signer: NoteSigner) -> Callable[..., tuple[Story, Switch]]:
    """Runs the story on a fresh copy, as often as one likes."""
    path = tmp_path / "again.db"

    def once(armed: dict[int, Mode], count: Count) -> tuple[Story, Switch]:
        for old in tmp_path.glob("again.db*"):
            old.unlink()
        for suffix in ("", ".keys"):
            shutil.copyfile(f"{prepared}{suffix}", f"{path}{suffix}")
        return run(armed, f"sqlite:///{path}", signer, count)

    return once


def test_the_story_without_faults(url: str, signer: NoteSigner) -> None:
    """The simulator itself changes nothing."""
    began(url, signer)
    story, _ = run({}, url, signer, Count())
    assert ({1, 2, 4, 5, 6, 7, 8, 9}, {3}, set()) == (set(story.told), story.nothing, story.unknown)


def test_no_write_is_without_a_fault(again: Callable[..., tuple[Story, Switch]]) -> None:
    """Whatever SQLite says that it wrote is a point at which it can fail, and the list above is whole."""
    _, switch = again({}, Count())
    assert WRITES == set(switch.points) == set(switch.seen)
    for what in WRITES - {"ROLLBACK"}:
        assert switch.points.count(what) <= switch.seen.count(what)  # many rows are one statement for the driver
    assert switch.points.count("COMMIT") == switch.seen.count("COMMIT")


@pytest.mark.parametrize("mode", MODES)
def test_each_write_fails(mode: Mode, again: Callable[..., tuple[Story, Switch]], figures: Tell) -> None:
    """One fault, at every point in turn; a commit that failed is told as unknown."""
    count = Count()
    points = again({}, Count())[1].count
    assert points > 40
    stories = [again({n: mode}, count)[0] for n in range(1, points + 1)]
    assert any(story.unknown for story in stories)
    assert any(story.nothing > {3} for story in stories)
    # One fault never spoils more than one batch: the next one finds the log in order.
    assert all(len(story.told) >= 6 for story in stories)
    count.hold(figures, "one write fails, on SQLite")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("nth", [3, 8, 15, 20, 28, 33])
@pytest.mark.postgresql
def test_some_writes_fail_on_postgresql(
    mode: Mode, nth: int, postgresql_url: str, signer: NoteSigner, figures: Tell
) -> None:
    """The same code path: some points suffice."""
    count = Count()
    began(postgresql_url, signer)
    run({nth: mode}, postgresql_url, signer, count)
    count.hold(figures, "one write fails, on PostgreSQL")


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.postgresql
def test_each_write_fails_on_postgresql(mode: Mode, postgresql: PostgreSQL, signer: NoteSigner, figures: Tell) -> None:
    """One fault, at every point in turn."""
    count = Count()
    points = nth = 0
    while nth <= points:
        url = postgresql.create()
        began(url, signer)
        _, switch = run({nth: mode}, url, signer, count)
        postgresql.drop(url)
        points, nth = points or switch.count, nth + 1
    assert points > 35
    count.hold(figures, "one write fails, on PostgreSQL")


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("shard", range(8))
def test_every_two_writes_fail(shard: int, again: Callable[..., tuple[Story, Switch]], figures: Tell) -> None:
    """Two faults in every combination of where and how; what comes after the first one is longer for it."""
    count = Count()
    points = again({}, Count())[1].count
    for first, how in itertools.product(range(1 + shard, points + 1, 8), MODES):
        more = again({first: how}, Count())[1].count
        for second, also in itertools.product(range(first + 1, more + 1), MODES):
            again({first: how, second: also}, count)
    assert count.rounds > 400
    count.hold(figures, "two writes fail, on SQLite")


@pytest.fixture
def world(url: str, signer: NoteSigner) -> Iterator[tuple[Switch, Log]]:
    with faulty(url) as (engine, switch), Log.create(engine, origin=ORIGIN, signer=signer, keys=keys_of(engine)) as log:
        log.append([draft(0)])
        yield switch, log


def test_everything_fails_for_a_while(world: tuple[Switch, Log], signer: NoteSigner) -> None:
    """All are refused, nobody hangs, and the sequencer lives on when the disk does again."""
    switch, log = world
    switch.arm(dict.fromkeys(range(1, 10_000), "before"))
    for number in range(1, 6):
        with pytest.raises(LogUnavailable) as caught:
            log.append([draft(number)])
        assert isinstance(caught.value.__cause__, Exception)
    switch.arm({})
    assert 1 == log.append([draft(6)])[0].seq
    assert verify(log, vkey=signer.vkey).ok


def test_facts_are_not_told_while_a_commit_is_unknown(url: str, signer: NoteSigner) -> None:
    """Until the database answers again nobody is told which entry is the newest: it may be one more."""
    with faulty(url) as (engine, switch), Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer) as log:
        log.append([draft(0)])
        switch.arm({})
        log.append([draft(1)])
        points = switch.count
        commit = points  # an append's last point
        switch.arm({commit: "after", **dict.fromkeys(range(commit + 1, commit + 1000), "before")})
        with pytest.raises(LogUnavailable) as caught:
            log.append([draft(2)])
        assert "unknown" == caught.value.outcome
        # the settling runs right behind the refusal
        with pytest.raises(LogUnavailable):
            log.append([draft(3)])
        with pytest.raises(LogUnavailable, match="not known"):
            log.last_of(["request"])
        switch.arm({})
        # Whoever asks finds it out, and needs no entry to be made for it.
        assert 2 == log.last_of(["request"])
        assert 3 == log.append([draft(4)])[0].seq
        assert 3 == log.last_of(["request"])
        assert [0, 1, 2, 4] == [entry.body["number"] for entry in log.entries()]
