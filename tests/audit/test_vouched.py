"""What witnesses vouched for is verified with the log, and a policy's quorum is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, update

from audit import Log, NoteSigner, Report, verify
from audit.cosignature import Cosigner, cosignatures_of, with_lines
from audit.cosigned import COSIGNATURES, CosignatureStore
from audit.export_check import verify_export
from audit.policy import Policy
from tests.audit.exported import export_of
from tests.audit.tampering import cheating
from tests.audit.ways import new_content
from tests.audit.worlds import ORIGIN, draft, keys_of

SIZE = 40
WITNESSES = [Cosigner(f"w{n}.example", Ed25519PrivateKey.generate()) for n in range(3)]


def policy(least: str = "2", *, log: str = "") -> Policy:
    lines = [*([f"log {log}"] if log else [])]
    lines += [f"witness w{n} {w.verifier.vkey}" for n, w in enumerate(WITNESSES)]
    return Policy.from_text("\n".join([*lines, f"group all-of-them {least} w0 w1 w2", "quorum all-of-them"]).encode())


def cosign(log: Log, *numbers: int) -> None:
    """The newest checkpoint."""
    note = log.head().checkpoint
    for number in numbers:
        line = WITNESSES[number].line(note, seconds=1_800_000_000)
        found = cosignatures_of(note + line, (WITNESSES[number].verifier,))
        CosignatureStore(log.engine).keep(note, found[0])


@pytest.fixture
def seen(log: Log) -> Log:
    """Cosigned on its way, and at its end by two of three."""
    for n in range(SIZE):
        log.append([draft(n)])
        if n in (9, 29):
            cosign(log, 0, 1, 2)
    cosign(log, 0, 1)
    return log


def told(report: Report) -> list[tuple[int | None, str]]:
    return [(fault.seq, fault.code) for fault in report.faults]


def test_a_quorum_that_is_there(seen: Log) -> None:
    """The newest checkpoint has it; the report tells up to where, and hands the cosignatures on."""
    vkey = seen.verifier.vkey
    report = verify(seen, vkey=vkey, policy=policy("2", log=vkey))
    assert (True, SIZE) == (report.ok, report.vouched)
    assert 2 == len(policy().cosigned(report.checkpoint or b""))
    assert verify(seen, vkey=vkey).vouched is None


def test_a_quorum_that_is_missing(seen: Log) -> None:
    """All three are asked for: the sentence says who cosigned, and from which entry on only the log vouches."""
    vkey = seen.verifier.vkey
    report = verify(seen, vkey=vkey, policy=policy("all"))
    assert ([(None, "quorum-missing")], 30) == (told(report), report.vouched)
    assert "`w0`, `w1` cosigned; entries 30 to 39 are vouched for by nobody" in str(report.first)
    seen.append([draft()])
    assert SIZE == verify(seen, vkey=vkey, policy=policy("any")).vouched
    other = NoteSigner.generate(ORIGIN).vkey
    assert [(None, "policy-log")] == told(verify(seen, vkey=vkey, policy=policy(log=other)))


def test_a_witness_s_signature_dropped(seen: Log, url: str) -> None:
    """Whoever asks for a quorum sees it; nobody else can."""
    with cheating(url) as cheat:
        cheat.connection.execute(
            delete(COSIGNATURES).where(COSIGNATURES.c.size == SIZE, COSIGNATURES.c.witness.startswith("w0"))
        )
    assert verify(seen, vkey=seen.verifier.vkey).ok
    assert [(None, "quorum-missing")] == told(verify(seen, vkey=seen.verifier.vkey, policy=policy()))


@pytest.mark.parametrize(
    "values",
    [
        {"line": b"\xe2\x80\x94 w0.example AAAAAAAA\n"},
        {"witness": WITNESSES[2].verifier.vkey.replace("w2", "w7")},
        {"checkpoint": b"nothing"},
        {"size": 12},
    ],
)
def test_a_line_that_is_not_the_witness_s(seen: Log, url: str, values: dict[str, object]) -> None:
    """Each kept cosignature is verified, of whatever size."""
    with cheating(url) as cheat:
        mine = COSIGNATURES.c.witness.startswith("w0")
        cheat.connection.execute(update(COSIGNATURES).where(COSIGNATURES.c.size == 10, mine).values(**values))
    report = verify(seen, vkey=seen.verifier.vkey)
    assert [(None, "cosignature-wrong")] == told(report)
    assert verify(seen, vkey=seen.verifier.vkey, since=20).ok


def test_a_witness_that_was_shown_another_history(seen: Log, url: str, signer: NoteSigner) -> None:
    """The log's key signed both; the witness's line under the older one tells."""
    seen.close()
    with cheating(url) as cheat:
        new_content(cheat, 5)
        cheat.move_head(cheat.rechain(6), signer=signer)
    report = verify(seen.engine, keys=keys_of(seen.engine), vkey=signer.vkey)
    assert "history-differs" in {fault.code for fault in report.faults}
    assert any("the witness `w0.example` cosigned another history: the first 10" in str(f) for f in report.faults)


def test_a_log_put_back(seen: Log, url: str, signer: NoteSigner) -> None:
    """Behind what a witness has cosigned."""
    seen.close()
    with cheating(url) as cheat:
        cheat.remove(SIZE - 1)
        cheat.move_head(cheat.rechain(SIZE), signer=signer)
    report = verify(seen.engine, keys=keys_of(seen.engine), vkey=signer.vkey)
    assert [(None, "rewound")] * 2 == told(report)
    assert "cosigned 40 entries; now there are 39" in str(report.first)


def test_an_export(seen: Log, tmp_path: Path) -> None:
    """Its checkpoint must have the quorum."""
    folder = export_of(seen, tmp_path / "export")
    vkey = seen.verifier.vkey
    assert verify_export(folder, vkey=vkey, policy=policy()).report.ok
    assert [(None, "quorum-missing")] == told(verify_export(folder, vkey=vkey, policy=policy("all")).report)
    note = (folder / "checkpoint").read_bytes()
    (folder / "checkpoint").write_bytes(with_lines(note.partition(b"\n\n")[0] + b"\n\n", ()))
    assert "checkpoint-malformed" in {c for _, c in told(verify_export(folder, vkey=vkey, policy=policy()).report)}


def test_a_log_that_grows_while_it_is_verified(seen: Log) -> None:
    """What is recorded and cosigned meanwhile is of entries that are not looked at this time; nothing was put back."""
    grown = []

    def grow(_done: int, _of: int) -> None:
        if not grown:
            grown.extend(seen.append([draft(n) for n in range(3)]))
            cosign(seen, 0, 1, 2)

    vkey = seen.verifier.vkey
    report = verify(seen, vkey=vkey, progress=grow, policy=policy("2", log=vkey))
    assert ([], SIZE) == (told(report), report.vouched)
    assert (3, []) == (len(grown), told(verify(seen, vkey=vkey, policy=policy("3", log=vkey))))
