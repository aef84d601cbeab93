"""Rows of the tamper table: orders that were given once, or to another log, and are used by who runs the service."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from audit import Draft
from audit.erasure import ERASURE
from governance.signing.statement import Order
from governance.verification import verify_home
from tests.audit.tamper_row import SERVICE, Row
from tests.audit.tamper_scene import Scene
from tests.simulator import World

__all__ = ["ORDERS"]

_HOME = "service"


def _home(scene: Scene) -> Any:
    """A service whose log the row is played on, beside the scene's."""
    return scene.folder / _HOME


def _written(world: World, *, copies: int, log: str) -> None:
    """Erasures as the service writes them, on an order of the administrator's."""
    said = Order(
        order="erase", log=log, basis="asked", subject_sha256="0" * 64, keep_disclosures=False,
        nonce=secrets.token_urlsafe(16), time=world.clock.now(),
    )  # fmt: skip
    who = world.administrator
    by = {"party": who.party, "person": who.person, "fingerprint": who.key.fingerprint}
    erased: dict[str, list[object]] = {"bodies": [], "keys": [], "parts": []}
    body = world.statement(who, said) | {"basis": said.basis, "by": by, "erased": erased}
    for _ in range(copies):
        world.services.journal.append([Draft(ERASURE, body)])


def by_service(*, copies: int = 1, log: str = "") -> Callable[[Scene], None]:
    """Whoever runs the service has it write these entries, on one order."""

    def does(scene: Scene) -> None:
        with closing(World.found(_home(scene))) as world:
            _written(world, copies=copies, log=log or world.settings.log_origin)
        (scene.export / "service.log").write_text("as it says itself\n")

    return does


def _of_service(scene: Scene) -> Sequence[tuple[str, str]]:
    from governance.settings import from_home

    return [(fault.code, fault.sentence) for fault in verify_home(from_home(_home(scene) / "home")).faults]


ORDERS = (
    Row(
        "uses an order to erase a second time, after it was carried out",
        by_service(copies=2),
        (SERVICE,),
        "order-replayed",
        "had been carried out under entry 1: it was given once, and used again",
        looks=_of_service,
    ),
    Row(
        "carries out an order that was given to another log",
        by_service(log="elsewhere.example/log"),
        (SERVICE,),
        "order-of-another-log",
        "the order was given to the log `elsewhere.example/log`",
        looks=_of_service,
    ),
)
