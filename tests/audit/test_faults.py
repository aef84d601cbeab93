"""Crossed faults: every write fails, or fails after it persisted; the log never says less than it acknowledged."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, insert, select

from audit import Draft, Entry, Log, LogUnavailable, NoteSigner, verify
from audit.place import FILED_AT
from tests.audit.simulator import Mode, Switch, faulty
from tests.audit.worlds import ORIGIN, draft, keys_of, opened

STATE = MetaData()
MARKS = Table("marks_of_test", STATE, Column("number", Integer, primary_key=True))


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


class Story:
    """Some appends, and what their callers were told."""

    def __init__(self) -> None:
        self.told: dict[int, int] = {}  # number of the draft → of the entry
        self.nothing: set[int] = set()
        self.unknown: set[int] = set()

    def tell(self, log: Log) -> None:
        self._append(log, 1, [draft(1)], marking(1))
        self._append(log, 2, [draft(2), draft(2), draft(2)], None)
        self._append(log, 3, [draft(3)], refusing)
        self._append(log, 4, [draft(4)], marking(4))
        # The last one makes the number full at which entries are filed for searches.
        self._append(log, 5, [draft(5)] * (FILED_AT - 5), marking(5))
        self._append(log, 6, [draft(6)], None)

    def _append(self, log: Log, number: int, drafts: list[Draft], within: object) -> None:
        try:
            entries = log.append(drafts, within=within)  # type: ignore[arg-type]
        except Refusal:
            self.nothing.add(number)
        except LogUnavailable as error:
            (self.unknown if error.outcome == "unknown" else self.nothing).add(number)
        else:
            self.told[number] = entries[0].seq
            # Nothing is told before it is on the disk, and what is told is known at once.
            assert log.head().size > entries[-1].seq
            assert log.last_of(["request"]) >= entries[-1].seq


def hold_against(story: Story, engine: Engine, signer: NoteSigner) -> None:
    """Reopened, everything verifies, and everything that was said is so."""
    report = verify(engine, keys=keys_of(engine), vkey=signer.vkey)
    assert report.ok, report.faults[:3]
    with Log.open(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer) as log:
        found: dict[int, list[int]] = {}
        for entry in log.entries():
            found.setdefault(entry.body["number"], []).append(entry.seq)
        sizes = {1: 1, 2: 3, 4: 1, 5: FILED_AT - 5, 6: 1, 0: 1}
        for number, seq in story.told.items():
            assert seq == found[number][0], "an acknowledged entry is not where it was said to be"
        for number, seqs in found.items():
            assert sizes[number] == len(seqs), "an entry stands twice, or half a submission was written"
        assert set(story.told) <= set(found) <= {0} | set(story.told) | story.unknown
        assert not story.nothing & set(found), "a caller was told that nothing was written"
        with engine.connect() as connection:
            marks = set(connection.scalars(select(MARKS.c.number)))
        assert set(found) & {1, 4, 5} == marks, "state and entries disagree"
        assert len(log.search(party="aspire", limit=1000)) == sum(map(len, found.values()))
        log.append([draft(9)])
        assert verify(log, vkey=signer.vkey).ok


@pytest.fixture
def world(url: str, signer: NoteSigner) -> Iterator[tuple[Engine, Switch, Log]]:
    with faulty(url) as (engine, switch):
        STATE.create_all(engine)
        with Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer) as log:
            log.append([draft(0)])
            yield engine, switch, log


def points_of(url: str, signer: NoteSigner) -> int:
    """How many points the story has when nothing fails."""
    with faulty(url) as (engine, switch):
        STATE.create_all(engine)
        with Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer) as log:
            log.append([draft(0)])
            switch.arm({})
            Story().tell(log)
            return switch.count


def told_with(armed: dict[int, Mode], world: tuple[Engine, Switch, Log], url: str, signer: NoteSigner) -> Story:
    _, switch, log = world
    story = Story()
    switch.arm(armed)
    story.tell(log)
    switch.arm({})
    log.close()
    with opened(url) as sound:
        hold_against(story, sound, signer)
    return story


def test_the_story_without_faults(world: tuple[Engine, Switch, Log], url: str, signer: NoteSigner) -> None:
    """The simulator itself changes nothing."""
    story = told_with({}, world, url, signer)
    assert ({1, 2, 4, 5, 6}, {3}, set()) == (set(story.told), story.nothing, story.unknown)


def fresh(tmp_path: Path, number: int) -> str:
    return f"sqlite:///{tmp_path}/log-{number}.db"


def run(armed: dict[int, Mode], url: str, signer: NoteSigner) -> Story:
    with faulty(url) as (engine, switch):
        STATE.create_all(engine)
        with Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer) as log:
            log.append([draft(0)])
            return told_with(armed, (engine, switch, log), url, signer)


@pytest.mark.parametrize("mode", ["before", "after"])
def test_each_write_fails(mode: Mode, tmp_path: Path, signer: NoteSigner) -> None:
    """One fault, at every point in turn; a commit that failed is told as unknown."""
    points = points_of(fresh(tmp_path, 0), signer)
    assert points > 30
    stories = [run({n: mode}, fresh(tmp_path, n), signer) for n in range(1, points + 1)]
    assert any(story.unknown for story in stories)
    assert any(story.nothing > {3} for story in stories)
    # One fault never spoils more than one submission: the next one finds the log in order.
    assert all(len(story.told) >= 4 for story in stories)


@pytest.mark.parametrize("mode", ["before", "after"])
@pytest.mark.parametrize("nth", [3, 8, 15, 20, 28, 33])
@pytest.mark.postgresql
def test_some_writes_fail_on_postgresql(mode: Mode, nth: int, postgresql_url: str, signer: NoteSigner) -> None:
    """The same code path: some points suffice."""
    run({nth: mode}, postgresql_url, signer)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_every_two_writes_fail(tmp_path: Path, signer: NoteSigner) -> None:
    """Two faults, at every pair of points, in every combination of how."""
    points = points_of(fresh(tmp_path, 0), signer)
    modes: tuple[Mode, Mode] = ("before", "after")
    for number, (first, second) in enumerate(itertools.combinations(range(1, points + 1), 2), 1):
        for how, also in itertools.product(modes, modes):
            url = f"sqlite:///{tmp_path}/pair-{number}-{how}-{also}.db"
            run({first: how, second: also}, url, signer)
            for path in tmp_path.glob(f"pair-{number}-*"):
                path.unlink()


def test_everything_fails_for_a_while(world: tuple[Engine, Switch, Log], url: str, signer: NoteSigner) -> None:
    """All are refused, nobody hangs, and the sequencer lives on when the disk does again."""
    _, switch, log = world
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
        assert 3 == log.append([draft(4)])[0].seq
        assert 3 == log.last_of(["request"])
        assert [0, 1, 2, 4] == [entry.body["number"] for entry in log.entries()]
