"""Which of the signed documents can count together: all of them, or all but those on which the readings differ.

Where every reading agrees on all, that is the answer. Otherwise what counted before stays, and the others are taken in
one by one, in the order in which they were signed: one on which the readings differ, together with what stands by then,
is left out, and nothing behind it waits for it. A document that an engine cannot read at all is such a difference; an
engine that does not answer is none, and nothing is decided then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from governance.compiler.bundle import Bundle, compile_bundle
from governance.model.mou import Mou
from governance.register import VersionState

__all__ = ["Check", "Checked", "Standing", "key_of", "standing"]

Key = tuple[str, int, str]  # id, version, SHA-256 of the document


@dataclass(frozen=True, slots=True)
class Checked:
    """What the readings were asked, and the first request on which they differ, if any."""

    cases: int
    readings: tuple[str, ...]
    difference: Mapping[str, Any] | None = None


# Asks every reading of a compile the same; raises EngineUnavailable where one does not answer.
Check = Callable[[Bundle, Sequence[Mou]], Checked]


@dataclass(frozen=True, slots=True)
class Standing:
    """The versions that can count together, their bundle and what it was asked; and those left out, with why."""

    versions: tuple[VersionState, ...]
    bundle: Bundle
    checked: Checked
    left_out: tuple[tuple[VersionState, Mapping[str, Any]], ...] = ()


def key_of(version: VersionState) -> Key:
    """How an activation names a version."""
    return version.proposal.id, version.proposal.version, version.proposal.document_sha256


def standing(versions: Sequence[VersionState], counted: Collection[Key], check: Check) -> Standing:
    """All of `versions`, or as many as agree; `counted` are those that were found to agree before."""

    def asked(some: Sequence[VersionState]) -> Standing:
        mous = tuple(v.mou for v in some if v.mou is not None)
        bundle = compile_bundle(mous)
        return Standing(tuple(some), bundle, check(bundle, mous))

    def within(keys: Collection[Key]) -> list[VersionState]:
        return [v for v in versions if key_of(v) in keys]  # in the register's order, whichever came first

    best = asked(versions)
    if best.checked.difference is None:
        return best
    keys = {key_of(v) for v in within(counted)}
    if keys == set(counted):
        # They agreed before, and count now: they are not asked again because of somebody else.
        mous = tuple(v.mou for v in within(keys) if v.mou is not None)
        best = Standing(tuple(within(keys)), compile_bundle(mous), replace(best.checked, difference=None))
    else:
        best = asked(within(keys))
    if best.checked.difference is not None:
        keys = set()
        best = asked(())
    left: list[tuple[VersionState, Mapping[str, Any]]] = []
    for version in sorted((v for v in versions if key_of(v) not in keys), key=lambda v: v.since):
        tried = asked(within(keys | {key_of(version)}))
        if tried.checked.difference is None:
            best = tried
            keys.add(key_of(version))
        else:
            left.append((version, tried.checked.difference))
    return Standing(best.versions, best.bundle, best.checked, tuple(left))
