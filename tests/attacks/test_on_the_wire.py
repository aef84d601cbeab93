"""Headers as they come over a real socket: doubled, folded, in any case, joined by a server in between."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from tests.serving import Served, serving
from tests.simulator import World
from tests.test_gateway import OWN
from tests.wall_clock import WallClock

Lines = list[tuple[str, str]]
SIGNED = ["Signature", "Signature-Input", "Content-Digest", "Data-Purpose"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Served]]:
    """A real server; the world only signs."""
    world = World.found(tmp_path_factory.mktemp("world"), clock=WallClock()).agreed().filled(clients=33)
    world.close()
    with serving(world.settings) as server:
        yield world, server


def _status(served: tuple[World, Served], change: Callable[[Lines], Lines]) -> int:
    """The status of a signed request whose header lines were changed on the way, as bytes on a socket."""
    world, server = served
    body, headers = world.signed_query(world.partners["dashboard"], OWN)
    lines = change([("Host", "x"), ("Content-Length", str(len(body))), ("Connection", "close"), *headers.items()])
    head = "POST /v1/query HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines) + "\r\n"
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head.encode() + body)
        while chunk := connection.recv(65_536):
            received += chunk
    return int(received.split(b" ", 2)[1])


def _with(name: str, change: Callable[[str], Lines]) -> Callable[[Lines], Lines]:
    return lambda lines: [new for n, v in lines for new in (change(v) if n == name else [(n, v)])]


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize("how", ["same twice", "other first", "other behind", "joined", "other label"])
def test_a_second_header_is_refused(served: tuple[World, Served], name: str, how: str) -> None:
    """Whether it says the same or another thing, and whichever stands first."""
    ways: dict[str, Callable[[str], Lines]] = {
        "same twice": lambda v: [(name, v), (name, v)],
        "other first": lambda v: [(name, "x=:AAAA:"), (name, v)],
        "other behind": lambda v: [(name, v), (name, "x=:AAAA:")],
        "joined": lambda v: [(name, f"{v}, {v}")],
        "other label": lambda v: [(name, v), (name.lower(), v.replace("accordant=", "other="))],
    }
    assert _status(served, _with(name, ways[how])) in (400, 401)


@pytest.mark.parametrize("name", SIGNED)
def test_a_folded_header_is_refused(served: tuple[World, Served], name: str) -> None:
    """Continuation lines (RFC 9112 §5.2) are for nobody who signs."""
    assert 400 == _status(served, _with(name, lambda v: [(name, v[:5] + "\r\n " + v[5:])]))


@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase])
def test_the_case_of_a_name_changes_nothing(served: tuple[World, Served], change: Callable[[str], str]) -> None:
    """RFC 9110 §5.1."""
    assert 200 == _status(served, lambda lines: [(change(n), v) for n, v in lines])


@pytest.mark.parametrize("name", SIGNED[1:])
def test_a_name_with_an_underscore_carries_nothing_in(served: tuple[World, Served], name: str) -> None:
    """Where a server takes it for the other, the signature still covers its value; beside the other it is no header."""
    alias = name.replace("-", "_")
    assert _status(served, _with(name, lambda v: [(alias, v.replace("=", "=x", 1))])) in (400, 401)
    assert 200 == _status(served, lambda lines: [*lines, (alias, "x")])
