"""The journal on a log that two processes write to, and what it keeps of a long one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit import Draft, Log, NoteSigner
from audit.scan import Looked
from governance.adapters import journal as adapter
from governance.adapters.journal import AuditJournal
from governance.adapters.store.database import open_database
from tests.audit.worlds import keys_of

ORIGIN = "gateway.example/log"
SIGNER = NoteSigner.generate(ORIGIN)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/log.db"


@pytest.fixture
def log(url: str) -> Iterator[Log]:
    engine = open_database(url)
    with Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=SIGNER) as log:
        yield log
    engine.dispose()


def test_another_process_is_heard_of_without_an_append_of_ours(log: Log, url: str) -> None:
    """A moment after its entry is durable; and the entry is there to be read."""
    journal = AuditJournal(log, watched={"revocation"})
    assert -1 == journal.last_of({"revocation"})
    engine = open_database(url)
    with Log.open(engine, keys=keys_of(engine), origin=ORIGIN, signer=SIGNER) as other:
        other.append([Draft("request", {}), Draft("revocation", {"key": "lost"})])
    engine.dispose()
    while journal.last_of({"revocation"}) != 1:
        pass
    assert [1] == [entry.seq for entry in journal.entries(kinds={"revocation"})]


def test_what_a_long_log_was_looked_through_for_is_kept(log: Log) -> None:
    """At the start and at the end; of a short one nothing, since a look at all of it costs as little."""
    kept: list[Looked] = []
    journal = AuditJournal(log, watched={"revocation"}, keep=kept.append)
    for _ in range(4):
        journal.append([Draft("request", {})] * (adapter._WORTH // 4 - 1))
        journal.keep_now()
    assert [] == kept
    journal.append([Draft("revocation", {})] * 4)
    journal.keep_now()
    assert [(adapter._WORTH, 4)] == [(looked.size, len(looked.seen)) for looked in kept]
    again = AuditJournal(log, watched={"revocation"}, since=kept[0], keep=kept.append)
    assert journal.looked() == again.looked()
    assert 1 == len(kept)
