"""The log on both databases: every test that takes `engine` or `log` runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from audit import Log, NoteSigner
from tests.audit.worlds import ORIGIN, TestClock, keys_of, opened
from tests.audit.worlds import signer as new_signer


@pytest.fixture(scope="session")
def signer() -> NoteSigner:
    """The log's key."""
    return new_signer()


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/log.db"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest) -> str:
    """A fresh database."""
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    with opened(url) as engine:
        yield engine


@pytest.fixture
def log(engine: Engine, signer: NoteSigner, clock: TestClock) -> Iterator[Log]:
    """An empty log."""
    with Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer, clock=clock) as log:
        yield log
