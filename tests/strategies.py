"""Whole documents, requests and facts for hypothesis, biased to the edges at which readings could differ.

    worlds()            several documents: MOUs, versions, trees of purposes, overlapping contributors
    requests(mous), facts(mous, request)
    questions()         (mous, request, facts)
    askings(most=20)    (mous, [(request, facts), ...]): many on one world, where a compile is dear
    hostile_words()     text that would like to become source code

Hypothesis chooses how many documents, clauses and requests there are, and a seed for each; what they hold comes from
the seed. So a world costs a few choices rather than a thousand, and still shrinks clause by clause.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from hypothesis import strategies as st

from governance.model.access import Facts, Request
from governance.model.mou import Mou
from tests.made_documents import CLAUSE_IDS, MOU_IDS, hostile, made_document
from tests.made_requests import boundaries, made_facts, made_request

__all__ = ["askings", "boundaries", "facts", "hostile_words", "mou", "questions", "requests", "seeds", "worlds"]

_SEEDS = st.integers(0, 2**32 - 1)
_CLAUSES = st.lists(_SEEDS, min_size=1, max_size=len(CLAUSE_IDS) - 1)
_NAMES = st.tuples(st.sampled_from(MOU_IDS), st.integers(1, 2))


def seeds() -> st.SearchStrategy[int]:
    """For what a test makes itself from a `random.Random`."""
    return _SEEDS


def hostile_words(most: int = 6) -> st.SearchStrategy[str]:
    """Quotes, line ends, backticks, braces, comments, other alphabets."""
    return _SEEDS.map(lambda seed: hostile(Random(seed), most))


def mou(id_: str = "beta", version: int = 1) -> st.SearchStrategy[Mou]:
    """One document."""
    return st.builds(
        lambda seed, clauses: made_document(Random(seed), id_, version, [Random(c) for c in clauses]), _SEEDS, _CLAUSES
    )


@st.composite
def worlds(draw: st.DrawFn, *, most: int = 3) -> tuple[Mou, ...]:
    """One to `most` documents; versions of one MOU, or different MOUs."""
    return tuple(draw(mou(*name)) for name in draw(st.lists(_NAMES, unique=True, min_size=1, max_size=most)))


def requests(mous: Sequence[Mou]) -> st.SearchStrategy[Request]:
    """A request on these documents; a few are invalid."""
    return _SEEDS.map(lambda seed: made_request(Random(seed), mous))


def facts(mous: Sequence[Mou], request: Request) -> st.SearchStrategy[Facts]:
    """What has happened when the request is asked."""
    return _SEEDS.map(lambda seed: made_facts(Random(seed), mous, request))


@st.composite
def questions(draw: st.DrawFn) -> tuple[tuple[Mou, ...], Request, Facts]:
    """One request on a world, with what has happened."""
    mous = draw(worlds())
    request = draw(requests(mous))
    return mous, request, draw(facts(mous, request))


@st.composite
def askings(draw: st.DrawFn, *, most: int = 20) -> tuple[tuple[Mou, ...], list[tuple[Request, Facts]]]:
    """Many requests on one world, each with its own facts."""
    mous = draw(worlds())
    asked: list[tuple[Request, Facts]] = []
    for seed in draw(st.lists(_SEEDS, min_size=1, max_size=most)):
        request = made_request(Random(seed), mous)
        asked.append((request, made_facts(Random(seed + 1), mous, request)))
    return mous, asked
