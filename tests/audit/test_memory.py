"""A client's memory of a log, and the alarm when the log is another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit import Log, NoteSigner
from audit.errors import Forked, NoteWrong, WrongCheckpoint
from audit.memory import Remembered, compared, recalled, remember
from audit.published import Published
from audit.tiles import Tile
from tests.audit.worlds import ORIGIN, TestClock, draft, keys_of, opened
from tests.audit.worlds import signer as new_signer


class Shown:
    """A log as a server shows it."""

    def __init__(self, log: Log) -> None:
        self.log = log

    @property
    def now(self) -> Remembered:
        return Remembered(self.log.head().checkpoint, self.log.verifier.vkey)

    def read(self, tile: Tile) -> bytes:
        found = Published(self.log).file(tile.path)
        assert found is not None
        return found


@pytest.fixture
def shown(log: Log) -> Shown:
    log.append([draft(n) for n in range(5)])
    return Shown(log)


@pytest.fixture
def fork(tmp_path: Path, signer: NoteSigner) -> Iterator[Shown]:
    """Another history, signed by the same key."""
    with (
        opened(f"sqlite:///{tmp_path}/fork.db") as engine,
        Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer, clock=TestClock()) as log,
    ):
        log.append([draft(n + 100) for n in range(5)])
        yield Shown(log)


def test_what_was_seen_is_recalled(shown: Shown, tmp_path: Path) -> None:
    """In order, from a file that only its owner reads; nothing where nothing was seen."""
    path = tmp_path / "deep/checkpoints"
    assert () == recalled(path)
    first = shown.now
    remember(path, first)
    shown.log.append([draft(9)])
    remember(path, shown.now)
    assert (first, shown.now) == recalled(path)
    assert 0o600 == path.stat().st_mode & 0o777


def test_a_lone_checkpoint_is_a_memory(shown: Shown, tmp_path: Path) -> None:
    """Given the key that it verifies with."""
    path = tmp_path / "checkpoint"
    path.write_bytes(shown.now.note)
    assert (shown.now,) == recalled(path, vkey=shown.now.vkey)
    with pytest.raises(NoteWrong):
        recalled(path)


def test_nothing_false_is_remembered(shown: Shown, tmp_path: Path) -> None:
    """A checkpoint that its key did not sign."""
    with pytest.raises(WrongCheckpoint):
        remember(tmp_path / "checkpoints", Remembered(shown.now.note, new_signer().vkey))
    assert [] == list(tmp_path.glob("checkpoints"))


@pytest.mark.parametrize("data", [b"{", b"{}\n", b'{"checkpoint":1,"vkey":2}\n', b'{"checkpoint":"x"}\n'])
def test_a_memory_that_can_t_be_read(tmp_path: Path, data: bytes) -> None:
    """Is said to be one, by line."""
    (tmp_path / "checkpoints").write_bytes(data)
    with pytest.raises(NoteWrong):
        recalled(tmp_path / "checkpoints")


def test_a_log_that_only_grew(shown: Shown) -> None:
    """Raises no alarm: the same, longer, over a tile's edge."""
    early = shown.now
    compared(early, shown.now, shown.read)
    for more in (1, 250, 300):
        shown.log.append([draft(n) for n in range(more)])
        compared(early, shown.now, shown.read)


def test_from_an_empty_log(log: Log) -> None:
    """Everything begins with nothing."""
    shown = Shown(log)
    early = shown.now
    log.append([draft(0)])
    compared(early, shown.now, shown.read)


@pytest.mark.parametrize("more", [0, 1, 300])
def test_a_fork_is_an_alarm_that_names_both(shown: Shown, fork: Shown, more: int) -> None:
    """Of the same length or longer, whatever its tiles say."""
    early = shown.now
    if more:
        fork.log.append([draft(n) for n in range(more)])
    for read in (fork.read, fork.read if more else shown.read):
        with pytest.raises(Forked) as raised:
            compared(early, fork.now, read)
        error = raised.value
        assert ("forked", early.note, fork.now.note) == (error.code, error.kept, error.shown)
        for one in (early, fork.now):
            assert one.checkpoint.root.hex() in str(error)


def test_a_shorter_log_is_an_alarm(shown: Shown) -> None:
    """Entries were taken away."""
    early = shown.now
    shown.log.append([draft(9)])
    with pytest.raises(Forked) as raised:
        compared(shown.now, early, shown.read)
    assert "rewound" == raised.value.code


def test_another_key_is_an_alarm(shown: Shown, tmp_path: Path) -> None:
    """Even where the entries could be the same."""
    other = new_signer()
    with (
        opened(f"sqlite:///{tmp_path}/other.db") as engine,
        Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=other) as log,
    ):
        log.append([draft(n) for n in range(5)])
        with pytest.raises(Forked) as raised:
            compared(shown.now, Shown(log).now, Shown(log).read)
    assert "other-key" == raised.value.code


def test_tampered_tiles_prove_nothing(shown: Shown) -> None:
    """A proof from false hashes is an alarm, too."""
    early = shown.now
    shown.log.append([draft(n) for n in range(5)])

    def lie(tile: Tile) -> bytes:
        return bytes(32 * tile.width)

    with pytest.raises(Forked):
        compared(early, shown.now, lie)
