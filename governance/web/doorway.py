"""The application behind an event loop: connections wait there, and threads are for work alone.

A thread takes a request only once its body is there, and leaves it while the client reads. So whoever sends a byte a
second, reads a byte a second, or only sits there, holds a connection and nothing else, and each of these has its time
(`Times`). An upload (`UPLOADS`) that is larger than a body may be is the exception: the application reads it itself,
after it has looked at who sends it; of any other body that is too large nothing is read. Whoever goes away while every
thread is at work loses the place in the queue: nobody works for it. An answer that ends early breaks off in the middle
of its encoding, so that no client takes it for a whole one. While the service stops, what is under way ends; what is
not done when the time of grace is over is cut, and its account in the log is closed like any other's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import structlog
from werkzeug.exceptions import BadRequest, RequestTimeout

from governance.web.health import OPEN_WHILE_STOPPING
from governance.web.life import Life
from governance.web.metrics import Metrics
from governance.web.wsgi import Answer, Input, called, environ_of

__all__ = ["UPLOADS", "Doorway", "Times"]

# What takes more than a body may have (web/api/sources, web/api/consents).
UPLOADS = re.compile(r"/v1/(?:consents|sources/[^/]+/rows)", re.ASCII)
_PIECE = 256 * 1024
_LIGHT_THREADS = 4
_NOT_WHOLE = "the body broke off, or is not what its framing says"
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: for a body, for a larger upload, for a client to take the next piece, for all of it at a stop."""

    body: float = 30.0
    upload: float = 600.0
    send: float = 30.0
    grace: float = 30.0


class _Gone(Exception):
    """The client is not there any more, or what it sends is no HTTP: the server below tells both alike."""


class _Cut(Exception):
    """The answer ends here; `why` is `slow`, `gone`, `stopping` or `error`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Body:
    """A request's body as it comes, up to a number of bytes."""

    def __init__(self, receive: _Receive) -> None:
        self._receive, self._kept, self.ended = receive, bytearray(), False

    async def read(self, count: int) -> bytes:
        """`count` bytes, or what there is before the end. Raises _Gone."""
        while not self.ended and len(self._kept) < count:
            message = await self._receive()
            if message["type"] != "http.request":
                raise _Gone
            self._kept += message.get("body", b"")
            self.ended = not message.get("more_body", False)
        found = bytes(self._kept[:count])
        del self._kept[:count]
        return found


class Doorway:
    """An ASGI application around a WSGI one. Made in the serving process; belongs to its event loop."""

    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        *,
        life: Life,
        metrics: Metrics,
        times: Times,
        most_body: int,
        threads: int,
        waiting: int,
        started: Callable[[Doorway], None],
        closing: Callable[[], None],
        leave: Callable[[], None],
    ) -> None:
        self._app, self._life, self._metrics, self._times = app, life, metrics, times
        self._most_body, self._most_waiting = most_body, waiting
        self._started, self._closing, self._leave = started, closing, leave
        self._count, self._threads = threads, ThreadPoolExecutor(threads, "request")
        # Whoever asks how the service is gets an answer while all threads are at work.
        self._light = ThreadPoolExecutor(_LIGHT_THREADS, "health")
        self._events = structlog.get_logger("accordant.door")
        self._cut = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)

    def stop(self) -> None:
        """Nothing new from now on, and an end to what is under way when the time of grace is over. In the loop."""
        if not self._life.stopping:
            self._life.stop()
            self._events.info("stopping", under_way=self._life.under_way)
            self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        """When the time of grace is over: cut, and leave. A client that reads nothing would keep its connection."""
        await asyncio.sleep(self._times.grace)
        self._cut.set()
        while self._life.under_way:
            await asyncio.sleep(0.05)
        self._close()
        self._leave()

    def _close(self) -> None:
        self._threads.shutdown(wait=True)
        self._light.shutdown(wait=True)
        self._closing()
        self._events.info("stopped")

    async def _lifespan(self, receive: _Receive, send: _Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._started(self)
                await send({"type": "lifespan.startup.complete"})
            else:
                self._close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _request(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        environ = environ_of(scope)
        light = environ["PATH_INFO"] in OPEN_WHILE_STOPPING
        if not light and self._life.waiting >= self._most_waiting:
            await self._refuse(send, 503, "unavailable", "busy", "more requests are waiting than can be served")
            return
        body = _Body(receive)
        try:
            ready, later = await self._read(environ, body)
        except _Gone:
            await self._refuse(send, 400, "the request is wrong", "body-malformed", _NOT_WHOLE)
            return
        except TimeoutError:
            await self._refuse(send, 408, "request timeout", "request-timeout", "the body did not come in time")
            return
        environ["wsgi.input"] = Input(ready, later)
        self._life.arrived()
        try:
            await self._answer(environ, body, receive, send, self._light if light else self._threads)
        finally:
            self._life.left()

    async def _read(
        self, environ: MutableMapping[str, Any], body: _Body
    ) -> tuple[bytes, Callable[[int], bytes] | None]:
        """What can be read before a thread is needed; of an upload larger than a body may be, how it is read."""
        length = environ.get("CONTENT_LENGTH", "")
        if length.isdecimal() and int(length) > self._most_body:
            upload = environ["REQUEST_METHOD"] == "POST" and UPLOADS.fullmatch(environ["PATH_INFO"])
            return b"", self._later(body) if upload else None
        async with asyncio.timeout(self._times.body):
            return await body.read(self._most_body + 1), None

    def _later(self, body: _Body) -> Callable[[int], bytes]:
        loop = asyncio.get_running_loop()
        limit = loop.time() + self._times.upload

        async def read(count: int) -> bytes:
            async with asyncio.timeout_at(limit):
                return await body.read(count)

        def within(count: int) -> bytes:
            try:
                return asyncio.run_coroutine_threadsafe(read(count), loop).result()
            except TimeoutError:
                raise RequestTimeout("the body did not come in time") from None
            except _Gone:
                raise BadRequest(_NOT_WHOLE) from None

        return within

    async def _answer(
        self, environ: dict[str, Any], body: _Body, receive: _Receive, send: _Send, threads: ThreadPoolExecutor
    ) -> None:
        loop = asyncio.get_running_loop()

        def work() -> Answer:
            self._life.taken()
            return called(self._app, environ)

        job = threads.submit(work)
        made = asyncio.wrap_future(job)
        # Once the body was read, the next message is that the client went away. Only a queue is worth the look.
        crowded = body.ended and self._life.under_way > self._count
        try:
            if crowded and await self._given_up(job, made, receive):
                return
            answer = await made
        except Exception as error:
            self._events.error("unforeseen", exc_info=error)
            await self._refuse(send, 500, "error", "error", "something unforeseen went wrong; it was noted")
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.raw_headers()})
        if answer.rest is None:
            await send({"type": "http.response.body", "body": answer.first})
            if answer.streamed:
                self._told(answer, len(answer.first), None)
            return
        gone: asyncio.Future[Any] = asyncio.ensure_future(receive()) if body.ended else loop.create_future()
        cut: asyncio.Future[Any] = asyncio.ensure_future(self._cut.wait())
        size = 0
        why: str | None = None
        try:
            piece = answer.first
            while piece:
                for start in range(0, len(piece), _PIECE):
                    await self._sent(send, piece[start : start + _PIECE], gone, cut)
                size += len(piece)
                piece = await loop.run_in_executor(threads, answer.rest.next)
            await send({"type": "http.response.body", "body": b""})
        except _Cut as ended:
            why = ended.why
        except Exception as error:
            # The application has written down what it was, unless it is ours.
            self._events.error("unforeseen", id=answer.header("accordant-request"), exc_info=error)
            why = "error"
        finally:
            gone.cancel()
            cut.cancel()
            await asyncio.shield(loop.run_in_executor(threads, answer.close))
            self._told(answer, size, why)

    async def _given_up(self, job: Future[Answer], made: asyncio.Future[Answer], receive: _Receive) -> bool:
        """Whether the client went away before a thread took the job: then none will. Waits for the first of both."""
        gone: asyncio.Future[Any] = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({made, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not gone.done() or not job.cancel():
                return False  # what a thread has begun is ended and recorded, whoever is there
        finally:
            gone.cancel()
        self._life.gave_up()
        self._events.info("refused", reason="gone", status=None)
        return True

    def _told(self, answer: Answer, size: int, why: str | None) -> None:
        self._metrics.answer_bytes.inc(size)
        if why is not None:
            self._metrics.answers_cut.labels(why).inc()
        self._events.info(
            "answered",
            id=answer.header("accordant-request"),
            entry=answer.header("accordant-entry"),
            bytes=size,
            complete=why is None,
            why=why,
        )

    async def _sent(self, send: _Send, piece: bytes, gone: asyncio.Future[Any], cut: asyncio.Future[bool]) -> None:
        message = {"type": "http.response.body", "body": piece, "more_body": True}
        sending: asyncio.Future[Any] = asyncio.ensure_future(send(message))
        done, _ = await asyncio.wait(
            {sending, gone, cut}, timeout=self._times.send, return_when=asyncio.FIRST_COMPLETED
        )
        if gone in done or cut in done or not done:
            sending.cancel()
            raise _Cut("gone" if gone in done else "stopping" if cut in done else "slow")
        await sending

    async def _refuse(self, send: _Send, status: int, title: str, reason: str, detail: str) -> None:
        body = {"type": f"urn:accordant:problem:{reason}", "title": title, "status": status, "detail": detail}
        payload = json.dumps(body | {"reason": reason}).encode()
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(payload)).encode()),
            (b"connection", b"close"),
        ]
        if status == 503:
            headers.append((b"retry-after", b"5"))
        self._metrics.http_requests.labels("none", "other", str(status)).inc()
        self._events.info("refused", reason=reason, status=status)
        with contextlib.suppress(Exception):  # whoever is refused here may be gone
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": payload})
