"""A world whose partners told the log of a client, and orders about it as a party's director gives them."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from governance.register.reading import encoded
from governance.signing.statement import Order
from tests.simulator import DOCUMENT, Partner, World

__all__ = ["ACCOUNTING", "NAME", "OWN", "asked", "order", "paper", "told_of"]

NAME = "client-4711"
ACCOUNTING = DOCUMENT.replace("withdrawal:", "accounting: P6M\nwithdrawal:")
ROWS = f"client,program,grade,days,done\n{NAME},reading,70,3,1\nclient-1,reading,71,4,1\n"
CONSENTS = f"subject,purpose,status\n{NAME},improvement,given\nclient-1,improvement,given\n"
OWN = {"dataset": "visits", "fields": ["client", "program"], "rows": "own", "view": "identified"}


def paper(world: World, partner: Partner, *, what: str = "erase", **said: Any) -> dict[str, str]:
    """An order as it travels, ready to be handed in, twice too; `said` overrides what it says, `salt` and `subject`."""
    salt, subject = said.pop("salt", secrets.token_bytes(32)), said.pop("subject", NAME)
    words = {
        "order": what, "contributor": "north", "basis": "the client asked, article 17", "time": world.clock.now(),
        "subject_sha256": Order.digest(salt=salt, subject=subject), "nonce": secrets.token_urlsafe(16),
        "keep_disclosures": False, "log": world.settings.log_origin,
    }  # fmt: skip
    return world.statement(partner, Order(**words | said)) | {"subject": subject, "salt": encoded(salt)}


def order(
    world: World, partner: Partner, *, what: str = "erase", path: str = "/v1/erasures", **said: Any
) -> TestResponse:
    """An order, signed and handed in; `sent` overrides what is handed in beside it, the rest what it says."""
    sent = said.pop("sent", {})
    return world.call(partner, "POST", path, paper(world, partner, what=what, **said) | sent)


def asked(world: World, *, named: bool = True) -> None:
    """A request for own clients, which one filter names, and its answer taken to the end."""
    filters = {"filters": [{"field": "client", "op": "in", "value": [NAME, "client-1"]}]} if named else {}
    answer = world.query(world.partners["north"], OWN | filters)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert NAME in answer.get_data(as_text=True)


def told_of(folder: Path, document: str = DOCUMENT, **options: Any) -> World:
    """Rows, consents and a request that tell of two clients of `north`."""
    world = World.found(folder, **options).agreed(document)
    world.load("north", ROWS)
    north = world.partners["north"]
    world.told(north, "POST", "/v1/consents", body=CONSENTS.encode(), content_type="text/csv")
    asked(world)
    return world
