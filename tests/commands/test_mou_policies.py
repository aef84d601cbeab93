"""`accordant mou compile` and `accordant mou decide`, as from a shell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.compiler.documents import SMALL, changed

ASKED = {
    "party": "elm",
    "dataset": "visits",
    "fields": ["pages"],
    "rows": "own",
    "view": "identified",
    "purpose": "improve",
    "at": "2026-06-01T12:00:00Z",
}


def ran(*words: object, given: str = "") -> subprocess.CompletedProcess[str]:
    """The command's exit code and what it prints."""
    command = [sys.executable, "-m", "governance.cli", *map(str, words)]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The small document."""
    path = tmp_path / "small.mou.yaml"
    path.write_text(SMALL)
    return path


def pem(key: Any) -> bytes:
    """A private key without a passphrase."""
    return key.private_bytes(  # type: ignore[no-any-return]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.opa
def test_compile(opa_binary: Path, file: Path, tmp_path: Path) -> None:
    """A folder that OPA takes as it is, twice the same; not over one that is there."""
    out = tmp_path / "policy"
    done = ran("mou", "compile", file, "-o", out, "--json")
    assert 0 == done.returncode, done.stderr
    found = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert json.loads(done.stdout)["files"] == sorted(found)
    subprocess.run([opa_binary, "check", "--strict", "--bundle", out], check=True)
    assert "" == subprocess.run([opa_binary, "fmt", "--list", out], check=True, capture_output=True, text=True).stdout
    assert 2 == ran("mou", "compile", file, "-o", out).returncode
    (out / "accordant" / "left.rego").write_text("package accordant.left\n")
    assert 0 == ran("mou", "compile", file, "-o", out, "--force").returncode
    assert found == {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


@pytest.mark.opa
def test_compile_signed(opa_binary: Path, file: Path, tmp_path: Path) -> None:
    """OPA verifies the archive by the public key, and no archive without a signature."""
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key.pem").write_bytes(pem(key))
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    signed, plain = tmp_path / "signed.tar.gz", tmp_path / "plain.tar.gz"
    words = ("mou", "compile", file, "-o", tmp_path / "a", "--signing-key", tmp_path / "key.pem", "--key-id", "k")
    assert 0 == ran(*words, "--archive", signed).returncode
    assert (tmp_path / "a" / ".signatures.json").is_file()
    assert 0 == ran("mou", "compile", file, "-o", tmp_path / "b", "--archive", plain).returncode
    verify = ["--verification-key", tmp_path / "public.pem", "--verification-key-id", "k", "--signing-alg", "ES256"]
    for bundle, fine in ((signed, True), (plain, False)):
        build = [opa_binary, "build", "--bundle", bundle, *verify, "-o", tmp_path / "out.tar.gz"]
        assert fine == (0 == subprocess.run(build, capture_output=True, check=False).returncode)


def test_keys_that_sign_no_bundle(file: Path, tmp_path: Path) -> None:
    """Said, and nothing is written."""
    for data in (b"no key", pem(ed25519.Ed25519PrivateKey.generate())):
        (tmp_path / "key.pem").write_bytes(data)
        done = ran("mou", "compile", file, "-o", tmp_path / "out", "--signing-key", tmp_path / "key.pem")
        assert 2 == done.returncode
        assert "key" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "out").exists()


def test_compile_a_document_with_faults(tmp_path: Path) -> None:
    """All faults, and no folder."""
    wrong = tmp_path / "wrong.mou.yaml"
    wrong.write_bytes(changed(("version: 2", "version: none")))
    done = ran("mou", "compile", wrong, "-o", tmp_path / "out")
    assert 2 == done.returncode
    assert "wrong.mou.yaml:" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_line_a_request(file: Path) -> None:
    """A malformed line answers on its line, and stops nothing."""
    lines = [json.dumps(ASKED), "{", json.dumps(ASKED | {"rows": "some"}), "[]", json.dumps(ASKED | {"party": "z"})]
    done = ran("mou", "decide", file, "--requests", "-", given="\n".join(lines) + "\n")
    assert 0 == done.returncode, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert 5 == len(answers)
    assert [("invalid", "malformed")] * 3 == [(a["outcome"], a["reason"]) for a in answers[1:4]]
    assert "rows" in answers[2]["detail"]
    assert ("invalid", "unknown-party") == (answers[4]["outcome"], answers[4]["reason"])
    assert {
        "outcome",
        "reason",
        "cites",
        "also",
        "consent",
        "obligations",
        "valid_until",
        "revision",
        "text",
        "nearest",
    } == set(answers[0])


@pytest.mark.opa
def test_several_engines_agree(opa_binary: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One answer each, on one line; a private server is started where none is named."""
    monkeypatch.setenv("PATH", f"{opa_binary.parent}:/usr/bin:/bin")
    monkeypatch.delenv("ACCORDANT_OPA_URL", raising=False)
    done = ran("mou", "decide", file, "--requests", "-", "--engine", "embedded,opa,reference", given=json.dumps(ASKED))
    assert 0 == done.returncode, done.stderr
    (line,) = done.stdout.splitlines()
    answers = json.loads(line)
    assert ["embedded", "opa", "reference"] == [a.pop("engine") for a in answers]
    for answer in answers:
        answer.pop("revision")
        answer.pop("detail", None)
    assert answers[0] == answers[1] == answers[2]


def test_an_engine_that_is_not_there(file: Path) -> None:
    """Exit 3."""
    words = ("mou", "decide", file, "--requests", "-", "--engine", "opa", "--opa-url", "http://127.0.0.1:1")
    done = ran(*words, given=json.dumps(ASKED))
    assert (3, "") == (done.returncode, done.stdout)
    assert 2 == ran("mou", "decide", file, "--requests", "-", "--engine", "none", given="").returncode
