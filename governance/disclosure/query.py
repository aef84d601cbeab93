"""The governed query: what is left of a request once its obligations are applied, the only thing a source accepts.

Only this package builds one. The constructors ask for a token that lives here, the values are frozen and cannot be
copied, pickled or subclassed, and every value made is remembered: a source asks `require_genuine`, which knows a
forgery however it was made. A field is named as the MOU names it; which column that is, the source's mapping says.
Values were validated and typed by `govern`; a source binds them, and never pastes them into a statement.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NoReturn, Protocol

import pyarrow as pa

from governance.model.access import Protection
from governance.model.levels import Bin, Equals, Interval, Levels, Other, Scalar
from governance.model.names import FieldType, View

__all__ = [
    "Condition",
    "ConsentSource",
    "Dimension",
    "Figure",
    "GovernedQuery",
    "IsNull",
    "Key",
    "NotEquals",
    "SourceQuery",
    "Tally",
    "Test",
    "arrow_type",
    "require_genuine",
]

_TOKEN = object()
_made: weakref.WeakSet[Any] = weakref.WeakSet()
_lock = threading.Lock()

_ARROW: dict[FieldType, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
    "quarter": pa.string(),
}


def arrow_type(type_: FieldType) -> pa.DataType:
    """The Arrow type in which values of a field leave every source."""
    return _ARROW[type_]


class ConsentSource(Protocol):
    """Who consents. Given by the use case that asks; the join itself is the source's engine's."""

    def active(self, contributor: str) -> pa.Table:
        """One column `subject` (string): this contributor's subjects with every consent that the request needs."""
        ...


@dataclass(frozen=True, slots=True)
class NotEquals:
    """Present, and another value."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class IsNull:
    """Absent; or present, with `expected` false."""

    expected: bool = True


Test = Equals | Interval | Other | NotEquals | IsNull


@dataclass(frozen=True, slots=True)
class Condition:
    """The field passes one of the tests; or, with `negate`, none of them (an absent value then passes)."""

    field: str
    tests: tuple[Test, ...]
    negate: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A column that rows are grouped by: the number of its bin (from 0, NULL in none), or the value itself."""

    field: str
    bins: tuple[Bin, ...] | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Of the rows of a group that meet every condition: their number, their distinct subjects, and the sums of `value`.

    In the answer of a source its columns are `rows_i`, `subjects_i` and, with `value`, `sum_i` and `size_i` (the sum
    of absolute values), i being its place. Without `distinct` nobody looks at `subjects_i`, and it may be 0: to count
    subjects costs more than everything else.
    """

    where: tuple[Condition, ...] = ()
    value: str | None = None
    distinct: bool = True


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension of an aggregate. `shown` are the places of the levels that stand in the answer; None: raw values."""

    field: str
    levels: Levels | None
    shown: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure: its column, and the places of the tallies that it is computed from.

    `base` is what it rests on. A share has `hits`, and `misses` where the complement is counted on its own; without,
    the complement are the subjects of `base` without a hit (`unit` clients). `absent` is the tally of what the figure
    leaves out because the field has no value: where the figure tells how many have one, it tells those as well.
    """

    column: str
    measure: Literal["clients", "count", "sum", "mean", "rate"]
    base: int
    hits: int | None = None
    misses: int | None = None
    unit: Literal["clients", "rows"] = "rows"
    absent: int | None = None
    whole: bool = False  # a sum of whole numbers is one
    missing: int | None = None  # an indicator's floor: the tally of absent values …
    floor: float | None = None  # … and the largest share of them with which a contributor's figure counts


class _Sealed:
    """No copies, no pickles, no subclasses: each would be a governed query that nobody governed."""

    __slots__ = ()

    def __copy__(self) -> NoReturn:
        raise TypeError("a governed query cannot be copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("a governed query cannot be copied")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a governed query cannot be pickled")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, weakref_slot=True)
class GovernedQuery(_Sealed):
    """A request, permitted, with its obligations applied. Built by `govern` alone; read by `answer`."""

    token: InitVar[object]
    dataset: str
    party: str  # the recipient
    view: View
    contributors: tuple[str, ...]  # R, sorted
    shared_subjects: bool
    subject_field: str
    contributor_field: str
    types: Mapping[str, FieldType]
    sensitive: frozenset[str]
    protection: Protection
    columns: tuple[str, ...] = ()  # rows: the fields that leave
    where: tuple[Condition, ...] = ()
    order_by: tuple[tuple[str, bool], ...] = ()  # field, descending
    limit: int | None = None
    dimensions: tuple[Dimension, ...] = ()
    figures: tuple[Figure, ...] = ()
    tallies: tuple[Tally, ...] = ()
    consent_of: frozenset[str] = frozenset()  # contributors whose rows need a consent
    consents: ConsentSource | None = None
    pseudonym_key: bytes = field(default=b"", repr=False)
    notes: tuple[str, ...] = ()
    batch_rows: int = 10_000
    max_rows: int = 5_000_000
    seconds: float = 60.0

    def __post_init__(self, token: object) -> None:
        _admit(self, token)
        object.__setattr__(self, "types", MappingProxyType(dict(self.types)))

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("a governed query cannot be subclassed")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, weakref_slot=True)
class SourceQuery(_Sealed):
    """One contributor's part of a governed query.

    `rows`: the columns in their order and, last, the subject as text. `groups`: the keys in their order (`key_i`),
    with `per_subject` the subject (`subject`), then the tallies' columns.
    Rows without a subject never leave: nobody could be asked for consent, and nobody could be told.
    """

    token: InitVar[object]
    kind: Literal["rows", "groups"]
    contributor: str
    dataset: str
    subject_field: str
    contributor_field: str
    types: Mapping[str, FieldType]
    columns: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()
    order_by: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    keys: tuple[Key, ...] = ()
    tallies: tuple[Tally, ...] = ()
    per_subject: bool = False
    needs_consent: bool = False
    consents: ConsentSource | None = None
    batch_rows: int = 10_000
    seconds: float = 60.0

    def __post_init__(self, token: object) -> None:
        _admit(self, token)
        object.__setattr__(self, "types", MappingProxyType(dict(self.types)))

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("a source query cannot be subclassed")

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the batches that a source answers with."""
        if self.kind == "rows":
            named = [(c, arrow_type(self.types[c])) for c in self.columns]
            return pa.schema([*named, ("subject of the row", pa.string())])
        fields: list[tuple[str, pa.DataType]] = []
        for i, key in enumerate(self.keys):
            fields.append((f"key_{i}", arrow_type(self.types[key.field]) if key.bins is None else pa.int64()))
        if self.per_subject:
            fields.append(("subject", pa.string()))
        for i, tally in enumerate(self.tallies):
            fields += [(f"rows_{i}", pa.int64()), (f"subjects_{i}", pa.int64())]
            if tally.value is not None:
                sums = pa.int64() if self.types[tally.value] == "integer" else pa.float64()
                fields += [(f"sum_{i}", sums), (f"size_{i}", sums)]
        return pa.schema(fields)

    def consenting(self) -> pa.Table | None:
        """The subjects to join with, None where no consent is needed. No record means no."""
        if not self.needs_consent:
            return None
        if self.consents is None:
            return pa.table({"subject": pa.array([], pa.string())})
        return self.consents.active(self.contributor)


def _admit(value: object, token: object) -> None:
    if token is not _TOKEN:
        raise TypeError("only `governance.disclosure` builds a governed query")
    with _lock:
        _made.add(value)


def require_genuine(query: object) -> None:
    """Raises TypeError unless this package made the query; every source asks before anything else."""
    with _lock:
        genuine = isinstance(query, (SourceQuery, GovernedQuery)) and query in _made
    if not genuine:
        raise TypeError("a source accepts only what `governance.disclosure` has governed")
