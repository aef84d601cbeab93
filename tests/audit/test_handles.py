"""Handles in memory: the same as the key store says, lists at once, nothing of what was destroyed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from audit.handles import Handles

WHOSE = ("disclosure", "northside")


def handle(subject: str) -> str:
    return f"{subject.encode().hex():_<32}"[:32]


class Store:
    """Counts what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, missing: list[str]) -> dict[str, str]:
        self.asked += missing
        return {subject: handle(subject) for subject in missing}


def test_a_list_is_found_again() -> None:
    """Each client is asked for once; the order is the list's, and a client that stands twice has one handle."""
    handles, store = Handles(), Store()
    subjects = [f"c{n}" for n in range(100)] + ["c7"]
    for some in (subjects, subjects, subjects[::-1], subjects[:5]):
        assert list(map(handle, some)) == handles.of(WHOSE, some, store)
    assert sorted(subjects[:-1]) == sorted(store.asked)
    assert list(map(handle, subjects)) == handles.of(("disclosure", "riverbend"), subjects, store)
    assert 200 == len(store.asked)


def test_what_is_forgotten_is_asked_for_again() -> None:
    """And what was looked up before is not kept: a key that was destroyed meanwhile has no handle any more."""
    handles, store = Handles(), Store()
    subjects = [f"c{n}" for n in range(100)]
    handles.of(WHOSE, subjects, store)
    handles.forget()

    def destroyed_meanwhile(missing: list[str]) -> dict[str, str]:
        handles.forget()
        return store(missing)

    handles.of(WHOSE, subjects, destroyed_meanwhile)
    handles.of(WHOSE, subjects, store)
    assert 300 == len(store.asked)


@given(st.lists(st.lists(st.text(st.sampled_from("ab\x00\ud800"), max_size=2), min_size=64, max_size=66), max_size=4))
def test_no_two_lists_look_alike(lists: list[list[str]]) -> None:
    """Whatever stands in the ids, the separator and halves of characters too."""
    handles = Handles()

    def ask(missing: list[str]) -> dict[str, str]:
        return {s: f"{s.encode('utf-8', 'surrogatepass').hex():_<32}"[:32] for s in missing}

    for subjects in lists * 2:
        assert [ask([s])[s] for s in subjects] == handles.of(WHOSE, subjects, ask)
