"""Which sources there are: files that were loaded, read by DuckDB; and live tables of PostgreSQL or SQLite.

Part of `bootstrap`: it puts the use case's port and the connectors together. An address that a partner gives makes the
server connect to somewhere: only PostgreSQL on a host that the operator allows is taken, and SQLite files that are
there already, inside the party's own folder of the home.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from connectors.sources import mapping as mapping_files
from connectors.sources.check import check
from connectors.sources.load import load
from connectors.sources.mapping import Mapping, Place
from connectors.sources.sql import SqlSource
from connectors.sources.tabular import TabularSource
from connectors.sources.together import grouped
from governance.enrolled import Loaded
from governance.errors import DocumentWrong, InputWrong, SourceUnavailable
from governance.model.mou import Dataset
from governance.ports import Source, SourceGroup
from governance.sources import MappingRead

__all__ = ["HomeSources"]

_TLS = frozenset({"sslmode"})
_SUFFIXES = {"text/csv": ".csv", "application/vnd.apache.parquet": ".parquet"}


class HomeSources:
    """The port `SourceKinds` for one home."""

    def __init__(self, data: Path, *, seconds: float, hosts: str = "") -> None:
        self._data, self._seconds = data, seconds
        self._hosts = {h.strip().lower() for h in hosts.split(",") if h.strip()}

    def read(self, data: bytes) -> MappingRead:
        """Raises DocumentWrong with every fault."""
        mapping = mapping_files.read(data)
        return MappingRead(mapping.party, mapping.mou, mapping.dataset, mapping.source.table is not None, mapping)

    def load(
        self, read: MappingRead, dataset: Dataset, content: bytes | memoryview, *, media_type: str, target: Path
    ) -> Loaded:
        """Rows into a typed Parquet file: all of them, or none."""
        suffix = _SUFFIXES.get(media_type)
        if suffix is None:
            raise InputWrong(
                f"`{media_type}` is not taken; {' or '.join(_SUFFIXES)} is", reason="media-type", field="Content-Type"
            )
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".upload-") as folder:
            upload = Path(folder) / f"rows{suffix}"
            upload.write_bytes(content)
            report = load(upload, mapping=read.value, dataset=dataset, target=target, name="the file")
        return Loaded(
            path=target.name,
            sha256=_digest(target),
            rows=report.rows,
            warnings=tuple(f.message for f in report.warnings),
        )

    def open(self, read: MappingRead, dataset: Dataset, *, files: Sequence[Path], url: str | None) -> Source:
        """A source that is ready to be asked."""
        mapping: Mapping = read.value
        if url is not None:
            self._allowed(url, mapping.party)
            source = SqlSource(mapping=mapping, url=url, seconds=self._seconds)
            faults = [f for f in check(mapping, dataset, source) if f.level == "error"]
            if faults:
                raise DocumentWrong(faults)
            return source
        # Loaded rows carry the MOU's own field names.
        identity = {name: name for name in mapping.columns if name != dataset.contributor}
        place = Place(files=tuple(f.name for f in files))
        return TabularSource(mapping=mapping.model_copy(update={"source": place, "columns": identity}), files=files)

    def holds(self, read: MappingRead, dataset: Dataset, file: Path, subject: str) -> bool:  # noqa: ARG002 the port's
        """Group by group, so that it takes no memory to speak of."""
        try:
            rows = pq.ParquetFile(file)
            for number in range(rows.num_row_groups):
                column = rows.read_row_group(number, columns=[dataset.subject]).column(0)
                if pc.any(pc.equal(column.cast(pa.string()), subject)).as_py():
                    return True
        except (OSError, pa.ArrowException) as error:
            raise SourceUnavailable(
                f"loaded rows cannot be read ({type(error).__name__})", reason="source-unavailable"
            ) from None
        return False

    def together(self, sources: Sequence[Source]) -> Sequence[SourceGroup]:
        """Loaded files with the same columns; each live database is asked alone."""
        return grouped([source for source in sources if isinstance(source, TabularSource)])

    def reach(self, read: MappingRead, *, url: str) -> None:
        """Whether a live table can be looked at. Raises SourceUnavailable, or InputWrong where it is not allowed."""
        mapping: Mapping = read.value
        self._allowed(url, mapping.party)
        source = SqlSource(mapping=mapping, url=url, seconds=self._seconds)
        try:
            source.columns()
        finally:
            source.close()

    def _allowed(self, url: str, party: str) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            raise InputWrong("not a database address", reason="source-address", field="url") from None
        backend = parsed.get_backend_name()
        if backend == "postgresql":
            # Host, user and password stand in the address: nothing is filled in from the server's own surroundings.
            if (
                not (parsed.host and parsed.username and parsed.password and parsed.database)
                or set(parsed.query) - _TLS
            ):
                raise InputWrong(
                    "the address names host, database, user and password, and no option but `sslmode`",
                    reason="source-address",
                    field="url",
                )
            if parsed.host.lower() not in self._hosts:
                raise InputWrong(
                    f"`{parsed.host}` is not among the hosts that the operator allows (the setting `source_hosts`)",
                    reason="source-host",
                    field="url",
                )
            return
        own = (self._data / party).resolve()
        if (
            backend == "sqlite"
            and parsed.drivername in ("sqlite", "sqlite+pysqlite")
            and not parsed.query
            and parsed.database
            and Path(parsed.database).resolve().is_relative_to(own)
            and Path(parsed.database).is_file()
        ):
            return
        raise InputWrong(
            "only postgresql+psycopg://… addresses are taken, and SQLite files in the party's own folder of the home",
            reason="source-address",
            field="url",
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
