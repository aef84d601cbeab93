"""What the tests of the agreements ask of a world."""

from __future__ import annotations

from typing import Any

import pytest

from governance.errors import AccordantError
from governance.model.access import Decision, Request
from tests.agreement_world import World

__all__ = ["allowed", "decide", "kinds", "refused", "request_of"]


def request_of(world: World, party: str = "north", **changes: Any) -> Request:
    """A request of a party for its own rows, now."""
    values: dict[str, Any] = {
        "party": party,
        "dataset": "visits",
        "fields": ("days",),
        "rows": "own",
        "view": "identified",
        "purpose": "improvement",
        "at": world.clock.now(),
    }
    return Request.model_validate(values | changes)


def decide(world: World, party: str = "north", **changes: Any) -> Decision:
    """What the policies say now."""
    return world.agreements.policies.decide(request_of(world, party, **changes))


def allowed(world: World, party: str = "north", **changes: Any) -> bool:
    """Whether a party gets its own rows. One that left contributes nothing: its own rows are none."""
    return decide(world, party, **changes).outcome == "permit"


def refused(call: Any, *args: Any, **kwargs: Any) -> str:
    """The reason for which a use case says no."""
    with pytest.raises(AccordantError) as caught:
        call(*args, **kwargs)
    return caught.value.reason


def kinds(world: World) -> list[str]:
    """The kinds of all entries, in order."""
    return [e.kind for e in world.log.rows]
