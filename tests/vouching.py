"""What the tests of the watch over the log share: a policy, a witness that is named in it, and requests."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import NoteVerifier
from audit.cosignature import Cosigner
from audit.policy import Policy
from audit.policy_file import with_witness
from audit.witness import Answered
from tests.audit.witness import Fake
from tests.simulator import World
from tests.test_gateway import OWN

__all__ = ["asked", "cosigner", "refusing", "restarted", "with_fake", "written"]

URL = "https://witness.example"


def cosigner(name: str) -> Cosigner:
    """A witness's key that follows from its name."""
    return Cosigner(name, Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b".")))


def written(world: World, *names: str, url: str | None = URL, quorum: int | None = None) -> Policy:
    """The home's policy, as old as can be."""
    data = b""
    for name in names:
        vkey = cosigner(name).verifier.vkey
        data = with_witness(data, name=name, vkey=vkey, url=url, log_vkey=world.services.vkey, quorum=quorum)
    path = world.settings.home / "witnesses.policy"
    path.write_bytes(data)
    os.utime(path, (0, 0))
    return Policy.from_text(data)


def restarted(world: World) -> None:
    """The service ends and starts."""
    world.close()
    world.open()


def asked(world: World) -> tuple[int, str | None, str | None]:
    """A request of own rows: status, outcome, reason."""
    answer = world.query(world.partners["dashboard"], OWN)
    reason = answer.json.get("reason") if answer.is_json else None
    return answer.status_code, answer.headers["Accordant-Outcome"], reason


def refusing(status: int, body: bytes = b"") -> Answered:
    """What a witness answers that gives no cosignature."""
    return Answered(status, "text/x.tlog.size" if status == 409 else "text/plain", body)


def with_fake(world: World) -> Fake:
    """A witness that the policy names; the world is opened with it."""
    written(world, "w")
    made = Fake(NoteVerifier.from_vkey(world.services.vkey), cosigner("w"))
    world.close()
    world.post = made
    world.open()
    return made
