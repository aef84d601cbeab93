"""A stop that finishes what it promised."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import time

import pytest

from governance.verification import verify_home
from tests.faults.homes import EVERYTHING, FEW, asked, bodies, slow_socket
from tests.faults.table import promised
from tests.faults.test_clients import until
from tests.serving import serving
from tests.simulator import World


@pytest.mark.fault("The service is stopped (SIGTERM) under requests")
def test_a_stop_ends_what_is_under_way_and_refuses_what_is_new(many: World) -> None:
    """An answer that was begun is read to its end; meanwhile /readyz and new requests get 503; each has its release."""
    with (
        serving(many.settings, ACCORDANT_DRAIN_SECONDS="3", ACCORDANT_GRACE_SECONDS="240") as server,
        contextlib.ExitStack() as stack,
    ):
        response = stack.enter_context(asked(many, server, EVERYTHING))
        entry = int(response.headers["Accordant-Entry"])
        response.read(1000)
        probe = stack.enter_context(contextlib.closing(server.connect()))
        server.process.send_signal(signal.SIGTERM)
        until(lambda: b"stopping" in get(probe, "/readyz")[1])
        status, ready = get(probe, "/readyz")
        assert (503, "stopping") == (status, json.loads(ready)["parts"]["life"])
        assert 200 == get(probe, "/healthz")[0]
        with asked(many, server, FEW) as refused:
            found = (refused.status, json.loads(refused.read())["reason"])
        assert promised("The service is stopped (SIGTERM) under requests") == [found]
        while response.read(65536):
            pass
        assert 0 == server.process.wait(30)
    released = [body for body in bodies(many.settings, "release") if body["request"] == entry]
    assert [True] == [body["complete"] for body in released]


def get(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    """A status and a body."""
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()


def test_a_stop_does_not_wait_for_ever(many: World) -> None:
    """Who does not read is cut when the time of grace is over, and its account is closed; the log is whole."""
    patience = {"ACCORDANT_DRAIN_SECONDS": "0", "ACCORDANT_GRACE_SECONDS": "1"}
    with (
        serving(many.settings, **patience) as server,
        contextlib.closing(slow_socket(many, server, EVERYTHING)) as client,
    ):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        entry = int(head.partition(b"accordant-entry: ")[2].partition(b"\r\n")[0])
        server.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert 0 == server.process.wait(30)
        print(f"stopped after {time.monotonic() - begun:.1f} s")
    released = [body for body in bodies(many.settings, "release") if body["request"] == entry]
    assert [False] == [body["complete"] for body in released]
    assert () == verify_home(many.settings).faults
