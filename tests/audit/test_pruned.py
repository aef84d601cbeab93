"""Cosignatures come in each minute; those that somebody needs stay, and what rests on them verifies as before."""

from __future__ import annotations

from sqlalchemy import select

from audit import Log, verify
from audit.cosignature import cosignatures_of
from audit.cosigned import COSIGNATURES, CosignatureStore
from audit.pruned import prune
from tests.audit.test_vouched import WITNESSES, policy
from tests.audit.worlds import draft

DAY = 86_400


def cosigned(log: Log, *numbers: int, day: int = 0) -> None:
    """The newest checkpoint, by these witnesses on that day."""
    note = log.head().checkpoint
    for number in numbers:
        line = WITNESSES[number].line(note, seconds=1_800_000_000 // DAY * DAY + day * DAY + log.head().size)
        (found,) = cosignatures_of(note + line, (WITNESSES[number].verifier,))
        CosignatureStore(log.engine).keep(note, found)


def sizes(log: Log) -> dict[int, int]:
    """How many cosignatures are kept of each size."""
    with log.engine.connect() as connection:
        found = list(connection.scalars(select(COSIGNATURES.c.size).order_by(COSIGNATURES.c.size)))
    return {size: found.count(size) for size in found}


def grown(log: Log, *witnessed: tuple[int, ...], day: int = 0) -> None:
    for numbers in witnessed:
        log.append([draft(log.head().size)])
        cosigned(log, *numbers, day=day)


def test_what_is_needed_stays(log: Log) -> None:
    """The newest, each witness's newest, the newest with the quorum, and of each day the best."""
    grown(log, (2,), (0, 1), (0,), day=0)  # 1, 2, 3
    grown(log, (0,), (1,), day=1)  # 4, 5: no quorum that day, the last counts
    grown(log, (0, 1, 2), (0, 1), (1,), day=2)  # 6, 7, 8: 6 has most
    grown(log, (0, 1), (0,), (0,), (0,), day=3)  # 9 is covered; 12 is the newest
    assert 7 == prune(log.engine, policy("2"), newest=1)
    assert {2: 2, 5: 1, 6: 3, 9: 2, 12: 1} == sizes(log)
    assert 0 == prune(log.engine, policy("2"), newest=1)


def test_what_rests_on_them_verifies_as_before(log: Log) -> None:
    """The log, the quorum's reach, and the checkpoint that a receipt of any entry is made under."""
    for day in range(3):
        grown(log, *[(0, 1)] * 8, (2,), day=day)
    store, asks, vkey = CosignatureStore(log.engine), policy("2", log=log.verifier.vkey), log.verifier.vkey
    before = [store.satisfying(asks, beyond=index) for index in range(26)], verify(log, vkey=vkey, policy=asks)
    assert 20 < prune(log.engine, asks, newest=2)
    after = [store.satisfying(asks, beyond=index) for index in range(26)], verify(log, vkey=vkey, policy=asks)
    assert before == after
    assert 26 == after[1].vouched


def test_another_policy_loses_no_witness(log: Log) -> None:
    """Who was taken out of the policy, or out of the quorum, still has its newest."""
    grown(log, (0, 1, 2), (2,), (0,), (0,), (0,))
    prune(log.engine, policy("1"), newest=1)
    assert {1: 3, 2: 1, 5: 1} == sizes(log)
    assert 2 == CosignatureStore(log.engine).seen(WITNESSES[2].verifier)


def test_no_table_is_nothing_to_prune(log: Log) -> None:
    """A log that no witness was asked about."""
    assert 0 == prune(log.engine, policy())
