"""A party's source of a dataset, as the log's entries make it.

A `source` entry is a mapping, a `load` entry the rows that were brought in under it. A live table counts once it is
mapped. A mapping of files waits for its rows: until they are there, what was mapped and loaded before goes on, so that
a load that fails takes nothing away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["KINDS", "Enrolled", "Loaded", "enrolled_by"]

KINDS = frozenset({"source", "load"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rows that were brought in: where they lie in the home, and what was found on the way."""

    path: str
    sha256: str
    rows: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A party's source of a dataset as the log has it: the mapping, and the last load for files.

    `waiting` is a newer mapping of files whose rows are not there yet.
    """

    party: str
    mou: str
    dataset: str
    mapping_text: str
    seq: int
    credentials: str | None = None
    loaded: Loaded | None = None
    waiting: str | None = None

    @property
    def next_mapping(self) -> str:
        """What rows are brought in by."""
        return self.mapping_text if self.waiting is None else self.waiting

    @property
    def answers(self) -> bool:
        """Whether there is anything to read."""
        return self.credentials is not None or self.loaded is not None

    def shown(self) -> dict[str, Any]:
        """For its party: what is mapped and what was loaded, without the address."""
        return {
            "party": self.party,
            "mou": self.mou,
            "dataset": self.dataset,
            "mapping": self.mapping_text,
            "waiting": self.waiting,
            "entry": self.seq,
            "live": self.credentials is not None,
            "rows": self.loaded.rows if self.loaded else None,
            "sha256": self.loaded.sha256 if self.loaded else None,
        }


def enrolled_by(old: Enrolled | None, kind: str, seq: int, body: Mapping[str, Any]) -> Enrolled:
    """The source after one more entry of it. Raises KeyError, TypeError where the entry is none of the log's making."""
    if kind == "source":
        made = Enrolled(body["party"], body["mou"], body["dataset"], body["mapping"], seq, body["credentials"])
        if old is None or not old.answers or made.credentials is not None or old.mou != made.mou:
            return made
        return replace(old, waiting=made.mapping_text, seq=seq)
    if old is None:
        raise KeyError("rows without a mapping")
    loaded = Loaded(body["path"], body["sha256"], body["rows"], tuple(body["warnings"]))
    return Enrolled(old.party, old.mou, old.dataset, old.next_mapping, seq, None, loaded)
