"""Something that stands between the gateway and an OPA server or a database, and lets through what a test wants."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

__all__ = ["Between", "between"]

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\nConnection: close\r\n\r\n"
_RUBBISH = _HEAD + b'{"result": [1,'


@dataclass
class Between:
    """`mode`: `through`, `slow` (an answer waits until `release` is set), `rubbish`, or `gone` (nobody is there).

    `most`: after so many bytes of answers a connection breaks off.
    """

    url: str
    target: str  # an address, or the path of a socket; counts for connections to come
    mode: str = "through"
    most: int | None = None
    release: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def _ending(end: socket.socket) -> Iterator[None]:
    """However the block ends, whoever waits for something from this end, in another thread too, waits no longer."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _connected(state: Between) -> socket.socket:
    if state.mode == "gone":
        raise ConnectionRefusedError
    if state.target.startswith("/"):
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(state.target)
        except OSError:
            made.close()
            raise
        return made
    parts = urlsplit(state.target)
    made = socket.create_connection((parts.hostname or "", parts.port or 0))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


@contextlib.contextmanager
def between(target: str) -> Iterator[Between]:
    """For one server; its connections end with the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    state = Between(f"http://127.0.0.1:{listener.getsockname()[1]}", target)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    def serve(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), _connected(state) as server, _ending(server):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=back, args=(server, client), daemon=True).start()
            while data := client.recv(65536):
                if state.mode == "gone":
                    return
                if state.mode == "rubbish":
                    client.sendall(_RUBBISH)
                    return
                server.sendall(data)

    def back(server: socket.socket, client: socket.socket) -> None:
        sent = 0
        with contextlib.suppress(OSError), _ending(client):
            while data := server.recv(65536):
                if state.mode == "slow":
                    state.release.wait(60)
                if state.most is not None and sent + len(data) > state.most:
                    client.sendall(data[: state.most - sent])
                    break
                client.sendall(data)
                sent += len(data)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield state
    finally:
        state.release.set()
        listener.close()
