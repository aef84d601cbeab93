"""Whatever is done to the rows, the register answers, and never with a document that was not signed."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from audit import Entry
from governance.register import Register
from tests.agreement_world import World, document

_KINDS = ("enrolment", "enrolment-approval", "proposal", "opening", "signature", "withdrawal", "activation", "nonsense")


@cache
def _world() -> World:
    world = World().signed(document(more="withdrawal: {notice: P30D, data: delete}\n"))
    world.say(world.people["east"], "withdraw")
    return world


def _changed(draw: st.DrawFn, entry: Entry) -> Entry:
    """One entry as somebody might leave it behind."""
    body: dict[str, Any] = json.loads(entry.body_bytes)
    key = draw(st.sampled_from(sorted(body)))
    how = draw(st.sampled_from(("drop", "type", "letter", "kind", "time")))
    if how == "drop":
        body.pop(key)
    elif how == "type":
        body[key] = draw(st.one_of(st.none(), st.integers(), st.booleans(), st.lists(st.integers(), max_size=2)))
    elif how == "letter" and isinstance(body[key], str) and body[key]:
        at = draw(st.integers(0, len(body[key]) - 1))
        body[key] = body[key][:at] + draw(st.sampled_from("AZaz09-_.= é")) + body[key][at + 1 :]
    elif how == "kind":
        return entry._replace(kind=draw(st.sampled_from(_KINDS)))
    else:
        return entry._replace(time=entry.time.replace(year=draw(st.integers(2020, 2040))))
    return entry._replace(body=body)


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    """The world's log with entries changed, dropped, doubled and exchanged."""
    rows = list(_world().log.rows)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(rows) - 1))
        how = draw(st.sampled_from(("change", "change", "change", "drop", "double", "exchange")))
        if how == "change":
            rows[at] = _changed(draw, rows[at])
        elif how == "drop" and len(rows) > 1:
            del rows[at]
        elif how == "double":
            rows.append(rows[at]._replace(seq=len(rows) + 100, time=rows[-1].time))
        else:
            other = draw(st.integers(0, len(rows) - 1))
            rows[at], rows[other] = rows[other], rows[at]
    return rows


@given(logs())
@settings(max_examples=150)
def test_it_answers_and_only_what_was_signed_counts(rows: list[Entry]) -> None:
    """No error, every failure with its reason, and in force is the document that four parties signed, or nothing."""
    world = _world()
    register = Register.from_entries(rows, root=world.admin.key.public)
    whole = Register.from_entries(world.log.rows, root=world.admin.key.public)
    assert register.in_force_documents() in ((), whole.in_force_documents())
    for version in register.established:
        assert set(version.signatures) == {"north", "south", "east", "hub"}
        assert version.proposal.document_sha256 == whole.established[0].proposal.document_sha256
    for failure in register.failures():
        assert failure.reason
        assert failure.detail
        assert json.dumps(failure.as_json())
