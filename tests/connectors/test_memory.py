"""A client remembers the log that it saw, and raises an alarm where it is shown another."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from audit import Log, NoteSigner
from audit.memory import recalled
from audit.note import Checkpoint
from audit.published import Published
from connectors.client import Client
from connectors.keyfile import seen_file, state_file
from connectors.memory import LogMemory
from governance.errors import InputWrong, LogForked, NotFound, Unavailable
from governance.signing.keys import PrivateKey
from tests.audit.worlds import ORIGIN, TestClock, draft, keys_of, opened, signer
from tests.connectors.wire import Arrived, Reply, serving


@dataclass
class Server:
    """A log, shown as a server shows it; `away` answers nothing but the header."""

    log: Log
    away: bool = False
    asked: list[str] = field(default_factory=list)
    behind: bytes | None = None  # what `/log/checkpoint` says instead

    @property
    def header(self) -> str:
        return b64encode(self.log.head().checkpoint).decode()

    def read(self, path: str) -> bytes:
        self.asked.append(path)
        if self.away:
            raise Unavailable("nobody answers")
        if path == "/log/vkey":
            return self.log.verifier.vkey.encode() + b"\n"
        if path == "/log/checkpoint":
            return self.behind or self.log.head().checkpoint
        found = Published(self.log).file(path.removeprefix("/log/"))
        if found is None:
            raise NotFound("no such tile")
        return found


@dataclass
class Partner:
    """A file, a clock that stands, and what was said."""

    path: Path | None
    said: list[str] = field(default_factory=list)
    at: float = 0.0
    paused: list[float] = field(default_factory=list)

    def memory(self, server: Server) -> LogMemory:
        """A new process."""
        return LogMemory(
            self.path, read=server.read, say=self.said.append, clock=lambda: self.at, pause=self.paused.append
        )


@pytest.fixture
def key() -> NoteSigner:
    return signer()


@pytest.fixture
def server(key: NoteSigner, tmp_path: Path) -> Iterator[Server]:
    with opened(f"sqlite:///{tmp_path}/log.db") as engine:
        log = Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=key, clock=TestClock())
        log.append([draft(n) for n in range(300)])
        yield Server(log)
        log.close()


@pytest.fixture
def fork(key: NoteSigner, tmp_path: Path) -> Iterator[Server]:
    """Another history that the same key signs."""
    with opened(f"sqlite:///{tmp_path}/fork.db") as engine:
        log = Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=key, clock=TestClock())
        log.append([draft(n + 7) for n in range(280)])
        yield Server(log)
        log.close()


@pytest.fixture
def partner(tmp_path: Path) -> Partner:
    return Partner(tmp_path / "key.pem.host.seen")


def grown(server: Server, count: int = 1) -> None:
    server.log.append([draft(n) for n in range(count)])


def test_the_first_contact_is_believed_and_said(server: Server, partner: Partner) -> None:
    """And written down at once, for its owner alone."""
    partner.memory(server).saw(server.header)
    assert ["/log/vkey"] == server.asked
    [said] = partner.said
    assert server.log.verifier.vkey in said
    assert partner.path is not None
    assert [300] == [one.checkpoint.size for one in recalled(partner.path)]
    assert 0o600 == partner.path.stat().st_mode & 0o777


def test_the_next_contact_asks_for_a_proof(server: Server, partner: Partner) -> None:
    """Once, and not again in the same process before an hour has passed."""
    partner.memory(server).saw(server.header)
    grown(server, 300)
    memory = partner.memory(server)
    server.asked.clear()
    memory.saw(server.header)
    assert server.asked
    assert all(path.startswith("/log/tile/") for path in server.asked)
    server.asked.clear()
    for _ in range(50):
        grown(server)
        memory.saw(server.header)
    assert [] == server.asked
    partner.at = 4000.0
    grown(server)
    memory.saw(server.header)
    assert server.asked
    assert ["/log/vkey"] != server.asked
    assert 1 == len(partner.said)


def test_without_a_change_nothing_is_asked(server: Server, partner: Partner) -> None:
    """The same checkpoint, in this process and the next."""
    memory = partner.memory(server)
    memory.saw(server.header)
    server.asked.clear()
    memory.saw(server.header)
    partner.memory(server).saw(server.header)
    assert [] == server.asked


@pytest.mark.parametrize("more", [0, 19, 20, 21, 400])
def test_a_fork_is_an_alarm_that_names_both(server: Server, fork: Server, partner: Partner, more: int) -> None:
    """Shorter, as long or longer."""
    partner.memory(server).saw(server.header)
    if more:
        grown(fork, more)
    with pytest.raises(LogForked) as raised:
        partner.memory(fork).saw(fork.header)
    error = raised.value
    kept, shown = server.log.head(), fork.log.head()
    assert (kept.checkpoint, shown.checkpoint) == (error.kept, error.shown)
    for head in (kept, shown):
        assert head.root.hex() in error.detail
    assert partner.path is not None
    assert [300] == [one.checkpoint.size for one in recalled(partner.path)]


@pytest.mark.parametrize("seen_later", [0, 1, 30])
def test_a_fork_behind_what_was_proved_is_found(
    server: Server, fork: Server, partner: Partner, seen_later: int
) -> None:
    """What was only seen never takes the place of what was proved."""
    partner.memory(server).saw(server.header)
    memory = partner.memory(server)
    memory.saw(server.header)
    grown(fork, 21)
    memory.saw(fork.header)  # not proved yet
    memory.flush()
    if seen_later:
        grown(fork, seen_later)
    with pytest.raises(LogForked):
        partner.memory(fork).saw(fork.header)


def test_a_log_that_shrank_is_an_alarm(server: Server, partner: Partner, tmp_path: Path, key: NoteSigner) -> None:
    """The same entries, fewer of them."""
    partner.memory(server).saw(server.header)
    with (
        opened(f"sqlite:///{tmp_path}/older.db") as engine,
        Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=key, clock=TestClock()) as log,
    ):
        log.append([draft(n) for n in range(200)])
        with pytest.raises(LogForked, match="rewound"):
            partner.memory(Server(log)).saw(Server(log).header)
    assert [2.5] == partner.paused


def test_a_service_that_lags_behind_is_no_alarm(server: Server, partner: Partner) -> None:
    """Its header shows less than another one's did; what lies on the disk decides."""
    late = server.header
    grown(server, 5)
    memory = partner.memory(server)
    memory.saw(server.header)
    memory.saw(late)
    assert ["/log/vkey", "/log/checkpoint"] == server.asked[:2]
    memory.saw(server.header)
    memory.saw(late)
    assert 1 == server.asked.count("/log/checkpoint")


def test_a_signature_that_does_not_verify_is_an_alarm(server: Server, partner: Partner) -> None:
    """By another key, or over another text; in the first answer, and in any later one."""
    other = NoteSigner.generate(ORIGIN)
    head = server.log.head()
    forged = b64encode(other.sign(Checkpoint(ORIGIN, head.size, head.root).to_text())).decode()
    changed = b64encode(head.checkpoint.replace(b"\n300\n", b"\n301\n")).decode()
    elsewhere = NoteSigner.generate("another.example/log")
    moved = b64encode(elsewhere.sign(Checkpoint("another.example/log", 1, b"r" * 32).to_text())).decode()
    memory = partner.memory(server)
    memory.saw(server.header)
    for wrong in (forged, changed, moved, "???", b64encode(b"no note").decode()):
        for one in (memory, partner.memory(server)):
            with pytest.raises(LogForked):
                one.saw(wrong)
    with pytest.raises(LogForked):
        Partner(None).memory(server).saw(forged)


def test_a_proof_that_can_t_be_had_now_is_asked_for_again(server: Server, fork: Server, partner: Partner) -> None:
    """It is no alarm, and said; nothing counts as proved by it."""
    partner.memory(server).saw(server.header)
    grown(fork, 30)
    fork.away = True
    partner.memory(fork).saw(fork.header)
    assert "could not be found out" in partner.said[-1]
    fork.away = False
    with pytest.raises(LogForked):
        partner.memory(fork).saw(fork.header)


def test_two_processes_of_one_key(server: Server, partner: Partner) -> None:
    """Who goes last does not write an older checkpoint over a later one."""
    slow = partner.memory(server)
    slow.saw(server.header)
    grown(server)
    slow.saw(server.header)
    grown(server, 5)
    quick = partner.memory(server)
    quick.saw(server.header)
    slow.flush()
    assert partner.path is not None
    assert 306 == recalled(partner.path)[-1].checkpoint.size


def test_nobody_to_tell_the_key_is_no_error(server: Server, partner: Partner) -> None:
    """Nothing is remembered yet, and that is said."""
    server.away = True
    partner.memory(server).saw(server.header)
    assert partner.path is not None
    assert (1, False) == (len(partner.said), partner.path.exists())


def test_without_a_place_to_write_it_works_and_says_so_once(server: Server, tmp_path: Path) -> None:
    """In memory it still holds checkpoints against each other."""
    (tmp_path / "file").write_text("")
    partner = Partner(tmp_path / "file" / "seen")
    memory = partner.memory(server)
    memory.saw(server.header)
    for _ in range(3):
        grown(server)
        memory.saw(server.header)
        memory.flush()
    assert 1 == sum("can't be remembered" in words for words in partner.said)


def test_a_memory_that_can_t_be_read_is_no_first_contact(server: Server, partner: Partner) -> None:
    """It is said which file it is."""
    assert partner.path is not None
    partner.path.write_text("{}\n")
    with pytest.raises(InputWrong) as raised:
        partner.memory(server).saw(server.header)
    assert (True, "memory-unreadable") == (str(partner.path) in raised.value.detail, raised.value.reason)


def test_where_it_is_remembered(tmp_path: Path) -> None:
    """Beside the key, or under XDG's folder for state; each server apart."""
    assert Path("a/key.pem.data.example.org_8443.seen") == seen_file(Path("a/key.pem"), "https://data.example.org:8443")
    folder = {"XDG_STATE_HOME": str(tmp_path)}
    assert tmp_path / "accordant" / "x.org.abc.seen" == state_file("http://x.org", "SHA256:abc", folder)
    assert tmp_path / "accordant" / "x.org.seen" == state_file("http://x.org", None, folder)


def test_a_client_does_it_by_itself(
    server: Server, fork: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With each answer, a refusal too; the alarm comes instead of the answer; a client can be told not to."""
    with serving() as wire, caplog.at_level(logging.WARNING, "accordant.client"):
        shown = server

        def answer(request: Arrived) -> Reply:
            headers = (("Accordant-Checkpoint", shown.header),)
            if request.path.startswith("/log/"):
                assert request.header("Signature") is None
                try:
                    return Reply(200, shown.read(request.path), "text/plain", headers)
                except NotFound:
                    return Reply(404, b"{}", "application/problem+json", headers)
            return Reply(200, b'{"a": 1}', headers=headers)

        wire.answer = answer
        key = PrivateKey.generate()

        def asked(**options: object) -> object:
            with requests.Session() as session:
                return Client(wire.origin, key, session=session, **options).get("/v1/keys")  # type: ignore[arg-type]

        assert {"a": 1} == asked()
        assert 1 == len(caplog.records)
        grown(server, 9)
        assert {"a": 1} == asked()
        assert {"a": 1} == asked(memory=tmp_path / "seen")
        shown = fork
        grown(fork, 300)
        for options in ({}, {"memory": tmp_path / "seen"}):
            with pytest.raises(LogForked):
                asked(**options)
        assert {"a": 1} == asked(remember=False)


def test_what_was_seen_last_is_written_down_when_the_client_goes(server: Server, tmp_path: Path) -> None:
    """Not with each answer."""
    with serving() as wire, requests.Session() as session:

        def answer(request: Arrived) -> Reply:
            headers = (("Accordant-Checkpoint", server.header),)
            body = server.read(request.path) if request.path.startswith("/log/") else b"{}"
            return Reply(200, body, headers=headers)

        wire.answer = answer
        client = Client(wire.origin, PrivateKey.generate(), session=session, memory=tmp_path / "seen")
        for _ in range(3):
            client.get("/v1/keys")
            grown(server)
        assert [300] == [one.checkpoint.size for one in recalled(tmp_path / "seen")]
        del client
        assert [300, 302] == [one.checkpoint.size for one in recalled(tmp_path / "seen")]
