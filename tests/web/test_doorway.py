"""The doorway: what arrives becomes a WSGI request as it was sent, and an answer leaves whole or visibly broken."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from governance.web.doorway import Doorway, Times
from governance.web.life import Life
from governance.web.metrics import Metrics
from governance.web.wsgi import Input, Pieces, environ_of

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def scope(**given: Any) -> dict[str, Any]:
    """A request as granian describes it."""
    return {
        "type": "http", "method": "GET", "raw_path": b"/", "query_string": b"", "http_version": "1.1",
        "scheme": "http", "headers": [], "client": ("192.0.2.1", 5000), "server": ("127.0.0.1", 8484),
    } | given  # fmt: skip


def asked(app: App, *, body: bytes | None = b"", times: Times | None = None, **given: Any) -> list[dict[str, Any]]:
    """The messages that an application's answer became; a body of None never comes."""

    async def run() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        coming = [] if body is None else [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            if not coming:
                await asyncio.Event().wait()
            return coming.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await doorway(app, times=times)(scope(**given), receive, send)
        return sent

    return asyncio.run(run())


def doorway(app: App, *, times: Times | None = None, threads: int = 2, life: Life | None = None) -> Doorway:
    """For one application, with small limits."""
    return Doorway(
        app, life=life or Life(), metrics=Metrics(), times=times or Times(), most_body=100, threads=threads, waiting=2,
        started=lambda _: None, closing=lambda: None, leave=lambda: None,
    )  # fmt: skip


def says(*pieces: bytes, length: bool = False) -> App:
    """An application of fixed words."""

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [("Content-Length", str(sum(map(len, pieces))))] if length else [])
        return iter(pieces)

    return app


def test_a_path_arrives_byte_by_byte() -> None:
    """Signatures cover it: what is not UTF-8 comes through as it is (PEP 3333)."""
    environ = environ_of(scope(raw_path=b"/a%FFb%2F%C3%A9?no", query_string=b"x=%20"))
    assert ("/a\xffb/\xc3\xa9", "x=%20") == (environ["PATH_INFO"], environ["QUERY_STRING"])


@pytest.mark.parametrize(
    ("headers", "key", "value"),
    [
        ([(b"signature", b"a"), (b"signature", b"b")], "HTTP_SIGNATURE", "a,b"),
        ([(b"content-type", b"a"), (b"content-type", b"b")], "CONTENT_TYPE", "a,b"),
        ([(b"data_purpose", b"a")], "HTTP_DATA_PURPOSE", None),
        ([(b"data-purpose", b"a"), (b"data_purpose", b"b")], "HTTP_DATA_PURPOSE", "a"),
        ([(b"data-purpose", "é".encode())], "HTTP_DATA_PURPOSE", ""),
        ([(b"x-forwarded-for", b"127.0.0.1")], "REMOTE_ADDR", "192.0.2.1"),
    ],
    ids=["two signatures", "two types", "an underscore", "both", "not ASCII", "forwarded"],
)
def test_headers(headers: list[tuple[bytes, bytes]], key: str, value: str | None) -> None:
    """A second one is seen beside the first, and no name passes for another."""
    assert value == environ_of(scope(headers=headers)).get(key)


def test_what_fits_leaves_in_one_piece() -> None:
    """A small streamed answer costs one turn."""
    start, body = asked(says(b"a", b"b", b"c"))
    assert (200, b"abc", False) == (start["status"], body["body"], body.get("more_body", False))


def test_a_large_answer_leaves_in_pieces() -> None:
    """And ends with an end."""
    _, *pieces, last = asked(says(bytes(600_000), b"x"))
    assert [262_144, 262_144, 75_712, 1] == [len(p["body"]) for p in pieces]
    assert (b"", False) == (last["body"], last.get("more_body", False))


def test_an_error_in_mid_answer_leaves_no_end() -> None:
    """What came before it leaves; that it is not whole is seen by whoever reads it."""

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"rows"
        raise RuntimeError("secret")

    *_, last = asked(app)
    assert (b"rows", True) == (last["body"], last["more_body"])


def test_an_application_that_breaks_is_a_problem_without_its_words() -> None:
    """It never should."""

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        raise RuntimeError("secret")

    start, body = asked(app)
    assert (500, "error") == (start["status"], json.loads(body["body"])["reason"])
    assert b"secret" not in body["body"]


def test_a_body_that_does_not_come() -> None:
    """No thread waits for it."""
    start, body = asked(says(b"never"), body=None, times=Times(body=0.01), method="POST")
    assert (408, "request-timeout") == (start["status"], json.loads(body["body"])["reason"])


def test_a_body_is_read_no_further_than_it_may_be() -> None:
    """One byte more says that it is too large."""

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        return [str(len(environ["wsgi.input"].read())).encode()]

    _, body = asked(app, body=bytes(500), method="POST", headers=[(b"transfer-encoding", b"chunked")])
    assert b"101" == body["body"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/v1/sources/visits/rows", b"500"),
        (b"/v1/consents", b"500"),
        (b"/v1/query", b"0"),
        (b"/sign-out", b"0"),
        (b"/v1/sources/a/b/rows", b"0"),
    ],
    ids=lambda value: value.decode(),
)
def test_only_an_upload_is_read_by_the_application(path: bytes, expected: bytes) -> None:
    """Longer than a body may be: it decides whether to. Of anything else that long nothing is read."""

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        return [str(len(environ["wsgi.input"].read(1000))).encode()]

    given = {"raw_path": path, "path": path.decode(), "method": "POST", "headers": [(b"content-length", b"500")]}
    _, body = asked(app, body=bytes(500), **given)
    assert expected == body["body"]


def test_input_is_read_like_a_file() -> None:
    """By lines, by sizes, to its end."""
    source = Input(b"ab\ncd", lambda count: b"ef"[:count])
    assert (b"a", b"b\n", b"cdef") == (source.read(1), source.readline(), source.read(4))


def test_pieces_tell_an_error_after_what_came_before() -> None:
    """Nothing that the application gave away is lost."""

    def made() -> Iterator[bytes]:
        yield b"a"
        raise OSError

    pieces = Pieces(made())
    assert (b"a", False) == (pieces.next(), pieces.whole)
    with pytest.raises(OSError, match=r"^$"):
        pieces.next()


def test_a_body_that_is_no_http_is_a_problem_document() -> None:
    """The server below says no more than that the client is gone; whoever is there all the same is told."""

    async def run() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def receive() -> Any:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await doorway(says(b"never"), threads=1)(scope(method="POST"), receive, send)
        return sent

    start, body = asyncio.run(run())
    assert (400, "body-malformed") == (start["status"], json.loads(body["body"])["reason"])


def test_whoever_goes_away_loses_the_place_in_the_queue() -> None:
    """One thread, held; of two that wait one goes: nobody works for it, and the other has its answer."""
    worked: list[str] = []
    held = threading.Event()

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        worked.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/first":
            held.wait(30)
        start("200 OK", [("Content-Length", "1")])
        return [b"x"]

    async def run() -> int:
        life = Life()
        door = doorway(app, threads=1, life=life)

        async def ask(path: str, gone: asyncio.Event) -> list[dict[str, Any]]:
            coming, sent = [{"type": "http.request", "body": b"", "more_body": False}], []

            async def receive() -> Any:
                if not coming:
                    await gone.wait()
                    return {"type": "http.disconnect"}
                return coming.pop()

            async def send(message: Any) -> None:
                sent.append(message)

            await door(scope(raw_path=path.encode()), receive, send)
            return sent

        went, stays = asyncio.Event(), asyncio.Event()
        first = asyncio.ensure_future(ask("/first", stays))
        while not worked:
            await asyncio.sleep(0.001)
        leaving, last = asyncio.ensure_future(ask("/gone", went)), asyncio.ensure_future(ask("/last", stays))
        while life.waiting < 2:
            await asyncio.sleep(0.001)
        went.set()
        assert [] == await leaving
        assert 1 == life.waiting
        held.set()
        answers = [await first, await last]
        assert [200, 200] == [sent[0]["status"] for sent in answers]
        return life.under_way + life.waiting

    assert 0 == asyncio.run(run())
    assert ["/first", "/last"] == worked
