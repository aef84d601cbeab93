"""Clients that take their time, or go: each holds a connection and nothing else, and not for long."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from governance.signing.http import sign_request
from tests.faults.homes import EVERYTHING, FEW, asked, bodies, events, slow_socket
from tests.faults.table import promised
from tests.serving import Served
from tests.simulator import ORIGIN, World


def until(found: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    """What is found, waited for."""
    limit = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < limit, "it did not come"
        time.sleep(0.05)
    return value


def release(world: World, entry: int) -> dict[str, Any]:
    """The entry that closes a request's account; it is written without waiting."""
    return until(lambda: next((b for b in bodies(world.settings, "release") if b["request"] == entry), None))


def ten_rows(world: World, server: Served) -> None:
    """The service answers as ever."""
    with asked(world, server, FEW) as response:
        assert 10 == len(json.loads(response.read())["rows"])


def drained(client: socket.socket) -> bytes:
    """What comes until the server closes."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(65536):
            found += piece
    return found


@pytest.mark.fault("A client reads one byte a second")
def test_a_client_that_reads_one_byte_a_second(many: World, impatient: Served) -> None:
    """It is cut off in the middle of the encoding, so that it can't take what came for the whole; no thread waits."""
    with contextlib.closing(slow_socket(many, impatient, EVERYTHING)) as client:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        entry = int(head.partition(b"accordant-entry: ")[2].partition(b"\r\n")[0])
        cut = until(lambda: [e for e in events(impatient) if e["event"] == "answered" and e["entry"] == str(entry)])
        assert ("slow", False) == (cut[0]["why"], cut[0]["complete"])
        assert not drained(client).endswith(b"0\r\n\r\n")
    assert release(many, entry)["complete"] is False
    ten_rows(many, impatient)


@pytest.mark.fault("A client goes away in mid-answer")
def test_a_client_that_goes_away(many: World, impatient: Served) -> None:
    """The account says how much had left."""
    with asked(many, impatient, EVERYTHING) as response:
        entry = int(response.headers["Accordant-Entry"])
        received = len(response.read(100_000))
    closed = release(many, entry)
    assert closed["complete"] is False
    assert closed["bytes"] >= received
    ten_rows(many, impatient)


def test_more_slow_readers_than_threads(many: World, impatient: Served) -> None:
    """Four threads, eight clients that don't read: a ninth is answered at once."""
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(contextlib.closing(slow_socket(many, impatient, EVERYTHING)))
        ten_rows(many, impatient)


@pytest.mark.fault("A client sends its body one byte a second")
def test_slow_bodies_hold_no_thread(many: World, impatient: Served) -> None:
    """Twenty of them beside four threads: others are answered meanwhile, and each is told that it took too long."""
    head = b"POST /v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", impatient.port))) for _ in range(20)]
        for client in clients:
            client.sendall(head)
        ten_rows(many, impatient)
        answers = [drained(client) for client in clients]
    found = [(int(a.split(b" ", 2)[1]), json.loads(a.partition(b"\r\n\r\n")[2])["reason"]) for a in answers]
    assert 20 * promised("A client sends its body one byte a second") == found


@pytest.mark.parametrize(
    "body",
    [b"ZZ\r\nabc\r\n0\r\n\r\n", b"5\r\nabc\r\n0\r\n\r\n", b"3\r\nabcXX", b"f" * 30 + b"\r\nabc", b"-1\r\nabc\r\n"],
)
@pytest.mark.parametrize("path", ["/v1/query", "/v1/sources/visits/rows", "/v1/keys"])
@pytest.mark.fault("A body is no HTTP, or breaks off")
def test_a_body_in_broken_chunks(many: World, impatient: Served, path: str, body: bytes) -> None:
    """A problem document, whichever door; nothing is known of a request that never came."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", impatient.port)) as client:
        client.sendall(head + body)
        answer = client.recv(65536)
    found = (int(answer.split(b" ", 2)[1]), json.loads(answer.partition(b"\r\n\r\n")[2])["reason"])
    assert promised("A body is no HTTP, or breaks off") == [found]


@pytest.mark.fault("1,000 idle connections")
def test_a_thousand_idle_connections(many: World, impatient: Served) -> None:
    """Others are answered beside them, and the server closes them when their time is over."""
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(("127.0.0.1", impatient.port))) for _ in range(1000)]
        ten_rows(many, impatient)
        for client in idle:
            client.settimeout(30)
            assert b"" == drained(client)
    ten_rows(many, impatient)


@pytest.mark.fault("More uploads at once than are allowed")
def test_uploads_are_bounded_and_timed(many: World, impatient: Served) -> None:
    """Beyond so many at once the next is told to come back, before it sends a byte; each is signed for beforehand."""
    north, path = many.partners["north"], "/v1/sources/visits/rows"

    def head() -> bytes:
        headers = sign_request(
            key=north.key, method="POST", target_uri=ORIGIN + path, now=many.clock.now(),
            nonce=secrets.token_urlsafe(24), body=bytes(1_000_000), content_type="text/csv",
        )  # fmt: skip
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n{lines}\r\n".encode()

    with contextlib.ExitStack() as stack:
        slots = [stack.enter_context(socket.create_connection(("127.0.0.1", impatient.port))) for _ in range(2)]
        for client in slots:
            client.sendall(head() + b"client")
        until(lambda: in_flight(impatient) >= 2)
        with socket.create_connection(("127.0.0.1", impatient.port)) as third:
            third.sendall(head())
            answer = third.recv(65536)
    status, reason = int(answer.split(b" ", 2)[1]), json.loads(answer.partition(b"\r\n\r\n")[2])["reason"]
    assert promised("More uploads at once than are allowed") == [(status, reason)]
    ten_rows(many, impatient)


def in_flight(server: Served) -> int:
    """What the server says is under way, our question left out."""
    with contextlib.closing(server.connect()) as connection:
        text = metrics(connection)
    line = next(x for x in text.splitlines() if x.startswith("accordant_requests_in_flight "))
    return int(float(line.split()[1])) - 1


def metrics(connection: http.client.HTTPConnection) -> str:
    """`/metrics`."""
    connection.request("GET", "/metrics")
    return connection.getresponse().read().decode()


def test_an_answer_that_breaks_off_is_no_whole_answer(many: World, impatient: Served) -> None:
    """The connection ends without the encoding's end: a client that knows HTTP raises, whatever the media type."""
    with contextlib.closing(slow_socket(many, impatient, EVERYTHING)) as client:
        response = http.client.HTTPResponse(client)
        response.begin()
        entry = int(response.headers["Accordant-Entry"])
        until(lambda: [e for e in events(impatient) if e["event"] == "answered" and e["entry"] == str(entry)])
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            response.read()
