"""Searches: what they find against a plain look at everything, that they don't scan, and pages."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from audit import Draft, Entry, Log
from tests.audit.worlds import draft

PARTIES = ("aspire", "hope-house", "bright-start")
OUTCOMES = ("permit", "deny", "gap")


@pytest.fixture
def history(log: Log) -> Log:
    """700 entries: some filed for searches, some not yet; a subject in every seventh."""
    for start in range(0, 700, 50):
        log.append([one(i) for i in range(start, start + 50)])
    return log


def one(i: int) -> Draft:
    body: dict[str, Any] = {"number": i}
    subjects = {PARTIES[i % 3]: [f"client-{i % 5}", "everybody"]} if i % 7 == 0 else {}
    index: dict[str, str | tuple[str, ...]] = {"party": PARTIES[i % 3], "outcome": OUTCOMES[(i // 3) % 3]}
    if i % 10 == 0:
        index["clause"] = ("benchmarking:2.1", f"benchmarking:{i % 4}")
    readers = tuple(sorted({PARTIES[i % 3], PARTIES[(i // 5) % 3]}))
    return Draft("request" if i % 4 else "release", body, readers, index, subjects=subjects)


def holds(entry: Entry, key: str, value: Any) -> bool:
    """One filter, looked up the slow way."""
    index = entry.body["filing"]["index"]
    match key:
        case "kind":
            return bool(entry.kind == value)
        case "reader":
            return value in entry.readers
        case "since":
            return bool(entry.time >= value)
        case "until":
            return bool(entry.time < value)
        case "before":
            return bool(entry.seq < value)
        case "after":
            return bool(entry.seq > value)
        case "subject" if isinstance(value, tuple):
            return value[1] in one(entry.body["number"]).subjects.get(value[0], [])
        case "subject":
            return any(value in ids for ids in one(entry.body["number"]).subjects.values())
        case _:
            return value in index.get(key, [])


def filters(times: list[dt.datetime]) -> st.SearchStrategy[dict[str, Any]]:
    moment = st.sampled_from(times).flatmap(
        lambda t: st.sampled_from([t, t + dt.timedelta(milliseconds=1), t - dt.timedelta(milliseconds=1)])
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "party": st.sampled_from([*PARTIES, "nobody"]),
            "outcome": st.sampled_from(OUTCOMES),
            "clause": st.sampled_from(["benchmarking:2.1", "benchmarking:0"]),
            "kind": st.sampled_from(["request", "release", "search"]),
            "reader": st.sampled_from(PARTIES),
            "subject": st.sampled_from(["client-1", "everybody", "none", ("aspire", "client-0"), ("aspire", "none")]),
            "since": moment,
            "until": moment,
            "before": st.integers(-1, 800),
            "after": st.integers(-2, 800),
            "limit": st.sampled_from([1, 3, 100, 1000]),
        },
    )


def test_a_search_is_a_look_at_everything(history: Log) -> None:
    """Any filters together; newest first; at most `limit`."""
    everything = list(history.entries())

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(filters([everything[i].time for i in (0, 1, 349, 450, 511, 512, 698, 699)]))
    def check(wanted: dict[str, Any]) -> None:
        limit = wanted.get("limit", 100)
        found = [e for e in reversed(everything) if all(holds(e, k, v) for k, v in wanted.items() if k != "limit")]
        assert [e.seq for e in found[:limit]] == [e.seq for e in history.search(**wanted)]

    check()


def test_pages_meet_without_overlap(history: Log) -> None:
    """`before` the last one seen gives the next page."""
    seen: list[int] = []
    before: int | None = None
    while page := history.search(party="aspire", limit=37, before=before):
        seen += [entry.seq for entry in page]
        before = page[-1].seq
    assert [i for i in range(699, -1, -1) if i % 3 == 0] == seen


def test_an_unknown_word_is_the_caller_s_mistake(history: Log) -> None:
    """Not an empty answer."""
    with pytest.raises(TypeError, match="`parti` is not a word"):
        history.search(parti="aspire")


def test_a_search_by_words_does_not_scan(log: Log, engine: Engine) -> None:
    """However common its other words are: the rare one leads, and only its entries are read."""
    for start in range(0, 4000, 500):
        log.append([draft(i, outcome="permit", dataset="enrollments") for i in range(start, start + 500)])
    log.append([draft(9, outcome="permit", dataset="enrollments", purpose="research")])
    log.append([draft(i, outcome="permit", dataset="enrollments") for i in range(600)])
    rows = 0

    def after(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        nonlocal rows
        if "audit_leaves" in statement and "audit_bodies" in statement:
            rows += 1

    event.listen(engine, "after_cursor_execute", after)
    found = log.search(party="aspire", outcome="permit", dataset="enrollments", purpose="research", limit=100)
    assert [4000] == [entry.seq for entry in found]
    assert 1 == rows, "bodies were read that could not be an answer"
    if engine.dialect.name == "sqlite":
        assert_no_scan(engine, log)


def assert_no_scan(engine: Engine, log: Log) -> None:
    """SQLite's own plan of every statement that a search by words runs: an index, never a table from end to end."""
    statements: list[tuple[str, Any]] = []
    event.listen(
        engine,
        "before_cursor_execute",
        lambda conn, cursor, statement, parameters, *rest: statements.append((statement, parameters)),
    )
    log.search(party="aspire", outcome="permit", since=dt.datetime(2026, 11, 2, tzinfo=dt.UTC))
    list(log.entries(kinds=["request", "consent"], after=4500))
    log.last_of(["request"])
    selects = [(s, p) for s, p in statements if s.startswith("SELECT")]
    with engine.connect() as connection:
        for statement, parameters in selects:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            scans = [row[3] for row in plan if row[3].startswith("SCAN audit_")]
            assert [] == scans, statement
