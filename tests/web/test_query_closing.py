"""An answer that nobody begins to read is closed in the log as well."""

from __future__ import annotations

from pathlib import Path

from werkzeug.test import EnvironBuilder

from governance.web.app import create_app
from tests.simulator import ORIGIN, World

OWN = {"dataset": "visits", "fields": ["client", "grade"], "rows": "own", "view": "identified"}


def test_an_answer_that_is_never_read_is_released_as_incomplete(tmp_path: Path) -> None:
    """The client went away between its request and the first byte: nothing left, and the log says so once."""
    world = World.found(tmp_path).agreed().filled(clients=33)
    body, headers = world.signed_query(world.partners["dashboard"], OWN)
    environ = EnvironBuilder("/v1/query", method="POST", base_url=ORIGIN, headers=headers, data=body).get_environ()
    chunks = create_app(world.services)(environ, lambda *_: lambda _: None)
    chunks.close()  # type: ignore[attr-defined]
    releases = list(world.services.journal.entries(kinds={"release"}))
    assert [(0, 0, False)] == [tuple(r.body[k] for k in ("rows", "bytes", "complete")) for r in releases]
    world.close()
