"""An unknown key and a bad signature: the same answer after the same work, and nobody fills the log from outside.

No test measures time. What is counted is what costs it: signatures verified, and entries that the caller waits for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from audit import Draft, Entry
from governance.ports import Journal
from governance.signing import http
from governance.signing.keys import PrivateKey, PublicKey
from governance.web.authentic import Authenticator
from tests.signing.calls import KEY, Wire, declared
from tests.simulator import ORIGIN, Partner, World
from tests.test_gateway import OWN


@dataclass
class Counting:
    """A public key that counts how often it is asked to verify."""

    key: PublicKey
    asked: list[bytes] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.key, name)

    def verify(self, *, signature: bytes, message: bytes) -> None:
        self.asked.append(message)
        self.key.verify(signature=signature, message=message)


@dataclass
class Waiting:
    """The journal, counting the entries that somebody waited for."""

    journal: Journal
    waited: int = 0

    def append(self, drafts: Sequence[Draft], **more: Any) -> tuple[Entry, ...]:
        self.waited += len(drafts)
        return self.journal.append(drafts, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World.found(tmp_path).agreed()
    yield made
    made.close()


def _forged(wire: Wire) -> Wire:
    value = wire.header("Signature")
    return wire.with_header("Signature", value[:12] + ("B" if value[12] == "A" else "A") + value[13:])


@pytest.mark.parametrize("alg", ["ed25519", "ecdsa-p256-sha256"])
def test_a_signature_is_verified_whether_the_key_is_known_or_not(alg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once each, over the same bytes but for the key's name: against nobody's key where there is none."""
    known, stranger = PrivateKey.generate(alg), PrivateKey.generate(alg)
    mine, nobodys = Counting(known.public), Counting(http._NOBODY[alg])
    monkeypatch.setitem(http._NOBODY, alg, nobodys)

    def ring(keyid: str) -> Any:
        return mine if keyid == known.fingerprint else None

    for wire in (_forged(declared(known)), declared(stranger)):
        with pytest.raises(http.SignatureRefused):
            wire.declaration(ring=ring)
    assert (1, 1) == (len(mine.asked), len(nobodys.asked))
    assert mine.asked[0].replace(known.fingerprint.encode(), b"") == nobodys.asked[0].replace(
        stranger.fingerprint.encode(), b""
    )


@pytest.mark.parametrize("alg", ["ed25519", "ecdsa-p256-sha256"])
def test_a_key_of_the_other_algorithm_costs_a_verification_too(alg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saying a wrong `alg` in the name of a known key does not tell that it is known."""
    nobodys = Counting(http._NOBODY[alg])
    monkeypatch.setitem(http._NOBODY, alg, nobodys)
    known = next(k for k in (KEY, PrivateKey.generate("ecdsa-p256-sha256")) if k.alg != alg)
    wire = declared(PrivateKey.generate(alg))
    renamed = wire.with_header("Signature-Input", wire.header("Signature-Input").replace(
        wire.header("Signature-Input").split('keyid="')[1].split('"')[0], known.fingerprint
    ))  # fmt: skip
    with pytest.raises(http.SignatureRefused):
        renamed.declaration(ring=lambda _: known.public)
    assert 1 == len(nobodys.asked)


def _answer(world: World, partner: Partner) -> tuple[int, dict[str, Any], set[str]]:
    """A forged request of a partner's key: status, document, names of the headers."""
    body, headers = world.signed_query(partner, OWN)
    headers["Signature"] = _forged(Wire(tuple(headers.items()))).header("Signature")
    response = world.client.post("/v1/query", data=body, headers=headers, base_url=ORIGIN)
    return response.status_code, response.json or {}, set(response.headers.keys())


def test_the_answers_are_one_and_nobody_waits_for_an_entry(world: World) -> None:
    """Unknown, revoked, and known with a bad signature: one document; the log's disk is waited for by none of them."""
    stranger = Partner("north", PrivateKey.generate("ed25519"), "nobody", "connector")
    world.enrol("north", use="connector", name="lost")
    world.revoke("lost")
    waiting = Waiting(world.services.journal)
    services = world.services
    authenticator = Authenticator(
        origin=ORIGIN, resolve=services.agreements.book.key, clock=world.clock, nonces=services.gateway.nonces,
        journal=waiting, limits=services.gateway.limits,  # type: ignore[arg-type]
    )  # fmt: skip
    object.__setattr__(services, "authenticator", authenticator)
    answers = [_answer(world, partner) for partner in (stranger, world.partners["lost"], world.partners["dashboard"])]
    assert answers[0] == answers[1] == answers[2]
    assert (401, "not-authentic") == (answers[0][0], answers[0][1]["reason"])
    assert 0 == waiting.waited
    *_, last = world.services.journal.entries(kinds={"request"})
    assert ("bad-signature", "north") == (last.body["outcome"], last.body["party"])


def test_a_flood_is_an_entry_an_hour(world: World) -> None:
    """Strangers, bodies that are too large, and a known key over its rate: counted, and told once."""
    object.__setattr__(world.services.authenticator._rates, "_rate", 3)
    stranger = Partner("north", PrivateKey.generate("ed25519"), "nobody", "connector")
    before = world.services.journal.head().size
    for _ in range(20):
        assert 401 == world.query(stranger, OWN).status_code
        assert 413 == world.client.post("/v1/query", data=b"x" * 70_000, base_url=ORIGIN).status_code
    statuses = [world.query(world.partners["dashboard"], OWN | {"fields": ["none"]}).status_code for _ in range(20)]
    assert 429 in statuses
    assert world.services.journal.head().size - before == statuses.count(400)
    world.clock.pass_(hours=1)
    world.query(stranger, OWN)
    (counted,) = world.services.journal.entries(kinds={"not-authentic"})
    over = statuses.count(429)
    assert {"unknown-key": 20, "too-large": 20, "too-many-requests": over} == counted.body["counts"]
    assert {world.partners["dashboard"].key.fingerprint: over} == counted.body["over_rate"]
