"""Disclosures are kept while an MOU or a hold asks for them; months are forgotten by age; keys are wrapped anew."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from governance.errors import InputWrong, LogUnavailable
from governance.forgetting import Retention, Standing
from governance.rewrapping import rewrapped
from governance.verification import verify_home
from governance.web.app import create_app
from tests.forgetting_world import ACCOUNTING, NAME, asked, order, told_of
from tests.simulator import World


def codes(world: World) -> list[str]:
    return [fault.code for fault in verify_home(world.settings).faults]


def later(world: World, days: int) -> None:
    world.clock.pass_(days=days)


def accounted(world: World, client: str = NAME) -> list[dict[str, object]]:
    answer = world.call(world.partners["north"], "POST", "/v1/disclosures", {"subject": client})
    return answer.json["disclosures"] if answer.status_code == 200 else []


def test_who_saw_a_client_is_told_to_its_party_alone(tmp_path: Path) -> None:
    """When, to whom, for what, under which clause; the question is an entry, and is forgotten with the client."""
    with contextlib.closing(told_of(tmp_path)) as world:
        (one,) = accounted(world)
        expected = ("north", "improvement", "visits", "identified", ["small@1:1"], False)
        names = ("to", "purpose", "dataset", "view", "clauses", "request_erased")
        assert expected == tuple(one[name] for name in names)
        *_, search = world.services.journal.entries(kinds={"search"})
        assert {"disclosures-of": NAME} == search.body["by"]
        for name, document, status in (
            ("south", {"subject": NAME}, 404),
            ("south", {"subject": NAME, "contributor": "north"}, 403),
            ("dashboard", {"subject": NAME}, 403),
            ("north", {"subject": "nobody"}, 404),
        ):
            answer = world.call(world.partners[name], "POST", "/v1/disclosures", document)
            assert status == answer.status_code, (name, document)
        assert 200 == world.call(world.administrator, "POST", "/v1/disclosures", {"subject": NAME}).status_code
        assert 201 == order(world, world.partners["north"]).status_code
        again = world.services.journal.entry(search.seq)
        assert again is not None
        assert again.erased is not None
        assert [] == accounted(world)
        assert [] == codes(world)


def test_disclosures_are_kept_while_the_mou_asks_for_them(tmp_path: Path) -> None:
    """`erase` says until when, or erases the rest; what was left goes by itself once the period is over."""
    with contextlib.closing(told_of(tmp_path, ACCOUNTING)) as world:
        north, size = world.partners["north"], world.services.journal.head().size
        answer = order(world, north)
        assert (409, "kept-for-accounting") == (answer.status_code, answer.json["reason"])
        assert "until 20" in answer.json["detail"]
        (refused,) = world.services.journal.entries(after=size - 1)
        assert ("order-refused", "kept-for-accounting") == (refused.kind, refused.body["reason"])
        told = order(world, north, keep_disclosures=True).json
        assert ["accounting"] == [one["why"] for one in told["kept"]]
        assert told["kept"][0]["until"]
        (left,) = accounted(world)
        assert ["small@1:1"] == left["clauses"]
        assert left["request_erased"]
        assert ["client", "program"] == left["fields"]  # what was told stands in the record itself
        assert 0 == world.services.forgetting.carry_on()
        assert 201 == order(world, north, keep_disclosures=True).status_code  # the question named it again
        assert 409 == order(world, north, keep_disclosures=True).status_code
        assert [] == codes(world)
        later(world, 190)
        assert 1 == world.services.forgetting.carry_on()
        assert [] == accounted(world)
        assert 0 == world.services.forgetting.carry_on()
        assert [] == codes(world)


def test_a_hold_is_stronger_than_an_order(tmp_path: Path) -> None:
    """Until it is released; neither entry says who the client is."""
    with contextlib.closing(told_of(tmp_path)) as world:
        north = world.partners["north"]
        held = order(world, north, what="hold", path="/v1/holds", basis="case 26-118")
        assert 201 == held.status_code, held.get_data(as_text=True)
        assert 409 == order(world, north, what="hold", path="/v1/holds", basis="again").status_code
        answer = order(world, north)
        assert (409, "kept-for-hold") == (answer.status_code, answer.json["reason"])
        assert 201 == order(world, north, keep_disclosures=True).status_code
        later(world, 4000)
        assert 0 == world.services.forgetting.carry_on()
        assert 1 == len(accounted(world))
        released = order(world, north, what="release", path="/v1/holds/release", basis="closed")
        assert 201 == released.status_code, released.get_data(as_text=True)
        assert 1 == world.services.forgetting.carry_on()
        for entry in world.services.journal.entries(kinds={"hold", "release-hold", "erasure"}):
            assert NAME not in entry.body_bytes.decode()
        assert [] == codes(world)


@pytest.mark.parametrize("document", ["plain", "accounting"])
def test_whole_months_are_forgotten_by_age(tmp_path: Path, document: str) -> None:
    """What was asked for and sent goes, leaves stay; disclosures wait for the accounting period and for holds."""
    made = told_of(tmp_path, ACCOUNTING) if document == "accounting" else told_of(tmp_path)
    with contextlib.closing(made) as world:
        retention = replace(world.services.retention, days=60, disclosure_days=60)
        assert [] == retention.run()["entries"]
        later(world, 100)
        asked(world)
        size = world.services.journal.head().size
        done = retention.run()
        assert 1 == len(done["entries"])
        assert 1 == len(done["months"])
        assert [] == retention.run()["entries"]
        assert [] == codes(world)
        runs = verify_home(world.settings).erased
        assert {done["entries"][0]} == {under for _, _, under in runs}
        old = 1 if document == "accounting" else 0
        assert 1 + old == len(accounted(world))
        gone = [e.kind for n in range(size) if (e := world.services.journal.entry(n)) is not None and e.erased]
        assert {"request", "release"} | ({"disclosure"} if not old else set()) <= set(gone)
        assert ("disclosure" in gone) == (not old)
        later(world, 200)
        again = retention.run()
        assert again["entries"]
        assert [] == accounted(world) or old == 0
        kinds = [e.kind for n in range(size) if (e := world.services.journal.entry(n)) is not None and not e.erased]
        assert "disclosure" not in kinds
        assert [] == codes(world)


def test_a_held_month_of_disclosures_is_kept(tmp_path: Path) -> None:
    """Age does not overrule a hold."""
    with contextlib.closing(told_of(tmp_path)) as world:
        assert 201 == order(world, world.partners["north"], what="hold", path="/v1/holds", basis="a case").status_code
        retention = replace(world.services.retention, disclosure_days=30)
        later(world, 400)
        assert [] == retention.run()["entries"]
        order(world, world.partners["north"], what="release", path="/v1/holds/release", basis="closed")
        assert 1 == len(retention.run()["entries"])
        assert [] == codes(world)


def test_what_an_mou_accounts_for_is_not_erased_by_age(tmp_path: Path) -> None:
    """A service that runs other code can write such an erasure; verification names it, and not one that was due."""
    with contextlib.closing(told_of(tmp_path, ACCOUNTING)) as world:
        later(world, 35)

        class Careless(Standing):
            """Asks nobody."""

            def accounted(self, month: str) -> bool:
                return bool(month)

        own = world.services.retention
        standing = Careless(own.standing.journal, own.standing.clock, own.standing.book, own.standing.vault)
        assert [] == replace(own, disclosure_days=1).run()["entries"]
        (entry,) = replace(own, disclosure_days=1, standing=standing).run()["entries"]
        faults = verify_home(world.settings).faults
        assert {"erasure-unordered"} == {fault.code for fault in faults}
        assert f"entry {entry} erased a disclosure by age, and an MOU still asked" in faults[0].sentence
    with contextlib.closing(told_of(tmp_path / "due", ACCOUNTING)) as world:
        later(world, 230)
        assert 1 == len(replace(world.services.retention, disclosure_days=1).run()["entries"])
        assert [] == codes(world)


class Late:
    """A vault as another process saw it a moment ago."""

    def __init__(self, vault: Any, retention: Retention) -> None:
        self._vault = vault
        self._due = retention._due("content", 60)
        self._under = vault.under_months([key for key, _, _ in self._due])

    def months(self, use: str, *, before: str) -> Any:
        assert before
        return self._due if use == "content" else []

    def under_months(self, ids: Any) -> Any:
        assert ids
        return self._under

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)


def test_of_several_processes_one_does_it(tmp_path: Path) -> None:
    """The transaction of the entry decides: the later one writes nothing."""
    with contextlib.closing(told_of(tmp_path)) as world:
        later(world, 100)
        retention = replace(world.services.retention, days=60)
        late = replace(retention, vault=Late(world.services.forgetting.vault, retention))
        assert 1 == len(retention.run()["entries"])
        size = world.services.journal.head().size
        assert [] == late.run()["entries"]
        assert size == world.services.journal.head().size
        assert [] == codes(world)


def test_keys_that_outlived_their_erasure_go_with_the_next_hour(tmp_path: Path) -> None:
    """The key store did not answer once the entry stood."""

    class Deaf(Late):
        def __init__(self, vault: Any) -> None:
            self._vault = vault

        def destroy(self, ids: Any, *, under: int) -> None:
            raise LogUnavailable(f"{len(ids)} keys stay, {under}")

    with contextlib.closing(told_of(tmp_path)) as world:
        forgetting = replace(world.services.forgetting, vault=Deaf(world.services.forgetting.vault))
        object.__setattr__(world.services, "forgetting", forgetting)
        world.client = create_app(world.services).test_client()
        assert 503 == order(world, world.partners["north"]).status_code
        assert ["key-returned"] == codes(world)
        assert 0 < world.services.schedule.hourly()["keys"]
        assert [] == codes(world)


def test_every_data_key_is_wrapped_anew(tmp_path: Path) -> None:
    """Broken off, it goes on; with a wrong old key nothing is touched; no entry changes."""
    world = told_of(tmp_path)
    size = world.services.journal.head().size
    world.close()
    keys = world.settings.keys
    (keys / "old.key").write_bytes((keys / "wrapping.key").read_bytes())
    (keys / "wrong.key").write_bytes(b"w" * 32)
    with pytest.raises(InputWrong, match="the old key is the one of the settings"):
        rewrapped(world.settings, "file:keys/old.key")
    (keys / "wrapping.key").write_bytes(b"n" * 32)
    with pytest.raises(InputWrong, match="neither this key nor that of the settings"):
        rewrapped(world.settings, "file:keys/wrong.key")
    with pytest.raises(LogUnavailable):
        world.open()

    class Broken(Exception):
        pass

    def breaks(done: int, total: int) -> None:
        assert 0 < done <= total
        raise Broken

    with pytest.raises(Broken):
        rewrapped(world.settings, "file:keys/old.key", progress=breaks)
    assert 0 <= rewrapped(world.settings, "file:keys/old.key")
    assert 0 == rewrapped(world.settings, "file:keys/old.key")
    (keys / "old.key").unlink()
    world.open()
    with contextlib.closing(world):
        assert size == world.services.journal.head().size
        assert 1 == len(accounted(world))
        assert [] == codes(world)
