"""Who changes, repeats, borrows or reshapes a signed request on its way, against the application that serves."""

from __future__ import annotations

import itertools
from base64 import b64encode
from collections.abc import Callable, Iterator

import pytest
from werkzeug.test import TestResponse

from governance.signing.fields import content_digest
from governance.signing.http import sign_request
from tests.simulator import ORIGIN, World
from tests.test_gateway import OWN

_NONCES = itertools.count(1)
Call = tuple[bytes, dict[str, str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that is only asked."""
    made = World.found(tmp_path_factory.mktemp("world")).agreed().filled(clients=33)
    yield made
    made.close()


def _sent(world: World, body: bytes, headers: dict[str, str], path: str = "/v1/query") -> TestResponse:
    response = world.client.post(path, data=body, headers=headers, base_url=ORIGIN)
    response.get_data()
    return response


def _permits(world: World) -> int:
    return sum(e.body["outcome"] == "permit" for e in world.services.journal.entries(kinds={"request"}))


def _signed(world: World, *, method: str = "POST", target: str = ORIGIN + "/v1/query") -> Call:
    body, _ = world.signed_query(world.partners["dashboard"], OWN)
    headers = sign_request(
        key=world.partners["dashboard"].key, method=method, target_uri=target, now=world.clock.now(),
        nonce=f"{next(_NONCES):032d}", body=body, purpose="improvement", mou="small",
    )  # fmt: skip
    return body, headers


def _other(name: str, old: str, new: str) -> Callable[[bytes, dict[str, str]], Call]:
    return lambda body, headers: (body, headers | {name: headers[name].replace(old, new, 1)})


def _another_body(body: bytes, headers: dict[str, str]) -> Call:
    return body.replace(b'"own"', b'"all"'), headers


def _another_body_with_its_digest(body: bytes, headers: dict[str, str]) -> Call:
    changed = body.replace(b'"own"', b'"all"')
    return changed, headers | {"Content-Digest": content_digest(changed)}


def _another_label(body: bytes, headers: dict[str, str]) -> Call:
    renamed = {n: headers[n].replace("accordant=", "sig1=", 1) for n in ("Signature", "Signature-Input")}
    return body, headers | renamed


CHANGES: dict[str, Callable[[bytes, dict[str, str]], Call]] = {
    "purpose": _other("Data-Purpose", "improvement", "service"),
    "mou": _other("Data-Purpose", "small", "other"),
    "body": _another_body,
    "body and digest": _another_body_with_its_digest,
    "nonce": _other("Signature-Input", 'nonce="00', 'nonce="11'),
    "expires": _other("Signature-Input", ";expires=1", ";expires=2"),
    "label": _another_label,
    "hmac": _other("Signature-Input", "ed25519", "hmac-sha256"),
    "another tag": _other("Signature-Input", "accordant-declaration", "accordant-request"),
    "fewer components": _other("Signature-Input", ' "data-purpose"', ""),
    "no purpose": lambda body, headers: (body, {n: v for n, v in headers.items() if n != "Data-Purpose"}),
    "forged": lambda body, headers: (body, headers | {"Signature": f"accordant=:{b64encode(bytes(64)).decode()}:"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_signed_can_be_changed_on_the_way(world: World, change: str) -> None:
    """A problem document, no permit in the log, and the request as it was signed still passes."""
    body, headers = _signed(world)
    before, altered = _permits(world), CHANGES[change](body, headers)
    assert altered != (body, headers)
    response = _sent(world, *altered)
    assert response.status_code in (400, 401)
    assert ("application/problem+json", "invalid") == (response.mimetype, response.headers["Accordant-Outcome"])
    assert before == _permits(world)
    assert 200 == _sent(world, body, headers).status_code


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "https://accordant.test/v1/query"),
        ("POST", "http://another.test/v1/query"),
        ("POST", "http://accordant.test:8080/v1/query"),
        ("POST", ORIGIN + "/v1/query?"),
        ("POST", ORIGIN + "/v1/sources"),
        ("GET", ORIGIN + "/v1/query"),
    ],
)
def test_a_signature_for_another_origin_target_or_method_is_none(world: World, method: str, target: str) -> None:
    """What another server, or another door of this one, was sent cannot be sent on to here."""
    response = _sent(world, *_signed(world, method=method, target=target))
    assert (401, "not-authentic") == (response.status_code, response.json["reason"])  # type: ignore[index]


def test_the_origin_is_the_settings_whatever_the_host_header_says(world: World) -> None:
    """A `Host` that fits the signature does not make it fit."""
    body, headers = _signed(world, target="http://another.test/v1/query")
    response = world.client.post("/v1/query", data=body, headers=headers, base_url="http://another.test")
    assert 401 == response.status_code


def test_a_declaration_is_for_one_door(world: World) -> None:
    """A data request's signature opens no other call, and another call's no data."""
    body, headers = _signed(world, target=ORIGIN + "/v1/sources")
    response = _sent(world, body, headers, "/v1/sources")
    assert (401, "tag-wrong") == (response.status_code, response.json["reason"])  # type: ignore[index]
    plain = world.call(world.partners["dashboard"], "POST", "/v1/query", OWN)
    assert (401, "tag-wrong") == (plain.status_code, plain.json["reason"])  # type: ignore[index]


@pytest.mark.parametrize("seconds", [-1000, -500, 200, 1000])
def test_a_clock_that_is_off_is_told(world: World, seconds: int) -> None:
    """More than a minute before or behind, lifetime included."""
    now = world.clock.now()
    world.clock.pass_(seconds=seconds)
    body, headers = _signed(world)
    world.clock.time = now
    response = _sent(world, body, headers)
    assert 401 == response.status_code
    assert response.json["reason"] in ("signature-early", "signature-expired")  # type: ignore[index]


def test_a_key_is_worth_nothing_after_its_revocation(world: World) -> None:
    """Neither for a request that was signed before, nor for one with a time before, nor for any other call."""
    partner = world.enrol("north", use="connector", name="to be lost")
    body, headers = world.signed_query(partner, OWN)
    early = world.signed_query(partner, OWN)
    assert 200 == _sent(world, body, headers).status_code
    world.revoke("to be lost")
    before = _permits(world)
    assert 401 == _sent(world, *early).status_code
    assert 401 == world.query(partner, OWN).status_code
    assert 401 == world.call(partner, "GET", "/v1/mous").status_code
    assert before == _permits(world)


def test_a_connector_never_sees_another_partys_own_rows(world: World) -> None:
    """`own` is the owner of the key that signed; naming another party, in any way, is an error or changes nothing."""
    asked = {"dataset": "visits", "fields": ["org", "client"], "rows": "own", "view": "identified"}
    dashboard = world.partners["dashboard"]
    rows = world.query(dashboard, asked).json["rows"]  # type: ignore[index]
    assert {"north"} == {row[0] for row in rows}
    for change in (
        {"party": "south"},
        {"contributor": "south"},
        {"from": ["south"]},
        {"filters": [{"field": "org", "op": "eq", "value": "south"}]},
    ):
        response = world.query(dashboard, asked | change)
        found = response.json
        assert found is not None
        assert response.status_code in (400, 403) or [] == found["rows"], change
