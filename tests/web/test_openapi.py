"""The description is generated, so it names every route, and says what each is for."""

from __future__ import annotations

from pathlib import Path

from tests.simulator import World


def test_every_route_is_described(tmp_path: Path) -> None:
    """Paths, parameters, the query's body and the problem documents; open to everybody."""
    world = World.found(tmp_path)
    document = world.client.get("/openapi.json").json
    assert "3.1.0" == document["openapi"]
    for path in (
        "/v1/query",
        "/v1/mous/{mou_id}",
        "/v1/receipts/{entry}",
        "/log/checkpoint",
        "/v1/sources",
        "/healthz",
    ):
        assert path in document["paths"]
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path
            named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert {part[1:-1] for part in path.split("/") if part.startswith("{")} == named
    assert {"type", "title", "status", "detail", "reason"} <= set(
        document["components"]["schemas"]["Problem"]["required"]
    )
    world.close()
