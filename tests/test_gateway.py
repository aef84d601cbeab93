"""The gateway in its world: what is answered, reduced and refused; the log says at least as much as what left."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from werkzeug.test import TestResponse

from audit import Entry
from governance.errors import LogUnavailable
from governance.verification import verify_home
from governance.web.api.encode import ARROW
from tests.simulator import ORIGIN, World

OWN = {"dataset": "visits", "fields": ["client", "grade"], "rows": "own", "view": "identified"}
COMPARE = {
    "dataset": "visits",
    "measures": [{"measure": "clients"}, {"measure": "rate", "field": "done"}],
    "group_by": ["program"],
    "rows": "all",
    "view": "aggregate",
}


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that tests only ask questions in."""
    world = World.found(tmp_path_factory.mktemp("world")).agreed().filled()
    yield world
    world.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world of the test's own."""
    made = World.found(tmp_path).agreed().filled(clients=33)
    yield made
    made.close()


def _entries(world: World, *kinds: str) -> list[Entry]:
    return list(world.services.journal.entries(kinds=set(kinds)))


def _outcome(response: TestResponse) -> tuple[int, str | None, str | None]:
    reason = response.json["reason"] if response.status_code >= 400 else None
    return response.status_code, response.headers.get("Accordant-Outcome"), reason


def test_own_rows_leave_and_the_log_names_each_subject(shared_world: World) -> None:
    """Request, disclosure and release: who, what, why, under which clause, whose rows, and how many bytes."""
    response = shared_world.query(shared_world.partners["dashboard"], OWN)
    content = response.get_data()
    assert (200, "permit", None) == _outcome(response)
    rows = json.loads(content)["rows"]
    assert 60 == len(rows)
    request, disclosure, release = _entries(shared_world, "request", "disclosure", "release")[-3:]
    assert int(response.headers["Accordant-Entry"]) == request.seq
    assert ("permit", "north", "improvement") == (
        request.body["outcome"],
        request.body["party"],
        request.body["declaration"]["purpose"],
    )
    assert [{"mou": "small", "version": 1, "clause": "1"}] == request.body["decision"]["cites"]
    assert {"north": [r[0] for r in rows]} == shared_world.clients(disclosure)
    assert (60, len(content), hashlib.sha256(content).hexdigest(), True) == tuple(
        release.body[k] for k in ("rows", "bytes", "sha256", "complete")
    )
    assert request.body["call"] == disclosure.body["call"] == release.body["call"]


def test_an_aggregate_over_all_rests_on_enough_clients(shared_world: World) -> None:
    """The protection's numbers are told with the answer."""
    answer = shared_world.query(shared_world.partners["dashboard"], COMPARE).json
    assert ["program", "clients", "rate_done", "suppressed"] == answer["columns"]
    assert [["reading", 80, 0.5, False], ["maths", 80, 0.5, False], ["art", 80, 0.5, False]] == answer["rows"]
    assert 11 == answer["protection"]["minimum_cell"]


def test_a_connector_never_reads_another_partys_own_rows(shared_world: World) -> None:
    """`own` is the key's owner; the party cannot be said in the body."""
    response = shared_world.query(shared_world.partners["dashboard"], OWN | {"party": "south"})
    assert (400, "invalid", "not-from-the-body") == _outcome(response)
    assert "party" == response.json["field"]


@pytest.mark.parametrize(
    ("asked", "purpose", "expected"),
    [
        (OWN | {"rows": "others"}, "improvement", (403, "gap", "no-clause")),
        (OWN, "marketing", (403, "deny", "prohibited")),
        (OWN, "curiosity", (400, "invalid", "unknown-purpose")),
        (OWN | {"fields": ["salary"]}, "improvement", (400, "invalid", "unknown-field")),
        (OWN | {"fields": []}, "improvement", (400, "invalid", "no-fields")),
        (OWN | {"dataset": "secrets"}, "improvement", (400, "invalid", "unknown-dataset")),
        (OWN | {"filters": [{"field": "days", "op": "eq", "value": "x"}]}, "improvement", (400, "invalid", None)),
        (COMPARE | {"group_by": ["program", "done", "grade"]}, "improvement", (400, "invalid", None)),
        (COMPARE | {"group_by": ["days"]}, "improvement", (400, "invalid", None)),
        (COMPARE | {"limit": 1}, "improvement", (400, "invalid", None)),
        (
            COMPARE | {"filters": [{"field": "program", "op": "eq", "value": "chess"}]},
            "improvement",
            (400, "invalid", "undeclared-level"),
        ),
    ],
)
def test_a_refusal_is_a_problem_with_an_entry(
    shared_world: World, asked: dict[str, Any], purpose: str, expected: tuple[int, str, str | None]
) -> None:
    """Status, outcome, reason; and what was refused is recorded as that."""
    response = shared_world.query(shared_world.partners["dashboard"], asked, purpose=purpose)
    status, outcome, reason = _outcome(response)
    assert expected[:2] == (status, outcome)
    if expected[2] is not None:
        assert expected[2] == reason
    assert "application/problem+json" == response.mimetype
    entry = _entries(shared_world, "request")[-1]
    assert (response.json["entry"], outcome, reason) == (entry.seq, entry.body["outcome"], entry.body["reason"])


def test_a_refusal_cites_the_clause_with_its_words(shared_world: World) -> None:
    """The text, and its digest, so that it can be held against what was signed."""
    clause = shared_world.query(shared_world.partners["dashboard"], OWN, purpose="marketing").json["clauses"][0]
    assert ("small", "4", "Never") == (clause["mou"], clause["clause"], clause["title"])
    assert clause["text_sha256"] == hashlib.sha256(clause["text"].encode()).hexdigest()
    assert "Nobody uses data for" in clause["text"]


def test_the_nearest_request_passes(shared_world: World) -> None:
    """Resubmitted as it stands, it is permitted."""
    dashboard = shared_world.partners["dashboard"]
    for asked in (
        OWN | {"rows": "all"},
        OWN | {"rows": "others", "fields": ["client"]},
        {"dataset": "visits", "fields": ["program", "days", "done"], "rows": "all", "view": "pseudonymised",
         "order_by": ["days"], "limit": 5, "filters": [{"field": "days", "op": "ge", "value": 3}]},
    ):  # fmt: skip
        refused = shared_world.query(dashboard, asked)
        assert 403 == refused.status_code
        nearest = refused.json["nearest"]
        assert nearest is not None
        assert 200 == shared_world.query(dashboard, nearest).status_code, nearest


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/vnd.apache.arrow.stream"])
def test_every_format_says_the_same(shared_world: World, accept: str) -> None:
    """JSON, CSV, Arrow."""
    content = shared_world.query(shared_world.partners["dashboard"], OWN, accept=accept).get_data()
    if accept.endswith("json"):
        rows = [[r[0], r[1]] for r in json.loads(content)["rows"]]
    elif accept == "text/csv":
        rows = [[r[0], int(r[1])] for r in list(csv.reader(io.StringIO(content.decode())))[1:]]
    else:
        table = pa.ipc.open_stream(content).read_all()
        rows = [list(r) for r in zip(*(c.to_pylist() for c in table.columns), strict=True)]
    assert 60 == len(rows)
    assert ["0", 40] == rows[0]


def test_an_unknown_format_is_refused(shared_world: World) -> None:
    """No answer in a form that nobody asked for."""
    response = shared_world.query(shared_world.partners["dashboard"], OWN, accept="text/html")
    assert (400, "invalid", "not-acceptable") == _outcome(response)


def test_a_replayed_request_is_refused_and_recorded(world: World) -> None:
    """The very bytes, twice: 200, then 409; the nonce counts once."""
    body, headers = world.signed_query(world.partners["dashboard"], OWN)
    first = world.client.post("/v1/query", data=body, headers=headers, base_url="http://accordant.test")
    first.get_data()
    second = world.client.post("/v1/query", data=body, headers=headers, base_url="http://accordant.test")
    assert 200 == first.status_code
    assert (409, "invalid", "replayed-nonce") == _outcome(second)
    assert ["permit", "replay"] == [e.body["outcome"] for e in _entries(world, "request")][-2:]


def test_a_changed_body_a_changed_purpose_and_another_target_do_not_verify(world: World) -> None:
    """The signature covers them all."""
    body, headers = world.signed_query(world.partners["dashboard"], OWN)
    post = world.client.post
    for changed_body, changed in (
        (body.replace(b"own", b"all"), headers),
        (body, headers | {"Data-Purpose": 'service;mou="small"'}),
        (body, {k: v for k, v in headers.items() if k != "Data-Purpose"}),
    ):
        response = post("/v1/query", data=changed_body, headers=changed, base_url="http://accordant.test")
        assert response.status_code in (400, 401)
        assert response.headers["Accordant-Outcome"] == "invalid"
    elsewhere = post("/v1/query?x=1", data=body, headers=headers, base_url="http://accordant.test")
    assert 401 == elsewhere.status_code


def test_a_bad_signature_of_a_known_key_is_an_entry_a_stranger_is_counted(world: World) -> None:
    """Nobody can fill the log from outside: one entry an hour."""
    body, headers = world.signed_query(world.partners["dashboard"], OWN)
    before = world.services.journal.head().size
    for _ in range(20):
        world.client.post("/v1/query", data=body.replace(b"own", b"all"), headers=headers)
    flipped = "B" if headers["Signature"][12] == "A" else "A"
    broken = headers | {"Signature": headers["Signature"][:12] + flipped + headers["Signature"][13:]}
    for _ in range(20):
        assert 401 == world.client.post("/v1/query", data=body, headers=broken).status_code
    entries = [e for e in _entries(world, "request") if e.seq >= before]
    assert 0 < len(entries) <= 10
    assert {"bad-signature"} == {e.body["outcome"] for e in entries}
    world.clock.pass_(hours=1)
    world.client.post("/v1/query", data=body, headers=broken)
    counted = _entries(world, "not-authentic")
    assert 1 == len(counted)
    assert sum(counted[0].body["counts"].values()) >= 20


def test_a_revoked_key_is_a_stranger_at_once(world: World) -> None:
    """The very next request."""
    assert 200 == world.query(world.partners["dashboard"], OWN).status_code
    world.revoke("dashboard")
    assert 401 == world.query(world.partners["dashboard"], OWN).status_code


def test_acknowledgement_withdrawal_and_time_are_followed_by_the_very_next_request(world: World) -> None:
    """Decisions are cached; what they hang on is not overlooked."""
    north = world.partners["north"]
    assert 200 == world.query(north, COMPARE).status_code
    world.clock.pass_(days=398)
    assert (403, "deny", "duty-overdue") == _outcome(world.query(north, COMPARE))
    world.acknowledge(north)
    assert 200 == world.query(north, COMPARE).status_code
    world.decide_on(north, "withdraw", reason="we leave")
    assert 200 == world.query(north, COMPARE).status_code
    world.clock.pass_(days=32)
    assert (403, "deny", "no-mou-in-force") == _outcome(world.query(north, COMPARE))


def test_an_approval_is_followed_by_the_very_next_request_and_runs_out(world: World) -> None:
    """Each contributor that is asked approves this very request; 30 days later it is to be asked anew."""
    hub = world.partners["hub"]
    asked = {
        "dataset": "visits", "fields": ["program"], "rows": "all", "from": ["north", "south"], "view": "pseudonymised",
    }  # fmt: skip
    assert (403, "review", "approval-needed") == _outcome(world.query(hub, asked, purpose="research"))
    for party in ("north", "south"):
        waiting = world.told(world.partners[party], "GET", "/v1/reviews")["reviews"]
        world.approve(world.partners[party], waiting[0]["digest"])
        last = world.query(hub, asked, purpose="research")
        assert last.status_code == (403 if party == "north" else 200)
    other = asked | {"fields": ["program", "days"]}
    assert (403, "review", "approval-needed") == _outcome(world.query(hub, other, purpose="research"))
    world.clock.pass_(days=30)
    assert (403, "review", "approval-needed") == _outcome(world.query(hub, asked, purpose="research"))


def test_consent_counts_from_the_next_request_on(world: World) -> None:
    """Grades of others rest on clients who consented; a withdrawal takes them out."""
    hub = world.partners["hub"]
    asked = COMPARE | {"measures": [{"measure": "clients"}], "group_by": ["grade"]}
    assert [None, None] == [r[1] for r in world.query(hub, asked).json["rows"]]
    header = "subject,purpose,fields,status\n"
    for party in ("north", "south", "east", "west"):
        records = "".join(f"{i},improvement,grade,given\n" for i in range(33))
        world.told(
            world.partners[party], "POST", "/v1/consents", body=(header + records).encode(), content_type="text/csv"
        )
    shown = sum(r[1] for r in world.query(hub, asked).json["rows"])
    assert 4 * 33 == shown
    world.told(
        world.partners["north"],
        "POST",
        "/v1/consents",
        body=(header + "0,improvement,grade,withdrawn\n1,improvement,*,withdrawn\n").encode(),
        content_type="text/csv",
    )
    assert shown - 2 == sum(r[1] for r in world.query(hub, asked).json["rows"])


def test_a_partner_reads_of_its_own_clients_and_nobody_elses(world: World) -> None:
    """Bodies go to the requester, the contributors concerned, and administrators."""
    world.query(
        world.partners["hub"], {"dataset": "visits", "fields": ["program"], "rows": "all", "view": "pseudonymised"}
    ).get_data()
    seen = world.told(world.partners["north"], "GET", "/v1/entries?kind=disclosure")["entries"]
    assert [["north"]] == [list(e["body"]["subjects"]) for e in seen]
    hub = world.told(world.partners["hub"], "GET", "/v1/entries?kind=disclosure")["entries"]
    assert [] == hub
    everything = world.told(world.administrator, "GET", "/v1/entries?kind=disclosure")["entries"]
    assert 4 == len(everything)
    other = next(e["seq"] for e in everything if "south" in e["body"]["subjects"])
    assert 404 == world.call(world.partners["north"], "GET", f"/v1/entries/{other}").status_code


def test_searching_the_history_is_history(world: World) -> None:
    """Who looks is looked at."""
    world.told(world.administrator, "GET", "/v1/entries?party=north&subject=3")
    found = _entries(world, "search")[-1]
    assert {"party": "north", "subject": "3"} == found.body["by"]


@pytest.mark.parametrize("fault", ["fail", "lose"])
@pytest.mark.parametrize("nth", [0, 1, 2])
def test_whatever_write_fails_the_log_says_at_least_what_left(world: World, fault: str, nth: int) -> None:
    """Each write of a streamed answer fails, or persists and is never acknowledged: no row leaves unrecorded."""
    object.__setattr__(world.services.gateway.limits, "batch_rows", 10)
    body, headers = world.signed_query(world.partners["dashboard"], OWN)
    faults, count = world.faults, {"left": nth}
    plain = faults.append

    def append(drafts: Any, *, within: Any = None) -> Any:
        if count["left"] == 0:
            setattr(faults, fault, 1)
        count["left"] -= 1
        return plain(drafts, within=within)

    faults.append = append  # type: ignore[method-assign]
    received = b""
    status = 0
    try:
        response = world.client.post("/v1/query", data=body, headers=headers, base_url="http://accordant.test")
        status = response.status_code
        for chunk in response.response:
            received += chunk if isinstance(chunk, bytes) else chunk.encode()
    except LogUnavailable:
        pass  # in the middle of an answer: it breaks off
    rows = received.decode().count('["') - 1 if status == 200 else 0
    recorded = {s for e in _entries(world, "disclosure") for s in world.clients(e).get("north", ())}
    left = [r.split('"')[0] for r in received.decode().split('["')[2:]] if status == 200 else []
    assert set(left) <= recorded
    assert status in (200, 503)
    assert rows <= len(recorded) or status == 503
    world.close()
    assert () == verify_home(world.settings).faults


def test_a_restart_finds_everything_and_the_log_whole(world: World) -> None:
    """Nothing lives in memory alone."""
    first = world.query(world.partners["dashboard"], COMPARE).json["rows"]
    world.close()
    world.open()
    assert first == world.query(world.partners["dashboard"], COMPARE).json["rows"]
    world.close()
    assert () == verify_home(world.settings).faults


def test_rows_that_were_exchanged_behind_the_servers_back_are_not_read(world: World) -> None:
    """The log has the digest of what was loaded."""
    path = next((world.settings.data / "north").rglob("*.parquet"))
    other = next((world.settings.data / "south").rglob("*.parquet"))
    path.chmod(0o600)
    path.write_bytes(other.read_bytes())
    world.close()
    world.open()
    assert (503, "unavailable", "source-changed") == _outcome(world.query(world.partners["dashboard"], OWN))


def test_a_file_that_names_another_contributor_stops_the_load(world: World) -> None:
    """Its line is told, and what was there stays."""
    mapping = (
        "party: north\nmou: small\ndataset: visits\nsource: {files: [rows.csv]}\n"
        "columns: {client: client, org: org, program: program, grade: grade, days: days, done: done}\n"
    )
    world.told(world.partners["north"], "POST", "/v1/sources", {"mapping": mapping, "url": None})
    rows = "client,org,program,grade,days,done\n1,north,art,1,1,1\n2,south,art,1,1,1\n"
    response = world.call(
        world.partners["north"], "POST", "/v1/sources/visits/rows", body=rows.encode(), content_type="text/csv"
    )
    assert 400 == response.status_code
    assert 3 == response.json["faults"][0]["line"]


@pytest.mark.parametrize("use", ["connector"])
def test_a_connector_brings_nothing_in(world: World, use: str) -> None:
    """Its key may ask, and nothing else."""
    response = world.call(world.partners["dashboard"], "POST", "/v1/consents", body=b"x", content_type="text/csv")
    assert (403, "not-a-steward") == (response.status_code, response.json["reason"])


def test_a_strangers_upload_is_not_even_read(world: World) -> None:
    """A large body without a key that may sign ends before it is taken in."""
    response = world.client.post("/v1/consents", data=b"x" * 1000, content_type="text/csv", base_url=ORIGIN)
    assert (401, "not-authentic") == (response.status_code, response.json["reason"])


def test_larger_batches_of_columns_name_everybody(world: World) -> None:
    """An Arrow answer comes in batches five times as large; an entry names no more subjects than it may, and all."""
    object.__setattr__(world.services.gateway.limits, "batch_rows", 4)
    answer = world.query(world.partners["dashboard"], OWN, accept=ARROW).data
    batches = list(pa.ipc.open_stream(answer))
    left = [client for batch in batches for client in batch.column(0).to_pylist()]
    named = [world.clients(e)["north"] for e in _entries(world, "disclosure")]
    assert left == [subject for subjects in named for subject in subjects]
    assert (20, 4) == (max(batch.num_rows for batch in batches), max(map(len, named)))
    world.close()
