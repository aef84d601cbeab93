"""A start that begins with what an earlier one found out says the same as one that finds everything out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from governance.bootstrap import open_services
from governance.errors import AccordantError
from governance.keeping import Keeping
from governance.register import reading
from governance.register.kept import from_kept, to_kept
from tests.simulator import World
from tests.tampered import rewritten
from tests.test_gateway import OWN


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An MOU that all have signed, and rows; the home was closed, and has kept what it knew."""
    made = World.found(tmp_path).agreed().filled(clients=33)
    made.close()
    forget()
    yield made
    with contextlib.suppress(AccordantError):
        made.close()


def forget() -> None:
    """As in a new process."""
    reading._MADE.clear()
    reading._VERIFIED.clear()


def status(world: World) -> Any:
    shown = world.told(world.partners["north"], "GET", "/v1/mous/small")
    return shown, world.query(world.partners["dashboard"], OWN).status_code


def test_what_was_kept_is_taken_in(world: World) -> None:
    """Documents, before a single entry is read; no signature counts before it is verified; all is as it was."""
    Keeping(world.settings).begin(())
    assert (1, {}) == (len(reading.known()), reading._VERIFIED)
    world.open()
    with_it = status(world)
    world.close()
    forget()
    (world.settings.home / "kept" / "register").unlink()
    world.open()
    assert with_it == status(world)
    assert 200 == with_it[1]


def test_it_reads_back_as_it_was(world: World) -> None:
    """Each document, to the last member."""
    world.open()
    found, register = reading.known(), world.services.agreements.book.current()
    kept = to_kept(register, {})
    forget()
    from_kept(kept)
    assert found == reading.known()
    assert to_kept(register, kept) == kept


def test_a_changed_file_is_nothing(world: World) -> None:
    """Whoever writes to the home's folder without its key makes nothing count."""
    path = world.settings.home / "kept" / "register"
    path.write_bytes(path.read_bytes().replace(b"A small collaborative", b"A small conspiracies!"))
    Keeping(world.settings).begin(())
    assert {} == reading.known()
    world.open()
    assert 200 == status(world)[1]


def test_what_was_kept_does_not_hide_a_changed_signature(world: World) -> None:
    """It is kept for an entry's very bytes: another content under the same leaf fails as ever."""
    world.open()
    *_, newest = world.services.journal.entries(kinds={"signature"})
    rewritten(world.settings, newest.seq, b"jws", b"jwz")
    shown, answer = status(world)
    assert (False, False) == (shown["state"] == "in force", answer == 200)


def test_a_trial_hands_over_what_it_found(world: World) -> None:
    """The service that follows reads only what came behind it."""
    keeping = Keeping(world.settings)
    open_services(world.settings, keeping=keeping, trial=True).close()
    assert keeping.register is not None
    following = open_services(world.settings, engine=world.reading, keeping=keeping)
    try:
        assert keeping.register is following.agreements.book.current()
    finally:
        following.close()
