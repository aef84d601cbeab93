"""The log's key is changed: the old one signs the new one, verifiers follow, and nobody else makes a key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine

import audit
from audit import KeyStore, Log, NoteSigner, WrongCheckpoint
from audit.errors import Forked, LogUnavailable
from audit.export import written
from audit.export_check import verify_export
from audit.memory import Remembered, compared
from audit.note import open_note
from audit.published import Published
from audit.receipt import Receipt
from audit.rotation import continued, rotated
from audit.succession import LOG_KEY, openings, statement
from audit.tiles import Tile
from tests.audit.tampering import cheating
from tests.audit.worlds import ORIGIN, TestClock, draft, keys_of
from tests.audit.worlds import signer as new_signer


@dataclass
class Keys:
    """A log with three keys, and what was seen of it on the way."""

    engine: Engine
    clock: TestClock
    keys: list[NoteSigner]
    store: KeyStore
    seen: list[Remembered] = field(default_factory=list)

    @property
    def log(self) -> Log:
        return Log.open(self.engine, origin=self.keys[-1].name, signer=self.keys[-1], keys=self.store, clock=self.clock)

    def more(self, count: int) -> None:
        with self.log as log:
            log.append([draft(n) for n in range(count)])
            self.seen.append(Remembered(log.head().checkpoint, self.keys[-1].vkey))

    def rotate(self) -> None:
        self.keys.append(new_signer())
        rotated(self.engine, old=self.keys[-2], new=self.keys[-1], keys=self.store, clock=self.clock)

    def faults(self, vkey: str, *remembered: bytes) -> list[tuple[int | None, str]]:
        found = audit.verify(self.engine, vkey=vkey, keys=self.store, remembered=remembered).faults
        return [(f.seq, f.code) for f in found]

    def read(self, tile: Tile) -> bytes:
        with self.log as log:
            found = Published(log).file(tile.path)
        assert found is not None
        return found

    def vkeys(self) -> bytes:
        with self.log as log:
            return Published(log).vkeys()

    def exported(self, folder: Path, vkey: str) -> Path:
        with self.log as log:
            published = Published(log)
            written(
                folder,
                checkpoint=published.checkpoint(),
                vkey=vkey,
                vkeys=published.vkeys(),
                read=lambda path: published.file(path) or b"",
            )
        return folder


@pytest.fixture
def world(engine: Engine, clock: TestClock) -> Keys:
    made = Keys(engine, clock, [new_signer()], keys_of(engine))
    Log.create(engine, origin=ORIGIN, signer=made.keys[0], keys=made.store, clock=clock).close()
    made.more(5)
    made.rotate()  # entry 5
    made.more(300)
    made.rotate()  # entry 306
    made.more(2)
    return made


def test_verifiers_follow(world: Keys) -> None:
    """Whoever knows the first key, or a later one; every checkpoint that was seen on the way counts."""
    notes = [seen.note for seen in world.seen]
    for key in world.keys:
        assert [] == world.faults(key.vkey, *notes)
    stranger = new_signer()
    assert (None, "checkpoint-key") in world.faults(stranger.vkey)
    with pytest.raises(WrongCheckpoint):
        world.faults(world.keys[0].vkey, stranger.sign("x\n"))


def test_the_entry_stands_under_both_keys(world: Keys) -> None:
    """The checkpoint of the rotation is signed by either, and the key that is to sign stands last."""
    world.rotate()
    with world.log as log:
        note = log.head().checkpoint
    assert open_note(note, world.keys[-2].verifier) == open_note(note, world.keys[-1].verifier)
    assert [] == world.faults(world.keys[0].vkey, note)


def test_an_old_key_opens_nothing(world: Keys) -> None:
    """Neither at the rotation's own checkpoint, which it signed as well, nor later; a running gateway stops."""
    running = world.log
    with pytest.raises(WrongCheckpoint, match="not by the key"):
        Log.open(world.engine, origin=ORIGIN, signer=world.keys[1], keys=world.store)
    world.rotate()
    with pytest.raises(WrongCheckpoint, match="rotated"):
        Log.open(world.engine, origin=ORIGIN, signer=world.keys[-2], keys=world.store)
    with running, pytest.raises(LogUnavailable):
        running.append([draft(1)])
    assert [] == world.faults(world.keys[0].vkey)


def test_a_retired_key_signs_nothing_more(world: Keys) -> None:
    """A checkpoint of its for a later size is a fault, and says who must have made it."""
    with world.log as log:
        text = log.head().checkpoint.decode().partition("\n\n")[0] + "\n"
    late = world.keys[0].sign(text)
    assert [(None, "retired-key")] == world.faults(world.keys[0].vkey, late)
    assert [(None, "retired-key")] == world.faults(world.keys[-1].vkey, late, world.seen[0].note)


def test_a_key_that_the_old_one_did_not_sign(world: Keys) -> None:
    """Is none: neither for those who know an older one, nor for those who are told of it."""
    thief = new_signer()
    with world.log as log:
        head = log.head()
        forged = statement(thief, thief.verifier, kind=LOG_KEY, size=head.size, root=head.root)
        body = {"old": world.keys[-1].vkey, "new": thief.vkey, "statement": forged}
        log.append([audit.Draft(LOG_KEY, body)])
    assert [(head.size, "log-key-unsigned")] == world.faults(world.keys[0].vkey)
    with cheating(str(world.engine.url.render_as_string(hide_password=False))) as cheat:
        text = cheat.head.checkpoint.decode().partition("\n\n")[0] + "\n"
        cheat.set_head(checkpoint=thief.sign(text))
    found = world.faults(world.keys[0].vkey)
    assert {(head.size, "log-key-unsigned"), (None, "checkpoint-key")} == set(found)


def test_a_statement_of_another_place(world: Keys) -> None:
    """What a key signed for one rotation makes none elsewhere."""
    _, link = openings(world.vkeys())[1]
    with world.log as log:
        body = next(e.body for e in log.entries(kinds={LOG_KEY}) if e.seq == link.seq)
        copied = {name: body[name] for name in ("old", "new", "statement")}
        seq = log.append([audit.Draft(LOG_KEY, copied)])[0].seq
    assert [(seq, "log-key-unsigned")] == world.faults(world.keys[0].vkey)


def test_receipts(world: Keys) -> None:
    """One of before verifies under the key of then, one of now under the key of now."""
    with world.log as log:
        entry = log.entry(2)
        assert entry is not None
        receipt = Published(log).receipt(entry)
    receipt.check(world.keys[-1].verifier)
    with pytest.raises(WrongCheckpoint):
        receipt.check(world.keys[0].verifier)


def test_a_client_follows(world: Keys) -> None:
    """What it remembers under an old key is proved to be the beginning; nothing but the log's own entries says so."""
    shown, vkeys = world.seen[-1], world.vkeys()
    for seen in world.seen:
        assert compared(seen, shown, world.read, vkeys=vkeys)
    for told in (b"", b"\n".join(vkeys.split(b"\n")[1:]), b"rubbish", vkeys.replace(b'"seq\\":5', b'"seq\\":6')):
        with pytest.raises(Forked) as raised:
            compared(world.seen[0], shown, world.read, vkeys=told)
        assert "other-key" == raised.value.code


def test_a_client_is_not_led_astray(world: Keys, tmp_path: Path, clock: TestClock) -> None:
    """A thief of the old key makes a rotation of his own: it is in no log that the others saw."""
    thief = new_signer()
    shown, vkeys = world.seen[-1], world.vkeys()
    text = shown.note.decode().partition("\n\n")[0] + "\n"
    with pytest.raises(Forked) as raised:
        compared(world.seen[0], Remembered(thief.sign(text), thief.vkey), world.read, vkeys=vkeys)
    assert "other-key" == raised.value.code
    late = Remembered(world.keys[0].sign(text), world.keys[0].vkey)
    with pytest.raises(Forked) as raised:
        compared(late, shown, world.read, vkeys=vkeys)
    assert "retired-key" == raised.value.code


def test_an_export(world: Keys, tmp_path: Path) -> None:
    """Holds the newest key and how it came to be; whoever knows the first one verifies it, with a receipt of then."""
    folder = world.exported(tmp_path / "out", world.keys[0].vkey)
    assert world.keys[-1].vkey == (folder / "vkey").read_text().strip()
    notes = [seen.note for seen in world.seen]
    for vkey in (None, *(key.vkey for key in world.keys)):
        found = verify_export(folder, vkey=vkey, remembered=notes)
        assert ((), 3) == (found.report.faults, found.report.remembered)


def codes(folder: Path, vkey: str | None, *, remembered: tuple[bytes, ...] = ()) -> set[tuple[int | None, str]]:
    return {(f.seq, f.code) for f in verify_export(folder, vkey=vkey, remembered=remembered).report.faults}


def test_an_export_that_was_changed(world: Keys, tmp_path: Path) -> None:
    """The file of the keys hides one, shows one that is not recorded, or is rubbish."""
    folder = world.exported(tmp_path / "out", world.keys[0].vkey)
    lines = (folder / "vkeys").read_bytes().splitlines(keepends=True)
    (folder / "vkeys").write_bytes(lines[0])
    assert (306, "log-key-hidden") in codes(folder, world.keys[-1].vkey)
    assert (None, "checkpoint-key") in codes(folder, world.keys[0].vkey)
    (folder / "vkeys").write_bytes(b"{}\n")
    assert (None, "vkeys-malformed") in codes(folder, None)
    (folder / "vkeys").unlink()
    assert {(5, "log-key-hidden"), (306, "log-key-hidden")} == codes(folder, world.keys[-1].vkey)
    (folder / "vkeys").write_bytes(b"".join(lines))
    text = (folder / "checkpoint").read_text().partition("\n\n")[0] + "\n"
    late = world.keys[0].sign(text)
    assert {(None, "retired-key")} == codes(folder, world.keys[0].vkey, remembered=(late,))


def test_receipts_against_an_export(world: Keys, tmp_path: Path) -> None:
    """Made under the first key, held against an export under the third."""
    first = Keys(world.engine, world.clock, world.keys[:1], world.store)
    folder = world.exported(tmp_path / "out", world.keys[0].vkey)
    with world.log as log:
        entry = log.entry(2)
        assert entry is not None
        from audit.tile_store import TileStore

        proof = TileStore(log.engine).tree(5).inclusion(2)
    receipt = Receipt.of(entry, proof=proof, checkpoint=world.seen[0].note)
    receipt.check(first.keys[0].verifier)
    found = verify_export(folder, vkey=world.keys[-1].vkey, receipts=(receipt.to_text(),))
    assert () == found.report.faults


NEXT_ORIGIN = ORIGIN + "/2"


def test_a_log_that_is_continued(world: Keys) -> None:
    """Under another origin and key, over the same entries; the old one is followed, up to where it ended."""
    before = world.seen[-1]
    gone = world.keys[-1]
    world.keys.append(NoteSigner.generate(NEXT_ORIGIN))
    entry = continued(
        world.engine,
        old=gone,
        new=world.keys[-1],
        keys=world.store,
        body={"missing": None},
        clock=world.clock,
    )
    world.more(3)
    assert ("continuation", before.note.decode()) == (entry.kind, entry.body["checkpoint"])
    for key in world.keys:
        assert [] == world.faults(key.vkey, *(seen.note for seen in world.seen))
    for seen in world.seen:
        assert compared(seen, world.seen[-1], world.read, vkeys=world.vkeys())
    # What the old origin signed behind the backup is lost, and nobody said so.
    other = gone.sign(f"{ORIGIN}\n{entry.seq + 4}\n{'A' * 43}=\n")
    assert [(None, "entries-lost")] == world.faults(gone.vkey, other)
    with pytest.raises(Forked) as raised:
        compared(Remembered(other, gone.vkey), world.seen[-1], world.read, vkeys=world.vkeys())
    assert "entries-lost" == raised.value.code


def test_what_was_lost_is_named(world: Keys) -> None:
    """Then a checkpoint of it is no fault: there is nothing to hold it against."""
    gone = world.keys[-1]
    size = world.seen[-1].checkpoint.size
    note = gone.sign(f"{ORIGIN}\n{size + 4}\n{'A' * 43}=\n")
    missing = {"from": size, "until": size + 3, "checkpoint": note.decode()}
    world.keys.append(NoteSigner.generate(NEXT_ORIGIN))
    continued(
        world.engine,
        old=gone,
        new=world.keys[-1],
        keys=world.store,
        body={"missing": missing},
        clock=world.clock,
    )
    world.more(1)
    assert [] == world.faults(gone.vkey, note)
    assert not compared(Remembered(note, gone.vkey), world.seen[-1], world.read, vkeys=world.vkeys())


def test_what_is_refused(world: Keys) -> None:
    """A rotation to another name, or to the same key; a continuation under the same one; a wrong key."""
    key, other = world.keys[-1], NoteSigner.generate(NEXT_ORIGIN)
    for new in (other, key):
        with pytest.raises(WrongCheckpoint):
            rotated(world.engine, old=key, new=new, keys=world.store)
    with pytest.raises(WrongCheckpoint):
        continued(world.engine, old=key, new=new_signer(), keys=world.store, body={})
    with pytest.raises(WrongCheckpoint):
        rotated(world.engine, old=world.keys[0], new=new_signer(), keys=world.store)
    with pytest.raises(WrongCheckpoint):
        continued(world.engine, old=world.keys[0], new=other, keys=world.store, body={})
    assert [] == world.faults(world.keys[0].vkey)
