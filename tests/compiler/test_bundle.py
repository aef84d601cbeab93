"""The bundle: the same bytes for the same documents, a revision, a part for each dataset, and OPA's own signature."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from random import Random

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from governance.compiler.bundle import CATALOGUE, MANIFEST, compile_bundle, library, revision
from governance.compiler.bundle_signature import SIGNATURES, archive, sign_bundle
from governance.errors import InputWrong
from tests.compiler.small import clause, document, permit
from tests.made_documents import made_document


@pytest.fixture(scope="module")
def pair() -> tuple[str, str]:
    """A private key and its public key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def test_same_documents_same_bytes_in_any_order() -> None:
    """Everything is sorted, nothing has a time."""
    mous = [made_document(Random(n), name, 1, [Random(n + 9)]) for n, name in enumerate(("alpha", "beta", "gamma"))]
    one, other = compile_bundle(mous), compile_bundle(mous[::-1])
    assert one == other
    assert archive(one.files) == archive(dict(reversed(other.files.items())))


def test_another_document_is_another_revision() -> None:
    """Any change of it, one of its words included."""
    first, second = document(permit()), document(permit(), title="another")
    assert revision([first]) == revision([document(permit())])
    assert 3 == len({revision([first]), revision([second]), revision([first, document(id="n")])})
    assert revision([first]) == compile_bundle([first]).revision


def test_the_manifest_says_revision_and_roots() -> None:
    """OPA accepts nothing outside of its roots."""
    bundle = compile_bundle([document()])
    manifest = json.loads(bundle.files[MANIFEST])
    assert {"revision": bundle.revision, "roots": ["accordant"], "rego_version": 1} == manifest
    assert all(name == MANIFEST or name.startswith("accordant/") for name in bundle.files)
    assert library().items() <= bundle.files.items()


def test_a_version_given_twice() -> None:
    """Which of them would decide?"""
    with pytest.raises(InputWrong, match="`m@1` is given twice"):
        compile_bundle([document(), document(title="another")])


def test_a_dataset_needs_its_own_documents_only() -> None:
    """Whatever else the bundle holds, its files, and what it must examine, are the same."""
    other = document().datasets["d"]
    alone = compile_bundle([document()])
    beside = compile_bundle([document(), document(id="n", datasets={"e": other}, clauses=[permit("9", data="e")])])
    assert alone.datasets["d"] == beside.datasets["d"]
    assert alone.expected["d"] == beside.expected["d"] == {"m_v1": ("1",)}
    assert {"n_v1": ("9",)} == beside.expected["e"]
    unlike = {n for n in alone.datasets["d"] if alone.files[n] != beside.files[n]}
    assert {CATALOGUE} == unlike
    assert alone.known["d"] | {"revision": ""} == beside.known["d"] | {"revision": ""}


def test_what_must_be_examined() -> None:
    """Every clause that can matter to the dataset."""
    both = document().datasets | {"e": document().datasets["d"]}
    mou = document(permit("1"), permit("2", data="e"), clause("3", "prohibit"), datasets=both)
    assert {"d": {"m_v1": ("1", "3")}, "e": {"m_v1": ("2", "3")}} == compile_bundle([mou]).expected


def test_the_catalogue_knows_all_documents() -> None:
    """Parties, documents, clauses, terms, in whatever dataset."""
    purposes = {"use": {"title": "use", "dpv": "dpv:X"}}
    elsewhere = document(id="n", datasets={"e": document().datasets["d"]}, clauses=[permit("9", data="e")])
    elsewhere = elsewhere.model_copy(update={"purposes": document(purposes=purposes).purposes})
    catalogue = json.loads(compile_bundle([document(), elsewhere]).files[CATALOGUE])
    assert {"m": {"1": True}, "n": {"9": True}} == catalogue["mous"]
    assert {"d": ["m_v1"], "e": ["n_v1"]} == catalogue["datasets"]
    assert {"use": ["dpv:X"]} == catalogue["terms"]


def written(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A bundle's archive."""
    file = folder / "bundle.tar.gz"
    file.write_bytes(archive(files))
    return file


def built(opa: Path, file: Path, public: str) -> subprocess.CompletedProcess[str]:
    """What OPA makes of a bundle that must be signed by a key."""
    key = file.with_name("public.pem")
    key.write_text(public)
    words = [opa, "build", "--bundle", file, "--verification-key", key, "--verification-key-id", "one"]
    words += ["--signing-alg", "ES256", "-o", file.with_name("out.tar.gz")]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.opa
def test_opa_verifies_the_signature(opa_binary: Path, tmp_path: Path, pair: tuple[str, str]) -> None:
    """With the right key, and every file in it."""
    bundle = compile_bundle([document(title="é “ü” \U0001f600 \u2028", preamble='<&>"')])
    signed = {**bundle.files, SIGNATURES: sign_bundle(bundle, key=pair[0], keyid="one")}
    done = built(opa_binary, written(tmp_path, signed), pair[1])
    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.opa
@pytest.mark.parametrize("name", [CATALOGUE, MANIFEST, "accordant/main/main.rego"])
def test_opa_finds_a_changed_file(opa_binary: Path, tmp_path: Path, pair: tuple[str, str], name: str) -> None:
    """Any of them."""
    bundle = compile_bundle([document()])
    changed = bundle.files[name].replace(b"accordant", b"accordane", 1).replace(b"true", b"false", 1)
    assert changed != bundle.files[name]
    signed = {**bundle.files, SIGNATURES: sign_bundle(bundle, key=pair[0], keyid="one"), name: changed}
    done = built(opa_binary, written(tmp_path, signed), pair[1])
    assert 0 != done.returncode
    assert "mismatch" in done.stdout + done.stderr


@pytest.mark.opa
def test_opa_finds_another_key(opa_binary: Path, tmp_path: Path, pair: tuple[str, str]) -> None:
    """A signature of somebody else, or none."""
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    bundle = compile_bundle([document()])
    signed = {**bundle.files, SIGNATURES: sign_bundle(bundle, key=other, keyid="one")}
    assert 0 != built(opa_binary, written(tmp_path, signed), pair[1]).returncode
    assert 0 != built(opa_binary, written(tmp_path, bundle.files), pair[1]).returncode


def test_the_signature_lists_every_file(pair: tuple[str, str]) -> None:
    """As a JWT that anybody can read."""
    bundle = compile_bundle([document()])
    token = json.loads(sign_bundle(bundle, key=pair[0], keyid="one"))["signatures"][0]
    assert {"alg": "ES256", "kid": "one", "typ": "JWT"} == jwt.get_unverified_header(token)
    payload = token.split(".")[1]
    listed = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["files"]
    assert sorted(bundle.files) == [file["name"] for file in listed]


def test_a_key_that_does_not_fit(pair: tuple[str, str]) -> None:
    """Said, without the key."""
    with pytest.raises(InputWrong, match=r"^the key cannot sign by ES256$"):
        sign_bundle(compile_bundle([document()]), key="no key", keyid="one")


def test_an_archive_is_a_plain_tar() -> None:
    """Neither times nor owners."""
    with tarfile.open(fileobj=io.BytesIO(archive({"b": b"2", "a/c": b"1"}))) as tar:
        assert [("a/c", 0, 0, 0), ("b", 0, 0, 0)] == [(m.name, m.mtime, m.uid, m.gid) for m in tar]
