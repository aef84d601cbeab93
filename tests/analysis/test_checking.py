"""The check of a document: what the readings are asked, and what counts as a difference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from governance.checking import agree_here, readings_agree
from governance.compiler.bundle import Bundle, compile_bundle
from governance.compiler.from_yaml import read
from governance.errors import EngineUnavailable
from governance.model.access import Decision, Facts, Request
from tests.agreement_world import document

_MOU = read(document()).mou
_BUNDLE = compile_bundle((_MOU,))


def _spoilt(old: bytes, new: bytes) -> Bundle:
    """The bundle with something replaced in its clauses' rules."""
    files = {n: d.replace(old, new) if "/datasets/" in n else d for n, d in _BUNDLE.files.items()}
    assert files != dict(_BUNDLE.files)
    return replace(_BUNDLE, files=files)


def test_readings_that_agree() -> None:
    """Every clause's edge is asked."""
    found = agree_here(_BUNDLE, (_MOU,))
    assert found.difference is None
    assert found.readings == ("reference", "embedded")
    assert found.cases > 100


def test_a_rule_that_says_something_else() -> None:
    """The first request on which they differ is shown, with both answers."""
    difference = agree_here(_spoilt(b"north", b"nowhere"), (_MOU,)).difference
    assert difference is not None
    assert difference["answers"].keys() == {"reference", "embedded"}
    assert difference["request"]["dataset"] == "visits"


def test_rules_that_an_engine_cannot_read() -> None:
    """A document whose policy does not compile differs: it can't hold up the others."""
    difference = agree_here(_spoilt(b"package ", b"package package "), (_MOU,)).difference
    assert difference == {"answers": {"embedded": {"reason": "engine-error"}}}


class _Odd:
    """An engine of another name, in place of a server."""

    name = "server"

    def __init__(self, reason: str, revision: str = _BUNDLE.revision) -> None:
        self.reason, self.revision = reason, revision

    def load(self, bundle: Bundle) -> None:
        """As the port promises."""

    def loaded(self) -> str | None:
        """As the port promises."""
        return self.revision

    def decide(self, request: Request, facts: Facts) -> Decision:
        """Never does."""
        raise EngineUnavailable("no", reason=self.reason)


def test_a_server_that_fails_on_a_document_it_has() -> None:
    """Twice, on the very documents: that is the document's doing."""
    difference = readings_agree(_Odd("engine-undefined"))(_BUNDLE, (_MOU,)).difference
    assert difference is not None
    assert difference["answers"]["server"] == {"outcome": "unavailable", "reason": "engine-undefined"}


@pytest.mark.parametrize("odd", [_Odd("engine-timeout"), _Odd("engine-undefined", "another")], ids=["away", "other"])
def test_a_server_that_says_nothing_about_it(odd: _Odd) -> None:
    """One that does not answer, or has other documents, leaves everything as it is."""
    with pytest.raises(EngineUnavailable):
        readings_agree(odd)(_BUNDLE, (_MOU,))
