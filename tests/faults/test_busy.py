"""What a busy server writes to its log: one event a line, each request to be found again, and nothing secret."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from pathlib import Path

from tests.faults.homes import EVERYTHING, asked, copied, events
from tests.faults.test_clients import metrics
from tests.serving import Served, serving
from tests.simulator import World

# Words that stand in rows, filters, headers and keys, and nowhere else.
_VALUE, _WRONG = "Zebediah-4711", "no-such-purpose-8"
_TURNS = 4
_FILTERED = EVERYTHING | {"filters": [{"field": "client", "op": "eq", "value": _VALUE}]}
_MISTAKEN = EVERYTHING | {"filters": [{"field": "days", "op": "eq", "value": _VALUE}]}


def test_a_busy_run_tells_no_secret(few: World, tmp_path: Path) -> None:
    """Answers, refusals, mistakes, bad signatures, rubbish: all searched for rows, values, signatures and keys."""
    world = copied(few, tmp_path)
    signatures: list[str] = []
    with serving(world.settings) as server:
        threads = [threading.Thread(target=_busy, args=(world, server, signatures)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with contextlib.closing(server.connect()) as connection:
            counted = metrics(connection)
    log = server.log.read_text()
    secrets = [_VALUE, _WRONG, "reading", *signatures]
    secrets += [
        line for path in world.settings.keys.iterdir() for line in path.read_bytes().decode("latin-1").splitlines()
        if len(line) > 30
    ]  # fmt: skip
    assert [] == [secret for secret in secrets if secret in log or secret in counted]
    told = events(server)
    requests = [e for e in told if e["event"] == "request" and e["route"] == "/v1/query"]
    assert len(requests) == 4 * _TURNS * 5
    assert len({e["id"] for e in requests}) == len(requests)
    assert all(re.fullmatch(r"[0-9a-f]{32}", e["id"]) for e in requests)
    assert {e["entry"] is not None for e in requests if e["outcome"] in ("permit", "deny")} == {True}
    entries = [e["entry"] for e in requests if e["entry"] is not None]
    assert len(set(entries)) == len(entries)


def _busy(world: World, server: Served, signatures: list[str]) -> None:
    for _ in range(_TURNS):
        for request, declared in (
            (EVERYTHING, {}), (_FILTERED, {}), (_MISTAKEN, {}), (EVERYTHING, {"purpose": _WRONG}),
        ):  # fmt: skip
            with asked(world, server, request, **declared) as response:
                response.read()
        body, headers = world.signed_query(world.partners["dashboard"], EVERYTHING)
        signatures.append(headers["Signature"].partition(":")[2].strip(":"))
        with contextlib.closing(server.connect()) as connection:
            connection.request("POST", "/v1/query", body=body + b" ", headers=headers)
            answer = connection.getresponse()
            assert 401 == json.loads(answer.read())["status"]
