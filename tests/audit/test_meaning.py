"""Every kind of fault that the log's verifier can tell has a sentence for people who know the law."""

from __future__ import annotations

from pathlib import Path

import pytest

import audit
from audit.meaning import MEANING, meaning
from tests.audit.codes import codes_in
from tests.audit.ways import WAYS

# What a witness answers to a log that asks it is no fault of a verification.
SOURCES = sorted(p for p in Path(audit.__file__).parent.glob("*.py") if not p.name.startswith("witness"))


def test_every_code_has_its_meaning() -> None:
    """Whatever file raises it."""
    said = {code: path.name for path in SOURCES for code in codes_in(path)}
    assert {} == {code: name for code, name in said.items() if code not in MEANING}
    assert {way.code for way in WAYS.values()} <= set(said)


def test_no_meaning_is_left_of_a_code_that_is_gone() -> None:
    """The table says what the verifier says, and no more."""
    said = {code for path in SOURCES for code in codes_in(path)}
    assert {"forked", "other-key"} >= set(MEANING) - said  # a client's alarms (audit.memory)


@pytest.mark.parametrize("code", sorted(MEANING))
def test_a_meaning_is_a_sentence(code: str) -> None:
    """One that stands alone, in no words of the format."""
    said = meaning(code)
    assert said[0].isupper()
    assert said.endswith(".")
    assert not {"leaf", "hash", "tile", "Merkle", "JSON"} & set(said.replace(",", " ").split())


def test_a_code_that_nobody_knows_is_not_passed_over() -> None:
    """Of a later version, say."""
    assert "not to be relied on" in meaning("of-tomorrow")
