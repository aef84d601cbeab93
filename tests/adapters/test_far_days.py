"""Days as far away as a document may name them: the earliest is told from the latest in every engine.

rego-cpp compares the numbers of a list by their digits (policies/accordant/moments).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import pytest

from governance.adapters.opa import OpaEngine
from governance.adapters.rego import RegoEngine
from governance.compiler.bundle import compile_bundle
from governance.compiler.reference import decide
from governance.model.access import Facts, Withdrawn
from governance.ports import Engine
from tests.compiler.small import document, permit, request
from tests.real_parts import Opa


@pytest.fixture(params=["embedded", pytest.param("opa", marks=pytest.mark.opa)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each of the two, with nothing loaded."""
    made: RegoEngine | OpaEngine
    if request.param == "embedded":
        made = RegoEngine(timeout=20)
    else:
        factory: Callable[..., Opa] = request.getfixturevalue("opa_server_factory")
        made = OpaEngine(factory().url, timeout=20)
    yield made
    made.close()


@pytest.mark.parametrize("year", [2200, 2256, 3554, 5000, 9000])
def test_a_document_that_lives_long(engine: Engine, year: int) -> None:
    """Beside one whose clause ends this year: that end is the next moment."""
    soon = document(permit("1", valid={"until": dt.date(2026, 11, 30)}))
    long = document(permit("1"), id="n", expires=dt.date(year, 12, 31))
    engine.load(compile_bundle([soon, long]))
    expected = decide([soon, long], request())
    assert dt.datetime(2026, 12, 1, tzinfo=dt.UTC) == expected.valid_until
    assert expected == engine.decide(request(), Facts())


def test_a_withdrawal_at_the_end_of_the_calendar(engine: Engine) -> None:
    """It is no earlier than the document's last day."""
    mou = document(permit("1"))
    facts = Facts(withdrawn=(Withdrawn(mou="m", party="c", at=dt.datetime(9999, 12, 31, tzinfo=dt.UTC)),))
    engine.load(compile_bundle([mou]))
    assert decide([mou], request(), facts) == engine.decide(request(), facts)
