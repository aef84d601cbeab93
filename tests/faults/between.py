"""Something that stands between the gateway and its OPA server, and lets through what a test wants."""

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
    """`mode`: `through`, `slow` (an answer waits until `release` is set) or `rubbish`."""

    url: str
    mode: str = "through"
    release: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def between(target: str) -> Iterator[Between]:
    """For one server; its connections end with the block."""
    parts = urlsplit(target)
    host, port = parts.hostname or "", parts.port or 0
    listener = socket.create_server(("127.0.0.1", 0))
    state = Between(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    def serve(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection((host, port)) as server:
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=back, args=(server, client), daemon=True).start()
            while data := client.recv(65536):
                if state.mode == "rubbish":
                    client.sendall(_RUBBISH)
                    return
                server.sendall(data)

    def back(server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if state.mode == "slow":
                    state.release.wait(60)
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield state
    finally:
        state.release.set()
        listener.close()
