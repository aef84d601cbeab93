"""Schemathesis against `openapi.json`: whatever it makes up, signed or not, no 500, and the document is true.

The same cases each time (`derandomize`). Every operation is called as a stranger would, unsigned, and signed by a
partner or an administrator, so that what is made up gets past the door.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from werkzeug.wrappers import Request

from governance.signing.http import sign_request
from tests.simulator import World

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
PATHS = [
    ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/log/checkpoint"), ("GET", "/log/vkey"), ("GET", "/log/vkeys"),
    ("GET", "/log/cosigned"), ("GET", "/log/tile/{name}"), ("POST", "/v1/exports"),
    ("POST", "/v1/acknowledgements"), ("POST", "/v1/activation"), ("POST", "/v1/consents"), ("GET", "/v1/consents"),
    ("GET", "/v1/duties"), ("POST", "/v1/duties"), ("GET", "/v1/entries"), ("GET", "/v1/entries/{seq}"),
    ("POST", "/v1/keys"), ("GET", "/v1/keys"), ("GET", "/v1/keys/{fingerprint}"),
    ("POST", "/v1/keys/{fingerprint}/approval"), ("POST", "/v1/keys/{fingerprint}/attestation"),
    ("POST", "/v1/keys/{fingerprint}/revocation"),
    ("POST", "/v1/mous"), ("GET", "/v1/mous"), ("GET", "/v1/mous/{mou_id}"), ("GET", "/v1/mous/{mou_id}/document"),
    ("GET", "/v1/mous/{mou_id}/text"), ("POST", "/v1/mous/{mou_id}/openings"),
    ("POST", "/v1/mous/{mou_id}/statements"), ("POST", "/v1/mous/{mou_id}/evidence"),
    ("POST", "/v1/query"), ("GET", "/v1/receipts/{entry}"),
    ("GET", "/v1/resumption"), ("POST", "/v1/resumption"),
    ("GET", "/v1/reviews"), ("POST", "/v1/reviews/{digest}/approval"), ("POST", "/v1/reviews/{digest}/refusal"),
    ("GET", "/v1/sources"), ("POST", "/v1/sources"), ("POST", "/v1/sources/{dataset}/rows"), ("POST", "/v1/sessions"),
    ("POST", "/v1/disclosures"), ("POST", "/v1/erasures"), ("POST", "/v1/holds"), ("POST", "/v1/holds/release"),
    ("POST", "/v1/retention"),
    ("POST", "/v1/cosignatures"), ("GET", "/v1/witnesses"), ("POST", "/v1/witnesses/round"),
]  # fmt: skip
STEADY = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that has everything, and no rate that a test could run into."""
    made = World.found(tmp_path_factory.mktemp("world")).agreed().filled(clients=33)
    object.__setattr__(made.services.authenticator._rates, "_rate", 10**9)
    made.services.authenticator._rates._buckets.clear()
    yield made
    made.close()


@dataclass
class Signing:
    """The application behind a signer: whatever is sent is signed on its way in by whoever is named, if anybody is."""

    world: World
    who: str = ""
    statuses: set[str] = field(default_factory=set)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:

        def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            def start(status: str, *more: Any) -> Any:
                self.statuses.add(status[:3])
                return start_response(status, *more)

            return self.world.client.application(environ, start)

        request = Request(environ)
        if not self.who or request.path == "/openapi.json":
            return application(environ, start_response)
        body = request.get_data()
        declared = {"purpose": "improvement", "mou": "small"} if request.path == "/v1/query" else {}
        key = self.world.administrator.key if self.who == "administrator" else self.world.partners[self.who].key
        headers = sign_request(
            key=key, method=request.method, target_uri=self.world.services.authenticator.target_uri(request),
            now=self.world.clock.now(), nonce=secrets.token_urlsafe(24), body=body,
            content_type=environ.get("CONTENT_TYPE") or "application/json", **declared,
        )  # fmt: skip
        content_type = headers.pop("Content-Type", None)
        if content_type is not None:
            environ["CONTENT_TYPE"] = content_type
        environ |= {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return application(environ, start_response)


@pytest.fixture(scope="module")
def door(world: World) -> Signing:
    return Signing(world)


@pytest.fixture(scope="module")
def schema(door: Signing) -> Any:
    """The document as it is served."""
    return schemathesis.openapi.from_wsgi("/openapi.json", door)


def test_every_operation_is_called(schema: Any) -> None:
    """A new one has to be listed here."""
    described = {(o.ok().method.upper(), o.ok().path) for o in schema.get_all_operations()}
    assert {("GET", "/openapi.json")} >= described - set(PATHS) - {("GET", "/metrics")}
    assert set() == set(PATHS) - described


def _called(schema: Any, method: str, path: str, checks: list[Any]) -> None:
    @STEADY
    @given(case=schema[path][method].as_strategy())
    def call(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=checks)

    call()


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_nothing_that_is_made_up_breaks_it(schema: Any, door: Signing, method: str, path: str) -> None:
    """Signed by somebody who may, so that what is made up gets to where it is read."""
    administrators = path.startswith(
        ("/v1/keys/", "/v1/mous", "/v1/duties", "/v1/activation", "/v1/entries", "/v1/resumption")
    )
    door.who = "administrator" if administrators else "north"
    door.statuses.clear()
    _called(schema, method, path, CHECKS)
    assert {"401"} < door.statuses | {"401"}


@pytest.mark.parametrize(("method", "path"), [p for p in PATHS if p[1].startswith("/v1")])
def test_nothing_unsigned_breaks_it(schema: Any, door: Signing, method: str, path: str) -> None:
    """As a stranger calls: a problem document that the description knows."""
    door.who = ""
    _called(schema, method, path, CHECKS)
