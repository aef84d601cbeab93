"""`accordant key`, against a small server that keeps what it is sent."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from connectors.keyfile import read_key, read_public, write_key
from governance.commands.key import key
from governance.errors import AccordantError, Conflict, InputWrong, NotAuthentic, NotFound, Refused, Unavailable
from governance.signing.jws import kid_of, verify_detached
from governance.signing.keys import PrivateKey
from governance.signing.statement import Enrolment, EnrolmentApproval, Revocation, Statement, parse
from tests.connectors.wire import Arrived, Reply, Server, serving

WHO = ["--party", "northside", "--person", "the director of Northside"]
WHO += ["--organisation", "Northside Early Learning", "--capacity", "director"]


@dataclass
class Register:
    """Keeps enrolments as the real server does, and refuses approvals when told to."""

    papers: dict[str, dict[str, str]] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    said: list[tuple[Statement, str]] = field(default_factory=list)
    refuses: bool = False

    def answer(self, request: Arrived) -> Reply:
        parts = request.path.strip("/").split("/")
        if request.method == "GET" and len(parts) == 2:
            keys = [self._shown(f) for f in self.papers]
            return Reply(body=json.dumps({"keys": keys}).encode())
        if request.method == "GET":
            if parts[2] not in self.papers:
                return Reply(404, b'{"detail":"no such key","reason":"no-key"}')
            return Reply(body=json.dumps(self._shown(parts[2]) | {"enrolment": self.papers[parts[2]]}).encode())
        paper = json.loads(request.body)
        data = urlsafe_b64decode(paper["statement"] + "==")
        statement = parse(data)
        self.said.append((statement, kid_of(paper["jws"])))
        if isinstance(statement, Enrolment):
            verify_detached(key=statement.public_key, payload=data, jws=paper["jws"])
            self.papers[statement.fingerprint] = paper
            self.states[statement.fingerprint] = "pending"
            return Reply(202, json.dumps(self._shown(statement.fingerprint)).encode())
        if self.refuses and isinstance(statement, EnrolmentApproval):
            return Reply(403, b'{"detail":"only an administrator may","reason":"may-not-approve"}')
        assert request.header("Signature") is not None
        self.states[parts[2]] = "active" if isinstance(statement, EnrolmentApproval) else "revoked"
        return Reply(body=json.dumps(self._shown(parts[2])).encode())

    def _shown(self, fingerprint: str) -> dict[str, Any]:
        statement = parse(urlsafe_b64decode(self.papers[fingerprint]["statement"] + "=="))
        assert isinstance(statement, Enrolment)
        known = {"fingerprint": fingerprint, "state": self.states[fingerprint]}
        return known | {"party": statement.party, "use": statement.use, "person": statement.person}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def register(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Register:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ACCORDANT_ORIGIN", server.origin)
    monkeypatch.delenv("ACCORDANT_KEY", raising=False)
    monkeypatch.delenv("ACCORDANT_PASSPHRASE", raising=False)
    kept = Register()
    server.answer = kept.answer
    return kept


def run(*args: object, code: int = 0, typed: str | None = None) -> Result:
    result = CliRunner().invoke(key, [str(a) for a in args], input=typed)
    assert code == result.exit_code, result.output
    return result


def fails(kind: type[AccordantError], *args: object) -> str:
    result = CliRunner().invoke(key, [str(a) for a in args])
    assert isinstance(result.exception, kind), result.output
    return result.exception.detail


@pytest.mark.parametrize(("alg", "expected"), [(None, "ecdsa-p256-sha256"), ("ed25519", "ed25519")])
def test_new_prints_the_fingerprint_and_keeps_the_key_here(
    register: Register, server: Server, tmp_path: Path, alg: str | None, expected: str
) -> None:
    file = tmp_path / "northside.pem"
    result = run("new", "-o", file, *(["--alg", alg] if alg else []))
    made = read_key(file)

    assert f"{made.fingerprint}\n" == result.stdout
    assert (expected, made.public) == (made.alg, read_public(tmp_path / "northside.pem.pub"))
    assert server.arrived == []


def test_new_goes_to_the_usual_place_and_never_overwrites(register: Register, tmp_path: Path) -> None:
    first = run("new", "--json")
    assert json.loads(first.stdout)["file"] == str(tmp_path / ".accordant" / "key.pem")
    before = (tmp_path / ".accordant" / "key.pem").read_bytes()
    assert "never overwritten" in fails(Conflict, "new")
    assert before == (tmp_path / ".accordant" / "key.pem").read_bytes()


def test_new_encrypts_where_a_passphrase_is_given(
    register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for twice, from a file, or from the environment."""
    (tmp_path / "words").write_text("correct horse\n")
    run("new", "-o", tmp_path / "asked.pem", "--passphrase", typed="correct horse\ncorrect horse\n")
    run("new", "-o", tmp_path / "file.pem", "--passphrase-file", tmp_path / "words")
    monkeypatch.setenv("ACCORDANT_PASSPHRASE", "correct horse")
    run("new", "-o", tmp_path / "environment.pem")
    for name in ("asked", "file", "environment"):
        with pytest.raises(InputWrong):
            read_key(tmp_path / f"{name}.pem")
        read_key(tmp_path / f"{name}.pem", passphrase="correct horse")


def test_enroll_sends_a_statement_that_the_key_itself_signs(register: Register, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "a.pem"
    run("new", "-o", file)
    result = run("enroll", *WHO, "--key", file)
    ((statement, signer),) = register.said

    assert isinstance(statement, Enrolment)
    assert ("northside", "signatory", signer) == (statement.party, statement.use, statement.fingerprint)
    assert f"{statement.fingerprint}\n" == result.stdout
    assert "by another way" in result.stderr
    assert b"PRIVATE" not in b"".join(a.body for a in server.arrived)


@pytest.mark.parametrize(
    ("option", "value"), [("--party", "Not A Slug"), ("--person", ""), ("--organisation", "a\nb"), ("--capacity", " x")]
)
def test_enroll_names_the_option_that_is_wrong(
    register: Register, server: Server, tmp_path: Path, option: str, value: str
) -> None:
    run("new", "-o", tmp_path / "a.pem")
    result = CliRunner().invoke(key, ["enroll", *WHO, option, value, "--key", str(tmp_path / "a.pem")])

    assert isinstance(result.exception, InputWrong)
    assert (option, []) == (result.exception.field, server.arrived)


def enrolled(tmp_path: Path, name: str = "a", *more: str) -> PrivateKey:
    file = tmp_path / f"{name}.pem"
    run("new", "-o", file)
    run("enroll", *WHO, *more, "--key", file)
    return read_key(file)


def test_approve_is_of_exactly_the_enrolment_that_was_shown(register: Register, tmp_path: Path) -> None:
    owner = enrolled(tmp_path)
    write_key(tmp_path / "administrator.pem", PrivateKey.generate())
    result = run("approve", owner.fingerprint, "--key", tmp_path / "administrator.pem", "--yes")
    enrolment, approval = register.said[0][0], register.said[1][0]

    assert isinstance(approval, EnrolmentApproval)
    assert (enrolment.sha256, owner.fingerprint) == (approval.enrolment_sha256, approval.fingerprint)
    assert read_key(tmp_path / "administrator.pem").fingerprint == register.said[1][1]
    assert "the director of Northside" in result.stderr
    assert register.states == {owner.fingerprint: "active"}


def test_nobody_approves_by_accident(register: Register, tmp_path: Path) -> None:
    """Without a terminal and without --yes nothing is sent."""
    owner = enrolled(tmp_path)
    assert "--yes" in fails(InputWrong, "approve", owner.fingerprint, "--key", tmp_path / "a.pem")
    assert len(register.said) == 1


def test_an_enrolment_that_the_server_made_up_is_not_approved(register: Register, tmp_path: Path) -> None:
    """Its holder's signature is checked here, and that it speaks of the fingerprint that was asked for."""
    owner, other = enrolled(tmp_path), enrolled(tmp_path, "b")
    true = register.papers[owner.fingerprint]
    forged = true | {"jws": register.papers[other.fingerprint]["jws"]}
    for paper in (forged, register.papers[other.fingerprint], {}, {"statement": "e30", "jws": ""}):
        register._shown = lambda _: {}  # type: ignore[method-assign]
        register.papers[owner.fingerprint] = paper
        fails(NotAuthentic, "approve", owner.fingerprint, "--yes", "--key", tmp_path / "a.pem")
    assert len(register.said) == 2


def test_the_first_administrators_key_is_not_rotated_here(register: Register, server: Server, tmp_path: Path) -> None:
    """It stands in the server's settings; nothing is made or sent."""
    write_key(tmp_path / "root.pem", PrivateKey.generate())
    server.answer = lambda _: Reply(body=b'{"approved_by":"root","enrolment":null}')
    detail = fails(Conflict, "rotate", "--key", tmp_path / "root.pem", "-o", tmp_path / "new.pem", "--yes")

    assert "first administrator's key" in detail
    assert not (tmp_path / "new.pem").exists()


def test_revoke_says_why_and_since_when(register: Register, tmp_path: Path) -> None:
    owner = enrolled(tmp_path)
    since = ["--compromised-since", "2026-10-01T08:00:00+02:00"]
    run("revoke", owner.fingerprint, "--reason", "laptop stolen", *since, "--yes", "--key", tmp_path / "a.pem")
    statement, signer = register.said[-1]

    assert isinstance(statement, Revocation)
    assert statement.compromised_since is not None
    assert ("laptop stolen", "2026-10-01T06:00:00+00:00") == (statement.reason, statement.compromised_since.isoformat())
    assert signer == owner.fingerprint


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", "08:00"])
def test_an_instant_that_is_none_is_refused(register: Register, server: Server, since: str) -> None:
    fingerprint = PrivateKey.generate().fingerprint
    detail = fails(InputWrong, "revoke", fingerprint, "--reason", "x", "--yes", "--compromised-since", since)
    assert (f"`{since}`" in detail, []) == (True, server.arrived)


@pytest.mark.parametrize("command", [["approve"], ["revoke", "--reason", "x"]])
def test_what_is_no_fingerprint_is_refused_before_anything_is_sent(
    register: Register, server: Server, command: list[str]
) -> None:
    assert "`SHA256:short` is not a fingerprint" in fails(InputWrong, *command, "--yes", "SHA256:short")
    assert server.arrived == []


def test_rotate_enrols_approves_and_revokes(register: Register, tmp_path: Path) -> None:
    old = enrolled(tmp_path)
    result = run("rotate", "--key", tmp_path / "a.pem", "-o", tmp_path / "new.pem", "--yes")
    made = read_key(tmp_path / "new.pem")
    kinds = [(type(s), signer) for s, signer in register.said[1:]]

    assert kinds == [(Enrolment, made.fingerprint), (EnrolmentApproval, old.fingerprint), (Revocation, old.fingerprint)]
    assert register.states == {old.fingerprint: "revoked", made.fingerprint: "active"}
    first, second = register.said[0][0], register.said[1][0]
    assert isinstance(first, Enrolment)
    assert isinstance(second, Enrolment)
    assert (first.party, first.person, first.use) == (second.party, second.person, second.use)
    assert f"{made.fingerprint}\n" == result.stdout


def test_a_key_that_may_not_approve_its_successor_goes_on(register: Register, tmp_path: Path) -> None:
    """A connector's: the new key waits for an administrator, and the old one is not revoked before."""
    old = enrolled(tmp_path, "a", "--use", "connector")
    register.refuses = True
    result = run("rotate", "--key", tmp_path / "a.pem", "-o", tmp_path / "new.pem", "--yes", "--json")
    answer = json.loads(result.stdout)

    assert ("pending", "only an administrator may") == (answer["state"], answer["detail"])
    assert register.states == {old.fingerprint: "pending", answer["fingerprint"]: "pending"}


def test_list_shows_whose_keys_there_are(register: Register, tmp_path: Path) -> None:
    one = enrolled(tmp_path)
    other = enrolled(tmp_path, "b", "--party", "westend")
    table = run("list", "--key", tmp_path / "a.pem").stdout
    some = json.loads(run("list", "--key", tmp_path / "a.pem", "--party", "westend", "--json").stdout)

    assert one.fingerprint in table
    assert other.fingerprint in table
    assert [other.fingerprint] == [k["fingerprint"] for k in some]


def test_without_a_server_or_a_key_it_says_what_to_give(
    register: Register, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "accordant key new" in fails(NotFound, "enroll", *WHO)
    assert "no key file" in fails(NotFound, "list", "--key", tmp_path / "none.pem")
    assert "no server answers" in fails(Unavailable, "list", "--server", "http://127.0.0.1:9")
    monkeypatch.delenv("ACCORDANT_ORIGIN")
    assert "--server or ACCORDANT_ORIGIN" in fails(InputWrong, "list")


def test_a_refusal_of_the_server_is_told(register: Register, tmp_path: Path) -> None:
    owner = enrolled(tmp_path)
    register.refuses = True
    assert "only an administrator" in fails(Refused, "approve", owner.fingerprint, "--yes", "--key", tmp_path / "a.pem")
    assert "no such key" in fails(
        NotFound, "approve", PrivateKey.generate().fingerprint, "--yes", "--key", tmp_path / "a.pem"
    )


@pytest.mark.parametrize("command", ["new", "enroll", "approve", "revoke", "rotate", "list"])
def test_every_command_has_help_with_an_example_and_json(command: str) -> None:
    text = run(command, "--help").stdout
    assert ("Example:" in text, "--json" in text) == (True, True)
