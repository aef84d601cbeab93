"""Somebody at the console with a browser's cookie jar, through Flask's client: no socket, no script."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.simulator import ORIGIN, Partner, World

__all__ = ["Visitor", "link_of", "telling_world"]


def link_of(world: World, partner: Partner) -> str:
    """The path of a new one-time link."""
    return str(world.told(partner, "POST", "/v1/sessions", {})["link"]).removeprefix(ORIGIN)


def telling_world(world: World) -> World:
    """Signed, filled, and asked: a permit of own rows, a refusal, one that waits, an aggregate of all."""
    world.agreed().filled(30)
    dashboard, hub = world.partners["dashboard"], world.partners["hub"]
    own = {"dataset": "visits", "fields": ["client", "grade"], "rows": "own", "view": "identified"}
    assert 200 == world.query(dashboard, own).status_code
    others = {"dataset": "visits", "fields": ["client"], "rows": "others", "view": "identified"}
    assert 403 == world.query(dashboard, others, purpose="marketing").status_code
    research = {"dataset": "visits", "fields": ["program"], "rows": "all", "from": ["north", "south"]}
    research |= {"view": "pseudonymised", "under": "7"}
    assert 403 == world.query(hub, research, purpose="research").status_code
    return world


@dataclass
class Visitor:
    """One browser."""

    client: FlaskClient

    @classmethod
    def of(cls, world: World) -> Visitor:
        """Nobody yet."""
        return cls(world.client.application.test_client())

    @classmethod
    def signed_in(cls, world: World, partner: Partner) -> Visitor:
        """Somebody with a session."""
        visitor = cls.of(world)
        assert 303 == visitor.enter(link_of(world, partner)).status_code
        return visitor

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.client.get(path, **{"base_url": ORIGIN} | kwargs)

    def post(self, path: str, data: Any = None, **kwargs: Any) -> TestResponse:
        return self.client.post(path, data=data, **{"base_url": ORIGIN} | kwargs)

    def token(self, path: str) -> str:
        """The token of the form on a page."""
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(path).get_data(as_text=True))
        return html.unescape(found[1]) if found else ""

    def enter(self, link: str) -> TestResponse:
        """Opens a link and clicks its button."""
        return self.post(link, {"csrf_token": self.token(link)})

    def text(self, path: str) -> str:
        """A page that must be there, its words without marks."""
        answer = self.get(path)
        assert 200 == answer.status_code, (path, answer.status_code)
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))))
