"""What is signed and not activated holds back whatever it might forbid (decisions A6, A8).

A prohibition, a consent or a duty of one MOU binds what another permits, wherever the requester is its party and it
defines the dataset (language, *binding*). So a document that does not count, because the readings differ on it or
because no engine has looked at it yet, must not be decided without: from its effective day on, nothing is released to
its parties of the datasets that it defines. It replaces the lower versions of its MOU, and holds back what they spoke
of as well. Its `dpv` terms take part in how others read a purpose (decisions R2), so a purpose with a term of its own
is held back at all times. Whoever has left it, and whom it never named, is decided by the rest as before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from governance.model.access import Request
from governance.model.mou import Mou
from governance.model.period import start_of
from governance.register import Life

__all__ = ["Held", "held"]


@dataclass(frozen=True, slots=True)
class Held:
    """One document that is signed and does not count, and what is not decided without it."""

    ref: str
    datasets: frozenset[str]
    parties: frozenset[str]
    since: dt.datetime
    until: dt.datetime
    left: Mapping[str, dt.datetime] = field(default_factory=dict)  # parties whose notice has run out, and when
    purposes: frozenset[str] = frozenset()  # whose terms no document that counts names

    def holds(self, request: Request) -> bool:
        """Whether the document could speak about this request."""
        if request.purpose in self.purposes:
            return True
        if request.dataset not in self.datasets or request.party not in self.parties:
            return False
        left = self.left.get(request.party)
        return self.since <= request.at < self.until and not (left is not None and left <= request.at)


def held(lives: Mapping[str, Life], counting: Collection[Mou]) -> tuple[Held, ...]:
    """Every established version that does not count, with what it holds back; by MOU, lowest version first. Pure."""
    counts = {m.ref for m in counting}
    terms = {pair for m in counting for pair in _terms(m)}
    return tuple(
        _held(life, v.mou, [m for m in counting if m.id == v.mou.id], terms)
        for life in lives.values()
        for v in life.established
        if v.mou is not None and v.mou.ref not in counts
    )


def _held(life: Life, mou: Mou, counting: Iterable[Mou], terms: Collection[tuple[str, str]]) -> Held:
    lower = [m for m in counting if m.version < mou.version]
    together = [mou, *lower]
    # A higher version takes its place, whether that one counts or is held back itself; else its days run out.
    ends = [max(_over(m) for m in together)]
    ends += [start_of(v.mou.effective, v.mou.zone) for v in life.established if v.mou and v.mou.version > mou.version]
    if not lower:
        ends += [d.at for d in life.departures if d.ends == "all" and d.version == mou.version]
    return Held(
        ref=mou.ref,
        datasets=frozenset(d for m in together for d in m.datasets),
        parties=frozenset(p.id for m in together for p in m.parties),
        since=start_of(mou.effective, mou.zone),
        until=min(ends),
        left={p: min(d.at for d in life.departures if d.party == p) for p in {d.party for d in life.departures}},
        purposes=frozenset(purpose for purpose, term in _terms(mou) if (purpose, term) not in terms),
    )


def _over(mou: Mou) -> dt.datetime:
    return start_of(mou.expires + dt.timedelta(days=1), mou.zone)


def _terms(mou: Mou) -> Iterator[tuple[str, str]]:
    return ((purpose, node.dpv) for purpose, node in mou.purposes.items() if node.dpv)
