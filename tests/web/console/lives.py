"""A world with an entry of each kind that a person may open, and where each of them stands."""

from __future__ import annotations

from pathlib import Path

from governance.log_key import rotate
from tests.forgetting_world import ACCOUNTING, NAME, OWN, asked, order, told_of
from tests.simulator import World
from tests.vouching import written
from tests.web.console.verifying import vouch

__all__ = ["lived", "places"]


def lived(folder: Path) -> World:
    """Asked, refused, reviewed, misunderstood, consented, erased, vouched for, and under its second key."""
    world = told_of(folder, ACCOUNTING)
    dashboard, hub, north = (world.partners[name] for name in ("dashboard", "hub", "north"))
    assert 403 == world.query(dashboard, OWN | {"rows": "others"}, purpose="marketing").status_code
    assert 403 == world.query(north, OWN | {"view": "pseudonymised", "rows": "all"}).status_code
    assert 400 == world.query(dashboard, OWN | {"fields": ["salary"]}).status_code
    for party in ("south",):
        world.load(party, "client,program,grade,days,done\n" + "".join(f"s{n},reading,7,3,1\n" for n in range(9)))
    research = {"dataset": "visits", "fields": ["program"], "rows": "all", "from": ["north", "south"]}
    research |= {"view": "pseudonymised", "under": "7"}
    assert 403 == world.query(hub, research, purpose="research").status_code
    (waiting,) = world.told(north, "GET", "/v1/reviews")["reviews"]
    world.approve(north, waiting["digest"])
    written(world, "north", "south", url=None)
    world.services.witnesses.ask()
    asked(world)
    answer = order(world, north, keep_disclosures=True)
    assert 201 == answer.status_code, answer.get_data(as_text=True)
    assert NAME not in answer.get_data(as_text=True)
    assert 201 == order(world, north, what="hold", path="/v1/holds", subject="client-1").status_code
    for name in ("north", "south"):
        vouch(world, name)
    world.close()
    rotate(world.settings, clock=world.clock)
    world.open()
    return world


def places(world: World) -> dict[str, int]:
    """The newest entry of each kind; requests by their outcome, and what was erased under `erased`."""
    found: dict[str, int] = {}
    for entry in world.services.journal.entries():
        name = f"request {entry.body['outcome']}" if entry.kind == "request" and entry.erased is None else entry.kind
        found["erased " + entry.kind if entry.erased is not None else name] = entry.seq
    return found
