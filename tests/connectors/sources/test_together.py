"""Files of several parties in one statement: what comes out is what each source alone would answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.sources import TabularSource
from connectors.sources.together import TabularGroup, grouped
from governance.disclosure.query import SourceQuery
from governance.errors import SourceUnavailable
from governance.model.access import Protection
from governance.model.mou import Mou
from tests.connectors.sources.engines import csv_source, mapping, parquet_source
from tests.connectors.sources.test_same_answer import _DIMENSIONS, _MEASURES, close
from tests.disclosure.test_rows import row
from tests.disclosure.world import (
    NONE,
    PARTIES,
    Consents,
    MemorySource,
    Row,
    aggregate,
    ask,
    mou,
    request,
    table_of,
    world_strategy,
)

Asked = list[tuple[str, ...]]


def by_party(document: Mou) -> Mou:
    """The same, with the contributors as levels, so that figures may be asked for by contributor."""
    dump = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    dump["datasets"]["visits"]["fields"]["org"]["levels"] = list(PARTIES)
    return Mou.model_validate(dump)


def asking(sources: dict[str, Any], seen: Asked) -> Callable[[Sequence[SourceQuery]], Iterator[Any]]:
    """Asks in one go whoever can be asked so, as the book of the sources does; `seen`: who stood in one statement."""
    groups = grouped(list(sources.values()))

    def together(queries: Sequence[SourceQuery]) -> Iterator[tuple[str, pa.RecordBatch]]:
        left = {query.contributor: query for query in queries}
        for group in groups:
            those = [query for query in left.values() if group.takes(query)]
            if len(those) > 1:
                seen.append(tuple(query.contributor for query in those))
                yield from group.fetch(those)
                for query in those:
                    del left[query.contributor]
        for query in left.values():
            seen.append((query.contributor,))
            for batch in sources[query.contributor].fetch(query):
                yield query.contributor, batch

    return together


@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each example opens files: shrinking would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    world=world_strategy(most=15),
    dimensions=st.lists(st.sampled_from([*_DIMENSIONS, "org"]), max_size=2, unique=True),
    measures=st.lists(st.sampled_from(_MEASURES), min_size=1, max_size=3, unique_by=str),
    of=st.sampled_from([None, ["ash"], ["birch", "ash"]]),
    shared=st.booleans(),
    protection=st.sampled_from([aggregate(2, 1, 0.9), aggregate(1, 0, 1.0), Protection(kind="none")]),
)
def test_figures_are_the_same(
    tmp_path: Path,
    world: dict[str, list[Row]],
    dimensions: list[str],
    measures: list[dict[str, Any]],
    of: list[str] | None,
    shared: bool,
    protection: Protection,
) -> None:
    """Whoever is asked for, with every measure, by levels and other; empty sources too."""
    filters = [{"field": "org", "op": "in", "value": of}] if of else []
    dimensions = [d for d in dimensions if d != "org"][:1] if of else dimensions  # a filter counts as a dimension
    asked = request(group_by=dimensions, measures=measures, filters=filters)
    document = by_party(mou(subjects="shared" if shared else "separate"))
    real = {p: parquet_source(tmp_path, p, rows) for p, rows in world.items()}
    plain = {p: MemorySource(p, rows) for p, rows in world.items()}
    want = table_of(ask(plain, asked, protection, document=document))
    seen: Asked = []
    got = table_of(ask(real, asked, protection, document=document, together=asking(real, seen)))
    for source in real.values():
        source.close()
    assert [close(r) for r in want] == got
    # Subjects that contributors share are listed one by one, and each source is asked alone for its own.
    assert shared or len(world) < 2 or max(map(len, seen)) == len(world)


def test_a_row_belongs_to_whose_file_it_lies_in(tmp_path: Path) -> None:
    """A column with the contributor's name in it, and one that is called as ours, change nothing."""
    sources = {}
    for party, says in (("ash", "birch"), ("birch", "ash")):
        path = tmp_path / f"{party}.parquet"
        many = 20 if party == "ash" else 30
        columns = {"org": [says] * many, "file of the row": [says] * many, "client": [f"{n}" for n in range(many)]}
        pq.write_table(pa.table(columns), path)
        read = mapping(party, {"files": [path.name]}, {"client": "client", "program": "file of the row"})
        sources[party] = TabularSource(mapping=read, files=[path])
    asked = request(measures=[{"measure": "clients"}], group_by=["org"])
    seen: Asked = []
    document = by_party(mou())
    made = table_of(ask(sources, asked, NONE, document=document, together=asking(sources, seen)))
    assert [("ash", "birch")] == seen
    assert {"ash": 20, "birch": 30} == {r["org"]: r["clients"] for r in made if r["clients"]}


def test_who_needs_consents_is_asked_alone(tmp_path: Path) -> None:
    """The others are asked together; the figure counts those with a consent only."""
    rows = [row(f"c{i}", program="early") for i in range(20)]
    real = {p: parquet_source(tmp_path, p, rows) for p in ("ash", "birch", "cedar")}
    consents = Consents({"cedar": [f"c{i}" for i in range(4)]})
    seen: Asked = []
    asked = request(measures=[{"measure": "clients"}])
    made = ask(real, asked, aggregate(1, 0, 1.0), consent=["cedar"], consents=consents, together=asking(real, seen))
    assert [44] == [r["clients"] for r in table_of(made)]
    assert [("ash", "birch"), ("cedar",)] == seen


def test_only_sources_alike_are_one_group(tmp_path: Path) -> None:
    """CSV files, other columns or a single source: asked alone."""
    rows = [row(f"c{i}", program="early") for i in range(3)]
    real = [parquet_source(tmp_path, p, rows) for p in ("ash", "birch")]
    other = tmp_path / "cedar.parquet"
    pq.write_table(pa.table({"client": ["1"]}), other)
    cedar = TabularSource(mapping=mapping("cedar", {"files": [other.name]}, {"client": "client"}), files=[other])
    (group,) = grouped([*real, cedar, csv_source(tmp_path, "doum", rows)])
    assert ("ash", "birch") == group.owners
    assert [] == grouped([real[0], cedar])


def test_a_group_takes_no_question_of_another(tmp_path: Path) -> None:
    """Of somebody else's rows, or two that differ: an error, not somebody's rows."""
    rows = [row(f"c{i}", program="early") for i in range(3)]
    real = {p: parquet_source(tmp_path, p, rows) for p in ("ash", "birch", "cedar")}
    group = TabularGroup([real["ash"], real["birch"]])
    kept: list[Sequence[SourceQuery]] = []

    def keep(queries: Sequence[SourceQuery]) -> Iterator[Any]:
        kept.append(queries)
        return iter(())

    for field in ("program", "language"):
        ask(real, request(measures=[{"measure": "clients"}], group_by=[field]), aggregate(1, 0, 1.0), together=keep)
    with pytest.raises(SourceUnavailable, match="together"):
        list(group.fetch(kept[0]))  # cedar's is among them
    with pytest.raises(SourceUnavailable, match="together"):
        list(group.fetch([kept[0][0], kept[1][1]]))
    with pytest.raises(TypeError):
        list(group.fetch([object()]))  # type: ignore[list-item]
    group.close()
