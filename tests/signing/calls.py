"""Signed requests as they arrive, right ones and ones that only the profile can refuse."""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import http_sf
import pytest

from governance.errors import AccordantError
from governance.signing.fields import content_digest
from governance.signing.http import (
    DECLARATION_TAG,
    Declaration,
    SignedRequest,
    sign_request,
    verify_declaration,
    verify_request,
)
from governance.signing.keys import ALGORITHMS, PrivateKey, PublicKey

NOW = dt.datetime(2026, 11, 2, 12, 0, 0, tzinfo=dt.UTC)
CREATED = int(NOW.timestamp())
URI = "https://data.example.org/v1/query"
BODY = b'{"dataset":"enrollments"}'
NONCE = "mS4kPz0c9xQvTqB1Yw7uJg"
KEYS = {alg: PrivateKey.generate(alg) for alg in ALGORITHMS}
KEY = KEYS["ed25519"]
RING: dict[str, PublicKey] = {k.fingerprint: k.public for k in KEYS.values()}


@dataclass(frozen=True)
class Wire:
    """A request as it arrives."""

    headers: tuple[tuple[str, str], ...]
    method: str = "POST"
    uri: str = URI
    body: bytes = BODY

    def with_header(self, name: str, value: str | None) -> Wire:
        kept = tuple((n, v) for n, v in self.headers if n.lower() != name.lower())
        return replace(self, headers=kept + (() if value is None else ((name, value),)))

    def header(self, name: str) -> str:
        return dict(self.headers)[name]

    def declaration(self, now: dt.datetime = NOW, ring: Callable[[str], PublicKey | None] = RING.get) -> Declaration:
        return verify_declaration(
            method=self.method, target_uri=self.uri, headers=self.headers, body=self.body, resolve_key=ring, now=now
        )

    def request(self, now: dt.datetime = NOW) -> SignedRequest:
        return verify_request(
            method=self.method, target_uri=self.uri, headers=self.headers, body=self.body, resolve_key=RING.get, now=now
        )


def declared(key: PrivateKey = KEY, **changes: Any) -> Wire:
    values: dict[str, Any] = {
        "key": key,
        "method": "POST",
        "target_uri": URI,
        "now": NOW,
        "nonce": NONCE,
        "body": BODY,
        "purpose": "program-improvement",
        "mou": "benchmarking",
    }
    return Wire(tuple(sign_request(**(values | changes)).items()))


def crafted(
    *,
    names: tuple[str, ...] = ("@method", "@target-uri", "content-type", "content-digest", "data-purpose"),
    key: PrivateKey = KEY,
    headers: dict[str, str] | None = None,
    method: str = "POST",
    body: bytes = BODY,
    **parameters: Any,
) -> Wire:
    """A request whose signature is right over whatever it claims: only the profile can refuse it."""
    fields = {
        "content-type": "application/json",
        "content-digest": content_digest(body),
        "data-purpose": 'program-improvement;mou="benchmarking"',
    } | (headers or {})
    values = {"@method": method, "@target-uri": URI} | fields
    given: dict[str, Any] = {
        "created": CREATED,
        "expires": CREATED + 60,
        "nonce": NONCE,
        "keyid": key.fingerprint,
        "alg": key.alg,
        "tag": DECLARATION_TAG,
    } | parameters
    given = {k: v for k, v in given.items() if v is not None}
    items = [(name, {}) for name in names]
    params = http_sf.ser({"accordant": (items, given)}).removeprefix("accordant=")
    lines = [f'"{name}": {values.get(name, "")}' for name in names] + [f'"@signature-params": {params}']
    signature = b64encode(key.sign("\n".join(lines).encode())).decode()
    sent = fields | {"Signature-Input": f"accordant={params}", "Signature": f"accordant=:{signature}:"}
    return Wire(tuple(sent.items()), method=method, body=body)


def reason(check: Callable[[], object]) -> str:
    with pytest.raises(AccordantError) as caught:
        check()
    return caught.value.reason
