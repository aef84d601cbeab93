"""A small HTTP server of our own, on loopback: it keeps what arrives, verifies it, and answers as it is told."""

from __future__ import annotations

import datetime as dt
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from governance.signing.http import Declaration, SignedRequest, verify_declaration, verify_request
from governance.signing.keys import PublicKey

__all__ = ["Arrived", "Reply", "Server", "serving"]


@dataclass(frozen=True)
class Arrived:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    origin: str

    def header(self, name: str) -> str | None:
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)

    def signed(self, key: PublicKey) -> SignedRequest:
        """Verified as the server verifies it."""
        return verify_request(
            method=self.method,
            target_uri=self.origin + self.path,
            headers=self.headers,
            body=self.body,
            resolve_key={key.fingerprint: key}.get,
            now=dt.datetime.now(dt.UTC),
        )

    def declared(self, key: PublicKey) -> Declaration:
        """Verified as the server verifies a data request."""
        return verify_declaration(
            method=self.method,
            target_uri=self.origin + self.path,
            headers=self.headers,
            body=self.body,
            resolve_key={key.fingerprint: key}.get,
            now=dt.datetime.now(dt.UTC),
        )


@dataclass(frozen=True)
class Reply:
    """What the server answers. `claimed` is a length that it promises and may not keep."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    claimed: int | None = None


@dataclass
class Server:
    """Answers every request by `answer`, and keeps it in `arrived`."""

    origin: str = ""
    answer: Callable[[Arrived], Reply] = lambda _: Reply()
    arrived: list[Arrived] = field(default_factory=list)

    @property
    def last(self) -> Arrived:
        return self.arrived[-1]


@contextmanager
def serving() -> Iterator[Server]:
    """Runs a server for as long as the block lasts."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Arrived(self.command, self.path, tuple(self.headers.items()), body, state.origin)
            state.arrived.append(request)
            reply = state.answer(request)
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body) if reply.claimed is None else reply.claimed))
            for name, value in reply.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)
            self.close_connection = reply.claimed is not None

        do_GET = do_POST = do_DELETE = _any

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Listener(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            if not isinstance(sys.exception(), ConnectionError):
                super().handle_error(request, client_address)  # a client that hangs up early is no fault here

    server = Listener(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.origin = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
