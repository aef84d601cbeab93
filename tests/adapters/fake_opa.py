"""A server on loopback that says whatever a test wants, however slowly, to whatever it is asked."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["fake_opa", "said"]

Handler = Callable[[socket.socket], None]


def said(body: bytes, *, status: str = "200 OK", kind: str = "application/json") -> Handler:
    """One answer, whole."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return lambda connection: connection.sendall(head.encode() + body)


def dripping(body: bytes, *, seconds: float) -> Handler:
    """An answer of which one byte comes at a time."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
        for byte in body:
            connection.sendall(bytes([byte]))
            time.sleep(seconds)

    return drip


def _read(connection: socket.socket) -> None:
    """The whole request: what is closed with bytes unread is reset, and the answer may be lost on its way."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    missing = int(length.group(1)) - len(body) if length else 0
    while missing > 0 and (more := connection.recv(65536)):
        missing -= len(more)


@contextmanager
def fake_opa(handler: Handler) -> Iterator[str]:
    """Its base URL, while the block lasts."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                _read(connection)
                handler(connection)
            except OSError:
                return  # whoever asked has gone

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
