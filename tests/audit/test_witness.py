"""A witness is asked: torchwood's litewitness, which is not ours, and a fake that answers what it likes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from audit import Log, NoteSigner
from audit.cosignature import CosignatureVerifier, Cosigner, cosignatures_of
from audit.cosigned import CosignatureStore
from audit.errors import WitnessRefused
from audit.policy import Policy
from audit.published import Published
from audit.witness import Answered, submit
from audit.witness_http import post
from audit.witnessing import ask
from tests.audit.witness import Fake, Witness, litewitnessing
from tests.audit.worlds import ORIGIN, TestClock, draft, keys_of, opened
from tests.serving import free_port


@pytest.fixture
def fake(log: Log) -> Fake:
    key = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
    return Fake(log.verifier, Cosigner("witness.example/w", key))


def asked(log: Log, fake: Fake, old: int = 0) -> int:
    """The time of the cosignature that the fake gives."""
    published, head = Published(log), log.head()
    return submit(
        head.checkpoint,
        url="https://witness.example/",
        witness=fake.cosigner.verifier,
        old=old,
        prove=lambda size: published.proof_from(size, head=head),
        post=fake,
    ).seconds


@pytest.mark.parametrize("sizes", [(1, 1, 2), (0, 3), (255, 256, 257), (300,)])
def test_a_witness_follows_a_growing_log(log: Log, fake: Fake, sizes: tuple[int, ...]) -> None:
    """Each time from what it saw last; from nothing, and without a change, too."""
    seen = 0
    for size in sizes:
        if size > log.head().size:
            log.append([draft(n) for n in range(size - log.head().size)])
        assert 1000 < asked(log, fake, seen)
        seen = size
    assert (log.head().size, len(sizes)) == (fake.size, fake.asked)


def test_a_witness_that_saw_more_than_was_thought(log: Log, fake: Fake) -> None:
    """Says so by 409, and the proof begins there."""
    log.append([draft(n) for n in range(5)])
    asked(log, fake)
    log.append([draft(n) for n in range(4)])
    asked(log, fake, 0)
    assert (9, 3) == (fake.size, fake.asked)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answered(403, "text/plain", b"no"), "bad-signature"),
        (Answered(404, "text/plain", b"no"), "unknown-log"),
        (Answered(422, "text/plain", b"no"), "forked"),
        (Answered(400, "text/plain", b"no"), "bad-request"),
        (Answered(500, "text/plain", b"no"), "malformed"),
        (Answered(302, "text/plain", b""), "malformed"),
        (Answered(200, "text/plain", b""), "malformed"),
        (Answered(200, "text/plain", b"nonsense"), "malformed"),
        (Answered(409, "text/plain", b"1\n"), "malformed"),
        (Answered(409, "text/x.tlog.size", b"01\n"), "malformed"),
        (Answered(409, "text/x.tlog.size", b"4\n"), "rewound"),
        (Answered(409, "text/x.tlog.size", b"3\n"), "forked"),
    ],
)
def test_every_refusal_has_its_reason(log: Log, fake: Fake, answer: Answered, reason: str) -> None:
    """Another history is an alarm, everything else a failure."""
    log.append([draft(n) for n in range(3)])
    fake.refuse = lambda: answer
    with pytest.raises(WitnessRefused) as raised:
        asked(log, fake, 3)
    assert (reason, reason in ("forked", "rewound")) == (raised.value.reason, raised.value.alarm)


def test_a_cosignature_of_somebody_else_is_none(log: Log, fake: Fake) -> None:
    """The answer must carry the witness's own, verified."""
    log.append([draft(0)])
    other = Cosigner("other.example", Ed25519PrivateKey.from_private_bytes(b"o" * 32))
    note = log.head().checkpoint
    fake.refuse = lambda: Answered(200, "text/plain", other.line(note, seconds=1))
    with pytest.raises(WitnessRefused) as raised:
        asked(log, fake)
    assert "malformed" == raised.value.reason


def policy(witness: CosignatureVerifier, url: str, log: Log) -> Policy:
    return Policy.from_text(f"log {log.verifier.vkey}\nwitness w {witness.vkey} {url}\nquorum w\n".encode())


def test_cosignatures_are_kept_and_served(log: Log, fake: Fake) -> None:
    """On both databases; the checkpoint carries them, and a receipt does, too."""
    log.append([draft(n) for n in range(3)])
    published, store = Published(log), CosignatureStore(log.engine)
    rule = policy(fake.cosigner.verifier, "https://witness.example", log)
    assert published.cosigned() is None
    found = ask(published, store, rule, post=fake)
    assert (True, (), 1) == (found.quorum, found.alarms, len(found.outcomes))
    assert found.checkpoint == published.checkpoint() == published.cosigned()
    assert 3 == rule.check(published.checkpoint()).size
    entry = log.entry(1)
    assert entry is not None
    receipt = published.receipt(entry)
    receipt.check(log.verifier)
    assert 3 == rule.check(receipt.checkpoint).size
    log.append([draft(3)])
    assert (log.head().checkpoint, found.checkpoint) == (published.checkpoint(), published.cosigned())
    assert (True, 4) == (ask(published, store, rule, post=fake).quorum, fake.size)
    assert 2 == fake.asked


def test_a_kept_line_that_was_tampered_with_is_not_served(log: Log, fake: Fake) -> None:
    """It is verified again."""
    log.append([draft(n) for n in range(3)])
    store = CosignatureStore(log.engine)
    ask(Published(log), store, policy(fake.cosigner.verifier, "https://witness.example", log), post=fake)
    with log.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_cosignatures SET line = checkpoint")
    assert log.head().checkpoint == Published(log).checkpoint()


def test_a_quorum_is_found_behind_many_lone_cosignatures(log: Log) -> None:
    """However long one of two witnesses has been away."""
    one, two = (Cosigner(name, Ed25519PrivateKey.from_private_bytes(name.encode() * 32)) for name in "ab")
    lines = [f"witness {c.verifier.name} {c.verifier.vkey}" for c in (one, two)]
    rule = Policy.from_text("\n".join([*lines, "group g all a b", "quorum g", ""]).encode())
    store = CosignatureStore(log.engine)

    def vouched(*cosigners: Cosigner) -> None:
        log.append([draft(0)])
        note = log.head().checkpoint
        for cosigner in cosigners:
            [cosigned] = cosignatures_of(note + cosigner.line(note, seconds=1), (cosigner.verifier,))
            store.keep(note, cosigned)

    for _ in range(110):
        vouched(one)
    assert store.satisfying(rule) is None
    vouched(one, two)
    for _ in range(110):
        vouched(two)
    assert log.head().size == 221
    found = store.satisfying(rule)
    assert found is not None
    assert b"\n111\n" in found
    assert (found, None) == (store.satisfying(rule, beyond=110), store.satisfying(rule, beyond=111))


# The real one


@pytest.fixture
def witness(litewitness: Path, tmp_path: Path) -> Iterator[Witness]:
    """It ends with the test."""
    with litewitnessing(litewitness, tmp_path) as running:
        yield running


@pytest.fixture
def grown(sqlite_url: str, signer: NoteSigner) -> Iterator[Log]:
    """A log of 300 entries."""
    with opened(sqlite_url) as engine, _log(engine, signer) as log:
        log.append([draft(n) for n in range(300)])
        yield log


def _log(engine: Engine, signer: NoteSigner) -> Log:
    return Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer, clock=TestClock())


def round_of(log: Log, witness: Witness) -> tuple[bool, str | None, bool]:
    found = ask(Published(log), CosignatureStore(log.engine), policy(witness.verifier, witness.url, log), post=post)
    (outcome,) = found.outcomes
    return found.quorum, outcome.reason, outcome.alarm


def test_litewitness_cosigns(grown: Log, witness: Witness) -> None:
    """A real checkpoint, then a longer one; its lines verify under its key."""
    assert (False, "unknown-log", False) == round_of(grown, witness)
    witness.knows(grown.verifier)
    assert (True, None, False) == round_of(grown, witness)
    grown.append([draft(n) for n in range(300)])
    assert (True, None, False) == round_of(grown, witness)
    (found,) = cosignatures_of(Published(grown).checkpoint(), (witness.verifier,))
    assert witness.verifier == found.verifier


def test_litewitness_refuses_a_rolled_back_log(
    grown: Log, witness: Witness, tmp_path: Path, signer: NoteSigner
) -> None:
    """The same key, fewer entries: an alarm."""
    witness.knows(grown.verifier)
    round_of(grown, witness)
    with opened(f"sqlite:///{tmp_path}/older.db") as engine, _log(engine, signer) as older:
        older.append([draft(n) for n in range(200)])
        assert (False, "rewound", True) == round_of(older, witness)


@pytest.mark.parametrize("size", [300, 400])
def test_litewitness_refuses_a_forked_log(
    grown: Log, witness: Witness, tmp_path: Path, signer: NoteSigner, size: int
) -> None:
    """The same key, another history, of the same length or longer: an alarm."""
    witness.knows(grown.verifier)
    round_of(grown, witness)
    with opened(f"sqlite:///{tmp_path}/fork.db") as engine, _log(engine, signer) as fork:
        fork.append([draft(n + 1) for n in range(size)])
        assert (False, "forked", True) == round_of(fork, witness)


def test_nobody_there() -> None:
    """Is a failure, and no alarm; nor is any other address followed."""
    for url in (f"http://127.0.0.1:{free_port()}/x", "file:///etc/hostname", "nonsense"):
        with pytest.raises(WitnessRefused) as raised:
            post(url, b"")
        assert ("unreachable", False) == (raised.value.reason, raised.value.alarm)


def test_a_witness_that_gives_a_byte_now_and_then_is_broken_off() -> None:
    """It ends after the time that one is given, however often something comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            with suppress(OSError):
                taken, _ = server.accept()
                with taken:
                    for _ in range(600):
                        taken.sendall(b"H")
                        time.sleep(0.1)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(WitnessRefused, match="no witness answers"):
            post(f"http://127.0.0.1:{server.getsockname()[1]}/add-checkpoint", b"x", seconds=0.5)
        thread.join(30)
        assert not thread.is_alive()
