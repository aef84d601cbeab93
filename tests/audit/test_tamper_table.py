"""The tamper table: every way to cheat is played, and caught by who is said to catch it, each with its own words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from audit.meaning import MEANING
from governance.verification.meaning import MEANING as CLAIMS
from tests.audit.tamper_entries import ENTRIES
from tests.audit.tamper_orders import ORDERS
from tests.audit.tamper_page import page
from tests.audit.tamper_row import LOG_KEY, POWERS, WITNESS_KEY, Row
from tests.audit.tamper_scene import Scene, built
from tests.audit.tamper_sealed import SEALED
from tests.audit.tamper_signed import SIGNED

TABLE = (*ENTRIES, *SEALED, *SIGNED, *ORDERS)
DOCS = Path(__file__).resolve().parents[2] / "docs"
SAID: dict[str, str] = {}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return built(tmp_path_factory.mktemp("tamper") / "log")


def found(scene: Scene, row: Row) -> Sequence[tuple[str, str]]:
    """What is said by who is said to notice."""
    if row.looks is not None:
        return row.looks(scene)
    faults = scene.verified([scene.note] if row.who == "remembered" else [])
    return [(fault.code, fault.message) for fault in faults]


def test_the_log_that_it_is_played_on_is_whole(whole: Scene) -> None:
    """Nothing is found in it by anybody, and a start takes it."""
    assert () == whole.verified([whole.note], whole.policy)
    assert () == whole.exported()
    assert [] == whole.alarms()
    assert not whole.refuses()


@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
def test_it_is_caught(row: Row, whole: Scene, tmp_path: Path) -> None:
    """Stored bytes change, and whoever the row names says so; where the row says `only`, nobody else does."""
    scene = whole.copy(tmp_path / "log")
    before = scene.bytes()
    row.does(scene)
    assert before != scene.bytes()
    if row.who != "verify":
        assert () == scene.verified(), "verification alone finds it: the row is too modest"
    told = found(scene, row)
    codes = [code for code, _ in told]
    assert row.code in codes, told
    assert any(code == row.code and row.says in message for code, message in told), told
    assert set(row.also) <= set(codes), told
    assert row.refused == scene.refuses()
    first = next(message for code, message in told if code == row.code and row.says in message)
    assert first not in SAID or SAID[first] == row.name, f"said of `{SAID[first]}`, too"
    SAID[first] = row.name


def test_the_table_is_wide_enough() -> None:
    """At least 25 ways, of which some need the log's own key, and a witness's; every code has a meaning."""
    assert len(TABLE) >= 25
    assert len({row.name for row in TABLE}) == len(TABLE)
    for power in (LOG_KEY, WITNESS_KEY):
        assert any(power in row.takes for row in TABLE)
    assert {power for row in TABLE for power in row.takes} <= POWERS.keys()
    assert {row.code for row in TABLE if row.who != "witness"} <= MEANING.keys() | CLAIMS.keys()
    for row in TABLE:
        if LOG_KEY in row.takes:
            assert row.who != "verify", "the holder of the log's key is not caught by verification alone"


def test_the_page_is_the_table() -> None:
    """`docs/tampering.md` says what is tried here (`python -m tests.audit.tamper_page` writes it anew)."""
    assert page(TABLE) == (DOCS / "tampering.md").read_text(encoding="utf-8")
