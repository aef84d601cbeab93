"""The life of an MOU from the shell: every command against the very application that serves, over a socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from connectors.keyfile import write_key
from governance.agreements import Checked
from governance.bootstrap import open_services
from governance.cli import main
from governance.compiler.bundle import Bundle
from governance.home import init
from governance.model.mou import Mou
from governance.signing.keys import PrivateKey
from governance.web.app import create_app
from governance.web.services import Services
from tests.agreement_world import ReferenceEngine, document
from tests.connectors.wire import Arrived, Reply, serving
from tests.tampered import rewritten

# In force whatever day the machine's clock shows.
DOCUMENT = document(effective="2020-01-01", expires="2099-12-31")
PARTIES = ("north", "south", "east", "hub")


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output."""
        return json.loads(self.out)


@dataclass
class Shell:
    """A home, its server, and a shell with keys."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    services: Services
    lie: list[Callable[[Arrived, Reply], Reply]] = field(default_factory=list)

    def run(self, *args: object, key: str = "administrator", code: int = 0) -> Said:
        """One command through the entry point that the shell calls."""
        path = self.folder / "home/keys/administrator.pem" if key == "administrator" else self.folder / f"{key}.pem"
        with pytest.raises(SystemExit) as ended:
            main([str(a) for a in args] + ["--key", str(path)])
        caught = self.capture.readouterr()
        said = Said(int(ended.value.code or 0), caught.out, caught.err)
        assert said.code == code, said
        return said

    def enrol(self, party: str, *, name: str | None = None, use: str = "signatory") -> str:
        """A new key in a file, enrolled and approved."""
        made = PrivateKey.generate("ed25519")
        write_key(self.folder / f"{name or party}.pem", made)
        who = ["--party", party, "--person", f"the director of {party}", "--organisation", party]
        self.run("key", "enroll", *who, "--capacity", "director", "--use", use, key=name or party)
        self.run("key", "approve", made.fingerprint, "--yes")
        return made.fingerprint

    def file(self, data: bytes, name: str = "small.mou.yaml") -> Path:
        """A document in a file."""
        path = self.folder / name
        path.write_bytes(data)
        return path


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Four parties with enrolled keys, and one document proposed."""
    for name in ("ACCORDANT_KEY", "ACCORDANT_PASSPHRASE", "ACCORDANT_HOME"):
        monkeypatch.delenv(name, raising=False)
    engine = ReferenceEngine()

    def check(bundle: Bundle, mous: Sequence[Mou]) -> Checked:
        engine.of[bundle.revision] = tuple(mous)
        return Checked(3, ("reference",))

    # The server's events would stand among the commands' answers: both are this process.
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with serving() as server:
        monkeypatch.setenv("ACCORDANT_ORIGIN", server.origin)
        settings = init(tmp_path / "home", origin=server.origin, listen="127.0.0.1:8484")
        services = open_services(settings, engine=engine, check=check)
        app = create_app(services)

        def answer(request: Arrived) -> Reply:
            response = app.test_client().open(
                request.path, method=request.method, data=request.body, headers=list(request.headers)
            )
            reply = Reply(response.status_code, response.get_data(), response.content_type or "")
            for lie in made.lie:
                reply = lie(request, reply)
            return reply

        server.answer = answer
        made = Shell(tmp_path, capsys, services)
        for party in PARTIES:
            made.enrol(party)
        made.run("mou", "propose", made.file(DOCUMENT), "--yes")
        yield made
        services.close()
    structlog.reset_defaults()


def test_from_proposal_to_force(shell: Shell) -> None:
    """Each party reads and signs; the last signature brings it into force, and says so."""
    said = shell.run("mou", "sign", "small", "--yes", key="north")
    assert "A small collaborative" in said.out
    assert "made here" in said.err
    assert "signed for north" in said.out
    assert "still to sign: east, hub, south" in said.err
    for party in ("south", "east"):
        shell.run("mou", "sign", "small", "--yes", key=party)
    answer = shell.run("mou", "sign", "small", "--yes", "--json", key="hub").json
    assert (answer["state"], answer["activation"]["state"], answer["missing"]) == ("in force", "active", [])
    found = shell.run("mou", "status", "--json", key="east").json
    assert [(m["id"], m["state"], m["in_force"]) for m in found] == [("small", "in force", 1)]


def test_fingerprints_behind_the_document(shell: Shell) -> None:
    """`sign` and `show` print them whole: who proposed, who signed, and by whom each key was approved."""
    shell.run("mou", "sign", "small", "--yes", key="north")
    keys = {k["party"]: k["fingerprint"] for k in shell.run("key", "list", "--json").json}
    said = shell.run("mou", "sign", "small", "--yes", key="south").err
    assert keys["north"] in said
    assert keys["administrator"] in said
    assert f"yours       {keys['south']}" in said
    shown = shell.run("mou", "show", "small", key="hub").out
    for party in ("north", "south", "administrator"):
        assert keys[party] in shown
    assert "whose they are you must ask" in shown
    assert shell.run("mou", "show", "small", "--json", key="hub").json["versions"][0]["version"] == 1


def test_it_asks_on_a_terminal_only(shell: Shell) -> None:
    """Where nobody can be asked, nothing is signed without `--yes`."""
    for args in (
        ["sign", "small"],
        ["decline", "small", "--reason", "no"],
        ["propose", str(shell.file(document(version=2), "two.yaml"))],
    ):
        said = shell.run("mou", *args, key="north", code=2)
        assert "--yes" in said.err
    assert shell.run("mou", "status", "small", "--json").json["versions"][0]["signatures"] == []


def test_decline(shell: Shell) -> None:
    """With a reason that every party reads."""
    shell.run("mou", "decline", "small", code=2, key="north")
    shell.run("mou", "decline", "small", "--reason", "clause 2 goes too far", "--yes", key="north")
    said = shell.run("mou", "status", "small", key="south").out
    assert "small: declined" in said
    assert "declined by north: clause 2 goes too far" in said


def test_withdraw(shell: Shell) -> None:
    """Says when it takes effect; twice is once."""
    for party in PARTIES:
        shell.run("mou", "sign", "small", "--yes", key=party)
    said = shell.run("mou", "withdraw", "small", "--yes", key="north")
    assert "north leaves small: takes effect 20" in said.out
    assert "withdrawal of north takes effect" in shell.run("mou", "status", "small", key="south").out
    assert "withdrawn already" in shell.run("mou", "withdraw", "small", "--yes", key="north", code=1).err


@pytest.mark.parametrize("member", ["text", "text_sha256", "policy_sha256", "document"])
def test_a_server_that_shows_something_else(shell: Shell, member: str) -> None:
    """The text's digest is made from the bytes shown, and the document is compiled here: a lie is not signed."""

    def lie(request: Arrived, reply: Reply) -> Reply:
        if request.path.endswith("/openings") and member != "document":
            changed = {member: "QWxsIGlzIHdlbGw" if member == "text" else "0" * 64}
            return replace(reply, body=json.dumps(json.loads(reply.body) | changed).encode())
        if "/document" in request.path and member == "document":
            return replace(reply, body=reply.body.replace(b"rows: own", b"rows: all"))
        return reply

    shell.lie.append(lie)
    said = shell.run("mou", "sign", "small", "--yes", key="north", code=1)
    assert "what the document says" in said.err or "not the document's" in said.err
    shell.lie.clear()
    assert shell.run("mou", "status", "small", "--json").json["versions"][0]["signatures"] == []


def test_somebody_with_the_database(shell: Shell) -> None:
    """A changed name in a stored signature: not in force, and the status says which signature fails and why."""
    for party in PARTIES:
        shell.run("mou", "sign", "small", "--yes", key=party)
    entries = list(shell.services.journal.entries(kinds={"signature"}))
    rewritten(shell.services.settings, entries[2].seq, b"of east", b"of West")
    said = shell.run("mou", "status", "small").out
    assert "small: fails" in said
    assert f"(entry {entries[2].seq}, entry-broken)" in said
    assert "still to sign: east" in said


@pytest.mark.parametrize(
    ("args", "code", "word"),
    [
        (["mou", "sign", "nothing", "--yes"], 2, "no MOU `nothing`"),
        (["mou", "status", "nothing"], 2, "no MOU `nothing`"),
        (["mou", "sign", "small", "--version", "7", "--yes"], 2, "no version 7"),
        (["mou", "sign", "small", "--version", "0", "--yes"], 2, "--version"),
        (["mou", "propose", "nowhere.yaml", "--yes"], 2, "nowhere.yaml"),
        (["mou", "withdraw", "small", "--yes"], 1, "not signed by all"),
        (["mou", "decline", "small", "--reason", "\u202e", "--yes"], 2, "--reason"),
        (["review", "approve", "abc", "--yes"], 2, "no request waits"),
        (["duty", "acknowledge", "small", "--yes"], 2, "MOU:CLAUSE"),
        (["duty", "acknowledge", "small:3", "--yes"], 2, "in force"),
        (["duty", "done", "small:4", "--party", "hub"], 1, "administrator"),
    ],
)
def test_wrong_input(shell: Shell, args: list[str], code: int, word: str) -> None:
    """A clear sentence and an exit code; nothing changes."""
    size = shell.services.journal.head().size
    said = shell.run(*args, key="north", code=code)
    assert word in said.err
    assert "Traceback" not in said.err
    assert shell.services.journal.head().size <= size + 1  # an opening at most


def test_by_another_party(shell: Shell) -> None:
    """Who is no party hears of no MOU; a party proposes nothing."""
    shell.enrol("west")
    assert "no MOU" in shell.run("mou", "sign", "small", "--yes", key="west", code=2).err
    two = shell.file(document(version=2), "two.yaml")
    assert "administrator" in shell.run("mou", "propose", two, "--yes", key="north", code=1).err
    assert shell.run("mou", "status", key="west").err == "no MOU was proposed that you may see\n"


def test_duties(shell: Shell) -> None:
    """Listed, acknowledged, recorded as overdue and done."""
    for party in PARTIES:
        shell.run("mou", "sign", "small", "--yes", key=party)
    found = shell.run("duty", "list", "--json", key="hub").json
    assert [(d["clause"], d["overdue"]) for d in found] == [("3", False), ("4", False)]
    assert "acknowledged for hub" in shell.run("duty", "acknowledge", "small:3", "--yes", key="hub").out
    shell.run("duty", "overdue", "small:4", "--party", "hub")
    assert "overdue" in shell.run("duty", "list", key="hub").out
    assert "already" in shell.run("duty", "overdue", "small:4", "--party", "hub", code=1).err
    shell.run("duty", "done", "small:4", "--party", "hub")
    assert shell.run("duty", "list", "--json").json[-1]["overdue"] is False


def test_reviews(shell: Shell) -> None:
    """A request that waits is listed, shown, approved by each party asked, and then passes."""
    for party in PARTIES:
        shell.run("mou", "sign", "small", "--yes", key=party)
    asked = ["request", "--dataset", "visits", "--fields", "days", "--rows", "all", "--view", "pseudonymised"]
    asked += ["--purpose", "improvement", "--mou", "small"]
    assert "approv" in shell.run(*asked, key="hub", code=1).err
    (waiting,) = shell.run("review", "list", "--json", key="north").json
    assert waiting["waits_for"] == ["east", "north", "south"]
    assert "hub" in shell.run("review", "list", key="north").out
    digest = waiting["digest"][:12]
    assert "--yes" in shell.run("review", "approve", digest, key="north", code=2).err
    shell.run("review", "refuse", digest, "--reason", "not yet", "--yes", key="north")
    for party in ("north", "south", "east"):
        said = shell.run("review", "approve", digest, "--yes", key=party)
        assert "approved in entry" in said.out
        assert "pseudonymised" in said.err
    assert shell.run("review", "list", "--json", key="hub").json[0]["state"] == "approved"
    assert shell.run("review", "list", key="hub").out.count("approved") == 1


def test_an_amendment_says_what_it_changes(shell: Shell) -> None:
    """Clause by clause in words, before it is proposed; nothing to amend, or no higher version, changes nothing."""
    changed = document(version=2, expires="2030-06-30")
    assert "is not higher than 1" in shell.run("mou", "amend", shell.file(DOCUMENT), "--yes", code=2).err
    other = shell.file(DOCUMENT.replace(b"id: small", b"id: other"), "other.yaml")
    assert "no MOU `other`" in shell.run("mou", "amend", other, "--yes", code=2).err
    said = shell.run("mou", "amend", shell.file(changed, "two.yaml"), "--yes")
    assert "small@2 is proposed" in said.out
    assert "different: the last day" in said.err


def test_a_partner_attests_a_key(shell: Shell) -> None:
    """After comparing it with its owner; `key list` shows by whom; one's own party attests nothing."""
    keys = {k["party"]: k["fingerprint"] for k in shell.run("key", "list", "--json").json}
    assert "--yes" in shell.run("key", "attest", keys["north"], key="south", code=2).err
    said = shell.run("key", "attest", keys["north"], "--yes", key="south")
    assert f"{keys['north']} is attested in entry" in said.out
    assert "the director of north" in said.err
    assert 0 == shell.run("key", "attest", keys["north"], "--yes", "--json", key="east").code
    table = shell.run("key", "list", key="hub").out
    row = next(line for line in table.splitlines() if keys["north"] in line)
    assert row.rstrip().endswith("south, east")
    assert "another party" in shell.run("key", "attest", keys["north"], "--yes", key="north", code=2).err
    assert shell.run("key", "attest", keys["administrator"], "--yes", key="north", code=1).err
    assert "no key" in shell.run("key", "attest", "SHA256:" + "A" * 43, "--yes", key="north", code=2).err
