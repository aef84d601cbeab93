"""The endpoints of keys, MOUs, duties and reviews: whatever comes in, a problem document that names what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator import ORIGIN, PARTIES, World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everybody enrolled, one document proposed, nothing signed."""
    folder: Path = tmp_path_factory.mktemp("agreements")
    made = World.found(folder)
    for party in PARTIES:
        made.enrol(party)
    made.propose()
    yield made
    made.close()


STATEMENTS = (
    "/v1/mous/small/statements",
    "/v1/acknowledgements",
    "/v1/duties",
    f"/v1/reviews/{'0' * 64}/approval",
    f"/v1/reviews/{'0' * 64}/refusal",
    f"/v1/keys/SHA256:{'a' * 43}/approval",
    f"/v1/keys/SHA256:{'a' * 43}/revocation",
    "/v1/mous",
)
BODIES: tuple[tuple[bytes, str], ...] = (
    (b"", "statement"),
    (b"nonsense", "body"),
    (b"[]", "body"),
    (b"null", "body"),
    (b"[" * 10_000, "body"),
    (b'{"statement": "e30", "statement": "e30", "jws": "a..b"}', "body"),
    (b'{"statement": "e30"}', "jws"),
    (b'{"statement": "e30", "jws": "a..b", "more": 1}', "more"),
    (b'{"statement": 7, "jws": "a..b"}', "statement"),
    (b'{"statement": "e30=", "jws": "a..b"}', "statement"),
    (b'{"statement": "e31", "jws": "a..b"}', "statement"),
    (b'{"statement": "e30", "jws": []}', "jws"),
    ('{"statement": "é", "jws": "a..b"}'.encode(), "statement"),
    (b'{"statement": "e30", "jws": "a..b"}', "type"),
    (b"\xff\xfe", "body"),
)


@pytest.mark.parametrize("path", STATEMENTS)
@pytest.mark.parametrize(("body", "field"), BODIES)
def test_a_body_that_is_no_statement(world: World, path: str, body: bytes, field: str) -> None:
    """400, naming the member; nothing is recorded."""
    size = world.services.journal.head().size
    if path == "/v1/mous" and body.startswith(b'{"statement": "'):
        document = b'"document": "e30", '
        body, field = body[:1] + document + body[1:], field if field != "type" else "document"
    response = world.call(world.partners["north"], "POST", path, body=body)
    found: Any = response.json
    assert response.mimetype == "application/problem+json"
    assert response.status_code in (400, 403), found
    if response.status_code == 400 and path != "/v1/mous":
        assert found["field"] == field
    assert world.services.journal.head().size == size


@pytest.mark.parametrize(("body", "field"), BODIES)
def test_an_enrolment_that_is_none(world: World, body: bytes, field: str) -> None:
    """The one door that is open to everybody answers as clearly."""
    response = world.client.post("/v1/keys", data=body, content_type="application/json", base_url=ORIGIN)
    assert (response.status_code, response.json["field"]) == (400, field)  # type: ignore[index]


def test_a_body_that_is_too_large(world: World) -> None:
    """413, before it is read to the end."""
    large = b"x" * 20_000
    assert world.client.post("/v1/keys", data=large, base_url=ORIGIN).status_code == 413
    assert world.call(world.partners["north"], "POST", "/v1/duties", body=large).status_code == 413
    larger = b"x" * (3 * 1024 * 1024 + 1)
    assert world.call(world.administrator, "POST", "/v1/mous", body=larger).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/v1/keys",
        "/v1/mous",
        "/v1/mous/small",
        "/v1/mous/small/text",
        "/v1/mous/small/document",
        "/v1/duties",
        "/v1/reviews",
    ],
)
def test_everything_else_is_signed(world: World, path: str) -> None:
    """Without a signature, 401 with a challenge."""
    response = world.client.get(path, base_url=ORIGIN)
    assert response.status_code == 401
    assert "Signature" in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"version": "1"}, "version"),
        ({"version": True}, "version"),
        ({"version": 99}, "version"),
        ({"version": -1}, "version"),
        ({"decision": 7}, "decision"),
        ({"decision": "shrug"}, "decision"),
        ({"nonce": "mine"}, "nonce"),
    ],
)
def test_an_opening_that_is_wrong(world: World, document: dict[str, Any], field: str) -> None:
    """Nothing is opened."""
    size = world.services.journal.head().size
    response = world.call(world.partners["north"], "POST", "/v1/mous/small/openings", document)
    assert response.status_code in (400, 404)
    assert response.json["field"] == field  # type: ignore[index]
    assert world.services.journal.head().size == size


@pytest.mark.parametrize("version", ["x", "-1", "1.0", "%D9%A1", "99999999", ""])
def test_a_version_in_the_address(world: World, version: str) -> None:
    """A whole number, or the sentence that says so."""
    response = world.call(world.partners["north"], "GET", f"/v1/mous/small/text?version={version}")
    assert (response.status_code, response.json["field"]) == (400, "version")  # type: ignore[index]


def test_exact_bytes(world: World) -> None:
    """Text and document come to the byte, with their digests; the opening carries the same text."""
    import hashlib

    from governance.register.reading import decoded

    north = world.partners["north"]
    opened = world.told(north, "POST", "/v1/mous/small/openings", {})
    text = world.call(north, "GET", "/v1/mous/small/text")
    document = world.call(north, "GET", "/v1/mous/small/document?version=1")
    assert decoded(opened["text"]) == text.get_data()
    assert hashlib.sha256(text.get_data()).hexdigest() == opened["text_sha256"] == text.headers["Accordant-SHA256"]
    shown = world.told(north, "GET", "/v1/mous/small")["versions"][0]
    assert hashlib.sha256(document.get_data()).hexdigest() == shown["document_sha256"]


def test_activation_is_the_administrators(world: World) -> None:
    """Anybody else is refused."""
    assert world.call(world.partners["north"], "POST", "/v1/activation").status_code == 403
    assert world.told(world.administrator, "POST", "/v1/activation") == {"state": "unchanged"}


def test_a_proposal_with_faults(world: World) -> None:
    """Each fault with its line, as `check` tells them."""
    from base64 import urlsafe_b64encode

    bad = urlsafe_b64encode(b"accordant: 1\nid: [small]\n").rstrip(b"=").decode()
    body = json.dumps({"document": bad, "statement": "e30", "jws": "a..b"}).encode()
    response = world.call(world.administrator, "POST", "/v1/mous", body=body)
    found: Any = response.json
    assert (response.status_code, found["reason"]) == (400, "document-wrong")
    assert all(f["line"] and f["message"] for f in found["faults"])
