"""Reviews: approvals and refusals of requests that wait."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from audit import Draft
from governance.errors import NotFound
from governance.model.access import Request
from governance.signing.review import request_digest
from tests.agreement_world import Person, World, document
from tests.agreements.asking import refused, request_of


class TestReviews:
    """A request that waits for approvals, and the signed answers."""

    def _asked(self, world: World, **changes: Any) -> tuple[Request, str]:
        """The convener's request, answered `review` and recorded as the gateway does."""
        made = request_of(world, "hub", **({"rows": "all", "view": "pseudonymised"} | changes))
        decision = world.agreements.policies.decide(made)
        body = {
            "request": made.model_dump(mode="json", by_alias=True, exclude_none=True),
            "decision": decision.model_dump(mode="json", exclude_none=True),
        }
        world.log.append([Draft("request", body, ("hub",), {"party": "hub", "outcome": decision.outcome})])
        return made, request_digest(made, mou="small", under="2")

    def _again(self, world: World, made: Request) -> str:
        at = world.clock.now()
        return world.agreements.policies.decide(made.model_copy(update={"at": at})).outcome

    def test_each_contributor(self, world: World) -> None:
        """With `review: contributors` each party whose rows are asked for approves; the next request passes."""
        made, digest = self._asked(world)
        (waiting,) = world.agreements.reviews.listed(world.people["north"])
        assert (waiting["digest"], waiting["waits_for"]) == (digest, ["east", "north", "south"])
        world.answer(world.people["north"], digest)
        world.answer(world.people["south"], digest)
        assert self._again(world, made) == "review"
        assert world.answer(world.people["east"], digest)["state"] == "approved"
        assert self._again(world, made) == "permit"

    def test_only_whose_rows_are_asked_for(self, world: World) -> None:
        """With `from`, only these; another request needs approvals of its own."""
        made, digest = self._asked(world, **{"from": ["north"]})
        world.answer(world.people["north"], digest)
        assert self._again(world, made) == "permit"
        assert self._again(world, request_of(world, "hub", rows="all", view="pseudonymised")) == "review"
        with pytest.raises(NotFound):
            world.answer(world.people["south"], digest)

    def test_any_of_a_who(self) -> None:
        """With a `<who>`, any one of these suffices."""
        world = World().signed(document(review="{parties: [north, south]}"))
        made, digest = self._asked(world)
        world.answer(world.people["south"], digest)
        assert self._again(world, made) == "permit"

    def test_never_the_requester(self, world: World) -> None:
        """Who asks does not approve."""
        _, digest = self._asked(world)
        assert refused(world.answer, world.people["hub"], digest) == "not-an-approver"

    @pytest.mark.parametrize(("days", "outcome"), [(29.99, "permit"), (30.01, "review")])
    def test_30_days(self, days: float, outcome: str) -> None:
        """An approval is good for 30 days; `facts_until` says when it runs out."""
        world = World().signed(document(review="{parties: [north]}"))
        made, digest = self._asked(world)
        world.answer(world.people["north"], digest)
        until = world.register.facts_until(made.model_copy(update={"at": world.clock.now()}))
        world.clock.pass_(days=days)
        assert self._again(world, made) == outcome
        assert until is not None
        assert (until <= world.clock.time) == (outcome == "review")

    def test_less_than_30_days(self) -> None:
        """Where the approval says so."""
        world = World().signed(document(review="{parties: [north]}"))
        made, digest = self._asked(world)
        world.answer(world.people["north"], digest, until=world.clock.now() + dt.timedelta(days=2))
        assert self._again(world, made) == "permit"
        world.clock.pass_(days=2.1)
        assert self._again(world, made) == "review"

    def test_a_refusal_takes_an_approval_back(self) -> None:
        """The last word of a party counts."""
        world = World().signed(document(review="{parties: [north]}"))
        made, digest = self._asked(world)
        world.answer(world.people["north"], digest)
        assert world.answer(world.people["north"], digest, yes=False)["state"] == "refused"
        assert self._again(world, made) == "review"

    def test_not_carried_over_to_other_words(self) -> None:
        """A clause that says something else in a newer version asks anew; one that stayed the same does not."""
        for change, outcome in ((b"", "permit"), (b" And more.", "review")):
            world = World().signed(document(review="{parties: [north]}"))
            made, digest = self._asked(world)
            world.answer(world.people["north"], digest)
            text_of_2 = b'text: "{to} may see {fields} of {rows} clients.'
            world.propose(document(version=2, review="{parties: [north]}").replace(text_of_2, text_of_2 + change))
            world.sign_all(version=2)
            assert self._again(world, made) == outcome

    def test_an_approval_by_a_key_that_was_in_other_hands(self) -> None:
        """It falls with the key."""
        world = World().signed(document(review="{parties: [north]}"))
        clerk = world.enrol(Person("north", person="a clerk of north"))
        made, digest = self._asked(world)
        since = world.clock.now()
        world.answer(clerk, digest)
        assert self._again(world, made) == "permit"
        world.revoke(clerk, by=world.people["north"], since=since)
        assert self._again(world, made) == "review"

    def test_nothing_waits(self, world: World) -> None:
        """An answer to what nobody asked is no entry."""
        size = len(world.log.rows)
        assert refused(world.answer, world.people["north"], "0" * 64) == "no-review"
        assert len(world.log.rows) == size
