"""The client: what it signs arrives verifiable, and every answer becomes data or a clear error."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests

from connectors.client import ARROW, CSV, Client, QueryRefused
from governance import errors
from governance.signing.keys import ALGORITHMS, PrivateKey
from tests.connectors.wire import Reply, Server, serving

QUERY: dict[str, Any] = {"dataset": "enrollments", "fields": ["program"], "rows": "own", "view": "identified"}
DECLARED: dict[str, str] = {"purpose": "program-improvement", "mou": "benchmarking"}
KEY = PrivateKey.generate()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with requests.Session() as session:
        # What answers say of the log has tests of its own (test_memory).
        yield Client(server.origin, KEY, session=session, remember=False)


def problem(status: int, **members: Any) -> Reply:
    body = {"title": "no", "status": status, "detail": "words for people"} | members
    return Reply(status, json.dumps(body).encode(), "application/problem+json")


# --- what is sent


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_data_request_arrives_signed_with_its_purpose(server: Server, alg: Any) -> None:
    key = PrivateKey.generate(alg)
    with requests.Session() as session:
        Client(server.origin, key, session=session).query(**QUERY, **DECLARED).read()
    declaration = server.last.declared(key.public)

    assert ("POST", "/v1/query") == (server.last.method, server.last.path)
    assert ("program-improvement", "benchmarking") == (declaration.purpose, declaration.mou)
    assert json.loads(server.last.body) == QUERY


def test_a_query_may_be_a_mapping_and_from_is_a_word_of_python(server: Server, client: Client) -> None:
    filters = [{"field": "started", "op": "ge", "value": dt.date(2026, 7, 1)}]
    client.query(QUERY, filters=filters, from_=["westend"], limit=None, **DECLARED).read()
    filtered = [{"field": "started", "op": "ge", "value": "2026-07-01"}]

    assert QUERY | {"from": ["westend"], "filters": filtered} == json.loads(server.last.body)


@pytest.mark.parametrize(
    ("path", "params", "arrives"),
    [
        ("/v1/keys", None, "/v1/keys"),
        ("/v1/keys/SHA256:a-b_c/approval", None, "/v1/keys/SHA256:a-b_c/approval"),
        ("/v1/entries", {"party": "northside", "since": "2026-01-01"}, "/v1/entries?party=northside&since=2026-01-01"),
        ("/v1/entries", {"clause": "a:2.1 é&b"}, "/v1/entries?clause=a%3A2.1+%C3%A9%26b"),
        ("/v1/mous/a b", None, "/v1/mous/a%20b"),
    ],
)
def test_the_signature_covers_the_address_as_it_goes_over_the_wire(
    server: Server, client: Client, path: str, params: dict[str, str] | None, arrives: str
) -> None:
    client.get(path, params=params)
    signed = server.last.signed(KEY.public)

    assert arrives == server.last.path
    assert server.origin + arrives == signed.target_uri


def test_a_posted_document_is_signed_with_its_digest(server: Server, client: Client) -> None:
    server.answer = lambda _: Reply(202, b'{"state":"pending"}')
    answer = client.post("/v1/keys", {"name": "Zoë"})

    assert answer == {"state": "pending"}
    assert b"content-digest" in server.last.signed(KEY.public).base
    assert json.loads(server.last.body) == {"name": "Zoë"}


def test_other_bodies_and_empty_answers(server: Server, client: Client) -> None:
    server.answer = lambda _: Reply(204, b"")
    assert client.post_bytes("/v1/consents", b"a,b\n", content_type="text/csv") is None
    assert b'"content-type": text/csv\n' in server.last.signed(KEY.public).base


def test_an_unsigned_post_carries_no_signature(server: Server, client: Client) -> None:
    """An enrolment: nobody knows the key yet, and the statement in it is signed."""
    client.post("/v1/keys", {}, signed=False)
    assert server.last.header("Signature") is None


def test_no_nonce_is_used_twice(server: Server, client: Client) -> None:
    for _ in range(5):
        client.get("/v1/keys")
    assert len({a.signed(KEY.public).nonce for a in server.arrived}) == 5


def test_a_signature_may_cover_a_public_origin_behind_which_the_server_is(server: Server) -> None:
    with requests.Session() as session:
        Client(server.origin, KEY, origin="https://data.example.org:443/", session=session).get("/v1/keys")
    server.arrived[-1] = type(server.last)(**(vars(server.last) | {"origin": "https://data.example.org"}))

    assert server.last.signed(KEY.public).target_uri == "https://data.example.org/v1/keys"


def test_no_password_of_netrc_is_sent(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`requests` looks there by itself."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with requests.Session() as session:
        for key in (KEY, None):
            client = Client(server.origin, key, session=session)
            client.get("/log/checkpoint")
            client.post("/v1/keys", {}, signed=False)
    assert [None] * 4 == [a.header("Authorization") for a in server.arrived]


# --- what comes back


def test_an_answer_tells_its_entry_in_the_log(server: Server, client: Client) -> None:
    about = (("Accordant-Entry", "17"), ("Accordant-Outcome", "permit"), ("Accordant-Checkpoint", "log 18 abc"))
    server.answer = lambda _: Reply(
        body=b'{"rows":[[1]]}', content_type="application/json; charset=utf-8", headers=about
    )
    answer = client.query(**QUERY, **DECLARED)

    assert (17, "permit", "log 18 abc") == (answer.entry, answer.outcome, answer.checkpoint)
    assert answer.content_type == "application/json"
    assert answer.json() == {"rows": [[1]]}


def test_an_answer_without_an_entry_has_none(server: Server, client: Client) -> None:
    assert client.query(**QUERY, **DECLARED).entry is None


def test_csv_comes_in_chunks(server: Server, client: Client) -> None:
    body = b"program,clients\n" + b"reading,12\n" * 50_000
    server.answer = lambda _: Reply(body=body, content_type="text/csv; charset=utf-8")
    chunks = list(client.query(**QUERY, **DECLARED, accept=CSV).chunks())

    assert server.last.header("Accept") == CSV
    assert len(chunks) > 1
    assert body == b"".join(chunks)


def test_arrow_comes_as_batches_or_as_a_table(server: Server, client: Client) -> None:
    schema = pa.schema([("clients", pa.int64())])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as writer:
        for start in (0, 10_000):
            writer.write_batch(pa.record_batch([pa.array(range(start, start + 10_000))], schema=schema))
    server.answer = lambda _: Reply(body=sink.getvalue(), content_type=ARROW)
    batches = list(client.query(**QUERY, **DECLARED, accept=ARROW).batches())
    table = client.query(**QUERY, **DECLARED, accept=ARROW).table()

    assert [10_000, 10_000] == [b.num_rows for b in batches]
    assert list(range(20_000)) == table["clients"].to_pylist()


@pytest.mark.parametrize("accept", ["json", "arrow", "table"])
def test_an_answer_that_breaks_off_is_no_answer(server: Server, client: Client, accept: str) -> None:
    """Half a file must not pass for a whole one."""
    sink = io.BytesIO()
    table = pa.table({"a": list(range(1_000))})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body = b'{"rows":[' if accept == "json" else sink.getvalue()[:-200]
    server.answer = lambda _: Reply(body=body, claimed=len(body) + 200)
    answer = client.query(**QUERY, **DECLARED)
    with pytest.raises(errors.Unavailable):
        {"json": answer.json, "arrow": lambda: list(answer.batches()), "table": answer.table}[accept]()


def test_an_answer_of_another_type_is_unavailable(server: Server, client: Client) -> None:
    server.answer = lambda _: Reply(body=b"<html>", content_type="text/html")
    for call in (
        lambda: client.get("/v1/keys"),
        lambda: client.post("/v1/keys", {}),
        lambda: client.query(**QUERY, **DECLARED).json(),
        lambda: list(client.query(**QUERY, **DECLARED).batches()),
        lambda: client.query(**QUERY, **DECLARED).table(),
    ):
        with pytest.raises(errors.Unavailable) as caught:
            call()
        assert caught.value.reason == "answer-malformed"


def test_text_and_bytes_come_as_they_are(server: Server, client: Client) -> None:
    server.answer = lambda _: Reply(body="Zoë\n".encode(), content_type="text/plain; charset=utf-8")
    assert client.text("/log/checkpoint") == "Zoë\n"
    assert client.read("/log/checkpoint") == "Zoë\n".encode()


@pytest.mark.parametrize(
    ("reply", "kind", "reason"),
    [
        (problem(400, reason="malformed", field="rows"), errors.InputWrong, "malformed"),
        (problem(400, reason="unknown-field", outcome="invalid"), errors.InputWrong, "unknown-field"),
        (problem(400, faults=[{"message": "no", "line": 3, "clause": "2.1"}]), errors.DocumentWrong, "document-wrong"),
        (problem(401, reason="not-authentic"), errors.NotAuthentic, "not-authentic"),
        (problem(403, reason="refused"), errors.Refused, "refused"),
        (problem(403, reason="no-clause", outcome="gap"), QueryRefused, "no-clause"),
        (problem(404, reason="not-found"), errors.NotFound, "not-found"),
        (problem(405), errors.InputWrong, "status-405"),
        (problem(409, reason="replayed-nonce"), errors.Replayed, "replayed-nonce"),
        (problem(409, reason="signed-already"), errors.Conflict, "signed-already"),
        (problem(413, reason="too-large"), errors.TooLarge, "too-large"),
        (problem(429, reason="too-many-requests"), errors.TooMany, "too-many-requests"),
        (problem(500, reason="error"), errors.Unavailable, "error"),
        (problem(503, reason="engine-timeout", outcome="unavailable"), errors.Unavailable, "engine-timeout"),
        (Reply(502, b"<html>bad gateway</html>", "text/html"), errors.Unavailable, "status-502"),
        (Reply(404, b"", "text/plain"), errors.NotFound, "status-404"),
        (Reply(400, b"[1]"), errors.InputWrong, "status-400"),
        (Reply(400, b"\xff" * 2_000_000), errors.InputWrong, "status-400"),
        (Reply(302, b"", headers=(("Location", "http://127.0.0.1:1/"),)), errors.InputWrong, "redirected"),
    ],
)
def test_every_status_is_an_error_of_the_tree(
    server: Server, client: Client, reply: Reply, kind: type[errors.AccordantError], reason: str
) -> None:
    server.answer = lambda _: reply
    with pytest.raises(kind) as caught:
        client.query(**QUERY, **DECLARED)

    assert (kind, reason) == (type(caught.value), caught.value.reason)
    assert len(server.arrived) == 1


def test_a_refusal_carries_its_clauses_and_the_nearest_request(server: Server, client: Client) -> None:
    clause = {"mou": "benchmarking", "version": 1, "clause": "3.1", "title": "No marketing", "text": "…"}
    nearest = QUERY | {"view": "aggregate"}
    server.answer = lambda _: problem(
        403, outcome="deny", reason="prohibited", clauses=[clause], nearest=nearest, entry=17
    )
    with pytest.raises(QueryRefused) as caught:
        client.query(**QUERY, **DECLARED)
    refused = caught.value

    assert ("deny", "prohibited", 17) == (refused.outcome, refused.reason, refused.entry)
    assert ((clause,), nearest, "words for people") == (refused.clauses, refused.nearest, refused.detail)


def test_the_faults_of_a_document_come_with_their_places(server: Server, client: Client) -> None:
    server.answer = lambda _: problem(
        400, faults=[{"message": "no such party", "line": 3, "column": 5, "clause": "2.1"}]
    )
    with pytest.raises(errors.DocumentWrong) as caught:
        client.post("/v1/mous", {})

    assert ("no such party", 3, 5, "2.1") == (lambda f: (f.message, f.line, f.column, f.clause))(caught.value.faults[0])


def test_who_has_no_key_is_told_so(server: Server) -> None:
    server.answer = lambda _: problem(401, reason="signature-missing")
    with requests.Session() as session, pytest.raises(errors.NotAuthentic, match="no key was given"):
        Client(server.origin, session=session).get("/v1/keys")


def test_no_server_is_unavailable() -> None:
    with requests.Session() as session, pytest.raises(errors.Unavailable) as caught:
        Client("http://127.0.0.1:9", KEY, session=session).get("/v1/keys")
    assert caught.value.reason == "server-unreachable"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "data.example.org",
        "ftp://a",
        "https://",
        "https://a/b",
        "https://u:p@a",
        "https://a:x",
        "https://a?b",
        "https://ä",
    ],
)
def test_an_address_that_is_no_origin_is_refused(url: str) -> None:
    with pytest.raises(errors.InputWrong) as caught:
        Client(url, KEY)
    assert caught.value.field == "--server"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Data.Example.org/", "https://data.example.org"),
        ("https://a:443", "https://a"),
        ("http://a:80", "http://a"),
        ("http://a:443", "http://a:443"),
        ("http://[::1]:8484", "http://[::1]:8484"),
    ],
)
def test_one_server_has_one_origin(url: str, origin: str) -> None:
    assert origin == Client(url, KEY).url


def test_a_value_that_json_cannot_hold_is_refused_before_it_is_sent(server: Server, client: Client) -> None:
    with pytest.raises(errors.InputWrong):
        client.query(QUERY | {"filters": [{"field": "a", "op": "eq", "value": object()}]}, **DECLARED)
    with pytest.raises(errors.InputWrong):
        client.get("v1/keys")
    assert server.arrived == []
