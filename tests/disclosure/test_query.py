"""A governed query cannot be had but from `govern`, and a source takes nothing else: tries to get round it."""

from __future__ import annotations

import copy
import dataclasses
import gc
import pickle
import weakref
from pathlib import Path
from typing import Any

import pytest

from connectors.sources import SqlSource
from governance.disclosure.answer import answer
from governance.disclosure.govern import govern
from governance.disclosure.query import GovernedQuery, SourceQuery, require_genuine
from governance.errors import SourceUnavailable
from tests.connectors.sources.engines import mapping, parquet_source
from tests.disclosure.world import NONE, SECRET, MemorySource, mou, permit, request


def governed() -> GovernedQuery:
    """One that is genuine."""
    asked = request(view="identified", rows="own", fields=["name"])
    return govern(request=asked, decision=permit(asked, NONE, contributors=["ash"]), mou=mou(), pseudonym_key=SECRET)


def source_query() -> SourceQuery:
    """One that is genuine, as a source sees it."""
    seen: list[SourceQuery] = []

    def fetch(query: SourceQuery) -> Any:
        seen.append(query)
        return iter(())

    answer(governed(), fetch)
    return seen[0]


def forged(**changes: Any) -> list[SourceQuery]:
    """Every way to a query that nobody governed."""
    genuine = source_query()
    values = {f.name: getattr(genuine, f.name) for f in dataclasses.fields(genuine)} | changes
    blank = object.__new__(SourceQuery)
    for name, value in values.items():
        object.__setattr__(blank, name, value)

    class Alike:
        """Walks like one."""

        def __getattr__(self, name: str) -> Any:
            return values[name]

        @property
        def __class__(self) -> Any:
            return SourceQuery

    return [blank, Alike(), dict(values), "SELECT * FROM clients", None]  # type: ignore[list-item]


@pytest.mark.parametrize("kind", [GovernedQuery, SourceQuery])
def test_only_disclosure_constructs(kind: type) -> None:
    """Any token but the package's own is refused, and none as well."""
    genuine = governed() if kind is GovernedQuery else source_query()
    values = {f.name: getattr(genuine, f.name) for f in dataclasses.fields(genuine)}
    for token in (object(), None, True, "token"):
        with pytest.raises(TypeError, match="builds a governed query"):
            kind(token=token, **values)
    with pytest.raises(TypeError):
        kind(**values)
    with pytest.raises((TypeError, ValueError)):
        dataclasses.replace(genuine, dataset="other")


def test_it_is_neither_changed_copied_pickled_nor_subclassed() -> None:
    """Each would be a query that nobody governed."""
    for genuine in (governed(), source_query()):
        with pytest.raises(dataclasses.FrozenInstanceError):
            genuine.dataset = "other"  # type: ignore[misc]
        with pytest.raises(TypeError):
            genuine.types["name"] = "integer"  # type: ignore[index]
        for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError):
                attempt(genuine)
        with pytest.raises(TypeError):
            type("Mine", (type(genuine),), {})


def test_every_source_refuses_a_forgery(tmp_path: Path) -> None:
    """However it was made, and whatever it looks like."""
    tabular = parquet_source(tmp_path, "ash", [])
    sql = SqlSource(mapping=mapping("ash", {"table": "t"}), url="sqlite://")
    for source in (tabular, sql, MemorySource("ash", [])):
        for query in forged():
            with pytest.raises(TypeError, match="accepts only"):
                list(source.fetch(query))
    with pytest.raises(TypeError, match="accepts only"):
        answer(forged()[0], lambda query: iter(()))  # type: ignore[arg-type]
    tabular.close()
    sql.close()


def test_a_source_of_another_party_refuses(tmp_path: Path) -> None:
    """A query for one contributor reaches no other's rows."""
    other = parquet_source(tmp_path, "birch", [])
    with pytest.raises(SourceUnavailable) as caught:
        other.fetch(source_query())
    assert "source-mismatch" == caught.value.reason
    other.close()


def test_no_secret_shows_in_its_repr() -> None:
    """The key behind pseudonyms is never printed."""
    asked = request(view="pseudonymised", rows="own", fields=["program"])
    made = govern(request=asked, decision=permit(asked, NONE, contributors=["ash"]), mou=mou(), pseudonym_key=SECRET)
    assert "pseudonym_key" not in repr(made)
    assert made.pseudonym_key


def test_only_a_permit_is_governed() -> None:
    """A deny, a gap or a permit without obligations becomes no query."""
    asked = request(view="identified", rows="own", fields=["name"])
    decision = permit(asked, NONE, contributors=["ash"])
    for outcome in ("deny", "gap", "review", "invalid", "unavailable"):
        refused = decision.model_copy(update={"outcome": outcome})
        with pytest.raises(TypeError):
            govern(request=asked, decision=refused, mou=mou(), pseudonym_key=SECRET)
    with pytest.raises(TypeError):
        govern(
            request=asked,
            decision=decision.model_copy(update={"obligations": None}),
            mou=mou(),
            pseudonym_key=SECRET,
        )


def test_the_registry_forgets_what_is_gone() -> None:
    """Remembering what was made keeps nothing alive."""
    made = governed()
    require_genuine(made)
    watch = weakref.ref(made)
    del made
    gc.collect()
    assert watch() is None
