"""The real parts as fixtures, and what happens where one is missing.

A missing part is never silent. On a laptop the tests that need it are skipped, each with its reason, and the run ends
with a banner; where `CI=true` they fail.

    opa_binary            path of the pinned OPA
    opa_server            base URL of a running OPA server, one a test process: leave it as you found it
    opa_server_factory    makes servers of one's own: `server = opa_server_factory(); server.url; server.suspend()`
    postgresql            the throw-away cluster, one a test process (`.create()`, `.crash()`, `.start()`)
    postgresql_url        a fresh, empty database of it, dropped after the test
    chromium              path of the browser
    fsck, litewitness     paths of stock checkers of logs, Tessera's and torchwood's
    shared                the folder with the acceptance documents
    oulad                 the folder with the real data
    figures               what a test of faults counted, for the lines at the end of the run
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from scripts.parts import GO_TOOLS, OPA_VERSION, find_chromium, find_go_tool, find_opa, find_postgresql
from tests.real_parts import Opa, PostgreSQL, start_opa, start_postgresql

ROOT = Path(__file__).resolve().parents[1]
MISSING = "MISSING PART: "
FIGURES = "FAULTS"

# No deadline and no complaint about slow generation: both would measure how busy the machine is. Under CI every run
# draws the same examples, so that a red run can be repeated; at a desk each run draws others.
settings.register_profile(
    "accordant",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("accordant")


def missing(what: str) -> NoReturn:
    """Skip loudly; fail where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(MISSING + what, pytrace=False)
    pytest.skip(MISSING + what)


@pytest.fixture(autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What clients remember of logs stays out of the home of whoever runs the tests, and of other tests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state" / uuid.uuid4().hex))


@pytest.fixture(scope="session")
def opa_binary() -> Path:
    """The pinned OPA."""
    found = find_opa()
    return found if found is not None else missing(f"opa {OPA_VERSION} (`make parts` installs it)")


@pytest.fixture(scope="session")
def opa_server_factory(opa_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Opa]]:
    """Servers of one's own, to be stopped, suspended and loaded at will; all end with the session."""
    folder = tmp_path_factory.mktemp("opa")
    started: list[Opa] = []

    def start(*options: str) -> Opa:
        started.append(start_opa(opa_binary, folder, *options))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def opa_server(opa_server_factory: Callable[..., Opa]) -> str:
    """The base URL of a server that the tests of this process share."""
    return opa_server_factory().url


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A cluster that is made for this process and removed after it."""
    binaries = find_postgresql()
    if binaries is None:
        missing("postgresql (`make parts` installs it, or your system's package does)")
    cluster = start_postgresql(binaries)
    yield cluster
    cluster.remove()


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL) -> Iterator[str]:
    """A fresh, empty database."""
    url = postgresql.create()
    yield url
    postgresql.drop(url)


def _go_tool(name: str) -> Path:
    found = find_go_tool(name)
    return found if found is not None else missing(f"{name} {GO_TOOLS[name][1]} (`make parts` installs it, given Go)")


@pytest.fixture(scope="session")
def fsck() -> Path:
    """Tessera's `fsck`."""
    return _go_tool("fsck")


@pytest.fixture(scope="session")
def litewitness() -> Path:
    """Torchwood's witness."""
    return _go_tool("litewitness")


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser that people's pages are tried in."""
    found = find_chromium()
    return found if found is not None else missing("chromium (`make parts` installs it, or your system's package does)")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder beside the checkout that holds `acceptance/` and `data/`; `ACCORDANT_SHARED` names another."""
    folder = Path(os.environ.get("ACCORDANT_SHARED") or ROOT.parent / "shared")
    return folder if (folder / "acceptance").is_dir() else missing(f"`{folder}` with the acceptance documents")


@pytest.fixture(scope="session")
def oulad(shared: Path) -> Path:
    """The folder with the real data: seven modules' students, as seven partners' clients."""
    folder = shared / "data" / "oulad"
    return folder if folder.is_dir() else missing(f"`{folder}` with the real data")


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Rounds of faults, entries that were acknowledged in them, and how many of those were lost or stand twice."""

    def tell(what: str, *, rounds: int, acknowledged: int, lost: int, duplicated: int) -> None:
        record_property(FIGURES, [what, rounds, acknowledged, lost, duplicated])

    return tell


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was not tested is said once more at the end, where people look; and what the tests of faults counted."""
    counted: dict[str, list[int]] = {}
    for report in (r for reports in terminalreporter.stats.values() for r in reports):
        if getattr(report, "when", "") == "call":
            for what, *found in (value for name, value in report.user_properties if name == FIGURES):
                counted[what] = [a + b for a, b in zip(counted.get(what, [0] * 4), found, strict=True)]
    for what, (rounds, acknowledged, lost, duplicated) in sorted(counted.items()):
        terminalreporter.write_line(
            f"{FIGURES}: {what}: {rounds} rounds, {acknowledged} acknowledged, {lost} lost, {duplicated} duplicated"
        )
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []) if report.longrepr]
    parts = {reason.partition(MISSING)[2] for reason in reasons if MISSING in reason}
    for part in sorted(parts):
        count = sum(MISSING + part in reason for reason in reasons)
        terminalreporter.write_line(f"NOT TESTED, {MISSING}{part}: {count} tests skipped", red=True, bold=True)
